public import Bytes
public import Topics

/// What lies in a store's directory, read without changing anything and without a running server:
/// for `jodrell inspect`. It tells names, numbers and sizes, never a payload.
///
/// Owned by one task. Holds the store's lock, so that no server starts meanwhile; a running server
/// is `alreadyOpen`.
public final class Inspection {
  private let lock: FileLock
  private let paths: StorePaths
  private let database: Database
  private let format: FormatKey.Value

  /// Opens the directory. Blocks while the log is replayed into memory.
  public init(of path: String) throws(StoreFault) {
    paths = StorePaths(path)
    lock = try FileLock(path: paths.lock, making: false)
    database = try Database(
      path: paths.engine, options: EngineOptions(cacheBytes: 16 << 20), readOnly: true)
    guard let format = try database.get(FormatKey()) else { throw .noStore(path: path) }
    try StoreOpening.check(format)
    self.format = format
  }

  deinit {
    database.close()
    lock.release()
  }

  /// The store as a whole.
  public func store() throws(StoreFault) -> StoreReport {
    let watermark = try database.get(WatermarkKey())
    let side = SideFile.read(path: paths.sideFile, store: format.store)
    var families: [StoreReport.Family] = []
    for name in database.familyNames.sorted() {
      guard let family = database.family(named: name) else { continue }
      families.append(
        StoreReport.Family(
          name: name,
          keys: database.property("rocksdb.estimate-num-keys", of: family) ?? 0,
          fileBytes: database.property("rocksdb.total-sst-files-size", of: family) ?? 0))
    }
    var isWhole = true
    if let promised = watermark?.extent {
      let isExplained = try areEventsExplained(promised.events)
      let catalogue = try database.get(RevisionKey())?.number ?? 0
      isWhole = isExplained && catalogue == promised.catalogue
    }
    return StoreReport(
      format: format.writer, store: format.store, created: format.created,
      recovered: watermark?.commit ?? 0, committed: watermark?.clock,
      acknowledged: side?.commit, areTablesWhole: isWhole, families: families)
  }

  /// All topics, live and deleted, in the order of their numbers.
  public func topics() throws(StoreFault) -> [TopicReport] {
    let names = try names()
    var segments: [TopicNumber: [Segment]] = [:]
    let buckets = try database.buckets().kept
    try database.scan(SegmentKey.self) { key, value in
      // Those of a deleted topic may name a bucket that is gone.
      guard let bucket = buckets[value.bucket] else { return }
      segments[key.topic, default: []].append(
        Segment(
          first: key.first, bucket: bucket, started: value.started, bytesBefore: value.bytesBefore))
    }
    let ends = TopicEnds(database)
    var reports: [TopicReport] = []
    var doubtful: [Int] = []
    try database.scan(TopicKey.self) { (key, value) throws(StoreFault) in
      let end = try ends.end(of: key.topic, in: segments[key.topic] ?? [])
      let trim = try database.get(TrimKey(topic: key.topic))
      if !end.isCertain, value.state == .live { doubtful.append(reports.count) }
      reports.append(
        TopicReport(
          tenant: names.tenants[key.topic.tenant] ?? .empty,
          namespace: names.namespaces[
            NamespaceKey(tenant: key.topic.tenant, namespace: value.namespace)] ?? .empty,
          topic: value.name, tenantNumber: key.topic.tenant, topicNumber: key.topic.topic,
          ledger: UInt64(value.incarnation), isLive: value.state == .live,
          created: value.created, schemaVersion: value.schemaVersion,
          first: trim?.first ?? 0, end: max(end.next, trim?.nextFloor ?? 0),
          bytes: end.bytes, lastPublish: end.lastPublish,
          segments: segments[key.topic] ?? []))
    }
    // As an opening would settle them.
    if let promised = try database.get(WatermarkKey())?.extent?.events,
      let lost = EndSettlement.lost(Self.events(reports), of: promised)
    {
      for index in doubtful { reports[index].unread = lost }
    }
    return reports
  }

  private static func events(_ topics: [TopicReport]) -> UInt64 {
    topics.reduce(0) { $0 + ($1.isLive ? $1.end : 0) }
  }

  /// Whether the topics hold as many events as they should, those in blocks that cannot be read
  /// included.
  private func areEventsExplained(_ promised: UInt64) throws(StoreFault) -> Bool {
    let topics = try topics()
    let found = Self.events(topics)
    return found == promised || (found < promised && topics.contains { $0.unread > 0 })
  }

  /// Calls `body` with each chunk of one topic that holds `entry` or later ones, in order, checked
  /// in full, and with each range that cannot be read, until it returns false. Memory for one chunk
  /// at a time.
  public func chunks(
    of topic: TopicReport, from entry: UInt64 = 0, _ body: (ChunkReport) -> Bool
  ) throws(StoreFault) {
    let number = TopicNumber(tenant: topic.tenantNumber, topic: topic.topicNumber)
    var next = entry
    if topic.segments.isEmpty, next < topic.end {
      // Nothing says where they lie.
      _ = body(ChunkReport(unreadable: next..<topic.end, bucket: 0))
      next = topic.end
    }
    while next < topic.end {
      var walk = try ChunkWalk(database, number, topic.segments, from: next)
      do throws(StoreFault) {
        while next < topic.end {
          let found = try walk.next(holding: next, end: topic.end)
          next = found.last + 1
          if !body(Self.report(found.chunk, found.last, walk.bucket)) { return }
        }
      } catch .corruptEvents(let range) {
        next = range.last + 1
        // What was trimmed may be gone.
        if range.last < topic.first { continue }
        let report = ChunkReport(
          first: range.first, last: range.last, bytes: 0, published: nil, bucket: walk.bucket,
          fault: range.reason)
        if !body(report) { return }
      } catch {
        throw error
      }
    }
    if topic.unread > 0 {
      _ = body(
        ChunkReport(
          unreadable: topic.end..<(topic.end + topic.unread),
          bucket: topic.segments.last?.bucket.number ?? 0))
    }
  }

