import Bytes

/// A verified token that is used again, and how far it has been held to what may have changed since
/// it was verified: its issuer's keys, the revocations and the time.
///
/// What is asked each time stands here and not in the token: of many tokens that take turns none
/// has its memory in a processor's cache. Owned by one loop.
struct TokenStanding {
  let token: VerifiedToken
  private let freshness: Range<UnixTime>
  private let issuer: IssuerKeys
  /// The states of its issuer's keys and of the revocations that it has passed.
  private var keys: UInt64
  private var revocations: UInt64

  init(_ token: VerifiedToken) {
    self.token = token
    freshness = token.freshness
    issuer = token.issuerKeys
    keys = token.passedKeys
    revocations = token.passedRevocations
  }

  /// Whether the token passes the clock, the keys and the revocations of now; costs two atomic
  /// loads while neither of these has changed.
  mutating func holds(at now: UnixTime, under revocations: Revocations) -> Bool {
    guard freshness.contains(now) else { return false }
    let keys = issuer.generation
    if self.keys != keys {
      guard token.isKeyCurrent else { return false }
      self.keys = keys
    }
    let revoked = revocations.generation
    if self.revocations != revoked {
      guard !revocations.refuses(token) else { return false }
      self.revocations = revoked
    }
    return true
  }
}
