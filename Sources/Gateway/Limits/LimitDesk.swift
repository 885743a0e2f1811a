import Bytes
import Crypto
import Metrics
import Tenancy

/// The rates that the policy sets: of requests, asked once it is known who calls for what, and of
/// events and bytes, asked before anything is stored. Shared by all loops; a request that nothing
/// bounds costs a look at its tenant's policy, each bound that there is two look-ups.
///
/// All bounds of one asking are asked first and charged only when none refuses, so that a caller
/// that one of them slows down does not eat up the others.
final class LimitDesk: Sendable {
  private let tenants = BucketTable(capacity: 1 << 12)
  private let principals = BucketTable(capacity: 1 << 16)
  private let topics = BucketTable(capacity: 1 << 16)
  private let addresses = BucketTable(capacity: 1 << 16)
  private let accepted = AcceptedTokens()
  private let metrics: LimitMetrics

  init(metrics: LimitMetrics) { self.metrics = metrics }

  /// One bound and what is asked of it.
  private struct Demand {
    let limit: LimitName
    let rate: Rate
    let amount: Int64
    let key: UInt64
  }

  /// What one request asks of its bounds: at most events and bytes of tenant, principal, namespace,
  /// topic and address.
  private struct Demands {
    private(set) var all: InlineArray<10, Demand?> = .init(repeating: nil)
    private(set) var count = 0

    mutating func append(
      _ limit: LimitName, _ rate: Rate?, _ amount: Int, _ key: @autoclosure () -> UInt64
    ) {
      guard let rate, amount > 0 else { return }
      all[count] = Demand(limit: limit, rate: rate, amount: Int64(amount), key: key())
      count += 1
    }
  }

  /// A request of an admitted caller.
  ///
  /// - Parameter topic: what it is about; nil for what is about no topic, or about one that the
  ///   caller has no right to.
  func admit(
    _ caller: TenantScope, to topic: TopicAddress?, from peer: ByteSlice,
    under addressLimits: AddressBounds, at now: MonotonicTime
  ) throws(Refusal) {
    if let topic, topic.hasNoRates, addressLimits.requests == nil { return }
    let limits = caller.policy.limits
    let topicRequests = topic?.policy.limits.perTopic.requests
    let namespaceRequests = topic?.policy.limits.perNamespace.requests
    if limits.hasNoRates, topicRequests == nil, namespaceRequests == nil,
      addressLimits.requests == nil
    {
      return
    }
    var demands = Demands()
    demands.append(
      .tenantRequests, limits.tenant.requests, 1, Key.tenant(caller, .tenantRequests))
    demands.append(
      .principalRequests, limits.perPrincipal.requests, 1,
      Key.principal(caller, .principalRequests))
    if let topic {
      demands.append(
        .namespaceRequests, namespaceRequests, 1, Key.namespace(topic, .namespaceRequests))
      demands.append(.topicRequests, topicRequests, 1, Key.topic(topic, .topicRequests))
    }
    demands.append(
      .addressRequests, addressLimits.requests, 1, Key.address(peer, .addressRequests))
    try meet(demands, at: now)
  }

  /// Events that are about to be stored. What they count for is charged to the caller's tenant, its
  /// principal, the topic with its namespace, and the address that they come from.
  func publish(
    events: Int, bytes: Int, to topic: TopicAddress, from peer: ByteSlice,
    under address: BearerBounds, at now: MonotonicTime
  ) throws(Refusal) {
    if topic.hasNoRates, address.hasNoRates { return }
    let caller = topic.caller
    let limits = caller.policy.limits
    let topicLimits = topic.policy.limits.perTopic
    let namespaceLimits = topic.policy.limits.perNamespace
    var demands = Demands()
    demands.append(.tenantEvents, limits.tenant.events, events, Key.tenant(caller, .tenantEvents))
    demands.append(.tenantBytes, limits.tenant.bytes, bytes, Key.tenant(caller, .tenantBytes))
    demands.append(
      .principalEvents, limits.perPrincipal.events, events,
      Key.principal(caller, .principalEvents))
    demands.append(
      .principalBytes, limits.perPrincipal.bytes, bytes, Key.principal(caller, .principalBytes))
    demands.append(
      .namespaceEvents, namespaceLimits.events, events, Key.namespace(topic, .namespaceEvents))
    demands.append(
      .namespaceBytes, namespaceLimits.bytes, bytes, Key.namespace(topic, .namespaceBytes))
    demands.append(.topicEvents, topicLimits.events, events, Key.topic(topic, .topicEvents))
    demands.append(.topicBytes, topicLimits.bytes, bytes, Key.topic(topic, .topicBytes))
    demands.append(.addressEvents, address.events, events, Key.address(peer, .addressEvents))
    demands.append(.addressBytes, address.bytes, bytes, Key.address(peer, .addressBytes))
    try meet(demands, at: now)
  }

  /// Whether an address may still have unknown tokens verified. Takes nothing: only tokens that are
  /// refused count, so that nobody pays who calls with good ones.
  func mayVerify(
    _ token: Digest, for peer: ByteSlice, under limits: AddressBounds, at now: MonotonicTime
  ) throws(Refusal) {
    let rate = limits.refusedTokens
    let key = Key.address(peer, .addressTokens)
    guard let wait = addresses.wait(for: 1, of: key, at: now, rate) else { return }
    // Another loop knows it.
    if accepted.take(token) { return }
    metrics.refused(.addressTokens)
    throw Refusal(limitedBy: .addressTokens, rate, wait: wait)
  }

  /// Nobody was asked about a token, because so many questions of its address are under way.
  func questionRefused() { metrics.refused(.addressQuestions) }

