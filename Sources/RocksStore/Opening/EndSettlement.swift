import Bytes
import Synchronization
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
  ///   - noting: sets the side file to `commit`; called before ends are moved for an accepted loss.
  ///     The new commit would else be compared with what the side file said before, should the
  ///     opening end here, and the operator's number fit no more.
  /// - Returns: the last commit, which is a new one if ends were moved, and the extent after it.
  func settle(
    at commit: UInt64, accepted: UInt64?, noting: () throws(StoreFault) -> Void
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
    if found == promised { return (commit, found) }
    let lost = Self.lost(found.events, of: promised.events)
    if accepted == commit {
      let ends = try acceptedEnds(lost)
      try noting()
      return try move(ends, after: commit, found, watermark.clock)
    }
    guard let lost, found.catalogue == promised.catalogue, !loaded.doubtful.isEmpty else {
      throw missing
    }
    return try move(doubtfulEnds(lost), after: commit, found, watermark.clock)
  }

  /// Behind all that can lie in blocks that cannot be read.
  private func doubtfulEnds(_ lost: UInt64) -> [TopicNumber: UInt64] {
    var ends: [TopicNumber: UInt64] = [:]
    for topic in loaded.doubtful { ends[topic.number] = topic.next + lost }
    return ends
  }

  /// Where topics go on when a loss was accepted.
  private func acceptedEnds(_ lost: UInt64?) throws(StoreFault) -> [TopicNumber: UInt64] {
    if lost == nil, let doubt = loaded.doubtful.first { throw Self.unsettled(doubt) }
    return try unprovenEnds().merging(doubtfulEnds(lost ?? 0), uniquingKeysWith: max)
  }

  /// Where topics must go on when a loss was accepted, so that it has to be accepted once only, and
  /// nothing new is taken for something old: not before the begin of their last segments, which
  /// retention takes for what came before them, nor at what a subscription has acknowledged.
  private func unprovenEnds() throws(StoreFault) -> [TopicNumber: UInt64] {
    var ends: [TopicNumber: UInt64] = [:]
    var ledgers: [TopicNumber: UInt64] = [:]
    for topic in loaded.directory.topics {
      let last = topic.tail.withLock { $0.segments.last?.first ?? 0 }
      ends[topic.number] = max(topic.next, last)
      ledgers[topic.number] = topic.ledger
    }
    var subscriptions: Set<CursorKey> = []
    try database.scan(CursorKey.self) { key, value in
      guard let end = ends[key.topic], ledgers[key.topic] == value.ledger else { return }
      subscriptions.insert(key)
      ends[key.topic] = max(end, value.next)
    }
    // A chunk's last place instead of the last one in it: places are not scarce.
    try database.scanKeys(AckChunkKey.self) { key in
      let cursor = CursorKey(topic: key.topic, subscription: key.subscription)
      guard let end = ends[key.topic], subscriptions.contains(cursor) else { return }
      let span = SubscriptionState.chunkSpan
      let (behind, overflow) = (key.chunk &+ 1).multipliedReportingOverflow(by: span)
      ends[key.topic] = overflow ? end : max(end, behind)
    }
    return ends
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
    _ ends: [TopicNumber: UInt64], after commit: UInt64, _ found: StoreExtent, _ clock: UnixTime
  ) throws(StoreFault) -> (commit: UInt64, extent: StoreExtent) {
    let commit = commit + 1
    var extent = StoreExtent(events: found.events, catalogue: commit)
    var batch = WriteBatch()
    for topic in loaded.directory.topics {
      let first = topic.next
      guard let end = ends[topic.number], end > first else { continue }
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
