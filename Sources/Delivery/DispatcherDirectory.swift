public import Bytes
import HTTPWire
public import Subscriptions
import Synchronization
public import Tenancy
public import Topics

/// The dispatchers in use: one per subscription, made from what is stored when first asked for,
/// dropped when idle and room is needed. A tenant has a share of the room: however many of its
/// subscriptions hold leases that never end, those of others are served. Any thread may call.
///
/// Lock order: directory, then dispatcher.
public final class DispatcherDirectory<Log: TopicLog & SubscriptionStore>: Sendable {
  private struct Key: Hashable {
    /// That holds the subscription: on a shared topic not always the topic's own.
    let tenant: Name
    let topic: TopicAddress
    /// Never given out twice within the topic's life.
    let number: UInt64

    init(_ definition: SubscriptionDefinition, of topic: TopicAddress) {
      tenant = definition.holder ?? topic.tenant
      self.topic = topic
      number = definition.number
    }
  }
  private struct Entry {
    let dispatcher: Dispatcher<Log>
    /// Calls that have it in hand: it stays until they are done.
    var pins = 0
    var lastUse: UInt64
  }
  /// What one tenant has of it.
  private struct Share {
    var entries: [Key: Entry] = [:]
    let unacked: UnackedCount
    /// When idle ones are looked for again; nil for at once.
    var nextLook: MonotonicTime?
  }
  /// Calls that read what a dispatcher is made of.
  private struct Loads {
    var count = 0
    /// What was read before one may be stale.
    var removals: UInt64 = 0
  }
  private struct State {
    /// By tenant; each has entries.
    var shares: [Name: Share] = [:]
    /// The keys of all entries; each topic has some.
    var byTopic: [TopicAddress: Set<Key>] = [:]
    /// Entries of all shares.
    var count = 0
    var nextLook: MonotonicTime?
    var uses: UInt64 = 0
    /// As many as there are calls that read.
    var loads: [Key: Loads] = [:]
    var isClosed = false

    /// What is being read of the subscription has to be read again.
    @discardableResult
    mutating func remove(_ key: Key) -> Dispatcher<Log>? {
      loads[key]?.removals += 1
      guard let entry = shares[key.tenant]?.entries.removeValue(forKey: key) else { return nil }
      count -= 1
      if shares[key.tenant]?.entries.isEmpty == true { shares[key.tenant] = nil }
      byTopic[key.topic]?.remove(key)
      if byTopic[key.topic]?.isEmpty == true { byTopic[key.topic] = nil }
      return entry.dispatcher
    }

    /// A call begins to read; how many removals there were before.
    mutating func startLoad(_ key: Key) -> UInt64 {
      var mine = loads[key] ?? Loads()
      mine.count += 1
      loads[key] = mine
      return mine.removals
    }

    mutating func endLoad(_ key: Key) {
      guard var mine = loads[key] else { return }
      mine.count -= 1
      loads[key] = mine.count > 0 ? mine : nil
    }
  }
  /// What a dispatcher is made of.
  private struct Loaded: Sendable {
    let machine: SubscriptionMachine
    let growth: Growth
  }

  private let log: Log
  private let limits: DispatcherLimits
  private let wall: @Sendable () -> UnixTime
  /// Of all subscriptions.
  let unacked: UnackedCount
  private let state = Mutex(State())

  /// - Parameter wall: the wall clock, which numbers deliveries across restarts.
  public init(
    _ log: Log, limits: DispatcherLimits = DispatcherLimits(),
    wall: @escaping @Sendable () -> UnixTime
  ) {
    self.log = log
    self.limits = limits
    self.wall = wall
    unacked = UnackedCount(limit: limits.unacked)
  }

  /// The dispatcher of a subscription, for as long as the seat is held; `gone` where another one
  /// has its name and number by now.
  ///
  /// - Parameter topic: the caller's proof, granted for `subscribe` or `manage`.
  public func seat(
    at definition: SubscriptionDefinition, of topic: TopicAddress, on site: LoopSite
  ) async throws(DispatchFailure) -> DispatcherSeat<Log> {
    let key = Key(definition, of: topic.detached)
    while true {
      let now = site.timers.clocks.monotonic()
      let (found, removals) = try state.withLock {
        (state: inout sending State) throws(DispatchFailure) -> (Dispatcher<Log>?, UInt64) in
        if let found = try pin(key, definition, in: &state) { return (found, 0) }
        // Nothing is read from the disk for who is refused.
        try makeRoom(for: key.tenant, in: &state, now)
        return (nil, state.startLoad(key))
      }
      if let found { return seat(found, key) }
      defer { state.withLock { $0.endLoad(key) } }
      let loaded = try await load(definition, key.topic, site)
      let seated = try state.withLock {
        (state: inout sending State) throws(DispatchFailure) -> Dispatcher<Log>? in
        if state.isClosed || loaded.growth.isClosed { throw .gone }
        if let found = try pin(key, definition, in: &state) { return found }
        guard state.loads[key]?.removals == removals else { return nil }
        try makeRoom(for: key.tenant, in: &state, now)
        return enter(loaded, definition, key, in: &state)
      }
      if let seated { return seat(seated, key) }
    }
  }

