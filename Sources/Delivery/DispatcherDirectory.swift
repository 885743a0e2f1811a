public import Bytes
import HTTPWire
public import Subscriptions
import Synchronization
public import Tenancy
public import Topics

/// The dispatchers in use: one per subscription, made from what is stored when first asked for,
/// dropped when idle and room is needed. Any thread may call.
///
/// Lock order: directory, then dispatcher.
public final class DispatcherDirectory<Log: TopicLog & SubscriptionStore>: Sendable {
  private struct Key: Hashable {
    let topic: TopicAddress
    /// Never given out twice within the topic's life.
    let number: UInt64
  }
  private struct Entry {
    let dispatcher: Dispatcher<Log>
    /// Calls that have it in hand: it stays until they are done.
    var pins = 0
    var lastUse: UInt64
  }
  private struct State {
    var entries: [Key: Entry] = [:]
    var uses: UInt64 = 0
    /// Counts removals: what was loaded before one may be stale.
    var removals: UInt64 = 0
    var isClosed = false
  }

  private let log: Log
  private let capacity: Int
  private let wall: @Sendable () -> UnixTime
  private let state = Mutex(State())

  /// - Parameters:
  ///   - capacity: dispatchers in memory, ≈ 2 KiB each while idle.
  ///   - wall: the wall clock, which numbers deliveries across restarts.
  public init(
    _ log: Log, capacity: Int = 20_000, wall: @escaping @Sendable () -> UnixTime
  ) {
    self.log = log
    self.capacity = capacity
    self.wall = wall
  }

  /// The dispatcher of a subscription, for as long as the seat is held.
  ///
  /// - Parameter topic: the caller's proof, granted for `subscribe` or `manage`.
  public func seat(
    at definition: SubscriptionDefinition, of topic: TopicAddress, on site: LoopSite
  ) async throws(DispatchFailure) -> DispatcherSeat<Log> {
    let key = Key(topic: topic.detached, number: definition.number)
    while true {
      let (found, removals) = state.withLock { state in
        (pin(key, in: &state), state.removals)
      }
      if let found { return seat(found, key) }
      let made = try await load(definition, key.topic, site)
      let seated = try state.withLock {
        (state: inout sending State) throws(DispatchFailure) -> Dispatcher<Log>? in
        if state.isClosed { throw .gone }
        if let found = pin(key, in: &state) { return found }
        guard state.removals == removals else { return nil }
        try makeRoom(in: &state)
        state.uses += 1
        state.entries[key] = Entry(dispatcher: made, pins: 1, lastUse: state.uses)
        return made
      }
      if let seated { return seat(seated, key) }
    }
  }

  /// Ends the dispatcher of a subscription that was deleted, if there is one.
  public func close(_ definition: SubscriptionDefinition, of topic: TopicAddress) {
    let key = Key(topic: topic, number: definition.number)
    let removed = state.withLock { state -> Dispatcher<Log>? in
      state.removals += 1
      return state.entries.removeValue(forKey: key)?.dispatcher
    }
    removed?.close()
  }

  /// Numbers of a subscription if it is in use; nil otherwise: then what is stored tells them.
  public func facts(
    of definition: SubscriptionDefinition, of topic: TopicAddress, on site: LoopSite
  ) -> SubscriptionFacts? {
    let key = Key(topic: topic, number: definition.number)
    let dispatcher = state.withLock { $0.entries[key]?.dispatcher }
    guard let dispatcher, !dispatcher.growth.isClosed else { return nil }
    return dispatcher.facts(on: site)
  }

  public var count: Int { state.withLock { $0.entries.count } }

  /// Stores what is not stored yet and ends all waiting calls; returns when it is durable, or has
  /// failed. For shutdown.
  public func close() async {
    let dispatchers = state.withLock { state in
      state.isClosed = true
      return state.entries.values.map(\.dispatcher)
    }
    var settlements: [ChangeSettlement] = []
    for dispatcher in dispatchers {
      dispatcher.close()
      guard dispatcher.hasUnstored else { continue }
      let settlement = ChangeSettlement()
      dispatcher.flush(settled: settlement)
      settlements.append(settlement)
    }
    for settlement in settlements { _ = await settlement.value() }
  }

