public import Bytes
public import Delivery
public import HTTPWire
public import Metrics
public import Topics

/// What a log engine has to be for the gateway: the memory engine and RocksStore are.
public typealias EventEngine = Catalogue & SubscriptionStore & TopicLog

/// What all loops share: immutable, or safe by itself. Made once by the executable.
public struct GatewayParts<Engine: EventEngine>: Sendable {
  public let engine: Engine
  public let access: AccessDesk
  public let metrics: MetricsRegistry
  public let server: ServerMetrics
  public let dispatchers: DispatcherDirectory<Engine>
  public let tickets: StreamTickets
  public let streams: StreamDirectory
  let limits: LimitDesk
  public let quotas: StorageQuotas
  public let replays: ReplayDesk
  /// Of looks at what a new compatibility level concerns: one of a tenant, and none waits for the
  /// one before it.
  public let comparisons = ReplayDesk(atOnce: GatewayLimits.levelLooks, pause: .zero)
  public let workers: Workers
  /// What may take seconds: schemas compiled, linted and compared for those who register them, and
  /// compiled for events and their readers.
  let longWork: WorkerLane
  public let log: LogWriter
  /// Where decisions are recorded; nil where no audit log is kept.
  let audit: AuditTrail?
  public let operations: Operations
  public let identity: IdentityServices
  public let proofs = ProofMemory()
  let roll = TenantRoll()
  let scratches = ScratchShelf()

  public init(
    engine: Engine, access: AccessDesk, metrics: MetricsRegistry, server: ServerMetrics,
    dispatchers: DispatcherDirectory<Engine>, tickets: StreamTickets,
    replays: ReplayDesk = ReplayDesk(), workers: Workers,
    now: @escaping @Sendable () -> MonotonicTime, log: LogWriter, audit: AuditTrail? = nil,
    operations: Operations, identity: IdentityServices = IdentityServices()
  ) {
    self.identity = identity
    self.engine = engine
    self.access = access
    self.metrics = metrics
    self.server = server
    self.dispatchers = dispatchers
    self.tickets = tickets
    streams = StreamDirectory(metrics: server.limits)
    limits = LimitDesk(metrics: server.limits)
    quotas = StorageQuotas(metrics: server.limits)
    self.replays = replays
    self.workers = workers
    longWork = WorkerLane(
      behind: workers, capacity: GatewayLimits.longWork, urgent: GatewayLimits.urgentWork,
      metrics: server.queues, now: now)
    self.log = log
    self.audit = audit
    self.operations = operations
  }
}

/// What the operator's calls answer with, and how the gateway is known to its clients.
public struct Operations: Sendable {
  /// How clients reach the gateway, without a trailing slash.
  public let publicURL: ByteSlice
  /// Whether the embedded development policy is in force: metrics are open.
  public let isDevelopment: Bool
  /// What the operators' listener may be called.
  public let hosts: HostNames
  /// The pause after which an idle event stream carries a comment.
  public let heartbeat: TimeSpan
  public let version: StaticString
  /// Nil while everything needed to serve is there; otherwise what is missing.
  public let unreadiness: @Sendable () -> Unreadiness?
  /// All metrics as text; takes milliseconds, runs on a worker. `visible` restricts it to tenants.
  public let scrape: @Sendable (_ visible: (@Sendable (ByteSlice) -> Bool)?) -> ByteWriter

  public init(
    publicURL: ByteSlice, isDevelopment: Bool, hosts: HostNames = HostNames(), heartbeat: TimeSpan,
    version: StaticString, unreadiness: @escaping @Sendable () -> Unreadiness?,
    scrape: @escaping @Sendable ((@Sendable (ByteSlice) -> Bool)?) -> ByteWriter
  ) {
    self.publicURL = publicURL
    self.isDevelopment = isDevelopment
    self.hosts = hosts
    self.heartbeat = heartbeat
    self.version = version
    self.unreadiness = unreadiness
    self.scrape = scrape
  }
}

/// Why the gateway cannot serve everybody now.
public enum Unreadiness: Sendable {
  /// The volume is short of space: reading goes on.
  case storageFull
  /// The log takes no events any more: it closes, or a write failed.
  case logClosed
  /// The keys of these issuers have never been fetched.
  case keysMissing([ByteSlice])
}
