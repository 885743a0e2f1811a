import Authentication
import Bytes
import Delivery
import Events
import HTTPWire
import JSONText
import Metrics
import Tenancy
import Topics

/// `GET …/{topic}/events`: long-poll, event stream or lines; `HEAD`; one event. Reading moves
/// nothing.
extension GatewayResponder {
  func read(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let terms = try ReadTerms(request.head)
    let admitted = try readable(reference, request, ticket: terms.ticket, as: terms.format)
    let tenure = tenure(of: admitted)
    // A ticket outlives what was last said of an opaque token.
    let address = try await confirm(tenure)
    let start = try await place(terms.start, in: address)
    let feed = TopicFeed(parts.engine, topic: address, from: start.cursor, site: site)
    switch terms.format {
    case .json:
      return try await poll(feed, terms, tenure, request, &answer)
    case .eventStream:
      return try await stream(feed, .serverSentEvents, terms, tenure, request, &answer)
    case .lines:
      return try await stream(feed, .lines, terms, tenure, request, &answer)
    }
  }

  /// The topic for reading, by token or by ticket, which is not used up by this; names are kept as
  /// long as the stream lives.
  private func readable(
    _ reference: TopicReference, _ request: HTTPRequest, ticket: ByteSlice?,
    as format: AnswerFormat
  ) throws -> TopicAddress {
    guard let ticket else {
      return try admit(request, to: reference, for: .subscribe).detached
    }
    let fields = request.head.fields
    guard fields.first("authorization") == nil,
      !admission.verifier.takesAPIKeys || fields.first("x-api-key") == nil
    else {
      throw Refusal(.badHeader, "send a token, an API key or a ticket, and one of them only")
    }
    guard format != .json else {
      throw Refusal(.invalidTicket, "a ticket opens a stream and nothing else")
    }
    let now = request.receivedAt
    guard let scope = parts.tickets.holder(of: ticket, for: request.head.path, at: now) else {
      throw Refusal(.invalidTicket)
    }
    let topic = try scope.address(of: reference, for: .subscribe).detached
    admission.refresh()
    let granted = try admission.snapshot.review(topic, at: now)
    try admit(request, to: granted)
    return granted
  }

  private func poll(
    _ feed: TopicFeed<Engine>, _ terms: ReadTerms, _ tenure: Tenure, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let right = right(of: tenure)
    if terms.wait > .zero { streams.attend(request.id, right, of: tenure) }
    defer { streams.close(request.id) }
    let page = try await LongPoll.next(
      feed, budget: terms.budget, until: request.received + terms.wait,
      expires: feed.topic.caller.token.confirmedUntil, under: right)
    try check(tenure)
    if let gap = page.gap {
      var facts = ByteWriter()
      gap.writeJSON(into: &facts)
      throw Refusal(.positionGone, "reading can go on at \(gap.earliest.text)")
        .with("gap", json: facts.slice)
    }
    var tally = DeliveryTally()
    for record in page.records { tally.add(record, atTail: record.came(after: request)) }
    let view = try await self.view(terms.view, under: tenure, ready: page.records)
    answer.start(200)
    tell(view.redactions(in: page.records), &answer)
    let end = finish(&answer) { json in
      json.beginObject()
      json.key("events")
      json.beginArray()
      for record in page.records { view.write(record, &json) }
      json.endArray()
      json.key("next")
      json.string(page.next.text)
      json.key("upToDate")
      json.bool(page.isUpToDate)
      json.endObject()
    }
    tally.written(
      at: timers.clocks.monotonic(), to: topicMetrics.topic(TopicKey(feed.topic)))
    return end
  }

  private func stream(
    _ feed: TopicFeed<Engine>, _ format: StreamFormat, _ terms: ReadTerms, _ tenure: Tenure,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let id = request.id
    let view = DeliveryView(
      terms.view, of: feed.topic, parts: parts, desk: redactions, labels: labels)
    if !feed.topic.classes.isAll || parts.audit != nil { try await view.prepareInForce() }
    let earlier = terms.ticket.flatMap { parts.tickets.stream(of: $0) }
    let permit = try streams.open(
      id, insteadOf: earlier, at: feed.topic, from: request.peer,
      under: admission.snapshot.policy.addressLimits, isStale: tenure.isStale)
    var live = LiveTerms(permit)
    if let ticket = terms.ticket { live.lease = try redeem(ticket, request) }
    live.ended = { [streams] in streams.close(id) }
    live.challenge = { permit in Self.challenge(id, until: permit.expires) }
    live.heartbeat = parts.operations.heartbeat
    live.connections = parts.server.connections
    if parts.audit != nil, let labels = view.labelsInForce, !labels.isEmpty {
      notes[id, default: RequestNotes()].streamLabels = labels
    }
    answer.start(200)
    answer.field("X-Accel-Buffering", "no")
    tell(view.standing, &answer)
    answer.startStream(
      contentType: format == .serverSentEvents ? "text/event-stream" : "application/x-ndjson")
    return .stream(
      LiveStream(
        feed, format: format, rendering: view.rendering, terms: live, cache: frames,
        metrics: numbers(of: feed.topic),
        problem: { end in Refusal(end).document(instance: id) }))
  }

