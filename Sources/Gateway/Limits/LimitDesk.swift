import Bytes
import Crypto
import Metrics
import Tenancy

/// The rates that the policy sets, asked before anything is done. Shared by all loops; a request
/// that nothing bounds costs a look at its tenant's policy, each bound that there is two look-ups.
///
/// All bounds of a request are asked first and charged only when none refuses, so that a caller
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

  /// What one request asks of its bounds: at most events and bytes of tenant, principal and topic.
  private struct Demands {
    private(set) var all: InlineArray<6, Demand?> = .init(repeating: nil)
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
  func admit(
    _ caller: TenantScope, from peer: ByteSlice, under addressLimits: AddressBounds,
    at now: MonotonicTime
  ) throws(Refusal) {
    let limits = caller.policy.limits
    if limits.hasNoRates, addressLimits.requests == nil { return }
    var demands = Demands()
    demands.append(
      .tenantRequests, limits.tenant.requests, 1, Key.tenant(caller, .tenantRequests))
    demands.append(
      .principalRequests, limits.perPrincipal.requests, 1,
      Key.principal(caller, .principalRequests))
    demands.append(
      .addressRequests, addressLimits.requests, 1, Key.address(peer, .addressRequests))
    try meet(demands, at: now)
  }

  /// Events that are about to be stored. What they count for is charged to the caller's tenant, its
  /// principal and the topic.
  func publish(
    events: Int, bytes: Int, to topic: TopicAddress, at now: MonotonicTime
  ) throws(Refusal) {
    let caller = topic.caller
    let limits = caller.policy.limits
    let topicLimits = topic.policy.limits.perTopic
    if limits.hasNoRates, topicLimits.isEmpty { return }
    var demands = Demands()
    demands.append(.tenantEvents, limits.tenant.events, events, Key.tenant(caller, .tenantEvents))
    demands.append(.tenantBytes, limits.tenant.bytes, bytes, Key.tenant(caller, .tenantBytes))
    demands.append(
      .principalEvents, limits.perPrincipal.events, events,
      Key.principal(caller, .principalEvents))
    demands.append(
      .principalBytes, limits.perPrincipal.bytes, bytes, Key.principal(caller, .principalBytes))
    demands.append(.topicEvents, topicLimits.events, events, Key.topic(topic, .topicEvents))
    demands.append(.topicBytes, topicLimits.bytes, bytes, Key.topic(topic, .topicBytes))
    try meet(demands, at: now)
  }

  /// Whether an address may still have unknown tokens verified. Takes nothing: only tokens that are
  /// refused count, so that nobody pays who calls with good ones.
  func mayVerify(
    _ token: Digest, for peer: ByteSlice, under limits: AddressBounds, at now: MonotonicTime
  ) throws(Refusal) {
    guard let rate = limits.refusedTokens else { return }
    let key = Key.address(peer, .addressTokens)
    guard let wait = addresses.wait(for: 1, of: key, at: now, rate) else { return }
    // Another loop knows it.
    if accepted.take(token) { return }
    metrics.refused(.addressTokens)
    throw Refusal(limitedBy: .addressTokens, rate, wait: wait)
  }

  /// A token that the asking loop did not know was accepted.
  func tokenAccepted(_ token: Digest) { accepted.note(token) }

  /// A token of an address was not accepted.
  func tokenRefused(
    from peer: ByteSlice, under limits: AddressBounds, at now: MonotonicTime
  ) {
    guard let rate = limits.refusedTokens else { return }
    addresses.charge(1, to: Key.address(peer, .addressTokens), at: now, rate)
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
    case .topicEvents, .topicBytes, .namespaceStorage: topics
    case .addressRequests, .addressStreams, .addressTokens: addresses
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
