import Bytes
import Synchronization
import Topics

/// How far the sweep through the topics has come. Committer thread only.
struct RetentionSweep {
  /// Topics of this pass that are still to be looked at.
  fileprivate var topics: ArraySlice<TopicState> = []
  /// The shortest age that a topic's retention names: as far as this pass has come, and of the last
  /// one.
  fileprivate var shortestSoFar: TimeSpan?
  fileprivate var shortestAge: TimeSpan?
  /// Records of buckets whose column family is gone.
  fileprivate var dropped: [BucketKey] = []
  /// When there is something to do again, by the clock of `CommitQueue`.
  fileprivate(set) var nextStep = MonotonicTime(nanoseconds: 0)
  fileprivate var trust: ClockTrust
  fileprivate var isTrusted = true
  /// Events that this pass let go.
  fileprivate var trimmed: UInt64 = 0
  /// Topics of which this pass could not tell what they may let go, and why of the last one.
  fileprivate var blocked = 0
  fileprivate var blockedBy: StoreFault?
  /// Why a bucket could not be made: the commit that looked for one fails.
  fileprivate(set) var fault: StoreFault?

  /// - Parameter dropped: buckets whose column family an opening found half dropped.
  init(_ clocks: Clocks, dropped: [BucketKey] = []) {
    trust = ClockTrust(wall: clocks.wall(), monotonic: clocks.monotonic())
    self.dropped = dropped
  }
}

/// Whether the wall clock still agrees with the clock that counts since boot. Where it was moved,
/// age must let nothing go: an hour that nobody saw pass is no reason to delete.
struct ClockTrust {
  private let wall: UnixTime
  private let monotonic: MonotonicTime

  init(wall: UnixTime, monotonic: MonotonicTime) {
    self.wall = wall
    self.monotonic = monotonic
  }

  func isKept(wall now: UnixTime, monotonic: MonotonicTime) -> Bool {
    let expected = wall + (monotonic - self.monotonic)
    let drift: TimeSpan = now - expected
    return drift.nanoseconds.magnitude <= RetentionLimits.clockStep.nanoseconds.magnitude
  }
}

/// Bounds of what is done about retention (docs/limits.md).
enum RetentionLimits {
  /// Topics that one commit looks at.
  static let slice = 1024
  /// Between two slices.
  static let pause = TimeSpan.milliseconds(5)
  /// A bucket takes events for an eighth of the shortest age that a retention names, so that what
  /// is past it goes about an eighth later…
  static let ageShare: Int64 = 8
  /// … within these bounds.
  static let shortestSpan = TimeSpan.seconds(10)
  static let longestSpan = TimeSpan.seconds(6 * 3_600)
  /// With every eighth bucket of a class the next one takes double the size and time, so that few
  /// are needed however long one topic holds the oldest, and every other topic still moves on.
  static let growEvery = 8
  static let mostDoublings = 16
  /// Space for RocksDB's options of so many buckets as there may be, and a line of its manifest.
  static let bucketRoom: UInt64 = 2 << 20
  /// The wall clock may run away from the other one by so much before age stops to count.
  static let clockStep = TimeSpan.seconds(300)
}

/// Buckets open, close and go. Committer thread only.
extension Committer {
  /// What is due of it, in small pieces; changes are made by the next commit.
  func keepHouse() throws(StoreFault) {
    let now = CommitQueue.now()
    guard now >= sweep.nextStep, condition.load(ordering: .relaxed) != .closing else { return }
    if sweep.topics.isEmpty {
      if hasDeleted { acknowledger.forgetDeleted() }
      hasDeleted = false
      database.releaseDropped()
      try dropDrained()
      add { $0.turnBuckets() }
      sweep.shortestAge = sweep.shortestSoFar
      sweep.shortestSoFar = nil
      sweep.topics = directory.topics[...]
    }
    // Read once: what is trusted is this very instant, not one that was set since.
    let wall = clocks.wall()
    let isTrusted = sweep.trust.isKept(wall: wall, monotonic: clocks.monotonic())
    if isTrusted != sweep.isTrusted { observer.clockTrusted(isTrusted) }
    sweep.isTrusted = isTrusted
    let slice = sweep.topics.prefix(RetentionLimits.slice)
    sweep.topics = sweep.topics.dropFirst(RetentionLimits.slice)
    add { committer in
      let instant = isTrusted ? wall : nil
      for topic in slice where !topic.isDeleted { committer.trim(topic, at: instant) }
    }
    sweep.nextStep =
      now + (sweep.topics.isEmpty ? limits.retentionEvery : RetentionLimits.pause)
    if sweep.topics.isEmpty { add { $0.report() } }
  }

