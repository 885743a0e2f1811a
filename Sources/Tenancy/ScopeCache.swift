public import Authentication
public import Bytes

/// The scopes a loop has made lately, found by the verified token they belong to: the walk over the
/// mappings is spared for tokens that the loop's token cache knows.
///
/// Owned by one loop. Bounded: see `AssociativeTable`; a scope's place is chosen by its token's
/// identity. A scope of an older policy is never returned, nor one whose grants have begun or ended
/// since; refusals are not kept.
public final class ScopeCache {
  private struct Entry {
    /// The token's. The scope keeps the token alive, so that its identity stays its own.
    let identity: ObjectIdentifier
    let selecting: TenantSelection?
    let scope: TenantScope

    func isOf(_ token: VerifiedToken, _ selecting: TenantSelection?) -> Bool {
      identity == token.identity && self.selecting == selecting
    }
  }

  private var entries: AssociativeTable<Entry>

  /// Places for at least `capacity` scopes, rounded up to a power of two: as many as tokens.
  public init(capacity: Int = 32_768) { entries = AssociativeTable(capacity: capacity) }

  /// What the policy of this generation said of the token, if that is known and still holds.
  /// Allocates nothing.
  public func known(
    of token: VerifiedToken, selecting: TenantSelection?, generation: UInt64, at now: UnixTime
  ) -> TenantScope? {
    guard let index = index(of: token, selecting) else { return nil }
    let scope = entries[index].scope
    return scope.generation == generation && now < scope.changes ? scope : nil
  }

  /// `policy.scope(of:selecting:at:)`, or what it said before.
  public func scope(
    of token: VerifiedToken, selecting: TenantSelection? = nil, under policy: TenancyPolicy,
    at now: UnixTime
  ) throws(TenancyRefusal) -> TenantScope {
    if let known = known(of: token, selecting: selecting, generation: policy.generation, at: now) {
      return known
    }
    let scope = try policy.scope(of: token, selecting: selecting, at: now)
    let entry = Entry(
      identity: token.identity, selecting: selecting?.detached, scope: scope)
    entries.put(entry, Self.hash(of: token)) { $0.isOf(token, selecting) }
    return scope
  }

  private func index(of token: VerifiedToken, _ selecting: TenantSelection?) -> Int? {
    entries.find(Self.hash(of: token)) { $0.isOf(token, selecting) }
  }

  /// Identities are addresses: close together and even.
  private static func hash(of token: VerifiedToken) -> UInt64 {
    UInt64(UInt(bitPattern: token.identity)).spread
  }
}
