import Bytes
import Delivery
import Events
import HTTPWire
import JSONText
import Schemas
import Tenancy
import Topics

/// A topic's events as one reader gets them: what is classified and not for it is replaced or
/// withheld. Loop-confined; one for each answer and stream.
///
/// What a version's events come to is decided once per version and binding: of a topic without
/// classes an event costs a comparison of two numbers.
final class DeliveryView<Engine: EventEngine> {
  /// What becomes of the events of one version.
  private enum Plan {
    case plain
    case redacted(ClassifiedView, ClassifiedView?)
    /// Only a reader of these classes gets the payload; empty: only one of every class.
    case withheld([ClassLabel])
  }

  /// What becomes of one event.
  private enum Outcome {
    case plain
    case replaced(ByteSlice, classes: ByteSlice)
    case withheld(classes: ByteSlice)
  }

  private let engine: Engine
  private let labels: LabelMemory<Engine>
  private let redactor: Redactor
  private let topic: TopicAddress
  private let view: EventView
  private let context: EventContext
  let classes: ClassSet
  /// As of the last `refresh`.
  private var binding: SchemaBinding?
  private var plans: [UInt32: Plan] = [:]
  /// All that the schemas in force label, sorted; nil as long as one of them is to be compiled.
  private var inForce: [ClassLabel]?
  /// The version met last.
  private var lastVersion: UInt32?
  private var lastPlan = Plan.plain
  /// By entry: what `redactions` has worked out for `write`.
  private var outcomes: [UInt64: Outcome] = [:]

  /// Versions whose plans are kept.
  private static var mostPlans: Int { 1_000 }

  /// - Parameter topic: as it is granted to the reader now.
  init(
    _ view: EventView, of topic: TopicAddress, parts: GatewayParts<Engine>, redactor: Redactor
  ) {
    self.view = view
    self.topic = topic
    self.redactor = redactor
    engine = parts.engine
    labels = LabelMemory(parts.engine, parts.workers)
    classes = topic.classes
    context = EventContext(
      tenant: topic.tenant.bytes, namespace: topic.namespace.bytes, topic: topic.topic.bytes,
      publicURL: parts.operations.publicURL)
    binding = engine.binding(of: topic)
  }

  // MARK: - Before events are written

  /// Takes notice of the schemas in force: events that were stored before are read by those, too.
  ///
  /// - Returns: what all that is decided depends on.
  @discardableResult
  func refresh() -> SchemaBinding? {
    let current = engine.binding(of: topic)
    if current !== binding {
      binding = current
      plans = [:]
      inForce = nil
      lastVersion = nil
    }
    return current
  }

  /// Whether the records can be written: what becomes of their versions' events is known.
  func isReady(_ records: [Record]) -> Bool { missing(among: records) == nil }

