public import Bytes
import Synchronization

/// The measured topics, at most `capacity` of them; any thread asks.
///
/// When it is full, a topic that has been quiet gives up its place: what it had counted goes on in
/// the series `topic="other"`, and it starts from nothing when it is used again. Loops keep the
/// references they are given (`TopicMetricsCache`) so that the lock is not taken per event.
public final class MetricsRegistry: Sendable {
  /// How many topics are measured apart at most; up to 14 KiB each.
  public let capacity: Int
  let seats: Mutex<TopicSeats>

  public init(capacity: Int = 5_000) {
    self.capacity = capacity
    seats = Mutex(TopicSeats())
  }

  /// The set of a topic, made when there is none. Only for topics that exist: a name that a client
  /// made up must not take a place.
  public func topic(_ key: TopicKey) -> TopicMetrics {
    seats.withLock { seats in
      if let found = seats.find(key) { return found }
      if seats.count >= capacity { seats.evict() }
      return seats.add(key.owned)
    }
  }

  /// The set of a topic if it has one.
  public func existing(_ key: TopicKey) -> TopicMetrics? { seats.withLock { $0.find(key) } }

  /// Forgets a topic that was deleted; its series end.
  public func remove(_ key: TopicKey) { seats.withLock { $0.remove(key) } }

  /// How many topics are measured apart now.
  public var count: Int { seats.withLock { $0.count } }
}

/// Which topic: three names, compared by their bytes.
public struct TopicKey: Hashable, Sendable {
  public let tenant: ByteSlice
  public let namespace: ByteSlice
  public let topic: ByteSlice

  public init(tenant: ByteSlice, namespace: ByteSlice, topic: ByteSlice) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
  }

  /// The same names in one piece of memory of their own, so that keeping them does not keep a
  /// request's buffer.
  public var owned: TopicKey {
    let names = ByteSlice.joined([tenant, namespace, topic])
    return TopicKey(tenant: names[0], namespace: names[1], topic: names[2])
  }

  /// By which a loop finds the topic's set.
  var loopHash: UInt64 {
    topic.place(seed: namespace.place(seed: tenant.place(seed: 0)))
  }

  var labels: ByteSlice {
    var writer = ByteWriter(capacity: 48 + tenant.count + namespace.count + topic.count)
    writer.append("tenant=\"")
    writer.append(labelValue: tenant)
    writer.append("\",namespace=\"")
    writer.append(labelValue: namespace)
    writer.append("\",topic=\"")
    writer.append(labelValue: topic)
    writer.append("\"")
    return writer.slice
  }
}

/// One loop's own directory of topic sets: no lock while a topic stays in use. Loop-confined.
/// Bounded: see `AssociativeTable`.
public struct TopicMetricsCache {
  private let registry: MetricsRegistry
  private var known: AssociativeTable<TopicMetrics>
  /// The topic asked for last.
  private var latest: TopicMetrics?

  /// Places for at least `capacity` topics, rounded up to a power of two.
  public init(of registry: MetricsRegistry, capacity: Int = 1_024) {
    self.registry = registry
    known = AssociativeTable(capacity: capacity)
  }

  /// The set of a topic that exists; see `MetricsRegistry.topic`.
  public mutating func topic(_ key: TopicKey) -> TopicMetrics {
    if let latest, latest.isOf(key), !latest.isRetired { return latest }
    let hash = key.loopHash
    let index = known.find(hash) { $0.isOf(key) }
    if let index, !known[index].isRetired {
      let found = known[index]
      latest = found
      return found
    }
    let metrics = registry.topic(key)
    known.put(metrics, hash) { $0.isOf(key) }
    latest = metrics
    return metrics
  }
}
