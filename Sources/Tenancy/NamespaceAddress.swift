import Bytes

/// Proof that a caller may do one action on a namespace of its tenant: list what it may see there,
/// or govern it.
///
/// Rules of this file: as in TopicAddress.swift; made only by the extensions below.
public struct NamespaceAddress: Sendable {
  private let proven: Proven

  private struct Proven: Sendable {
    let namespace: Name
    let action: Action
    let caller: TenantScope
    let tenant: Name
    let policy: TenantPolicy
  }

  fileprivate init(
    namespace: Name, action: Action, caller: TenantScope, of tenant: Name,
    under policy: TenantPolicy
  ) {
    proven = Proven(
      namespace: namespace, action: action, caller: caller, tenant: tenant, policy: policy)
  }

  /// The tenant that the namespace belongs to.
  public var tenant: Name { proven.tenant }
  /// What the file says about that tenant.
  public var policy: TenantPolicy { proven.policy }
  public var namespace: Name { proven.namespace }
  /// What the caller was granted on the namespace.
  public var action: Action { proven.action }
  /// Who was granted it, and until when.
  public var caller: TenantScope { proven.caller }

  /// The same proof with its name in storage of its own, for those who keep it longer than a
  /// request.
  public var detached: NamespaceAddress {
    NamespaceAddress(
      namespace: namespace.detached, action: action, caller: caller, of: tenant, under: policy)
  }

  /// Whether the caller may see that `topic` of this namespace exists: any action on it will do.
  public func shows(_ topic: Name) -> Bool {
    Action.allCases.contains { caller.may($0, namespace: namespace, topic: topic) }
  }
}

extension NamespaceAddress: Hashable {
  public static func == (left: NamespaceAddress, right: NamespaceAddress) -> Bool {
    left.namespace == right.namespace && left.tenant == right.tenant
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(tenant)
    hasher.combine(ASCII.slash)
    hasher.combine(namespace)
  }
}

extension NamespaceAddress: CustomStringConvertible {
  public var description: String { "\(tenant)/\(namespace)" }
}

extension TenantScope {
  /// The namespace that a request names, if the caller may do `action` on it: `manage` needs a
  /// grant for all of its topics, the others for some. Refusals as in `address(of:for:)`.
  public func namespace(
    of reference: NamespaceReference, for action: Action
  ) throws(TenancyRefusal) -> NamespaceAddress {
    try namespace(of: reference, forAnyOf: [action])
  }

  /// The namespace for the first of `actions` that the caller holds; for listing.
  public func namespace(
    of reference: NamespaceReference, forAnyOf actions: [Action]
  ) throws(TenancyRefusal) -> NamespaceAddress {
    let namespace = try resolve(tenant: reference.tenant, namespace: reference.namespace)
    for action in actions where may(action, namespace: namespace) {
      return NamespaceAddress(
        namespace: namespace, action: action, caller: self, of: tenant, under: policy)
    }
    throw .forbidden(actions.first ?? .admin)
  }
}

extension TopicAddress {
  /// The namespace the topic lies in, for reading the policy that judges the topic. Carries
  /// `publish` or `subscribe`, never `manage`: leave to govern one topic is none to govern them
  /// all.
  public var inNamespace: NamespaceAddress {
    NamespaceAddress(
      namespace: namespace, action: action == .publish ? .publish : .subscribe, caller: caller,
      of: tenant, under: policy)
  }
}
