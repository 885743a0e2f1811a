import Authentication
import Bytes
import Crypto
import Gateway
import Metrics
import Network
import Settings
import Synchronization

/// Keeps the policy as its file says while the gateway serves: parse, compile, run the embedded
/// tests, and only then put it in force, whole. What is wrong is logged with its place, and what is
/// in force stays.
///
/// The thread of the signals looks; any thread may.
final class PolicyKeeper: Sendable {
  private struct State {
    var inForce: CompiledPolicy
    /// The file and the key files at the last attempt, good or bad: a bad one is not tried over and
    /// over.
    var seen: [FileFacts?] = []
    var watched: [String]
    var report: (metrics: PolicyMetrics, log: LogWriter, issuers: IssuerService)?
  }

  private let file: String
  private let desk: AccessDesk
  private let state: Mutex<State>

  /// - Parameter compiled: what the file said at the start, which is in force on `desk`.
  init(_ file: String, _ compiled: CompiledPolicy, desk: AccessDesk) {
    self.file = file
    self.desk = desk
    state = Mutex(State(inForce: compiled, watched: [file] + compiled.files))
  }

  /// From now on changes show in the metrics and the log.
  ///
  /// - Parameter issuers: asks the issuers of each configuration that is taken.
  func report(to metrics: PolicyMetrics, _ log: LogWriter, issuers: IssuerService) {
    state.withLock { $0.report = (metrics, log, issuers) }
    metrics.generation.set(Int(desk.generation))
  }

  /// Looks whether the files have changed. Blocks for reading and compiling.
  ///
  /// - Parameter isAsked: read them whether they have changed or not.
  func look(at now: UnixTime, isAsked: Bool) {
    state.withLock { state in
      let facts = state.watched.map { try? FileAccess.facts(of: $0) }
      guard isAsked || facts != state.seen else { return }
      // Before they are read: what is written meanwhile is found at the next look.
      state.seen = facts
      do throws(CommandFault) {
        try take(&state, at: now, isAsked: isAsked)
      } catch {
        state.report?.metrics.refused.add()
        state.report?.log.log(
          .error, "policy refused, the one in force stays", ["fault": .text(error.message)])
      }
    }
  }

  private func take(_ state: inout State, at now: UnixTime, isAsked: Bool) throws(CommandFault) {
    let compiled = try CompiledPolicy(
      file: file, generation: desk.nextGeneration(),
      keeping: KnownIdentities(
        keys: state.report?.issuers.keys, revocations: desk.current.verifier.revocations))
    let watched = [file] + compiled.files
    if watched != state.watched {
      state.watched = watched
      state.seen = []
    }
    guard compiled.version != state.inForce.version else {
      guard isAsked else { return }
      // Secrets that it refers to may have changed.
      try state.report?.issuers.take(compiled)
      state.report?.log.log(.info, "policy unchanged")
      return
    }
    if let failure = compiled.failedTests(in: file, at: now).first {
      throw CommandFault(.badSettings, failure)
    }
    try state.report?.issuers.take(compiled)
    let keepsKeys = compiled.issuersVersion == state.inForce.issuersVersion
    let generation = desk.take(
      verifier: keepsKeys ? nil : compiled.verifier, policy: compiled.policy,
      issuers: compiled.authorizationServers)
    let later = compiled.settings.keysThatWait(since: state.inForce.settings)
    state.inForce = compiled
    state.report?.metrics.taken.add()
    state.report?.metrics.generation.set(Int(generation))
    state.report?.log.log(
      .info, "policy taken",
      [
        "generation": .integer(Int(generation)), "version": .text(compiled.version.hexadecimal),
        "issuers": .integer(compiled.issuers.count),
        "mappings": .integer(compiled.settings.mappings.count),
        "tenants": .integer(compiled.settings.tenants.count), "keysKept": .boolean(keepsKeys),
      ])
    if !later.isEmpty {
      state.report?.log.log(
        .warning, "settings changed that take effect at the next start",
        ["keys": .text(later.joined(separator: ", "))])
    }
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
