import Bytes
import JSONText

/// The claims that rules are about, found in one walk over the object; not judged yet. Where they
/// stand is kept, not what they are: most are looked at once, and a node costs references.
struct ClaimFields {
  let document: JSONDocument
  /// The tokens of their values; 0, which is the object itself, for those that are not there.
  private var places: InlineArray<10, Int> = .init(repeating: 0)
  /// A claim that only ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11), logout tokens (OpenID
  /// Connect Back-Channel Logout §2.4) and security event tokens (RFC 8417 §2.2) have.
  private(set) var marksOtherKind = false

  private enum Claim: Int {
    case issuer, subject, audience, expires, notBefore, issuedAt, tokenID, kind, use, confirmation
  }

  /// Names of one length, since most of a token's claims are about something else.
  private static let names: [(name: StaticString, claim: Claim)] = [
    ("iss", .issuer), ("sub", .subject), ("aud", .audience), ("exp", .expires),
    ("nbf", .notBefore), ("iat", .issuedAt), ("jti", .tokenID), ("typ", .kind),
    ("cnf", .confirmation),
  ]

  init(_ document: JSONDocument) {
    self.document = document
    guard document.root.kind == .object else { return }
    let tokens = document.tokens.span
    let end = Int(tokens[0].extent)
    var position = 1
    while position < end {
      note(document.value(ofString: tokens[position]), at: position + 1)
      position += 1 + Int(tokens[position + 1].extent)
    }
  }

  private mutating func note(_ name: ByteSlice, at place: Int) {
    switch name.count {
    case 3:
      for (known, claim) in Self.names where name.equals(known) {
        places[claim.rawValue] = place
        return
      }
    case 6, 7:
      marksOtherKind =
        marksOtherKind || name.equals("at_hash") || name.equals("c_hash") || name.equals("events")
    case 9:
      if name.equals("token_use") { places[Claim.use.rawValue] = place }
    default: break
    }
  }

  private func node(_ claim: Claim) -> JSONNode? {
    let place = places[claim.rawValue]
    return place > 0 ? document.node(at: place) : nil
  }

  var issuer: JSONNode? { node(.issuer) }
  var subject: JSONNode? { node(.subject) }
  var audience: JSONNode? { node(.audience) }
  var expires: JSONNode? { node(.expires) }
  var notBefore: JSONNode? { node(.notBefore) }
  var issuedAt: JSONNode? { node(.issuedAt) }
  var tokenID: JSONNode? { node(.tokenID) }
  /// Keycloak's `typ` and Cognito's `token_use`: what kind of token this is.
  var kind: JSONNode? { node(.kind) }
  var use: JSONNode? { node(.use) }
  /// `cnf`: bound to a client's key (RFC 7800).
  var confirmation: JSONNode? { node(.confirmation) }
}

/// The registered claims of a token that has passed every rule about them.
struct RegisteredClaims {
  let subject: ByteSlice?
  let tokenID: ByteSlice?
  let issuedAt: UnixTime?
  let notBefore: UnixTime?
  let expires: UnixTime
  /// What whoever presents the token has to prove; nil for a plain bearer token.
  let confirmation: TokenConfirmation?
}

/// The rules a token's claims must keep (RFC 7519 §4.1, RFC 8725 §3), in the order of their duty:
/// what kind of token it is, for whom, and when.
enum ClaimRules {
  /// Where claims come from.
  enum Origin {
    case token, introspection
  }

  static func check(
    _ claims: ClaimFields, from origin: Origin = .token, against profile: IssuerProfile,
    at now: UnixTime
  ) throws(TokenRefusal) -> RegisteredClaims {
    if let issuer = claims.issuer {
      guard issuer.string == profile.issuer else { throw .issuer }
    } else {
      // A token names its issuer; the answer of an introspection endpoint need not (RFC 7662 §2.2).
      guard origin == .introspection else { throw .claim(.iss) }
    }
    try checkKind(claims)
    let named = profile.audienceClaim.map { claims.document.root.at($0) } ?? claims.audience
    try checkAudience(named, profile)
    guard let expires = try instant(claims.expires, .exp) else { throw .claim(.exp) }
    let registered = RegisteredClaims(
      subject: try text(claims.subject, .sub), tokenID: try text(claims.tokenID, .jti),
      issuedAt: try instant(claims.issuedAt, .iat),
      notBefore: try instant(claims.notBefore, .nbf), expires: expires,
      confirmation: try claims.confirmation.map { node throws(TokenRefusal) in
        try TokenConfirmation(parsing: node)
      })
    try checkTimes(registered, profile, now)
    for (index, condition) in profile.requirements.enumerated()
    where !condition.holds(in: claims.document) {
      throw .requirement(index)
    }
    return registered
  }

  /// Refuses what the issuer signed for another purpose: ID, refresh and logout tokens by the marks
  /// that providers put into them.
  private static func checkKind(_ claims: ClaimFields) throws(TokenRefusal) {
    guard !claims.marksOtherKind else { throw .notForAccess }
    if let kind = claims.kind?.string {
      for other in otherKinds where kind.equalsIgnoringCase(other) { throw .notForAccess }
    }
    if let use = claims.use?.string, !use.equals("access") { throw .notForAccess }
  }

  private static let otherKinds: [StaticString] = [
    "id", "refresh", "offline", "logout", "initial-access-token", "registration-access-token",
  ]

  private static func checkAudience(
    _ audience: JSONNode?, _ profile: IssuerProfile
  ) throws(TokenRefusal) {
    guard let audience else { throw .claim(.aud) }
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
