public import Bytes
import Crypto
import JSONText

/// All issuers whose tokens are accepted: an immutable snapshot, shared by the loops.
///
/// `verify` stands in VerifiedToken.swift, the one file that can make the proof.
public struct TokenVerifier: Sendable {
  private let issuers: [ByteSlice: IssuerProfile]
  /// Counts the snapshots of a process; caches are void when it changes.
  public let generation: UInt64

  /// Refuses two profiles of one `iss` or one id: which rules apply must not depend on an order.
  public init(issuers: [IssuerProfile], generation: UInt64 = 0) throws(IssuersFault) {
    var byIssuer: [ByteSlice: IssuerProfile] = [:]
    var ids: Set<ByteSlice> = []
    for (index, profile) in issuers.enumerated() {
      guard ids.insert(profile.id).inserted else { throw .duplicateID(index: index) }
      guard byIssuer.updateValue(profile, forKey: profile.issuer) == nil else {
        throw .duplicateIssuer(index: index)
      }
    }
    self.issuers = byIssuer
    self.generation = generation
  }

  /// The issuer of exactly that `iss`.
  func issuer(named issuer: ByteSlice) -> IssuerProfile? { issuers[issuer] }

  /// Everything about a token that can be known without a clock: form, header, issuer, key,
  /// signature.
  func authenticate(_ text: ByteSlice) throws(TokenRefusal) -> AuthenticToken {
    let token = try CompactToken(parsing: text)
    let header = try TokenHeader(parsing: token.header)
    let claims = ClaimFields(try StrictObject.parse(token.claims, .claims))
    // Until the signature is verified, `iss` is no more than a key into the configured issuers.
    guard let issuer = claims.issuer?.string else { throw .claim(.iss) }
    guard let profile = issuers[issuer] else { throw .issuer }
    guard profile.types.allow(header.type) else { throw .type }
    let key = try profile.authenticate(token, header)
    return AuthenticToken(profile: profile, claims: claims, keyID: key.id)
  }
}

/// A token whose signature is its issuer's; its claims have not been looked at.
struct AuthenticToken {
  let profile: IssuerProfile
  let claims: ClaimFields
  let keyID: ByteSlice?
}

extension IssuerProfile {
  /// The payload of a JWS that one of the issuer's keys has signed, whatever it means: by itself it
  /// gives access to nothing.
  public func signedPayload(of text: ByteSlice) throws(TokenRefusal) -> ByteSlice {
    let token = try CompactToken(parsing: text)
    _ = try authenticate(token, try TokenHeader(parsing: token.header))
    return token.claims
  }

  /// The key whose signature the token carries: its algorithm must be allowed for the issuer and be
  /// the key's own.
  func authenticate(
    _ token: CompactToken, _ header: TokenHeader
  ) throws(TokenRefusal) -> KeySet.Key {
    guard let algorithm = SignatureAlgorithm(named: header.algorithm),
      algorithms.contains(algorithm)
    else { throw .algorithm }
    let key = try keys.key(id: header.keyID, for: algorithm)
    guard key.verify(token.signature, over: token.signingInput) else { throw .signature }
    return key
  }
}

/// Why a list of issuers is contradictory; the index is that of the second of the two.
public enum IssuersFault: Error, Hashable, Sendable {
  case duplicateID(index: Int)
  case duplicateIssuer(index: Int)
}
