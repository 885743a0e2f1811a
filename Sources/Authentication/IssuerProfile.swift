public import Bytes
public import Crypto
public import JSONText

/// One issuer whose tokens are accepted, and under which rules. Immutable but for its keys; part of
/// a snapshot that is swapped whole, and shared by all tokens of the issuer.
public final class IssuerProfile: Sendable {
  /// The name by which mappings refer to the issuer.
  public let id: ByteSlice
  /// The exact value of `iss`; for API keys their issuer's name, for a trust domain whose tokens
  /// have none the domain's SPIFFE ID.
  public let issuer: ByteSlice
  /// The SPIFFE trust domain whose JWT-SVIDs it issues; nil for all others.
  public let trustDomain: TrustDomain?
  /// The values of `aud` that mean this gateway; at least one.
  public let audiences: [ByteSlice]
  /// The claim that holds them where it is not `aud`; nil for `aud`.
  public let audienceClaim: JSONPointer?
  /// The algorithms its tokens may be signed with.
  public let algorithms: [SignatureAlgorithm]
  /// Its keys of now.
  public let keys: IssuerKeys
  /// Where its keys come from, for whoever keeps them current.
  public let source: KeySource
  /// Where its opaque tokens are looked up; nil when it has none.
  public let introspection: IntrospectionTerms?
  /// Its API keys; for an issuer of these alone.
  public let apiKeys: [APIKey]
  public let types: TokenTypes
  /// The longest time from `iat` to `exp`, inclusive; nil without a bound.
  public let maxLifetime: TimeSpan?
  /// How far the issuer's clock may be off when a token is presented. A stream ends at `exp`
  /// itself.
  public let clockSkew: TimeSpan
  /// What else must hold for the claims of its tokens.
  public let requirements: [ClaimCondition]

  public static let defaultClockSkew: TimeSpan = .seconds(30)
  /// A wider skew would keep dead tokens alive for longer than anybody expects.
  public static let clockSkews: ClosedRange<TimeSpan> = .zero ... .seconds(120)
  /// What an issuer may use that says nothing about it: one algorithm for each common type of key,
  /// so that a key without `alg` has one meaning. ES384 and ES512 cost several times as much to
  /// verify, which whoever sends bad tokens can make the gateway do: an issuer has to ask for them.
  public static let defaultAlgorithms: [SignatureAlgorithm] = [.rs256, .es256, .edDSA]

  public init(
    id: ByteSlice, issuer: ByteSlice, trustDomain: TrustDomain? = nil, audiences: [ByteSlice],
    audienceClaim: JSONPointer? = nil,
    algorithms: [SignatureAlgorithm] = defaultAlgorithms, keys: IssuerKeys,
    source: KeySource = .fixed, introspection: IntrospectionTerms? = nil, apiKeys: [APIKey] = [],
    types: TokenTypes = .standard, maxLifetime: TimeSpan? = nil,
    clockSkew: TimeSpan = defaultClockSkew, requirements: [ClaimCondition] = []
  ) {
    self.id = id
    self.issuer = issuer
    self.trustDomain = trustDomain
    self.audiences = audiences
    self.audienceClaim = audienceClaim
    self.algorithms = algorithms
    self.keys = keys
    self.source = source
    self.introspection = introspection
    self.apiKeys = apiKeys
    self.types = types
    self.maxLifetime = maxLifetime
    self.clockSkew = clockSkew
    self.requirements = requirements
  }

  /// An issuer of these keys, which stay.
  public convenience init(
    id: ByteSlice, issuer: ByteSlice, audiences: [ByteSlice],
    algorithms: [SignatureAlgorithm] = defaultAlgorithms, keys: KeySet,
    types: TokenTypes = .standard, maxLifetime: TimeSpan? = nil,
    clockSkew: TimeSpan = defaultClockSkew, requirements: [ClaimCondition] = []
  ) {
    self.init(
      id: id, issuer: issuer, audiences: audiences, algorithms: algorithms,
      keys: IssuerKeys(keys), types: types, maxLifetime: maxLifetime, clockSkew: clockSkew,
      requirements: requirements)
  }

  /// The same issuer with the keys that another profile holds already: so that a new configuration
  /// does not forget what has been fetched.
  public func keeping(_ keys: IssuerKeys) -> IssuerProfile {
    IssuerProfile(
      id: id, issuer: issuer, trustDomain: trustDomain, audiences: audiences,
      audienceClaim: audienceClaim, algorithms: algorithms, keys: keys, source: source,
      introspection: introspection, apiKeys: apiKeys, types: types, maxLifetime: maxLifetime,
      clockSkew: clockSkew, requirements: requirements)
  }
}
