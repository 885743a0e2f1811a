public import Bytes
import HTTPWire
public import Subscriptions
import Synchronization
public import Topics

/// How a change of a subscription becomes durable.
public enum AckDurability: Sendable, Hashable {
  /// Before the answer.
  case awaited
  /// Soon: within 100 ms.
  case soon
}

/// What came of a list of tokens.
public struct SettledTokens: Sendable, Hashable {
  /// Tokens that did what was asked, those included that had done so before.
  public internal(set) var settled = 0
  /// By place in the list.
  public internal(set) var failed: [(index: Int, fault: TokenFault)] = []

  public static func == (left: SettledTokens, right: SettledTokens) -> Bool {
    left.settled == right.settled
      && left.failed.elementsEqual(right.failed) { $0.index == $1.index && $0.fault == $1.fault }
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(settled)
    for (index, fault) in failed {
      hasher.combine(index)
      hasher.combine(fault)
    }
  }
}

extension Dispatcher {
  /// How long an acknowledgement that nobody waits for may stay in memory before it is staged: with
  /// the commit that follows it is durable well within the 100 ms that the contract promises.
  private static var patience: TimeSpan { .milliseconds(50) }
  /// How long until what the store has refused is looked at again.
  private static var patienceOnceRefused: TimeSpan { .seconds(1) }

  // MARK: - Acknowledging

  public func acknowledge(
    _ tokens: [ByteSlice], _ durability: AckDurability, on site: LoopSite
  ) async throws(DispatchFailure) -> SettledTokens {
    let parsed = tokens.map { AckToken(parsing: $0) }
    return try await persisting(durability, on: site) {
      (machine: inout SubscriptionMachine) throws(DispatchFailure) in
      Self.each(parsed) { (token) throws(TokenFault) in try machine.acknowledge(token) }
    }
  }

  /// Acknowledges everything up to and including an event; returns how many that were.
  public func acknowledge(upTo id: MessageID, _ durability: AckDurability, on site: LoopSite)
    async throws(DispatchFailure) -> UInt64
  {
    let end = growth.end
    return try await persisting(durability, on: site) {
      (machine: inout SubscriptionMachine) throws(DispatchFailure) in
      machine.appended(end: end)
      do throws(CumulativeFault) {
        return try machine.acknowledge(upTo: id)
      } catch {
        throw .cumulative(error)
      }
    }
  }

  // MARK: - Leases

  public func release(_ tokens: [ByteSlice], delay: TimeSpan, on site: LoopSite)
    throws(DispatchFailure) -> SettledTokens
  {
    let now = site.timers.clocks.monotonic()
    let parsed = tokens.map { AckToken(parsing: $0) }
    return try changing { machine in
      Self.each(parsed) { (token) throws(TokenFault) in
        try machine.release(token, delay: delay, now: now)
      }
    }
  }

  public func extend(_ tokens: [ByteSlice], by length: TimeSpan, on site: LoopSite)
    throws(DispatchFailure) -> SettledTokens
  {
    let now = site.timers.clocks.monotonic()
    let parsed = tokens.map { AckToken(parsing: $0) }
    return try changing { machine in
      Self.each(parsed) { (token) throws(TokenFault) in
        _ = try machine.extend(token, by: length, now: now)
      }
    }
  }

  // MARK: - Seeking

  /// Moves the subscription, durably before it returns. Leases end, tokens are void, also where the
  /// store refuses and the subscription stays where it was.
  ///
  /// - Parameter cursor: a place in the topic as it is now: `FeedStart.reachable`.
  public func seek(to cursor: Cursor, on site: LoopSite) async throws(DispatchFailure) {
    let end = growth.end
    guard cursor.ledger == ledger else { throw .gone }
    _ = try await persisting(
      .awaited, on: site, stored: { $0.seekWasStored($1) }, lost: { $0.seekWasLost($1) }
    ) { (machine: inout SubscriptionMachine) throws(DispatchFailure) in
      machine.appended(end: end)
      return machine.seek(to: cursor.next)
    }
  }

  // MARK: - Storing

  /// Entries that are gone count as acknowledged, which is stored soon: a subscription stays in
  /// memory while a change of it is not stored.
  func trimmed(before first: UInt64, on timers: any LoopTimers) {
    let (concerned, mustSchedule) = state.withLock { state in
      state.machine.trimmed(first: first)
      count(&state)
      return (state.concerned, state.mustScheduleFlush())
    }
    concerned?.wake(.grown)
    if mustSchedule { flushSoon(on: timers, after: Self.patience) }
  }

  /// Stages what has changed and is not staged yet. For shutdown.
  ///
  /// - Parameter settled: told when that, and everything staged before, is durable.
  public func flush(settled: ChangeSettlement) {
    _ = state.withLock { state in stage(&state, settled: settled) }
  }

