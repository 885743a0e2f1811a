public import Authentication

/// The scopes a loop has made lately, found by the verified token they belong to: the walk over the
/// mappings is spared for tokens that the loop's token cache knows.
///
/// Owned by one loop. Bounded: each token has one place, and the latest comer takes it. A scope of
/// an older policy is never returned; refusals are not kept.
public final class ScopeCache {
  private struct Entry {
    /// Kept alive, so that its identity stays its own.
    let token: VerifiedToken
    let selecting: Name?
    let scope: TenantScope
  }

  private var entries: [Entry?]
  private let mask: UInt

  /// Room for at least `capacity` scopes, rounded up to a power of two.
  public init(capacity: Int = 4096) {
    var places = 1
    while places < capacity { places *= 2 }
    entries = Array(repeating: nil, count: places)
    mask = UInt(places - 1)
  }

  /// `policy.scope(of:selecting:)`, or what it said before. Allocates nothing when it is known.
  public func scope(
    of token: VerifiedToken, selecting: Name? = nil, under policy: TenancyPolicy
  ) throws(TenancyRefusal) -> TenantScope {
    let place = self.place(of: token)
    if let entry = entries[place], entry.token.identity == token.identity,
      entry.scope.generation == policy.generation, entry.selecting == selecting
    {
      return entry.scope
    }
    let scope = try policy.scope(of: token, selecting: selecting)
    entries[place] = Entry(token: token, selecting: selecting?.detached, scope: scope)
    return scope
  }

  /// Identities are addresses: close together and even. The multiplication spreads them.
  private func place(of token: VerifiedToken) -> Int {
    let address = UInt(bitPattern: token.identity)
    return Int((address &* 0x9E37_79B9_7F4A_7C15) >> 32 & mask)
  }
}
