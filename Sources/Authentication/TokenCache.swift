public import Bytes
public import Crypto

/// The tokens a loop has verified lately, found by all their bytes, signature included.
///
/// Owned by one loop. Bounded: see `AssociativeTable`; a token's place is chosen by its last bytes,
/// those of a signature or of what else its issuer makes of chance. Only verified tokens are kept,
/// each until `exp` at the latest; a new generation of the verifier or a clock that steps back
/// (`clockIs`) empties the cache. After a change of an issuer's keys or of the revocations each
/// token has to pass those once more, so that a token of a key that is gone, or a revoked one, is
/// never found again. A hit costs one comparison, which takes the same time wherever two tokens
/// differ; only a miss is digested.
public final class TokenCache {
  /// What the cache knows of a token.
  public enum Finding {
    case known(VerifiedToken)
    /// Not verified yet, or not any more: its digest, for `verify`.
    case unknown(Digest)
  }

  fileprivate struct Slot {
    /// The whole token, in storage of its own.
    let text: ByteSlice
    var standing: TokenStanding
  }

  /// So many of a token's last bytes tell it from others. Of tokens that have them all in common
  /// sixteen are remembered.
  private static let hashedBytes = 64
  /// A clock that steps back by more than this is not the jitter of a slewed one.
  private static let toleratedStepBack: TimeSpan = .seconds(1)

  private let digests = DigestContext()
  private let reader = TokenReader()
  private var slots: AssociativeTable<Slot>
  private var generation: UInt64 = 0
  /// The latest that `clockIs` has been told.
  private var latest = UnixTime(nanoseconds: .min)
  /// How often it has been emptied.
  private var era: UInt64 = 0
  /// Tokens in the cache.
  public var count: Int { slots.count }

  /// Places for at least `capacity` tokens, rounded up to a power of two. A token takes as much
  /// memory as its text, its claims and their token table: with its scope about 2.5 KiB for usual
  /// tokens, 48 KiB for the longest (docs/limits.md).
  public init(capacity: Int = 32_768) { slots = AssociativeTable(capacity: capacity) }

  /// The token if it was verified before and still holds; else what `verify` wants to know. What
  /// its presenter proves is for `verifier` to say anew with each request.
  public func find(
    _ token: ByteSlice, presentedBy presentation: Presentation = .bare,
    for verifier: TokenVerifier, at now: UnixTime
  ) throws(TokenRefusal) -> Finding {
    let finding = try recall(token, for: verifier, at: now)
    if case .known(let found) = finding { try found.check(presentation) }
    return finding
  }

  /// The same, whoever presents it: to tell whose token it is, not to let anybody in.
  public func recall(
    _ token: ByteSlice, for verifier: TokenVerifier, at now: UnixTime
  ) throws(TokenRefusal) -> Finding {
    guard token.count <= TokenLimits.bytes else { throw .tooLarge(bytes: token.count) }
    prepare(for: verifier.generation)
    guard
      let index = slots.find(
        Self.hash(of: token), where: { ConstantTime.equals($0.text, token) })
    else { return .unknown(digests.sha256(token)) }
    let (found, holds) = slots.update(at: index) { slot in
      (slot.standing.token, slot.standing.holds(at: now, under: verifier.revocations))
    }
    if holds { return .known(found) }
    slots.remove(at: index)
    return .unknown(found.digest)
  }

  /// What somebody keeps of a token that the cache knows, to ask `holds` the next time. Owned by
  /// the cache's loop.
  public struct Kept {
    private let text: ByteSlice
    fileprivate var standing: TokenStanding
    fileprivate let era: UInt64
    private let isBound: Bool

    fileprivate init(_ slot: Slot, era: UInt64) {
      text = slot.text
      standing = slot.standing
      isBound = slot.standing.token.isBound
      self.era = era
    }

    /// Whether a token is this one; takes the same time wherever they differ.
    public func isOf(_ token: ByteSlice) -> Bool { ConstantTime.equals(text, token) }

    /// Whether its presenter has proved what it asks for.
    public func isProved(by presentation: @autoclosure () -> Presentation) -> Bool {
      if !isBound { return true }
      return (try? standing.token.check(presentation())) != nil
    }
  }

  /// A token that `find` has just told, to be kept at hand; it shares the cache's memory. Nil where
  /// the cache does not have it.
  public func kept(_ token: ByteSlice) -> Kept? {
    slots.find(Self.hash(of: token)) { $0.text == token }.map { Kept(slots[$0], era: era) }
  }

  /// Whether a token would still be found, had nothing else taken its place. What its presenter
  /// proves is not asked here, nor is it marked as used.
  public func holds(
    _ kept: inout Kept, for verifier: TokenVerifier, at now: UnixTime
  ) -> Bool {
    prepare(for: verifier.generation)
    return kept.era == era && kept.standing.holds(at: now, under: verifier.revocations)
  }

  /// Verifies a token that `find` did not know, and remembers it.
  public func verify(
    _ token: ByteSlice, digest: Digest, presentedBy presentation: Presentation = .bare,
    with verifier: TokenVerifier, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    let verified = try verifier.verify(
      token, digest: digest, presentedBy: presentation, at: now, by: reader)
    keep(verified, as: token, at: now)
    return verified
  }

  /// Forgets every token.
  public func removeAll() {
    slots.removeAll()
    era += 1
  }

  /// What the clock says. A look-up's own time does not tell that it has stepped back: that may be
  /// the time of a request that came a while ago.
  public func clockIs(_ now: UnixTime) {
    if now + Self.toleratedStepBack < latest {
      removeAll()
      latest = now
    } else {
      latest = max(latest, now)
    }
  }

  private func prepare(for generation: UInt64) {
    guard generation != self.generation else { return }
    removeAll()
    self.generation = generation
  }

  /// Remembers a token that was verified in another way, too: by its introspection, or as an API
  /// key.
  ///
  /// - Parameter text: what `find` will be asked for.
  public func keep(_ token: VerifiedToken, as text: ByteSlice, at now: UnixTime) {
    guard token.freshness.contains(now) else { return }
    let slot = Slot(
      text: ByteSlice(copying: text.span), standing: TokenStanding(token))
    slots.put(slot, Self.hash(of: text)) { $0.text == text }
  }

  /// By what a token is looked for.
  public static func hash(of token: ByteSlice) -> UInt64 {
    token.place(ofLast: hashedBytes, seed: 0)
  }
}
