package import Bytes
package import Crypto

/// One issuer whose tokens are accepted, and under which rules. Immutable; part of a snapshot that is
/// swapped whole.
package struct IssuerProfile: Sendable {
  /// The name by which mappings refer to the issuer.
  package let id: ByteSlice
  /// The exact value of `iss`.
  package let issuer: ByteSlice
  /// The values of `aud` that mean this gateway; at least one.
  package let audiences: [ByteSlice]
  /// The algorithms its tokens may be signed with.
  package let algorithms: [SignatureAlgorithm]
  package let keys: KeySet
  package let types: TokenTypes
  /// The longest time from `iat` to `exp`, inclusive; nil without a bound.
  package let maxLifetime: TimeSpan?
  /// How far the issuer's clock may be off when a token is presented. A stream ends at `exp` itself.
  package let clockSkew: TimeSpan
  /// What else must hold for the claims of its tokens.
  package let requirements: [ClaimCondition]

  package static let defaultClockSkew: TimeSpan = .seconds(30)
  /// A wider skew would keep dead tokens alive for longer than anybody expects.
  package static let clockSkews: ClosedRange<TimeSpan> = .zero ... .seconds(120)
  /// What an issuer may use that says nothing about it: every public-key algorithm.
  package static let defaultAlgorithms = SignatureAlgorithm.allCases.filter { !$0.isSymmetric }

  package init(
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
