public import Bytes

/// The JWS algorithms that are spoken here (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not one of
/// them.
///
/// A case more is: its name, its key type, its hash. The rest of the room asks those.
public enum SignatureAlgorithm: Sendable, Hashable, CaseIterable {
  case rs256, es256, edDSA, hs256

  /// The name a token's header and a key's `alg` carry.
  public var name: StaticString {
    switch self {
    case .rs256: "RS256"
    case .es256: "ES256"
    case .edDSA: "EdDSA"
    case .hs256: "HS256"
    }
  }

  /// The algorithm of exactly that name, compared by bytes. `Ed25519` is the fully specified name
  /// of EdDSA over that curve (RFC 9864 §2.2), the only curve spoken here.
  public init?(named name: ByteSlice) {
    if name.equals("Ed25519") {
      self = .edDSA
      return
    }
    for algorithm in Self.allCases where name.equals(algorithm.name) {
      self = algorithm
      return
    }
    return nil
  }

  /// What kind of key the algorithm works with; it decides, the token's header does not.
  public var keyType: KeyType {
    switch self {
    case .rs256: .rsa
    case .es256: .elliptic(.p256)
    case .edDSA: .ed25519
    case .hs256: .secret
    }
  }

  /// Whether whoever can verify can also sign.
  public var isSymmetric: Bool { keyType == .secret }

  /// The hash applied to the message; nil where the algorithm hashes by itself.
  var hash: HashFunction? {
    switch self {
    case .rs256, .es256, .hs256: .sha256
    case .edDSA: nil
    }
  }
}

/// The kinds of keys.
public enum KeyType: Sendable, Hashable {
  case rsa, elliptic(EllipticCurve), ed25519, secret
}

/// The short Weierstrass curves (FIPS 186-4 D.1.2).
public enum EllipticCurve: Sendable, Hashable, CaseIterable {
  case p256

  /// The name in a JWK's `crv` (RFC 7518 §6.2.1.1), by which libcrypto knows the curve too.
  public var name: StaticString {
    switch self {
    case .p256: "P-256"
    }
  }

  /// Bytes of one coordinate, and of each half of a signature.
  public var byteCount: Int {
    switch self {
    case .p256: 32
    }
  }
}
