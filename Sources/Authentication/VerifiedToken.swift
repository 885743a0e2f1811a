public import Bytes
public import Crypto
public import JSONText

/// Proof that a token is authentic, meant for this gateway and valid when it was presented.
///
/// Made only by the methods of `TokenVerifier` below: no other file can fill the stored property.
/// Copies share their contents.
public struct VerifiedToken: Sendable {
  private let contents: Contents

  fileprivate init(_ contents: Contents) { self.contents = contents }

  fileprivate final class Contents: Sendable {
    let profile: IssuerProfile
    let claims: JSONDocument
    let registered: RegisteredClaims
    let key: KeySet.Key?
    let digest: Digest
    /// Before this it holds only for clocks that have stepped back: `nbf` and `iat` less the skew.
    let freshFrom: UnixTime
    /// When it has to be verified anew, at the latest.
    let staleAt: UnixTime
    /// The same by the clock that nobody sets, where its issuer was asked about it.
    let deadline: MonotonicTime
    /// `typ` of its header, as `TokenTypes` compares it.
    let type: ByteSlice?
    /// The states of the keys and revocations that it has passed, read before it was held to them.
    let passedKeys: UInt64
    let passedRevocations: UInt64
    let opaqueText: ByteSlice?
    /// The SHA-256 of the API key that it stands for.
    let apiKey: Digest?

    init(
      _ profile: IssuerProfile, _ claims: JSONDocument, _ registered: RegisteredClaims,
      signedBy key: KeySet.Key? = nil, keys: UInt64 = 0, type: ByteSlice? = nil, digest: Digest,
      revocations: UInt64, by answer: IntrospectionAnswer? = nil, opaqueText: ByteSlice? = nil,
      apiKey: Digest? = nil
    ) {
      self.profile = profile
      self.claims = claims
      self.registered = registered
      self.key = key
      passedKeys = keys
      self.type = type
      self.digest = digest
      passedRevocations = revocations
      let begins = [registered.notBefore, registered.issuedAt].compactMap { $0 }.max()
      freshFrom = begins.map { $0 - profile.clockSkew } ?? UnixTime(nanoseconds: .min)
      staleAt = min(answer?.staleAt ?? .distantFuture, registered.expires)
      deadline = answer?.deadline ?? .distantFuture
      self.opaqueText = opaqueText
      self.apiKey = apiKey
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
  /// Until when it may be believed without asking its issuer again: `exp`, or before that the end
  /// of what introspection said.
  public var confirmedUntil: UnixTime { contents.staleAt }
  /// The same by the clock that nobody sets; without an end for what no introspection has said.
  public var confirmationDeadline: MonotonicTime { contents.deadline }
  /// The text of a token that its issuer was asked about, so that it can be asked again while a
  /// stream lives by it; nil for others. Never to be stored or logged.
  public var opaqueText: ByteSlice? { contents.opaqueText }
  /// Who was asked about an opaque token, and how. Says nothing of others.
  public var introspection: IntrospectionTerms? { contents.profile.introspection }
  /// Whether its presenter has to prove possession: by a certificate or with a proof.
  public var isBound: Bool { contents.registered.confirmation != nil }
  /// The `kid` of the key that signed.
  public var keyID: ByteSlice? { contents.key?.id }
  /// The algorithm of its signature; nil where no key has signed.
  public var algorithm: SignatureAlgorithm? { contents.key?.algorithm }
  /// The SHA-256 of the whole token: a name for it that may be kept and logged in part.
  public var digest: Digest { contents.digest }
  /// Tells proofs apart in tables that hold on to the token itself; copies of a proof share it.
  public var identity: ObjectIdentifier { ObjectIdentifier(contents) }

  /// The SHA-256 of the API key that it stands for; nil for tokens.
  fileprivate var apiKey: Digest? { contents.apiKey }

  /// From when on, and until when, the token may be taken from a cache: strictly before `exp`, and
  /// not before `nbf` or `iat` by more than the skew, should the clock have stepped back.
  var freshness: Range<UnixTime> {
    contents.freshFrom..<max(contents.staleAt, contents.freshFrom)
  }

  /// Refuses a bound token whose request does not prove possession.
  func check(_ presentation: Presentation) throws(TokenRefusal) {
    guard presentation.proves(contents.registered.confirmation) else { throw .bound }
  }

  /// Whether its presenter has proved what this confirmation asks for.
  fileprivate func isBound(as confirmation: TokenConfirmation?) -> Bool {
    contents.registered.confirmation == confirmation
  }

  /// The states of the keys and revocations that the token has passed.
  var passedKeys: UInt64 { contents.passedKeys }
  var passedRevocations: UInt64 { contents.passedRevocations }

  /// Its issuer's keys.
  var issuerKeys: IssuerKeys { contents.profile.keys }

  /// Whether the key that signed is one of these; true where none has.
  func isSigned(byOneOf keys: IssuerKeys) -> Bool {
    guard let key = contents.key else { return true }
    return keys.set?.holds(key) ?? false
  }

  /// The same for the issuer's keys as they are now.
  var isKeyCurrent: Bool { isSigned(byOneOf: contents.profile.keys) }

  /// Whether a key has signed it: not so for introspected tokens and API keys.
  fileprivate var isSigned: Bool { contents.key != nil }

  /// `typ` of its header, in its canonical form.
  fileprivate var type: ByteSlice? { contents.type }
}

extension TokenVerifier {
  /// Verifies a token in compact form: signature first, then what it claims (RFC 8725), then what
  /// its presenter proves. Takes the time of one signature verification and a few microseconds;
  /// `TokenCache` spares both.
  ///
  /// - Parameter reader: for callers that verify many.
  public func verify(
    _ token: ByteSlice, presentedBy presentation: Presentation = .bare, at now: UnixTime,
    by reader: TokenReader = TokenReader()
  ) throws(TokenRefusal) -> VerifiedToken {
    guard token.count <= TokenLimits.bytes else { throw .tooLarge(bytes: token.count) }
    return try verify(
      token, digest: Digest.sha256(token), presentedBy: presentation, at: now, by: reader)
  }

  /// The same, for a caller that has the token's digest already.
  func verify(
    _ token: ByteSlice, digest: Digest, presentedBy presentation: Presentation, at now: UnixTime,
    by reader: TokenReader
  ) throws(TokenRefusal) -> VerifiedToken {
    let authentic = try authenticate(token, by: reader)
    let registered = try ClaimRules.check(authentic.claims, against: authentic.profile, at: now)
    return try accept(
      VerifiedToken.Contents(
        authentic.profile, authentic.claims.document, registered, signedBy: authentic.key,
        keys: authentic.keys, type: authentic.type, digest: digest,
        revocations: revocations.generation), presentation)
  }

  /// Takes what an issuer's introspection endpoint has said of a token (RFC 7662 §2.2) for the
  /// token's claims: the same rules hold for them.
  ///
  /// - Parameters:
  ///   - issuer: the issuer that has answered.
  ///   - text: the token, in storage of its own; without it nobody can ask again.
  public func verify(
    introspected answer: IntrospectionAnswer, of digest: Digest, text: ByteSlice? = nil,
    by issuer: IssuerProfile, presentedBy presentation: Presentation = .bare, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    guard let claims = answer.claims else { throw .inactive }
    let registered = try ClaimRules.check(
      ClaimFields(claims), from: .introspection, against: issuer, at: now)
    return try accept(
      VerifiedToken.Contents(
        issuer, claims, registered, digest: digest, revocations: revocations.generation,
        by: answer, opaqueText: text), presentation)
  }

  /// What an opaque token is by a later answer of its issuer: for streams that live by it. What its
  /// presenter has proved stays proved, so that it must be bound as it was.
  public func verify(
    _ token: VerifiedToken, introspectedAgain answer: IntrospectionAnswer, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    guard let issuer = issuer(ofID: token.issuerID), issuer.introspection != nil else {
      throw .issuer
    }
    guard let claims = answer.claims else { throw .inactive }
    let registered = try ClaimRules.check(
      ClaimFields(claims), from: .introspection, against: issuer, at: now)
    guard token.isBound(as: registered.confirmation) else { throw .bound }
    return try accept(
      VerifiedToken.Contents(
        issuer, claims, registered, digest: token.digest, revocations: revocations.generation,
        by: answer, opaqueText: token.opaqueText), .unasked)
  }

  /// Takes an API key for a token of the claims that the configuration ties to it.
  ///
  /// - Parameter digest: what the token's `digest` will be.
  public func verify(
    apiKey text: ByteSlice, rememberedAs digest: Digest, at now: UnixTime
  ) throws(TokenRefusal) -> VerifiedToken {
    guard text.count <= TokenLimits.bytes else { throw .tooLarge(bytes: text.count) }
    let secret = Digest.sha256(text)
    guard let (issuer, key) = apiKey(of: secret) else { throw .key }
    guard now < key.expires else { throw .expired }
    let registered = RegisteredClaims(
      subject: key.id, tokenID: nil, issuedAt: nil, notBefore: nil, expires: key.expires,
      confirmation: nil)
    return try accept(
      VerifiedToken.Contents(
        issuer, key.claims, registered, digest: digest, revocations: revocations.generation,
        apiKey: secret), .bare)
  }

  private func accept(
    _ contents: VerifiedToken.Contents, _ presentation: Presentation
  ) throws(TokenRefusal) -> VerifiedToken {
    let token = VerifiedToken(contents)
    try token.check(presentation)
    guard !revocations.refuses(token) else { throw .revoked }
    return token
  }

  /// Whether what has been accepted would be so now, by the keys, rules and revocations of this
  /// snapshot: for streams that have been opened with the token. What its presenter has proved then
  /// stays proved. Costs a few microseconds and no signature.
  public func recheck(_ token: VerifiedToken, at now: UnixTime) throws(TokenRefusal) {
    guard let profile = issuer(ofID: token.issuerID), profile.issuer == token.issuer else {
      throw .issuer
    }
    guard token.isSigned(byOneOf: profile.keys) else { throw .key }
    if let secret = token.apiKey {
      // One that was changed is another key.
      guard let (issuer, key) = apiKey(of: secret), issuer.id == profile.id,
        key.id == token.subject, key.expires == token.expires,
        key.claims.root.raw == token.claims.root.raw
      else { throw .key }
      guard now < key.expires else { throw .expired }
    } else if token.isSigned {
      guard profile.types.allow(token.type) else { throw .type }
      _ = try ClaimRules.check(ClaimFields(token.claims), against: profile, at: now)
    } else {
      guard asks(profile, about: token) else { throw .issuer }
      _ = try ClaimRules.check(
        ClaimFields(token.claims), from: .introspection, against: profile, at: now)
    }
    guard !revocations.refuses(token) else { throw .revoked }
  }

  /// Whether an opaque token rests on what another endpoint has said than the one that its issuer
  /// has now, or on what that one has said to another client: then it has to be asked about anew.
  public func asksElsewhere(about token: VerifiedToken) -> Bool {
    guard token.opaqueText != nil, let profile = issuer(ofID: token.issuerID) else { return false }
    return profile.introspection != token.introspection
  }

  /// Whether this issuer would be asked about an opaque token, were it shown now.
  private func asks(_ profile: IssuerProfile, about token: VerifiedToken) -> Bool {
    guard let text = token.opaqueText else { return profile.introspection != nil }
    return introspecting(text)?.id == profile.id
  }
}
