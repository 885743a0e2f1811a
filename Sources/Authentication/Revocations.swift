public import Bytes
import Synchronization

/// All revocations of a process: those of the configuration and those that operators have added.
/// Shared by all loops, which notice a change by one atomic load.
public final class Revocations: Sendable {
  private struct State {
    var configured: [Revocation]
    var added: [Revocation] = []
    var index: RevocationIndex

    mutating func rebuild() { index = RevocationIndex(configured + added) }
    var isEmpty: Bool { configured.isEmpty && added.isEmpty }
  }

  /// Revocations that operators have added and that are in force at once: some 200 B each.
  public static let most = 10_000

  private let changes = Atomic<UInt64>(0)
  /// Whether any is in force: else no token has to be looked for, nor the lock taken.
  private let isEmpty: Atomic<Bool>
  private let state: Mutex<State>

  /// - Parameter configured: those that the configuration lists; they stay until it changes.
  public init(configured: [Revocation] = []) {
    state = Mutex(State(configured: configured, index: RevocationIndex(configured)))
    isEmpty = Atomic(configured.isEmpty)
  }

  /// Puts a change of the state in force. Under its lock.
  private func rebuild(_ state: inout State) {
    state.rebuild()
    isEmpty.store(state.isEmpty, ordering: .releasing)
    changes.add(1, ordering: .releasing)
  }

  /// How often they have changed.
  public var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// Those that operators have added and that are in force at `now`, oldest first.
  public func added(at now: UnixTime) -> [Revocation] {
    state.withLock { state in state.added.filter { Self.isInForce($0, at: now) } }
  }

  /// Those of the configuration.
  public var configured: [Revocation] { state.withLock { $0.configured } }

  /// The configuration lists these now.
  public func configure(_ revocations: [Revocation]) {
    state.withLock { state in
      guard state.configured != revocations else { return }
      state.configured = revocations
      rebuild(&state)
    }
  }

  /// Puts more in force, from the return on; one about the same target replaces the earlier one
  /// unless it would let more through. Expired ones are forgotten on the way.
  ///
  /// - Returns: false, with nothing changed, when more than `most` would be in force.
  public func add(_ revocations: [Revocation], at now: UnixTime) -> Bool {
    state.withLock { state in
      var kept = state.added.filter { Self.isInForce($0, at: now) }
      for revocation in revocations {
        if let place = kept.firstIndex(where: revocation.isAbout) {
          kept[place] = revocation.stricter(than: kept[place])
        } else {
          kept.append(revocation)
        }
      }
      guard kept.count <= Self.most else { return false }
      state.added = kept
      rebuild(&state)
      return true
    }
  }

  /// Takes one back that an operator has added: from the return on it refuses nothing.
  ///
  /// - Returns: what was in force; nil, with nothing changed, when none about that target was.
  public func remove(_ target: Revocation.Target, of issuer: ByteSlice, at now: UnixTime)
    -> Revocation?
  {
    let sought = Revocation(issuer: issuer, target: target, expires: nil)
    return state.withLock { state in
      guard let place = state.added.firstIndex(where: sought.isAbout),
        Self.isInForce(state.added[place], at: now)
      else { return nil }
      let removed = state.added.remove(at: place)
      rebuild(&state)
      return removed
    }
  }

  /// Whether the configuration lists one about that target, which no call takes back.
  public func isConfigured(_ target: Revocation.Target, of issuer: ByteSlice) -> Bool {
    let sought = Revocation(issuer: issuer, target: target, expires: nil)
    return state.withLock { $0.configured.contains(where: sought.isAbout) }
  }

  private static func isInForce(_ revocation: Revocation, at now: UnixTime) -> Bool {
    revocation.expires.map { now < $0 } ?? true
  }

  /// Whether the token is one of those that are not believed any more.
  func refuses(_ token: VerifiedToken) -> Bool {
    guard !isEmpty.load(ordering: .acquiring) else { return false }
    return refuses(
      issuer: token.issuerID, keyID: token.keyID, tokenID: token.tokenID, subject: token.subject,
      issuedAt: token.issuedAt)
  }

  func refuses(
    issuer: ByteSlice, keyID: ByteSlice?, tokenID: ByteSlice?, subject: ByteSlice?,
    issuedAt: UnixTime?
  ) -> Bool {
    state.withLock { state in
      state.index.refuses(
        issuer: issuer, keyID: keyID, tokenID: tokenID, subject: subject, issuedAt: issuedAt)
    }
  }
}

extension Revocation {
  /// The one of two about the same target that refuses more, for longer.
  fileprivate func stricter(than other: Revocation) -> Revocation {
    var target = self.target
    if case .subject(let subject, let before) = target,
      case .subject(_, let otherBefore) = other.target
    {
      target = .subject(subject, before: max(before, otherBefore))
    }
    var expires: UnixTime?
    if let mine = self.expires, let theirs = other.expires { expires = max(mine, theirs) }
    return Revocation(issuer: issuer, target: target, expires: expires)
  }
}
