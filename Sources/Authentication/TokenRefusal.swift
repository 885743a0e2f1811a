/// Why a token was not accepted: precise, for the audit log and the metrics. The client learns no
/// more than `isExpired`, so that answers do not tell which issuers and keys exist.
public enum TokenRefusal: Error, Hashable, Sendable {
  /// The part of a token that a refusal is about.
  public enum Part: Hashable, Sendable { case header, claims, signature }

  // The form.

  /// Longer than `TokenLimits.bytes`, or a decoded header longer than `TokenLimits.headerBytes`.
  case tooLarge(bytes: Int)
  /// Not three parts but that many; five is an encrypted token (RFC 7516).
  case parts(Int)
  /// A part is empty or not the canonical base64url of anything.
  case encoding(Part)
  /// A part is not one strict JSON object within the limits.
  case json(Part)

  // The header.

  /// A registered header member is missing or not of its type.
  case headerMember(HeaderMember)
  /// `crit`, `b64` or `zip`: extensions that change what the signature covers.
  case extensionMember(HeaderMember)
  /// `typ` is not one that the issuer's access tokens carry.
  case type

  // The issuer, its algorithms and keys.

  /// No issuer of exactly that `iss` is configured.
  case issuer
  /// `alg` is unknown here or not allowed for the issuer; `none` is never known.
  case algorithm
  /// The key of that `kid` is of another algorithm than the header says.
  case algorithmOfKey
  /// No key of that `kid`; without a `kid`, no key of the algorithm; or the issuer's keys have not
  /// been fetched yet.
  case key
  /// No `kid`, and the issuer has several keys of the algorithm.
  case keyAmbiguous
  /// The signature is not the key's over these bytes.
  case signature

  // The claims.

  /// A registered claim is missing or not of its type or range.
  case claim(Claim)
  /// An ID, refresh or logout token: signed by the issuer, but not for access.
  case notForAccess
  /// Bound to a client's certificate or key (`cnf`), and this request does not prove to have it; or
  /// presented with a proof although it is bound to none; or bound in a way not known here.
  case bound
  /// Its `jti`, its key or its subject's tokens up to an instant are not believed any more.
  case revoked
  case audience
  /// `exp` has passed by more than the clock skew.
  case expired
  /// `nbf` lies ahead by more than the clock skew.
  case notYetValid
  /// `iat` lies ahead by more than the clock skew.
  case issuedAhead
  /// The issuer's introspection endpoint does not know the token, or no longer.
  case inactive
  /// From `iat` to `exp` is longer than the issuer's `maxLifetime`.
  case lifetime
  /// The condition of that index in the issuer's `require` does not hold.
  case requirement(Int)

  /// The header members that rules are about (RFC 7515 §4.1, RFC 7516 §4.1.3, RFC 7797 §3).
  public enum HeaderMember: Hashable, Sendable { case alg, kid, typ, crit, b64, zip }

  /// The claims that rules are about (RFC 7519 §4.1).
  public enum Claim: Hashable, Sendable { case iss, sub, aud, exp, nbf, iat, jti }

  /// Whether the client is told that the token has expired, the one reason it is told.
  public var isExpired: Bool { self == .expired }

  /// A short constant name for logs and metrics; refusals of one kind share it.
  public var reason: StaticString {
    switch self {
    case .tooLarge: "too_large"
    case .parts: "not_compact"
    case .encoding: "encoding"
    case .json: "json_strict"
    case .headerMember: "header"
    case .extensionMember: "extension"
    case .type: "typ"
    case .issuer: "iss"
    case .algorithm: "alg_not_allowed"
    case .algorithmOfKey: "alg_key_mismatch"
    case .key: "key_unknown"
    case .keyAmbiguous: "key_ambiguous"
    case .signature: "signature"
    case .claim: "claim"
    case .notForAccess: "token_kind"
    case .bound: "cnf_mismatch"
    case .revoked: "revoked"
    case .audience: "aud"
    case .expired: "expired"
    case .notYetValid: "not_yet_valid"
    case .issuedAhead: "issued_ahead"
    case .inactive: "inactive"
    case .lifetime: "lifetime"
    case .requirement: "requirement"
    }
  }
}

/// The limits of tokens and key sets.
public enum TokenLimits {
  /// A token, as long as the longest header field that carries one.
  public static let bytes = 8 * 1024
  /// A decoded header: `alg`, `kid`, `typ` and what providers add to them.
  public static let headerBytes = 2 * 1024
  /// A `kid`: providers use at most 64 bytes or so; hashes in any spelling fit.
  public static let keyIDBytes = 256
  /// Members of the claims object.
  public static let claims = 256
  /// A key set document, and keys in it: providers publish two to ten keys.
  public static let keySetBytes = 256 * 1024
  public static let keys = 64
}
