import Bytes
import HTTPWire

/// One client connection and the state of its one task: read a head, let the responder answer, send,
/// again. Loop-confined; `run` is the task, everything else is called by the loop between its steps.
///
/// The socket is edge-triggered: `canRead` and `canWrite` remember that the kernel has something
/// until a call says otherwise. Sent is whenever the task is about to wait, so that the answers to
/// pipelined requests leave in one write.
@safe final class Connection<R: Responder>: EventHandler {
  /// What the task waits for at the socket; the continuation is taken out before it is resumed, so
  /// each is resumed once.
  enum Waiting: Equatable {
    case nothing, readable, writable
  }

  /// How a wait ended.
  enum Wake {
    case ready
    case deadline
    /// The server ends this connection.
    case abandoned
  }

  /// What the task is doing, for those who want to end it.
  enum Activity {
    /// Between two requests.
    case idle
    /// Reading a head or a body, sending, lingering.
    case transferring
    /// In the responder or in a stream: ended by cancelling.
    case answering
  }

  let server: ServerLoop<R>
  let fd: Int32
  let kind: ListenerKind
  let peer: ByteSlice
  let openingRefusal: WireRefusal?
  var task: Task<Void, Never>?
  var registration: Registration?

  // What the kernel said.
  var canRead = false
  var canWrite = true
  /// The peer has sent its last byte, or the connection is gone.
  var hasHungUp = false
  /// `recv` has returned the peer's end.
  var hasEnded = false
  /// Nothing more can be sent.
  var isBroken = false
  var isAbandoned = false

  // The task's wait.
  var activity = Activity.transferring
  var waiting = Waiting.nothing
  var waiter: UnsafeContinuation<Wake, Never>?
  var deadline = MonotonicTime.distantFuture
  var timer: TimerToken?
  var timerAt = MonotonicTime.distantFuture

  // The messages.
  var parser: RequestParser
  let outbox = Outbox()
  var buffer = ByteBuffer()
  /// Where the current message starts in `buffer`.
  var start = 0
  /// The body's next unread byte in `buffer`, while a body arrives.
  var arriving: ArrivingBody?
  var isFirstRequest = true

  init(
    fd: Int32, kind: ListenerKind, peer: ByteSlice, server: ServerLoop<R>, refusal: WireRefusal?
  ) {
    self.fd = fd
    self.kind = kind
    self.peer = peer
    self.server = server
    openingRefusal = refusal
    parser = RequestParser(limits: server.limits)
  }

  func watch(on loop: isolated Loop) throws(NetworkFailure) {
    registration = try loop.watch(connection: fd, self)
  }

  /// The task is over.
  func close(on loop: isolated Loop) {
    if let timer { server.clock.cancel(timer) }
    if let registration { loop.forget(registration) }
    registration = nil
    Syscalls.close(fd)
    task = nil
    server.remove(self)
  }

  // MARK: - Events

  func ready(_ readiness: Readiness, on loop: isolated Loop) {
    if readiness.contains(.readable) { canRead = true }
    if readiness.contains(.writable) { canWrite = true }
    if readiness.contains(.hungUp) {
      hasHungUp = true
      canRead = true
      if readiness.contains(.broken) { canWrite = true }
      if activity == .answering { task?.cancel() }
    }
    switch waiting {
    case .readable where canRead: wake(.ready)
    case .writable where canWrite: wake(.ready)
    default: break
    }
  }

  /// The server goes down: an idle connection ends, a waiting answer is asked to, a request that is
  /// being read or written gets its answer.
  func drainBegan() {
    switch activity {
    case .idle: wake(.abandoned)
    case .answering: task?.cancel()
    case .transferring: break
    }
  }

  /// Ends the connection whatever it does.
  func abandon() {
    isAbandoned = true
    isBroken = true
    Syscalls.shutdownBoth(fd)
    task?.cancel()
    wake(.abandoned)
  }

  private func wake(_ reason: Wake) {
    waiting = .nothing
    // SAFETY: taken out before it is resumed, so no continuation is resumed twice; every wait ends by
    // an event, its deadline or the server's end.
    guard let waiting = unsafe waiter else { return }
    unsafe waiter = nil
    unsafe waiting.resume(returning: reason)
  }

