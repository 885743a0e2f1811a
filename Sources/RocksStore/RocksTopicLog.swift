import Bytes
import Synchronization
public import Tenancy
public import Topics

/// The log, the catalogue and the subscriptions' progress, kept on one RocksDB.
///
/// Any thread may call. Reads of the tail and of the catalogue never block; `readStored`, `locate`
/// and `loadState` may. Mutations and appends go through the one committer thread.
public final class RocksTopicLog: TopicLog {
  let committer: Committer
  let damage: DamageBook
  /// Nil of a trial, which lives no longer than what it tries.
  private let lock: FileLock?
  private let isOpen = Atomic(true)
  /// Whether mutations are only judged.
  let isTrial: Bool

  /// Opens the store, founding it where there is none. Blocks: replays the log, proves the
  /// watermark, loads the catalogue, compiles schemas.
  public init(opening configuration: StoreConfiguration) throws(StoreFault) {
    let paths = StorePaths(configuration.path)
    try Files.makeDirectory(paths.root)
    lock = try FileLock(path: paths.lock, making: true)
    isTrial = false
    let opening = try StoreOpening(configuration, paths)
    damage = opening.damage
    committer = opening.committer(configuration)
    committer.keep(configuration.retentions)
    committer.beginSpaceChecks()
    try committer.start()
  }

  private init(trying log: RocksTopicLog) {
    committer = log.committer
    damage = log.damage
    lock = nil
    isTrial = true
  }

  public var trial: RocksTopicLog { RocksTopicLog(trying: self) }

  deinit { close() }

  /// Commits what was handed over, then ends the committer and everybody's waiting. Blocks for at
  /// most a few commits and one read.
  public func close() {
    guard let lock, isOpen.exchange(false, ordering: .relaxed) else { return }
    committer.stop()
    for topic in committer.directory.topics { topic.growth.close() }
    committer.database.close()
    lock.release()
  }

  /// Keeps events from the next commit on as their tenants say, where neither their topic nor its
  /// namespace says anything; of tenants that are not listed everything is kept.
  public func keep(_ retentions: [Name: Retention]) {
    if !isTrial { committer.queue.push(retentions) }
  }

  public func open(_ address: TopicAddress) -> TopicState? {
    committer.directory.topic(TopicPath(address))
  }

  public func makeAppender(answeringBy post: @escaping LoopPost) -> RocksAppender {
    RocksAppender(committer: committer, answeringBy: post)
  }

  /// What is known to be unreadable, each range once; at most 1,000.
  public var damages: [StoreDamage] { damage.all }

  /// Appends that wait for a commit.
  public var waitingEvents: Int { committer.queue.waitingEvents.load(ordering: .relaxed) }
  /// Events for which there was no room among those that wait, since the opening.
  public var refusedEvents: Int { committer.queue.refusedEvents.load(ordering: .relaxed) }

  /// What the log holds in memory now; nil once it is closed. Any thread may ask; it waits for
  /// RocksDB's own lock and looks at each open table, so loops should not.
  public var memory: StoreMemory? {
    guard let engine = try? committer.database.memoryUse() else { return nil }
    return StoreMemory(
      tables: engine.tables, spares: Database.spareBytes, indexes: engine.indexes,
      tail: committer.tailBytes.load(ordering: .relaxed),
      cache: committer.database.cachedBytes)
  }

  /// Whether new events are taken now.
  public var appends: AppendState {
    switch committer.condition.load(ordering: .relaxed) {
    case .open: .taken
    case .storageFull: .storageFull
    case .closing, .failed: .refused
    }
  }

  public var acceptsAppends: Bool { appends == .taken }
}

/// Bytes of memory that a log holds beside what grows with its topics.
public struct StoreMemory: Sendable {
  /// RocksDB's memory tables.
  public var tables: UInt64
  /// Blocks kept for the next memory tables, of any log of the process.
  public var spares: Int
  /// Indexes and filters of the tables that are open.
  public var indexes: UInt64
  /// Blocks of recent events.
  public var tail: Int
  /// RocksDB's block cache.
  public var cache: UInt64
}

/// Whether a log takes new events.
public enum AppendState: Sendable {
  case taken
  /// Not until the volume has space again.
  case storageFull
  /// It closes, or a write failed.
  case refused
}

extension StoreOpening {
  /// The committer of the opened store, not started yet.
  consuming func committer(_ configuration: StoreConfiguration) -> Committer {
    Committer(
      database: database, catalogue: catalogue, sideFile: sideFile, commit: commit,
      extent: extent, configuration)
  }
}
