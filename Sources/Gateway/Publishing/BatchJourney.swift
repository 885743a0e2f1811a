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
  ///
  /// - Parameter known: nil for a topic that the batch makes, if anything of it is to be stored.
  func publishBatch(
    _ envelope: EventRequest, _ terms: PublishTerms, to known: Engine.Topic?, _ tenure: Tenure,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    let body = try await request.body.collect(upTo: GatewayLimits.batch)
    let aside =
      envelope.mode == .lines
      ? await judgeAside(body, try EventIntake.lines(envelope), known, tenure.topic)
      : JudgedLines()
    let address = try await confirm(tenure)
    let judging = Judging(quarantines: !terms.isAtomic)
    var topic = known
    var batch: Batch
    do {
      batch = try await judge(body, envelope, for: topic, at: address, judging, aside)
    } catch {
      // What is refused as a whole has cost as much: its bytes count, blank lines among them.
      if Refusal(error).code.status < 500 {
        try pay(events: 0, bytes: body.count, at: address, from: request)
      }
      throw error
    }
    defer { audit(denialsIn: batch, request) }
    try pay(events: batch.items.count, bytes: body.count, at: address, from: request)
    try await checkDeferred(&batch, for: topic, at: address, judging)
    if topic == nil, batch.hasWaiting, !(terms.isAtomic && batch.hasRefusals) {
      let made = try await makeTopic(address)
      if hasOtherRules(made, at: address) {
        batch = try await judge(body, envelope, for: made, at: address, judging)
        try await checkDeferred(&batch, for: made, at: address, judging)
      }
      topic = made
    }
    if terms.isAtomic, batch.hasRefusals {
      batch.abort()
    } else if let topic {
      try await store(&batch, in: topic, tenure, request, atomic: terms.isAtomic)
    }
    return finish(batch, terms, address, &answer, id: request.id)
  }

  /// A whole body's events, judged but for those that `checkDeferred` is for; none is stored.
  func judge(
    _ body: ByteSlice, _ envelope: EventRequest, for topic: Engine.Topic?,
    at address: TopicAddress, _ judging: Judging, _ aside: JudgedLines = JudgedLines()
  ) async throws -> Batch {
    var batch = Batch()
    if envelope.mode == .batch {
      batch.walk = PayloadWalk(body)
      for draft in try await drafts(of: body, envelope) {
        try add(Result { try draft.get() }, to: &batch, for: topic, at: address, judging)
        if batch.pace.isDue(timers) { await nextTurn() }
      }
    } else {
      let intake = try EventIntake.lines(envelope)
      var lines = LineSplitter(limit: GatewayLimits.event)
      lines.feed(body)
      try await take(
        &lines, isLast: true, intake, topic, address, into: &batch, judging, aside)
    }
    guard !batch.items.isEmpty else { throw Refusal(.malformedEvent, "the batch is empty") }
    return batch
  }

  /// The events of a JSON array. A large one is read on a worker: it takes milliseconds.
  private func drafts(
    of body: ByteSlice, _ envelope: EventRequest
  ) async throws -> [Result<EventDraft, EventFault>] {
    guard body.count > GatewayLimits.batchOnLoop else { return try readBatch(body, envelope) }
    let read = try await parts.workers.run {
      Result<_, any Error> { try readBatch(body, envelope) }
    }
    return try read.get()
  }

  /// Lines that are stored as they come: a cut connection keeps what is stored already. A body that
  /// is short and has a length is read whole first: one commit instead of one per received piece.
  /// Whoever loses its right meanwhile keeps what is stored, and stores no more.
  ///
  /// - Parameter known: as of `publishBatch`.
  func publishLines(
    _ envelope: EventRequest, _ terms: PublishTerms, to known: Engine.Topic?, _ tenure: Tenure,
    _ request: HTTPRequest, _ answer: inout AnswerWriter
  ) async throws -> AnswerEnd {
    var topic = known
    var batch = Batch()
    defer { audit(denialsIn: batch, request) }
    var lines = LineSplitter(limit: GatewayLimits.event)
    let intake = try EventIntake.lines(envelope)
    var bytes = 0
    do {
      var paid = 0
      var aside = JudgedLines()
      if let length = request.body.declared, length <= GatewayLimits.wholeLines {
        let whole = try await request.body.collect(upTo: GatewayLimits.wholeLines)
        aside = await judgeAside(whole, intake, topic, tenure.topic)
        lines.feed(whole)
        bytes = whole.count
      }
      while let piece = try await request.body.next() {
        let address = try await confirm(tenure)
        lines.feed(piece)
        bytes += piece.count
        try await take(&lines, isLast: false, intake, topic, address, into: &batch)
        let (events, received) = (batch.items.count - paid, bytes)
        (paid, bytes) = (batch.items.count, 0)
        try pay(events: events, bytes: received, at: address, from: request)
        try await checkDeferred(&batch, for: topic, at: address)
        try await storeLines(of: &batch, in: &topic, tenure, request)
      }
      let address = try await confirm(tenure)
      try await take(
        &lines, isLast: true, intake, topic, address, into: &batch, Judging(), aside)
      let received = bytes
      bytes = 0
      try pay(events: batch.items.count - paid, bytes: received, at: address, from: request)
      try await checkDeferred(&batch, for: topic, at: address)
      try await storeLines(of: &batch, in: &topic, tenure, request)
    } catch {
      // What is refused has cost as much as what is taken.
      if bytes > 0, Refusal(error).code.status < 500 {
        try? pay(events: 0, bytes: bytes, at: tenure.topic, from: request)
      }
      // What was stored before stays stored: the refusal says how much that is.
      guard batch.stored + batch.quarantined > 0 else { throw error }
      throw Refusal(error)
        .with("stored", json: ByteSlice(utf8: "\(batch.stored)"))
        .with("rejected", json: ByteSlice(utf8: "\(batch.rejected)"))
    }
    guard !batch.items.isEmpty else { throw Refusal(.malformedEvent, "the batch is empty") }
    return finish(batch, terms, tenure.topic, &answer, id: request.id)
  }

  /// Stores the lines that wait. The first of them make their topic.
  private func storeLines(
    of batch: inout Batch, in topic: inout Engine.Topic?, _ tenure: Tenure, _ request: HTTPRequest
  ) async throws {
    guard batch.hasWaiting else { return }
    let open: Engine.Topic
    if let topic {
      open = topic
    } else {
      open = try await makeTopic(tenure.topic)
      if hasOtherRules(open, at: tenure.topic) {
        throw Refusal(
          .overloaded, "the topic was made with rules of its own meanwhile; nothing was stored")
      }
      topic = open
    }
    try await store(&batch, in: open, tenure, request, atomic: false)
  }

  private func take(
    _ lines: inout LineSplitter, isLast: Bool, _ intake: LineIntake, _ topic: Engine.Topic?,
    _ address: TopicAddress, into batch: inout Batch, _ judging: Judging = Judging(),
    _ aside: JudgedLines = JudgedLines()
  ) async throws {
    let aside = aside.holding(under: topic?.binding, at: address)
    while true {
      var next = lines.next(skipping: Pace.stride)
      batch.pace.note(skipped: lines.skipped)
      if case .needsMore? = next {
        guard isLast, let rest = lines.finish() else { return }
        next = rest
      }
      switch next {
      case .line(let line, let number)?:
        if let event = aside.event(ofLine: number) {
          try Self.refuseMore(than: batch)
          batch.add(event)
        } else {
          try add(
            .success(intake.event(line)), on: (number, lines.start), to: &batch, for: topic,
            at: address, judging)
        }
      case .tooLong(let number)?:
        throw Refusal(.tooLarge, "line \(number) exceeds \(GatewayLimits.event) bytes")
      // So far there were blank lines only.
      case .needsMore?, nil: break
      }
      if batch.pace.isDue(timers) { await nextTurn() }
    }
  }

  private static func refuseMore(than batch: borrowing Batch) throws(Refusal) {
    guard batch.items.count < GatewayLimits.batchEvents else {
      throw Refusal(.tooLarge, "a batch has at most \(GatewayLimits.batchEvents) events")
    }
  }

  private func add(
    _ draft: Result<EventDraft, any Error>, on line: (number: Int, offset: Int)? = nil,
    to batch: inout Batch, for topic: Engine.Topic?, at address: TopicAddress,
    _ judging: borrowing Judging
  ) throws(Refusal) {
    try Self.refuseMore(than: batch)
    do {
      let draft = judging.typed(try draft.get())
      guard draft.payload.count <= GatewayLimits.event else {
        throw Refusal(.tooLarge, "an event has at most \(GatewayLimits.event) bytes")
      }
      batch.pace.note(bytes: draft.payload.count)
      if draft.payload.count > GatewayLimits.eventOnLoop {
        let missing = missingSchema(for: draft, in: topic, at: address, judging)
        batch.hold(draft, at: batch.place(of: draft, on: line), missing)
        return
      }
      scratch.explains = batch.explains(under: topic?.binding)
      defer { scratch.explains = true }
      do {
        batch.add(try check(draft, for: topic, at: address, judging))
      } catch let missing as UncompiledSchema {
        batch.hold(draft, at: batch.place(of: draft, on: line), missing)
      }
    } catch {
      batch.pace.noteRefusal()
      batch.add(Refusal(error, at: batch.place(of: try? draft.get(), on: line)))
    }
  }

  /// Stores what waits in the batch, in one commit or in several; then what is quarantined.
  private func store(
    _ batch: inout Batch, in topic: Engine.Topic, _ tenure: Tenure, _ request: HTTPRequest,
    atomic: Bool
  ) async throws {
    let address = tenure.topic
    while let piece = batch.nextPiece(whole: atomic) {
      guard try mayStore(piece, of: &batch, tenure, atomic: atomic) else { continue }
      let events = batch.events(at: piece)
      let place: FairShare.Place
      do throws(Refusal) {
        place = try enter(events, of: address)
      } catch {
        if atomic { throw error }
        batch.refuse(piece, error)
        continue
      }
      defer { shares.leave(place) }
      do throws(AppendFailure) {
        let receipts = try await appender.appendAll(events, to: topic)
        batch.settle(piece, receipts)
        guard let durable = receipts.last?.durableAt else { continue }
        count(events, durable - request.received, at: address)
      } catch {
        let refusal = refusal(error, at: address)
        // Nothing of an atomic batch is stored, or nobody knows: one answer for all of it.
        if atomic { throw refusal }
        batch.refuse(piece, refusal)
      }
    }
    guard batch.hasQuarantined else { return }
    while let piece = batch.nextPiece(whole: false, quarantined: true) {
      guard try mayStore(piece, of: &batch, tenure, quarantined: true) else { continue }
      let events = batch.events(at: piece)
      do {
        let place = try enter(events, of: address)
        defer { shares.leave(place) }
        let quarantine = try await openQuarantine(events[0].address)
        let receipts = try await appender.appendAll(events, to: quarantine)
        batch.settle(piece, receipts, quarantined: true)
        guard let durable = receipts.last?.durableAt else { continue }
        count(quarantined: events, durable - request.received, sentTo: address)
      } catch {
        batch.refuse(piece, Refusal(error), quarantined: true)
      }
    }
  }

  /// Whether the sender still has the right to store a piece, which is refused if not; the request
  /// is, where nothing of it is stored yet.
  private func mayStore(
    _ piece: [Int], of batch: inout Batch, _ tenure: Tenure, atomic: Bool = false,
    quarantined: Bool = false
  ) throws -> Bool {
    do {
      try check(tenure)
      return true
    } catch {
      guard !atomic, batch.stored + batch.quarantined > 0 else { throw error }
      batch.refuse(piece, Refusal(error), quarantined: quarantined)
      return false
    }
  }

  private func enter(
    _ events: [ConformingEvent], of address: TopicAddress
  ) throws(Refusal) -> FairShare.Place {
    try shares.enter(
      events.count, bytes: events.reduce(0) { $0 + $1.draft.cost }, of: address.caller,
      at: timers.now)
  }
}

/// The events of a JSON array. A fault in its text is told with the event that it is in.
private func readBatch(
  _ body: ByteSlice, _ envelope: EventRequest
) throws -> [Result<EventDraft, EventFault>] {
  let document: JSONDocument
  do throws(JSONFault) {
    document = try JSONDocument(parsing: body)
  } catch {
    throw Refusal(error as any Error, at: EventPlace(of: error))
  }
  return try EventIntake.batch(document.root, envelope, limit: GatewayLimits.batchEvents)
}
