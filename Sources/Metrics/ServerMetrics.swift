public import Bytes

/// What is measured of the whole process; one per process, shared by all loops and threads.
public final class ServerMetrics: Sendable {
  public let connections = ConnectionMetrics()
  public let commits = CommitMetrics()
  public let http2 = HTTP2Metrics()
  public let tls = TLSMetrics()
  public let policy = PolicyMetrics()
  public let limits = LimitMetrics()
  public let audit = AuditMetrics()
  public let tokens = TokenMetrics()
  public let issuers = IssuerMetrics()
  public let queues = QueueMetrics()
  public let memory = StoreMemoryMetrics()
  private let requests = CounterRow(Operation.allCases.count * Outcome.allCases.count)
  private let stripped = Counter()

  public init() {}

  /// Counts a request's answer.
  public func answered(_ operation: Operation, _ outcome: Outcome) {
    requests.add(at: Self.place(operation, outcome))
  }

  public func answers(to operation: Operation, _ outcome: Outcome) -> UInt64 {
    requests[Self.place(operation, outcome)]
  }

  /// Counts attributes that clients sent though only the gateway may write them.
  public func strippedAttributes(_ count: Int) { stripped.add(count) }

  public var strippedAttributeCount: UInt64 { stripped.value }

  private static func place(_ operation: Operation, _ outcome: Outcome) -> Int {
    Int(operation.rawValue) * Outcome.allCases.count + Int(outcome.rawValue)
  }
}

/// Sockets and their bytes. `Network` counts; connections are counted by the loop that owns them.
public final class ConnectionMetrics: Sendable {
  public let accepted = Counter()
  /// Turned away because the limit of connections was reached.
  public let refused = Counter()
  public let open = Gauge()
  /// Answers that are streams (SSE, NDJSON) and not yet ended.
  public let streams = Gauge()
  public let receivedBytes = Counter()
  public let sentBytes = Counter()
  /// Streams and other answers cut because the reader took nothing for too long.
  public let stalled = Counter()
  /// Connections of proxies that said whom they come from.
  public let proxied = Counter()
  public let badProxyHeaders = Counter()
  public let slowProxyHeaders = Counter()
  /// Connections of others than the trusted proxies.
  public let untrustedProxies = Counter()
  /// Times that a loop slept so that its next look at the sockets brought more.
  public let rests = Counter()

  public init() {}
}

/// HTTP/2 beside what all connections have. `Network` counts.
public final class HTTP2Metrics: Sendable {
  public let connections = Counter()
  /// Connections ended because the client asked too much.
  public let floods = Counter()
  /// Streams refused unseen.
  public let refused = Counter()
  /// Streams reset by clients, on connections that are over.
  public let resets = Counter()

  public init() {}
}

/// The group commit. The committer's thread counts.
public final class CommitMetrics: Sendable {
  /// From the batch taken to the batch durable.
  let seconds = Histogram(.latency)
  /// The part of it in which the log file was written and synced, where the store can tell.
  let syncSeconds = Histogram(.latency)
  /// Events made durable by one commit.
  let sizes = Histogram(.size)
  public let failures = Counter()
  /// Events that their retention let go.
  public let trimmed = Counter()
  /// Topics that retention could not tell what to take from, in the last pass.
  public let retentionBlocked = Gauge()
  /// Buckets of events, as far as the log has such; see docs/log-format.md.
  public let buckets = Gauge()

  public init() {}

  /// One commit of `events` events became durable; `sync` is nil where fdatasync is not told apart.
  public func committed(events: Int, taking: TimeSpan, sync: TimeSpan? = nil) {
    seconds.record(taking)
    if let sync { syncSeconds.record(sync) }
    sizes.record(value: UInt64(max(events, 0)))
  }
}

/// Why a token was not taken, as far as the gateway tells its operator. Closed, like `Outcome`.
public enum TokenReason: UInt8, CaseIterable, Sendable {
  case missing
  case malformed
  case unknownIssuer
  case unknownKey
  case algorithm
  case signature
  case expired
  case notYetValid
  case audience
  case lifetime
  case tokenType
  case claims
  case noTenant
  case revoked
  /// A bound token without its proof, or with a bad one.
  case possession
  /// A proof that was seen before.
  case replayed

  public var label: StaticString {
    switch self {
    case .missing: "missing"
    case .malformed: "malformed"
    case .unknownIssuer: "unknown_issuer"
    case .unknownKey: "unknown_key"
    case .algorithm: "algorithm"
    case .signature: "signature"
    case .expired: "expired"
    case .notYetValid: "not_yet_valid"
    case .audience: "audience"
    case .lifetime: "lifetime"
    case .tokenType: "token_type"
    case .claims: "claims"
    case .noTenant: "no_tenant"
    case .revoked: "revoked"
    case .possession: "possession"
    case .replayed: "replayed"
    }
  }
}

/// Token verification and its cache.
public final class TokenMetrics: Sendable {
  public let cacheHits = Counter()
  public let cacheMisses = Counter()
  private let refusals = CounterRow(TokenReason.allCases.count)

  public init() {}

  public func refused(_ reason: TokenReason) { refusals.add(at: Int(reason.rawValue)) }
  public func refusals(for reason: TokenReason) -> UInt64 { refusals[Int(reason.rawValue)] }
}

/// How many entries wait in each bounded queue, and how many were turned away by a full one.
public final class QueueMetrics: Sendable {
  public let commit = Gauge()
  public let workers = Gauge()
  /// What may take a second and waits for its turn at the workers.
  public let schemas = Gauge()
  public let commitRefused = Counter()
  public let workersRefused = Counter()
  public let schemasRefused = Counter()

  public init() {}
}

/// Bytes of memory that the log holds. Whoever scrapes sets them.
public final class StoreMemoryMetrics: Sendable {
  /// What is not yet in tables on disk, or just became so.
  public let memoryTables = Gauge()
  /// Memory kept for the next memory tables, until the kernel is short of it.
  public let spareBlocks = Gauge()
  /// Indexes and filters of tables on disk.
  public let tableIndexes = Gauge()
  /// Recent events, which readers get from memory.
  public let tail = Gauge()
  /// Blocks of tables that were read.
  public let blockCache = Gauge()

  public init() {}

  /// By the label's value.
  var parts: [(label: StaticString, bytes: Int)] {
    [
      ("memory_tables", memoryTables.value), ("spare_blocks", spareBlocks.value),
      ("table_indexes", tableIndexes.value), ("tail", tail.value),
      ("block_cache", blockCache.value),
    ]
  }
}

/// What the operating system says of the process. The shell reads it: this room calls no system.
public struct ProcessSample: Sendable {
  public var cpu: TimeSpan
  public var residentBytes: UInt64
  public var virtualBytes: UInt64
  public var openDescriptors: Int
  public var maxDescriptors: UInt64
  public var started: UnixTime

  /// - Parameters:
  ///   - cpu: time in user and kernel mode together.
  ///   - maxDescriptors: the soft limit.
  public init(
    cpu: TimeSpan, residentBytes: UInt64, virtualBytes: UInt64, openDescriptors: Int,
    maxDescriptors: UInt64, started: UnixTime
  ) {
    self.cpu = cpu
    self.residentBytes = residentBytes
    self.virtualBytes = virtualBytes
    self.openDescriptors = openDescriptors
    self.maxDescriptors = maxDescriptors
    self.started = started
  }
}
