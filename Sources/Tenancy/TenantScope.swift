public import Authentication
public import Bytes

/// Proof that a verified token acts for one tenant: the second link of the chain of proofs.
///
/// Rules of this file: the one stored property is private and `TenancyPolicy.scope(of:selecting:)`
/// below is the only place that makes one. Never `Codable` or `RawRepresentable`, no default, no
/// other initialiser. Immutable; copying costs one reference count.
public struct TenantScope: Sendable {
  private let proven: Proven

  private final class Proven: Sendable {
    let decision: Decision
    let issuer: ByteSlice
    let expires: UnixTime
    let generation: UInt64

    init(_ decision: Decision, issuer: ByteSlice, expires: UnixTime, generation: UInt64) {
      self.decision = decision
      self.issuer = issuer
      self.expires = expires
      self.generation = generation
    }
  }

  fileprivate init(
    _ decision: Decision, provenBy token: borrowing VerifiedToken, generation: UInt64
  ) {
    proven = Proven(
      decision, issuer: token.issuerID, expires: token.expires, generation: generation)
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
  /// When the token ends, and with it every stream opened under it.
  public var expires: UnixTime { proven.expires }
  /// The policy snapshot that decided.
  public var generation: UInt64 { proven.generation }
  /// What the file says about the tenant.
  public var policy: TenantPolicy { proven.decision.policy }
  /// Whether the caller holds `admin` of its tenant.
  public var isOperator: Bool { proven.decision.grants.isOperator }
  /// Every grant held, for the caller's own eyes.
  public var grants: [Grant] { proven.decision.grants.all }
  /// Every denial, for the caller's own eyes; a denial beats each grant.
  public var denials: [Grant] { proven.decision.grants.allDenied }

  /// Whether the caller may do `action` on a topic of its own tenant. Allocates nothing.
  public func may(_ action: Action, namespace: Name, topic: Name) -> Bool {
    proven.decision.grants.allows(action, namespace: namespace, topic: topic)
  }

  /// Whether the caller may do `action` on a namespace of its own tenant; see `GrantTable`.
  public func may(_ action: Action, namespace: Name) -> Bool {
    proven.decision.grants.allows(action, namespace: namespace)
  }

  /// The namespace that a reference means; `notFound` for another tenant's.
  func resolve(tenant: Name?, namespace: Name?) throws(TenancyRefusal) -> Name {
    try proven.decision.resolve(tenant: tenant, namespace: namespace)
  }
}

extension TenancyPolicy {
  /// For which tenant a verified token acts. `selecting` is the tenant named in the request's path,
  /// which decides only for tokens that map to several.
  ///
  /// Costs a walk over the issuer's mappings: keep the scope beside the cached token until
  /// `generation` changes.
  public func scope(
    of token: VerifiedToken, selecting: Name? = nil
  ) throws(TenancyRefusal) -> TenantScope {
    let decision = try decision(
      issuer: token.issuerID, claims: token.claims, selecting: selecting)
    return TenantScope(decision, provenBy: token, generation: generation)
  }
}
