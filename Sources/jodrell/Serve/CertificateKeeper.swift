import Bytes
import Crypto
import Metrics
import Network
import Settings
import Synchronization

/// Keeps a TLS listener's certificates as their files say, while it listens: changed files are
/// taken when all of them are good together, and otherwise what is in use stays. New connections
/// meet the new certificates, open ones live on.
///
/// The thread for looks looks; any thread may.
final class CertificateKeeper: Sendable {
  private struct State {
    /// What the configuration in force says; its address stays that of the start.
    var listener: SecureListener
    /// What is in use.
    var files: CertificateFiles
    /// The files at the last attempt, good or bad: a bad one is not tried over and over…
    var seen: [FileFacts?]
    /// … but once more when certificates are valid that were refused because they were not yet.
    var nextTry: UnixTime?
    /// When session tickets were last given new keys.
    var renewed: UnixTime
    /// When the log was last told about ends that come near.
    var warned: UnixTime?
    var report: (metrics: TLSMetrics, log: LogWriter)?
  }

  /// Where the certificates are shown.
  let address: ListenerSettings
  let door: TLSDoor
  private let directory: String
  private let state: Mutex<State>

  /// After so long session tickets are sealed with new keys: whoever steals a key opens no more
  /// than this (RFC 9325 §3.4).
  private static let ticketLife = TimeSpan.seconds(12 * 3600)
  /// Between two warnings about the same end.
  private static let warningPause = TimeSpan.seconds(24 * 3600)

  init(
    _ listener: SecureListener, in directory: String, at now: UnixTime
  ) throws(CommandFault) {
    address = listener.listener
    self.directory = directory
    let seen = Self.facts(listener, directory)
    do throws(SettingsFault) {
      let files = try CertificateFiles(listener, in: directory, at: now)
      door = TLSDoor(files.server)
      state = Mutex(State(listener: listener, files: files, seen: seen, renewed: now))
    } catch {
      throw CommandFault(.badSettings, error.text)
    }
  }

  /// What is in use.
  var certificates: [CertificateFiles.Certificate] { state.withLock { $0.files.certificates } }

  /// From now on changes and ends show in the metrics and the log.
  func report(to metrics: TLSMetrics, _ log: LogWriter, at now: UnixTime) {
    state.withLock { state in
      state.report = (metrics, log)
      Self.show(state)
      warn(&state, at: now)
    }
  }

  /// Looks whether the files have changed, or an end comes near. Blocks for reading.
  ///
  /// - Parameter isAsked: read them whether they have changed or not.
  func look(at now: UnixTime, isAsked: Bool) {
    state.withLock { state in
      let facts = Self.facts(state.listener, directory)
      let isDue = state.nextTry.map { $0 <= now } ?? false
      if isAsked || isDue || facts != state.seen {
        state.seen = facts
        take(&state, at: now)
      }
      if now - state.renewed > Self.ticketLife { renewTickets(&state, at: now) }
      warn(&state, at: now)
    }
  }

  /// Another configuration names these files, if they are others: from the return on they are shown
  /// to new connections. Throws, with those in use still there, unless all of them are good. Its
  /// address is not looked at.
  func follow(_ listener: SecureListener, at now: UnixTime) throws(CommandFault) {
    do throws(SettingsFault) {
      try state.withLock { state throws(SettingsFault) in
        if listener.namesSameFiles(as: state.listener) {
          state.listener = listener
          return
        }
        let seen = Self.facts(listener, directory)
        let files = try CertificateFiles(listener, in: directory, at: now)
        for (index, new) in files.certificates.enumerated()
        where !new.validity.contains(now) {
          throw listener.pairs[index].node.fault(.invalid("\(new.name): not valid now"))
        }
        state.listener = listener
        state.seen = seen
        put(files, &state, at: now)
      }
    } catch {
      throw CommandFault(.badSettings, error.text)
    }
  }

  /// The files that another configuration names, for whoever watches them until it is followed.
  func paths(of listener: SecureListener) -> [String] { Self.paths(listener, directory) }

  /// When another configuration's certificates are all valid that are not yet; nil where time alone
  /// makes none of them good. Blocks for reading.
  func begin(of listener: SecureListener, after now: UnixTime) -> UnixTime? {
    guard let files = try? CertificateFiles(listener, in: directory, at: now) else { return nil }
    return files.certificates.map(\.validity.lowerBound).filter { now < $0 }.max()
  }

  private func take(_ state: inout State, at now: UnixTime) {
    state.nextTry = nil
    do throws(SettingsFault) {
      let files = try CertificateFiles(state.listener, in: directory, at: now)
      var fault: SettingsFault?
      for (index, new) in files.certificates.enumerated()
      where !new.validity.contains(now) && state.files.certificates[index].validity.contains(now) {
        let begins = new.validity.lowerBound
        if now < begins { state.nextTry = max(state.nextTry ?? begins, begins) }
        if fault != nil { continue }
        fault = state.listener.pairs[index].node.fault(
          .invalid("\(new.name): not valid now, and the one in use is"))
      }
      if let fault { throw fault }
      put(files, &state, at: now)
    } catch {
      state.report?.metrics.failedReloads.add()
      state.report?.log.log(
        .error, "certificates refused, those in use stay", ["fault": .text(error.text)])
    }
  }

  private func put(_ files: CertificateFiles, _ state: inout State, at now: UnixTime) {
    door.replace(by: files.server)
    state.files = files
    state.nextTry = nil
    state.renewed = now
    state.warned = nil
    state.report?.metrics.reloads.add()
    state.report?.log.log(
      .info, "certificates taken",
      ["certificates": .integer(files.certificates.count), "until": .text(Self.end(state))])
    Self.show(state)
  }

  /// What is in use goes on with fresh keys for tickets; without memory for that, the next look
  /// tries again.
  private func renewTickets(_ state: inout State, at now: UnixTime) {
    do throws(TLSFault) {
      try state.files.renewTickets()
    } catch {
      return
    }
    door.replace(by: state.files.server)
    state.renewed = now
  }

  private func warn(_ state: inout State, at now: UnixTime) {
    guard let log = state.report?.log else { return }
    if let warned = state.warned, now - warned < Self.warningPause { return }
    for certificate in state.files.certificates {
      let end = certificate.validity.upperBound
      let facts: KeyValuePairs<StaticString, LogValue> = [
        "certificate": .text(certificate.name), "until": .text(end.rfc3339),
      ]
      if end < now {
        log.log(.error, "certificate has ended", facts)
        state.warned = now
      } else if end - now < state.listener.expiryWarning {
        log.log(.warning, "certificate ends soon", facts)
        state.warned = now
      }
      if let most = state.listener.maxKeyAge, now - certificate.keySince > most {
        log.log(.warning, "key is older than maxKeyAge", facts)
        state.warned = now
      }
    }
  }

  private static func show(_ state: State) {
    state.report?.metrics.use(
      state.files.certificates.map { (ByteSlice(utf8: $0.name), $0.validity.upperBound) })
  }

  /// When the first one ends.
  private static func end(_ state: State) -> String {
    state.files.certificates.map(\.validity.upperBound).min()?.rfc3339 ?? ""
  }

  private static func facts(_ listener: SecureListener, _ directory: String) -> [FileFacts?] {
    paths(listener, directory).map { try? FileAccess.facts(of: $0) }
  }

  private static func paths(_ listener: SecureListener, _ directory: String) -> [String] {
    var paths = listener.pairs.flatMap { [$0.certificate, $0.key] }
    if let authority = listener.clientCA { paths.append(authority.path) }
    return paths.map { FileAccess.resolve($0, from: directory) }
  }
}
