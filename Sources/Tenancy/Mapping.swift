import Authentication
public import Bytes
public import JSONText
import Settings

/// One rule of the policy: claims of an issuer's tokens → tenant, namespace, principal, grants.
struct Mapping: Sendable {
  let id: ByteSlice
  /// The id of the issuer whose tokens it reads.
  let issuer: ByteSlice
  /// All must hold.
  let conditions: [ClaimCondition]
  let tenant: TenantSource
  /// Whether the field `Jodrell-Tenant` may choose its tenant among several.
  let isChosenByHeader: Bool
  let namespace: NameSource?
  let principal: ClaimTemplate
  let service: ClaimTemplate?
  let source: ClaimTemplate?
  let allow: [GrantRule]
  let deny: [GrantRule]
  /// The tenant of which nothing but `subscribe` is granted.
  private let readOnly: Name?

  /// The longest id, in bytes.
  static let maxIDLength = 128

  init(compiling node: SettingsNode, readOnly: Name?) throws(SettingsFault) {
    self.readOnly = readOnly
    var mapping = try SettingsMapping(node)
    let idNode = try mapping.required("id")
    id = try idNode.bytes()
    guard Name(id) != nil else { throw idNode.fault(.invalid(Name.rule)) }
    issuer = try mapping.required("issuer").bytes()
    conditions = try ClaimCondition.compile(try mapping.required("when"))
    tenant = try TenantSource(readingFrom: &mapping)
    isChosenByHeader = try Self.isChosenByHeader(mapping.optional("select"))
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
    deny = try GrantRule.compile(
      mapping.optional("deny"), hasNamespace: namespace != nil, isDenial: true)
    try mapping.finish()
    if let readOnly, tenant.named.contains(readOnly),
      allow.contains(where: { $0.action != .subscribe })
    {
      throw node.fault(
        .invalid("the tenant '\(readOnly.text)' is the gateway's own: it can only be read"))
    }
    guard !allow.isEmpty || !deny.isEmpty else {
      throw node.fault(.invalid("a mapping allows or denies something"))
    }
  }

  private static func isChosenByHeader(_ node: SettingsNode?) throws(SettingsFault) -> Bool {
    guard let node else { return false }
    switch try node.text() {
    case "header": return true
    case "path": return false
    default: throw node.fault(.invalid("a tenant is selected by 'path' or by 'header'"))
    }
  }

  /// What the mapping yields for these claims, or why nothing.
  ///
  /// - Parameter now: of grants and denials with a time, those that hold now count.
  func outcome(
    for claims: JSONDocument, at now: UnixTime, isDeclared: (Name) -> Bool
  ) -> MappingOutcome {
    for condition in conditions where !condition.holds(in: claims) {
      return .conditionFailed(condition.pointer)
    }
    let tenant: Name
    do throws(TenantSourceFault) {
      tenant = try self.tenant.tenant(in: claims)
    } catch {
      switch error {
      case .templateFailed: return .templateFailed(.tenant)
      case .unlisted(let claim): return .unlistedTenant(claim)
      }
    }
    guard isDeclared(tenant) else { return .undeclaredTenant }
    let namespace = namespace?.name(in: claims)
    if self.namespace != nil, namespace == nil { return .templateFailed(.namespace) }
    guard let principal = principal.text(in: claims) else { return .templateFailed(.principal) }
    let service = service?.text(in: claims)
    if self.service != nil, service == nil { return .templateFailed(.service) }
    let source = source?.text(in: claims)
    if self.source != nil, source == nil { return .templateFailed(.source) }
    let facts = CallerFacts(tenant: tenant, namespace: namespace, principal: principal)
    func held(_ rules: [GrantRule]) -> [Grant] {
      rules.compactMap { rule in
        guard rule.time.contains(now) else { return nil }
        if rule.owner ?? tenant == readOnly, rule.action != .subscribe { return nil }
        return Grant(rule: id, rule, for: facts, claims)
      }
    }
    return .matched(
      MappedCaller(
        rule: id, tenant: tenant, namespace: namespace, principal: principal, service: service,
        source: source, isChosenByHeader: isChosenByHeader, allow: held(allow),
        deny: held(deny), changes: change(after: now)))
  }

  /// When a grant or a denial begins or ends next.
  private func change(after now: UnixTime) -> UnixTime {
    (allow + deny).map { $0.time.change(after: now) }.min() ?? .distantFuture
  }
}

/// What one mapping made of a token.
public enum MappingOutcome: Sendable {
  /// The templates of a mapping.
  public enum Field: String, Sendable {
    case tenant, namespace, principal, service, source
  }

  case matched(MappedCaller)
  /// The condition of `when` on the claim at this pointer does not hold.
  case conditionFailed(JSONPointer)
  /// A claim of this template is absent or spells nothing usable.
  case templateFailed(Field)
  /// The claims name a tenant that the file does not declare.
  case undeclaredTenant
  /// The value of the claim at this pointer stands in no line of the mapping's `tenantMap`.
  case unlistedTenant(JSONPointer)
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
  /// Whether the field `Jodrell-Tenant` may choose its tenant among several.
  public let isChosenByHeader: Bool
  public let allow: [Grant]
  public let deny: [Grant]
  /// When a grant or a denial of the mapping begins or ends next.
  public let changes: UnixTime
}
