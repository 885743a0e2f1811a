import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// `POST …/{topic}/events`: the straight line of the house. Who is this → for which tenant may they
/// act → on which topic, if allowed → does the event keep the topic's promise → durable,
/// positioned.
extension GatewayResponder {
  func publish(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try PublishTerms(request.head)
    let scope = try admission.scope(of: request, selecting: reference.tenant)
    let admitted = admission.snapshot.generation
    do {
      let address = try admit(request, as: scope, to: reference, for: .publish)
      let topic = parts.engine.open(address)
      // It is made once there is something to store in it.
      if topic == nil { try mayMakeTopic(address) }
      return try await publish(terms, to: topic, at: address, admitted, request, &answer)
    } catch {
      count(error, of: scope, reference, request)
      throw error
    }
  }

  /// - Parameter topic: nil where there is none yet.
  private func publish(
    _ terms: PublishTerms, to topic: Engine.Topic?, at address: consuming TopicAddress,
    _ admitted: UInt64, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let envelope = try read(request.head, request.id, address.stamp(on: shelf))
    switch envelope.mode {
    case .lines where !terms.isAtomic:
      return try await publishLines(
        envelope, terms, to: topic, tenure(of: address, under: admitted), request, &answer)
    case .lines, .batch:
      return try await publishBatch(
        envelope, terms, to: topic, tenure(of: address, under: admitted), request, &answer)
    case .binary, .structured:
      if terms.isAtomicGiven {
        throw Refusal(.badParameter, "'atomic' is for batches; this is one event")
      }
    }
    let authenticated = timers.monotonic()
    // Nearly always it has come with the head: then this is no call that could wait.
    let body: ByteSlice
    if let received = try request.body.collectReceived(upTo: GatewayLimits.event) {
      body = received
    } else {
      body = try await request.body.collect(upTo: GatewayLimits.event)
      address = try await confirm(tenure(of: address, under: admitted))
    }
    try shares.expect(bytes: body.count, of: address.caller, at: timers.now)
    try pay(events: 1, bytes: body.count, at: address, from: request)
    var event: ConformingEvent
    if body.count <= GatewayLimits.eventOnLoop {
      do {
        event = try conform(
          envelope, body, topic, address, Judging(isAgain: notes[request.id]?.isCharged == true))
      } catch let missing as UncompiledSchema {
        event = try await conformLater(
          envelope, body, topic, tenure(of: address, under: admitted), missing)
      }
    } else {
      event = try await conformLater(
        envelope, body, topic, tenure(of: address, under: admitted), nil)
    }
    let open: Engine.Topic
    if let topic {
      open = topic
    } else {
      (open, event) = try await makeTopic(
        for: event, envelope, body, tenure(of: address, under: admitted))
    }
    let validated = timers.monotonic()
    let place = try shares.enter(
      1, bytes: event.draft.cost, of: address.caller, at: timers.now)
    defer { shares.leave(place) }
    if event.standing == .quarantined {
      return try await quarantine(event, sentTo: address, request, &answer)
    }
    let receipt: Receipt
    do throws(AppendFailure) {
      receipt = try await appender.append(event, to: open)
    } catch {
      throw refusal(error, at: address)
    }
    let metrics = topicMetrics.topic(TopicKey(copy address))
    return tell(
      PublishedEvent(event, authenticated: authenticated, validated: validated), at: address,
      metrics, receipt, request, &answer)
  }

  /// Makes the topic of an event that has been judged, for its sake.
  private func makeTopic(
    for event: ConformingEvent, _ envelope: EventRequest, _ body: ByteSlice, _ tenure: Tenure
  ) async throws -> (Engine.Topic, ConformingEvent) {
    let topic = try await makeTopic(tenure.topic)
    if hasOtherRules(topic, at: tenure.topic) {
      return (topic, try await conformLater(envelope, body, topic, tenure, nil))
    }
    try check(tenure)
    return (topic, event)
  }

  func read(
    _ head: borrowing RequestHead, _ id: RequestID, _ stamp: consuming GatewayStamp
  ) throws(EventFault) -> EventRequest {
    try EventRequest(fields: FieldPairs(head.fields), stamp: stamp, name: id.digits)
  }

  /// One event's intake and the gate. Apart from its journey, which waits: what is needed here only
  /// is not kept until the event is durable.
  func conform(
    _ envelope: borrowing EventRequest, _ body: ByteSlice, _ topic: Engine.Topic?,
    _ address: TopicAddress, _ judging: borrowing Judging = Judging()
  ) throws -> ConformingEvent {
    if envelope.mode == .binary {
      return try check(
        EventIntake.binary(envelope, body: body, on: shelf), for: topic, at: address, judging)
    }
    return try conformStructured(envelope, body, topic, address, judging)
  }

  private func conformStructured(
    _ envelope: borrowing EventRequest, _ body: ByteSlice, _ topic: Engine.Topic?,
    _ address: TopicAddress, _ judging: borrowing Judging
  ) throws -> ConformingEvent {
    let draft = try EventIntake.structured(JSONDocument(parsing: body).root, envelope)
    do {
      return try check(draft, for: topic, at: address, judging)
    } catch let refused as RefusedPayload {
      throw refused.within(body, draft.payload)
    }
  }

