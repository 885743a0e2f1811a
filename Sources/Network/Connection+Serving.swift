import Bytes
import HTTPWire

extension Connection {
  /// What follows a request.
  private enum Next {
    case request
    /// An answer has been sent that ends the connection: let it arrive.
    case farewell
    /// The connection is lost or must look lost.
    case cut
  }

  /// The connection's task, from accept to close.
  func run() async {
    if let openingRefusal {
      if await refuse(openingRefusal) { await linger() }
      return
    }
    while true {
      switch await serveNext() {
      case .request: continue
      case .farewell:
        if await flush() { await linger() }
        return
      case .cut: return
      }
    }
  }

  private func serveNext() async -> Next {
    if start == buffer.count {
      rewind()
      guard await flush() else { return .cut }
      if server.commons.isDraining, !isFirstRequest { return .cut }
      guard await awaitRequest() else { return .cut }
    }
    let began = server.clock.clocks.monotonic()
    while true {
      switch parser.next(buffer.slice(start..<buffer.count)) {
      case .request(let head, let length):
        isFirstRequest = false
        return await serve(head, length: length)
      case .refuse(let refusal):
        return await refuse(refusal) ? .farewell : .cut
      case .needMore:
        guard await flush() else { return .cut }
        compact()
        switch await receive(until: began + server.limits.headTime) {
        case .bytes: continue
        case .deadline:
          server.counters.bump(server.counters.headTimeouts)
          return await refuse(.timeout) ? .farewell : .cut
        case .ended, .abandoned, .failed: return .cut
        }
      }
    }
  }

  /// Waits between two requests. After a while the buffers are given back; at the end of the idle
  /// time the connection is closed without a word.
  private func awaitRequest() async -> Bool {
    activity = .idle
    defer { activity = .transferring }
    let began = server.clock.now
    let patience = isFirstRequest ? server.limits.headTime : server.limits.idleTime
    let end = began + patience
    let release = began + server.limits.bufferKeepTime
    if release < end {
      switch await receive(until: release) {
      case .bytes: return true
      case .deadline: break
      case .ended, .abandoned, .failed: return false
      }
      buffer.reset(keeping: 0)
      outbox.release(keeping: 0)
    }
    while !canRead {
      guard await wait(for: .readable, until: end) == .ready else { return false }
    }
    return await receive(until: end) == .bytes
  }

  private func serve(_ head: RequestHead, length: Int) async -> Next {
    let lane = server.counters
    lane.bump(lane.requests)
    let (end, closes) = await answer(head, bodyAt: start + length)
    parser.reset()
    switch end {
    case .stream(let stream, let framing):
      let isWhole = await send(stream, framing)
      if !isWhole { return .cut }
      if closes { return .farewell }
    case .complete:
      if closes { return .farewell }
    case .failed: return .cut
    }
    if arriving != nil {
      guard await skipRest() else { return .farewell }
    }
    if outbox.pending > server.limits.outboxBytes {
      guard await flush() else { return .cut }
    }
    return .request
  }

  /// How the responder left its answer.
  private enum Ending {
    case complete
    case stream(any AnswerStream, AnswerWriter.StreamFraming)
    case failed
  }

  /// Lets the responder answer one request. The request lives no longer than this call, so that a
  /// stream that follows does not keep the receive buffer.
  private func answer(_ head: RequestHead, bodyAt: Int) async -> (Ending, closes: Bool) {
    let now = server.clock.clocks.monotonic()
    let body = makeBody(head, at: bodyAt, now: now)
    let request = HTTPRequest(
      id: server.makeID(), head: head, body: body, received: now,
      receivedAt: server.clock.wallNow + (now - server.clock.now), listener: kind, peer: peer)
    var writer = AnswerWriter(
      into: outbox, commons: server.commons, id: request.id, terms: AnswerTerms(for: head),
      body: body)
    activity = .answering
    if hasHungUp { task?.cancel() }
    if outbox.pending > 0 { server.sendAtTurnEnd(self) }
    let end = await server.responder.respond(to: request, with: &writer)
    activity = .transferring
    defer { body.detach() }
    switch (end, writer.phase) {
    case (.complete, .complete): return (.complete, writer.closes)
    case (.stream(let stream), .streaming):
      return (.stream(stream, writer.streamFraming), writer.closes)
    default:
      // A responder that did not keep its word: nothing sensible can be sent.
      outbox.abandon()
      return (.failed, true)
    }
  }

  /// Sends a streamed body: a step, then all of its bytes, then the next step.
  ///
  /// - Returns: false when the connection must be cut.
  private func send(
    _ stream: any AnswerStream, _ framing: AnswerWriter.StreamFraming
  ) async -> Bool {
    if framing == .absent { return true }
    if start == buffer.count { rewind(keeping: 0) }
    guard await flush() else { return false }
    var steps = 0
    while true {
      var bytes = outbox.take()
      if framing == .chunked { ChunkFrame.open(&bytes) }
      activity = .answering
      if hasHungUp || server.commons.isDraining { task?.cancel() }
      let step = await stream.next(into: &bytes)
      activity = .transferring
      if step == .abort || isAbandoned {
        outbox.putBack(ByteWriter())
        return false
      }
      if framing == .chunked { ChunkFrame.close(&bytes, isLast: step == .end) }
      outbox.putBack(bytes)
      guard await flush() else { return false }
      if step == .end { return true }
      outbox.release(keeping: server.limits.receiveBytes)
      steps += 1
      // A stream whose socket takes everything at once lets others have their turn.
      if steps % 16 == 0 { await Task.yield() }
    }
  }

  /// Writes the one answer to what the wire itself refuses.
  ///
  /// - Returns: whether it was sent.
  private func refuse(_ refusal: WireRefusal) async -> Bool {
    server.counters.count(refusal)
    let id = server.makeID()
    var writer = AnswerWriter(
      into: outbox, commons: server.commons, id: id, terms: parser.refusalTerms, body: nil)
    server.responder.refuse(refusal, id: id, with: &writer)
    if writer.phase != .complete {
      writer.startOver()
      writer.start(refusal.status)
      writer.finishEmpty()
    }
    return await flush()
  }

  /// Ends our side and swallows what the peer still sends, for a while: closing with unread bytes
  /// would reset the connection and could destroy the answer before it is read (RFC 9112 §9.6).
  private func linger() async {
    if hasEnded || isBroken { return }
    Syscalls.shutdownWriting(fd)
    let end = server.clock.clocks.monotonic() + server.limits.lingerTime
    var swallowed = 0
    while swallowed < server.limits.lingerBytes {
      buffer.reset(keeping: server.limits.receiveBytes)
      guard await receive(until: end) == .bytes else { return }
      swallowed += buffer.count
    }
  }

  /// Everything received has been used: starts over at the front of the buffer.
  func rewind(keeping: Int = 64 * 1024) {
    buffer.reset(keeping: keeping)
    start = 0
  }

  /// Moves a message that has only begun to the front, when the room behind it gets short.
  private func compact() {
    guard start > 0 else { return }
    buffer.discardFirst(start)
    start = 0
  }
}
