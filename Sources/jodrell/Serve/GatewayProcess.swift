import Authentication
import Bytes
import Crypto
import Delivery
import Fetching
import Gateway
import HTTPWire
import Metrics
import Network
import RocksStore
import Settings
import Tenancy
import Topics

/// A gateway that serves: its log, its threads, its loops. Made and ended by one task.
struct GatewayProcess: Sendable {
  typealias Log = RocksTopicLog

  /// How long requests in flight may take once the gateway was told to stop.
  static let drainTime = TimeSpan.seconds(10)
  /// When, counted from there, the workers give up what they have not begun: its requests are
  /// answered before their connections are cut.
  static let workersTime = TimeSpan.seconds(5)

  private let server: Server<GatewayResponder<Log>>
  private let parts: GatewayParts<Log>
  private let threads: WorkerThreads
  private let issuers: IssuerService
  private let audit: AuditKeeper?
  private let auditing: Task<Void, Never>?

  /// Where clients reach it, with the ports that were really taken; `unix:` and a path for a socket
  /// file.
  let http: String?
  let https: String?
  let management: String?

  /// Takes the ports, opens the log and registers schemas; nothing is accepted yet. Blocks while
  /// the log recovers.
  init(_ plan: ServePlan, log: LogWriter, stop: StopSignal) async throws(CommandFault) {
    server = try Self.server(plan)
    var ports = server.ports[...]
    func text(_ listener: ListenerSettings?) -> String? {
      guard let listener, let port = ports.popFirst() else { return nil }
      guard case .network(let host, _) = listener.address.place else {
        return listener.address.text
      }
      return ListenAddress.text(host, port)
    }
    http = text(plan.http)
    https = text(plan.secure)
    management = text(plan.management)
    let revoked = try RevocationFile(in: plan.data, for: plan.compiled.verifier.revocations)
    let metrics = ServerMetrics()
    audit = try plan.compiled.settings.audit.map { settings throws(CommandFault) in
      try AuditKeeper(settings, in: plan.compiled.directory, metrics: metrics.audit, log: log)
    }
    let engine: Log
    do throws(StoreFault) {
      engine = try Log(opening: Self.store(plan, metrics, log, stop))
    } catch {
      throw CommandFault(error, data: plan.data)
    }
    if let number = plan.acceptedLoss {
      log.log(.warning, "loss of acknowledged data accepted", ["commit": .text("\(number)")])
    }
    if let folder = plan.schemas, let keys = plan.keys {
      let count = try await folder.register(with: keys, under: plan.compiled, in: engine)
      log.log(
        .info, "schemas registered",
        ["new": .integer(count), "unchanged": .integer(folder.files.count - count)])
    }
    do throws(NetworkFailure) {
      threads = try WorkerThreads()
    } catch {
      throw CommandFault(.failed, "no worker threads: \(error)")
    }
    let registry = MetricsRegistry()
    plan.certificates?.report(to: metrics.tls, log, at: Clocks.system.wall())
    issuers = try IssuerService(metrics: metrics.issuers, log: log) { [access = plan.access] in
      access.take()
    }
    try issuers.take(plan.compiled)
    let nonces = try Self.nonces()
    auditing = audit?.start(engine)
    audit?.trail.policyTaken(
      plan.compiled.version, from: plan.access.generation, at: Clocks.system.wall())
    plan.policy?.report(
      to: metrics.policy, log, issuers: issuers, audit: audit?.trail, isTaken: Self.follow(engine))
    parts = GatewayParts(
      engine: engine, access: plan.access, metrics: registry, server: metrics,
      dispatchers: DispatcherDirectory(engine, wall: Clocks.system.wall),
      tickets: StreamTickets(random: { SecureRandom.bytes($0) }), workers: threads.workers,
      now: Clocks.system.monotonic, log: log, audit: audit?.trail,
      operations: Operations(
        publicURL: ByteSlice(utf8: Self.publicURL(plan.compiled.settings, http, https, log)),
        isDevelopment: plan.isDevelopment, hosts: HostNames(plan.management?.hosts ?? []),
        heartbeat: plan.compiled.settings.heartbeat, version: Command.version,
        unreadiness: { [issuers] in
          if let state = Unreadiness(engine.appends) { return state }
          let missing = issuers.keys.missing
          return missing.isEmpty ? nil : .keysMissing(missing)
        },
        scrape: Self.scrape(
          registry, metrics, log, engine, threads, server.counters, plan.access)),
      identity: issuers.services(keeping: revoked, nonces: nonces) { [access = plan.access] in
        access.take()
      })
  }