  private func report() {
    observer.swept(
      RetentionFacts(
        trimmed: sweep.trimmed, buckets: shelf.all.count, blocked: sweep.blocked,
        blockedBy: sweep.blockedBy))
    sweep.trimmed = 0
    sweep.blocked = 0
    sweep.blockedBy = nil
  }

  /// Before a topic's chunks are written: takes it to the open bucket of its class.
  func roll(_ topic: TopicState) throws(StoreFault) {
    let kind = topic.retentionClass
    if topic.bucket.state == .open, topic.bucket.retentionClass == kind { return }
    // Where there is no space for one, the events go where the last ones went.
    if let open = shelf.open(kind) {
      begin(open, of: topic)
    } else if let made = try makeBucket(kind) {
      begin(made, of: topic)
    }
  }

  /// What the topic gets from now on lies in a segment in this bucket. In memory at once: readers
  /// learn of entries in it only after the commit.
  private func begin(_ bucket: EventBucket, of topic: TopicState) {
    let segment = Segment(
      first: topic.next, bucket: bucket, started: topic.lastPublish, bytesBefore: topic.bytes)
    put(SegmentKey(topic: topic.number, first: segment.first), segment.record)
    let replaced = topic.tail.withLock { $0.begin(segment) }
    replaced?.bucket.segments -= 1
    bucket.segments += 1
    topic.bucket = bucket
  }

  /// Seals open buckets that are large or old enough, and marks sealed ones that hold nothing for
  /// anybody.
  private func turnBuckets() {
    for key in sweep.dropped { delete(key) }
    sweep.dropped.removeAll()
    do throws(StoreFault) {
      for kind in [BucketKey.Class.bounded, .unlimited] {
        guard let open = shelf.open(kind), isFull(open), hasRoomForBucket,
          try makeBucket(kind) != nil
        else { continue }
        open.state = .sealed
        put(BucketKey(bucket: open.number), open.record(.sealed))
      }
    } catch {
      sweep.fault = error
    }
    for bucket in shelf.all where bucket.state == .sealed && bucket.segments == 0 {
      put(BucketKey(bucket: bucket.number), bucket.record(.draining))
      afterCommit { bucket.state = .draining }
    }
  }

  private func isFull(_ bucket: EventBucket) -> Bool {
    let kind = bucket.retentionClass
    guard bucket.bytes > 0 else { return false }
    let growth = min(
      shelf.count(kind) / RetentionLimits.growEvery, RetentionLimits.mostDoublings)
    if bucket.bytes >= limits.bucketBytes << UInt64(growth) { return true }
    // An open one does not go, whoever deletes what lies in it. Only for what that gives back: a
    // volume that is full again and again would else get a bucket each time.
    if bucket.hasGiven, condition.load(ordering: .relaxed) == .storageFull { return true }
    guard kind == .bounded, sweep.isTrusted else { return false }
    let longest = RetentionLimits.longestSpan
    let share = (sweep.shortestAge ?? longest).nanoseconds / RetentionLimits.ageShare
    let span = min(max(TimeSpan(nanoseconds: share), RetentionLimits.shortestSpan), longest)
    return bucket.opened + TimeSpan(nanoseconds: span.nanoseconds << Int64(growth))
      <= clocks.wall()
  }

