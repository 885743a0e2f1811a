package import Bytes

/// How a store is opened. Every number has its reason in docs/limits.md.
package struct StoreConfiguration: Sendable {
  /// The directory; made when missing.
  package var path: String
  package var clocks: Clocks
  package var limits = StoreLimits()
  /// Called by the committer thread; must not block.
  package var observer = StoreObserver()
  /// 16 random bytes that name a new store; unused when one exists.
  package var freshStoreName: ByteSlice
  /// The commit number up to which the operator accepts what was recovered, although more had been
  /// acknowledged.
  package var acceptingLossAt: UInt64?

  package init(path: String, clocks: Clocks, freshStoreName: ByteSlice) {
    precondition(freshStoreName.count == 16, "a store's name is 16 bytes")
    self.path = path
    self.clocks = clocks
    self.freshStoreName = freshStoreName
  }
}

/// The store's bounds.
package struct StoreLimits: Sendable {
  /// Appends waiting for the committer, in bytes; more are refused as overloaded.
  package var queueBytes = 32 << 20
  /// The same, in events.
  package var queueEvents = 50_000
  /// What one commit takes, unless a single atomic batch is larger: bytes…
  package var commitBytes = 1 << 20
  /// … and events.
  package var commitEvents = 8192
  /// The largest atomic batch, in record bytes: 8 MiB of payload and its attributes.
  package var batchBytes = 12 << 20
  /// Memory for recent commits that readers at the tail share.
  package var tailBytes = 256 << 20
  /// RocksDB's block cache.
  package var cacheBytes = 256 << 20
  /// Under load commits start at most this often; never longer than half of a measured sync.
  package var commitSpacing = TimeSpan.microseconds(500)
  /// How many appends must wait for the spacing to apply.
  package var spacingThreshold = 8
  /// How long a cursor change that nobody waits for may wait for company.
  package var lazyChangeDelay = TimeSpan.milliseconds(10)
  /// Appends stop when less than this much of the volume is free: bytes…
  package var spaceFloorBytes: UInt64 = 512 << 20
  /// … or this share of it, in percent; the larger counts.
  package var spaceFloorPercent: UInt64 = 5
  /// How often the volume's free space is looked at.
  package var spaceCheckEvery = TimeSpan.seconds(1)
  /// One read's bounds beside the caller's budget: it takes a worker at most this long.
  package var readTime = TimeSpan.milliseconds(10)
  package var topics = 1_000_000
  package var subscriptionsPerTopic = 1000
  package var schemaVersionsPerTopic = 1000

  package init() {}
}

/// What the committer tells the shell; each closure runs on the committer thread and must not block.
package struct StoreObserver: Sendable {
  package var committed: @Sendable (CommitFacts) -> Void = { _ in }
  /// A write failed: the store accepts nothing any more and the process should end.
  package var failed: @Sendable (StoreFault) -> Void = { _ in }
  /// Free space fell below the low mark (true) or rose above it again (false).
  package var storageFull: @Sendable (Bool) -> Void = { _ in }

  package init() {}
}

/// One commit, for metrics.
package struct CommitFacts: Sendable {
  package var number: UInt64
  package var events: Int
  package var chunks: Int
  /// Record bytes of its events.
  package var bytes: Int
  /// From taking the work until it was durable and noted in the side file.
  package var duration: TimeSpan
  /// The part of it in which the log file was written and synced.
  package var sync: TimeSpan
  /// Events that still waited when it was done.
  package var queued: Int
}