  /// What a log does with each policy that comes into force.
  private static func follow(_ engine: Log) -> @Sendable (TenancyPolicy) -> Void {
    { policy in engine.keep(policy.keptByTenants) }
  }

  /// Whether they are asked for is the configuration's word, which may change.
  private static func nonces() throws(CommandFault) -> ProofNonces {
    do throws(KeyFault) {
      return try ProofNonces(secret: SecureRandom.bytes(32))
    } catch {
      throw CommandFault(.failed, "libcrypto makes no nonces: \(error)")
    }
  }

  /// How clients reach the gateway; where nobody says, the address of `https` if there is one.
  private static func publicURL(
    _ settings: GatewaySettings, _ http: String?, _ https: String?, _ log: LogWriter
  ) -> String {
    if let known = settings.publicURL { return known }
    let guess = https.map { url("https", $0) } ?? url("http", http ?? "")
    if ["://0.0.0.0:", "://[::]:"].contains(where: guess.contains) {
      log.log(.warning, "publicURL is not set: names begin with no address", ["url": .text(guess)])
    }
    return guess
  }

  /// How a client on this machine begins its URLs.
  var baseURL: String { http.map { Self.url("http", $0) } ?? Self.url("https", https ?? "") }

  /// Who reaches it by a socket file calls it `localhost`, as the commands do.
  private static func url(_ scheme: String, _ address: String) -> String {
    "\(scheme)://\(address.hasPrefix("unix:") ? "localhost" : address)"
  }

  /// Begins to accept.
  func start() async throws(CommandFault) {
    do throws(NetworkFailure) {
      try await server.start { [parts] timers in GatewayResponder(parts, timers: timers) }
    } catch {
      throw CommandFault(.cannotListen, "\(baseURL): \(error.text)")
    }
  }

  /// Holds what is stored against the policy's quotas. Blocks for a walk over all topics, where
  /// there are quotas.
  func lookAtStorage() {
    parts.quotas.look(at: parts.engine, under: parts.access.current.policy)
  }

  /// Stops accepting, answers what is in flight, writes what is left, and closes the log.
  func end() async {
    let closing = Task { [threads] in
      // Cancelled when the drain is over before.
      try? await Task.sleep(nanoseconds: UInt64(Self.workersTime.nanoseconds))
      threads.close()
    }
    let cut = await server.drain(within: Self.drainTime)
    closing.cancel()
    await closing.value
    if cut > 0 {
      parts.log.log(.warning, "connections cut at the end", ["connections": .integer(cut)])
    }
    audit?.finish()
    await auditing?.value
    await parts.dispatchers.close()
    parts.engine.close()
    issuers.stop()
    await threads.stop()
  }

