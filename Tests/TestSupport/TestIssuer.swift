package import Authentication
package import Bytes
package import Crypto
import Foundation
import JSONText

/// An issuer with real keys that signs whatever a test asks for; what it signs is verified like any
/// other token. Keys are made once per process and shared: tests tell issuers apart by `iss` and
/// `id`.
package struct TestIssuer: Sendable {
  package let id: String
  package let iss: String
  package let audience: String

  package init(
    id: String = "test", iss: String = "https://issuer.example", audience: String = "event-gateway"
  ) {
    self.id = id
    self.iss = iss
    self.audience = audience
  }

  /// The instant at which tests usually live: 2026-05-04T03:02:01Z.
  package static let now = UnixTime(seconds: 1_777_863_721)

  /// The algorithms with public keys, in the order of the key set.
  package static let publicAlgorithms: [SignatureAlgorithm] = [.rs256, .es256, .edDSA]
  /// Those and the others with public keys, which issuers have to ask for.
  package static let everyPublicAlgorithm = SignatureAlgorithm.allCases.filter { !$0.isSymmetric }

  /// The `kid` of the key for an algorithm: `test-RS256` and so on.
  package static func keyID(_ algorithm: SignatureAlgorithm) -> String { "test-\(algorithm.name)" }

  // MARK: Signing

  /// A token with the usual claims, altered by `claims`: values replace, `NSNull()` removes.
  /// `header` alters `alg`, `typ` and `kid` in the same way.
  package func token(
    _ claims: [String: Any] = [:], header: [String: Any] = [:],
    algorithm: SignatureAlgorithm = .es256, at now: UnixTime = Self.now,
    lifetime: TimeSpan = .seconds(3600)
  ) throws -> ByteSlice {
    let usualClaims: [String: Any] = [
      "iss": iss, "aud": audience, "sub": "alice", "jti": "token-1", "iat": now.seconds,
      "exp": (now + lifetime).seconds,
    ]
    let usualHeader: [String: Any] = [
      "alg": algorithm.name.description, "typ": "at+jwt", "kid": Self.keyID(algorithm),
    ]
    return try token(
      headerText: try Self.text(usualHeader, claims: header),
      claimsText: try Self.text(usualClaims, claims: claims), algorithm: algorithm)
  }

  /// A token of exactly these texts, signed by the key for `algorithm` whatever the header says.
  package func token(
    headerText: String, claimsText: String, algorithm: SignatureAlgorithm = .es256
  ) throws -> ByteSlice {
    try Self.minter(algorithm).mint(
      header: ByteSlice(utf8: headerText), claims: ByteSlice(utf8: claimsText))
  }

  private static func text(_ usual: [String: Any], claims: [String: Any]) throws -> String {
    let merged = usual.merging(claims) { _, new in new }.filter { !($0.value is NSNull) }
    let data = try JSONSerialization.data(
      withJSONObject: merged, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(decoding: data, as: UTF8.self)
  }

  // MARK: What the gateway is configured with

  /// The public keys as a JWK Set.
  package static func keySet(
    _ algorithms: [SignatureAlgorithm] = publicAlgorithms
  ) throws -> ByteSlice {
    var json = JSONWriter()
    json.beginObject()
    json.key("keys")
    json.beginArray()
    for algorithm in algorithms {
      try Keys.shared.get().privateKey(algorithm).publicMaterial.writeJWK(
        to: &json, algorithm: algorithm, keyID: ByteSlice(utf8: keyID(algorithm)))
    }
    json.endArray()
    json.endObject()
    return json.bytes.slice
  }

  /// The secret of the HS256 key.
  package static let secret = ByteSlice(utf8: "a secret of the tests, 32 or more bytes long")

  /// The profile under which this issuer's tokens verify, for all public-key algorithms.
  package func profile(
    types: TokenTypes = .standard, maxLifetime: TimeSpan? = nil,
    clockSkew: TimeSpan = IssuerProfile.defaultClockSkew, requirements: [ClaimCondition] = []
  ) throws -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: id), issuer: ByteSlice(utf8: iss),
      audiences: [ByteSlice(utf8: audience)], algorithms: Self.publicAlgorithms,
      keys: try KeySet(parsing: Self.keySet(), algorithms: Self.publicAlgorithms), types: types,
      maxLifetime: maxLifetime, clockSkew: clockSkew, requirements: requirements)
  }

  /// The profile under which its HS256 tokens verify.
  package func secretProfile() throws -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: id), issuer: ByteSlice(utf8: iss),
      audiences: [ByteSlice(utf8: audience)], algorithms: [.hs256],
      keys: try KeySet(secrets: [(ByteSlice(utf8: Self.keyID(.hs256)), Self.secret)]))
  }

  /// A verifier that knows this issuer alone.
  package func verifier(generation: UInt64 = 0) throws -> TokenVerifier {
    try TokenVerifier(issuers: [try profile()], generation: generation)
  }

  /// A verified token with the usual claims altered by `claims`: the proof, made the one way.
  package func verified(
    _ claims: [String: Any] = [:], at now: UnixTime = Self.now
  ) throws -> VerifiedToken {
    try verifier().verify(try token(claims, at: now), at: now)
  }

  /// This issuer as an element of the settings' `issuers`, its key set in the file `file`.
  package func settings(keySetFile file: String) -> String {
    "{id: \(id), iss: \"\(iss)\", audiences: [\(audience)], keys: {file: \"\(file)\"}}"
  }

  package static func minter(_ algorithm: SignatureAlgorithm) throws -> TokenMinter {
    let keyID = ByteSlice(utf8: keyID(algorithm))
    if algorithm.isSymmetric {
      return TokenMinter(try SecretKey(secret, for: algorithm), keyID: keyID)
    }
    return TokenMinter(try Keys.shared.get().privateKey(algorithm), keyID: keyID)
  }
}

/// The private keys of all test issuers of a process.
private struct Keys: Sendable {
  static let shared = Result { try Keys() }

  private let keys: [SignatureAlgorithm: PrivateKey]

  init() throws {
    var keys: [SignatureAlgorithm: PrivateKey] = [:]
    var rsa: ByteSlice?
    for algorithm in TestIssuer.everyPublicAlgorithm {
      // One RSA key for all of RSA: making one takes long.
      if let stored = rsa, algorithm.keyType == .rsa {
        keys[algorithm] = try PrivateKey(der: stored, for: algorithm)
      } else {
        let key = try PrivateKey.generate(algorithm)
        keys[algorithm] = key
        if algorithm.keyType == .rsa { rsa = try key.der }
      }
    }
    self.keys = keys
  }

  func privateKey(_ algorithm: SignatureAlgorithm) throws -> PrivateKey {
    guard let key = keys[algorithm] else { throw KeyFault.wrongType }
    return key
  }
}
