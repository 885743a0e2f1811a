/// How far damage of a table reaches in one topic: RocksDB says that a block is unreadable, not
/// what lay in it. Short-lived: see `RangeIterator`.
struct DamageSearch {
  private let database: Database
  private let topic: TopicNumber
  private let segments: [Segment]
  private let end: UInt64

  /// `end`: the topic's end when the read began.
  init(_ database: Database, _ topic: TopicNumber, _ segments: [Segment], end: UInt64) {
    self.database = database
    self.topic = topic
    self.segments = segments
    self.end = end
  }

  /// The last entry of the damage that begins at `entry`, which cannot be read: first in growing
  /// steps, then by halving, so that it takes a few dozen seeks at most.
  func last(from entry: UInt64) -> UInt64 {
    var (bad, step) = (entry, UInt64(1))
    var good: UInt64?
    while good == nil {
      let next = bad + step
      if next >= end { break }
      if firstReadable(at: next) == nil { bad = next } else { good = next }
      step *= 2
    }
    if good == nil, bad + 1 < end, firstReadable(at: end - 1) != nil { good = end - 1 }
    guard var good else { return end - 1 }
    while good - bad > 1 {
      let middle = bad + (good - bad) / 2
      if firstReadable(at: middle) == nil { bad = middle } else { good = middle }
    }
    // The chunk of `good` may hold `entry` too: a seek to that one alone met the damage.
    return max(entry, (firstReadable(at: good) ?? good) - 1)
  }

  /// The first entry of the chunk that holds `entry`, if that can be read.
  private func firstReadable(at entry: UInt64) -> UInt64? {
    do throws(StoreFault) {
      var walk = try ChunkWalk(database, topic, segments, from: entry)
      let found = try walk.next(holding: entry, end: end)
      return found.chunk.first(last: found.last)
    } catch {
      return nil
    }
  }
}