  /// Takes a ticket for the stream of a request, which is open by now: who is refused for another
  /// reason needs the ticket when coming again, and until then the stream that it has open.
  private func redeem(
    _ ticket: ByteSlice, _ request: HTTPRequest
  ) throws(Refusal) -> StreamLease {
    let lease = parts.tickets.redeem(
      ticket, for: request.head.path, as: request.id, at: request.receivedAt)
    if let lease { return lease }
    // It has ended, or another request was first where it is good for one.
    streams.close(request.id)
    throw Refusal(.invalidTicket)
  }

  /// Where a stream counts what it sends. A topic that is gone has no numbers any more: asking for
  /// them would bring it back into the metrics.
  private func numbers(of topic: TopicAddress) -> () -> TopicMetrics? {
    { [engine = parts.engine, registry = parts.metrics] in
      engine.open(topic) == nil ? nil : registry.topic(TopicKey(topic))
    }
  }

  /// Records of a topic as its reader sees them, ready to be written; for one who may have them
  /// when they are.
  func view(
    _ view: EventView, under tenure: Tenure, ready records: [Record]
  ) async throws -> DeliveryView<Engine> {
    while true {
      let topic = try check(tenure)
      let made = DeliveryView(view, of: topic, parts: parts, desk: redactions, labels: labels)
      try await made.prepare(records)
      if try check(tenure).classes == topic.classes { return made }
    }
  }

  /// Tells for want of which classes something is not as it is stored; of more than fit in a field
  /// only that there are some.
  func tell(_ classes: ByteSlice?, _ answer: inout AnswerWriter) {
    guard let classes else { return }
    let fits = classes.count <= GatewayLimits.redactedField
    answer.field("Jodrell-Redacted", fits ? classes : ByteSlice(utf8: "*"))
  }

  /// `HEAD …/events`: the oldest and the newest event.
  func extent(
    _ reference: TopicReference, _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) throws -> AnswerEnd {
    try refuseQuery(of: request)
    let address = try admit(request, to: reference, for: .subscribe)
    let bounds = try parts.engine.bounds(of: address)
    answer.start(200)
    if bounds.events > 0 {
      answer.field(
        "Jodrell-First", text: MessageID(ledger: bounds.ledger, entry: bounds.first).text)
      answer.field(
        "Jodrell-Last", text: MessageID(ledger: bounds.ledger, entry: bounds.end - 1).text)
    }
    answer.finishEmpty()
    return .complete
  }

  /// `GET …/events/{messageId}`: one event, or with `view=data` the stored bytes alone.
  func readOne(
    _ text: ByteSlice, of reference: TopicReference, _ request: HTTPRequest,
    _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var query = try QueryParameters(request.head.query)
    let view = try query.takeView()
    try query.finish()
    guard let id = MessageID(parsing: text) else {
      throw Refusal(.badCursor, "the path's last part is not a message id like 1:42")
    }
    let address = try admit(request, to: reference, for: .subscribe).detached
    let tenure = tenure(of: address)
    let bounds = try parts.engine.bounds(of: address)
    guard id.ledger == bounds.ledger, id.entry >= bounds.first, id.entry < bounds.end else {
      throw Refusal(.notFound)
    }
    let feed = TopicFeed(
      parts.engine, topic: address, from: Cursor(before: id),
      site: LoopSite(timers: timers, workers: parts.workers))
    let page = try await feed.read(ByteBudget(records: 1, bytes: 1))
    guard let record = page.records.first, record.id == id else { throw Refusal(.notFound) }
    let delivery = try await self.view(.event, under: tenure, ready: [record])
    let classes = delivery.redactions(in: [record])
    let facts = delivery.facts(of: record)
    if view == .data, facts.isWithheld, let classes {
      throw Refusal(classRequired: classes, "the event's payload is not shown without them")
    }
    answer.start(200)
    answer.field("Message-Id", text: id.text)
    tell(classes, &answer)
    if view == .data {
      answer.finish(contentType: facts.contentType, body: facts.payload)
      return .complete
    }
    var bytes = ByteWriter(capacity: record.cost + 512)
    delivery.write(record, into: &bytes)
    answer.finish(contentType: "application/cloudevents+json", body: bytes)
    return .complete
  }
}

