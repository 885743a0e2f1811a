import Bytes
import Delivery
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// A topic's events as one reader gets them: what is classified and not for it is replaced or
/// withheld. Loop-confined; one for each answer and stream.
///
/// Of a topic without classes an event costs a comparison of two numbers. What an event comes to is
/// worked out before anything is written, in turns of the loop.
final class DeliveryView<Engine: EventEngine> {
  /// What becomes of one event.
  private enum Outcome {
    case plain
    case replaced(ByteSlice, classes: ByteSlice)
    case withheld(classes: ByteSlice)
  }

  /// Why an event cannot be written yet.
  private enum Obstacle {
    /// Nobody knows what its schemas label.
    case unknown
    /// Redacting it is for a worker.
    case costly(ClassifiedView, ClassifiedView?)
    /// The loop's turn has had enough of it.
    case turn
  }

  private let plans: RedactionPlans<Engine>
  private let workers: Workers
  private let desk: RedactionDesk
  /// Of the topic, in storage of its own.
  private lazy var key = TopicKey(topic.detached)
  private let topic: TopicAddress
  private let view: EventView
  private let context: EventContext
  let classes: ClassSet
  /// What has been worked out for `write`, of versions that label something.
  private var outcomes: [MessageID: Outcome] = [:]
  /// Of the topic's schemas that it was worked out by.
  private var worked: SchemaEdition?

  /// - Parameter topic: as it is granted to the reader now.
  init(
    _ view: EventView, of topic: TopicAddress, parts: GatewayParts<Engine>, desk: RedactionDesk,
    labels: LabelMemory<Engine>
  ) {
    self.view = view
    self.topic = topic
    self.desk = desk
    workers = parts.workers
    plans = RedactionPlans(of: topic, parts.engine, labels)
    classes = topic.classes
    context = EventContext(
      tenant: topic.tenant.bytes, namespace: topic.namespace.bytes, topic: topic.topic.bytes,
      publicURL: parts.operations.publicURL)
  }

  // MARK: - Before events are written

  /// Takes notice of the topic's schemas: events that were stored before are read by those in
  /// force, too.
  ///
  /// - Returns: what all that is decided depends on.
  @discardableResult
  func refresh() -> SchemaEdition? {
    plans.refresh()
    if plans.edition != worked {
      worked = plans.edition
      outcomes = [:]
    }
    return plans.edition
  }

  /// Makes the records ready to be written. What has labels and is not in memory is compiled, on a
  /// worker; what takes long is redacted there.
  func prepare(_ records: [Record]) async throws(ReadFailure) {
    refresh()
    var isIn = false
    while true {
      let (count, obstacle) = work(on: records, isIn: isIn)
      if isIn { desk.turnUsed() }
      isIn = false
      switch obstacle {
      case nil: return
      case .turn?:
        await desk.nextTurn()
        isIn = true
      case .unknown?: try await plans.learn(records[count])
      case .costly(let own, let other)?:
        try await redactAside(records[count], own, other)
      }
      refresh()
    }
  }

  private func redactAside(
    _ record: Record, _ own: ClassifiedView, _ other: ClassifiedView?
  ) async throws(ReadFailure) {
    let asked = plans.edition
    let key = key(of: record)
    let found: Redaction
    do throws(WorkersBusy) {
      found = try await desk.redactAside(record.payload, own, other, as: key, workers)
    } catch {
      throw ReadFailure(error)
    }
    guard refresh() == asked else { return }
    outcomes[record.id] = outcome(found, own, other)
  }

  private func key(of record: Record) -> RedactionDesk.Key {
    RedactionDesk.Key(id: record.id, topic: key, classes: classes, edition: plans.edition)
  }

  /// Works out what becomes of the records, in order, as far as the loop's turn has time for it.
  ///
  /// - Parameter isIn: whether the desk has let it in: then always of the first that takes any.
  /// - Returns: how many can be written now, and what is in the way of the next.
  private func work(on records: [Record], isIn: Bool = false) -> (count: Int, Obstacle?) {
    if classes.isAll { return (records.count, nil) }
    var mayWait = !isIn
    for (index, record) in records.enumerated() {
      if outcomes[record.id] != nil { continue }
      guard let plan = plans.plan(for: record.schemaVersion), plans.isKnown(record) else {
        return (index, .unknown)
      }
      // Plans go where they take much memory, with what they hold on to; outcomes stay.
      guard case .redacted(let own, let other) = plan else { continue }
      guard mayBeLookedInto(record) else {
        outcomes[record.id] = .withheld(classes: Self.text(hidden(own, other)))
        continue
      }
      let key = key(of: record)
      switch desk.standing(of: key) {
      case .found(let found)?:
        outcomes[record.id] = outcome(found, own, other)
        continue
      case .costly?: return (index, .costly(own, other))
      case nil: break
      }
      if record.payload.count > GatewayLimits.eventOnLoop { return (index, .costly(own, other)) }
      if mayWait, desk.isTurnOver(isIn: isIn) { return (index, .turn) }
      mayWait = true
      let found = desk.redact(record.payload, own, other, as: key)
      if case .tooCostly = found { return (index, .costly(own, other)) }
      outcomes[record.id] = outcome(found, own, other)
    }
    return (records.count, nil)
  }

