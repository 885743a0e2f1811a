import Bytes
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
/// deliverable, wakes the next. So an event wakes one waiting call, not all of them. Where one
/// consumer alone may receive, the calls of others stand by in a second line until it is gone.
public final class Dispatcher<Log: TopicLog & SubscriptionStore>: Sendable {
  struct State {
    var machine: SubscriptionMachine
    /// How many of its events `unacked` holds.
    var counted = 0
    /// Calls of consumers that may receive, for events.
    var line = WaitingLine()
    /// Calls of other consumers, for the place of the one that may.
    var standby = WaitingLine()
    var lastTicket: UInt64 = 0
    /// Whether a timer will stage what has changed.
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
  /// The count of the tenant that holds the subscription.
  let unacked: UnackedCount
  let state: Mutex<State>

  init(
    log: Log, reference: SubscriptionReference, definition: SubscriptionDefinition,
    growth: Growth, machine: SubscriptionMachine, unacked: UnackedCount
  ) {
    self.log = log
    self.reference = reference
    self.definition = definition
    self.growth = growth
    ledger = machine.ledger
    self.unacked = unacked
    state = Mutex(State(machine: machine))
  }

  /// One whose topic is gone is let go with what it has out.
  deinit {
    let counted = state.withLock { $0.counted }
    unacked.add(-counted)
  }

