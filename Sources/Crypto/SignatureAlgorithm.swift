public import Bytes

/// The JWS algorithms that are spoken here (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not one of
/// them.
///
/// A case more is: its name, its key type, its hash. The rest of the room asks those.
public enum SignatureAlgorithm: Sendable, Hashable, CaseIterable {
  case rs256, rs384, rs512
  case ps256, ps384, ps512
  case es256, es384, es512
  case edDSA
  case hs256, hs384, hs512

  /// The name a token's header and a key's `alg` carry.
  public var name: StaticString {
    switch self {
    case .rs256: "RS256"
    case .rs384: "RS384"
    case .rs512: "RS512"
    case .ps256: "PS256"
    case .ps384: "PS384"
    case .ps512: "PS512"
    case .es256: "ES256"
    case .es384: "ES384"
    case .es512: "ES512"
    case .edDSA: "EdDSA"
    case .hs256: "HS256"
    case .hs384: "HS384"
    case .hs512: "HS512"
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
    case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
    case .es256: .elliptic(.p256)
    case .es384: .elliptic(.p384)
    case .es512: .elliptic(.p521)
    case .edDSA: .ed25519
    case .hs256, .hs384, .hs512: .secret
    }
  }

  /// Whether whoever can verify can also sign.
  public var isSymmetric: Bool { keyType == .secret }

  /// Whether an RSA signature is padded by RSASSA-PSS (RFC 7518 §3.5) and not by PKCS #1 v1.5.
  var isPSS: Bool {
    switch self {
    case .ps256, .ps384, .ps512: true
    default: false
    }
  }

  /// The hash applied to the message; nil where the algorithm hashes by itself.
  var hash: HashFunction? {
    switch self {
    case .rs256, .ps256, .es256, .hs256: .sha256
    case .rs384, .ps384, .es384, .hs384: .sha384
    case .rs512, .ps512, .es512, .hs512: .sha512
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
  case p256, p384, p521

  /// The name in a JWK's `crv` (RFC 7518 §6.2.1.1), by which libcrypto knows the curve too.
  public var name: StaticString {
    switch self {
    case .p256: "P-256"
    case .p384: "P-384"
    case .p521: "P-521"
    }
  }

  /// Bytes of one coordinate, and of each half of a signature.
  public var byteCount: Int {
    switch self {
    case .p256: 32
    case .p384: 48
    case .p521: 66
    }
  }
}
