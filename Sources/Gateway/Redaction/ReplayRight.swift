import Bytes
import Events
import Schemas
import Tenancy
import Topics

/// Which stored events a replay check may look into for its caller: those that it would be shown
/// whole, since the answer tells about values. On a worker; a value that comes and goes with the
/// check.
struct ReplayRight<Engine: EventEngine>: Sendable {
  private let engine: Engine
  private let topic: TopicAddress
  private let classes: ClassSet
  private var edition: SchemaEdition?
  private var book = SchemaBook.empty
  /// Whether the caller may see all that a version labels.
  private var known: [LabelMemory<Engine>.Key: Bool] = [:]

  private static var most: Int { 1_000 }

  /// - Parameter topic: as it is granted to the caller.
  init(_ engine: Engine, of topic: TopicAddress) {
    self.engine = engine
    self.topic = topic
    classes = topic.classes
  }

  /// Takes notice of the topic's schemas.
  mutating func refresh() {
    if classes.isAll { return }
    let current = engine.schemaEdition(of: topic)
    if current == edition { return }
    (edition, book) = (current, engine.schemaBook(of: topic))
  }

  mutating func shows(_ record: Record) -> Bool {
    if classes.isAll { return true }
    if record.isQuarantined {
      let labels = ClassLabel.list(record.attributes[.dataClasses] ?? .empty)
      guard labels.allSatisfy(classes.covers),
        let source = QuarantineSource(of: record, topic, in: engine),
        let standard = source.standard, covers(standard, in: source.book, of: source.topic)
      else { return false }
    }
    guard record.schemaVersion > 0 else {
      return book.defaults.values.allSatisfy { covers(book.version($0)) }
    }
    guard let stored = book.version(record.schemaVersion), covers(stored) else { return false }
    let standard = book.defaultVersion(of: stored.subject)
    return standard == nil || covers(standard)
  }

  private mutating func covers(_ stored: StoredSchema?) -> Bool {
    stored.map { covers($0, in: book, of: topic) } ?? false
  }

  private mutating func covers(
    _ stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) -> Bool {
    let key = LabelMemory<Engine>.Key(stored, of: topic)
    if let answer = known[key] { return answer }
    var labelling = book.labelling(of: stored)
    if case .unknown = labelling {
      let program = engine.program(of: stored, in: book, of: topic)
      labelling = program.map { Labelling($0) } ?? .unreadable
    }
    let answer =
      switch labelling {
      case .unlabelled: true
      case .classified(let classification): classification.labels(hiddenFrom: classes).isEmpty
      case .unknown, .unreadable: false
      }
    if known.count >= Self.most { known = [:] }
    known[key.detached] = answer
    return answer
  }
}
