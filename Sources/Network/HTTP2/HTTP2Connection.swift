import Bytes
import HTTPWire

/// The HTTP/2 side of a connection: one task that reads and sends for all streams, and one task for
/// each stream that has something to do which takes one, all on the connection's loop.
/// Loop-confined.
///
/// Streams write into buffers of their own; what they have is put into frames when the loop's turn
/// ends, as much as the client's windows and the socket take: one write for all of them.
// SAFETY: `lastTask` is taken out before it is resumed, so that it is resumed once.
@safe final class HTTP2Connection<R: Responder> {
  let server: ServerLoop<R>
  let socket: Socket
  let session: HTTP2Session
  let kind: ListenerKind
  let peer: Peer
  var streams: [Int32: HTTP2Stream<R>] = [:]
  /// Answers to requests that the wire itself refuses, until their streams are over.
  var refused: [Int32: HTTP2Outgoing] = [:]
  /// Streams that begin once the client has taken enough of what it asked for before.
  private var unstarted: [HTTP2Stream<R>] = []
  /// Room for long bodies that are read whole.
  let bodyRoom: HTTP2BodyRoom<R>
  /// Streams that have a task or are begun, those included that are over.
  private var running = 0
  private var lastTask: UnsafeContinuation<Void, Never>?
  private var isInLine = false
  private var isGoing = false
  /// Nothing is read or sent any more.
  private(set) var isOver = false

  // Time.
  var hasHadRequest = false
  /// When something last came in: memory is kept for a while.
  var quietSince: MonotonicTime
  /// When the connection began, a request last came or a stream ended: whatever else comes in, it
  /// lives no longer for it.
  var idleSince: MonotonicTime
  var hasReleased = false
  /// When the socket was last seen to have taken less than there was for it: streams waited for it
  /// then, not for their windows.
  var behindAt: MonotonicTime
  /// When streams are next looked at whose windows may be shut.
  var nextSweep = MonotonicTime.distantFuture

  /// Bytes framed in one turn of the loop, so that one reader of much does not hold up the others.
  private static var bytesPerTurn: Int { 1024 * 1024 }
  /// Frames that may wait while the socket takes nothing, before the client is read no further.
  private static var queuedFrames: Int { 256 }

  init(_ socket: Socket, server: ServerLoop<R>, kind: ListenerKind, peer: Peer) {
    self.server = server
    self.socket = socket
    self.kind = kind
    self.peer = peer
    let now = server.clock.clocks.monotonic()
    session = HTTP2Session(limits: server.limits, now: now)
    bodyRoom = HTTP2BodyRoom(limit: server.limits.collectedBytes)
    quietSince = now
    idleSince = now
    behindAt = now
    server.counters.bump(server.counters.http2Connections)
  }

  /// The connection's task from its first byte to its last.
  ///
  /// - Parameter start: where what has been received begins.
  func run(from start: Int) async {
    var start = start
    while !isOver {
      var hasHadTurn = false
      if start < socket.buffer.count {
        let now = server.clock.clocks.monotonic()
        quietSince = now
        hasReleased = false
        take(session.receive(socket.buffer.slice(start..<socket.buffer.count), at: now))
        // One that always has more to be read would never be found to be idle.
        if hasIdled(at: now) { break }
        hasHadTurn = socket.canRead && now - server.clock.now >= server.limits.turn
      }
      socket.buffer.reset(keeping: server.limits.receiveBytes)
      start = 0
      // What the tasks of new streams answer at once leaves in the same write.
      wantsPump()
      // What is refused is answered, too: not more of it than the socket takes.
      if session.queuedFrames > Self.queuedFrames { pump() }
      if isAtEnd { break }
      // One that sends without a pause lets others have their turn.
      if hasHadTurn { await server.clock.nextTurn() }
      guard await waitForMore() else { break }
    }
    await end()
  }

  private var isAtEnd: Bool { socket.isBroken || session.isOver && socket.pending == 0 }