  private static func store(
    _ plan: ServePlan, _ metrics: ServerMetrics, _ log: LogWriter, _ stop: StopSignal
  ) -> StoreConfiguration {
    var store = StoreConfiguration(
      path: plan.data, clocks: .system, freshStoreName: SecureRandom.bytes(16))
    store.acceptingLossAt = plan.acceptedLoss
    store.retentions = plan.access.current.policy.keptByTenants
    store.observer.committed = { facts in
      metrics.commits.committed(events: facts.events, taking: facts.duration, sync: facts.sync)
      metrics.queues.commit.set(facts.queued)
    }
    store.observer.failed = { fault in
      metrics.commits.failures.add()
      log.log(.error, "write failed", ["fault": .text("\(fault)")])
      if case .noSpace(let text) = fault {
        stop.stop(.volumeFull(text))
      } else {
        stop.stop(.writeFailed("\(fault)"))
      }
    }
    store.observer.storageFull = { [data = plan.data] space in
      log.log(
        space.isFull ? .error : .info,
        space.isFull ? "storage full: no event is taken" : "storage has space again",
        [
          "data": .text(data), "freeBytes": .integer(Int(clamping: space.free)),
          "lowMarkBytes": .integer(Int(clamping: space.mark)),
        ])
    }
    store.observer.swept = { facts in
      metrics.commits.trimmed.add(facts.trimmed)
      metrics.commits.buckets.set(facts.buckets)
      let before = metrics.commits.retentionBlocked.value
      metrics.commits.retentionBlocked.set(facts.blocked)
      if let fault = facts.blockedBy, before == 0 {
        log.log(
          .error, "subscriptions cannot be read: retention takes nothing from their topics",
          ["topics": .integer(facts.blocked), "fault": .text("\(fault)")])
      } else if facts.blocked == 0, before > 0 {
        log.log(.info, "subscriptions can be read again: retention goes on")
      }
    }
    store.observer.clockTrusted = { isTrusted in
      log.log(
        isTrusted ? .info : .error,
        isTrusted
          ? "the wall clock agrees again: age counts for retention"
          : "the wall clock was moved: until it agrees again, or a restart, age lets no event go")
    }
    store.observer.damaged = { damage in
      let message: StaticString =
        switch damage.kind {
        case .events: "stored events cannot be read"
        case .end: "a topic's last events cannot be read; it goes on behind them"
        }
      log.log(
        .error, message,
        [
          "tenant": .bytes(damage.tenant), "namespace": .bytes(damage.namespace),
          "topic": .bytes(damage.topic), "first": .text("\(damage.ledger):\(damage.first)"),
          "last": .text("\(damage.ledger):\(damage.last)"),
        ])
    }
    store.observer.stateDamaged = { fault in
      log.log(
        .error, "subscriptions' progress cannot be read in places: its tables are not merged",
        ["fault": .text("\(fault)")])
    }
    return store
  }

  private static func scrape(
    _ registry: MetricsRegistry, _ metrics: ServerMetrics, _ log: LogWriter, _ engine: Log,
    _ threads: WorkerThreads, _ counters: ServerCounters, _ access: AccessDesk
  ) -> @Sendable ((@Sendable (ByteSlice) -> Bool)?) -> ByteWriter {
    let connections = ConnectionMirror(counters)
    let queues = QueueMirror()
    let process = ProcessReading()
    return { visible in
      connections.update(metrics)
      metrics.queues.commit.set(engine.waitingEvents)
      metrics.queues.workers.set(threads.depth)
      metrics.policy.generation.set(Int(access.generation))
      queues.update(
        metrics.queues, refusedEvents: engine.refusedEvents, refusedWork: threads.refused)
      if let memory = engine.memory { metrics.memory.show(memory) }
      let scrape = Scrape(
        registry: registry, server: metrics, log: log, process: process.sample(),
        damage: engine.damages.map(DamagedRange.init), version: Command.version)
      guard let visible else { return scrape.text(for: .all) }
      return scrape.text(for: .tenants(visible: visible))
    }
  }
}

extension StoreMemoryMetrics {
  fileprivate func show(_ memory: StoreMemory) {
    memoryTables.set(Int(clamping: memory.tables))
    spareBlocks.set(memory.spares)
    tableIndexes.set(Int(clamping: memory.indexes))
    tail.set(memory.tail)
    blockCache.set(Int(clamping: memory.cache))
  }
}

extension Unreadiness {
  /// Why a log in this state is no place to publish to, or nil.
  init?(_ state: AppendState) {
    switch state {
    case .taken: return nil
    case .storageFull: self = .storageFull
    case .refused: self = .logClosed
    }
  }
}

extension DamagedRange {
  init(_ damage: StoreDamage) {
    self.init(
      topic: TopicKey(
        tenant: damage.tenant, namespace: damage.namespace, topic: damage.topic),
      ledger: damage.ledger, first: damage.first, last: damage.last)
  }
}

extension TenancyPolicy {
  /// `retentions` in the log's words.
  fileprivate var keptByTenants: [Name: Retention] { retentions.mapValues(Retention.init) }
}
