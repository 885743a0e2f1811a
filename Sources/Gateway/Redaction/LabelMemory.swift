import Bytes
import HTTPWire
import Schemas
import Tenancy
import Topics

/// What versions of schemas label, for one answer or stream. Compiled schemas come and go: what had
/// to be compiled is remembered here, so that it is known while it is needed. Loop-confined.
final class LabelMemory<Engine: EventEngine> {
  private let engine: Engine
  private let workers: Workers
  /// By fingerprint: a number names another version once a topic was made anew.
  private var learned: [ByteSlice: Labelling] = [:]

  /// More than an answer has events.
  private static var most: Int { 2 * GatewayLimits.eventsPerAnswer }

  init(_ engine: Engine, _ workers: Workers) {
    self.engine = engine
    self.workers = workers
  }

  /// What is known of a version without compiling it.
  func labelling(of stored: StoredSchema, in book: SchemaBook) -> Labelling {
    let known = book.labelling(of: stored)
    if case .unknown = known { return learned[stored.fingerprint] ?? .unknown }
    return known
  }

  /// Whether it is known what a version labels; if so, it stays known.
  func holds(_ stored: StoredSchema, in book: SchemaBook) -> Bool {
    let known = labelling(of: stored, in: book)
    switch known {
    case .unknown: return false
    case .unlabelled: return true
    case .classified, .unreadable:
      keep(known, of: stored)
      return true
    }
  }

  /// Finds out what a version labels: compiles it on a worker, if nobody knows.
  func learn(
    _ stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) async throws(ReadFailure) {
    guard case .unknown = labelling(of: stored, in: book) else { return }
    let engine = engine
    let found = try await onWorker {
      engine.program(of: stored, in: book, of: topic).map { Labelling($0) } ?? .unreadable
    }
    keep(found, of: stored)
  }

  private func keep(_ labelling: Labelling, of stored: StoredSchema) {
    if learned.count >= Self.most, learned[stored.fingerprint] == nil { learned = [:] }
    learned[stored.fingerprint] = labelling
  }

  /// Which values a version describes, whether it labels any or not; nil where it does not compile.
  func described(
    by stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) async throws(ReadFailure) -> SchemaClassification? {
    let engine = engine
    return try await onWorker {
      engine.program(of: stored, in: book, of: topic)?.describedValues
    }
  }

  private func onWorker<Answer: Sendable>(
    _ work: @escaping @Sendable () -> Answer
  ) async throws(ReadFailure) -> Answer {
    do throws(WorkersBusy) {
      return try await workers.run(work)
    } catch {
      throw ReadFailure(error)
    }
  }
}

extension ReadFailure {
  /// A piece of work that could not be done.
  init(_ busy: WorkersBusy) {
    self = busy == .stopping ? .closing : .unavailable(retryAfter: .seconds(1))
  }
}

extension Catalogue {
  /// The program of a version, compiled unless it is in memory, and kept there for others; nil
  /// where it does not compile. On a worker.
  func program(
    of stored: StoredSchema, in book: SchemaBook, of topic: TopicAddress
  ) -> CompiledSchema? {
    if let program = book.program(of: stored.version) { return program }
    guard let program = try? recompileSchema(stored, of: topic) else { return nil }
    book.keep(program, of: stored.version)
    return program
  }
}

extension SchemaBook {
  /// What a version labels, as far as that is known without compiling it. Its text is looked at
  /// once.
  func labelling(of stored: StoredSchema) -> Labelling {
    let known = labelling(of: stored.version)
    guard case .unknown = known, !stored.mayHaveLabels else { return known }
    noteUnlabelled(stored.version)
    return .unlabelled
  }
}

extension StoredSchema {
  /// Whether its text, or a document it refers to, could label anything. A look at the bytes alone:
  /// where escapes could spell the keyword it is yes.
  var mayHaveLabels: Bool {
    if !references.isEmpty { return true }
    var index = 0
    while let found = text.firstIndex(of: 0x78, from: index) {
      if text.dropFirst(found).starts(with: "x-classification") { return true }
      index = found + 1
    }
    index = 0
    while let found = text.firstIndex(of: ASCII.backslash, from: index) {
      if found + 1 < text.count, text[found + 1] == 0x75 { return true }
      index = found + 2
    }
    return false
  }
}