  /// Hands events to a consumer; waits for some until the call's deadline and returns none then,
  /// and none to a task that is cancelled: its client hung up, or the gateway goes down. Where
  /// another consumer has the only place it waits for that first, and is `busy` then.
  ///
  /// - Parameters:
  ///   - topic: the caller's own proof, granted for `subscribe`; events are read under it, and its
  ///     principal is a part of who the consumer is.
  ///   - right: asked ahead of every lease and once the events are there: without it the call ends
  ///     as `withdrawn`, and what it would have been given counts as not delivered.
  public func receive(
    _ call: ReceiveCall, of topic: TopicAddress, under right: WaitingRight? = nil,
    on site: LoopSite
  ) async throws(DispatchFailure) -> [DeliveredEvent] {
    let consumer = ConsumerID(principal: topic.caller.principal, name: call.consumer).detached
    let deadline = min(call.deadline, site.instant(of: call.expires))
    guard let ticket = try await enter(consumer, until: deadline, under: right, on: site) else {
      return []
    }
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
  public func facts(on site: LoopSite) -> SubscriptionFacts {
    let (end, now) = (growth.end, site.timers.clocks.monotonic())
    return change { machine in
      machine.appended(end: end)
      machine.tick(now)
      return machine.facts
    }
  }

  /// The subscription is deleted or the gateway stops: waiting calls end with `gone`.
  public func close() {
    let waiters = state.withLock { state in
      state.isClosed = true
      count(&state)
      return Array(state.line.all) + Array(state.standby.all)
    }
    for waiter in waiters { waiter.wake(.closed) }
  }

  // MARK: - The line

  enum Step {
    case deliveries([Delivery])
    case nothing
    /// `beyond` is set for the head of a line, which watches the topic.
    case wait(Waiter, beyond: UInt64?, until: MonotonicTime)
  }

  /// Takes the consumer in; where another one has the only place, waits for that. Nil for a task
  /// that is cancelled meanwhile.
  private func enter(
    _ consumer: ConsumerID, until deadline: MonotonicTime, under right: WaitingRight?,
    on site: LoopSite
  ) async throws(DispatchFailure) -> UInt64? {
    let ticket = state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    var standsBy = false
    defer {
      if standsBy { state.withLock { $0.standDown(ticket) }?.wake(.grown) }
    }
    while true {
      if standsBy, right?.holds == false { throw .withdrawn }
      let now = site.timers.clocks.monotonic()
      guard
        case .wait(let waiter, let beyond, let until) = try admit(
          consumer, ticket, isNew: !standsBy, now: now, deadline: deadline)
      else { return ticket }
      standsBy = true
      switch await wait(waiter, beyond: beyond, until: until, under: right, on: site) {
      case .cancelled: return nil
      case .closed: throw .gone
      case .grown, .timeout: continue
      }
    }
  }

  private func admit(
    _ consumer: ConsumerID, _ ticket: UInt64, isNew: Bool, now: MonotonicTime,
    deadline: MonotonicTime
  ) throws(DispatchFailure) -> Step {
    try state.withLock { (state: inout sending State) throws(DispatchFailure) -> Step in
      if state.isClosed { throw .gone }
      let waiting = state.line.count + state.standby.count
      guard !isNew || waiting < SubscriptionLimits.maxConsumers else {
        throw .refused(.tooManyConsumers(limit: SubscriptionLimits.maxConsumers))
      }
      do throws(ReceiveRefusal) {
        try state.machine.attach(consumer, now: now)
        return .nothing
      } catch {
        guard error == .busy, now < deadline else { throw .refused(error) }
        return state.standBy(ticket, until: deadline)
      }
    }
  }

  private func leave(_ consumer: ConsumerID, _ ticket: UInt64) {
    let next = state.withLock { state -> Waiter? in
      state.machine.detach(consumer)
      return state.leave(ticket)
    }
    next?.wake(.grown)
  }

  private func take(
    _ consumer: ConsumerID, _ call: ReceiveCall, _ ticket: UInt64, now: MonotonicTime,
    deadline: MonotonicTime
  ) throws(DispatchFailure) -> Step {
    let end = growth.end
    let (step, next) = try state.withLock {
      (state: inout sending State) throws(DispatchFailure) -> (Step, Waiter?) in
      if state.isClosed { throw .gone }
      state.machine.appended(end: end)
      let room = unacked.room
      switch state.machine.receive(consumer, max: call.max, unread: room, now: now) {
      case .refused(let refusal): throw .refused(refusal)
      case .delivered(let deliveries) where !deliveries.isEmpty:
        count(&state)
        return (.deliveries(deliveries), state.leave(ticket))
      case .delivered: break
      }
      if now >= deadline { return (.nothing, nil) }
      let again = room > 0 ? MonotonicTime.distantFuture : now + Self.patienceWithoutRoom
      return (state.wait(ticket, until: deadline, lookingAgain: again), nil)
    }
    next?.wake(.grown)
    return step
  }

  /// How long until a call looks again whether others have given room for its events back: nobody
  /// tells it.
  private static var patienceWithoutRoom: TimeSpan { .seconds(1) }

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

  /// Reads the events of deliveries, up to the first that cannot be read; what cannot be brought is
  /// given back undelivered.
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
        case .trimmed(let first): trimmed(before: first, on: site.timers)
        case .recreated: failure = .gone
        case .stuck: failure = .read(.unavailable(retryAfter: .seconds(1)))
        }
      } catch {
        failure = .read(error)
      }
    }
    // What was found ahead of something that cannot be read is sound: the next call begins there
    // and is told.
    if case .read = failure, !reader.found.isEmpty { failure = nil }
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
        leaseUntil: delivery.leaseUntil.map { wall + ($0 - now) }, delivery: delivery)
    }
  }

  /// What `receive` has handed out, and has not left the gateway: it counts as not delivered.
  public func takeBack(_ events: [DeliveredEvent]) { takeBack(events.map(\.delivery)) }

  private func takeBack(_ deliveries: [Delivery]) {
    guard !deliveries.isEmpty else { return }
    change { machine in machine.takeBack(deliveries) }
  }

  /// Feeds the machine and wakes the waiting call that it concerns.
  func change<Answer: Sendable>(_ body: (inout SubscriptionMachine) -> Answer) -> Answer {
    let (answer, concerned) = state.withLock { state in
      let answer = body(&state.machine)
      count(&state)
      return (answer, state.concerned)
    }
    concerned?.wake(.grown)
    return answer
  }

  /// Tells `unacked` what has become of the machine's events. Whatever may change how many are out
  /// calls it before it gives the lock back.
  func count(_ state: inout State) {
    let present = state.isClosed ? 0 : state.machine.unacked
    guard present != state.counted else { return }
    unacked.add(present - state.counted)
    state.counted = present
  }
}
