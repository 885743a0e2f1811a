import Bytes
import Crypto
import HTTPWire

/// One request on an HTTP/2 connection and the state of its task. Loop-confined; `run` is the task,
/// the rest is called by the connection between its steps.
///
/// ```
/// answering ──▶ done                    (a whole answer)
///     ├──▶ begun ──▶ done               (one that takes no task)
///     └──▶ streaming ◀──▶ waiting       (a streamed one; waiting has no task)
///              └──▶ done
/// ```
// SAFETY: `waiter` is taken out before it is resumed, so that each is resumed once.
@safe final class HTTP2Stream<R: Responder> {
  private enum State {
    case answering
    /// The responder completes the answer.
    case begun(AnswerWriter)
    case streaming(any AnswerStream)
    /// Until the timer, `rouse`, the end of the stream or the drain.
    case waiting(any AnswerStream, TimerToken?)
    case done
  }

  let id: Int32
  let connection: HTTP2Connection<R>
  let head: RequestHead
  var task: Task<Void, Never>?
  private var state = State.answering
  private(set) var isClosed = false
  private var isRoused = false
  let outgoing = HTTP2Outgoing()
  /// The request, once the responder has seen it and left it to the task.
  private var opened: (request: HTTPRequest, writer: AnswerWriter)?
  /// The body, while it comes.
  var body: HTTP2Body

  // The task's wait.
  private var waiter: UnsafeContinuation<Void, Never>?
  private var timer: TimerToken?
  private(set) var hasTimedOut = false

  var server: ServerLoop<R> { connection.server }

  /// Bytes of a stream that a reader may leave unread before events are no longer pushed to it.
  private static var pushedBytes: Int { 64 * 1024 }

  init(
    _ id: Int32, _ head: RequestHead, isWhole: Bool, on connection: HTTP2Connection<R>
  ) {
    self.id = id
    self.head = head
    self.connection = connection
    body = HTTP2Body(isWhole: isWhole, owesContinue: head.expectsContinue)
  }

  // MARK: - What the connection says

  func received(_ piece: ByteSlice) {
    if case .answering = state {
      body.append(piece)
      resume()
    } else {
      // Nobody reads it any more.
      connection.session.consumed(piece.count, on: id)
    }
  }

  func receivedAll() {
    body.hasAll = true
    resume()
  }

  /// What has come is looked at later: it must not hold on to what else was received with it.
  func settle() { if !body.hasAll { body.settle() } }

  /// The stream, or the connection, is gone.
  func closed() {
    isClosed = true
    task?.cancel()
    wake()
    resume()
  }

  /// All that it had has been framed.
  func drained() { resume() }

  func drainBegan() {
    switch state {
    case .answering, .streaming: task?.cancel()
    case .waiting: wake()
    case .begun, .done: break
    }
  }

  // MARK: - The task

  func run() async {
    switch state {
    case .answering: await answer()
    case .streaming: await streamOn()
    case .begun, .waiting, .done: break
    }
    task = nil
    connection.taskEnded()
  }

  /// The request, with the writer of its answer.
  private func open() -> (request: HTTPRequest, writer: AnswerWriter) {
    let now = server.clock.clocks.monotonic()
    body.began = now
    let content = makeBody()
    let request = HTTPRequest(
      id: server.makeID(), head: head, body: content, received: now,
      receivedAt: server.clock.wallNow + (now - server.clock.now), listener: connection.kind,
      peer: server.client(of: head, behind: connection.peer),
      clientCertificate: connection.socket.tls?.peerCertificate, isRenewed: false)
    let writer = AnswerWriter(
      into: outgoing.outbox, commons: server.commons, id: request.id,
      terms: AnswerTerms(isHead: head.method == .head, version: .http11, keepAlive: true),
      body: content)
    return (request, writer)
  }

  /// Lets the responder answer a request that has come completely, if it is of those that take no
  /// task.
  ///
  /// - Returns: `left` where it takes one.
  func beginAtOnce() -> Beginning {
    guard body.hasAll else { return .left }
    let (request, opening) = open()
    var writer = opening
    let beginning = server.responder.begin(request, with: &writer, for: self)
    switch beginning {
    case .left: opened = (request, writer)
    case .begun: state = .begun(writer)
    case .complete: conclude(writer.phase)
    }
    return beginning
  }

  /// An answer that is not streamed has been written.
  private func conclude(_ phase: AnswerWriter.Phase) {
    state = .done
    leaveBody()
    guard !isClosed else { return }
    if phase == .complete {
      outgoing.isEnded = true
      connection.session.respond(with: outgoing, on: id, at: server.clock.now)
      endSoon()
    } else {
      // A responder that did not keep its word: nothing sensible can be sent.
      connection.session.reset(id, .failed)
    }
    connection.wantsPump()
  }

