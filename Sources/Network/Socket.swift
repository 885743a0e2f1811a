import Bytes
import Crypto
import HTTPWire

/// One connected socket as a task sees it: wait, receive, send. Loop-confined; the events come from
/// the loop between the task's steps.
///
/// The socket is edge-triggered: `canRead` and `canWrite` remember that the kernel has something
/// until a call says otherwise.
@safe final class Socket: EventHandler {
  /// What the task waits for; the continuation is taken out before it is resumed, so each is
  /// resumed once.
  enum Waiting: Equatable {
    case nothing, readable, writable
    /// Bytes to receive, or room for those that are pending.
    case exchange
    /// A hang-up, the deadline or its owner; no task waits, the sleeper is told.
    case event
    /// Nothing yet: a task waits for what comes next, while a request is answered without it.
    case answer
  }

  /// How a wait ended.
  enum Wake {
    case ready
    case deadline
    /// The owner ends this connection.
    case abandoned
  }

  let fd: Int32
  let clock: LoopClock
  let lane: ServerCounters.Lane
  let receiveBytes: Int
  let writeStallTime: TimeSpan
  private(set) var registration: Registration?

  // What the kernel said.
  private(set) var canRead = false
  var canWrite: Bool
  /// The records around the bytes; nil in the clear.
  private(set) var tls: TLSSession?
  /// Whether anything has come in under TLS, and whether that was a request in the clear.
  var hasReceived = false
  var metPlainHTTP = false
  /// The peer has sent its last byte, or the connection is gone.
  private(set) var hasHungUp = false
  /// `recv` has returned the peer's end.
  var hasEnded = false
  /// Nothing more can be sent or received.
  var isBroken = false
  private(set) var isAbandoned = false
  /// What can be read is left for a later turn of the loop.
  private var readsLater = false

  /// The task that is cancelled when the peer hangs up while `isInterruptible`.
  var task: Task<Void, Never>?
  /// Whether the task is somewhere that does not look at the socket.
  private(set) var isInterruptible = false

  /// What the peer has yet to take while the kernel takes nothing from here; nil while it does.
  var stall: Stall?

  /// Who is told when a wait without a task is over.
  weak var sleeper: (any Sleeper)?

  /// Who takes what comes in while the task waits for it, if somebody does; kept.
  var reader: (any BytesReader)?

  // The task's wait.
  private var waiting = Waiting.nothing
  private var waiter: UnsafeContinuation<Wake, Never>?
  private var deadline = MonotonicTime.distantFuture
  private var timer: TimerToken?
  private var timerAt = MonotonicTime.distantFuture

  var buffer = ByteBuffer()
  let outbox = Outbox()

  /// - Parameter canWrite: false for a socket that is still connecting.
  init(
    fd: Int32, clock: LoopClock, lane: ServerCounters.Lane, limits: WireLimits,
    tls: TLSSession? = nil, canWrite: Bool = true
  ) {
    self.tls = tls
    self.canWrite = canWrite
    self.fd = fd
    self.clock = clock
    self.lane = lane
    receiveBytes = limits.receiveBytes
    writeStallTime = limits.writeStallTime
  }

  func watch(on loop: isolated Loop) throws(NetworkFailure) {
    registration = try loop.watch(connection: fd, self)
  }

  /// Nobody waits any more: gives the descriptor back.
  func close(on loop: isolated Loop) {
    guard let registration else { return }
    if let timer { clock.cancel(timer) }
    timer = nil
    loop.forget(registration)
    self.registration = nil
    isBroken = true
    Syscalls.close(fd)
    task = nil
  }

  // MARK: - Events

  func ready(_ readiness: Readiness, on loop: isolated Loop) {
    if readiness.contains(.readable), !readsLater { canRead = true }
    if readiness.contains(.writable) { canWrite = true }
    if readiness.contains(.hungUp) {
      hasHungUp = true
      canRead = true
      if readiness.contains(.broken) { canWrite = true }
      if isInterruptible { task?.cancel() }
    }
    noteEvent()
  }

  private func noteEvent() {
    switch waiting {
    case .readable where canRead:
      if let reader { reader.bytesArrived() } else { wake(.ready) }
    case .writable where canWrite: wake(.ready)
    case .exchange where isReadyToExchange: wake(.ready)
    case .event where hasHungUp: wake(.ready)
    default: break
    }
  }

  /// The task goes where it does not look at the socket: from now on a hang-up cancels it, and one
  /// that has been seen does so at once.
  func beginInterruptible() {
    isInterruptible = true
    if hasHungUp { task?.cancel() }
  }

  func endInterruptible() { isInterruptible = false }

  func interrupt() { abandon() }

  /// Ends a wait, or the next one, as if the connection were over.
  func abandon() {
    isAbandoned = true
    wake(.abandoned)
  }

  /// Ends the connection whatever its task does.
  func cut() {
    isBroken = true
    Syscalls.shutdownBoth(fd)
    task?.cancel()
    abandon()
  }

  /// A wait that has begun ends at `instant`, if not before.
  func hasten(to instant: MonotonicTime) {
    guard waiting != .nothing, instant < deadline else { return }
    deadline = instant
    armTimer()
  }

  /// Ends the task's wait, if it waits, as if its event had come.
  func endWait() { wake(.ready) }

