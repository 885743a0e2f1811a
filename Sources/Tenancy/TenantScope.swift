public import Authentication
public import Bytes
import JSONText

/// Proof that a verified token acts for one tenant: the second link of the chain of proofs.
///
/// Rules of this file: the one stored property is private and
/// `TenancyPolicy.scope(of:selecting:at:)` below is the only place that makes one. Never `Codable`
/// or `RawRepresentable`, no default, no other initialiser. Immutable; copying costs one reference
/// count.
public struct TenantScope: Sendable {
  private let proven: Proven

  private final class Proven: Sendable {
    // What most requests ask stands together, before the large decision.
    let token: VerifiedToken
    let generation: UInt64
    let hasNoRates: Bool
    let decision: Decision
    /// The token's, in storage of its own as the decision's names are.
    let issuer: ByteSlice

    init(_ decision: Decision, token: VerifiedToken, generation: UInt64) {
      self.decision = decision.detached
      issuer = ByteSlice(copying: token.issuerID.span)
      self.token = token
      self.generation = generation
      hasNoRates = decision.policy.limits.hasNoRatesAnywhere
    }
  }

  fileprivate init(_ decision: Decision, provenBy token: VerifiedToken, generation: UInt64) {
    proven = Proven(decision, token: token, generation: generation)
  }

  public var tenant: Name { proven.decision.tenant }
  /// The mapped namespace, what `~` means; nil if the mapping names none.
  public var namespace: Name? { proven.decision.namespace }
  /// The caller's name in the gateway's words, for `authid`.
  public var principal: ByteSlice { proven.decision.principal }
  /// The policy's tag for the caller's service.
  public var service: ByteSlice? { proven.decision.service }
  /// The CloudEvents source of events that carry none.
  public var source: ByteSlice? { proven.decision.source }
  /// The id of the issuer whose token this is.
  public var issuer: ByteSlice { proven.issuer }
  /// The token that proves it: who keeps the scope can have it decided anew.
  public var token: VerifiedToken { proven.token }
  /// When the token ends, and with it every stream opened under it.
  public var expires: UnixTime { proven.token.expires }
  /// From when on the policy may decide otherwise, because a grant begins or ends.
  public var changes: UnixTime { proven.decision.changes }
  /// The policy snapshot that decided.
  public var generation: UInt64 { proven.generation }
  /// What the file says about the tenant.
  public var policy: TenantPolicy { proven.decision.policy }
  /// Whether the caller holds `admin` of its tenant.
  public var isOperator: Bool { proven.decision.grants.isOperator }

  /// Whether the caller may do `action` on a topic of its own tenant. Allocates nothing.
  public func may(_ action: Action, namespace: Name, topic: Name) -> Bool {
    proven.decision.grants.allows(action, namespace: namespace, topic: topic)
  }

  /// Whether the caller may do `action` on a namespace of its own tenant; see `GrantTable`.
  public func may(_ action: Action, namespace: Name) -> Bool {
    proven.decision.grants.allows(action, namespace: namespace)
  }

  var decision: Decision { proven.decision }

  /// Whether no rate of its own tenant bounds it anywhere.
  var hasNoRates: Bool { proven.hasNoRates }

  /// What it holds in its own tenant.
  var ownGrants: GrantTable { proven.decision.grants }

  /// What the policy says about payloads published to a topic of its own tenant.
  func takes(_ payload: JSONDocument?, namespace: Name, topic: Name) -> Bool {
    proven.decision.grants.takes(payload, namespace: namespace, topic: topic)
  }

  /// The agreement under which the caller may do `action` on a topic of another tenant.
  func share(
    _ action: Action, of tenant: Name, namespace: Name, topic: Name
  ) throws(TenancyRefusal) -> SharedTopics {
    try proven.decision.share(action, of: tenant, namespace: namespace, topic: topic)
  }

  /// The namespace that a reference means; `notFound` for another tenant's.
  func resolve(tenant: Name?, namespace: Name?) throws(TenancyRefusal) -> Name {
    try proven.decision.resolve(tenant: tenant, namespace: namespace)
  }
}

extension TenancyPolicy {
  /// For which tenant a verified token acts. `selecting` is the tenant that the request names: it
  /// decides only for tokens that map to several.
  ///
  /// Costs a walk over the issuer's mappings: keep the scope beside the cached token until
  /// `generation` differs or `changes` has come.
  public func scope(
    of token: VerifiedToken, selecting: TenantSelection? = nil, at now: UnixTime
  ) throws(TenancyRefusal) -> TenantScope {
    let decision = try decision(
      issuer: token.issuerID, claims: token.claims, selecting: selecting, at: now)
    return TenantScope(decision, provenBy: token, generation: generation)
  }

  /// What an earlier policy's scope is under this one: the same token for the same tenant, or a
  /// refusal. For what outlives a request: streams and tickets.
  ///
  /// - Parameter token: what the same token says now, where its issuer has been asked again.
  public func scope(
    again scope: TenantScope, with token: VerifiedToken? = nil, at now: UnixTime
  ) throws(TenancyRefusal) -> TenantScope {
    let again = try self.scope(of: token ?? scope.token, selecting: .path(scope.tenant), at: now)
    guard again.tenant == scope.tenant else { throw .notFound }
    return again
  }
}
