import Bytes
import Synchronization
import Topics

/// A bucket that exists: chunks of many topics over some stretch of time, in a column family of its
/// own, which is dropped whole once no topic has a segment in it.
///
/// SAFETY: `@unchecked Sendable` because the variables are touched by the committer thread only
/// (before it starts, by the opening thread); readers take `number` and `family`.
final class EventBucket: @unchecked Sendable {
  let number: UInt32
  let family: ColumnFamily
  let retentionClass: BucketKey.Class
  let opened: UnixTime

  var state: BucketKey.State
  /// Segments of live topics in it.
  var segments = 0
  /// What was written into it, in bytes: of earlier processes the size of its tables, or less.
  var bytes: UInt64 = 0
  /// Whether events in it may be nobody's any more, whose space comes back when it goes.
  var hasGiven = false

  init(
    number: UInt32, family: ColumnFamily, retentionClass: BucketKey.Class,
    state: BucketKey.State, opened: UnixTime
  ) {
    self.number = number
    self.family = family
    self.retentionClass = retentionClass
    self.state = state
    self.opened = opened
  }

  func record(_ state: BucketKey.State) -> BucketKey.Value {
    BucketKey.Value(retentionClass: retentionClass, state: state, opened: opened)
  }
}

/// From `first` on, until the next segment's first, a topic's chunks lie in `bucket`.
struct Segment: Sendable {
  let first: UInt64
  let bucket: EventBucket
  /// No event before it is younger, none in it is older: publish times never fall.
  let started: UnixTime
  /// Record bytes of the topic before it.
  let bytesBefore: UInt64

  var record: SegmentKey.Value {
    SegmentKey.Value(bucket: bucket.number, started: started, bytesBefore: bytesBefore)
  }
}

/// All buckets that hold events or will. Committer thread only; filled by the opening thread.
struct BucketShelf {
  private(set) var all: [EventBucket]

  /// In the order of their numbers.
  init(_ all: [EventBucket]) { self.all = all }

  /// The one that takes new chunks of a class; nil where the class has none yet.
  func open(_ kind: BucketKey.Class) -> EventBucket? {
    all.last { $0.retentionClass == kind && $0.state == .open }
  }

  /// A store has at least the bucket that it was founded with, or one that came after it.
  var newest: EventBucket { all[all.count - 1] }

  func count(_ kind: BucketKey.Class) -> Int { all.count { $0.retentionClass == kind } }

  mutating func add(_ bucket: EventBucket) { all.append(bucket) }

  mutating func remove(_ bucket: EventBucket) { all.removeAll { $0 === bucket } }
}

extension Database {
  /// The buckets by their numbers, and the records of those that are being dropped.
  func buckets() throws(StoreFault) -> (kept: [UInt32: EventBucket], draining: [BucketKey]) {
    var buckets: [UInt32: EventBucket] = [:]
    var draining: [BucketKey] = []
    try scan(BucketKey.self) { (key, value) throws(StoreFault) in
      if value.state == .draining {
        draining.append(key)
        return
      }
      guard let family = family(named: key.familyName(value.retentionClass)) else {
        throw .corruptRecord(family: KeyFamily.bucket.byte)
      }
      let bucket = EventBucket(
        number: key.bucket, family: family, retentionClass: value.retentionClass,
        state: value.state, opened: value.opened)
      // Of what was only replayed, on a full volume, no more is known than how many chunks it has.
      bucket.bytes = max(
        property("rocksdb.total-sst-files-size", of: family) ?? 0,
        property("rocksdb.estimate-num-keys", of: family) ?? 0)
      // Nothing says what has left it before.
      bucket.hasGiven = bucket.bytes > 0
      buckets[key.bucket] = bucket
    }
    return (buckets, draining)
  }
}

extension TopicState {
  /// Takes over what is set for it, or for its namespace where nothing is, or else for its tenant.
  func keep(under rules: (namespace: Retention?, tenant: Retention?)) {
    let wanted =
      facts.withLock { $0.configuration.retention } ?? rules.namespace ?? rules.tenant
    retention = wanted.flatMap { $0.age == nil && $0.bytes == nil ? nil : $0 }
  }
}
