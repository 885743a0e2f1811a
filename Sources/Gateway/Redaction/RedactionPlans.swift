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
  }

  private let engine: Engine
  private let labels: LabelMemory<Engine>
  private let topic: TopicAddress
  private let classes: ClassSet
  /// Of the topic's schemas, as of the last `refresh`; nil for a reader of every class.
  private(set) var edition: SchemaEdition?
  private var binding: SchemaBinding?
  private var plans: [UInt32: Plan] = [:]
  /// All that the schemas in force label, sorted; nil as long as one of them is to be compiled.
  private var inForce: [ClassLabel]?
  /// The version met last.
  private var lastVersion: UInt32?
  private var lastPlan = Plan.plain

  /// Versions whose plans are kept.
  private static var mostPlans: Int { 1_000 }

  init(of topic: TopicAddress, _ parts: GatewayParts<Engine>) {
    self.topic = topic
    engine = parts.engine
    labels = LabelMemory(parts.engine, parts.workers)
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
    plans = [:]
    inForce = nil
    lastVersion = nil
  }

  /// Finds out what is not known of a record's schemas: what has labels and is not in memory is
  /// compiled, on a worker.
  func learn(_ record: Record) async throws(ReadFailure) {
    if let source = source(of: record), let standard = source.standard {
      try await labels.learn(standard, in: source.book, of: source.topic)
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
      let book = engine.schemaBook(of: topic)
      for schema in binding?.schemas ?? [] {
        guard let stored = book.version(schema.version) else { continue }
        try await labels.learn(stored, in: book, of: topic)
      }
      refresh()
    }
  }

  private func prepare(version: UInt32) async throws(ReadFailure) {
    let asked = edition
    let book = engine.schemaBook(of: topic)
    guard let stored = book.version(version) else { return }
    let standard = book.defaultVersion(of: stored.subject)
    try await labels.learn(stored, in: book, of: topic)
    if let standard { try await labels.learn(standard, in: book, of: topic) }
    refresh()
    guard edition == asked, plan(for: version) == nil, let standard,
      case .classified(let other) = labels.labelling(of: standard, in: book)
    else { return }
    let described = try await labels.described(by: stored, in: book, of: topic)
    // The schemas may have changed meanwhile; then all is asked again.
    refresh()
    guard edition == asked else { return }
    keep(described.map { plan(of: $0, besides: other) } ?? .withheld([]), for: version)
  }

  /// Whether what is in force where a quarantined record came from is known.
  func isKnown(_ record: Record) -> Bool {
    guard let source = source(of: record), let standard = source.standard else { return true }
    return labels.holds(standard, in: source.book)
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
    if plans.count >= Self.mostPlans { plans = [:] }
    plans[version] = plan
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
    let own = labels.labelling(of: stored, in: book)
    guard let standard = book.defaultVersion(of: stored.subject), standard.version != version
    else { return plan(of: own, besides: .unlabelled) }
    return plan(of: own, besides: labels.labelling(of: standard, in: book))
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
          known.version(schema.version).map { labels.labelling(of: $0, in: known) } ?? .unreadable
      }
      switch labelling {
      case .unlabelled: continue
      case .classified(let classification): found.formUnion(classification.labels)
      case .unreadable: found.insert(.unreadable)
      case .unknown: return nil
      }
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
      switch labels.labelling(of: standard, in: source.book) {
      case .unlabelled: break
      case .classified(let other): found.formUnion(other.labels)
      // What is not ready is not written; if it ever were, nothing would be shown.
      case .unknown, .unreadable: found.insert(.unreadable)
      }
    } else {
      found.insert(.unreadable)
    }
    return found.filter { !classes.covers($0) }.sorted()
  }
}

extension SchemaBinding {
  /// The schema in force of that version; nil where none is.
  fileprivate func standing(_ version: UInt32) -> BoundSchema? {
    if let sole { return sole.version == version ? sole : nil }
    return bound.first { $0.version == version }
  }
}
