/// Every no of this room. Carries nothing of other tenants: a refusal is the same whether what was
/// asked for exists elsewhere or not.
public enum TenancyRefusal: Error, Equatable, Sendable {
  /// A path segment that spells no name, or a path with too few segments.
  case badName(PathPart)
  /// No mapping matches the token.
  case noTenant
  /// Mappings of several tenants match and the request selects none of them.
  case ambiguousTenant
  /// The request says `~` and the caller's mapping names no namespace.
  case noNamespace
  /// A tenant that is not the caller's: the same as a topic that does not exist.
  case notFound
  /// The caller's own tenant, but no grant for this action; said whether the topic exists or not.
  case forbidden(Action)
  /// The payload is not what the caller's grant lets it write: a `where` of the policy.
  case tenantMismatch
}

extension TenancyRefusal {
  /// The HTTP status that clients see.
  public var status: Int {
    switch self {
    case .badName: 400
    case .notFound: 404
    case .noTenant, .ambiguousTenant, .noNamespace, .forbidden, .tenantMismatch: 403
    }
  }

  /// The problem's code that clients see.
  public var code: StaticString {
    switch self {
    case .badName: "bad_name"
    case .noTenant: "no_tenant"
    case .ambiguousTenant: "ambiguous_tenant"
    case .noNamespace: "no_namespace"
    case .notFound: "not_found"
    case .forbidden: "forbidden"
    case .tenantMismatch: "tenant_mismatch"
    }
  }
}

/// The part of a path that a refusal is about.
public enum PathPart: String, Equatable, Sendable {
  case tenant, namespace, topic, subscription, document
}
