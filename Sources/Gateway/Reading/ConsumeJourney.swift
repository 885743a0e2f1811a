import Authentication
import Bytes
import Delivery
import Events
import HTTPWire
import JSONText
import Metrics
import Subscriptions
import Tenancy
import Topics

/// The verbs of a subscription: receive, acknowledge, release, extend, seek. A subscription's
/// position lives with the log, never in a connection.
extension GatewayResponder {
  /// `POST …/receive` `{"max":10,"wait":"30s","consumer":"worker-1"}`: takes leases.
  func receive(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let (admitted, definition) = try find(name, reference, request)
    let tenure = tenure(of: admitted)
    let body = try await request.body.collect(upTo: GatewayLimits.administrativeBody)
    let topic = try await confirm(tenure)
    var members = try BodyMembers(parsing: body)
    let most = Int64(GatewayLimits.eventsPerAnswer)
    let max = try members.takeNumber("max", in: 1...most) ?? 10
    let wait = try members.takeSpan("wait", atMost: GatewayLimits.longestWait) ?? .zero
    let consumer = try members.takeText("consumer") ?? Self.anonymous
    guard !consumer.isEmpty, consumer.count <= GatewayLimits.consumerName else {
      throw members.wrong("consumer", "a name of 1 to \(GatewayLimits.consumerName) bytes")
    }
    try members.finish()
    let call = ReceiveCall(
      consumer: consumer, max: Int(max), deadline: request.received + wait,
      expires: topic.caller.token.confirmedUntil)
    let seat = try await parts.dispatchers.seat(at: definition, of: topic, on: site)
    let events = try await receive(call, seat.dispatcher, under: tenure, request, wait)
    let view: DeliveryView<Engine>
    do {
      view = try await self.view(.event, under: tenure, ready: events.map(\.record))
    } catch {
      // The caller has lost its right meanwhile, or gets nothing for another reason: of the answer
      // nothing is written yet, so what it would have been given was never out.
      seat.dispatcher.takeBack(events)
      throw error
    }
    var tally = DeliveryTally()
    for event in events { tally.add(event.record, atTail: event.record.came(after: request)) }
    answer.start(200)
    tell(view.redactions(in: events.map(\.record)), &answer)
    let end = finish(&answer) { json in
      json.beginObject()
      json.key("deliveries")
      json.beginArray()
      for event in events { write(event, view, into: &json) }
      json.endArray()
      json.endObject()
    }
    tally.written(at: timers.clocks.monotonic(), to: topicMetrics.topic(TopicKey(topic)))
    return end
  }

  /// Takes leases only for a caller who may have them at that moment: whoever has lost its right
  /// while it waited is told so, and what it would have been given was never out.
  private func receive(
    _ call: ReceiveCall, _ dispatcher: Dispatcher<Engine>, under tenure: Tenure,
    _ request: HTTPRequest, _ wait: TimeSpan
  ) async throws -> [DeliveredEvent] {
    let right = right(of: tenure)
    if wait > .zero { streams.attend(request.id, right, of: tenure) }
    defer { streams.close(request.id) }
    do throws(DispatchFailure) {
      return try await dispatcher.receive(call, of: tenure.topic, under: right, on: site)
    } catch {
      if error == .withdrawn { try check(tenure) }
      throw error
    }
  }

  /// The name of consumers that give none: those of one principal count as one.
  private static var anonymous: ByteSlice { ByteSlice(utf8: "anonymous") }

  private func write(
    _ event: DeliveredEvent, _ view: DeliveryView<Engine>, into json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("ackToken")
    json.string(event.token)
    json.key("deliveryCount")
    json.integer(Int(event.count))
    json.key("leaseUntil")
    if let until = event.leaseUntil { json.instant(until) } else { json.null() }
    json.key("event")
    view.write(event.record, &json)
    json.endObject()
  }