  /// Makes the next bucket of a class; nil where there is no space for it now. After any other
  /// fault nobody knows what RocksDB's manifest holds.
  private func makeBucket(_ kind: BucketKey.Class) throws(StoreFault) -> EventBucket? {
    let key = BucketKey(bucket: counters.nextBucket)
    let family: ColumnFamily
    do throws(StoreFault) {
      family = try database.makeFamily(named: key.familyName(kind))
    } catch .noSpace {
      return nil
    } catch {
      throw error
    }
    let bucket = EventBucket(
      number: key.bucket, family: family, retentionClass: kind, state: .open,
      opened: clocks.wall())
    counters.nextBucket += 1
    put(CountersKey(), counters)
    put(key, bucket.record(.open))
    shelf.add(bucket)
    return bucket
  }

  /// Drops what an earlier commit has marked.
  private func dropDrained() throws(StoreFault) {
    for bucket in shelf.all where bucket.state == .draining {
      try database.dropFamily(bucket.family)
      shelf.remove(bucket)
      sweep.dropped.append(BucketKey(bucket: bucket.number))
    }
  }

  /// Lets go what is past a topic's retention, and the segments of which nothing is kept.
  private func trim(_ topic: TopicState, at now: UnixTime?) {
    let (first, segments) = topic.tail.withLock { ($0.first, $0.segments) }
    // Most topics: there is nothing to decide.
    if topic.retention == nil, segments.count == 1, topic.bucket.state == .open { return }
    var stretches: [Trimming.Stretch] = []
    for index in segments.indices {
      let next = index + 1 < segments.count ? segments[index + 1] : nil
      stretches.append(
        Trimming.Stretch(
          end: next?.first ?? topic.next, newest: next?.started ?? topic.lastPublish,
          bytes: next?.bytesBefore ?? topic.bytes))
    }
    var trim: TrimKey.Value?
    if let retention = topic.retention {
      sweep.shortestSoFar = [sweep.shortestSoFar, retention.age].compactMap { $0 }.min()
      if Trimming(stretches, retention, first: first, held: .max, now: now) != nil,
        let held = lowestCursor(of: topic),
        let found = Trimming(stretches, retention, first: first, held: held, now: now)
      {
        trim = TrimKey.Value(
          first: found.first, nextFloor: topic.next, bytesBefore: found.bytesBefore,
          until: found.until)
      }
    }
    let kept = trim?.first ?? first
    let gone = stretches.prefix { $0.end <= kept }.count
    // A topic without events stays where it is until its bucket takes none any more.
    if trim == nil, gone == 0 || (segments.count == 1 && topic.bucket.state == .open) { return }
    if let trim { put(TrimKey(topic: topic.number), trim) }
    for segment in segments[..<gone] {
      delete(SegmentKey(topic: topic.number, first: segment.first))
    }
    if gone == segments.count {
      begin(shelf.open(topic.retentionClass) ?? shelf.newest, of: topic)
    }
    sweep.trimmed += kept - first
    afterCommit {
      let left = topic.tail.withLock { tail in
        if let trim { tail.trim(trim) }
        return tail.leaveSegments()
      }
      for segment in left {
        segment.bucket.segments -= 1
        segment.bucket.hasGiven = true
      }
    }
  }

  /// The lowest entry that a subscription of the topic has not acknowledged; nil, which the pass
  /// reports, where that cannot be read.
  private func lowestCursor(of topic: TopicState) -> UInt64? {
    var lowest = UInt64.max
    var unseen = topic.facts.withLock { facts in
      Set(facts.subscriptions.values.map { UInt32(truncatingIfNeeded: $0.number) })
    }
    if unseen.isEmpty { return lowest }
    var prefix = ByteWriter(capacity: 8)
    topic.number.append(to: &prefix)
    do throws(StoreFault) {
      try database.scan(CursorKey.self, prefix: prefix.bytes) { key, value in
        // A row that is no subscription's any more holds nothing.
        guard unseen.remove(key.subscription) != nil else { return }
        lowest = min(lowest, value.ledger < topic.ledger ? 0 : value.next)
      }
      guard unseen.isEmpty else { throw .corruptRecord(family: KeyFamily.cursor.byte) }
      return min(lowest, lowestPosition(stagedFor: topic) ?? .max)
    } catch {
      sweep.blocked += 1
      sweep.blockedBy = error
      return nil
    }
  }
}
