public import Bytes
import HTTPWire
public import Subscriptions
import Synchronization
public import Tenancy
public import Topics

/// The one owner of a subscription's machine. Any loop may call; the lock is held for the machine's
/// rules and for staging what changed, never across a suspension, and waiters are woken after it.
///
/// Lock order: dispatcher, then the store's stage.
///
/// Calls that wait for events stand in a line. Only its head watches the topic's growth and the
/// machine's next due instant; whoever leaves the head, and every change that makes something
/// deliverable, wakes the next. So an event wakes one waiting call, not all of them.
public final class Dispatcher<Log: TopicLog & SubscriptionStore>: Sendable {
  struct Line {
    var order: [UInt64] = []
    var waiters: [UInt64: Waiter] = [:]
    var nextTicket: UInt64 = 0
  }
  struct State {
    var machine: SubscriptionMachine
    var line = Line()
    /// The due instant for which the head of the line has set its timer.
    var headWakesAt = MonotonicTime.distantFuture
    /// Whether a timer will call `flush`.
    var flushIsScheduled = false
    /// Staged changes that nobody waits for and whose fate is not known yet.
    var unwatched: [ChangeSettlement] = []
    var isClosed = false
  }

  public let reference: SubscriptionReference
  public let definition: SubscriptionDefinition
  let log: Log
  let growth: Growth
  let ledger: UInt64
  let state: Mutex<State>

  init(
    log: Log, reference: SubscriptionReference, definition: SubscriptionDefinition,
    growth: Growth, machine: SubscriptionMachine
  ) {
    self.log = log
    self.reference = reference
    self.definition = definition
    self.growth = growth
    ledger = machine.ledger
    state = Mutex(State(machine: machine))
  }

  /// Hands events to a consumer; waits for some until the call's deadline and returns none then,
  /// and none to a task that is cancelled: its client hung up, or the gateway goes down.
  ///
  /// - Parameters:
  ///   - topic: the caller's own proof, granted for `subscribe`; events are read under it.
  ///   - right: asked ahead of every lease and once the events are there: without it the call ends
  ///     as `withdrawn`, and what it would have been given counts as not delivered.
  public func receive(
    _ call: ReceiveCall, of topic: TopicAddress, under right: WaitingRight? = nil,
    on site: LoopSite
  ) async throws(DispatchFailure) -> [DeliveredEvent] {
    let consumer = ByteSlice(copying: call.consumer.span)
    let deadline = min(call.deadline, site.instant(of: call.expires))
    let ticket = try enter(consumer)
    defer { leave(consumer, ticket) }
    while true {
      if right?.holds == false { throw .withdrawn }
      let now = site.timers.clocks.monotonic()
      switch try take(consumer, call, ticket, now: now, deadline: deadline) {
      case .deliveries(let deliveries):
        let events = try await fetch(deliveries, call, of: topic, under: right, on: site)
        // Everything may have been trimmed away under the leases: then look again.
        if !events.isEmpty || Task.isCancelled { return events }
      case .nothing:
        return []
      case .wait(let waiter, let beyond, let until):
        switch await wait(waiter, beyond: beyond, until: until, under: right, on: site) {
        case .cancelled: return []
        case .closed: throw .gone
        case .grown, .timeout: continue
        }
      }
    }
  }

  /// What the subscription has done and has to do.
  public func facts() -> SubscriptionFacts {
    let end = growth.end
    return state.withLock { state in
      state.machine.appended(end: end)
      return state.machine.facts
    }
  }

