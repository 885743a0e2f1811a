public import Bytes
import Crypto
import JSONText

/// All issuers whose tokens are accepted: an immutable snapshot, shared by the loops. Only the keys
/// inside it and the revocations change.
///
/// `verify` stands in VerifiedToken.swift, the one file that can make the proof.
public final class TokenVerifier: Sendable {
  private let issuers: [ByteSlice: IssuerProfile]
  /// The same by the name of their trust domain, for tokens without `iss`.
  private let domains: [ByteSlice: IssuerProfile]
  private let ids: [ByteSlice: IssuerProfile]
  private let apiKeys: [Digest: (issuer: IssuerProfile, key: APIKey)]
  /// The issuers that are asked about tokens which are no signed ones, those with the longest
  /// prefix first.
  private let introspected: [(prefix: ByteSlice, issuer: IssuerProfile)]
  /// What is not believed any more.
  public let revocations: Revocations
  /// Counts the snapshots of a process; caches are void when it changes.
  public let generation: UInt64

  /// Refuses two profiles of one `iss`, trust domain or id, two that are introspected for the same
  /// prefix of tokens, and one API key twice: which rules apply must not depend on an order.
  public init(
    issuers: [IssuerProfile], revocations: Revocations = Revocations(), generation: UInt64 = 0
  ) throws(IssuersFault) {
    var byIssuer: [ByteSlice: IssuerProfile] = [:]
    var domains: [ByteSlice: IssuerProfile] = [:]
    var byID: [ByteSlice: IssuerProfile] = [:]
    var apiKeys: [Digest: (issuer: IssuerProfile, key: APIKey)] = [:]
    var introspected: [(prefix: ByteSlice, issuer: IssuerProfile)] = []
    for (index, profile) in issuers.enumerated() {
      guard byID.updateValue(profile, forKey: profile.id) == nil else {
        throw .duplicateID(index: index)
      }
      if profile.apiKeys.isEmpty,
        byIssuer.updateValue(profile, forKey: profile.issuer) != nil
      {
        throw .duplicateIssuer(index: index)
      }
      if let domain = profile.trustDomain,
        domains.updateValue(profile, forKey: domain.name) != nil
      {
        throw .duplicateTrustDomain(index: index)
      }
      for key in profile.apiKeys
      where apiKeys.updateValue((profile, key), forKey: key.digest) != nil {
        throw .duplicateAPIKey(index: index)
      }
      guard let prefix = profile.introspection?.prefix else { continue }
      guard !introspected.contains(where: { $0.prefix == prefix }) else {
        throw .secondIntrospection(index: index)
      }
      introspected.append((prefix, profile))
    }
    self.issuers = byIssuer
    self.domains = domains
    ids = byID
    self.apiKeys = apiKeys
    self.introspected = introspected.sorted { $0.prefix.count > $1.prefix.count }
    self.revocations = revocations
    self.generation = generation
  }

  /// The issuers, in no order.
  public var profiles: [IssuerProfile] { Array(ids.values) }

  /// The issuer of that configured name.
  public func issuer(ofID id: ByteSlice) -> IssuerProfile? { ids[id] }

  /// Whether anybody is asked about tokens which are no signed ones.
  public var introspects: Bool { !introspected.isEmpty }

  /// The issuer that is asked about a token which is no signed one; nil where it begins like those
  /// of none. A token goes to that one alone: what another issuer has given out is not its
  /// business, and it could use it.
  public func introspecting(_ text: ByteSlice) -> IssuerProfile? {
    introspected.first {
      text.count >= $0.prefix.count && text.prefix($0.prefix.count) == $0.prefix
    }?
    .issuer
  }

  /// Whether any API key is configured.
  public var takesAPIKeys: Bool { !apiKeys.isEmpty }

  func apiKey(of digest: Digest) -> (IssuerProfile, APIKey)? {
    apiKeys[digest].map { ($0.issuer, $0.key) }
  }

