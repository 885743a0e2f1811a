import Settings

/// What the configuration file says about one tenant, and what its namespaces inherit from it.
public struct TenantPolicy: Sendable, Equatable {
  /// What a changed schema must keep to where a namespace says nothing.
  public enum Compatibility: Sendable {
    /// Every retained event stays valid under the current schema.
    case backwardTransitive
    /// Nothing.
    case none
  }

  /// A topic without a schema takes nothing, whatever its namespace says.
  public let requireSchema: Bool
  /// What a namespace has that sets no policy of its own.
  public let defaults: NamespaceDefaults

  /// The values a namespace starts with.
  public struct NamespaceDefaults: Sendable, Equatable {
    public let requireSchema: Bool
    /// Topics come into being on first use.
    public let autoCreate: Bool
    public let compatibility: Compatibility
  }

  /// Compiles `tenants.<name>`; an empty mapping and null mean the defaults.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    if case .null = node.value {
      requireSchema = false
      defaults = NamespaceDefaults(
        requireSchema: false, autoCreate: true, compatibility: .backwardTransitive)
      return
    }
    var tenant = try SettingsMapping(node)
    requireSchema = try tenant.bool("requireSchema", absent: false)
    let autoCreate = try tenant.bool("autoCreate", absent: true)
    defaults = try Self.defaults(tenant.optional("namespaceDefaults"), autoCreate: autoCreate)
    if let limits = tenant.optional("limits") { try Self.refuseLimits(limits) }
    try tenant.finish()
  }

  private static func defaults(
    _ node: SettingsNode?, autoCreate: Bool
  ) throws(SettingsFault) -> NamespaceDefaults {
    guard let node else {
      return NamespaceDefaults(
        requireSchema: false, autoCreate: autoCreate, compatibility: .backwardTransitive)
    }
    var reader = try SettingsMapping(node)
    let requireSchema = try reader.bool("requireSchema", absent: false)
    let ownAutoCreate = try reader.bool("autoCreate", absent: autoCreate)
    let compatibility = try reader.optional("compatibility").map {
      node throws(SettingsFault) in try Self.compatibility(node)
    }
    try reader.notBuiltYet("retention", "retention by policy")
    try reader.notBuiltYet("ttl", "time to live of events")
    try reader.notBuiltYet("backlogQuota", "backlog quotas")
    try reader.notBuiltYet("dedup", "deduplication by producer")
    try reader.notBuiltYet("limits", "limits of namespaces")
    try reader.finish()
    return NamespaceDefaults(
      requireSchema: requireSchema, autoCreate: ownAutoCreate,
      compatibility: compatibility ?? .backwardTransitive)
  }

  private static func compatibility(_ node: SettingsNode) throws(SettingsFault) -> Compatibility {
    switch try node.text() {
    case "NONE": return .none
    case "BACKWARD_TRANSITIVE": return .backwardTransitive
    case let word
    where ["BACKWARD", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"].contains(word):
      throw node.fault(.notBuiltYet("compatibility \(word)"))
    case let word:
      throw node.fault(.invalid("'\(word)' is none of NONE, BACKWARD_TRANSITIVE"))
    }
  }

  private static func refuseLimits(_ node: SettingsNode) throws(SettingsFault) {
    var limits = try SettingsMapping(node)
    try limits.notBuiltYet("publishRate", "limits of tenants")
    try limits.notBuiltYet("publishBytes", "limits of tenants")
    try limits.notBuiltYet("streams", "limits of tenants")
    try limits.notBuiltYet("storage", "limits of tenants")
    try limits.notBuiltYet("burst", "limits of tenants")
    try limits.finish()
  }
}