  /// The subscription is deleted or the gateway stops: waiting calls end with `gone`.
  public func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      return Array(state.line.waiters.values)
    }
    for waiter in waiters { waiter.wake(.closed) }
  }

  // MARK: - The line

  enum Step {
    case deliveries([Delivery])
    case nothing
    /// `beyond` is set for the head of the line, which watches the topic's growth.
    case wait(Waiter, beyond: UInt64?, until: MonotonicTime)
  }

  private func enter(_ consumer: ByteSlice) throws(DispatchFailure) -> UInt64 {
    try state.withLock { (state: inout sending State) throws(DispatchFailure) -> UInt64 in
      if state.isClosed { throw .gone }
      guard state.line.order.count < SubscriptionLimits.maxConsumers else {
        throw .refused(.tooManyConsumers(limit: SubscriptionLimits.maxConsumers))
      }
      do throws(ReceiveRefusal) {
        try state.machine.attach(consumer)
      } catch {
        throw .refused(error)
      }
      state.line.nextTicket += 1
      return state.line.nextTicket
    }
  }

  private func leave(_ consumer: ByteSlice, _ ticket: UInt64) {
    let next = state.withLock { state -> Waiter? in
      state.machine.detach(consumer)
      return state.stepOut(ticket) ? state.head : state.headIfConcerned
    }
    next?.wake(.grown)
  }

  private func take(
    _ consumer: ByteSlice, _ call: ReceiveCall, _ ticket: UInt64, now: MonotonicTime,
    deadline: MonotonicTime
  ) throws(DispatchFailure) -> Step {
    let end = growth.end
    let (step, next) = try state.withLock {
      (state: inout sending State) throws(DispatchFailure) -> (Step, Waiter?) in
      if state.isClosed { throw .gone }
      state.machine.appended(end: end)
      switch state.machine.receive(consumer, max: call.max, now: now) {
      case .refused(let refusal): throw .refused(refusal)
      case .delivered(let deliveries) where !deliveries.isEmpty:
        return (.deliveries(deliveries), state.stepOut(ticket) ? state.head : state.headIfConcerned)
      case .delivered: break
      }
      if now >= deadline { return (.nothing, nil) }
      return (state.stand(ticket, until: deadline), nil)
    }
    next?.wake(.grown)
    return step
  }

  private func wait(
    _ waiter: Waiter, beyond: UInt64?, until: MonotonicTime, under right: WaitingRight?,
    on site: LoopSite
  ) async -> Wake {
    guard let beyond else { return await site.wait(waiter, until: until, under: right) }
    guard growth.register(waiter, beyond: beyond) else {
      return growth.isClosed ? .closed : .grown
    }
    let wake = await site.wait(waiter, until: until, under: right)
    growth.remove(waiter)
    return wake
  }

  // MARK: - Reading

  /// Reads the events of deliveries; what cannot be brought is given back undelivered.
  private func fetch(
    _ deliveries: [Delivery], _ call: ReceiveCall, of topic: TopicAddress,
    under right: WaitingRight?, on site: LoopSite
  ) async throws(DispatchFailure) -> [DeliveredEvent] {
    var reader = DeliveryReader(deliveries, ledger: ledger, bytes: call.bytes)
    var failure: DispatchFailure?
    while failure == nil, let request = reader.nextRequest {
      do throws(ReadFailure) {
        let page: Page
        switch try log.tail(of: topic, from: request.cursor, budget: request.budget) {
        case .page(let found):
          page = found
        case .behind:
          page = try await site.readStored(
            log, topic, from: request.cursor, budget: request.budget)
        }
        switch reader.take(page) {
        case .read: break
        case .trimmed(let first): trimmed(before: first)
        case .recreated: failure = .gone
        case .stuck: failure = .read(.unavailable(retryAfter: .seconds(1)))
        }
      } catch {
        failure = .read(error)
      }
    }
    if failure == nil, Task.isCancelled {
      takeBack(deliveries)
      return []
    }
    if failure == nil, right?.holds == false { failure = .withdrawn }
    if let failure {
      takeBack(deliveries)
      throw failure
    }
    takeBack(reader.missing)
    let (now, wall) = (site.timers.clocks.monotonic(), site.timers.clocks.wall())
    return reader.found.map { delivery, record in
      DeliveredEvent(
        record: record, token: delivery.token.text, count: delivery.count,
        leaseUntil: delivery.leaseUntil.map { wall + ($0 - now) })
    }
  }

  private func takeBack(_ deliveries: [Delivery]) {
    guard !deliveries.isEmpty else { return }
    change { machine in machine.takeBack(deliveries) }
  }

  private func trimmed(before first: UInt64) {
    change { machine in machine.trimmed(first: first) }
  }

  /// Feeds the machine and wakes the head of the line when that concerns it.
  func change<Answer: Sendable>(_ body: (inout SubscriptionMachine) -> Answer) -> Answer {
    let (answer, head) = state.withLock { state in
      let answer = body(&state.machine)
      return (answer, state.headIfConcerned)
    }
    head?.wake(.grown)
    return answer
  }
}

