public import Bytes
import Synchronization
public import Tenancy
public import Topics

extension RocksTopicLog {
  public func readStored(
    _ address: TopicAddress, from cursor: Cursor, budget: ByteBudget
  ) throws(ReadFailure) -> Page {
    let topic = try readable(address)
    let (front, segments) = try topic.tail.withLock { tail throws(ReadFailure) in
      (try ReadFront(cursor, topic.ledger, tail), tail.segments)
    }
    var collector = PageCollector(topic.ledger, front, budget)
    let deadline = CommitQueue.now() + committer.limits.readTime
    var walk: ChunkWalk
    do throws(StoreFault) {
      walk = try ChunkWalk(committer.database, topic.number, segments, from: front.start)
    } catch {
      throw ReadFailure(error, topic.ledger, at: front.start)
    }
    while !collector.isFull, collector.next < front.end {
      if !collector.records.isEmpty, CommitQueue.now() >= deadline { break }
      do throws(StoreFault) {
        try walk.take(into: &collector, end: front.end)
      } catch {
        // What was read before the damage is sound: the next read starts at the damage and says so.
        if !collector.records.isEmpty { break }
        if case .corruptFile = error {
          let damage = DamageSearch(committer.database, topic.number, segments, end: front.end)
          throw .corrupt(
            ledger: topic.ledger, first: collector.next, last: damage.last(from: collector.next))
        }
        throw ReadFailure(error, topic.ledger, at: collector.next)
      }
    }
    return collector.page
  }

  public func locate(
    _ instant: UnixTime, in address: TopicAddress
  ) throws(ReadFailure) -> Cursor {
    let topic = try readable(address)
    let (first, end, segments) = topic.tail.withLock { ($0.first, $0.end, $0.segments) }
    // Publish times never fall, so the place can be found by halving.
    var low = first
    var high = end
    while low < high {
      let middle = low + (high - low) / 2
      do throws(StoreFault) {
        var walk = try ChunkWalk(committer.database, topic.number, segments, from: middle)
        let found = try walk.next(holding: middle, end: end)
        if found.chunk.baseTime >= instant {
          high = max(low, found.chunk.first(last: found.last))
        } else {
          low = found.last + 1
        }
      } catch {
        throw ReadFailure(error, topic.ledger, at: middle)
      }
    }
    return Cursor(ledger: topic.ledger, next: low)
  }
}

extension ReadFailure {
  /// What a reader is told of a fault met while looking for `entry`.
  init(_ fault: StoreFault, _ ledger: UInt64, at entry: UInt64) {
    switch fault {
    case .corruptEvents(let range):
      self = .corrupt(ledger: ledger, first: range.first, last: range.last)
    case .corruptFile: self = .corrupt(ledger: ledger, first: entry, last: entry)
    case .closed: self = .closing
    default: self = .unavailable(retryAfter: .seconds(1))
    }
  }
}

/// Walks one topic's chunks on disk in order, through the buckets they lie in. Short-lived: see
/// `RangeIterator`.
struct ChunkWalk: ~Copyable {
  private let database: Database
  private let topic: TopicNumber
  private let segments: [Segment]
  /// Index of the segment that `iterator` covers.
  private var segment: Int
  private var iterator: RangeIterator

  /// Starts at the chunk that holds `entry`.
  init(_ database: Database, _ topic: TopicNumber, _ segments: [Segment], from entry: UInt64)
    throws(StoreFault)
  {
    self.database = database
    self.topic = topic
    self.segments = segments
    segment = max((segments.firstIndex { $0.first > entry } ?? segments.count) - 1, 0)
    iterator = try Self.iterator(database, topic, segments[segment], from: entry)
  }

  private static func iterator(
    _ database: Database, _ topic: TopicNumber, _ segment: Segment, from entry: UInt64
  ) throws(StoreFault) -> RangeIterator {
    var iterator = try RangeIterator(
      database, segment.bucket.family, from: EventKey(topic: topic, last: entry).bytes,
      to: EventKey(topic: topic, last: .max).bytes + [0], fillCache: false)
    iterator.seekToFirst()
    return iterator
  }

  /// Feeds the next chunk to `collector`.
  mutating func take(
    into collector: inout PageCollector, end: UInt64
  ) throws(StoreFault) {
    let found = try next(holding: collector.next, end: end)
    do throws(ChunkFault) {
      try collector.take(found.chunk, last: found.last, durableAt: nil)
    } catch {
      throw Self.corrupt(from: collector.next, to: found.last, error)
    }
  }

  /// The next chunk, which must hold `entry`; `end` is the topic's end when the walk began.
  mutating func next(
    holding entry: UInt64, end: UInt64
  ) throws(StoreFault) -> (chunk: Chunk, last: UInt64) {
    while !iterator.isValid {
      try iterator.check()
      guard segment + 1 < segments.count else {
        throw Self.corrupt(from: entry, to: end - 1, .misplaced)
      }
      segment += 1
      iterator = try Self.iterator(database, topic, segments[segment], from: entry)
    }
    guard let key = EventKey(iterator.key), key.topic == topic, key.last >= entry else {
      throw Self.corrupt(from: entry, to: entry, .misplaced)
    }
    let chunk: Chunk
    do throws(ChunkFault) {
      chunk = try Chunk(iterator.value, under: key)
    } catch {
      throw Self.corrupt(from: entry, to: key.last, error)
    }
    let first = chunk.first(last: key.last)
    guard first <= entry else { throw Self.corrupt(from: entry, to: first - 1, .misplaced) }
    iterator.next()
    return (chunk, key.last)
  }

  private static func corrupt(
    from first: UInt64, to last: UInt64, _ reason: ChunkFault
  ) -> StoreFault {
    .corruptEvents(CorruptRange(first: first, last: last, reason: reason))
  }
}