  /// Waits for bytes and receives them; pumps on while it does.
  ///
  /// - Returns: false when the connection is over.
  private func waitForMore() async -> Bool {
    while true {
      if isAtEnd { return false }
      if socket.canRead, !isBehind {
        switch socket.readNow(server.limits.receiveBytes) {
        case .bytes: return true
        case .ended, .failed: return false
        case .wouldBlock: break
        }
      }
      if socket.canWrite, socket.pending > 0 {
        pump()
        if isAtEnd { return false }
      }
      switch await socket.wait(for: isBehind ? .writable : .exchange, until: deadline) {
      case .ready: continue
      case .abandoned: return false
      case .deadline: guard timePassed() else { return false }
      }
    }
  }

  /// The socket takes less than the client makes us send: what it says is not read meanwhile.
  private var isBehind: Bool { socket.pending > 0 && session.queuedFrames > Self.queuedFrames }

  // MARK: - The end

  /// The server goes down: streams that wait are ended, requests that run are answered.
  func drainBegan() {
    goAway()
    for stream in streams.values { stream.drainBegan() }
  }

  private func goAway() {
    guard !isGoing else { return }
    isGoing = true
    session.goAway()
    wantsPump()
  }

  /// Says that nothing is taken here, and why the client may try again elsewhere.
  func turnAway() {
    goAway()
    _ = session.pump(
      into: socket.outbox, upTo: server.limits.outboxBytes, at: server.clock.now)
    isOver = true
  }

  /// Waits for the tasks of its streams, which hold requests whose outcome is the log's.
  private func end() async {
    if session.flood != nil { server.counters.bump(server.counters.http2Floods) }
    if !socket.isBroken {
      if !session.isOver { goAway() }
      _ = session.pump(
        into: socket.outbox, upTo: server.limits.outboxBytes, at: server.clock.now)
      socket.sendPending()
      socket.sayGoodbye()
    }
    isOver = true
    unstarted = []
    refused = [:]
    for stream in streams.values { stream.closed() }
    streams = [:]
    if running > 0 {
      await unsafe withUnsafeContinuation { (waiting: UnsafeContinuation<Void, Never>) in
        unsafe lastTask = waiting
      }
    }
    server.counters.bump(server.counters.http2Resets, by: session.resets)
  }

  // MARK: - In

  private func take(_ events: [HTTP2Event]) {
    var begun: [HTTP2Stream<R>] = []
    for event in events {
      switch event {
      case .request(let id, let head, let isWhole):
        if let stream = begin(id, head, isWhole: isWhole) { begun.append(stream) }
      case .refused(let id, let refusal, let isHead): refuse(id, refusal, isHead: isHead)
      case .data(let id, let piece): streams[id]?.received(piece)
      case .end(let id): streams[id]?.receivedAll()
      case .closed(let id):
        idleSince = server.clock.now
        guard let stream = streams.removeValue(forKey: id) else {
          refused[id] = nil
          continue
        }
        stream.closed()
        if !unstarted.isEmpty { unstarted.removeAll { $0 === stream } }
      }
    }
    // By now bodies that came along are complete; of others no slice may keep what was received.
    for event in events {
      if case .data(let id, _) = event { streams[id]?.settle() }
    }
    for stream in begun where !stream.isClosed { start(stream) }
  }

  private func begin(_ id: Int32, _ head: RequestHead, isWhole: Bool) -> HTTP2Stream<R>? {
    noteRequest()
    // Streams that were reset count as long as their tasks run.
    guard !isGoing, running < 2 * server.limits.streams else {
      server.counters.bump(server.counters.http2Refused)
      session.reset(id, .refused)
      return nil
    }
    server.counters.bump(server.counters.requests)
    let stream = HTTP2Stream(id, head, isWhole: isWhole, on: self)
    streams[id] = stream
    return stream
  }

  private func noteRequest() {
    hasHadRequest = true
    idleSince = server.clock.now
  }

