import Bytes
import Crypto
import HTTPWire

/// One client connection and the state of its task: read a head, let the responder answer, send,
/// again. Loop-confined; `run` is the task, the rest is called by the loop between its steps. There
/// is at most one task, and none while a stream waits. Requests that the responder can answer
/// without it, it waits out.
///
/// Bytes are sent whenever the task is about to wait, so that the answers to pipelined requests
/// leave in one write.
final class Connection<R: Responder> {
  /// What the task is doing, for those who want to end it.
  enum Activity {
    /// In a proxy's header or the TLS handshake.
    case handshaking
    /// Between two requests.
    case idle
    /// Reading a head or a body, sending, lingering.
    case transferring
    /// In the responder or in a stream: ended by cancelling.
    case answering
    /// In a stream that waits, without a task: ended by rousing it.
    case waiting
  }

  let server: ServerLoop<R>
  let socket: Socket
  let kind: ListenerKind
  /// The other end, or whom a proxy there says the connection comes from.
  var peer: Peer
  /// Whether a proxy still has to say it.
  private var isProxied: Bool
  private let openingRefusal: WireRefusal?
  var activity = Activity.transferring
  var parser: RequestParser
  /// The connection's HTTP/2 side, once it is known to have one.
  var http2: HTTP2Connection<R>?
  /// The streamed body that is being sent.
  var streamed: StreamedBody?
  /// Where the current message starts in the receive buffer.
  var start = 0
  /// The last body that was received completely.
  var completeBody = RequestBody(whole: .empty)
  /// The body that is being read, while it arrives.
  var arriving: ArrivingBody?
  private(set) var isFirstRequest = true
  /// What has come in while the task waited, for the task to serve.
  var arrived: Arrived?
  /// When the last request was taken up.
  private(set) var lastBegan: MonotonicTime
  /// Since when there has been no request.
  private var idleSince = MonotonicTime.distantFuture
  /// Whether memory is kept for the request that comes next.
  var holdsBuffers = true
  /// Somebody else than the task has answered, and the connection ends with that.
  var isClosing = false
  /// Of the answer that is being made; the task has its own copy.
  var writer: AnswerWriter
  /// The request that is being answered. One object serves them in turn, unless somebody keeps it.
  var request: HTTPRequest?

  var outbox: Outbox { socket.outbox }

  init(
    fd: Int32, kind: ListenerKind, peer: Peer, isProxied: Bool, tls: TLSSession?,
    server: ServerLoop<R>, refusal: WireRefusal?
  ) {
    self.kind = kind
    self.peer = peer
    self.isProxied = isProxied
    self.server = server
    openingRefusal = refusal
    lastBegan = server.clock.now
    socket = Socket(
      fd: fd, clock: server.clock, lane: server.counters, limits: server.limits, tls: tls)
    parser = RequestParser(limits: server.limits)
    writer = AnswerWriter(
      into: socket.outbox, commons: server.commons, id: RequestID(run: 0, sequence: 0),
      terms: AnswerTerms(isHead: false, version: .http11, keepAlive: true), body: nil)
  }

  /// The server goes down: an idle connection ends, a waiting answer is asked to, a request that is
  /// being read or written gets its answer.
  func drainBegan() {
    if let http2 {
      http2.drainBegan()
      return
    }
    switch activity {
    case .idle, .handshaking: socket.abandon()
    case .answering: socket.task?.cancel()
    case .waiting: rouse()
    case .transferring: break
    }
  }

  /// What follows a request.
  enum Next {
    case request
    /// An answer has been sent that ends the connection: let it arrive.
    case farewell
    /// Nothing is under way: the connection ends in order, without waiting.
    case parting
    /// The connection is lost or must look lost.
    case cut
    /// The stream waits.
    case wait
    /// The client speaks HTTP/2 from its first byte on (RFC 9113 §3.3).
    case http2
  }

  /// How a task of the connection ends.
  enum Leave {
    case over
    /// `rouse` and what ends a sleep of the socket start the next one.
    case waiting
  }

