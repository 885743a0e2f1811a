public import Bytes
public import Metrics
public import Topics

/// What was handed to the socket and is not counted yet: latency ends when the socket has taken it.
public struct DeliveryTally {
  private var durable: [(at: MonotonicTime, bytes: Int)] = []
  private var replayed = (events: 0, bytes: 0)

  public init() {}

  /// Notes a record that is about to be written.
  ///
  /// - Parameter atTail: whether its reader was waiting for it. What readers fetch of the past is
  ///   counted apart: how long ago it became durable says nothing about the gateway.
  public mutating func add(_ record: Record, atTail: Bool) {
    if atTail, let at = record.durableAt {
      durable.append((at, record.payload.count))
    } else {
      replayed.events += 1
      replayed.bytes += record.payload.count
    }
  }

  /// The socket has taken everything noted so far.
  public mutating func written(at now: MonotonicTime, to metrics: TopicMetrics?) {
    for (at, bytes) in durable { metrics?.delivered(bytes: bytes, latency: now - at) }
    if replayed.events > 0 {
      metrics?.replayed(events: replayed.events, bytes: replayed.bytes)
    }
    durable.removeAll(keepingCapacity: durable.count < 1_000)
    replayed = (0, 0)
  }
}
