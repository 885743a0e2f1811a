import Bytes
import Events
import HTTPWire
import Schemas
import Tenancy
import Topics

/// What becomes of a topic's events for one reader, decided once per version and edition of the
/// topic's schemas. Loop-confined.
final class RedactionPlans<Engine: EventEngine> {
  /// What becomes of the events of one version.
  enum Plan {
    case plain
    case redacted(ClassifiedView, ClassifiedView?)
    /// Only a reader of these classes gets the payload; empty: only one of every class.
    case withheld([ClassLabel])

    /// Bytes of memory that it holds on to, if nobody else does.
    fileprivate var memory: Int {
      guard case .redacted(let own, let other) = self else { return 0 }
      return own.memory + (other?.memory ?? 0)
    }
  }

  private let engine: Engine
  private let labels: LabelMemory<Engine>
  private let topic: TopicAddress
  private let classes: ClassSet
  /// Of the topic's schemas, as of the last `refresh`; nil for a reader of every class.
  private(set) var edition: SchemaEdition?
  private var binding: SchemaBinding?
  private var plans: [UInt32: Plan] = [:]
  /// What they hold on to.
  private var bytes = 0
  /// Of quarantined events, by what is in force in their place: the classes that the reader lacks.
  private var quarantined: [LabelMemory<Engine>.Key: [ClassLabel]] = [:]
  /// All that the schemas in force label, sorted; nil as long as one of them is to be compiled.
  private var inForce: [ClassLabel]?
  /// The version met last.
  private var lastVersion: UInt32?
  private var lastPlan = Plan.plain

  /// Versions whose plans are kept: more than an answer has events, so that none goes before they
  /// are written.
  private static var mostPlans: Int { 2 * GatewayLimits.eventsPerAnswer }

  init(of topic: TopicAddress, _ engine: Engine, _ labels: LabelMemory<Engine>) {
    self.topic = topic
    self.engine = engine
    self.labels = labels
    classes = topic.classes
    edition = classes.isAll ? nil : engine.schemaEdition(of: topic)
    binding = engine.binding(of: topic)
  }

  /// Takes notice of the topic's schemas: events that were stored before are read by those in
  /// force, too.
  func refresh() {
    if classes.isAll { return }
    // First, so that what comes meanwhile is noticed the next time.
    let current = engine.schemaEdition(of: topic)
    if current == edition { return }
    edition = current
    binding = engine.binding(of: topic)
    inForce = nil
    forget()
  }

  private func forget() {
    plans = [:]
    bytes = 0
    (lastVersion, lastPlan) = (nil, .plain)
  }

  /// Lets go of all that takes memory, until it is needed again.
  func rest() {
    if bytes > 0 || plans.count > GatewayLimits.eventsPerAnswer { forget() }
    if !quarantined.isEmpty { quarantined = [:] }
  }

  /// Finds out what is not known of a record's schemas: what has labels and is not in memory is
  /// compiled, on a worker.
  func learn(_ record: Record) async throws(ReadFailure) {
    if let source = source(of: record), let standard = source.standard {
      let labelling = try await labels.learn(standard, in: source.book, of: source.topic)
      note(labelling, as: LabelMemory.Key(standard, of: source.topic))
    }
    if record.schemaVersion == 0 {
      try await prepareInForce()
    } else {
      try await prepare(version: record.schemaVersion)
    }
  }

  /// The same for what the schemas in force label.
  func prepareInForce() async throws(ReadFailure) {
    while labelsInForce == nil {
      let asked = edition
      let book = engine.schemaBook(of: topic)
      var found: Set<ClassLabel> = []
      for schema in binding?.schemas ?? [] {
        guard let stored = book.version(schema.version) else {
          found.insert(.unreadable)
          continue
        }
        found.formUnion(try await labels.learn(stored, in: book, of: topic).classes)
      }
      refresh()
      if edition == asked { inForce = found.sorted() }
    }
  }

  private func prepare(version: UInt32) async throws(ReadFailure) {
    let asked = edition
    let book = engine.schemaBook(of: topic)
    guard let stored = book.version(version) else { return }
    let own = try await labels.learn(stored, in: book, of: topic)
    var other = Labelling.unlabelled
    if let standard = book.defaultVersion(of: stored.subject), standard.version != version {
      other = try await labels.learn(standard, in: book, of: topic)
    }
    var made = plan(of: own, besides: other)
    if made == nil, case .classified(let other) = other {
      let described = try await labels.described(by: stored, in: book, of: topic)
      made = described.map { plan(of: $0, besides: other) } ?? .withheld([])
    }
    // The schemas may have changed meanwhile; then all is asked again.
    refresh()
    if edition == asked, let made { keep(made, for: version) }
  }

  /// Whether what is in force where a quarantined record came from is known; if so, it stays known
  /// until `rest`.
  func isKnown(_ record: Record) -> Bool {
    guard let source = source(of: record), let standard = source.standard else { return true }
    let key = LabelMemory<Engine>.Key(standard, of: source.topic)
    if quarantined[key] != nil { return true }
    let labelling = labels.labelling(of: standard, in: source.book, of: source.topic)
    if case .unknown = labelling { return false }
    note(labelling, as: key)
    return true
  }

  private func note(_ labelling: Labelling, as key: LabelMemory<Engine>.Key) {
    if quarantined.count >= Self.mostPlans { quarantined = [:] }
    quarantined[key.detached] = labelling.classes.filter { !classes.covers($0) }
  }

