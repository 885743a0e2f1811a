public import Authentication
public import Bytes

/// The scopes a loop has made lately, found by the verified token they belong to: the walk over the
/// mappings is spared for tokens that the loop's token cache knows.
///
/// Owned by one loop. Bounded: a token has eight places, chosen by its identity, and when they are
/// taken the newcomer takes one of them in turn. A scope of an older policy is never returned,
/// nor one whose grants have begun or ended since; refusals are not kept.
public final class ScopeCache {
  /// A class: what is looked up is counted once, and not for each of its parts.
  private final class Entry {
    /// Kept alive, so that its identity stays its own.
    let token: VerifiedToken
    let selecting: TenantSelection?
    let scope: TenantScope

    init(token: VerifiedToken, selecting: TenantSelection?, scope: TenantScope) {
      self.token = token
      self.selecting = selecting
      self.scope = scope
    }

    func isOf(_ token: VerifiedToken, _ selecting: TenantSelection?) -> Bool {
      self.token.identity == token.identity && self.selecting == selecting
    }
  }

  private static let ways = 8

  private var entries: [Entry?]
  private let setMask: UInt
  /// Which of a full set's places goes next.
  private var turn = 0

  /// Room for at least `capacity` scopes, rounded up to a power of two: as many as tokens.
  public init(capacity: Int = 32_768) {
    var sets = 1
    while sets * Self.ways < capacity { sets *= 2 }
    entries = Array(repeating: nil, count: sets * Self.ways)
    setMask = UInt(sets - 1)
  }

  /// What the policy of this generation said of the token, if that is known and still holds.
  /// Allocates nothing.
  public func known(
    of token: VerifiedToken, selecting: TenantSelection?, generation: UInt64, at now: UnixTime
  ) -> TenantScope? {
    for place in places(of: token) {
      guard let entry = entries[place], entry.isOf(token, selecting) else { continue }
      let holds = entry.scope.generation == generation && now < entry.scope.changes
      return holds ? entry.scope : nil
    }
    return nil
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
    let places = places(of: token)
    let free = places.first { entries[$0].map { $0.isOf(token, selecting) } ?? true }
    turn = (turn + 1) % Self.ways
    entries[free ?? places.lowerBound + turn] = Entry(
      token: token, selecting: selecting?.detached, scope: scope)
    return scope
  }

  /// Identities are addresses: close together and even. The multiplication spreads them.
  private func places(of token: VerifiedToken) -> Range<Int> {
    let address = UInt(bitPattern: token.identity)
    let start = Int((address &* 0x9E37_79B9_7F4A_7C15) >> 32 & setMask) * Self.ways
    return start..<(start + Self.ways)
  }
}