  // MARK: - Waiting

  /// Suspends until the socket is ready in this direction, or until `until`.
  func wait(for direction: Waiting, until: MonotonicTime) async -> Wake {
    if isAbandoned { return .abandoned }
    deadline = until
    armTimer()
    waiting = direction
    return await unsafe withUnsafeContinuation { continuation in
      unsafe waiter = continuation
    }
  }

  /// Makes sure a timer fires no later than `deadline`. One that fires earlier stays and is moved on
  /// when it does, so that a busy connection does not touch the timers at each request.
  private func armTimer() {
    if timer != nil, timerAt <= deadline { return }
    if let timer { server.clock.cancel(timer) }
    timerAt = deadline
    timer = server.clock.schedule(at: deadline) { [unowned self] in timerFired() }
  }

  private func timerFired() {
    timer = nil
    guard waiting != .nothing else { return }
    if deadline <= server.clock.now { wake(.deadline) } else { armTimer() }
  }

  // MARK: - Bytes in

  enum Received: Equatable {
    case bytes
    /// The peer sends no more.
    case ended
    case deadline
    case abandoned
    case failed
  }

  /// Appends what the socket has to `buffer`, waiting for it if necessary.
  func receive(atLeastRoom room: Int = 2048, until: MonotonicTime) async -> Received {
    while true {
      if canRead {
        switch readNow(room) {
        case .bytes: return .bytes
        case .ended:
          hasEnded = true
          return .ended
        case .failed:
          isBroken = true
          return .failed
        case .wouldBlock: break
        }
      }
      switch await wait(for: .readable, until: until) {
      case .ready: continue
      case .deadline: return .deadline
      case .abandoned: return .abandoned
      }
    }
  }

  private func readNow(_ room: Int) -> Syscalls.Transfer {
    let capacity = buffer.capacity
    let wanted =
      capacity == 0 ? server.limits.receiveBytes : max(capacity - buffer.count, room)
    var transfer = Syscalls.Transfer.wouldBlock
    let fd = self.fd
    var hadRoom = 0
    _ = unsafe buffer.appendUnsafe(room: wanted) { free in
      hadRoom = free.count
      transfer = unsafe Syscalls.receive(fd, into: free)
      if case .bytes(let count) = transfer { return count }
      return 0
    }
    switch transfer {
    case .bytes(let count):
      // A short read has emptied the socket: what comes now makes a new event. A hang-up that has
      // been reported makes none, so then the end is still to be read.
      canRead = count == hadRoom || hasHungUp
      server.counters.bump(server.counters.received, by: count)
    case .wouldBlock: canRead = false
    case .ended, .failed: break
    }
    return transfer
  }

  // MARK: - Bytes out

  /// Sends everything that is pending, waiting as long as the peer accepts some of it.
  ///
  /// - Returns: false when the connection is lost.
  func flush() async -> Bool {
    while true {
      sendPending()
      if isBroken { return false }
      if outbox.pending == 0 { return true }
      let stall = server.clock.clocks.monotonic() + server.limits.writeStallTime
      switch await wait(for: .writable, until: stall) {
      case .ready: continue
      case .deadline:
        server.counters.bump(server.counters.writeStalls)
        isBroken = true
        return false
      case .abandoned: return false
      }
    }
  }

  /// Sends what the socket takes without waiting.
  func sendPending() {
    while outbox.pending > 0, canWrite, !isBroken {
      let sent = outbox.sent
      let transfer = unsafe outbox.bytes.bytes.withUnsafeBytes { bytes in
        unsafe Syscalls.send(
          fd, UnsafeRawBufferPointer(rebasing: bytes[sent..<outbox.committed]))
      }
      switch transfer {
      case .bytes(let count):
        server.counters.bump(server.counters.sent, by: count)
        if count < outbox.pending { canWrite = false }
        outbox.markSent(count)
      case .wouldBlock: canWrite = false
      case .ended, .failed: isBroken = true
      }
    }
  }
}