  // MARK: - Deciding

  /// What becomes of a version's events; nil where that is not known yet.
  func plan(for version: UInt32) -> Plan? {
    if version == lastVersion { return lastPlan }
    guard let plan = plans[version] ?? makePlan(for: version) else { return nil }
    keep(plan, for: version)
    return plan
  }

  private func keep(_ plan: Plan, for version: UInt32) {
    if plans[version] == nil {
      if plans.count >= Self.mostPlans { forget() }
      if bytes + plan.memory > GatewayLimits.labelBytes {
        plans = plans.filter { $0.value.memory == 0 }
        bytes = 0
      }
      plans[version] = plan
      bytes += plan.memory
    }
    (lastVersion, lastPlan) = (version, plan)
  }

  private func makePlan(for version: UInt32) -> Plan? {
    if classes.isAll { return .plain }
    guard version > 0 else {
      // Nobody has checked what it holds.
      return hiddenByBinding.map { $0.isEmpty ? .plain : .withheld($0) }
    }
    if let bound = binding?.standing(version) {
      switch bound.labelling {
      case .unlabelled: return .plain
      case .classified(let classification): return plan(of: classification, besides: nil)
      case .unknown, .unreadable: break
      }
    }
    let book = engine.schemaBook(of: topic)
    // Whether it had labels cannot be told any more.
    guard let stored = book.version(version) else { return .withheld([]) }
    let own = labels.labelling(of: stored, in: book, of: topic)
    guard let standard = book.defaultVersion(of: stored.subject), standard.version != version
    else { return plan(of: own, besides: .unlabelled) }
    let other = labels.labelling(of: standard, in: book, of: topic)
    if case (.unlabelled, .classified(let other)) = (own, other) {
      return labels.description(of: stored, topic).map { plan(of: $0, besides: other) }
    }
    return plan(of: own, besides: other)
  }

  /// - Parameters:
  ///   - own: what an event's own version labels.
  ///   - other: what the default version of its line does, where that is another one.
  private func plan(of own: Labelling, besides other: Labelling) -> Plan? {
    switch (own, other) {
    case (.unreadable, _), (_, .unreadable): .withheld([])
    case (.unknown, _), (_, .unknown): nil
    case (.unlabelled, .unlabelled): .plain
    // What the own version describes is to be found out first, on a worker.
    case (.unlabelled, .classified): nil
    case (.classified(let own), .unlabelled): plan(of: own, besides: nil)
    case (.classified(let own), .classified(let other)): plan(of: own, besides: other)
    }
  }

  private func plan(
    of own: SchemaClassification, besides other: SchemaClassification?
  ) -> Plan {
    let own = ClassifiedView(own, for: classes)
    let other = other.map { ClassifiedView($0, for: classes) }
    return own.isOpen && other?.isOpen ?? true ? .plain : .redacted(own, other)
  }

  /// Nil as long as a schema in force is to be compiled first.
  var hiddenByBinding: [ClassLabel]? {
    classes.isAll ? [] : labelsInForce?.filter { !classes.covers($0) }
  }

  /// All that the topic's schemas in force label, sorted; nil as long as one of them is to be
  /// compiled first.
  var labelsInForce: [ClassLabel]? {
    if let inForce { return inForce }
    var found: Set<ClassLabel> = []
    var book: SchemaBook?
    for schema in binding?.schemas ?? [] {
      var labelling = schema.labelling
      if case .unknown = labelling {
        let known = book ?? engine.schemaBook(of: topic)
        book = known
        // Of a version that has gone since nobody knows; soon the binding is another one.
        labelling =
          known.version(schema.version).map { labels.labelling(of: $0, in: known, of: topic) }
          ?? .unreadable
      }
      if case .unknown = labelling { return nil }
      found.formUnion(labelling.classes)
    }
    inForce = found.sorted()
    return inForce
  }

  /// Nil for events that were not quarantined.
  private func source(of record: Record) -> QuarantineSource? {
    record.isQuarantined ? QuarantineSource(of: record, topic, in: engine) : nil
  }

  /// Of a quarantined event the classes that its reader lacks: those of the version that it breaks,
  /// and of what is in force in its place. Where that is not known, nobody but a reader of every
  /// class sees it.
  func hiddenInQuarantine(_ record: Record) -> [ClassLabel] {
    var found = Set(ClassLabel.list(record.attributes[.dataClasses] ?? .empty))
    if let source = source(of: record), let standard = source.standard {
      // What is not ready is not written; if it ever were, nothing would be shown.
      let key = LabelMemory<Engine>.Key(standard, of: source.topic)
      found.formUnion(quarantined[key] ?? [.unreadable])
    } else {
      found.insert(.unreadable)
    }
    return found.filter { !classes.covers($0) }.sorted()
  }
}

extension Labelling {
  /// What it labels; where nobody knows, a class that only a reader of every class sees.
  var classes: [ClassLabel] {
    switch self {
    case .unlabelled: []
    case .classified(let classification): classification.labels
    case .unknown, .unreadable: [.unreadable]
    }
  }
}

extension SchemaBinding {
  /// The schema in force of that version; nil where none is.
  fileprivate func standing(_ version: UInt32) -> BoundSchema? {
    if let sole { return sole.version == version ? sole : nil }
    return bound.first { $0.version == version }
  }
}