  private func load(
    _ definition: SubscriptionDefinition, _ topic: TopicAddress, _ site: LoopSite
  ) async throws(DispatchFailure) -> Dispatcher<Log> {
    guard let rules = DispatchRules(definition.terms.kind) else {
      throw .notSupported(definition.terms.kind)
    }
    let reference = SubscriptionReference(to: definition, of: topic)
    let growth: Growth
    do {
      growth = try log.growth(of: topic)
    } catch {
      throw .read(error)
    }
    let stored = try await storedState(of: reference, site)
    do throws(AckSetFault) {
      let machine = try SubscriptionMachine(
        rules: rules, terms: definition.terms, number: definition.number, state: stored,
        end: growth.end, firstSerial: UInt64(max(wall().nanoseconds, 1)))
      return Dispatcher(
        log: log, reference: reference, definition: definition, growth: growth,
        machine: machine)
    } catch {
      throw .corrupt(error)
    }
  }

  private func storedState(of reference: SubscriptionReference, _ site: LoopSite)
    async throws(DispatchFailure) -> SubscriptionState
  {
    let outcome: Result<SubscriptionState, CatalogueFailure>
    do {
      outcome = try await site.workers.run { [log] in
        do throws(CatalogueFailure) {
          return .success(try log.loadState(of: reference))
        } catch {
          return .failure(error)
        }
      }
    } catch {
      throw .overloaded(retryAfter: .seconds(1))
    }
    do throws(CatalogueFailure) {
      return try outcome.get()
    } catch {
      throw error == .unknownSubscription || error == .unknownTopic ? .gone : .store(error)
    }
  }

  // MARK: - Under the lock

  private func pin(_ key: Key, in state: inout State) -> Dispatcher<Log>? {
    guard let entry = state.entries[key] else { return nil }
    if entry.dispatcher.growth.isClosed {
      // The topic was deleted; one of the same name may have a subscription of the same number.
      state.entries[key] = nil
      state.removals += 1
      return nil
    }
    state.uses += 1
    state.entries[key]?.pins += 1
    state.entries[key]?.lastUse = state.uses
    return entry.dispatcher
  }

  private func seat(_ dispatcher: Dispatcher<Log>, _ key: Key) -> DispatcherSeat<Log> {
    DispatcherSeat(dispatcher) {
      self.state.withLock { state in
        // A successor under the same key has pins of its own.
        guard state.entries[key]?.dispatcher === dispatcher else { return }
        state.entries[key]?.pins -= 1
      }
    }
  }

  /// Drops the least recently used sixteenth of what is idle.
  private func makeRoom(in state: inout State) throws(DispatchFailure) {
    guard state.entries.count >= capacity else { return }
    let idle = state.entries
      .filter { $0.value.pins == 0 && $0.value.dispatcher.isIdle }
      .sorted { $0.value.lastUse < $1.value.lastUse }
      .prefix(max(capacity / 16, 1))
    guard !idle.isEmpty else { throw .tooManyInUse(limit: capacity) }
    for (key, _) in idle { state.entries[key] = nil }
    state.removals += 1
  }
}

/// A dispatcher in somebody's hands; it is not dropped while the seat lives.
public final class DispatcherSeat<Log: TopicLog & SubscriptionStore>: Sendable {
  public let dispatcher: Dispatcher<Log>
  private let giveBack: @Sendable () -> Void

  init(_ dispatcher: Dispatcher<Log>, giveBack: @escaping @Sendable () -> Void) {
    self.dispatcher = dispatcher
    self.giveBack = giveBack
  }

  deinit { giveBack() }
}

extension Dispatcher {
  /// Whether it could be made again from what is stored, nothing lost.
  var isIdle: Bool {
    state.withLock { state in
      state.machine.isIdle && state.line.isEmpty && state.standby.isEmpty && state.changeIsStored
    }
  }

  /// Whether something changed that is not known to be stored.
  var hasUnstored: Bool {
    state.withLock { state in state.machine.hasChange || !state.changeIsStored }
  }
}

extension Dispatcher.State {
  /// Whether all that was staged with nobody waiting is known to be stored.
  var changeIsStored: Bool {
    unwatched.allSatisfy { settlement in
      if case .success = settlement.arrived { true } else { false }
    }
  }
}