  /// Stages after a while what has changed by then; what the store is not given even then, after
  /// another one.
  private func flushSoon(on timers: any LoopTimers, after patience: TimeSpan) {
    let due = timers.clocks.monotonic() + patience
    _ = timers.schedule(at: due) { self.flush(on: timers) }
  }

  /// Until all is stored, also what was staged earlier and may yet be refused.
  private func flush(on timers: any LoopTimers) {
    let isGone = growth.isClosed
    let patience = state.withLock { state -> TimeSpan? in
      let wasRefused = stage(&state, settled: nil)
      let isOver = !state.machine.hasChange && state.changeIsStored
      state.flushIsScheduled = !isOver && !isGone && !state.isClosed
      guard state.flushIsScheduled else { return nil }
      return wasRefused ? Self.patienceOnceRefused : Self.patience
    }
    if let patience { flushSoon(on: timers, after: patience) }
  }

  /// - Parameters:
  ///   - stored: told when the change that was waited for is durable…
  ///   - lost: … or is not, before anything can be staged anew.
  private func persisting<Answer: Sendable>(
    _ durability: AckDurability, on site: LoopSite,
    stored: (inout SubscriptionMachine, Answer) -> Void = { _, _ in },
    lost: (inout SubscriptionMachine, Answer) -> Void = { _, _ in },
    _ body: (inout SubscriptionMachine) throws(DispatchFailure) -> Answer
  ) async throws(DispatchFailure) -> Answer {
    let settlement = durability == .awaited ? ChangeSettlement() : nil
    let (answer, concerned, mustSchedule) = try state.withLock {
      (state: inout sending State) throws(DispatchFailure) -> (Answer, Waiter?, Bool) in
      if state.isClosed { throw .gone }
      let answer = try body(&state.machine)
      count(&state)
      if let settlement { stage(&state, settled: settlement) }
      return (answer, state.concerned, settlement == nil && state.mustScheduleFlush())
    }
    concerned?.wake(.grown)
    if mustSchedule { flushSoon(on: site.timers, after: Self.patience) }
    guard let settlement else { return answer }
    do throws(CatalogueFailure) {
      try await settlement.value().get()
    } catch {
      let isGone = error == .unknownSubscription || error == .unknownTopic
      let (concerned, mustSchedule) = state.withLock { state in
        state.machine.changeWasLost()
        lost(&state.machine, answer)
        count(&state)
        return (state.concerned, !isGone && !growth.isClosed && state.mustScheduleFlush())
      }
      concerned?.wake(.grown)
      if mustSchedule { flushSoon(on: site.timers, after: Self.patienceOnceRefused) }
      throw isGone ? .gone : .store(error)
    }
    state.withLock { state in stored(&state.machine, answer) }
    return answer
  }

  private func changing<Answer: Sendable>(_ body: (inout SubscriptionMachine) -> Answer)
    throws(DispatchFailure) -> Answer
  {
    if state.withLock({ $0.isClosed }) { throw .gone }
    return change(body)
  }

  /// Hands the change to the store under the lock, so that changes keep their order.
  ///
  /// - Returns: whether the store has refused one that nobody waits for; the change holds it again.
  @discardableResult
  private func stage(_ state: inout State, settled: ChangeSettlement?) -> Bool {
    var wasRefused = false
    state.unwatched.removeAll { settlement in
      switch settlement.arrived {
      case nil: return false
      case .success: return true
      case .failure:
        wasRefused = true
        return true
      }
    }
    if wasRefused { state.machine.changeWasLost() }
    // A store that settles nothing is not fed for ever: what changes stays noted in the machine.
    guard settled != nil || state.unwatched.count < 64 else { return wasRefused }
    let change: SubscriptionChange
    if let taken = state.machine.takeChange() {
      change = taken
    } else if settled != nil {
      // Nothing new, but what was staged before may not be durable yet: an empty change waits for
      // it.
      change = SubscriptionChange(
        markDelete: Cursor(ledger: ledger, next: state.machine.markDelete),
        epoch: state.machine.epoch)
    } else {
      return wasRefused
    }
    let settlement = settled ?? ChangeSettlement()
    if settled == nil { state.unwatched.append(settlement) }
    log.stage(change, of: reference, settled: settlement, isAwaited: settled != nil)
    return wasRefused
  }

  private static func each(
    _ tokens: [AckToken?], _ body: (AckToken) throws(TokenFault) -> Void
  ) -> SettledTokens {
    var outcome = SettledTokens()
    for (index, token) in tokens.enumerated() {
      do throws(TokenFault) {
        guard let token else { throw .malformed }
        try body(token)
        outcome.settled += 1
      } catch {
        outcome.failed.append((index, error))
      }
    }
    return outcome
  }
}

extension Dispatcher.State {
  /// Whether there is something to stage that no timer will stage yet; the caller then sets one.
  fileprivate mutating func mustScheduleFlush() -> Bool {
    guard machine.hasChange, !flushIsScheduled, !isClosed else { return false }
    flushIsScheduled = true
    return true
  }
}
