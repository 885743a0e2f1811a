public import Bytes
public import Tenancy
public import Topics

/// How a store is opened. Every number has its reason in docs/limits.md.
public struct StoreConfiguration: Sendable {
  /// The directory; made when missing.
  public var path: String
  public var clocks: Clocks
  public var limits = StoreLimits()
  public var observer = StoreObserver()
  /// 16 random bytes that name a new store; unused when one exists.
  public var freshStoreName: ByteSlice
  /// The commit number up to which the operator accepts what was recovered, although more had been
  /// acknowledged.
  public var acceptingLossAt: UInt64?
  /// How long the tenants' events are kept at first: see `RocksTopicLog.keep`.
  public var retentions: [Name: Retention] = [:]

  public init(path: String, clocks: Clocks, freshStoreName: ByteSlice) {
    precondition(freshStoreName.count == 16, "a store's name is 16 bytes")
    self.path = path
    self.clocks = clocks
    self.freshStoreName = freshStoreName
  }
}

/// The store's bounds.
public struct StoreLimits: Sendable {
  /// Appends waiting for the committer, in bytes; more are refused as overloaded.
  public var queueBytes = 32 << 20
  /// The same, in events.
  public var queueEvents = 50_000
  /// What one commit takes, unless a single atomic batch is larger: bytes…
  public var commitBytes = 1 << 20
  /// … and events.
  public var commitEvents = 8192
  /// The largest atomic batch, in record bytes: 8 MiB of payload and its attributes.
  public var batchBytes = 12 << 20
  /// Memory for recent commits that readers at the tail share.
  public var tailBytes = 256 << 20
  /// RocksDB's block cache.
  public var cacheBytes = 256 << 20
  /// Under load a commit waits at most so long, from the start of the one before it, for a third
  /// of the events in flight; not at all where a sync takes longer than this.
  public var commitSpacing = TimeSpan.milliseconds(1)
  /// How many appends must wait for the spacing to apply.
  public var spacingThreshold = 8
  /// How long a cursor change that nobody waits for may wait for company.
  public var lazyChangeDelay = TimeSpan.milliseconds(10)
  /// Appends stop when less than this much of the volume is free: bytes…
  public var spaceFloorBytes: UInt64 = 512 << 20
  /// … or this share of it, in percent; the larger counts.
  public var spaceFloorPercent: UInt64 = 5
  /// Space held by the ballast file while there is enough, given up when appends stop: bytes…
  public var ballastBytes: UInt64 = 256 << 20
  /// … and no more than this share of the volume, in percent.
  public var ballastPercent: UInt64 = 1
  /// How often the volume's free space is looked at.
  public var spaceCheckEvery = TimeSpan.seconds(1)
  /// A bucket of events is closed at this size, and the next one opened.
  public var bucketBytes: UInt64 = 1 << 30
  /// How often topics are looked at for events that are past their retention.
  public var retentionEvery = TimeSpan.seconds(5)
  /// One read's bounds beside the caller's budget: it takes a worker at most this long.
  public var readTime = TimeSpan.milliseconds(10)
  public var topics = 1_000_000
  /// Those that were ever made: a namespace stays when its last topic goes.
  public var namespacesPerTenant = 10_000
  public var subscriptionsPerTopic = 1000
  /// Subscriptions of each other tenant that a topic is shared with.
  public var subscriptionsPerPartner = 100
  public var schemaVersionsPerTopic = 1000

  public init() {}
}

/// Bounds of what is done about damage (docs/faults.md).
enum DamageLimits {
  /// Tables that are searched by themselves.
  static let tables = 64
  /// Damaged blocks in a row that one read looks over; the next one goes on from there.
  static let blocks = 32
  /// Ranges that are remembered and shown.
  static let ranges = 1000
}

/// What the store tells the shell. No closure may block. All but `damaged` are called by the
/// committer, or by the opening thread before there is one.
public struct StoreObserver: Sendable {
  public var committed: @Sendable (CommitFacts) -> Void = { _ in }
  /// A write failed: the store accepts nothing any more and the process should end.
  public var failed: @Sendable (StoreFault) -> Void = { _ in }
  /// Free space fell below the low mark or rose above it again.
  public var storageFull: @Sendable (VolumeSpace) -> Void = { _ in }
  /// Events that cannot be read were met: each range once, by the opening thread or by whoever
  /// reads.
  public var damaged: @Sendable (StoreDamage) -> Void = { _ in }
  /// Some of what subscriptions have acknowledged, or of their positions, cannot be read: until an
  /// opening that can, the tables it lies in are not merged.
  public var stateDamaged: @Sendable (StoreFault) -> Void = { _ in }

  /// All topics were looked at for what is past their retention.
  public var swept: @Sendable (RetentionFacts) -> Void = { _ in }
  /// The wall clock ran away from the machine's own (false): age lets nothing go, until it agrees
  /// again (true).
  public var clockTrusted: @Sendable (Bool) -> Void = { _ in }

  public init() {}
}

/// How full the store's volume is.
public struct VolumeSpace: Sendable {
  /// Whether appends are refused for it.
  public var isFull: Bool
  /// Bytes that the process could still write.
  public var free: UInt64
  /// The low mark: with fewer bytes free appends stop.
  public var mark: UInt64
}

/// One pass over all topics, for metrics.
public struct RetentionFacts: Sendable {
  /// Events that went.
  public var trimmed: UInt64
  /// Buckets that hold events or will.
  public var buckets: Int
  /// Topics of which nothing went although it is past their retention, since the positions of their
  /// subscriptions could not be read.
  public var blocked: Int
  /// Why, of the last such topic.
  public var blockedBy: StoreFault?
}

/// One commit, for metrics.
public struct CommitFacts: Sendable {
  public var number: UInt64
  public var events: Int
  public var chunks: Int
  /// Record bytes of its events.
  public var bytes: Int
  /// From taking the work until it was durable and noted in the side file.
  public var duration: TimeSpan
  /// The part of it in which the log file was written and synced.
  public var sync: TimeSpan
  /// Events that still waited when it was done.
  public var queued: Int
}