  private func refuse(_ id: Int32, _ refusal: WireRefusal, isHead: Bool) {
    noteRequest()
    server.counters.count(refusal)
    let answer = HTTP2Outgoing()
    let name = server.makeID()
    var writer = AnswerWriter(
      into: answer.outbox, commons: server.commons, id: name,
      terms: AnswerTerms(isHead: isHead, version: .http11, keepAlive: true), body: nil)
    server.responder.refuse(refusal, id: name, with: &writer)
    if writer.phase != .complete {
      writer.startOver()
      writer.start(refusal.status)
      writer.finishEmpty()
    }
    answer.isEnded = true
    refused[id] = answer
    session.respond(with: answer, on: id, at: server.clock.now)
    endSoon(id)
    wantsPump()
  }

  /// The answer is there before the request is: the client has a while to read it and to stop, as
  /// one of HTTP/1.1 has, since not every one reads an answer that a reset follows.
  func endSoon(_ id: Int32) {
    let end = server.clock.now + server.limits.lingerTime
    _ = server.clock.schedule(at: end) { [weak self] in
      guard let self, !self.isOver else { return }
      self.session.reset(id, .notNeeded)
      self.wantsPump()
    }
  }

  // MARK: - Tasks

  /// Gives a stream a task, unless the client leaves too much unread.
  private func start(_ stream: HTTP2Stream<R>) {
    if session.pendingBytes > server.limits.unreadAnswerBytes || !unstarted.isEmpty {
      unstarted.append(stream)
    } else {
      serve(stream)
    }
  }

  private func startWaiting() {
    while !unstarted.isEmpty, session.pendingBytes <= server.limits.unreadAnswerBytes {
      let stream = unstarted.removeFirst()
      // The responder's end of this turn may be over, and the line of what is to be sent taken.
      if !stream.isClosed, serve(stream) { server.turnAgain() }
    }
  }

  /// Has a request answered, in a task only if it takes one.
  ///
  /// - Returns: whether it is begun, or answered, without one.
  @discardableResult
  private func serve(_ stream: HTTP2Stream<R>) -> Bool {
    switch stream.beginAtOnce() {
    case .left:
      startTask(for: stream)
      return false
    case .begun:
      running += 1
      return true
    case .complete:
      return true
    }
  }

  func startTask(for stream: HTTP2Stream<R>) {
    running += 1
    stream.task = server.startTask(for: stream)
  }

  func taskEnded() {
    running -= 1
    guard running == 0, let waiting = unsafe lastTask else { return }
    unsafe lastTask = nil
    unsafe waiting.resume()
  }

  // MARK: - Out

  /// A stream has something to send: the end of the turn sends it.
  func wantsPump() {
    guard !isInLine, !isOver else { return }
    isInLine = true
    server.pumpAtTurnEnd(self)
  }

  func pumpNow() {
    isInLine = false
    guard !isOver else { return }
    pump()
    // Its task sleeps until something comes in: the end has to be told, and a nearer one.
    if isAtEnd { socket.endWait() } else { socket.hasten(to: deadline) }
  }

  /// Frames what there is for as long as the socket takes it.
  private func pump() {
    // What has been framed goes first, so that the outbox does not grow under a slow peer.
    let now = server.clock.now
    var framed = 0
    while !socket.isBroken {
      socket.sendPending()
      if socket.pending > 0 {
        behindAt = now
        if socket.stall == nil { _ = socket.peerTakes(at: now) }
        break
      }
      guard framed < Self.bytesPerTurn else {
        wantsPump()
        server.turnAgain()
        break
      }
      let drained = session.pump(
        into: socket.outbox, upTo: server.limits.outboxBytes, at: now)
      take(session.takeEvents())
      for id in drained { streams[id]?.drained() }
      if socket.pending == 0 { break }
      framed += socket.pending
    }
    if !unstarted.isEmpty { startWaiting() }
  }
}
