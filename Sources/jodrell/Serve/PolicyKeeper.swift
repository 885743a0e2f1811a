import Authentication
import Bytes
import Crypto
import Gateway
import Metrics
import Network
import Settings
import Synchronization
import Tenancy

/// Keeps the policy as its file says while the gateway serves: parse, compile, run the embedded
/// tests, and only then put it in force, whole. What is wrong is logged with its place, and what is
/// in force stays.
///
/// The thread for looks looks; any thread may.
final class PolicyKeeper: Sendable {
  private struct State {
    var inForce: CompiledPolicy
    /// The file and the key files at the last attempt, good or bad: a bad one is not tried over and
    /// over.
    var seen: [FileFacts?] = []
    var watched: [String]
    /// When a certificate is valid for which the last attempt was refused because it was not yet.
    var nextTry: UnixTime?
    /// Whether the last attempt was refused.
    var isRefused = false
    var report: Report?
  }

  private struct Report {
    let metrics: PolicyMetrics
    let log: LogWriter
    let issuers: IssuerService
    let audit: AuditTrail?
    let isTaken: @Sendable (TenancyPolicy) -> Void
  }

  private let file: String
  private let desk: AccessDesk
  private let certificates: CertificateKeeper?
  /// What was read at the start alone.
  private let started: GatewaySettings
  private let state: Mutex<State>

  /// - Parameters:
  ///   - compiled: what the file said at the start, which is in force on `desk`.
  ///   - certificates: shown by the listener with TLS, if there is one.
  init(
    _ file: String, _ compiled: CompiledPolicy, desk: AccessDesk, certificates: CertificateKeeper?
  ) {
    self.file = file
    self.desk = desk
    self.certificates = certificates
    started = compiled.settings
    state = Mutex(State(inForce: compiled, watched: [file] + compiled.files))
  }

  /// From now on changes are taken, and show in the metrics and the log. Until then everything that
  /// is being opened goes by what the file said at the start.
  ///
  /// - Parameters:
  ///   - issuers: asks the issuers of each configuration that is taken.
  ///   - audit: learns what is taken and what is refused.
  ///   - isTaken: called with each policy that comes into force; blocks for nothing.
  func report(
    to metrics: PolicyMetrics, _ log: LogWriter, issuers: IssuerService, audit: AuditTrail?,
    isTaken: @escaping @Sendable (TenancyPolicy) -> Void
  ) {
    let inForce = state.withLock { state in
      state.report = Report(
        metrics: metrics, log: log, issuers: issuers, audit: audit, isTaken: isTaken)
      return state.inForce
    }
    metrics.generation.set(Int(desk.generation))
    log.log(.info, "policy in force", Self.facts(inForce, desk.generation))
    Self.warn(inForce, log)
  }

  /// Looks whether the files have changed. Blocks for reading and compiling. Changes nothing before
  /// `report`.
  ///
  /// - Parameter isAsked: read them whether they have changed or not.
  func look(at now: UnixTime, isAsked: Bool) {
    state.withLock { state in
      // Who asks the issuers and who keeps the events would not learn of it: half of a policy would
      // be in force. `seen` stays empty, so that the first look afterwards reads everything, also
      // for whoever has asked meanwhile.
      guard let report = state.report else { return }
      let facts = state.watched.map { try? FileAccess.facts(of: $0) }
      let isDue = state.nextTry.map { $0 <= now } ?? false
      guard isAsked || isDue || facts != state.seen else { return }
      // Before they are read: what is written meanwhile is found at the next look.
      state.seen = facts
      state.nextTry = nil
      do throws(CommandFault) {
        try take(&state, report, at: now, isAsked: isAsked)
        state.isRefused = false
      } catch {
        state.isRefused = true
        report.metrics.refused.add()
        report.log.log(
          .error, "policy refused, the one in force stays", ["fault": .text(error.message)])
        report.audit?.policyRefused(error.message, at: now)
      }
    }
  }