  private func answer() async {
    let (request, opening) = opened ?? open()
    var writer = opening
    opened = nil
    // What begins to wait after the drain began would not hear of it.
    if server.commons.isDraining { task?.cancel() }
    let end = await server.responder.respond(to: request, with: &writer)
    request.body.detach()
    guard case .stream(let stream) = end else { return conclude(writer.phase) }
    state = .done
    leaveBody()
    guard !isClosed else { return stream.detach() }
    if writer.phase == .streaming {
      await begin(stream, framing: writer.streamFraming)
    } else {
      connection.session.reset(id, .failed)
    }
    connection.wantsPump()
  }

  private func begin(
    _ stream: any AnswerStream, framing: AnswerWriter.StreamFraming
  ) async {
    outgoing.isEnded = framing == .absent
    connection.session.respond(with: outgoing, on: id, at: server.clock.now)
    guard !outgoing.isEnded else { return endSoon() }
    connection.wantsPump()
    state = .streaming(stream)
    stream.attach(to: self)
    await streamOn()
  }

  /// The answer is complete. Its request may never be.
  private func endSoon() { if !body.hasAll { connection.endSoon(id) } }

  /// Steps of a streamed body, each when the one before has been framed.
  private func streamOn() async {
    guard case .streaming(let stream) = state else { return }
    var steps = 0
    // Chunks that were pushed while nobody stepped may still be on their way.
    while await framed() {
      isRoused = false
      if server.commons.isDraining { task?.cancel() }
      var bytes = outgoing.outbox.take()
      let step = await stream.next(into: &bytes)
      outgoing.outbox.putBack(step == .abort || isClosed ? ByteWriter() : bytes)
      guard !isClosed else { break }
      if step == .abort {
        connection.session.reset(id, .failed)
        connection.wantsPump()
        break
      }
      outgoing.isEnded = step == .end
      connection.session.resume(id, at: server.clock.now)
      connection.wantsPump()
      if outgoing.isEnded {
        endSoon()
        break
      }
      if case .wait(let until) = step {
        outgoing.outbox.release(keeping: 0)
        if sleep(stream, until: until) { return }
      }
      steps += 1
      if steps % 16 == 0 { await server.clock.nextTurn() }
    }
    state = .done
    stream.detach()
  }

  /// Waits until everything has been framed, or the stream is over: the connection ends those that
  /// take nothing for too long.
  private func framed() async -> Bool {
    while outgoing.pending > 0, !isClosed { await wait(until: .distantFuture) }
    return !isClosed
  }

  /// Lets the task end while the stream waits.
  private func sleep(_ stream: any AnswerStream, until: MonotonicTime) -> Bool {
    if isRoused || isClosed || server.commons.isDraining { return false }
    let token =
      until == .distantFuture
      ? nil : server.clock.schedule(at: until) { [weak self] in self?.wake() }
    state = .waiting(stream, token)
    return true
  }

  /// A new task takes up where the last one left.
  private func wake() {
    guard case .waiting(let stream, let token) = state else { return }
    if let token { server.clock.cancel(token) }
    guard !isClosed else {
      state = .done
      stream.detach()
      return
    }
    state = .streaming(stream)
    connection.startTask(for: self)
  }

  // MARK: - Waiting

  /// Suspends until `resume`, or until an instant.
  func wait(until: MonotonicTime) async {
    hasTimedOut = false
    if until != .distantFuture {
      timer = server.clock.schedule(at: until) { [weak self] in
        self?.timer = nil
        self?.hasTimedOut = true
        self?.resume()
      }
    }
    await unsafe withUnsafeContinuation { (waiting: UnsafeContinuation<Void, Never>) in
      unsafe waiter = waiting
    }
  }

  /// Ends the wait, if there is one. Taken out first, so that each is resumed once.
  func resume() {
    guard let waiting = unsafe waiter else { return }
    if let timer { server.clock.cancel(timer) }
    timer = nil
    unsafe waiter = nil
    unsafe waiting.resume()
  }
}

extension HTTP2Stream: AnswerTaker {
  func completeAnswer(_ write: (inout AnswerWriter) -> Void) {
    guard case .begun(var writer) = state else { preconditionFailure("nothing was begun") }
    write(&writer)
    conclude(writer.phase)
    connection.taskEnded()
  }
}

extension HTTP2Stream: AnswerSink {
  func rouse() {
    if case .waiting = state { wake() } else { isRoused = true }
  }

  /// Takes it as long as little is unread; the end of the turn sends what all streams have.
  func push(_ chunk: ByteSlice) -> PushOutcome {
    guard case .waiting = state, !isClosed, outgoing.pending <= Self.pushedBytes,
      connection.session.pendingBytes <= server.limits.unreadAnswerBytes
    else {
      rouse()
      return .refused
    }
    outgoing.outbox.append(ChunkFrame.payload(of: chunk))
    connection.session.resume(id, at: server.clock.now)
    connection.wantsPump()
    if outgoing.pending <= Self.pushedBytes { return .sent }
    rouse()
    return .queued
  }
}
