import Bytes
import Events
import HTTPWire
import JSONText
import Metrics
import Schemas
import Tenancy
import Topics

/// Batches: a JSON array of CloudEvents, or one payload per line; each event with its own result.
extension GatewayResponder {
  /// A batch that is read whole before anything is stored.
  func publishBatch(
    _ envelope: EventRequest, _ terms: PublishTerms, to topic: Engine.Topic,
    at address: TopicAddress,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let body = try await request.body.collect(upTo: GatewayLimits.batch)
    var batch = Batch()
    if envelope.mode == .batch {
      let document = try JSONDocument(parsing: body)
      for draft in try EventIntake.batch(
        document.root, envelope, limit: GatewayLimits.batchEvents)
      {
        try add(Result { try draft.get() }, to: &batch, for: topic, at: address)
      }
    } else {
      var lines = LineSplitter(limit: GatewayLimits.event)
      lines.feed(body)
      try take(
        &lines, isLast: true, EventIntake.lines(envelope), topic, address, into: &batch)
    }
    guard !batch.items.isEmpty else { throw Refusal(.malformedEvent, "the batch is empty") }
    if terms.isAtomic, batch.hasRefusals {
      batch.abort()
    } else {
      try await store(&batch, in: topic, at: address, request, atomic: terms.isAtomic)
    }
    return finish(batch, terms, &answer, id: request.id)
  }

  /// Lines that are stored as they come: a cut connection keeps what is stored already. A body that
  /// is short and has a length is read whole first: one commit instead of one per received piece.
  func publishLines(
    _ envelope: EventRequest, _ terms: PublishTerms, to topic: Engine.Topic,
    at address: TopicAddress,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var batch = Batch()
    var lines = LineSplitter(limit: GatewayLimits.event)
    let intake = try EventIntake.lines(envelope)
    do {
      if let length = request.body.declared, length <= GatewayLimits.wholeLines {
        lines.feed(try await request.body.collect(upTo: GatewayLimits.wholeLines))
      }
      while let piece = try await request.body.next() {
        lines.feed(piece)
        try take(&lines, isLast: false, intake, topic, address, into: &batch)
        try await store(&batch, in: topic, at: address, request, atomic: false)
      }
      try take(&lines, isLast: true, intake, topic, address, into: &batch)
      try await store(&batch, in: topic, at: address, request, atomic: false)
    } catch {
      // What was stored before stays stored: the refusal says how much that is.
      guard batch.stored > 0 else { throw error }
      throw Refusal(error)
        .with("stored", json: ByteSlice(utf8: "\(batch.stored)"))
        .with("rejected", json: ByteSlice(utf8: "\(batch.rejected)"))
    }
    guard !batch.items.isEmpty else { throw Refusal(.malformedEvent, "the batch is empty") }
    return finish(batch, terms, &answer, id: request.id)
  }

  private func take(
    _ lines: inout LineSplitter, isLast: Bool, _ intake: LineIntake, _ topic: Engine.Topic,
    _ address: TopicAddress,
    into batch: inout Batch
  ) throws {
    var step = lines.next()
    while true {
      switch step {
      case .line(let line, number: _):
        if !line.isEmpty {
          try add(.success(intake.event(line)), to: &batch, for: topic, at: address)
        }
        step = lines.next()
      case .tooLong:
        throw Refusal(.tooLarge, "a line exceeds \(GatewayLimits.event) bytes")
      case .needsMore:
        guard isLast, let rest = lines.finish() else { return }
        step = rest
      }
    }
  }

  private func add(
    _ draft: Result<EventDraft, any Error>, to batch: inout Batch, for topic: Engine.Topic,
    at address: TopicAddress
  ) throws(Refusal) {
    guard batch.items.count < GatewayLimits.batchEvents else {
      throw Refusal(.tooLarge, "a batch has at most \(GatewayLimits.batchEvents) events")
    }
    do {
      let draft = try draft.get()
      guard draft.payload.count <= GatewayLimits.event else {
        throw Refusal(.tooLarge, "an event has at most \(GatewayLimits.event) bytes")
      }
      batch.add(try check(draft, for: topic, at: address))
    } catch {
      batch.add(Refusal(error))
    }
  }