  /// Answers a request without the task, which goes on waiting: nothing wakes it until `waitOn` or
  /// `wakeTask`.
  func holdWait() { waiting = .answer }

  /// The task waits as before, with another deadline.
  func waitOn(until: MonotonicTime) {
    waiting = .readable
    deadline = until
    armTimer()
  }

  /// Ends the wait that `holdWait` has held.
  func wakeTask() {
    waiting = .readable
    wake(.ready)
  }

  private func wake(_ reason: Wake) {
    // What has happened is kept and looked at when the answer is there.
    if waiting == .answer { return }
    if stopSleeping() {
      sleeper?.wokeUp()
      return
    }
    waiting = .nothing
    // SAFETY: taken out before it is resumed, so no continuation is resumed twice; every wait ends
    // by an event, its deadline or its owner.
    guard let continuation = unsafe waiter else { return }
    unsafe waiter = nil
    unsafe continuation.resume(returning: reason)
  }

  // MARK: - Waiting

  /// Suspends until the socket is ready in this direction, or until `until`.
  @inline(__always)
  func wait(for direction: Waiting, until: MonotonicTime) async -> Wake {
    if isAbandoned { return .abandoned }
    deadline = until
    armTimer()
    return await unsafe withUnsafeContinuation { continuation in
      unsafe waiter = continuation
      waiting = direction
      // The event may have come between the caller's look and here, where the task was on its way.
      let isReady =
        switch direction {
        case .readable: canRead
        case .exchange: isReadyToExchange
        default: canWrite
        }
      if isReady { wake(.ready) }
    }
  }

  private var isReadyToExchange: Bool { canRead || canWrite && pending > 0 }

  /// Waits without a task until a hang-up, `until` or the owner; then the sleeper is told, once.
  func sleep(until: MonotonicTime) {
    deadline = until
    armTimer()
    waiting = .event
    if hasHungUp || isAbandoned || isBroken { wake(.ready) }
  }

  var isAsleep: Bool { waiting == .event }

  /// Ends a sleep without telling the sleeper.
  ///
  /// - Returns: whether there was one.
  func stopSleeping() -> Bool {
    guard waiting == .event else { return false }
    waiting = .nothing
    return true
  }

  /// Makes sure a timer fires no later than `deadline`. One that fires earlier stays and is moved
  /// on when it does, so that a busy connection does not touch the timers at each request.
  private func armTimer() {
    if timer != nil, timerAt <= deadline { return }
    if let timer { clock.cancel(timer) }
    timerAt = deadline
    timer = clock.schedule(at: deadline) { [unowned self] in timerFired() }
  }

  private func timerFired() {
    timer = nil
    guard waiting != .nothing, waiting != .answer else { return }
    if deadline <= clock.now { wake(.deadline) } else { armTimer() }
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
        case .ended: return .ended
        case .failed: return .failed
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

  /// Appends what the socket has to `buffer`, without waiting.
  func readNow(_ room: Int) -> Syscalls.Transfer {
    if let tls { return receiveSealed(tls) }
    let capacity = buffer.capacity
    let wanted =
      capacity == 0 ? receiveBytes : max(capacity - buffer.count, room)
    var transfer = Syscalls.Transfer.wouldBlock
    let fd = self.fd
    var hadRoom = 0
    _ = unsafe buffer.appendUnsafe(room: wanted) { free in
      hadRoom = free.count
      transfer = unsafe Syscalls.receive(fd, into: free)
      if case .bytes(let count) = transfer { return count }
      return 0
    }
    if case .bytes(let count) = transfer {
      noteReceived(count, of: hadRoom)
    } else {
      noteFailed(transfer)
    }
    return transfer
  }

  /// The peer began without TLS: what it gets for an answer goes in the clear, too.
  func fallBackToPlain() {
    metPlainHTTP = true
    tls = nil
  }

  /// A short read has emptied the socket: what comes now makes a new event. A hang-up that has been
  /// reported makes none, so then the end is still to be read.
  func noteReceived(_ count: Int, of room: Int) {
    canRead = count == room || hasHungUp
    lane.bump(lane.received, by: count)
  }

  /// What there is has been looked at and left.
  func noteSeen() { canRead = false }

  /// There is something to be told that no event of the kernel announces.
  func noteReadable() { canRead = true }

  /// What the kernel has is read in a later turn of the loop, as if it came in then.
  func readLater() {
    canRead = false
    guard !readsLater else { return }
    readsLater = true
    // Not now: the timers that are due now fire in this turn.
    _ = clock.schedule(at: clock.now + .nanoseconds(1)) { [weak self] in
      guard let self, !self.isBroken else { return }
      self.readsLater = false
      self.canRead = true
      self.noteEvent()
    }
  }

  /// Nothing was received.
  func noteFailed(_ transfer: Syscalls.Transfer) {
    switch transfer {
    case .wouldBlock: canRead = false
    case .ended: hasEnded = true
    case .bytes, .failed: isBroken = true
    }
  }
}

/// Whoever takes what comes in for a task that waits. Loop-confined.
protocol BytesReader: AnyObject {
  /// The socket may be read; the task still waits.
  func bytesArrived()
}

/// The owner of a socket that waits without a task. Loop-confined.
protocol Sleeper: AnyObject {
  func wokeUp()
}