  /// The connection's task, from accept to close, except where a stream waits.
  func run() async -> Leave {
    if isProxied {
      guard await readProxyHeader() else { return .over }
      isProxied = false
    }
    if socket.tls != nil, streamed == nil, isFirstRequest {
      guard await shakeHands() else { return .over }
    }
    if socket.tls?.applicationProtocol == .http2 {
      return await speakHTTP2(isWelcome: openingRefusal == nil)
    }
    if let openingRefusal {
      if await refuse(openingRefusal) { await linger() }
      return .over
    }
    while true {
      switch await streamed == nil ? serveNext() : streamOn() {
      case .request: continue
      case .farewell:
        if await socket.flush() { await linger() }
        return .over
      case .parting:
        socket.sayGoodbye()
        return .over
      case .cut: return .over
      case .http2: return await speakHTTP2()
      case .wait: return .waiting
      }
    }
  }

  private func serveNext() async -> Next {
    if hasHadTurn, start < socket.buffer.count || socket.canRead { await giveWay() }
    if socket.isBroken { return .cut }
    if isClosing { return .farewell }
    if start == socket.buffer.count, arrived == nil {
      rewind()
      socket.sendPending()
      if socket.pending > 0 || socket.isBroken {
        guard await socket.flush() else { return .cut }
      }
      if server.commons.isDraining, !isFirstRequest { return .parting }
      switch await awaitRequest() {
      case .bytes: break
      case .another: return .request
      case .nothing: return .parting
      }
    }
    // Taken, so that nothing here holds it while it is served.
    switch arrived.take() {
    case .head(let head, let length)?: return await serve(head, length: length)
    case .request(let request)?: return await serve(request)
    case nil: break
    }
    // The previous head is gone by now, so that its field table's memory can be used again.
    parser.reset()
    var deadline: MonotonicTime?
    while true {
      let view = socket.buffer.slice(start..<socket.buffer.count)
      let opening = isFirstRequest ? HTTP2Preface(of: view) : .other
      if opening == .whole { return .http2 }
      switch opening == .begun ? .needMore : parser.next(view) {
      case .request(let head, let length):
        isFirstRequest = false
        return await serve(head, length: length)
      case .refuse(let refusal):
        return await refuse(refusal) ? .farewell : .cut
      case .needMore:
        guard await socket.flush() else { return .cut }
        compact()
        let end = deadline ?? server.clock.clocks.monotonic() + server.limits.headTime
        deadline = end
        switch await socket.receive(until: end) {
        case .bytes: continue
        case .deadline:
          server.counters.bump(server.counters.headTimeouts)
          return await refuse(.timeout) ? .farewell : .cut
        case .ended, .abandoned, .failed: return .cut
        }
      }
    }
  }

  /// What has ended the wait between two requests.
  private enum Arrival {
    /// Bytes, perhaps a whole request, perhaps one that is `arrived`.
    case bytes
    /// Requests were answered without the task, and the last of them leaves it something to do.
    case another
    case nothing
  }

  /// Waits between two requests. After a while the buffers are given back; at the end of the idle
  /// time the connection is closed without a word. Requests that take no task are answered
  /// meanwhile.
  private func awaitRequest() async -> Arrival {
    beginIdling()
    if !isFirstRequest { socket.reader = self }
    defer {
      activity = .transferring
      socket.reader = nil
    }
    while true {
      // It may have been another's meanwhile.
      activity = .idle
      if socket.hasEnded { return .nothing }
      if socket.canRead {
        switch socket.readNow(2048) {
        case .bytes: return .bytes
        case .ended, .failed: return .nothing
        case .wouldBlock: break
        }
      }
      switch await socket.wait(for: .readable, until: nextLook) {
      case .ready:
        if arrived != nil { return .bytes }
        if !mayGoOn || hasHadTurn { return .another }
        if start < socket.buffer.count { return .bytes }
      case .deadline:
        if server.clock.now >= idleEnd { return .nothing }
        releaseBuffers()
        outbox.release(keeping: 0)
        holdsBuffers = false
      case .abandoned: return .nothing
      }
    }
  }

