public import Authentication
public import Bytes
public import Tenancy

/// Whom the gateway believes and what they may do: key sets and policy that were checked together.
/// Immutable; `AccessDesk` holds the one in force, and a change replaces it whole.
///
/// A class, so that a request that is decided by it copies none of its parts.
public final class AccessSnapshot: Sendable {
  /// Has a generation of its own: tokens stay known to a loop while it stays the same.
  public let verifier: TokenVerifier
  /// Has a generation of its own, which the scopes carry that it decided.
  public let policy: TenancyPolicy
  /// The `iss` of each configured issuer, for the protected-resource metadata (RFC 9728 §2).
  public let issuers: [ByteSlice]
  /// Pages of other origins that may call.
  let crossOrigin: CrossOrigin
  /// Counts the snapshots of a process, whichever part of them was new.
  public let generation: UInt64

  fileprivate init(
    verifier: TokenVerifier, policy: TenancyPolicy, issuers: [ByteSlice],
    crossOrigin: CrossOrigin, generation: UInt64
  ) {
    self.verifier = verifier
    self.policy = policy
    self.issuers = issuers
    self.crossOrigin = crossOrigin
    self.generation = generation
  }

  /// The first snapshot of a process.
  convenience init(
    verifier: TokenVerifier, policy: TenancyPolicy, issuers: [ByteSlice], crossOrigin: CrossOrigin
  ) {
    self.init(
      verifier: verifier, policy: policy, issuers: issuers, crossOrigin: crossOrigin,
      generation: 1)
  }

  /// The snapshot that follows this one. What is nil stays as it is.
  func replacing(
    verifier: TokenVerifier?, policy: TenancyPolicy?, issuers: [ByteSlice]?,
    crossOrigin: CrossOrigin?
  ) -> AccessSnapshot {
    AccessSnapshot(
      verifier: verifier ?? self.verifier, policy: policy ?? self.policy,
      issuers: issuers ?? self.issuers, crossOrigin: crossOrigin ?? self.crossOrigin,
      generation: generation + 1)
  }
}
