import Authentication
import Bytes
import Fetching
import Gateway
import Metrics
import Network
import Settings
import Synchronization

/// What the process knows already and a new configuration must not forget.
struct KnownIdentities {
  let keys: KeyKeeper?
  let revocations: Revocations
}

/// The issuers on the network: their keys and what they say of opaque tokens, and the thread that
/// asks them, which begins when there is somebody to ask.
final class IssuerService: Sendable {
  /// What the configuration in force says.
  private final class Surroundings: Sendable {
    struct Facts {
      var secrets: SecretStore?
      var directory = "."
    }
    let facts = Mutex(Facts())
  }

  let keys: KeyKeeper
  let introspection: IntrospectionDesk
  private let metrics: IssuerMetrics
  private let fetching: FetchThread
  private let surroundings: Surroundings
  private let thread = Mutex<BackgroundThread?>(nil)
  /// Whether proofs of possession must carry a nonce.
  private let asksForNonce = Atomic(false)

  /// - Parameter changed: called on the fetching thread after an issuer's keys have changed.
  init(
    metrics: IssuerMetrics, log: LogWriter, changed: @escaping @Sendable () -> Void
  ) throws(CommandFault) {
    guard let fetching = FetchThread() else { throw CommandFault(.failed, "libcurl cannot begin") }
    let surroundings = Surroundings()
    let resolve: @Sendable (FetchRules) -> FetchRules = { rules in
      let directory = surroundings.facts.withLock { $0.directory }
      return FetchRules(
        addresses: rules.addresses,
        authorities: rules.authorities.map { FileAccess.resolve($0, from: directory) })
    }
    keys = KeyKeeper(
      fetching, clocks: .system, metrics: metrics, log: log, resolve: resolve, changed: changed)
    introspection = IntrospectionDesk(
      fetching, clocks: .system, metrics: metrics, log: log, resolve: resolve,
      secret: { reference in
        guard let secrets = surroundings.facts.withLock({ $0.secrets }) else {
          throw SecretFault.empty
        }
        return try secrets.find(reference)
      })
    self.metrics = metrics
    self.fetching = fetching
    self.surroundings = surroundings
  }

  /// Finds the secrets that asking these issuers takes. Blocks for those that have not been found
  /// yet; changes nothing.
  func check(_ compiled: CompiledPolicy) throws(CommandFault) {
    for issuer in compiled.issuers { try Self.checkClientSecret(of: issuer, in: compiled) }
  }

  /// Finds what the gateway says to an issuer that it asks about tokens.
  static func checkClientSecret(
    of issuer: IssuerProfile, in compiled: CompiledPolicy
  ) throws(CommandFault) {
    guard let terms = issuer.introspection else { return }
    do throws(SecretFault) {
      _ = try compiled.secrets.find(terms.clientSecret)
    } catch {
      throw CommandFault(
        .badSettings, "the client secret of issuer \(issuer.id.text): \(error)")
    }
  }

  /// From now on asks the issuers of this configuration.
  func take(_ compiled: CompiledPolicy) throws(CommandFault) {
    try check(compiled)
    compiled.verifier.revocations.configure(compiled.revoked)
    asksForNonce.store(compiled.settings.asksForNonce, ordering: .relaxed)
    surroundings.facts.withLock { facts in
      facts.secrets = compiled.secrets
      facts.directory = compiled.directory
    }
    let asked = compiled.issuers.filter { issuer in
      if case .remote = issuer.source { return true }
      return issuer.introspection != nil
    }
    metrics.configure(asked.map(\.id))
    keys.keep(compiled.issuers)
    guard !asked.isEmpty else { return }
    let hasBegun = thread.withLock { thread in
      if thread == nil {
        thread = BackgroundThread { [fetching, keys] in fetching.run { keys.tick() } }
      }
      return thread != nil
    }
    guard hasBegun else { throw CommandFault(.failed, "no thread to fetch keys with") }
  }

  /// Ends the thread; blocks until it has ended.
  func stop() {
    fetching.stop()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  /// What the gateway asks of it.
  func services(
    keeping file: RevocationFile, nonces: ProofNonces, recheck: @escaping @Sendable () -> Void
  ) -> IdentityServices {
    var services = IdentityServices()
    services.mayBring = { [keys] keyID, issuer in keys.mayBring(keyID, of: issuer) }
    services.bring = { [keys] keyID, issuer, done in keys.bring(keyID, of: issuer, done) }
    services.finding = { [introspection] digest, issuer, address in
      switch introspection.finding(about: digest, at: issuer, from: address) {
      case .answer(let answer): .answer(answer)
      case .unknown: .unknown
      case .unavailable: .unavailable
      case .tooMany: .tooMany(IntrospectionDesk.mostPerAddress)
      }
    }
    services.ask = { [introspection] token, digest, issuer, address, done in
      introspection.ask(about: token, digest, at: issuer, from: address, done)
    }
    services.issuers = { [metrics] in metrics.states }
    services.keepRevocations = { file.keep() }
    services.recheckStreams = recheck
    services.nonces = { [self] now in
      asksForNonce.load(ordering: .relaxed) ? nonces.current(at: now) : []
    }
    return services
  }
}
