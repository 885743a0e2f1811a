public import Bytes
public import Crypto
import JSONText

/// Whose a token is by its issuer's own word, though it may not be accepted: expired, revoked, for
/// somebody else. For the audit log; nothing can be done with it.
public struct TokenOrigin: Sendable, Equatable {
  /// The configured name of the issuer.
  public let issuer: ByteSlice
  public let subject: ByteSlice?
  /// Of the key that has signed; nil where none has.
  public let keyID: ByteSlice?
  public let algorithm: SignatureAlgorithm?

  init(
    issuer: ByteSlice, subject: ByteSlice?, keyID: ByteSlice? = nil,
    algorithm: SignatureAlgorithm? = nil
  ) {
    self.issuer = issuer
    self.subject = subject
    self.keyID = keyID
    self.algorithm = algorithm
  }

  /// Of a token that was accepted.
  public init(_ token: VerifiedToken) {
    self.init(
      issuer: token.issuerID, subject: token.subject, keyID: token.keyID,
      algorithm: token.algorithm)
  }
}

extension TokenRefusal {
  /// Whether the signature has been verified, or whatever stands for it, when this is found.
  public var isOfAuthentic: Bool {
    switch self {
    case .claim, .notForAccess, .bound, .revoked, .audience, .expired, .notYetValid, .issuedAhead,
      .lifetime, .requirement:
      true
    case .tooLarge, .parts, .encoding, .json, .headerMember, .extensionMember, .type, .issuer,
      .algorithm, .algorithmOfKey, .key, .keyAmbiguous, .signature, .inactive:
      false
    }
  }
}

extension TokenVerifier {
  /// Whose the token is, as far as a signature vouches for it; nil without a good one. Verifies the
  /// signature once more.
  public func origin(of token: ByteSlice) -> TokenOrigin? {
    guard token.count <= TokenLimits.bytes,
      let authentic = try? authenticate(token, by: TokenReader())
    else { return nil }
    return TokenOrigin(
      issuer: authentic.profile.id, subject: authentic.claims.string(.subject),
      keyID: authentic.key.id, algorithm: authentic.key.algorithm)
  }

  /// The same for a token whose issuer has answered for it; nil when it does not.
  public func origin(
    introspected answer: IntrospectionAnswer, by issuer: IssuerProfile
  ) -> TokenOrigin? {
    guard let claims = answer.claims else { return nil }
    return TokenOrigin(
      issuer: issuer.id, subject: claims.root["sub"]?.string)
  }

  /// The same for an API key; nil for one that is not configured.
  public func origin(ofAPIKey text: ByteSlice) -> TokenOrigin? {
    guard text.count <= TokenLimits.bytes, let (issuer, key) = apiKey(of: Digest.sha256(text))
    else { return nil }
    return TokenOrigin(issuer: issuer.id, subject: key.id)
  }
}