  /// Charges what is about to be stored to the bounds of tenant, principal, topic and address.
  func pay(
    events: Int, bytes: Int, at address: TopicAddress, from request: HTTPRequest
  ) throws(Refusal) {
    if notes[request.id]?.isCharged == true { return }
    try payAnew(events: events, bytes: bytes, at: address, from: request)
  }

  /// The same for a request of which nothing is noted.
  func payAnew(
    events: Int, bytes: Int, at address: TopicAddress, from request: HTTPRequest
  ) throws(Refusal) {
    try parts.limits.publish(
      events: events, bytes: bytes, to: address, from: request.peer,
      under: admission.snapshot.policy.addressLimits.all, at: timers.now)
    try parts.quotas.check(address)
  }

  /// Counts an event that is stored, and answers with its place.
  func tell(
    _ event: PublishedEvent, at topic: TopicAddress, _ metrics: TopicMetrics,
    _ receipt: Receipt, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    metrics.stored(
      bytes: event.payloadBytes, latency: receipt.durableAt - request.received,
      as: event.isMarked ? .schemaWarned : .accepted)
    answer.start(201)
    answer.field("Location") { path in
      path.append("/v1/topics/")
      path.append(topic.tenant.bytes)
      path.append(ASCII.slash)
      path.append(topic.namespace.bytes)
      path.append(ASCII.slash)
      path.append(topic.topic.bytes)
      path.append("/events/")
      receipt.id.append(to: &path)
    }
    answer.field("Server-Timing") { event.appendTiming(request.received, receipt, to: &$0) }
    if let deprecated = event.deprecated { tell(deprecated, topic, &answer) }
    return finish(&answer) { json in
      json.beginObject()
      json.key("messageId")
      json.string(receipt.id)
      json.key("publishTime")
      json.instant(receipt.publishTime)
      json.key("schemaVersion")
      if event.schemaVersion == 0 { json.null() } else { json.integer(Int(event.schemaVersion)) }
      json.key("durability")
      json.string("sync" as StaticString)
      json.endObject()
    }
  }

  /// Counts a refusal with the topic it was meant for, if that exists: a missing grant shows in the
  /// topic's own numbers.
  func count(
    _ error: any Error, of scope: TenantScope, _ reference: TopicReference, _ request: HTTPRequest
  ) {
    guard let key = TopicKey(reference, for: scope) else { return }
    parts.metrics.existing(key)?.refused(
      Refusal(error).code.outcome, taking: timers.monotonic() - request.received)
  }
}

/// What the answer to an event that has been stored tells of it.
struct PublishedEvent {
  private let authenticated: MonotonicTime
  private let validated: MonotonicTime
  let payloadBytes: Int
  let isMarked: Bool
  let schemaVersion: UInt32
  let deprecated: SchemaDeprecation?

  init(
    _ event: borrowing ConformingEvent, authenticated: MonotonicTime, validated: MonotonicTime
  ) {
    self.authenticated = authenticated
    self.validated = validated
    payloadBytes = event.draft.payload.count
    isMarked = event.standing == .marked
    schemaVersion = event.schemaVersion
    deprecated = event.deprecated
  }

  /// Where the time went, in milliseconds (W3C Server-Timing).
  func appendTiming(
    _ received: MonotonicTime, _ receipt: Receipt, to text: inout ByteWriter
  ) {
    text.append("auth;dur=")
    text.append(milliseconds: authenticated - received)
    text.append(", validate;dur=")
    text.append(milliseconds: validated - authenticated)
    text.append(", commit;dur=")
    text.append(milliseconds: receipt.durableAt - validated)
  }
}

extension JSONWriter {
  /// A message id as a string.
  mutating func string(_ id: MessageID) { plainString { id.append(to: &$0) } }
}

/// Those of a message's fields that may concern events, as the sequence that `EventRequest` reads.
private struct FieldPairs: Sequence, IteratorProtocol {
  private let fields: FieldTable
  private var index = 0

  init(_ fields: FieldTable) { self.fields = fields }

  mutating func next() -> (name: ByteSlice, value: ByteSlice)? {
    while index < fields.count {
      defer { index += 1 }
      let length = fields.nameLength(at: index)
      if length > 2,
        EventRequest.mayTake(
          initial: fields.initial(at: index), third: fields.third(at: index), length: length)
      {
        return (fields.name(at: index), fields.value(at: index))
      }
    }
    return nil
  }
}

extension TopicAddress {
  /// What the gateway says about an event published under this address. Callers are workloads with
  /// a token of their own (CloudEvents auth context).
  func stamp(on shelf: AttributeShelf) -> GatewayStamp {
    shelf.stamp(source: caller.source ?? foreignSource) { attributes in
      let kind: StaticString = "service_account"
      attributes.set(.authtype, length: kind.utf8CodeUnitCount) { $0.append(kind) }
      attributes.set(.authid, caller.principal)
      attributes.set(.authissuer, caller.issuer)
      if let service = caller.service { attributes.set(.service, service) }
    }
  }

  /// The source of an event that carries none and comes from another tenant: readers would take the
  /// principal for one of the topic's own tenant.
  private var foreignSource: ByteSlice? {
    guard isShared else { return nil }
    var source = ByteWriter()
    source.append(sourceOf: caller.principal, in: caller.tenant.bytes)
    return source.slice
  }
}
