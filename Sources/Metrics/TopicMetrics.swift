public import Bytes
import Synchronization

/// What is measured of one topic. Any loop records at any time; readers take snapshots.
///
/// Half a KiB, and 6.4 KiB more once something was published, and again once delivered.
public final class TopicMetrics: Sendable {
  // What every publish touches stands together, before what others do.
  private let retired = Atomic<Bool>(false)
  /// Publish: from the last byte of the request received to the event durable; one per event.
  let publishLatency = Histogram(.latency)
  /// What became of events sent to the topic, refusals by reason included.
  public let publishes = OutcomeCounts()
  private let storedBytes = Counter()

  /// Which topic, in memory of its own.
  let key: TopicKey
  /// What became of requests to read, follow and consume the topic.
  public let consumptions = OutcomeCounts()
  private let deliveryLatency = Histogram(.latency)
  private let deliveredEvents = Counter()
  private let deliveredBytes = Counter()
  private let replayedEvents = Counter()
  private let replayedBytes = Counter()
  private let deprecatedSchemas = Counter()
  /// The topic's labels as the exposition writes them, rendered once.
  let labels: ByteSlice

  init(_ key: TopicKey) {
    self.key = key
    labels = key.labels
  }

  /// Whether it is what is measured of this topic. Copies no name.
  func isOf(_ key: TopicKey) -> Bool {
    self.key.topic == key.topic && self.key.namespace == key.namespace
      && self.key.tenant == key.tenant
  }

  /// Events became durable together: how many, their payload bytes, and how long after receipt.
  ///
  /// - Parameter outcome: `schemaWarned` for those that break their schema.
  public func stored(
    events: Int = 1, bytes: Int, latency: TimeSpan, as outcome: Outcome = .accepted
  ) {
    publishLatency.record(latency, times: events)
    publishes.count(outcome, times: events)
    storedBytes.add(bytes)
  }

  /// Events were checked against a deprecated version of their schema.
  public func deprecated(events: Int = 1) { deprecatedSchemas.add(events) }

  /// Events were refused, for one reason; `taking` is the time from receipt to the refusal.
  public func refused(_ reason: Outcome, events: Int = 1, taking: TimeSpan = .zero) {
    publishes.count(reason, times: events, taking: taking)
  }

  /// An event was written to a consumer that waits at the tail: payload bytes and time since
  /// durable.
  public func delivered(events: Int = 1, bytes: Int, latency: TimeSpan) {
    deliveryLatency.record(latency, times: events)
    deliveredEvents.add(events)
    deliveredBytes.add(bytes)
  }

  /// Events were written to a consumer that reads what lies behind the tail.
  public func replayed(events: Int, bytes: Int) {
    replayedEvents.add(events)
    replayedBytes.add(bytes)
  }

  /// Publish latency in topic statistics; nil before the first event.
  public var publishSummary: LatencySummary? { LatencySummary(publishLatency.snapshot) }
  /// Delivery latency of readers at the tail; nil before the first delivery.
  public var deliverySummary: LatencySummary? { LatencySummary(deliveryLatency.snapshot) }

  /// Whether the registry has forgotten this set: whoever keeps a reference asks the registry anew.
  public var isRetired: Bool { retired.load(ordering: .relaxed) }

  func retire() { retired.store(true, ordering: .relaxed) }

  /// Events and requests counted so far, to tell busy topics from idle ones.
  var activity: UInt64 {
    publishes.total &+ consumptions.total &+ deliveredEvents.value &+ replayedEvents.value
  }

  var snapshot: TopicSnapshot {
    TopicSnapshot(
      publishLatency: publishLatency.snapshot, deliveryLatency: deliveryLatency.snapshot,
      publishes: publishes.snapshot, consumptions: consumptions.snapshot,
      storedBytes: storedBytes.value, deliveredEvents: deliveredEvents.value,
      deliveredBytes: deliveredBytes.value, replayedEvents: replayedEvents.value,
      replayedBytes: replayedBytes.value, deprecatedSchemas: deprecatedSchemas.value)
  }
}

/// What was measured of a topic, or of several together, up to one time.
struct TopicSnapshot: Sendable, Equatable {
  var publishLatency = HistogramSnapshot(empty: .latency)
  var deliveryLatency = HistogramSnapshot(empty: .latency)
  var publishes = OutcomeSnapshot()
  var consumptions = OutcomeSnapshot()
  var storedBytes: UInt64 = 0
  var deliveredEvents: UInt64 = 0
  var deliveredBytes: UInt64 = 0
  var replayedEvents: UInt64 = 0
  var replayedBytes: UInt64 = 0
  var deprecatedSchemas: UInt64 = 0

  mutating func merge(_ other: TopicSnapshot) {
    publishLatency.merge(other.publishLatency)
    deliveryLatency.merge(other.deliveryLatency)
    publishes.merge(other.publishes)
    consumptions.merge(other.consumptions)
    storedBytes &+= other.storedBytes
    deliveredEvents &+= other.deliveredEvents
    deliveredBytes &+= other.deliveredBytes
    replayedEvents &+= other.replayedEvents
    replayedBytes &+= other.replayedBytes
    deprecatedSchemas &+= other.deprecatedSchemas
  }

  mutating func subtract(_ earlier: TopicSnapshot) {
    publishLatency.subtract(earlier.publishLatency)
    deliveryLatency.subtract(earlier.deliveryLatency)
    publishes.subtract(earlier.publishes)
    consumptions.subtract(earlier.consumptions)
    storedBytes &-= earlier.storedBytes
    deliveredEvents &-= earlier.deliveredEvents
    deliveredBytes &-= earlier.deliveredBytes
    replayedEvents &-= earlier.replayedEvents
    replayedBytes &-= earlier.replayedBytes
    deprecatedSchemas &-= earlier.deprecatedSchemas
  }
}
