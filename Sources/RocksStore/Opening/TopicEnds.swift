import Bytes
import Topics

/// Finds where topics end, with one iterator per bucket. Opening thread only.
final class TopicEnds {
  struct End {
    var next: UInt64 = 0
    /// Of the last chunk; nil when there is none or it cannot be read.
    var lastPublish: UnixTime?
    var bytes: UInt64?
  }

  private final class Walker {
    var iterator: RangeIterator
    init(_ iterator: consuming RangeIterator) { self.iterator = iterator }
  }

  private let database: Database
  private var walkers: [UInt32: Walker] = [:]

  init(_ database: Database) { self.database = database }

  func end(of topic: TopicNumber, in segments: [Segment]) throws(StoreFault) -> End {
    for segment in segments.reversed() {
      let walker = try walker(segment.bucket)
      walker.iterator.seekBackwards(EventKey(topic: topic, last: .max).bytes)
      try walker.iterator.check()
      guard walker.iterator.isValid, let key = EventKey(walker.iterator.key), key.topic == topic
      else { continue }
      // A damaged chunk still says where the topic ends: by its key. Reading it is refused later.
      guard let chunk = try? Chunk(walker.iterator.value, under: key) else {
        return End(next: key.last + 1)
      }
      #if MUTANTS
        if Mutant.entryReused.isOn { return End(next: key.last) }
      #endif
      return End(
        next: key.last + 1, lastPublish: chunk.baseTime,
        bytes: chunk.bytesBefore + UInt64(chunk.records.count))
    }
    return End()
  }

  private func walker(_ bucket: EventBucket) throws(StoreFault) -> Walker {
    if let walker = walkers[bucket.number] { return walker }
    let walker = Walker(
      try RangeIterator(
        database, bucket.family, from: [0],
        to: [UInt8](repeating: 0xFF, count: EventKey.byteCount + 1), fillCache: false))
    walkers[bucket.number] = walker
    return walker
  }
}