  /// All subscriptions with how far they have come, in the order of their topics' numbers.
  public func cursors() throws(StoreFault) -> [CursorReport] {
    var chunks: [CursorKey: Int] = [:]
    try database.scanKeys(AckChunkKey.self) { key in
      chunks[CursorKey(topic: key.topic, subscription: key.subscription), default: 0] += 1
    }
    var reports: [CursorReport] = []
    try database.scan(SubscriptionKey.self) { (key, value) throws(StoreFault) in
      let cursor = CursorKey(topic: key.topic, subscription: key.subscription)
      let stored = try database.get(cursor)
      reports.append(
        CursorReport(
          tenantNumber: key.topic.tenant, topicNumber: key.topic.topic, name: value.name,
          holder: value.holder, number: key.subscription, terms: value.terms,
          markDelete: stored.map { Cursor(ledger: $0.ledger, next: $0.next) },
          epoch: stored?.epoch ?? 0, ackChunks: chunks[cursor] ?? 0))
    }
    return reports
  }

  private struct Names {
    var tenants: [UInt32: ByteSlice] = [:]
    var namespaces: [NamespaceKey: ByteSlice] = [:]
  }

  private func names() throws(StoreFault) -> Names {
    var names = Names()
    try database.scan(TenantKey.self) { key, value in names.tenants[key.tenant] = value.name }
    try database.scan(NamespaceKey.self) { key, value in names.namespaces[key] = value.name }
    return names
  }

  private static func report(_ chunk: Chunk, _ last: UInt64, _ bucket: UInt32) -> ChunkReport {
    var fault: ChunkFault?
    do throws(ChunkFault) { try chunk.forEach { _, _ in true } } catch { fault = error }
    return ChunkReport(
      first: chunk.first(last: last), last: last, bytes: Chunk.headerCount + chunk.records.count,
      published: chunk.baseTime, bucket: bucket, fault: fault)
  }
}

/// A store as a whole.
public struct StoreReport: Sendable {
  public struct Family: Sendable {
    public let name: String
    /// RocksDB's estimate.
    public let keys: UInt64
    public let fileBytes: UInt64
  }

  public let format: UInt32
  /// The 16 bytes that name it.
  public let store: ByteSlice
  public let created: UnixTime
  /// The last commit found, and its wall clock.
  public let recovered: UInt64
  public let committed: UnixTime?
  /// The last commit that was answered as durable; nil when the side file cannot be read.
  public let acknowledged: UInt64?
  /// Whether events and catalogue are what the watermark says.
  public let areTablesWhole: Bool
  public let families: [Family]

  /// Whether everything that was acknowledged is there; nil when that cannot be told.
  public var isWhole: Bool? { acknowledged.map { $0 <= recovered && areTablesWhole } }
}

/// One topic on disk.
public struct TopicReport: Sendable {
  public let tenant: ByteSlice
  public let namespace: ByteSlice
  public let topic: ByteSlice
  public let tenantNumber: UInt32
  public let topicNumber: UInt32
  public let ledger: UInt64
  public let isLive: Bool
  public let created: UnixTime
  /// 0 none.
  public let schemaVersion: UInt32
  /// The oldest entry kept, and the one behind the newest.
  public let first: UInt64
  public let end: UInt64
  /// Record bytes ever stored; nil when there is no event or the last chunk is damaged.
  public let bytes: UInt64?
  public let lastPublish: UnixTime?
  /// How many entries from `end` on may lie in a block that cannot be read.
  public internal(set) var unread: UInt64 = 0
  let segments: [Segment]
}

/// One chunk on disk, or a range of entries that cannot be read.
public struct ChunkReport: Sendable {
  public let first: UInt64
  public let last: UInt64
  /// Size of the value; 0 when it cannot be read.
  public let bytes: Int
  public let published: UnixTime?
  public let bucket: UInt32
  /// Why the entries cannot be read, or nil.
  public let fault: ChunkFault?
}

extension ChunkReport {
  fileprivate init(unreadable entries: Range<UInt64>, bucket: UInt32) {
    self.init(
      first: entries.lowerBound, last: entries.upperBound - 1, bytes: 0, published: nil,
      bucket: bucket, fault: .unreadable)
  }
}

/// One subscription on disk.
public struct CursorReport: Sendable {
  public let tenantNumber: UInt32
  public let topicNumber: UInt32
  public let name: ByteSlice
  /// The tenant that holds it, where that is not the topic's own.
  public let holder: ByteSlice?
  public let number: UInt32
  public let terms: SubscriptionTerms
  /// Nil when its cursor record is missing.
  public let markDelete: Cursor?
  public let epoch: UInt64
  public let ackChunks: Int
}
