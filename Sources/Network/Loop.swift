public import Bytes
import HTTPWire

/// One event loop: an actor whose executor is an epoll thread. It owns the descriptors and timers
/// of that thread, and whatever its resident keeps there; connection tasks are isolated to it, so
/// their state needs no locks and no unchecked sendability.
///
/// One turn: run every job that is ready → tell the resident → rest, if that pays → ask the
/// kernel → dispatch events → fire timers.
public actor Loop {
  /// Which of the process's loops this is, from 0.
  public nonisolated let number: Int
  nonisolated let thread: LoopThread
  public let clock: LoopClock
  private var slots: [Slot] = []
  private var freeSlots: [UInt32] = []
  private var resident: (any LoopResident)?
  private var pace: TurnPace
  /// Somebody was accepted in this turn, and others may wait for it.
  private var hasAccepted = false
  private let grain: TimeSpan

  private struct Slot {
    var generation: UInt32 = 0
    var handler: (any EventHandler)?
    var isListener = false
    /// When it last had an event: a `senderRound` of the pace.
    var round = UInt32.max
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    // SAFETY: the loop owns its thread, so the executor outlives every job of the actor.
    unsafe thread.asUnownedSerialExecutor()
  }

  /// Makes the loop and starts its thread.
  ///
  /// - Parameter grain: what the loop sleeps for timers is a multiple of this: they may be so late,
  ///   and those that are due in about the same time wake it once.
  public init(
    number: Int, clocks: Clocks = .system, grain: TimeSpan = .milliseconds(1)
  ) throws(NetworkFailure) {
    self.number = number
    self.grain = grain
    let thread = try LoopThread()
    self.thread = thread
    let clock = LoopClock(clocks: clocks) { work in thread.post(work) }
    self.clock = clock
    pace = TurnPace(at: clock.now)
    thread.start(named: "loop-\(number)") { [self] in
      assumeIsolated { loop in loop.turn() }
    }
  }

  /// Gives the loop its resident, made on the loop.
  func settle<Failure: Error>(
    _ make: @Sendable (isolated Loop) throws(Failure) -> any LoopResident
  ) throws(Failure) {
    resident = try make(self)
  }

  /// Runs `body` on the loop, for clients and tests: connections made there live in its task.
  public func run<Result: Sendable, Failure: Error>(
    _ body: @Sendable (isolated Loop) async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    try await withTaskExecutorPreference(thread) { () async throws(Failure) -> Result in
      try await self.runHere(body)
    }
  }

  private func runHere<Result: Sendable, Failure: Error>(
    _ body: @Sendable (isolated Loop) async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    try await body(self)
  }

  /// Starts a task of one of the resident's connections.
  ///
  /// The task prefers this loop's thread as its task executor as well: a resumed continuation is
  /// first handed to the task executor and only then hops to its actor. Without the preference the
  /// first step would be a thread of the cooperative pool, at each resumption.
  nonisolated func startTask(for name: ObjectIdentifier) -> Task<Void, Never> {
    Task(executorPreference: thread) { await self.serve(name) }
  }

  private func serve(_ name: ObjectIdentifier) async {
    await resident?.serve(name, on: self)
  }

  /// Asks the resident to finish.
  func beginDrain() { resident?.beginDrain(on: self) }

  /// Makes the resident end at once.
  func abandon() { resident?.abandon(on: self) }

  /// Ends the thread. Nothing may run here any more afterwards.
  public nonisolated func stop() async {
    await dismiss()
    await thread.stop()
  }

  private func dismiss() { resident = nil }

  /// What follows the jobs of a turn, and then the events and timers that make the next one's.
  private func turn() {
    resident?.turnEnded(on: self)
    rest()
    let span = thread.prepareToSleep() ? sleepLimit() : .zero
    // What the events lead to is a part of the turn that begins here.
    let events = thread.poller.wait(for: span, woken: turnBegan) { tag, readiness in
      dispatch(tag, readiness)
    }
    pace.turnBegan(at: clock.now, events: events)
    clock.fireDue()
  }

  private func turnBegan() {
    clock.advance()
    resident?.turnBegan(at: clock.wallNow)
  }

  /// What other threads post meanwhile finds the loop awake, and rings no bell.
  private func rest() {
    defer { hasAccepted = false }
    guard pace.mayRest, !hasAccepted, resident != nil, thread.isIdle,
      clock.next.map({ $0 > clock.now }) ?? true,
      let span = pace.rest(at: clock.monotonic())
    else { return }
    Syscalls.sleep(span)
    resident?.rested()
  }

  private func sleepLimit() -> TimeSpan? {
    guard let next = clock.next else { return nil }
    let span = next - clock.monotonic()
    if span.nanoseconds <= 0 { return .zero }
    // Rounded up, so that the timer is due when the thread wakes.
    let grains = (span.nanoseconds - 1) / grain.nanoseconds + 1
    return .nanoseconds(grains * grain.nanoseconds)
  }

  private func dispatch(_ tag: UInt64, _ readiness: Readiness) {
    let index = Int(truncatingIfNeeded: tag & 0xFFFF_FFFF)
    // An event of a descriptor that was closed earlier in this batch, its slot perhaps given away.
    guard slots[index].generation == UInt32(tag >> 32) else { return }
    if slots[index].isListener {
      hasAccepted = true
    } else if slots[index].round != pace.senderRound {
      slots[index].round = pace.senderRound
      pace.senderCame()
    }
    slots[index].handler?.ready(readiness, on: self)
  }

  /// Watches a connection's descriptor; `forget` it before closing it.
  func watch(
    connection fd: Int32, _ handler: any EventHandler
  ) throws(NetworkFailure) -> Registration {
    let registration = take(handler)
    do throws(NetworkFailure) {
      try thread.poller.addConnection(fd, tag: registration.tag)
    } catch {
      forget(registration)
      throw error
    }
    return registration
  }

  /// - Parameter isShared: whether other loops accept from the same socket.
  func watch(
    listener fd: Int32, isShared: Bool, _ handler: any EventHandler
  ) throws(NetworkFailure) -> Registration {
    let registration = take(handler)
    slots[Int(registration.slot)].isListener = true
    do throws(NetworkFailure) {
      if isShared {
        try thread.poller.addSharedListener(fd, tag: registration.tag)
      } else {
        try thread.poller.addListener(fd, tag: registration.tag)
      }
    } catch {
      forget(registration)
      throw error
    }
    return registration
  }

  /// Ends a registration: no event of it is delivered any more.
  func forget(_ registration: Registration) {
    let index = Int(registration.slot)
    guard slots[index].generation == registration.generation else { return }
    slots[index].generation &+= 1
    slots[index].handler = nil
    freeSlots.append(registration.slot)
  }

  /// Interrupts whoever waits for this descriptor, from any thread; too late is too late.
  nonisolated func interruptSoon(_ registration: Registration) {
    Task(executorPreference: thread) { await self.interrupt(registration) }
  }

  private func interrupt(_ registration: Registration) {
    let slot = slots[Int(registration.slot)]
    guard slot.generation == registration.generation else { return }
    slot.handler?.interrupt()
  }

  private func take(_ handler: any EventHandler) -> Registration {
    let slot: UInt32
    if let reused = freeSlots.popLast() {
      slot = reused
    } else {
      slot = UInt32(slots.count)
      slots.append(Slot())
    }
    slots[Int(slot)].handler = handler
    slots[Int(slot)].isListener = false
    return Registration(slot: slot, generation: slots[Int(slot)].generation)
  }
}

/// Somebody who waits for a descriptor's events. Loop-confined.
protocol EventHandler: AnyObject {
  func ready(_ readiness: Readiness, on loop: isolated Loop)
  /// Whoever waits for it no longer wants to.
  func interrupt()
}

/// What lives on a loop besides its connections. Loop-confined.
protocol LoopResident: AnyObject {
  /// Every job of the turn has run.
  func turnEnded(on loop: isolated Loop)
  /// The life of one connection, in its task.
  func serve(_ name: ObjectIdentifier, on loop: isolated Loop) async
  /// The loop has slept, so that its next look at the sockets brings more.
  func rested()
  /// The clocks have been read.
  func turnBegan(at wall: UnixTime)
  /// Take no new work, finish what runs.
  func beginDrain(on loop: isolated Loop)
  /// End everything now.
  func abandon(on loop: isolated Loop)
}

/// A watched descriptor. The generation tells it from earlier owners of its slot.
struct Registration: Equatable, Sendable {
  let slot: UInt32
  let generation: UInt32

  var tag: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}