  /// Stores what waits in the batch, in one commit or in several.
  private func store(
    _ batch: inout Batch, in topic: Engine.Topic, at address: TopicAddress, _ request: HTTPRequest,
    atomic: Bool
  ) async throws {
    while let piece = batch.nextPiece(whole: atomic) {
      let events = batch.events(at: piece)
      do throws(AppendFailure) {
        let receipts = try await appender.appendAll(events, to: topic)
        batch.settle(piece, receipts)
        guard let durable = receipts.last?.durableAt else { continue }
        topicMetrics.topic(TopicKey(address)).stored(
          events: events.count, bytes: events.reduce(0) { $0 + $1.draft.payload.count },
          latency: durable - request.received)
      } catch {
        let refusal = refusal(error, at: address)
        // Nothing of an atomic batch is stored, or nobody knows: one answer for all of it.
        if atomic { throw refusal }
        batch.refuse(piece, refusal)
      }
    }
  }

  private func finish(
    _ batch: Batch, _ terms: PublishTerms, _ answer: inout AnswerWriter, id: RequestID
  ) -> AnswerEnd {
    let hindrance = batch.hindrance
    answer.start(batch.status(under: hindrance))
    hindrance?.writeRetryAfter(&answer)
    if terms.wantsCountsOnly { answer.field("Preference-Applied", "return=minimal") }
    return finish(&answer) { json in
      json.beginObject()
      json.key("stored")
      json.integer(batch.stored)
      json.key("rejected")
      json.integer(batch.rejected)
      if !terms.wantsCountsOnly {
        json.key("results")
        json.beginArray()
        for (index, item) in batch.items.enumerated() { item.write(index, into: &json) }
        json.endArray()
      }
      json.endObject()
    }
  }
}

/// The events of one request and what became of each, in order. At most
/// `GatewayLimits.batchEvents`.
private struct Batch {
  enum Item {
    case waiting(ConformingEvent)
    case stored(Receipt)
    case refused(Refusal)
  }

  private(set) var items: [Item] = []
  private(set) var stored = 0
  private(set) var rejected = 0
  /// Everything before it is settled.
  private var settled = 0

  /// What one commit takes of a batch that need not be whole.
  private static let pieceBytes = 512 << 10
  private static let pieceEvents = 4_096

  var hasRefusals: Bool { rejected > 0 }

  mutating func add(_ event: ConformingEvent) { items.append(.waiting(event)) }

  mutating func add(_ refusal: Refusal) {
    items.append(.refused(refusal))
    rejected += 1
  }

  /// The next events to store together: indices of waiting items. Nil when none wait.
  func nextPiece(whole: Bool) -> [Int]? {
    var piece: [Int] = []
    var bytes = 0
    for index in settled..<items.count {
      guard case .waiting(let event) = items[index] else { continue }
      if !whole, !piece.isEmpty,
        piece.count == Self.pieceEvents || bytes + event.draft.cost > Self.pieceBytes
      {
        break
      }
      piece.append(index)
      bytes += event.draft.cost
    }
    return piece.isEmpty ? nil : piece
  }

  func events(at piece: [Int]) -> [ConformingEvent] {
    piece.compactMap { index in
      if case .waiting(let event) = items[index] { event } else { nil }
    }
  }

  mutating func settle(_ piece: [Int], _ receipts: [Receipt]) {
    for (index, receipt) in zip(piece, receipts) { items[index] = .stored(receipt) }
    stored += receipts.count
    settled = (piece.last ?? settled) + 1
  }

  mutating func refuse(_ piece: [Int], _ refusal: Refusal) {
    for index in piece { items[index] = .refused(refusal) }
    rejected += piece.count
    settled = (piece.last ?? settled) + 1
  }

  /// Some are refused, so none is stored: the faultless ones are told that it was not theirs.
  mutating func abort() {
    for index in items.indices {
      guard case .waiting = items[index] else { continue }
      items[index] = .refused(Refusal(.batchAborted))
      rejected += 1
    }
  }

  /// The one reason of overload why nothing is stored.
  var hindrance: Refusal? {
    if stored > 0 { return nil }
    for case .refused(let refusal) in items where refusal.code.status == 503 { return refusal }
    return nil
  }

  /// 201 all stored, 207 some, else what hinders them: 422, or the reason of overload.
  func status(under hindrance: Refusal?) -> Int {
    if rejected == 0 { return 201 }
    if stored > 0 { return 207 }
    return hindrance?.code.status ?? 422
  }
}

extension Batch.Item {
  fileprivate func write(_ index: Int, into json: inout JSONWriter) {
    json.beginObject()
    json.key("index")
    json.integer(index)
    json.key("status")
    switch self {
    case .stored(let receipt):
      json.integer(201)
      json.key("messageId")
      json.string(receipt.id)
    case .refused(let refusal):
      json.integer(refusal.code.status)
      json.key("error")
      refusal.write(instance: nil, into: &json)
    case .waiting:
      json.integer(500)
    }
    json.endObject()
  }
}
