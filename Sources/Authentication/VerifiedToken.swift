public import Bytes
public import Crypto
public import JSONText

/// Proof that a token is authentic, meant for this gateway and valid when it was presented.
///
/// Made only by `TokenVerifier.verify` below: no other file can fill the stored property. Copies
/// share their contents.
public struct VerifiedToken: Sendable {
  private let contents: Contents

  fileprivate init(_ contents: Contents) { self.contents = contents }

  fileprivate final class Contents: Sendable {
    let profile: IssuerProfile
    let claims: JSONDocument
    let registered: RegisteredClaims
    let keyID: ByteSlice?
    let digest: Digest

    init(_ token: AuthenticToken, _ registered: RegisteredClaims, _ digest: Digest) {
      profile = token.profile
      claims = token.claims.document
      keyID = token.keyID
      self.registered = registered
      self.digest = digest
    }
  }

  /// The configured name of the issuer, and its `iss`.
  public var issuerID: ByteSlice { contents.profile.id }
  public var issuer: ByteSlice { contents.profile.issuer }
  /// All claims.
  public var claims: JSONDocument { contents.claims }
  public var subject: ByteSlice? { contents.registered.subject }
  public var tokenID: ByteSlice? { contents.registered.tokenID }
  public var issuedAt: UnixTime? { contents.registered.issuedAt }
  /// `exp` itself: streams end here, without skew.
  public var expires: UnixTime { contents.registered.expires }
  /// The `kid` of the key that signed.
  public var keyID: ByteSlice? { contents.keyID }
  /// The SHA-256 of the whole token: a name for it that may be kept and logged in part.
  public var digest: Digest { contents.digest }
  /// Tells proofs apart in tables that hold on to the token itself; copies of a proof share it.
  public var identity: ObjectIdentifier { ObjectIdentifier(contents) }

  /// Whether the token may still be taken from a cache at `now`: strictly before `exp`, and not
  /// before `nbf` or `iat` by more than the skew, should the clock have stepped back.
  func isFresh(at now: UnixTime) -> Bool {
    let earliest = now + contents.profile.clockSkew
    return now < expires && contents.registered.notBefore.map { $0 <= earliest } ?? true
      && issuedAt.map { $0 <= earliest } ?? true
  }
}

extension TokenVerifier {
  /// Verifies a token in compact form: signature first, then what it claims (RFC 8725). Takes the
  /// time of one signature verification and a few microseconds; `TokenCache` spares both.
  public func verify(_ token: ByteSlice, at now: UnixTime) throws(TokenRefusal) -> VerifiedToken {
    guard token.count <= TokenLimits.bytes else { throw .tooLarge(bytes: token.count) }
    return try verify(token, digest: Digest.sha256(token), at: now)
  }

  /// The same, for a caller that has the token's digest already.
  func verify(
    _ token: ByteSlice, digest: Digest, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    let authentic = try authenticate(token)
    let registered = try ClaimRules.check(authentic.claims, against: authentic.profile, at: now)
    return VerifiedToken(VerifiedToken.Contents(authentic, registered, digest))
  }
}
