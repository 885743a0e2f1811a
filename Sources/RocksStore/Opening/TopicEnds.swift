import Bytes
import Topics

/// Finds where topics end, with one iterator per bucket over all tables that can be read and a
/// search of its own in each that met damage. Opening thread only.
final class TopicEnds {
  struct End {
    /// Behind the last entry that is known of; nothing before it will be given out.
    var next: UInt64 = 0
    /// Of the topic's last chunk; nil when there is none, or it cannot be read: what can be is
    /// older.
    var lastPublish: UnixTime?
    /// At the end of the last chunk that can be read; nil when there is none.
    var bytes: UInt64?
    /// False when later chunks may lie in a block that cannot be read.
    var isCertain = true
  }

  private final class Walker {
    let family: ColumnFamily
    let numbers: Set<UInt64>
    /// Over the tables without damage.
    var iterator: RangeIterator
    let suspects: [SuspectTable]
    /// Per suspect, over all tables without damage that are newer than it.
    var newer: [UInt64: Walker] = [:]

    init(
      _ family: ColumnFamily, _ numbers: Set<UInt64>, _ iterator: consuming RangeIterator,
      _ suspects: [SuspectTable]
    ) {
      self.family = family
      self.numbers = numbers
      self.iterator = iterator
      self.suspects = suspects
    }

    /// The last chunk of `topic` in the tables that the iterator covers.
    func last(of topic: TopicNumber) throws(StoreFault) -> TableEntry? {
      iterator.seekBackwards(EventKey(topic: topic, last: .max).bytes)
      try iterator.check()
      guard iterator.isValid, let key = EventKey(iterator.key), key.topic == topic else {
        return nil
      }
      return TableEntry(key: key, value: iterator.value)
    }
  }

  private let database: Database
  private var walkers: [UInt32: Walker] = [:]

  init(_ database: Database) { self.database = database }

  func end(of topic: TopicNumber, in segments: [Segment]) throws(StoreFault) -> End {
    var isCertain = true
    for segment in segments.reversed() {
      var end = try end(of: topic, in: segment.bucket)
      isCertain = isCertain && end.isCertain
      end.isCertain = isCertain
      if end.next > 0 { return end }
    }
    return End(isCertain: isCertain)
  }

  private func end(
    of topic: TopicNumber, in bucket: EventBucket
  ) throws(StoreFault) -> End {
    while true {
      let leftOut = walkers[bucket.number]?.numbers ?? database.suspects.all
      do throws(StoreFault) {
        return try search(topic, try walker(bucket))
      } catch {
        // The table that RocksDB names is searched by itself from now on.
        guard database.suspects.add(error, besides: leftOut) else { throw error }
        walkers[bucket.number] = nil
      }
    }
  }

  private func search(_ topic: TopicNumber, _ walker: Walker) throws(StoreFault) -> End {
    var last = try walker.last(of: topic)
    var next = last.map { $0.key.last + 1 } ?? 0
    var doubts: [TableFile] = []
    var found: [TableFile] = []
    for suspect in walker.suspects {
      let end = try suspect.end(of: topic)
      if !end.isCertain { doubts.append(suspect.file) }
      if let entry = end.last {
        next = max(next, entry + 1)
        found.append(suspect.file)
      }
      if let chunk = end.chunk, last.map({ $0.key.last < chunk.key.last }) ?? true { last = chunk }
    }
    var end = End(next: next)
    for doubt in doubts {
      // A topic's chunks in a newer table are later ones: then the doubt is settled.
      if found.contains(where: { $0.oldest > doubt.newest }) { continue }
      if try newer(than: doubt, walker).last(of: topic) != nil { continue }
      end.isCertain = false
    }
    // A damaged chunk still says where the topic ends: by its key. Reading it is refused later.
    guard let last, let chunk = try? Chunk(last.value, under: last.key) else { return end }
    #if MUTANTS
      if Mutant.entryReused.isOn { end.next = last.key.last }
    #endif
    if last.key.last + 1 == next { end.lastPublish = chunk.baseTime }
    end.bytes = chunk.bytesBefore + UInt64(chunk.records.count)
    return end
  }

  private func newer(than doubt: TableFile, _ walker: Walker) throws(StoreFault) -> Walker {
    if let known = walker.newer[doubt.number] { return known }
    let numbers = try database.tables(of: walker.family).filter { $0.oldest > doubt.newest }
      .map(\.number)
    let newer = Walker(
      walker.family, walker.numbers,
      try iterator(walker.family, .only(Set(numbers).subtracting(walker.numbers))), [])
    walker.newer[doubt.number] = newer
    return newer
  }

  private func walker(_ bucket: EventBucket) throws(StoreFault) -> Walker {
    if let walker = walkers[bucket.number] { return walker }
    let numbers = database.suspects.all
    let walker = Walker(
      bucket.family, numbers, try iterator(bucket.family, .without(numbers)),
      try database.suspects(numbers, of: bucket.family))
    walkers[bucket.number] = walker
    return walker
  }

  private func iterator(
    _ family: ColumnFamily, _ tables: TableChoice
  ) throws(StoreFault) -> RangeIterator {
    try RangeIterator(
      database, family, from: [0], to: [UInt8](repeating: 0xFF, count: EventKey.byteCount + 1),
      fillCache: false, tables: tables)
  }
}
