import Bytes
import JSONText

/// The claims that rules are about, found in one walk over the object; not judged yet. Where they
/// stand is kept, not what they are: most are looked at once, and a node costs references.
struct ClaimFields: ~Copyable {
  let document: JSONDocument
  /// The tokens of their values; 0, which is the object itself, for those that are not there.
  private var places: InlineArray<10, Int> = .init(repeating: 0)
  /// A claim that only ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11), logout tokens (OpenID
  /// Connect Back-Channel Logout §2.4) and security event tokens (RFC 8417 §2.2) have.
  private(set) var marksOtherKind = false

  enum Claim: Int {
    case issuer, subject, audience, expires, notBefore, issuedAt, tokenID
    /// Keycloak's `typ` and Cognito's `token_use`: what kind of token this is.
    case kind, use
    /// `cnf`: bound to a client's key (RFC 7800).
    case confirmation
  }

  init(_ document: JSONDocument) {
    self.document = document
    guard document.root.kind == .object else { return }
    let tokens = document.tokens.span
    let source = document.source.span
    let end = Int(tokens[0].extent)
    var position = 1
    while position < end {
      let name = tokens[position]
      if name.flags.contains(.hasEscape) {
        note(document.value(ofString: name).span, at: position + 1)
      } else {
        note(source.extracting(name.range), at: position + 1)
      }
      position += 1 + Int(tokens[position + 1].extent)
    }
  }

  private mutating func note(_ name: Span<UInt8>, at place: Int) {
    // By their length, since most of a token's claims are about something else.
    switch name.count {
    case 3:
      let letters = UInt32(name[0]) << 16 | UInt32(name[1]) << 8 | UInt32(name[2])
      if let claim = Self.claim(letters) { places[claim.rawValue] = place }
    case 6, 7:
      marksOtherKind =
        marksOtherKind || Self.equal(name, "at_hash") || Self.equal(name, "c_hash")
        || Self.equal(name, "events")
    case 9:
      if Self.equal(name, "token_use") { places[Claim.use.rawValue] = place }
    default: break
    }
  }

  /// The claim whose name is these three letters.
  private static func claim(_ letters: UInt32) -> Claim? {
    switch letters {
    case 0x69_73_73: .issuer
    case 0x73_75_62: .subject
    case 0x61_75_64: .audience
    case 0x65_78_70: .expires
    case 0x6E_62_66: .notBefore
    case 0x69_61_74: .issuedAt
    case 0x6A_74_69: .tokenID
    case 0x74_79_70: .kind
    case 0x63_6E_66: .confirmation
    default: nil
    }
  }

  private static func equal(_ name: Span<UInt8>, _ literal: StaticString) -> Bool {
    guard name.count == literal.utf8CodeUnitCount else { return false }
    // SAFETY: a literal has as many bytes as it says, for as long as the process lives.
    for index in name.indices where unsafe name[index] != literal.utf8Start[index] { return false }
    return true
  }

  func has(_ claim: Claim) -> Bool { places[claim.rawValue] > 0 }

  /// The value of the claim; nil where it is not there.
  func node(_ claim: Claim) -> JSONNode? {
    let place = places[claim.rawValue]
    return place > 0 ? document.node(at: place) : nil
  }

  /// The text of the claim; nil where it is not there, or is none.
  func string(_ claim: Claim) -> ByteSlice? {
    let place = places[claim.rawValue]
    guard place > 0 else { return nil }
    let token = document.tokens[place]
    return token.kind == .string ? document.value(ofString: token) : nil
  }

  /// The claim where it is a whole number in at most eighteen digits and nothing else, as nearly
  /// all instants are.
  func digits(_ claim: Claim) -> Int64? {
    let place = places[claim.rawValue]
    guard place > 0 else { return nil }
    let token = document.tokens[place]
    guard token.kind == .number, token.length <= 18 else { return nil }
    let digits = document.source.span.extracting(token.range)
    var value: Int64 = 0
    for index in digits.indices {
      guard ASCII.isDigit(digits[index]) else { return nil }
      value = value &* 10 &+ Int64(digits[index] &- ASCII.zero)
    }
    return value
  }
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
    _ claims: borrowing ClaimFields, from origin: Origin = .token,
    against profile: IssuerProfile, at now: UnixTime
  ) throws(TokenRefusal) -> RegisteredClaims {
    if claims.has(.issuer) {
      guard claims.string(.issuer) == profile.issuer else { throw .issuer }
    } else {
      // A token names its issuer; the answer of an introspection endpoint (RFC 7662 §2.2) and the
      // token of a workload need not.
      guard origin == .introspection || profile.trustDomain != nil else { throw .claim(.iss) }
    }
    try checkKind(claims)
    if let pointer = profile.audienceClaim {
      try checkAudience(claims.document.root.at(pointer), profile)
    } else if let single = claims.string(.audience) {
      guard profile.audiences.contains(single) else { throw .audience }
    } else {
      try checkAudience(claims.node(.audience), profile)
    }
    guard let expires = try instant(claims, .expires, .exp) else { throw .claim(.exp) }
    let registered = RegisteredClaims(
      subject: try text(claims, .subject, .sub), tokenID: try text(claims, .tokenID, .jti),
      issuedAt: try instant(claims, .issuedAt, .iat),
      notBefore: try instant(claims, .notBefore, .nbf), expires: expires,
      confirmation: try claims.node(.confirmation).map { node throws(TokenRefusal) in
        try TokenConfirmation(parsing: node)
      })
    if let domain = profile.trustDomain {
      guard let subject = registered.subject, domain.holds(subject) else { throw .claim(.sub) }
    }
    try checkTimes(registered, profile, now)
    for (index, condition) in profile.requirements.enumerated()
    where !condition.holds(in: claims.document) {
      throw .requirement(index)
    }
    return registered
  }

  /// Refuses what the issuer signed for another purpose: ID, refresh and logout tokens by the marks
  /// that providers put into them.
  private static func checkKind(_ claims: borrowing ClaimFields) throws(TokenRefusal) {
    guard !claims.marksOtherKind else { throw .notForAccess }
    if let kind = claims.string(.kind) {
      for other in otherKinds where kind.equalsIgnoringCase(other) { throw .notForAccess }
    }
    if let use = claims.string(.use), !use.equals("access") { throw .notForAccess }
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
    _ claims: borrowing ClaimFields, _ name: ClaimFields.Claim, _ claim: TokenRefusal.Claim
  ) throws(TokenRefusal) -> ByteSlice? {
    guard claims.has(name) else { return nil }
    guard let text = claims.string(name) else { throw .claim(claim) }
    return text
  }

  /// A NumericDate (RFC 7519 §2): a number of seconds from 0 to 2⁵³, fractions allowed.
  private static func instant(
    _ claims: borrowing ClaimFields, _ name: ClaimFields.Claim, _ claim: TokenRefusal.Claim
  ) throws(TokenRefusal) -> UnixTime? {
    guard claims.has(name) else { return nil }
    if let seconds = claims.digits(name) ?? claims.node(name)?.integer {
      guard seconds >= 0, seconds <= 1 << 53 else { throw .claim(claim) }
      return UnixTime.epoch + .seconds(min(seconds, latestSecond))
    }
    guard let seconds = claims.node(name)?.number?.asDouble, seconds >= 0, seconds <= 0x1p53 else {
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
