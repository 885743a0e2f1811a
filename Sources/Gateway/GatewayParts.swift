package import Authentication
package import Bytes
package import Delivery
package import HTTPWire
package import Metrics
package import Tenancy
package import Topics

/// What a log engine has to be for the gateway: the memory engine and RocksStore are.
package typealias EventEngine = Catalogue & SubscriptionStore & TopicLog

/// What all loops share: immutable, or safe by itself. Made once by the executable.
package struct GatewayParts<Engine: EventEngine>: Sendable {
  package let engine: Engine
  package let verifier: TokenVerifier
  package let policy: TenancyPolicy
  package let metrics: MetricsRegistry
  package let server: ServerMetrics
  package let dispatchers: DispatcherDirectory<Engine>
  package let tickets: StreamTickets
  package let workers: Workers
  package let log: LogWriter
  package let operations: Operations

  package init(
    engine: Engine, verifier: TokenVerifier, policy: TenancyPolicy, metrics: MetricsRegistry,
    server: ServerMetrics, dispatchers: DispatcherDirectory<Engine>, tickets: StreamTickets,
    workers: Workers, log: LogWriter, operations: Operations
  ) {
    self.engine = engine
    self.verifier = verifier
    self.policy = policy
    self.metrics = metrics
    self.server = server
    self.dispatchers = dispatchers
    self.tickets = tickets
    self.workers = workers
    self.log = log
    self.operations = operations
  }
}

/// What the operator's calls answer with, and how the gateway is known to its clients.
package struct Operations: Sendable {
  /// How clients reach the gateway, without a trailing slash.
  package let publicURL: ByteSlice
  /// The `iss` of each configured issuer, for the protected-resource metadata (RFC 9728 §2).
  package let issuers: [ByteSlice]
  /// Whether the embedded development policy is in force: metrics are open, loopback pages may call.
  package let isDevelopment: Bool
  /// The pause after which an idle event stream carries a comment.
  package let heartbeat: TimeSpan
  package let version: StaticString
  /// Nil while everything needed to serve is there; otherwise what is missing.
  package let unreadiness: @Sendable () -> String?
  /// All metrics as text; takes milliseconds, runs on a worker. `visible` restricts it to tenants.
  package let scrape: @Sendable (_ visible: (@Sendable (ByteSlice) -> Bool)?) -> ByteWriter

  package init(
    publicURL: ByteSlice, issuers: [ByteSlice], isDevelopment: Bool, heartbeat: TimeSpan,
    version: StaticString, unreadiness: @escaping @Sendable () -> String?,
    scrape: @escaping @Sendable ((@Sendable (ByteSlice) -> Bool)?) -> ByteWriter
  ) {
    self.publicURL = publicURL
    self.issuers = issuers
    self.isDevelopment = isDevelopment
    self.heartbeat = heartbeat
    self.version = version
    self.unreadiness = unreadiness
    self.scrape = scrape
  }
}