  /// What breaks its schema may hold anything anywhere.
  private func mayBeLookedInto(_ record: Record) -> Bool {
    record.flags.contains(.jsonPayload) && record.attributes[.schemaErrors] == nil
  }

  private func outcome(
    _ found: Redaction, _ own: ClassifiedView, _ other: ClassifiedView?
  ) -> Outcome {
    switch found {
    case .none: .plain
    case .replaced(let payload, let labels): .replaced(payload, classes: Self.text(labels))
    case .withheld(let labels): .withheld(classes: Self.text(labels))
    case .tooCostly: .withheld(classes: Self.text(hidden(own, other)))
    }
  }

  private func hidden(_ own: ClassifiedView, _ other: ClassifiedView?) -> [ClassLabel] {
    Set(own.hidden + (other?.hidden ?? [])).sorted()
  }

  /// The classes that something of these records is replaced for, with commas between; nil where
  /// nothing is. They must be ready.
  func redactions(in records: [Record]) -> ByteSlice? {
    var classes: Set<ByteSlice> = []
    for record in records {
      switch outcome(of: record) {
      case .plain: continue
      case .replaced(_, let missing), .withheld(let missing): classes.insert(missing)
      }
    }
    if classes.isEmpty { return nil }
    let all = Set(classes.flatMap { $0.text.split(separator: ",") }).sorted()
    return ByteSlice(utf8: all.joined(separator: ","))
  }

  /// The classes of the topic's schemas in force that the reader may not see, likewise.
  var standing: ByteSlice? {
    guard let hidden = plans.hiddenByBinding else { return Self.text([]) }
    return hidden.isEmpty ? nil : Self.text(hidden)
  }

  /// All that the topic's schemas in force label, sorted; nil before `prepareInForce`.
  var labelsInForce: [ClassLabel]? { plans.labelsInForce }

  func prepareInForce() async throws(ReadFailure) { try await plans.prepareInForce() }

  /// Whether the event is written the same way as long as the topic's schemas stand.
  private func mayKeep(_ record: Record) -> Bool { !record.isQuarantined }

  // MARK: - Writing

  /// What goes out of a record.
  func facts(of record: Record) -> EventFacts {
    let facts = EventFacts(record)
    switch outcome(of: record) {
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
    rendering.ready = { self.work(on: $0).count }
    rendering.prepare = { records throws(ReadFailure) in try await self.prepare(records) }
    rendering.mayKeep = { self.mayKeep($0) }
    rendering.finish = {
      self.outcomes = [:]
      self.plans.rest()
    }
    return rendering
  }

  // MARK: - Deciding

  private func outcome(of record: Record) -> Outcome {
    if classes.isAll { return .plain }
    if record.isQuarantined {
      let hidden = plans.hiddenInQuarantine(record)
      if !hidden.isEmpty { return .withheld(classes: Self.text(hidden)) }
    }
    if let known = outcomes[record.id] { return known }
    // What is not ready is not written; if it ever were, nothing would be shown.
    switch plans.plan(for: record.schemaVersion) ?? .withheld([]) {
    case .plain: return .plain
    case .withheld(let labels): return .withheld(classes: Self.text(labels))
    case .redacted(let own, let other):
      guard mayBeLookedInto(record), record.payload.count <= GatewayLimits.eventOnLoop else {
        return .withheld(classes: Self.text(hidden(own, other)))
      }
      return outcome(
        desk.redact(record.payload, own, other, as: key(of: record)), own, other)
    }
  }

  private static func text(_ labels: [ClassLabel]) -> ByteSlice {
    if labels.isEmpty { return ByteSlice(utf8: "*") }
    return ByteSlice(utf8: labels.map(\.description).joined(separator: ","))
  }
}
