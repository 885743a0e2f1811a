public import Bytes
public import Crypto

/// The tokens a loop has verified lately, found by the SHA-256 of the whole token, signature
/// included.
///
/// Owned by one loop. Bounded: a token has eight places, chosen by its digest, and takes the one
/// that went unused for longest. Only verified tokens are kept, each until `exp` at the latest; a
/// new generation of the verifier or a clock that steps back empties the cache. After a change of
/// an issuer's keys or of the revocations each token has to pass those once more, so that a token
/// of a key that is gone, or a revoked one, is never found again. A hit costs the digest, or
/// less: see `DigestMemo`.
public final class TokenCache {
  /// What the cache knows of a token.
  public enum Finding {
    case known(VerifiedToken)
    /// Not verified yet, or not any more: its digest, for `verify`.
    case unknown(Digest)
  }

  private struct Slot {
    /// A word of the token's digest, to pass by other tokens without a look into their memory.
    let tag: UInt64
    let token: VerifiedToken
    /// The states of its issuer's keys and of the revocations that it has passed.
    var keys: UInt64
    var revocations: UInt64
    /// The lookup that used the slot last.
    var lastUse: UInt64
  }

  /// Places in a set, all of which a lookup compares.
  private static let ways = 8
  /// A clock that steps back by more than this is not the jitter of a slewed one.
  private static let toleratedStepBack: TimeSpan = .seconds(1)

  private let digests = DigestContext()
  private let reader = TokenReader()
  private var memo = DigestMemo()
  private var slots: [Slot?]
  private let setMask: UInt64
  private var generation: UInt64 = 0
  private var lookups: UInt64 = 0
  private var latest = UnixTime(nanoseconds: .min)
  /// Tokens in the cache.
  public private(set) var count = 0

  /// Room for at least `capacity` tokens, rounded up to a power of two. A token takes as much
  /// memory as its claims and their token table: with its scope about 2 KiB for usual tokens,
  /// 40 KiB for the longest (docs/limits.md).
  public init(capacity: Int = 32_768) {
    var sets = 1
    while sets * Self.ways < capacity { sets *= 2 }
    slots = Array(repeating: nil, count: sets * Self.ways)
    setMask = UInt64(sets - 1)
  }

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
    prepare(for: verifier.generation, at: now)
    let remembered = memo.digest(of: token)
    let digest = remembered ?? digests.sha256(token)
    let start = Int(digest.slot & setMask) * Self.ways
    lookups &+= 1
    for index in start..<(start + Self.ways) {
      guard let slot = slots[index], slot.tag == digest.slot, slot.token.digest == digest else {
        continue
      }
      let found = slot.token
      if found.isFresh(at: now), stillHolds(index, under: verifier.revocations) {
        slots[index]?.lastUse = lookups
        if remembered == nil { memo.keep(digest, of: token) }
        return .known(found)
      }
      slots[index] = nil
      count -= 1
      break
    }
    return .unknown(digest)
  }

  /// Verifies a token that `find` did not know, and remembers it.
  public func verify(
    _ token: ByteSlice, digest: Digest, presentedBy presentation: Presentation = .bare,
    with verifier: TokenVerifier, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    let verified = try verifier.verify(
      token, digest: digest, presentedBy: presentation, at: now, by: reader)
    keep(verified, at: now)
    return verified
  }

  /// Forgets every token.
  public func removeAll() {
    for index in slots.indices { slots[index] = nil }
    memo.removeAll()
    count = 0
  }

  private func prepare(for generation: UInt64, at now: UnixTime) {
    if generation != self.generation || now + Self.toleratedStepBack < latest {
      removeAll()
      self.generation = generation
      latest = now
    } else if now > latest {
      latest = now
    }
  }

  /// Whether the token of a slot passes the keys and revocations of now; costs two atomic loads
  /// while neither has changed.
  private func stillHolds(_ index: Int, under revocations: Revocations) -> Bool {
    guard let slot = slots[index] else { return false }
    let keys = slot.token.keyGeneration
    if slot.keys != keys {
      guard slot.token.isKeyCurrent else { return false }
      slots[index]?.keys = keys
    }
    let revoked = revocations.generation
    if slot.revocations != revoked {
      guard !revocations.refuses(slot.token) else { return false }
      slots[index]?.revocations = revoked
    }
    return true
  }

  /// Remembers a token that was verified in another way, too: by its introspection, or as an API
  /// key.
  public func keep(_ token: VerifiedToken, at now: UnixTime) {
    guard token.isFresh(at: now) else { return }
    let start = Int(token.digest.slot & setMask) * Self.ways
    var chosen = start
    var oldest = UInt64.max
    for index in start..<(start + Self.ways) {
      guard let slot = slots[index] else {
        chosen = index
        count += 1
        break
      }
      if slot.lastUse < oldest {
        oldest = slot.lastUse
        chosen = index
      }
    }
    slots[chosen] = Slot(
      tag: token.digest.slot, token: token, keys: token.passedKeys,
      revocations: token.passedRevocations, lastUse: lookups)
  }
}
