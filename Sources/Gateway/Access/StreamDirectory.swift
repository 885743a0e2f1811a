import Bytes
import HTTPWire
public import Metrics
import Synchronization
import Tenancy
import Topics

/// Where each live stream of the process is, so that a renewed token finds the one it is meant for,
/// whichever loop took the request. A stream's name is the id of the request that opened it.
///
/// Any thread may call; a stream takes the lock when it opens and when it ends.
public final class StreamDirectory: Sendable {
  struct Entry: Sendable {
    /// What was granted when the stream was opened, or renewed last.
    let topic: TopicAddress
    fileprivate let box: Mailbox
    fileprivate let bearers: Bearers
  }

  /// Whom a stream counts for.
  fileprivate struct Bearers: Sendable {
    let tenant: Name
    let principal: ByteSlice
    let topic: TopicAddress
    /// What its address stands for: see `PeerNetwork`.
    let network: UInt64
  }

  private struct Principal: Hashable {
    let tenant: Name
    let name: ByteSlice
  }

  private struct Namespace: Hashable {
    let tenant: Name
    let name: Name

    init(of topic: TopicAddress) {
      tenant = topic.tenant
      name = topic.namespace
    }
  }

  private struct State {
    var entries: [RequestID: Entry] = [:]
    /// How many are open; those with none have no entry.
    var tenants: [Name: Int] = [:]
    var principals: [Principal: Int] = [:]
    var namespaces: [Namespace: Int] = [:]
    var topics: [TopicAddress: Int] = [:]
    var networks: [UInt64: Int] = [:]

    mutating func count(_ bearers: Bearers, _ step: Int) {
      func change<Key>(_ counts: inout [Key: Int], _ key: Key) {
        let count = (counts[key] ?? 0) + step
        counts[key] = count > 0 ? count : nil
      }
      change(&tenants, bearers.tenant)
      change(&principals, Principal(tenant: bearers.tenant, name: bearers.principal))
      change(&namespaces, Namespace(of: bearers.topic))
      change(&topics, bearers.topic)
      change(&networks, bearers.network)
    }

    /// The bound that another stream would break.
    func bound(
      of bearers: Bearers, _ limits: TenantBounds, _ addressLimits: AddressBounds
    ) -> (LimitName, Int)? {
      let principal = Principal(tenant: bearers.tenant, name: bearers.principal)
      let owners = bearers.topic.policy.limits
      let open: [(LimitName, Int?, Int?)] = [
        (.tenantStreams, limits.tenant.streams, tenants[bearers.tenant]),
        (.principalStreams, limits.perPrincipal.streams, principals[principal]),
        (
          .namespaceStreams, owners.perNamespace.streams, namespaces[Namespace(of: bearers.topic)]
        ),
        (.topicStreams, owners.perTopic.streams, topics[bearers.topic]),
        (.addressStreams, addressLimits.streams, networks[bearers.network]),
      ]
      for case (let limit, let most?, let count) in open where count ?? 0 >= most {
        return (limit, most)
      }
      return nil
    }
  }

  /// Renewed tokens on their way to the loop of their streams.
  typealias Mailbox = LoopMailbox<(stream: RequestID, topic: TopicAddress)>

  private let state = Mutex(State())
  private let metrics: LimitMetrics

  public init(metrics: LimitMetrics) { self.metrics = metrics }

  /// A stream opens, unless its tenant, principal, namespace, topic or address has as many as they
  /// may.
  ///
  /// - Parameter earlier: a stream that ends if this one opens, so that its place is free for it.
  func opened(
    _ stream: RequestID, insteadOf earlier: RequestID?, at topic: TopicAddress,
    from peer: ByteSlice, under addressLimits: AddressBounds, box: Mailbox
  ) throws(Refusal) {
    let caller = topic.caller
    let bearers = Bearers(
      tenant: caller.tenant, principal: caller.principal, topic: topic,
      network: PeerNetwork.number(of: peer))
    let bound = state.withLock { state -> (LimitName, Int)? in
      var ending: Bearers?
      if let earlier { ending = state.entries[earlier]?.bearers }
      // It counts again until it has ended.
      if let ending { state.count(ending, -1) }
      defer { if let ending { state.count(ending, 1) } }
      if let bound = state.bound(of: bearers, caller.policy.limits, addressLimits) { return bound }
      state.entries[stream] = Entry(topic: topic, box: box, bearers: bearers)
      state.count(bearers, 1)
      return nil
    }
    guard let (limit, most) = bound else { return }
    metrics.refused(limit)
    throw Refusal(tooManyStreams: limit, most: most)
  }

  func ended(_ stream: RequestID) {
    state.withLock { state in
      guard let entry = state.entries.removeValue(forKey: stream) else { return }
      state.count(entry.bearers, -1)
    }
  }

  /// What the stream of that name reads, and who opened it; nil for one that is not open.
  func topic(of stream: RequestID) -> TopicAddress? { state.withLock { $0.entries[stream]?.topic } }

  /// Lets the stream go on under another proof of the same topic.
  ///
  /// - Returns: false when it has ended meanwhile.
  func renew(_ stream: RequestID, with topic: TopicAddress) -> Bool {
    let box = state.withLock { state -> Mailbox? in
      guard let entry = state.entries[stream] else { return nil }
      state.entries[stream] = Entry(topic: topic, box: entry.box, bearers: entry.bearers)
      return entry.box
    }
    box?.put((stream, topic))
    return box != nil
  }

  var count: Int { state.withLock { $0.entries.count } }
}
