import Bytes
import Topics

/// Opens a store: replay, format, watermark, catalogue (docs/log-format.md, "Opening").
/// Runs once on the opening thread and blocks.
struct StoreOpening: ~Copyable {
  /// The format this program writes; it reads all from `oldestReadable` on.
  static let format: UInt32 = 1
  static let firstBucket: UInt32 = 1

  let database: Database
  let catalogue: LoadedCatalogue
  let sideFile: SideFile
  /// Number of the last commit.
  let commit: UInt64
  let extent: StoreExtent
  /// What cannot be read, as far as it is known.
  let damage: DamageBook

  init(_ configuration: StoreConfiguration, _ paths: StorePaths) throws(StoreFault) {
    try Files.makeDirectory(paths.engine)
    try paths.checkEngine()
    let isShort = SpaceWatch(paths, configuration.limits).makeRoom()
    try paths.keepFiles()
    let database = try Self.openEngine(
      paths, EngineOptions(cacheBytes: configuration.limits.cacheBytes, flushesReplay: !isShort))
    // Nothing can do without the catalogue.
    if let fault = database.unreadable(in: database.meta) { throw fault }
    let now = configuration.clocks.wall()
    let (commit, store) = try Self.recover(database, configuration, paths, at: now)
    let loaded = try CatalogueLoad(database).catalogue()
    let damage = DamageBook(configuration.observer)
    let settled = try EndSettlement(database, loaded, damage).settle(
      at: commit, accepted: configuration.acceptingLossAt
    ) { () throws(StoreFault) in
      _ = try SideFile.restart(paths, store, commit: commit, clock: now)
    }
    // Of two slots the older one is history now.
    let sideFile = try SideFile.restart(paths, store, commit: settled.commit, clock: now)
    // Only now, when all is proven: what a refused opening leaves must be what it found.
    for family in loaded.leftovers { try database.dropFamily(family) }
    try Self.startMerging(database, configuration.observer)
    paths.forgetFiles()
    self.database = database
    self.damage = damage
    catalogue = loaded
    extent = settled.extent
    self.commit = settled.commit
    self.sideFile = sideFile
  }

  /// Lets RocksDB merge tables. Where a block of `state` cannot be read, not those: the
  /// subscriptions in the block are lost to their callers, but a merge that meets it would end all
  /// writing.
  private static func startMerging(
    _ database: Database, _ observer: StoreObserver
  ) throws(StoreFault) {
    try database.startMerging(database.meta)
    if let fault = database.unreadable(in: database.state) {
      observer.stateDamaged(fault)
    } else {
      try database.startMerging(database.state)
    }
  }

  /// RocksDB, once more without the manifest's end where that is torn.
  private static func openEngine(
    _ paths: StorePaths, _ options: EngineOptions
  ) throws(StoreFault) -> Database {
    do throws(StoreFault) {
      return try Database(path: paths.engine, options: options, readOnly: false)
    } catch {
      guard case .corruptFile = error, try ManifestEnd.cut(paths) else { throw error }
    }
    return try Database(path: paths.engine, options: options, readOnly: false)
  }

  /// The number of the last commit and the store's name, proven against the side file; founds the
  /// store where there is none.
  private static func recover(
    _ database: Database, _ configuration: StoreConfiguration, _ paths: StorePaths,
    at now: UnixTime
  ) throws(StoreFault) -> (commit: UInt64, store: ByteSlice) {
    if let format = try database.get(FormatKey()) {
      try check(format)
      let commit = try database.get(WatermarkKey())?.commit ?? 0
      let slot = SideFile.read(path: paths.sideFile, store: format.store)
      try prove(commit, slot, accepted: configuration.acceptingLossAt)
      return (commit, format.store)
    }
    if let slot = SideFile.read(path: paths.sideFile, store: nil), slot.commit > 0,
      configuration.acceptingLossAt != 0
    {
      throw .acknowledgedDataMissing(recovered: 0, acknowledged: slot.commit)
    }
    try refuseRows(in: database)
    // The side file first: a founding cut short leaves one that says 0, and is simply repeated.
    let store = configuration.freshStoreName
    _ = try SideFile.restart(paths, store, commit: 0, clock: now)
    try found(database, store, at: now)
    return (1, store)
  }

  /// Refuses a store whose format needs a newer program.
  static func check(_ format: FormatKey.Value) throws(StoreFault) {
    guard format.oldestReader <= Self.format else {
      throw .newerFormat(needed: format.oldestReader, supported: Self.format)
    }
  }

  /// Refuses a store that lost what had been acknowledged, or whose side file cannot tell.
  static func prove(
    _ recovered: UInt64, _ slot: SideFile.Slot?, accepted: UInt64?
  ) throws(StoreFault) {
    if let slot, slot.commit <= recovered { return }
    if let accepted {
      guard accepted == recovered else {
        throw .wrongLossAccepted(recovered: recovered, accepted: accepted)
      }
      return
    }
    guard let slot else { throw .acknowledgementsUnreadable(recovered: recovered) }
    throw .acknowledgedDataMissing(recovered: recovered, acknowledged: slot.commit)
  }

  /// Of a store that has lost its beginning rows may be left, which would be taken for new ones.
  private static func refuseRows(in database: Database) throws(StoreFault) {
    for name in database.familyNames {
      guard let family = database.family(named: name), try !database.isEmpty(family) else {
        continue
      }
      throw .corruptFile(
        "\(name) holds rows of a store whose beginning is lost: it cannot be begun anew")
    }
  }

  /// Writes the first commit of a new store: format, counters, the first bucket.
  private static func found(
    _ database: Database, _ store: ByteSlice, at now: UnixTime
  ) throws(StoreFault) {
    let bucket = BucketKey(bucket: firstBucket)
    let name = bucket.familyName(.unlimited)
    // A founding that was cut short may have left it.
    if database.family(named: name) == nil { _ = try database.makeFamily(named: name) }
    var batch = WriteBatch()
    batch.put(
      FormatKey(),
      FormatKey.Value(writer: format, oldestReader: format, store: store, created: now),
      in: database)
    batch.put(
      CountersKey(), CountersKey.Value(nextTenant: 1, nextBucket: firstBucket + 1), in: database)
    batch.put(
      bucket, BucketKey.Value(retentionClass: .unlimited, state: .open, opened: now),
      in: database)
    batch.put(RevisionKey(), LongNumberValue(1), in: database)
    batch.put(
      WatermarkKey(),
      WatermarkKey.Value(
        commit: 1, clock: now, extent: StoreExtent(events: 0, catalogue: 1)),
      in: database)
    try database.write(batch)
  }
}
