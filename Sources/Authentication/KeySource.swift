public import Bytes
public import Crypto
public import JSONText
public import Settings

/// Where an issuer's keys come from.
public enum KeySource: Sendable, Hashable {
  /// They were made with the profile and stay.
  case fixed
  /// A file with a JWK Set, as the configuration names it; looked at for changes.
  case file(String)
  /// A JWK Set, fetched over HTTP(S) and looked at again from time to time.
  case remote(RemoteKeys)
}

/// A JWK Set on the network.
public struct RemoteKeys: Sendable, Hashable {
  public enum Location: Sendable, Hashable {
    /// The set's own URL.
    case url(ByteSlice)
    /// The URL of a metadata document whose `jwks_uri` names the set (OpenID Connect Discovery §4,
    /// RFC 8414 §3) and whose `issuer` must be exactly the issuer's.
    case discovery(ByteSlice)
  }

  public let location: Location
  public let rules: FetchRules
  /// The longest time between two looks; what the server says about caching may shorten it.
  public let refresh: TimeSpan
  /// Whether the gateway counts as ready before the set has been fetched once.
  public let isLazy: Bool

  public init(
    location: Location, rules: FetchRules, refresh: TimeSpan = defaultRefresh,
    isLazy: Bool = false
  ) {
    self.location = location
    self.rules = rules
    self.refresh = refresh
    self.isLazy = isLazy
  }

  public static let defaultRefresh: TimeSpan = .seconds(3600)
  /// More often than every ten seconds would be a load on the issuer, more seldom than daily would
  /// keep withdrawn keys alive.
  public static let refreshes: ClosedRange<TimeSpan> = .seconds(10) ... .seconds(86_400)
}

/// Whom the gateway may connect to in order to fetch something.
public struct FetchRules: Sendable, Hashable {
  /// Private, link-local and loopback addresses that are allowed; all other ones of that kind are
  /// refused.
  public let addresses: [AddressRange]
  /// A file with the authorities that are trusted instead of the system's, as the configuration
  /// names it; nil for the system's.
  public let authorities: String?

  public init(addresses: [AddressRange] = [], authorities: String? = nil) {
    self.addresses = addresses
    self.authorities = authorities
  }
}

/// How opaque tokens are looked up at their issuer (RFC 7662).
public struct IntrospectionTerms: Sendable, Hashable {
  public let url: ByteSlice
  public let rules: FetchRules
  /// How the gateway is known to the endpoint (RFC 6749 §2.3.1).
  public let clientID: ByteSlice
  public let clientSecret: SecretReference
  /// How the issuer's opaque tokens begin; empty for any.
  public let prefix: ByteSlice
  /// How long the answer about an active token may be used.
  public let lifetime: TimeSpan

  public init(
    url: ByteSlice, rules: FetchRules, clientID: ByteSlice, clientSecret: SecretReference,
    prefix: ByteSlice = .empty, lifetime: TimeSpan = defaultLifetime
  ) {
    self.url = url
    self.rules = rules
    self.clientID = clientID
    self.clientSecret = clientSecret
    self.prefix = prefix
    self.lifetime = lifetime
  }

  public static let defaultLifetime: TimeSpan = .seconds(30)
  public static let lifetimes: ClosedRange<TimeSpan> = .seconds(1) ... .seconds(300)
  /// How long the answer about any other token is used.
  public static let refusedLifetime: TimeSpan = .seconds(5)
}

/// A secret for callers that cannot have tokens; the configuration knows only its digest.
public struct APIKey: Sendable {
  /// Becomes the `sub` of its bearer.
  public let id: ByteSlice
  /// The SHA-256 of the key's text.
  public let digest: Digest
  public let expires: UnixTime
  /// What mappings see: `sub` and what the configuration adds.
  public let claims: JSONDocument

  public init(id: ByteSlice, digest: Digest, expires: UnixTime, claims: JSONDocument) {
    self.id = id
    self.digest = digest
    self.expires = expires
    self.claims = claims
  }
}
