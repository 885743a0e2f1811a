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
  private let workers: Workers
  private let redactor: Redactor
  private let topic: TopicAddress
  private let view: EventView
  private let context: EventContext
  let classes: ClassSet
  /// As of the last `refresh`.
  private var binding: SchemaBinding?
  private var plans: [UInt32: Plan] = [:]
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
    workers = parts.workers
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
      lastVersion = nil
    }
    return current
  }

  /// Whether the records can be written: what becomes of their versions' events is known.
  func isReady(_ records: [Record]) -> Bool {
    refresh()
    for record in records where plan(for: record.schemaVersion) == nil { return false }
    return true
  }

  /// Reads what is not known of the records' versions, on a worker.
  func prepare(_ records: [Record]) async throws(ReadFailure) {
    while let record = missing(among: records) {
      let asked = binding
      let book = engine.schemaBook(of: topic)
      guard let stored = book.version(record.schemaVersion) else { continue }
      let (engine, topic) = (engine, topic)
      let described: SchemaClassification?
      do throws(WorkersBusy) {
        described = try await workers.run {
          (try? engine.recompileSchema(stored, of: topic))?.describedValues
        }
      } catch {
        throw error == .stopping ? .closing : .unavailable(retryAfter: .seconds(1))
      }
      // The binding may have changed meanwhile; then all is asked again.
      guard refresh() === asked else { continue }
      keep(
        described.map { plan(of: $0, besides: book.standard(for: stored)) } ?? .withheld([]),
        for: stored.version)
    }
  }

  /// The first record of whose version nothing is known.
  private func missing(among records: [Record]) -> Record? {
    refresh()
    return records.first { plan(for: $0.schemaVersion) == nil }
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
    let hidden = hiddenByBinding
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
      let hidden = hiddenByBinding
      return hidden.isEmpty ? .plain : .withheld(hidden)
    }
    if let bound = binding?.standing(version) {
      guard let classification = bound.program.classification else { return .plain }
      return plan(of: classification, besides: nil)
    }
    let book = engine.schemaBook(of: topic)
    // Whether it had labels cannot be told any more.
    guard let stored = book.version(version) else { return .withheld([]) }
    if let program = book.program(of: version) {
      return program.classification.map { plan(of: $0, besides: nil) } ?? .plain
    }
    if book.standard(for: stored) == nil, !stored.mayHaveLabels { return .plain }
    return nil
  }

  private func plan(
    of own: SchemaClassification, besides other: SchemaClassification?
  ) -> Plan {
    let own = ClassifiedView(own, for: classes)
    let other = other.map { ClassifiedView($0, for: classes) }
    return own.isOpen && other?.isOpen ?? true ? .plain : .redacted(own, other)
  }

  private var hiddenByBinding: [ClassLabel] {
    guard let binding else { return [] }
    let schemas = binding.sole.map { [$0] } ?? binding.bound
    let hidden = schemas.flatMap {
      $0.program.classification?.labels(hiddenFrom: classes) ?? []
    }
    return Set(hidden).sorted()
  }

  /// Of a quarantined event the classes that its reader lacks: those of the version that it breaks,
  /// and of what is in force in its place. Nil for others.
  private func hiddenInQuarantine(_ record: Record) -> [ClassLabel]? {
    guard let source = record.attributes[.quarantinedFrom] else { return nil }
    var labels = Set(ClassLabel.list(record.attributes[.dataClasses] ?? .empty))
    if let name = Name(source.lastPart), let failed = record.attributes[.failedSchema],
      let version = UInt32(decimal: failed.lastPart)
    {
      let book = engine.schemaBook(of: topic.classifying(name))
      if let stored = book.version(version), let other = book.standard(for: stored) {
        labels.formUnion(other.labels)
      }
    }
    return labels.filter { !classes.covers($0) }.sorted()
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

extension SchemaBook {
  /// What is labelled by the default version of a version's line.
  func standard(for stored: StoredSchema) -> SchemaClassification? {
    defaultVersion(of: stored.subject).flatMap { program(of: $0.version) }?.classification
  }
}

extension TopicAddress {
  /// Whether the payload of a quarantined event may be looked into for the reader.
  func shows(_ quarantined: Record) -> Bool {
    let labels = ClassLabel.list(quarantined.attributes[.dataClasses] ?? .empty)
    return labels.isEmpty || labels.allSatisfy(classes.covers)
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

extension ClassLabel {
  /// The labels of a list with commas between.
  fileprivate static func list(_ text: ByteSlice) -> [ClassLabel] {
    text.text.split(separator: ",").map { ClassLabel(ByteSlice(utf8: String($0))) ?? .unreadable }
  }
}

extension ByteSlice {
  /// What stands behind the last slash.
  fileprivate var lastPart: ByteSlice {
    var start = count
    while start > 0, self[start - 1] != ASCII.slash { start -= 1 }
    return dropFirst(start)
  }
}
