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

  /// Checks the proof (RFC 9449 §4.3, points 2 to 12). Takes the time of examining a public key and
  /// of one verification.
  public init(verifying text: ByteSlice, for occasion: Occasion) throws(DPoPRefusal) {
    let (key, claims) = try Self.authenticate(text)
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
    self.key = key
    var name = ByteWriter(capacity: 512)
    name.append(prefixed: key)
    name.append(prefixed: id)
    name.append(url)
    self.name = Digest.sha256(name.slice)
  }

  /// The thumbprint of the key inside the proof, which has signed it, and the proof's claims.
  private static func authenticate(
    _ text: ByteSlice
  ) throws(DPoPRefusal) -> (ByteSlice, JSONNode) {
    guard let token = try? CompactToken(parsing: text),
      let header = try? TokenHeader(parsing: token.header),
      let claims = try? StrictObject.parse(token.claims, .claims)
    else { throw .form }
    guard let type = header.type, type.equalsIgnoringCase("dpop+jwt") else { throw .form }
    guard let algorithm = SignatureAlgorithm(named: header.algorithm),
      algorithms.contains(algorithm), let node = header.proofKey
    else { throw .key }
    guard let parsed = try? JSONWebKey(node, at: 0),
      (try? parsed.algorithm(among: [algorithm])) == algorithm,
      let key = try? parsed.verifying(algorithm), let thumbprint = key.thumbprint
    else { throw .key }
    guard key.verify(token.signature, over: token.signingInput) else { throw .signature }
    return (thumbprint, claims.root)
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
    }
  }
}

/// URLs for comparison (RFC 3986 §6.2.2, §6.2.3; RFC 9449 §4.3).
enum HTTPURL {
  /// Scheme and authority in lower case, a default port left out, no query or fragment, escapes in
  /// upper case and none that need not be; nil for no absolute http(s) URL.
  static func normalized(_ url: ByteSlice) -> ByteSlice? {
    let isSecure = url.prefix(8).equalsIgnoringCase("https://")
    guard isSecure || url.prefix(7).equalsIgnoringCase("http://") else { return nil }
    let end = url.array.firstIndex { $0 == ASCII.questionMark || $0 == 0x23 } ?? url.count
    let rest = url[(isSecure ? 8 : 7)..<max(end, isSecure ? 8 : 7)]
    let pathStart = rest.firstIndex(of: ASCII.slash) ?? rest.count
    var authority = rest.prefix(pathStart).array.map(ASCII.lowercased)
    let port = isSecure ? ":443" : ":80"
    if authority.suffix(port.utf8.count).elementsEqual(port.utf8) {
      authority.removeLast(port.utf8.count)
    }
    guard !authority.isEmpty else { return nil }
    var normal = ByteWriter(capacity: url.count)
    normal.append(isSecure ? "https://" : "http://")
    normal.append(authority)
    guard appendPath(rest.dropFirst(pathStart), to: &normal) else { return nil }
    return normal.slice
  }

  private static func appendPath(_ path: ByteSlice, to normal: inout ByteWriter) -> Bool {
    guard !path.isEmpty else {
      normal.append(ASCII.slash)
      return true
    }
    var index = 0
    while index < path.count {
      let byte = path[index]
      guard byte == ASCII.percent else {
        normal.append(byte)
        index += 1
        continue
      }
      guard index + 2 < path.count, let high = ASCII.hexValue(path[index + 1]),
        let low = ASCII.hexValue(path[index + 2])
      else { return false }
      let decoded = high << 4 | low
      if isUnreserved(decoded) {
        normal.append(decoded)
      } else {
        normal.append(ASCII.percent)
        for digit in [high, low] {
          normal.append(digit < 10 ? ASCII.zero + digit : 0x41 + digit - 10)
        }
      }
      index += 3
    }
    return true
  }

  private static func isUnreserved(_ byte: UInt8) -> Bool {
    ASCII.isAlphanumeric(byte) || byte == ASCII.minus || byte == ASCII.dot
      || byte == ASCII.underscore || byte == ASCII.tilde
  }
}

extension KeySet.Key {
  /// The thumbprint of a public key in base64url.
  fileprivate var thumbprint: ByteSlice? {
    guard case .asymmetric(let key) = verifier else { return nil }
    return key.material.thumbprint
  }
}