  private func take(
    _ state: inout State, _ report: Report, at now: UnixTime, isAsked: Bool
  ) throws(CommandFault) {
    let files = NamedFiles()
    let compiled = try compile(&state, report, noting: files)
    guard compiled.version != state.inForce.version else {
      // Secrets that it refers to may have changed, and a revocation of all that a subject was
      // given until now means another instant than before: open streams are looked at for it.
      let revocations = desk.current.verifier.revocations
      let revoked = revocations.generation
      try report.issuers.take(compiled)
      if revocations.generation != revoked { desk.take() }
      if state.isRefused {
        report.log.log(.info, "the file says again what is in force")
      } else if isAsked {
        report.log.log(.info, "policy unchanged")
      }
      return
    }
    if let failure = compiled.failedTests(in: file, at: now).first {
      throw CommandFault(.badSettings, failure)
    }
    // All that can fail comes before anything is in force.
    try report.issuers.check(compiled)
    try showCertificates(of: compiled, &state, noting: files, at: now)
    try report.issuers.take(compiled)
    let keepsKeys = compiled.issuersVersion == state.inForce.issuersVersion
    let generation = desk.take(
      verifier: keepsKeys ? nil : compiled.verifier, policy: compiled.policy,
      issuers: compiled.authorizationServers, crossOrigin: compiled.crossOrigin())
    report.isTaken(compiled.policy)
    let later = compiled.settings.keysThatWait(since: started)
    state.inForce = compiled
    report.metrics.taken.add()
    report.metrics.generation.set(Int(generation))
    report.log.log(.info, "policy taken", Self.facts(compiled, generation))
    Self.warn(compiled, report.log)
    report.audit?.policyTaken(compiled.version, from: generation, at: now)
    if !later.isEmpty {
      report.log.log(
        .warning, "settings differ that take effect at the next start",
        ["keys": .text(later.joined(separator: ", "))])
    }
  }

  /// Reads the file. What is refused is tried again when one of the files that it names changes.
  private func compile(
    _ state: inout State, _ report: Report, noting files: NamedFiles
  ) throws(CommandFault) -> CompiledPolicy {
    defer { watch(files, &state) }
    return try CompiledPolicy(
      file: file, generation: desk.nextGeneration(),
      keeping: KnownIdentities(
        keys: report.issuers.keys, revocations: desk.current.verifier.revocations),
      noting: files)
  }

  /// Has the certificates shown that the file names. What is refused for them is tried again when
  /// one of their files changes, too, or they are valid that are not yet. Once they are shown,
  /// their keeper alone watches them.
  private func showCertificates(
    of compiled: CompiledPolicy, _ state: inout State, noting files: NamedFiles, at now: UnixTime
  ) throws(CommandFault) {
    guard let listener = compiled.settings.https, let certificates else { return }
    // Before they are read.
    for path in certificates.paths(of: listener) { files.note(path) }
    do throws(CommandFault) {
      try certificates.follow(listener, at: now)
    } catch {
      watch(files, &state)
      state.nextTry = certificates.begin(of: listener, after: now)
      throw error
    }
  }

  private func watch(_ files: NamedFiles, _ state: inout State) {
    state.watched = [file] + files.paths
    // The file itself as it was before the attempt.
    state.seen = Array(state.seen.prefix(1)) + files.facts
  }

  private static func warn(_ compiled: CompiledPolicy, _ log: LogWriter) {
    for warning in compiled.warnings {
      log.log(.warning, "a setting has no effect", ["warning": .text(warning)])
    }
  }

  private static func facts(
    _ compiled: CompiledPolicy, _ generation: UInt64
  ) -> KeyValuePairs<StaticString, LogValue> {
    [
      "generation": .integer(Int(generation)), "version": .text(compiled.version.hexadecimal),
      "issuers": .integer(compiled.issuers.count),
      "mappings": .integer(compiled.settings.mappings.count),
      "tenants": .integer(compiled.settings.tenants.count),
    ]
  }
}

extension GatewaySettings {
  /// The keys whose values differ from `earlier` and are read at the start alone.
  fileprivate func keysThatWait(since earlier: GatewaySettings) -> [String] {
    var keys: [String] = []
    if http != earlier.http { keys.append("listen.http") }
    if https?.listener != earlier.https?.listener { keys.append("listen.https") }
    if management != earlier.management { keys.append("listen.management") }
    if forwarded != earlier.forwarded { keys.append("forwarded") }
    if data != earlier.data { keys.append("data") }
    if publicURL != earlier.publicURL { keys.append("publicURL") }
    if heartbeat != earlier.heartbeat { keys.append("streams.heartbeat") }
    if audit != earlier.audit { keys.append("audit") }
    return keys
  }
}