  /// There is no request any more.
  func beginIdling() {
    activity = .idle
    idleSince = server.clock.now
    holdsBuffers = true
  }

  private var idleEnd: MonotonicTime {
    idleSince + (isFirstRequest ? server.limits.headTime : server.limits.idleTime)
  }

  /// When something is to be done about a connection that idles.
  var nextLook: MonotonicTime {
    holdsBuffers ? min(idleEnd, idleSince + server.limits.bufferKeepTime) : idleEnd
  }

  @inline(__always)
  private func serve(_ head: consuming RequestHead, length: Int) async -> Next {
    await serve(open(head, bodyAt: start + length))
  }

  @inline(__always)
  private func serve(_ request: consuming HTTPRequest) async -> Next {
    let (end, closes) = await answer(request)
    switch end {
    case .stream(let stream, let framing) where framing != .absent:
      begin(StreamedBody(stream: stream, isChunked: framing == .chunked, closes: closes))
      return .request
    case .stream, .complete:
      if closes { return .farewell }
    case .failed: return .cut
    }
    return await finishRequest()
  }

  /// The answer is complete: gets the rest of the request out of the way.
  func finishRequest() async -> Next {
    if arriving != nil {
      guard await skipRest() else { return .farewell }
    }
    if socket.pending > server.limits.outboxBytes {
      guard await socket.flush() else { return .cut }
    }
    return .request
  }

  /// How the responder left its answer.
  private enum Ending {
    case complete
    case stream(any AnswerStream, AnswerWriter.StreamFraming)
    case failed
  }

  /// The request that a head begins; `writer` is set to write its answer.
  @inline(__always)
  func open(_ head: consuming RequestHead, bodyAt: Int) -> HTTPRequest {
    server.counters.bump(server.counters.requests)
    let now = server.clock.monotonic()
    lastBegan = now
    let body = makeBody(head, at: bodyAt, now: now)
    let terms = AnswerTerms(for: head)
    let request = makeRequest(consume head, body, now: now)
    // The rest of one that is here takes no time.
    writer.renew(id: request.id, terms: terms, body: arriving == nil ? nil : body)
    return request
  }

  /// Lets the responder answer one request. The request lives no longer than this call, so that a
  /// stream that follows does not keep the receive buffer.
  @inline(__always)
  private func answer(_ request: consuming HTTPRequest) async -> (Ending, closes: Bool) {
    var writer = writer
    self.writer.leave()
    activity = .answering
    socket.beginInterruptible()
    // What begins to wait after the drain began would not hear of it.
    if server.commons.isDraining { socket.task?.cancel() }
    if outbox.pending > 0 { server.sendAtTurnEnd(socket) }
    // Given away, so that the connection's own reference to it is the last.
    let end = await server.responder.respond(to: consume request, with: &writer)
    socket.endInterruptible()
    activity = .transferring
    defer { leaveRequest() }
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

  /// Writes the one answer to what the wire itself refuses.
  ///
  /// - Returns: whether it was sent.
  func refuse(_ refusal: WireRefusal) async -> Bool {
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
    return await socket.flush()
  }

  /// Nothing is read for some time: a stream lasts, or nobody asks.
  func releaseBuffers() {
    parser.release()
    request = nil
    // The rest of a body that has still to come counts from where it began.
    if arriving == nil, start == socket.buffer.count { rewind(keeping: 0) }
  }

  /// Everything received has been used: starts over at the front of the socket.buffer.
  func rewind(keeping: Int = 64 * 1024) {
    socket.buffer.reset(keeping: keeping)
    start = 0
  }

  /// Moves a message that has only begun to the front, when the room behind it gets short.
  private func compact() {
    guard start > 0 else { return }
    socket.buffer.discardFirst(start)
    start = 0
  }
}
