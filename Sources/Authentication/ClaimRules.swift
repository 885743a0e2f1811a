import Bytes
import JSONText

/// The registered claims of a token that has passed every rule about them.
struct RegisteredClaims {
  let subject: ByteSlice?
  let tokenID: ByteSlice?
  let issuedAt: UnixTime?
  let notBefore: UnixTime?
  let expires: UnixTime
}

/// The rules a token's claims must keep (RFC 7519 §4.1, RFC 8725 §3), in the order of their duty: what
/// kind of token it is, for whom, and when.
enum ClaimRules {
  static func check(
    _ document: JSONDocument, against profile: IssuerProfile, at now: UnixTime
  ) throws(TokenRefusal) -> RegisteredClaims {
    let claims = document.root
    guard claims["iss"]?.string == profile.issuer else { throw .issuer }
    try checkKind(claims)
    try checkAudience(claims, profile)
    let registered = RegisteredClaims(
      subject: try text(claims["sub"], .sub), tokenID: try text(claims["jti"], .jti),
      issuedAt: try instant(claims["iat"], .iat), notBefore: try instant(claims["nbf"], .nbf),
      expires: try expiry(claims))
    try checkTimes(registered, profile, now)
    for (index, condition) in profile.requirements.enumerated()
    where !condition.holds(in: document) {
      throw .requirement(index)
    }
    return registered
  }

  /// Refuses what the issuer signed for another purpose: bound tokens without their proof, and ID,
  /// refresh and logout tokens by the marks that providers put into them.
  private static func checkKind(_ claims: JSONNode) throws(TokenRefusal) {
    guard claims["cnf"] == nil else { throw .bound }
    // OpenID Connect Core §3.1.3.6 and §3.3.2.11: hashes that only ID tokens carry.
    guard claims["at_hash"] == nil, claims["c_hash"] == nil else { throw .notForAccess }
    // Keycloak writes the kind into the claims.
    if let kind = claims["typ"]?.string {
      for other in otherKinds where kind.equalsIgnoringCase(other) { throw .notForAccess }
    }
    // Cognito likewise.
    if let use = claims["token_use"]?.string, !use.equals("access") { throw .notForAccess }
    // OpenID Connect Back-Channel Logout §2.4, and security event tokens (RFC 8417 §2.2).
    guard claims["events"] == nil else { throw .notForAccess }
  }

  private static let otherKinds: [StaticString] = [
    "id", "refresh", "offline", "logout", "initial-access-token", "registration-access-token",
  ]

  private static func checkAudience(
    _ claims: JSONNode, _ profile: IssuerProfile
  ) throws(TokenRefusal) {
    guard let audience = claims["aud"] else { throw .claim(.aud) }
    if let single = audience.string {
      guard profile.audiences.contains(single) else { throw .audience }
      return
    }
    guard audience.kind == .array else { throw .claim(.aud) }
    var isOurs = false
    for element in audience.elements {
      guard let name = element.string else { throw .claim(.aud) }
      isOurs = isOurs || profile.audiences.contains(name)
    }
    guard isOurs else { throw .audience }
  }

  private static func checkTimes(
    _ claims: RegisteredClaims, _ profile: IssuerProfile, _ now: UnixTime
  ) throws(TokenRefusal) {
    let skew = profile.clockSkew
    guard now < claims.expires + skew else { throw .expired }
    if let notBefore = claims.notBefore, notBefore > now + skew { throw .notYetValid }
    if let issuedAt = claims.issuedAt, issuedAt > now + skew { throw .issuedAhead }
    if let longest = profile.maxLifetime {
      guard let issuedAt = claims.issuedAt else { throw .claim(.iat) }
      guard claims.expires - issuedAt <= longest else { throw .lifetime }
    }
  }

  private static func expiry(_ claims: JSONNode) throws(TokenRefusal) -> UnixTime {
    guard let expires = try instant(claims["exp"], .exp) else { throw .claim(.exp) }
    return expires
  }

  private static func text(
    _ node: JSONNode?, _ claim: TokenRefusal.Claim
  ) throws(TokenRefusal) -> ByteSlice? {
    guard let node else { return nil }
    guard let text = node.string else { throw .claim(claim) }
    return text
  }

  /// A NumericDate (RFC 7519 §2): a number of seconds from 0 to 2⁵³, fractions allowed.
  private static func instant(
    _ node: JSONNode?, _ claim: TokenRefusal.Claim
  ) throws(TokenRefusal) -> UnixTime? {
    guard let node else { return nil }
    if let seconds = node.integer {
      guard seconds >= 0, seconds <= 1 << 53 else { throw .claim(claim) }
      return UnixTime.epoch + .seconds(min(seconds, latestSecond))
    }
    guard let seconds = node.number?.asDouble, seconds >= 0, seconds <= 0x1p53 else {
      throw .claim(claim)
    }
    guard seconds < Double(latestSecond) else { return .distantFuture }
    return UnixTime(nanoseconds: Int64(seconds * 1e9))
  }

  /// The last whole second that a `UnixTime` can hold; later expiries mean the same.
  private static let latestSecond: Int64 = .max / 1_000_000_000
}

extension UnixTime {
  fileprivate static let epoch = UnixTime(nanoseconds: 0)
}