  /// The issuer and the `kid` that a token claims to have, not verified: to know whose keys to look
  /// for once more. Nil when the text is no token of an issuer that is known.
  public func claimedKey(of text: ByteSlice) -> (issuer: IssuerProfile, keyID: ByteSlice?)? {
    let reader = TokenReader()
    guard let token = try? CompactToken(parsing: text, by: reader),
      let document = try? StrictObject.parse(token.claims, .claims, by: reader.parser),
      let profile = try? issuer(namedBy: ClaimFields(document)),
      let algorithm = token.header.algorithm, profile.algorithms.contains(algorithm)
    else { return nil }
    return (profile, token.header.keyID)
  }

  /// The issuer that claims name: by `iss`, or where they have none, by the trust domain of their
  /// `sub`. There is no second guess. Until a signature is verified, the name is no more than a key
  /// into the configured issuers.
  private func issuer(
    namedBy claims: borrowing ClaimFields
  ) throws(TokenRefusal) -> IssuerProfile {
    if claims.has(.issuer) {
      guard let name = claims.string(.issuer) else { throw .claim(.iss) }
      guard let profile = issuers[name] else { throw .issuer }
      return profile
    }
    guard !domains.isEmpty, let subject = claims.string(.subject),
      let name = TrustDomain.claimed(by: subject)
    else { throw .claim(.iss) }
    guard let profile = domains[name] else { throw .issuer }
    return profile
  }

  /// Everything about a token that can be known without a clock: form, header, issuer, key,
  /// signature.
  func authenticate(
    _ text: ByteSlice, by reader: TokenReader
  ) throws(TokenRefusal) -> AuthenticToken {
    let token = try CompactToken(parsing: text, by: reader)
    // The claims are kept with the token.
    _ = try StrictObject.parse(token.claims, .claims, by: reader.parser)
    let claims = ClaimFields(reader.parser.keptDocument)
    let profile = try issuer(namedBy: claims)
    guard profile.types.allow(token.header.canonicalType) else { throw .type }
    let keys = profile.keys.generation
    let key = try profile.authenticate(token)
    if !token.isHeaderKnown { reader.keep(token.header, of: token.headerText) }
    return AuthenticToken(
      profile: profile, claims: claims, key: key, keys: keys, type: token.header.canonicalType)
  }
}

/// A token whose signature is its issuer's; its claims have not been looked at.
struct AuthenticToken: ~Copyable {
  let profile: IssuerProfile
  let claims: ClaimFields
  let key: KeySet.Key
  /// The state of the issuer's keys, read before the key was taken from them.
  let keys: UInt64
  /// `typ` of its header, as `TokenTypes` compares it.
  let type: ByteSlice?
}

extension IssuerProfile {
  /// The payload of a JWS that one of the issuer's keys has signed, whatever it means: by itself it
  /// gives access to nothing.
  public func signedPayload(of text: ByteSlice) throws(TokenRefusal) -> ByteSlice {
    let token = try CompactToken(parsing: text, by: TokenReader())
    _ = try authenticate(token)
    return token.claims
  }

  /// The key whose signature the token carries: its algorithm must be allowed for the issuer and be
  /// the key's own.
  func authenticate(
    _ token: borrowing CompactToken
  ) throws(TokenRefusal) -> KeySet.Key {
    guard let algorithm = token.header.algorithm else { throw .algorithm }
    guard algorithms.contains(algorithm) else {
      // A public key that is to serve as a secret, say, is told from an algorithm too many.
      let isConfusion = keys.set?.holdsOther(than: algorithm, id: token.header.keyID) ?? false
      throw isConfusion ? .algorithmOfKey : .algorithm
    }
    guard let set = keys.set else { throw .key }
    let key = try set.key(id: token.header.keyID, for: algorithm)
    guard key.verify(token.signature, over: token.signingInput) else { throw .signature }
    return key
  }
}

/// Why a list of issuers is contradictory; the index is that of the second of the two.
public enum IssuersFault: Error, Hashable, Sendable {
  case duplicateID(index: Int)
  case duplicateIssuer(index: Int)
  case duplicateTrustDomain(index: Int)
  case duplicateAPIKey(index: Int)
  case secondIntrospection(index: Int)
}