extension Record {
  /// Whether whoever made the request was waiting already when the event became durable: only then
  /// does the time since say something about the gateway.
  func came(after request: HTTPRequest) -> Bool {
    durableAt.map { $0 >= request.received } ?? false
  }
}

extension EventFacts {
  /// What goes out of a record.
  init(_ record: Record) {
    var id = ByteWriter(capacity: 24)
    record.id.append(to: &id)
    self.init(
      messageID: id.slice, publishTime: record.publishTime, schemaVersion: record.schemaVersion,
      attributes: record.attributes, key: record.key, payload: record.payload,
      isJSON: record.flags.contains(.jsonPayload))
  }
}

/// What a read asks for.
private struct ReadTerms {
  let start: StartPosition
  let budget: ByteBudget
  let wait: TimeSpan
  let view: EventView
  let format: AnswerFormat
  let ticket: ByteSlice?

  init(_ head: RequestHead) throws {
    guard let format = AnswerFormat(acceptedBy: head.fields) else {
      throw Refusal(
        .notAcceptable, "application/json, text/event-stream and application/x-ndjson are offered")
    }
    self.format = format
    var query = try QueryParameters(head.query)
    let from = query.take("from")
    guard head.fields.occurrences(of: "last-event-id") <= 1 else {
      throw Refusal(.badHeader, "Last-Event-ID stands more than once")
    }
    let resumed = head.fields.first("last-event-id").flatMap { $0.isEmpty ? nil : $0 }
    if let text = resumed ?? from {
      guard let start = StartPosition(parsing: text) else {
        throw Refusal(
          .badCursor, resumed == nil ? "'from' is no position" : "Last-Event-ID is no cursor")
      }
      self.start = start
    } else {
      start = .latest
    }
    let most = GatewayLimits.eventsPerAnswer
    budget = ByteBudget(
      records: try query.takeNumber("max", in: 1...most) ?? 100, bytes: ByteBudget.answer.bytes)
    let wait = try query.takeSpan("wait", atMost: GatewayLimits.longestWait)
    let preferred = try Self.preferredWait(Preferences(head.fields))
    self.wait = wait ?? preferred ?? .zero
    view = try query.takeView()
    ticket = query.take("ticket")
    try query.finish()
  }

  /// `Prefer: wait=30` (RFC 7240 §4.3): seconds; more than the longest wait is cut to it.
  private static func preferredWait(_ preferences: Preferences) throws(Refusal) -> TimeSpan? {
    guard let text = preferences["wait"] else { return nil }
    guard let seconds = Int64(text), seconds >= 0, seconds < 1 << 31 else {
      throw Refusal(.badHeader, "Prefer: wait is a number of seconds")
    }
    return min(.seconds(seconds), GatewayLimits.longestWait)
  }
}

extension QueryParameters {
  fileprivate mutating func takeView() throws(Refusal) -> EventView {
    guard let word = take("view") else { return .event }
    if word.equals("event") { return .event }
    if word.equals("data") { return .data }
    throw Refusal(.badParameter, "'view' is event or data")
  }
}

extension Refusal {
  /// Why a stream ends, as the document in its last event.
  fileprivate init(_ end: LiveEnd) {
    switch end {
    case .tokenExpired: self.init(.invalidToken, "the token has expired")
    case .superseded: self.init(.invalidTicket, "the ticket opened another stream")
    case .tokenWithdrawn: self.init(.invalidToken, "the token is no longer accepted")
    case .classesChanged:
      self.init(.grantsChanged, "what of classified data you may see here has changed")
    case .unconfirmed: self.init(.authUnavailable, "the token's issuer does not answer")
    case .grantWithdrawn: self.init(.forbidden, "your token no longer grants 'subscribe' here")
    case .failed(let failure): self.init(failure as any Error)
    }
  }
}