  /// Finds out what is not known of the records' versions: what has labels and is not in memory is
  /// compiled, on a worker.
  func prepare(_ records: [Record]) async throws(ReadFailure) {
    while let record = missing(among: records) {
      if let source = source(of: record), let standard = source.standard {
        try await labels.learn(standard, in: source.book, of: source.topic)
      }
      if record.schemaVersion == 0 {
        try await prepareInForce()
      } else {
        try await prepare(version: record.schemaVersion)
      }
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
    let asked = binding
    let book = engine.schemaBook(of: topic)
    guard let stored = book.version(version) else { return }
    let standard = book.defaultVersion(of: stored.subject)
    try await labels.learn(stored, in: book, of: topic)
    if let standard { try await labels.learn(standard, in: book, of: topic) }
    guard refresh() === asked, plan(for: version) == nil, let standard,
      case .classified(let other) = labels.labelling(of: standard, in: book)
    else { return }
    let described = try await labels.described(by: stored, in: book, of: topic)
    // The binding may have changed meanwhile; then all is asked again.
    guard refresh() === asked else { return }
    keep(described.map { plan(of: $0, besides: other) } ?? .withheld([]), for: version)
  }

  /// The first record of whose version nothing is known.
  private func missing(among records: [Record]) -> Record? {
    refresh()
    return records.first { !isKnown($0) }
  }

  private func isKnown(_ record: Record) -> Bool {
    guard plan(for: record.schemaVersion) != nil else { return false }
    guard !classes.isAll, let source = source(of: record), let standard = source.standard else {
      return true
    }
    return labels.holds(standard, in: source.book)
  }

  /// The classes that something of these records is replaced for, with commas between; nil where
  /// nothing is. They must be ready. Whatever is written then is what was found here.
  func redactions(in records: [Record]) -> ByteSlice? {
    var classes: Set<ByteSlice> = []
    for record in records {
      let outcome = outcome(of: record)
      switch outcome {
      case .plain: continue
      case .replaced(_, let missing), .withheld(let missing): classes.insert(missing)
      }
      outcomes[record.id.entry] = outcome
    }
    if classes.isEmpty { return nil }
    let all = Set(classes.flatMap { $0.text.split(separator: ",") }).sorted()
    return ByteSlice(utf8: all.joined(separator: ","))
  }

  /// The classes of the topic's schemas in force that the reader may not see, likewise.
  var standing: ByteSlice? {
    guard let hidden = hiddenByBinding else { return Self.text([]) }
    return hidden.isEmpty ? nil : Self.text(hidden)
  }

  /// Whether the event is written the same way as long as the binding stands.
  func mayKeep(_ record: Record) -> Bool {
    record.schemaVersion > 0 || !record.attributes.hasExtensions
      || record.attributes[.quarantinedFrom] == nil
  }

  // MARK: - Writing

  /// What goes out of a record.
  func facts(of record: Record) -> EventFacts {
    let facts = EventFacts(record)
    switch outcomes.isEmpty ? outcome(of: record) : outcomes[record.id.entry] ?? .plain {
    case .plain: return facts
    case .replaced(let payload, let classes): return facts.redacted(payload, for: classes)
    case .withheld(let classes): return facts.redacted(nil, for: classes)
    }
  }

  func write(_ record: Record, _ json: inout JSONWriter) {
    EventWriter.write(facts(of: record), in: context, view: view, into: &json)
  }

  /// Appends the record as a JSON text of its own.
  func write(_ record: Record, into bytes: inout ByteWriter) {
    var json = JSONWriter(appendingTo: exchange(&bytes, with: ByteWriter()))
    write(record, &json)
    bytes = json.bytes
  }

  /// The same as streams use it.
  var rendering: RecordRendering {
    var rendering = RecordRendering(view: view == .event ? 0 : 1, classes: classes) {
      record, bytes in self.write(record, into: &bytes)
    }
    rendering.basis = { self.refresh() }
    rendering.isReady = { self.isReady($0) }
    rendering.prepare = { records throws(ReadFailure) in try await self.prepare(records) }
    rendering.mayKeep = { self.mayKeep($0) }
    return rendering
  }

  // MARK: - Deciding

  private func outcome(of record: Record) -> Outcome {
    if classes.isAll { return .plain }
    if record.schemaVersion == 0, record.attributes.hasExtensions,
      let hidden = hiddenInQuarantine(record), !hidden.isEmpty
    {
      return .withheld(classes: Self.text(hidden))
    }
    // What is not ready is not written; if it ever were, nothing would be shown.
    switch plan(for: record.schemaVersion) ?? .withheld([]) {
    case .plain: return .plain
    case .withheld(let labels): return .withheld(classes: Self.text(labels))
    case .redacted(let own, let other):
      let hidden = Set(own.hidden + (other?.hidden ?? [])).sorted()
      // What breaks its schema may hold anything anywhere.
      guard record.flags.contains(.jsonPayload), record.attributes[.schemaErrors] == nil else {
        return .withheld(classes: Self.text(hidden))
      }
      switch redactor.redact(record.payload, own, other) {
      case .none: return .plain
      case .replaced(let payload, let labels):
        return .replaced(payload, classes: Self.text(labels))
      case .withheld(let labels): return .withheld(classes: Self.text(labels))
      }
    }
  }

  /// What becomes of a version's events; nil where that is not known yet.
  private func plan(for version: UInt32) -> Plan? {
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
  private var hiddenByBinding: [ClassLabel]? {
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
    QuarantineSource(of: record, topic, in: engine)
  }

  /// Of a quarantined event the classes that its reader lacks: those of the version that it breaks,
  /// and of what is in force in its place. Nil for others.
  private func hiddenInQuarantine(_ record: Record) -> [ClassLabel]? {
    guard record.attributes[.quarantinedFrom] != nil else { return nil }
    var found = Set(ClassLabel.list(record.attributes[.dataClasses] ?? .empty))
    if let source = source(of: record), let standard = source.standard {
      switch labels.labelling(of: standard, in: source.book) {
      case .unlabelled: break
      case .classified(let other): found.formUnion(other.labels)
      // What is not ready is not written; if it ever were, nothing would be shown.
      case .unknown, .unreadable: found.insert(.unreadable)
      }
    }
    return found.filter { !classes.covers($0) }.sorted()
  }

  private static func text(_ labels: [ClassLabel]) -> ByteSlice {
    if labels.isEmpty { return ByteSlice(utf8: "*") }
    return ByteSlice(utf8: labels.map(\.description).joined(separator: ","))
  }
}

extension SchemaBinding {
  /// The schema in force of that version; nil where none is.
  fileprivate func standing(_ version: UInt32) -> BoundSchema? {
    if let sole { return sole.version == version ? sole : nil }
    return bound.first { $0.version == version }
  }
}
