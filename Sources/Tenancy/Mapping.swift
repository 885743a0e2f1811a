import Authentication
public import Bytes
import JSONText
import Settings

/// One rule of the policy: claims of an issuer's tokens → tenant, namespace, principal, grants.
struct Mapping: Sendable {
  let id: ByteSlice
  /// The id of the issuer whose tokens it reads.
  let issuer: ByteSlice
  /// All must hold.
  let conditions: [ClaimCondition]
  let tenant: NameSource
  let namespace: NameSource?
  let principal: ClaimTemplate
  let service: ClaimTemplate?
  let source: ClaimTemplate?
  let allow: [GrantRule]
  let deny: [GrantRule]

  /// The longest id, in bytes.
  static let maxIDLength = 128

  init(compiling node: SettingsNode) throws(SettingsFault) {
    var mapping = try SettingsMapping(node)
    let idNode = try mapping.required("id")
    id = try idNode.bytes()
    guard Name(id) != nil else { throw idNode.fault(.invalid(Name.rule)) }
    issuer = try mapping.required("issuer").bytes()
    conditions = try ClaimCondition.compile(try mapping.required("when"))
    tenant = try NameSource(compiling: try mapping.required("tenant"))
    namespace = try mapping.optional("namespace").map { node throws(SettingsFault) in
      try NameSource(compiling: node)
    }
    principal = try ClaimTemplate(compiling: try mapping.required("principal"))
    service = try mapping.optional("service").map { node throws(SettingsFault) in
      try ClaimTemplate(compiling: node)
    }
    source = try mapping.optional("source").map { node throws(SettingsFault) in
      try ClaimTemplate(compiling: node)
    }
    allow = try GrantRule.compile(mapping.optional("allow"), hasNamespace: namespace != nil)
    deny = try GrantRule.compile(mapping.optional("deny"), hasNamespace: namespace != nil)
    try mapping.notBuiltYet("tenantMap", "tables of tenants")
    try mapping.notBuiltYet("select", "selection of a tenant by header")
    try mapping.finish()
    guard !allow.isEmpty || !deny.isEmpty else {
      throw node.fault(.invalid("a mapping allows or denies something"))
    }
  }

  /// What the mapping yields for these claims, or why nothing.
  func outcome(
    for claims: JSONDocument, isDeclared: (Name) -> Bool
  ) -> MappingOutcome {
    for condition in conditions where !condition.holds(in: claims) { return .conditionFailed }
    guard let tenant = tenant.name(in: claims) else { return .templateFailed(.tenant) }
    guard isDeclared(tenant) else { return .undeclaredTenant }
    let namespace = namespace?.name(in: claims)
    if self.namespace != nil, namespace == nil { return .templateFailed(.namespace) }
    guard let principal = principal.text(in: claims) else { return .templateFailed(.principal) }
    let service = service?.text(in: claims)
    if self.service != nil, service == nil { return .templateFailed(.service) }
    let source = source?.text(in: claims)
    if self.source != nil, source == nil { return .templateFailed(.source) }
    return .matched(
      MappedCaller(
        rule: id, tenant: tenant, namespace: namespace, principal: principal, service: service,
        source: source, allow: grants(allow, namespace), deny: grants(deny, namespace)))
  }

  /// None is lost here: `./` without a namespace was refused when the mapping was compiled.
  private func grants(_ rules: [GrantRule], _ namespace: Name?) -> [Grant] {
    rules.compactMap { Grant(rule: id, $0, mapped: namespace) }
  }
}

/// What one mapping made of a token.
public enum MappingOutcome: Sendable {
  /// The templates of a mapping.
  public enum Field: String, Sendable {
    case tenant, namespace, principal, service, source
  }

  case matched(MappedCaller)
  /// A condition of `when` does not hold.
  case conditionFailed
  /// A claim of this template is absent or spells nothing usable.
  case templateFailed(Field)
  /// The claims name a tenant that the file does not declare.
  case undeclaredTenant
}

/// What one matching mapping says about the caller.
public struct MappedCaller: Sendable {
  /// The mapping's id.
  public let rule: ByteSlice
  public let tenant: Name
  public let namespace: Name?
  public let principal: ByteSlice
  public let service: ByteSlice?
  public let source: ByteSlice?
  public let allow: [Grant]
  public let deny: [Grant]
}
