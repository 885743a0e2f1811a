import Bytes
import JSONText
import Settings

/// Where a mapping takes the tenant from: a name, a template, or a closed table of a claim's values
/// (`tenantMap`).
enum TenantSource: Sendable {
  case name(NameSource)
  case table(TenantTable)

  /// Takes `tenant` or `tenantMap` out of a mapping; exactly one of them must be there.
  init(readingFrom mapping: inout SettingsMapping) throws(SettingsFault) {
    let table = mapping.optional("tenantMap")
    guard let table else {
      self = .name(try NameSource(compiling: try mapping.required("tenant")))
      return
    }
    if let tenant = mapping.optional("tenant") {
      throw tenant.fault(.invalid("a mapping has 'tenant' or 'tenantMap', not both"))
    }
    self = .table(try TenantTable(compiling: table))
  }

  /// The tenants that the file itself names, with their places; none for a template.
  var named: [Name] {
    switch self {
    case .name(.fixed(let name)): [name]
    case .name(.claims): []
    case .table(let table): table.tenants
    }
  }

  /// The tenant for these claims, or why there is none.
  func tenant(in claims: JSONDocument) throws(TenantSourceFault) -> Name {
    switch self {
    case .name(let source):
      guard let name = source.name(in: claims) else { throw .templateFailed }
      return name
    case .table(let table):
      guard let name = table.tenant(in: claims) else { throw .unlisted(table.claim) }
      return name
    }
  }
}

/// Why a mapping names no tenant for some claims.
enum TenantSourceFault: Error {
  /// A claim of the template is absent or spells no name.
  case templateFailed
  /// The claim is absent, or its value stands in no line of the table.
  case unlisted(JSONPointer)
}

/// `tenantMap: {claim: "/org_id", values: {org_9Zx: acme, org_7Qw: globex}}`: a claim's value is
/// looked up, byte by byte. The table is closed: a value that is not in it means no tenant.
struct TenantTable: Sendable {
  /// The claim that is looked up: a string, or an integer in its decimal digits.
  let claim: JSONPointer
  private let values: [ByteSlice: Name]

  init(compiling node: SettingsNode) throws(SettingsFault) {
    var table = try SettingsMapping(node)
    let claimNode = try table.required("claim")
    let text = try claimNode.bytes()
    guard text.starts(with: "/"), let pointer = JSONPointer(parsing: text) else {
      throw claimNode.fault(.invalid("not a JSON pointer such as /org_id"))
    }
    claim = pointer
    let list = try table.required("values")
    var values: [ByteSlice: Name] = [:]
    for entry in try list.entries() {
      guard let name = Name(try entry.value.bytes()) else {
        throw entry.value.fault(.invalid(Name.rule))
      }
      values[entry.key] = name
    }
    guard !values.isEmpty else { throw list.fault(.invalid("the table is empty")) }
    self.values = values
    try table.finish()
  }

  /// Each tenant once, in byte order.
  var tenants: [Name] { Set(values.values).sorted() }

  func tenant(in claims: JSONDocument) -> Name? {
    guard let node = claims.root.at(claim) else { return nil }
    return (node.string ?? node.integer.map { ByteSlice(utf8: String($0)) })
      .flatMap { values[$0] }
  }
}
