package import Bytes

/// What is measured of the whole process; one per process, shared by all loops and threads.
package final class ServerMetrics: Sendable {
  package let connections = ConnectionMetrics()
  package let commits = CommitMetrics()
  package let tokens = TokenMetrics()
  package let queues = QueueMetrics()
  private let requests = CounterRow(Operation.allCases.count * Outcome.allCases.count)
  private let stripped = Counter()

  package init() {}

  /// Counts a request's answer.
  package func answered(_ operation: Operation, _ outcome: Outcome) {
    requests.add(at: Self.place(operation, outcome))
  }

  package func answers(to operation: Operation, _ outcome: Outcome) -> UInt64 {
    requests[Self.place(operation, outcome)]
  }

  /// Counts attributes that clients sent though only the gateway may write them.
  package func strippedAttributes(_ count: Int) { stripped.add(count) }

  package var strippedAttributeCount: UInt64 { stripped.value }

  private static func place(_ operation: Operation, _ outcome: Outcome) -> Int {
    Int(operation.rawValue) * Outcome.allCases.count + Int(outcome.rawValue)
  }
}

/// Sockets and their bytes. `Network` counts; connections are counted by the loop that owns them.
package final class ConnectionMetrics: Sendable {
  package let accepted = Counter()
  /// Turned away because the limit of connections was reached or the process drains.
  package let refused = Counter()
  package let open = Gauge()
  /// Answers that are streams (SSE, NDJSON) and not yet ended.
  package let streams = Gauge()
  package let receivedBytes = Counter()
  package let sentBytes = Counter()
  /// Streams cut because the reader took nothing for too long.
  package let stalled = Counter()

  package init() {}
}

/// The group commit. The committer's thread counts.
package final class CommitMetrics: Sendable {
  /// From the batch taken to the batch durable.
  let seconds = Histogram(.latency)
  /// The part of it spent in fdatasync, where the store can tell.
  let syncSeconds = Histogram(.latency)
  /// Events made durable by one commit.
  let sizes = Histogram(.size)
  package let failures = Counter()

  package init() {}

  /// One commit of `events` events became durable; `sync` is nil where fdatasync is not told apart.
  package func committed(events: Int, taking: TimeSpan, sync: TimeSpan? = nil) {
    seconds.record(taking)
    if let sync { syncSeconds.record(sync) }
    sizes.record(value: UInt64(max(events, 0)))
  }

  package var summary: LatencySummary? { LatencySummary(seconds.snapshot) }
  package var syncSummary: LatencySummary? { LatencySummary(syncSeconds.snapshot) }
}

/// Why a token was not taken, as far as the gateway tells its operator. Closed, like `Outcome`.
package enum TokenReason: UInt8, CaseIterable, Sendable {
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

  package var label: StaticString {
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
    }
  }
}

/// Token verification and its cache.
package final class TokenMetrics: Sendable {
  package let cacheHits = Counter()
  package let cacheMisses = Counter()
  private let refusals = CounterRow(TokenReason.allCases.count)

  package init() {}

  package func refused(_ reason: TokenReason) { refusals.add(at: Int(reason.rawValue)) }
  package func refusals(for reason: TokenReason) -> UInt64 { refusals[Int(reason.rawValue)] }
}

/// How many entries wait in each bounded queue, and how many were turned away by a full one.
package final class QueueMetrics: Sendable {
  package let commit = Gauge()
  package let workers = Gauge()
  package let commitRefused = Counter()
  package let workersRefused = Counter()

  package init() {}
}

/// What the operating system says of the process. The shell reads it: this room calls no system.
package struct ProcessSample: Sendable {
  package var cpu: TimeSpan
  package var residentBytes: UInt64
  package var virtualBytes: UInt64
  package var openDescriptors: Int
  package var maxDescriptors: UInt64
  package var started: UnixTime

  /// - Parameters:
  ///   - cpu: time in user and kernel mode together.
  ///   - maxDescriptors: the soft limit.
  package init(
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
