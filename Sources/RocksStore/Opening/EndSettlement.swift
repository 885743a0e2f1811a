import Bytes
import Topics

/// What becomes of topics whose last chunks may lie in blocks that cannot be read.
///
/// The watermark says how many events the topics hold together. What is missing of that number lies
/// in those blocks, so that no topic can have given out more entries than that beyond its last one
/// that is known: with one such topic this is its end exactly, with several it is a bound for each.
/// They go on there, and the entries between are told as damage. So none is given out twice, and
/// none is passed over in silence.
struct EndSettlement: ~Copyable {
  private let database: Database
  private let loaded: LoadedCatalogue
  private let damage: DamageBook

  init(_ database: Database, _ loaded: LoadedCatalogue, _ damage: DamageBook) {
    self.database = database
    self.loaded = loaded
    self.damage = damage
  }

  /// Compares what lies in the catalogue and the events with what the watermark says, since RocksDB
  /// can lose a table of theirs with the end of its manifest and still find the watermark in
  /// another, and settles the ends that are in doubt.
  ///
  /// - Parameters:
  ///   - commit: the last commit.
  ///   - accepted: the commit at which the operator accepts a loss.
  /// - Returns: the last commit, which is a new one if ends were moved, and the extent after it.
  func settle(
    at commit: UInt64, accepted: UInt64?
  ) throws(StoreFault) -> (commit: UInt64, extent: StoreExtent) {
    let found = StoreExtent(
      events: loaded.directory.topics.reduce(0) { $0 + $1.next },
      catalogue: try database.get(RevisionKey())?.number ?? 0)
    guard let watermark = try database.get(WatermarkKey()), let promised = watermark.extent else {
      // Version 1 of the watermark did not say.
      if let doubt = loaded.doubtful.first { throw Self.unsettled(doubt) }
      return (commit, found)
    }
    #if MUTANTS
      if Mutant.extentUnchecked.isOn || Mutant.endGuessed.isOn { return (commit, found) }
    #endif
    let missing = StoreFault.tablesMissing(
      commit: commit, events: promised.events, found: found.events,
      isCatalogueWhole: found.catalogue == promised.catalogue)
    if found.catalogue != promised.catalogue, accepted != commit { throw missing }
    guard let doubt = loaded.doubtful.first else {
      if found == promised { return (commit, found) }
      guard accepted == commit else { throw missing }
      return try accept(after: commit, found, watermark.clock)
    }
    guard let lost = Self.lost(found.events, of: promised.events) else {
      throw accepted == commit ? Self.unsettled(doubt) : missing
    }
    if lost == 0 { return (commit, found) }
    return try move(
      loaded.doubtful.map { ($0, $0.next + lost) }, after: commit, found, watermark.clock)
  }

  /// Writes down what there is, so that the loss has to be accepted once only. A subscription may
  /// have come further than what is left of its topic: that goes on behind it, since what came
  /// before it would count as acknowledged.
  private func accept(
    after commit: UInt64, _ found: StoreExtent, _ clock: UnixTime
  ) throws(StoreFault) -> (commit: UInt64, extent: StoreExtent) {
    let topics = Dictionary(
      uniqueKeysWithValues: loaded.directory.topics.map { ($0.number, $0) })
    var ends: [TopicNumber: UInt64] = [:]
    try database.scan(CursorKey.self) { key, value in
      guard let topic = topics[key.topic], value.ledger == topic.ledger else { return }
      ends[key.topic] = max(ends[key.topic] ?? topic.next, value.next)
    }
    let moves = ends.compactMap { number, end in
      topics[number].flatMap { $0.next < end ? ($0, end) : nil }
    }
    return try move(moves, after: commit, found, clock)
  }

  /// How many events lie in blocks that cannot be read; nil if there are more than there should be.
  static func lost(_ found: UInt64, of promised: UInt64) -> UInt64? {
    found <= promised ? promised - found : nil
  }

  private static func unsettled(_ topic: TopicState) -> StoreFault {
    .corruptFile(
      "the end of topic \(topic.path.text) cannot be read, and nothing says where it can go on")
  }

  /// Moves the ends of topics and makes that durable, so that they stay where they are whatever the
  /// next opening can read.
  private func move(
    _ ends: [(topic: TopicState, end: UInt64)], after commit: UInt64, _ found: StoreExtent,
    _ clock: UnixTime
  ) throws(StoreFault) -> (commit: UInt64, extent: StoreExtent) {
    let commit = commit + 1
    var extent = StoreExtent(events: found.events, catalogue: commit)
    var batch = WriteBatch()
    for (topic, end) in ends {
      let first = topic.next
      topic.move(to: end, published: clock)
      extent.events += end - first
      let key = TrimKey(topic: topic.number)
      let trim = try database.get(key)
      batch.put(
        key,
        TrimKey.Value(
          first: trim?.first ?? 0, nextFloor: topic.next, bytesBefore: trim?.bytesBefore ?? 0,
          until: trim?.until ?? topic.created),
        in: database)
      damage.met(
        CorruptRange(first: first, last: topic.next - 1, reason: .unreadable), in: topic, .end)
    }
    batch.put(RevisionKey(), LongNumberValue(commit), in: database)
    batch.put(
      WatermarkKey(), WatermarkKey.Value(commit: commit, clock: clock, extent: extent),
      in: database)
    try database.write(batch)
    return (commit, extent)
  }
}