  /// A token that the asking loop did not know was accepted.
  func tokenAccepted(_ token: Digest) { accepted.note(token) }

  /// A token of an address was not accepted.
  ///
  /// Counts as long as the bucket has something left: some are refused before `mayVerify` is asked,
  /// and a debt of those would outlast their flood, for all who share the address.
  func tokenRefused(
    from peer: ByteSlice, under limits: AddressBounds, at now: MonotonicTime
  ) {
    let rate = limits.refusedTokens
    let key = Key.address(peer, .addressTokens)
    guard addresses.wait(for: 1, of: key, at: now, rate) == nil else { return }
    addresses.charge(1, to: key, at: now, rate)
  }

  /// A rate that binds a caller, and what is left of it now.
  struct Remainder {
    let limit: LimitName
    let rate: Rate
    /// How much the bucket has; below zero for a debt.
    let left: Int64
  }

  /// What is left of each rate that a request of the caller would be held to. Takes nothing.
  ///
  /// - Parameters:
  ///   - topic: what the request would be about; its events and bytes count where it publishes.
  ///   - peer: where it would come from; nil when nobody knows.
  func remainders(
    of caller: TenantScope, to topic: TopicAddress?, from peer: ByteSlice?,
    under address: BearerBounds, at now: MonotonicTime
  ) -> [Remainder] {
    var all: [Remainder] = []
    func look(_ limit: LimitName, _ rate: Rate?, _ key: @autoclosure () -> UInt64) {
      guard let rate else { return }
      let left = table(of: limit).left(of: key(), at: now, rate)
      all.append(Remainder(limit: limit, rate: rate, left: left))
    }
    func look(
      _ bounds: BearerBounds, _ requests: LimitName, _ events: LimitName, _ bytes: LimitName,
      _ key: (LimitName) -> UInt64
    ) {
      look(requests, bounds.requests, key(requests))
      guard topic?.action == .publish else { return }
      look(events, bounds.events, key(events))
      look(bytes, bounds.bytes, key(bytes))
    }
    let limits = caller.policy.limits
    look(limits.tenant, .tenantRequests, .tenantEvents, .tenantBytes) { Key.tenant(caller, $0) }
    look(limits.perPrincipal, .principalRequests, .principalEvents, .principalBytes) {
      Key.principal(caller, $0)
    }
    if let topic {
      let owners = topic.policy.limits
      look(owners.perNamespace, .namespaceRequests, .namespaceEvents, .namespaceBytes) {
        Key.namespace(topic, $0)
      }
      look(owners.perTopic, .topicRequests, .topicEvents, .topicBytes) { Key.topic(topic, $0) }
    }
    if let peer {
      look(address, .addressRequests, .addressEvents, .addressBytes) { Key.address(peer, $0) }
    }
    return all
  }

  private func meet(_ demands: Demands, at now: MonotonicTime) throws(Refusal) {
    var binding: (demand: Demand, wait: TimeSpan)?
    for index in 0..<demands.count {
      guard let demand = demands.all[index] else { continue }
      let wait = table(of: demand.limit).wait(
        for: demand.amount, of: demand.key, at: now, demand.rate)
      if let wait, wait > binding?.wait ?? .zero { binding = (demand, wait) }
    }
    if let binding {
      metrics.refused(binding.demand.limit)
      throw Refusal(limitedBy: binding.demand.limit, binding.demand.rate, wait: binding.wait)
    }
    for index in 0..<demands.count {
      guard let demand = demands.all[index] else { continue }
      table(of: demand.limit).charge(demand.amount, to: demand.key, at: now, demand.rate)
    }
  }

  private func table(of limit: LimitName) -> BucketTable {
    switch limit {
    case .principalRequests, .principalEvents, .principalBytes, .principalStreams: principals
    case .topicRequests, .topicEvents, .topicBytes, .topicStreams, .namespaceRequests,
      .namespaceEvents, .namespaceBytes, .namespaceStreams, .namespaceStorage:
      topics
    case .addressRequests, .addressEvents, .addressBytes, .addressStreams, .addressTokens,
      .addressQuestions:
      addresses
    case .tenantRequests, .tenantEvents, .tenantBytes, .tenantStreams, .tenantStorage,
      .tenantShare:
      tenants
    }
  }
}

/// Who is bounded, as a number. Hashed with a seed that is random for each process, so that nobody
/// can choose names that meet.
private enum Key {
  static func tenant(_ caller: TenantScope, _ limit: LimitName) -> UInt64 {
    make(limit) { $0.combine(caller.tenant) }
  }

  static func principal(_ caller: TenantScope, _ limit: LimitName) -> UInt64 {
    make(limit) { hasher in
      hasher.combine(caller.tenant)
      hasher.combine(caller.principal)
    }
  }

  /// The topic's namespace.
  static func namespace(_ topic: TopicAddress, _ limit: LimitName) -> UInt64 {
    make(limit) { hasher in
      hasher.combine(topic.tenant)
      hasher.combine(topic.namespace)
    }
  }

  static func topic(_ topic: TopicAddress, _ limit: LimitName) -> UInt64 {
    make(limit) { $0.combine(topic) }
  }

  static func address(_ peer: ByteSlice, _ limit: LimitName) -> UInt64 {
    make(limit) { PeerNetwork.hash(peer, into: &$0) }
  }

  private static func make(_ limit: LimitName, _ combine: (inout Hasher) -> Void) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(limit.rawValue)
    combine(&hasher)
    let key = UInt64(bitPattern: Int64(hasher.finalize()))
    // 0 is a place that nobody has.
    return key == 0 ? 1 : key
  }
}
