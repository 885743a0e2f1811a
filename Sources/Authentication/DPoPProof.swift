public import Bytes
public import Crypto
import JSONText

/// A proof of possession that came with a request (RFC 9449 §4): signed by the key that the token
/// is bound to, for this request alone.
///
/// A proof by itself gives access to nothing. Whether it was seen before is for a memory outside
/// this room to say.
public struct DPoPProof: Sendable {
  /// The thumbprint of the key that signed it (RFC 7638), in base64url.
  public let key: ByteSlice
  /// Names the proof: its key, its `jti` and its `htu` in one digest.
  public let name: Digest

  /// What a proof has to be about.
  public struct Occasion: Sendable {
    /// The request's method, as on the wire.
    public let method: StaticString
    /// The request's URL without query, as clients know it.
    public let url: ByteSlice
    /// The SHA-256 of the access token that came along.
    public let token: Digest
    /// The nonces that the proof may carry; empty where none is asked for.
    public let nonces: [ByteSlice]
    public let now: UnixTime

    public init(
      method: StaticString, url: ByteSlice, token: Digest, nonces: [ByteSlice], now: UnixTime
    ) {
      self.method = method
      self.url = url
      self.token = token
      self.nonces = nonces
      self.now = now
    }
  }

  /// How old a proof may be, and how long it has to be remembered.
  public static let window: TimeSpan = .seconds(60)
  /// How far the client's clock may be ahead.
  public static let leeway: TimeSpan = .seconds(5)
  /// A `jti` of up to so many bytes; most are UUIDs.
  static let idBytes = 256
  /// The algorithms that proofs are signed with, in the words of `algs` (RFC 9449 §7.1).
  public static let algorithms: [SignatureAlgorithm] = [.es256, .edDSA, .ps256, .rs256]

  /// Checks the proof (RFC 9449 §4.3, points 2 to 12). Takes the time of one verification, and of
  /// examining its key where that is not among those seen lately: for RSA a hundred milliseconds
  /// at worst. So callers let a token vouch for the key first.
  public init(
    verifying shown: ShownProof, for occasion: Occasion, keys: ProofKeys
  ) throws(DPoPRefusal) {
    try keys.verify(shown)
    let claims = shown.claims
    guard let id = claims["jti"]?.string, !id.isEmpty, id.count <= Self.idBytes else {
      throw .claim
    }
    guard let method = claims["htm"]?.string, method.equals(occasion.method) else {
      throw .request
    }
    guard let url = claims["htu"]?.string.flatMap(HTTPURL.normalized),
      url == HTTPURL.normalized(occasion.url)
    else { throw .request }
    try Self.checkTime(claims["iat"], occasion.now)
    guard let hash = claims["ath"]?.string, Base64.decode(hash, as: .url) == occasion.token.bytes
    else { throw .token }
    if !occasion.nonces.isEmpty {
      guard let nonce = claims["nonce"]?.string, occasion.nonces.contains(nonce) else {
        throw .nonce
      }
    }
    key = shown.key
    var name = ByteWriter(capacity: 512)
    name.append(prefixed: key)
    name.append(prefixed: id)
    name.append(url)
    self.name = Digest.sha256(name.slice)
  }

  private static func checkTime(_ node: JSONNode?, _ now: UnixTime) throws(DPoPRefusal) {
    guard let seconds = node?.number?.asDouble, seconds >= 0, seconds < 0x1p33 else {
      throw .claim
    }
    let issued = UnixTime(nanoseconds: Int64(seconds * 1e9))
    guard issued <= now + leeway, now <= issued + window else { throw .time }
  }
}

/// Why a proof was not accepted: for the log and the metrics.
public enum DPoPRefusal: Error, Hashable, Sendable {
  /// Not one well-formed `dpop+jwt`, or not exactly one.
  case form
  /// No sound public key of a permitted algorithm inside.
  case key
  case signature
  /// A claim is missing or not of its type.
  case claim
  /// For another method or URL.
  case request
  /// For another access token.
  case token
  /// Too old, or from the future.
  case time
  /// Without the nonce that was asked for, or with an old one.
  case nonce
  /// Seen before.
  case replayed
  /// No room to remember it: refused rather than taken unseen.
  case overloaded
  /// No room for one more of its tenant's.
  case tenantOverloaded

  /// Whether something is wrong with the proof itself; a nonce is asked for with every first call.
  public var isOfClient: Bool {
    switch self {
    case .nonce, .overloaded, .tenantOverloaded: false
    default: true
    }
  }

  /// A short constant name for logs and metrics.
  public var reason: StaticString {
    switch self {
    case .form: "dpop_form"
    case .key: "dpop_key"
    case .signature: "dpop_signature"
    case .claim: "dpop_claim"
    case .request: "dpop_request"
    case .token: "dpop_token"
    case .time: "dpop_time"
    case .nonce: "dpop_nonce"
    case .replayed: "dpop_replayed"
    case .overloaded: "dpop_overloaded"
    case .tenantOverloaded: "dpop_tenant_overloaded"
    }
  }
}
