/// Why key material was not accepted.
public enum KeyFault: Error, Hashable, Sendable {
  /// The material is of another type than the algorithm's.
  case wrongType
  /// The RSA modulus has that many bits; 2048 to 8192 are taken.
  case modulusSize(bits: Int)
  /// The RSA modulus is even or starts with a zero byte (RFC 7518 §6.3.1.1).
  case modulusForm
  /// The RSA modulus bears the mark of the generator whose keys can be factored (CVE-2017-15361).
  case weakModulus
  /// The RSA exponent is even, below 3, above 2³² or starts with a zero byte.
  case exponent
  /// A coordinate or raw key is not as long as its curve says, but that many bytes.
  case length(Int)
  /// The point is not on the curve, or is the point at infinity.
  case notOnCurve
  /// An Ed25519 key of small order or not in canonical form: it would accept signatures by anyone.
  case smallOrder
  /// A secret shorter than the hash's output (RFC 7518 §3.2), of that many bytes.
  case secretTooShort(Int)
  /// Encoded key material that cannot be read.
  case unreadable
  /// libcrypto did not do what it does with every valid key: memory, or a provider missing.
  case library

  /// The fault in words, for whoever keeps the key.
  public var text: String {
    switch self {
    case .wrongType: "it is of another type than its algorithm's"
    case .modulusSize(let bits): "its modulus has \(bits) bits; 2048 to 8192 are taken"
    case .modulusForm: "its modulus is even or begins with a zero byte"
    case .weakModulus: "its modulus comes from a generator whose keys can be factored"
    case .exponent: "its exponent is even, below 3, too large or begins with a zero byte"
    case .length(let bytes): "\(bytes) bytes are not the length of its curve"
    case .notOnCurve: "its point is not on the curve"
    case .smallOrder: "it would accept signatures by anyone"
    case .secretTooShort(let bytes): "\(bytes) bytes are less than its hash's output"
    case .unreadable: "it cannot be read"
    case .library: "libcrypto did not take it"
    }
  }
}