  /// Ends the dispatcher of a subscription that was deleted, if there is one.
  public func close(_ definition: SubscriptionDefinition, of topic: TopicAddress) {
    let key = Key(definition, of: topic)
    let removed = state.withLock { state -> Dispatcher<Log>? in
      let found = state.shares[key.tenant]?.entries[key]?.dispatcher
      // A topic made anew gives its numbers anew.
      if let found, found.definition != definition { return nil }
      return state.remove(key)
    }
    removed?.close()
  }

  /// Ends the dispatchers of all subscriptions that a topic had which was deleted; not those of one
  /// that was made under its name meanwhile. What is being read of it ends by itself: its growth is
  /// closed.
  public func close(topicGoneAt address: TopicAddress) {
    let removed = state.withLock { state -> [Dispatcher<Log>] in
      var gone: [Dispatcher<Log>] = []
      for key in state.byTopic[address] ?? [] {
        let entry = state.shares[key.tenant]?.entries[key]
        guard entry?.dispatcher.growth.isClosed == true else { continue }
        if let dispatcher = state.remove(key) { gone.append(dispatcher) }
      }
      return gone
    }
    for dispatcher in removed { dispatcher.close() }
  }

  /// Numbers of a subscription if it is in use; nil otherwise: then what is stored tells them.
  public func facts(
    of definition: SubscriptionDefinition, of topic: TopicAddress, on site: LoopSite
  ) -> SubscriptionFacts? {
    let key = Key(definition, of: topic)
    let dispatcher = state.withLock { $0.shares[key.tenant]?.entries[key]?.dispatcher }
    guard let dispatcher, dispatcher.definition == definition, !dispatcher.growth.isClosed
    else { return nil }
    return dispatcher.facts(on: site)
  }

  /// Numbers of a subscription, in use or not; where there is no room for it, from what is stored.
  ///
  /// - Parameter topic: the caller's proof, granted for `subscribe` or `manage`.
  public func look(
    at definition: SubscriptionDefinition, of topic: TopicAddress, on site: LoopSite
  ) async throws(DispatchFailure) -> SubscriptionFacts {
    if let facts = facts(of: definition, of: topic, on: site) { return facts }
    do throws(DispatchFailure) {
      let seat = try await seat(at: definition, of: topic, on: site)
      return seat.dispatcher.facts(on: site)
    } catch {
      switch error {
      case .tooManyInUse, .tooManyOfTenantInUse:
        return try await load(definition, topic, site).machine.facts
      default: throw error
      }
    }
  }

  public var count: Int { state.withLock { $0.count } }