extension Dispatcher.State {
  /// Takes or keeps a place in the line; what its holder has to wait for.
  mutating func stand(_ ticket: UInt64, until deadline: MonotonicTime) -> Dispatcher.Step {
    let waiter = Waiter()
    if line.waiters[ticket] == nil { line.order.append(ticket) }
    line.waiters[ticket] = waiter
    guard line.order.first == ticket else {
      return .wait(waiter, beyond: nil, until: deadline)
    }
    headWakesAt = machine.nextDue ?? .distantFuture
    return .wait(waiter, beyond: machine.end, until: min(deadline, headWakesAt))
  }

  /// Gives a place in the line up; true when it was the head's, so that the next one must take
  /// over.
  mutating func stepOut(_ ticket: UInt64) -> Bool {
    let wasHead = line.order.first == ticket
    line.order.removeAll { $0 == ticket }
    line.waiters[ticket] = nil
    if wasHead { headWakesAt = .distantFuture }
    return wasHead
  }

  /// The waiting call at the head of the line.
  var head: Waiter? { line.order.first.flatMap { line.waiters[$0] } }

  /// The head of the line, if there is something for it or its timer is set too late.
  var headIfConcerned: Waiter? {
    guard let head else { return nil }
    let isLate = machine.nextDue.map { $0 < headWakesAt } ?? false
    return isLate || machine.hasDeliverable ? head : nil
  }
}

/// What a consumer asks for.
public struct ReceiveCall: Sendable {
  /// The name under which it holds leases; any bytes, at most 128.
  public var consumer: ByteSlice
  public var max: Int
  /// By `Record.cost`; at least one event is handed out.
  public var bytes: Int
  public var deadline: MonotonicTime
  /// When the caller's token ends: waiting ends there as well.
  public var expires: UnixTime

  public init(
    consumer: ByteSlice, max: Int, bytes: Int = 1 << 20, deadline: MonotonicTime,
    expires: UnixTime
  ) {
    self.consumer = consumer
    self.max = Swift.min(max, SubscriptionLimits.maxDeliveries)
    self.bytes = bytes
    self.deadline = deadline
    self.expires = expires
  }
}

/// One event in a consumer's hands.
public struct DeliveredEvent: Sendable {
  public let record: Record
  public let token: ByteSlice
  public let count: UInt32
  /// By the wall clock; nil when the lease does not run out.
  public let leaseUntil: UnixTime?
}

/// Why a call on a subscription came to nothing.
public enum DispatchFailure: Error, Sendable, Hashable {
  case refused(ReceiveRefusal)
  case cumulative(CumulativeFault)
  case read(ReadFailure)
  case store(CatalogueFailure)
  /// The subscription or its topic was deleted, or the gateway stops.
  case gone
  /// The caller has lost its right while it waited.
  case withdrawn
  /// This kind of subscription is not built yet.
  case notSupported(SubscriptionKind)
  /// What is stored of the subscription cannot be read.
  case corrupt(AckSetFault)
  /// As many subscriptions are in use as memory is kept for.
  case tooManyInUse(limit: Int)
  /// The workers' queue is full.
  case overloaded(retryAfter: TimeSpan)
}