  /// `POST …/acknowledge` `{"ackTokens":[…]}` or `{"upTo":"1:42"}`; `?durable=true` waits for the
  /// disk.
  func acknowledge(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let durability: AckDurability = try query.takeFlag("durable") == true ? .awaited : .soon
    try query.finish()
    let (topic, definition) = try find(name, reference, request)
    var members = try await tokenMembers(of: request, for: topic)
    let tokens = try members.takeTexts("ackTokens", atMost: GatewayLimits.ackTokens)
    let upTo = try members.takeText("upTo")
    try members.finish()
    guard (tokens == nil) != (upTo == nil) else {
      throw Refusal(.badParameter, "send either '/ackTokens' or '/upTo'")
    }
    let seat = try await parts.dispatchers.seat(at: definition, of: topic, on: site)
    if let tokens {
      let settled = try await seat.dispatcher.acknowledge(tokens, durability, on: site)
      return answerSettled(settled, tokens, "acknowledged", &answer)
    }
    guard let id = upTo.flatMap({ MessageID(parsing: $0) }) else {
      throw members.wrong("upTo", "a message id like 1:42")
    }
    let count = try await seat.dispatcher.acknowledge(upTo: id, durability, on: site)
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key("acknowledged")
      json.integer(count)
      json.key("failed")
      json.beginArray()
      json.endArray()
      json.endObject()
    }
  }

  /// `POST …/release` `{"ackTokens":[…],"delay":"5s"}`: back to the others.
  func release(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let (topic, definition) = try find(name, reference, request)
    var members = try await tokenMembers(of: request, for: topic)
    let tokens = try members.requireTokens()
    let delay = try members.takeSpan("delay", atMost: SubscriptionLimits.longestLease) ?? .zero
    try members.finish()
    let seat = try await parts.dispatchers.seat(at: definition, of: topic, on: site)
    let settled = try seat.dispatcher.release(tokens, delay: delay, on: site)
    return answerSettled(settled, tokens, "released", &answer)
  }

  /// `POST …/extend` `{"ackTokens":[…],"lease":"60s"}`: leases last at least so long from now.
  func extend(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    try refuseQuery(of: request)
    let (topic, definition) = try find(name, reference, request)
    var members = try await tokenMembers(of: request, for: topic)
    let tokens = try members.requireTokens()
    let lease = try members.takeSpan("lease", atMost: SubscriptionLimits.longestLease)
    try members.finish()
    guard let lease else { throw members.wrong("lease", "given") }
    guard lease > .zero else { throw members.wrong("lease", "longer than 0s") }
    let seat = try await parts.dispatchers.seat(at: definition, of: topic, on: site)
    let settled = try seat.dispatcher.extend(tokens, by: lease, on: site)
    return answerSettled(settled, tokens, "extended", &answer)
  }

  /// `POST …/seek` `{"to":"earliest"}`: moves the cursor, durably; outstanding leases end.
  func seek(
    _ name: Name, _ reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ChangeTerms(of: request)
    let (topic, definition) = try find(name, reference, request)
    try terms.conditions.check(EntityTag(definition))
    let body = try await body(of: request, upTo: GatewayLimits.administrativeBody, for: topic)
    var members = try BodyMembers(parsing: body)
    let text = try members.takeText("to")
    try members.finish()
    guard let wish = text.flatMap({ StartPosition(parsing: $0) }) else {
      throw members.wrong("to", "latest, earliest, a cursor or an instant")
    }
    let place = try await self.place(wish, in: topic)
    if !terms.isTrial {
      let seat = try await parts.dispatchers.seat(at: definition, of: topic, on: site)
      try await seat.dispatcher.seek(to: place.reachable, on: site)
    }
    start(200, terms, &answer)
    return finish(&answer) { json in
      json.beginObject()
      json.key("position")
      json.string(place.reachable.text)
      json.endObject()
    }
  }

  private func tokenMembers(
    of request: HTTPRequest, for topic: TopicAddress
  ) async throws -> BodyMembers {
    try BodyMembers(
      parsing: try await body(of: request, upTo: GatewayLimits.tokenBody, for: topic))
  }

  private func answerSettled(
    _ settled: SettledTokens, _ tokens: [ByteSlice], _ word: StaticString,
    _ answer: inout AnswerWriter
  ) -> AnswerEnd {
    answer.start(200)
    return finish(&answer) { json in
      json.beginObject()
      json.key(word)
      json.integer(settled.settled)
      json.key("failed")
      json.beginArray()
      for (index, fault) in settled.failed {
        json.beginObject()
        json.key("ackToken")
        json.string(tokens[index].prefix(AckToken.longestText))
        json.key("error")
        Refusal(.badToken, fault.text).write(instance: nil, into: &json)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}

extension BodyMembers {
  fileprivate mutating func requireTokens() throws(Refusal) -> [ByteSlice] {
    guard let tokens = try takeTexts("ackTokens", atMost: GatewayLimits.ackTokens) else {
      throw wrong("ackTokens", "given")
    }
    return tokens
  }
}

extension TokenFault {
  fileprivate var text: String {
    switch self {
    case .malformed: "the token is malformed"
    case .otherSubscription: "the token belongs to another subscription"
    case .superseded: "the event has been delivered again since, or will be"
    case .sought: "the subscription was moved by a seek since"
    case .alreadyAcknowledged: "the event is acknowledged already"
    case .leaseEnded: "the lease has ended"
    }
  }
}
