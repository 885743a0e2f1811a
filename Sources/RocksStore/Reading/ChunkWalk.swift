import Bytes
import Topics

/// Walks one topic's chunks on disk in order, through the buckets they lie in. Short-lived: see
/// `RangeIterator`.
///
/// One iterator goes through all tables of a bucket, until RocksDB says of one of them that a block
/// cannot be read. That table is then searched by itself, in this walk and in all later ones, so
/// that the chunks of all others, older or newer, are found as ever, and what is missing between
/// those that can be read is what lay in the block.
struct ChunkWalk: ~Copyable {
  private let database: Database
  private let topic: TopicNumber
  private let segments: [Segment]
  /// Index of the segment that `iterator` covers.
  private var segment: Int
  private var iterator: RangeIterator
  /// Numbers of the tables that `iterator` leaves out, in any bucket.
  private var leftOut: Set<UInt64>
  /// Those of them that are of the segment's bucket.
  private var suspects: [SuspectTable]

  /// Starts at the chunk that holds `entry`.
  init(_ database: Database, _ topic: TopicNumber, _ segments: [Segment], from entry: UInt64)
    throws(StoreFault)
  {
    let segment = max((segments.firstIndex { $0.first > entry } ?? segments.count) - 1, 0)
    let numbers = database.suspects.all
    let iterator = try Self.iterator(database, topic, segments[segment], entry, without: numbers)
    suspects = try database.suspects(numbers, of: segments[segment].bucket.family)
    leftOut = numbers
    self.iterator = iterator
    self.database = database
    self.topic = topic
    self.segments = segments
    self.segment = segment
  }

  /// Goes on at `entry` in another segment, or in the same one with the suspects known now. The
  /// iterator first: what is written into a table meanwhile it still finds in memory.
  private mutating func open(_ segment: Int, at entry: UInt64) throws(StoreFault) {
    let numbers = database.suspects.all
    iterator = try Self.iterator(database, topic, segments[segment], entry, without: numbers)
    suspects = try database.suspects(numbers, of: segments[segment].bucket.family)
    leftOut = numbers
    self.segment = segment
  }

  private static func iterator(
    _ database: Database, _ topic: TopicNumber, _ segment: Segment, _ entry: UInt64,
    without numbers: Set<UInt64>
  ) throws(StoreFault) -> RangeIterator {
    var iterator = try RangeIterator(
      database, segment.bucket.family, from: EventKey(topic: topic, last: entry).bytes,
      to: EventKey(topic: topic, last: .max).bytes + [0], fillCache: false,
      tables: .without(numbers))
    iterator.seekToFirst()
    return iterator
  }

  /// The bucket that the last chunk came from.
  var bucket: UInt32 { segments[segment].bucket.number }

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

  /// The next chunk, which must hold `entry`; `end` is the topic's end when the walk began. What
  /// cannot be read is thrown as `corruptEvents`, from `entry` to the last entry that is missing.
  mutating func next(
    holding entry: UInt64, end: UInt64
  ) throws(StoreFault) -> (chunk: Chunk, last: UInt64) {
    while true {
      do throws(StoreFault) {
        // A later segment may lie in the same bucket, behind others that do not.
        if segment + 1 < segments.count, segments[segment + 1].first <= entry {
          try open(segment + 1, at: entry)
          continue
        }
        if let found = try find(entry, end) { return found }
        guard segment + 1 < segments.count else {
          throw Self.corrupt(from: entry, to: end - 1, .misplaced)
        }
        try open(segment + 1, at: entry)
      } catch {
        guard database.suspects.add(error, besides: leftOut) else { throw error }
        try open(segment, at: entry)
      }
    }
  }

  /// The chunk of this segment that holds `entry`; nil if the segment ends before it.
  private mutating func find(
    _ entry: UInt64, _ end: UInt64
  ) throws(StoreFault) -> (chunk: Chunk, last: UInt64)? {
    var nearest: TableEntry?
    if iterator.isValid {
      guard let key = EventKey(iterator.key), key.topic == topic, key.last >= entry else {
        throw Self.corrupt(from: entry, to: entry, .misplaced)
      }
      nearest = TableEntry(key: key, value: iterator.value)
    } else {
      try iterator.check()
    }
    var isFromIterator = true
    var isDamaged = false
    // Behind what is missing; where nothing tells, the segment's end.
    var limit = segment + 1 < segments.count ? segments[segment + 1].first : end
    for suspect in suspects where suspect.file.mayHold(topic) {
      let place = try suspect.place(of: entry, in: topic, end: end)
      isDamaged = isDamaged || place.isDamaged
      if let unseen = place.unseen { limit = min(limit, unseen) }
      if let chunk = place.chunk, nearest.map({ chunk.key.last < $0.key.last }) ?? true {
        nearest = chunk
        isFromIterator = false
      }
    }
    guard let nearest else {
      if isDamaged { throw Self.corrupt(from: entry, to: limit - 1, .unreadable) }
      return nil
    }
    let last = nearest.key.last
    let chunk: Chunk
    do throws(ChunkFault) {
      chunk = try Chunk(nearest.value, under: nearest.key)
    } catch {
      throw Self.corrupt(from: entry, to: last, error)
    }
    let first = chunk.first(last: last)
    guard first <= entry else {
      throw Self.corrupt(
        from: entry, to: min(first, limit) - 1, isDamaged ? .unreadable : .misplaced)
    }
    if isFromIterator { iterator.next() }
    return (chunk, last)
  }

  private static func corrupt(
    from first: UInt64, to last: UInt64, _ reason: ChunkFault
  ) -> StoreFault {
    .corruptEvents(CorruptRange(first: first, last: last, reason: reason))
  }
}
