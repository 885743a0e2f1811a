public import Bytes
public import Crypto

/// One issuer whose tokens are accepted, and under which rules. Immutable; part of a snapshot that
/// is swapped whole.
public struct IssuerProfile: Sendable {
  /// The name by which mappings refer to the issuer.
  public let id: ByteSlice
  /// The exact value of `iss`.
  public let issuer: ByteSlice
  /// The values of `aud` that mean this gateway; at least one.
  public let audiences: [ByteSlice]
  /// The algorithms its tokens may be signed with.
  public let algorithms: [SignatureAlgorithm]
  public let keys: KeySet
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
  /// What an issuer may use that says nothing about it: every public-key algorithm.
  public static let defaultAlgorithms = SignatureAlgorithm.allCases.filter { !$0.isSymmetric }

  public init(
    id: ByteSlice, issuer: ByteSlice, audiences: [ByteSlice],
    algorithms: [SignatureAlgorithm] = defaultAlgorithms, keys: KeySet,
    types: TokenTypes = .standard, maxLifetime: TimeSpan? = nil,
    clockSkew: TimeSpan = defaultClockSkew, requirements: [ClaimCondition] = []
  ) {
    self.id = id
    self.issuer = issuer
    self.audiences = audiences
    self.algorithms = algorithms
    self.keys = keys
    self.types = types
    self.maxLifetime = maxLifetime
    self.clockSkew = clockSkew
    self.requirements = requirements
  }
}
