public import Bytes
public import Metrics
public import Topics

/// What was handed to the socket and is not counted yet: latency ends when the socket has taken it.
public struct DeliveryTally {
  struct Entry {
    let at: MonotonicTime
    let bytes: Int
  }

  private var durable: [Entry] = []
  private var replayed = (events: 0, bytes: 0)

  public init() {}

  /// Whether there is nothing to count.
  var isEmpty: Bool { durable.isEmpty && replayed.events == 0 }

  /// Notes a record that is about to be written.
  ///
  /// - Parameter atTail: whether its reader was waiting for it. What readers fetch of the past is
  ///   counted apart: how long ago it became durable says nothing about the gateway.
  public mutating func add(_ record: Record, atTail: Bool) {
    if atTail, let at = record.durableAt {
      durable.append(Entry(at: at, bytes: record.payload.count))
    } else {
      replayed.events += 1
      replayed.bytes += record.payload.count
    }
  }

  /// Notes events their reader was waiting for.
  mutating func add(_ entries: [Entry]) {
    if durable.isEmpty { durable = entries } else { durable += entries }
  }

  /// The socket has taken everything noted so far.
  public mutating func written(at now: MonotonicTime, to metrics: TopicMetrics?) {
    for entry in durable { metrics?.delivered(bytes: entry.bytes, latency: now - entry.at) }
    if replayed.events > 0 {
      metrics?.replayed(events: replayed.events, bytes: replayed.bytes)
    }
    durable = []
    replayed = (0, 0)
  }
}