  /// Stores what is not stored yet and ends all waiting calls; returns when it is durable, or has
  /// failed. For shutdown.
  public func close() async {
    let dispatchers = state.withLock { state -> [Dispatcher<Log>] in
      state.isClosed = true
      return state.shares.values.flatMap { $0.entries.values.map(\.dispatcher) }
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
  ) async throws(DispatchFailure) -> Loaded {
    guard let rules = DispatchRules(definition.terms.kind) else {
      throw .notSupported(definition.terms.kind)
    }
    let growth: Growth
    do {
      growth = try log.growth(of: topic)
    } catch {
      throw .read(error)
    }
    let stored = try await storedState(of: definition, topic, site)
    do throws(AckSetFault) {
      let machine = try SubscriptionMachine(
        rules: rules, terms: definition.terms, number: definition.number, state: stored,
        end: growth.end, firstSerial: UInt64(max(wall().nanoseconds, 1)))
      return Loaded(machine: machine, growth: growth)
    } catch {
      throw .corrupt(error)
    }
  }

  private func storedState(
    of definition: SubscriptionDefinition, _ topic: TopicAddress, _ site: LoopSite
  ) async throws(DispatchFailure) -> SubscriptionState {
    let reference = SubscriptionReference(to: definition, of: topic)
    let outcome: Result<SubscriptionState, CatalogueFailure>
    do {
      outcome = try await site.workers.run { [log] in
        do throws(CatalogueFailure) {
          return .success(try log.loadState(of: reference, expecting: .exactly(definition)))
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
      switch error {
      case .unknownSubscription, .unknownTopic, .changed: throw .gone
      default: throw .store(error)
      }
    }
  }

  // MARK: - Under the lock

  private func pin(
    _ key: Key, _ definition: SubscriptionDefinition, in state: inout State
  ) throws(DispatchFailure) -> Dispatcher<Log>? {
    guard let entry = state.shares[key.tenant]?.entries[key] else { return nil }
    if entry.dispatcher.growth.isClosed {
      // The topic was deleted; one of the same name may have a subscription of the same number.
      state.remove(key)
      return nil
    }
    // The topic is there, and gives no number twice: what the caller has looked up was another's.
    guard entry.dispatcher.definition == definition else { throw .gone }
    state.uses += 1
    state.shares[key.tenant]?.entries[key]?.pins += 1
    state.shares[key.tenant]?.entries[key]?.lastUse = state.uses
    return entry.dispatcher
  }

  /// Makes the dispatcher, pinned.
  private func enter(
    _ loaded: Loaded, _ definition: SubscriptionDefinition, _ key: Key, in state: inout State
  ) -> Dispatcher<Log> {
    let counted =
      state.shares[key.tenant]?.unacked
      ?? UnackedCount(limit: limits.unackedPerTenant, within: unacked)
    let made = Dispatcher(
      log: log, reference: SubscriptionReference(to: definition, of: key.topic),
      definition: definition, growth: loaded.growth, machine: loaded.machine,
      unacked: counted)
    state.uses += 1
    state.count += 1
    let entry = Entry(dispatcher: made, pins: 1, lastUse: state.uses)
    state.shares[key.tenant, default: Share(unacked: counted)].entries[key] = entry
    state.byTopic[key.topic, default: []].insert(key)
    return made
  }

  private func seat(_ dispatcher: Dispatcher<Log>, _ key: Key) -> DispatcherSeat<Log> {
    DispatcherSeat(dispatcher) {
      self.state.withLock { state in
        // A successor under the same key has pins of its own.
        guard state.shares[key.tenant]?.entries[key]?.dispatcher === dispatcher else { return }
        state.shares[key.tenant]?.entries[key]?.pins -= 1
      }
    }
  }

  /// How long nobody looks for idle ones once few were found: a look goes through all entries under
  /// the lock, 1 ms for 20,000.
  private static var lookPause: TimeSpan { .milliseconds(100) }

  /// Makes room for one more of a tenant: among its own where it has its share, else among all. Of
  /// what is idle the least recently used sixteenth is dropped.
  private func makeRoom(
    for tenant: Name, in state: inout State, _ now: MonotonicTime
  ) throws(DispatchFailure) {
    if let share = state.shares[tenant], share.entries.count >= limits.subscriptionsPerTenant {
      let limit = limits.subscriptionsPerTenant
      let keys = idle(
        of: [share], sixteenthOf: limit, &state.shares[tenant, default: share].nextLook, now)
      guard !keys.isEmpty else { throw .tooManyOfTenantInUse(limit: limit) }
      drop(keys, from: &state)
    }
    guard state.count >= limits.subscriptions else { return }
    let limit = limits.subscriptions
    let keys = idle(of: Array(state.shares.values), sixteenthOf: limit, &state.nextLook, now)
    guard !keys.isEmpty else { throw .tooManyInUse(limit: limit) }
    drop(keys, from: &state)
  }

  /// The least recently used sixteenth of what nobody would miss; none until `nextLook`, which is
  /// put off where few were found.
  private func idle(
    of shares: [Share], sixteenthOf limit: Int, _ nextLook: inout MonotonicTime?,
    _ now: MonotonicTime
  ) -> [Key] {
    guard nextLook ?? now <= now else { return [] }
    let most = max(limit / 16, 1)
    var found: [(key: Key, lastUse: UInt64)] = []
    for share in shares {
      for (key, entry) in share.entries where entry.pins == 0 {
        guard entry.dispatcher.isIdle || entry.dispatcher.growth.isClosed else { continue }
        found.append((key, entry.lastUse))
      }
    }
    if found.count < most { nextLook = now + Self.lookPause }
    return found.sorted { $0.lastUse < $1.lastUse }.prefix(most).map(\.key)
  }

  private func drop(_ keys: [Key], from state: inout State) {
    for key in keys { state.remove(key) }
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
