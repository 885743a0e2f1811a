import Settings

/// What the configuration file says about one tenant, and what its namespaces inherit from it.
public struct TenantPolicy: Sendable, Equatable {
  /// What a changed schema must keep to where a namespace says nothing; `Schemas.Compatibility`
  /// says what the levels mean.
  public enum Compatibility: String, Sendable, CaseIterable {
    case none = "NONE"
    case backward = "BACKWARD"
    case backwardTransitive = "BACKWARD_TRANSITIVE"
    case forward = "FORWARD"
    case forwardTransitive = "FORWARD_TRANSITIVE"
    case full = "FULL"
    case fullTransitive = "FULL_TRANSITIVE"
    case alwaysIncompatible = "ALWAYS_INCOMPATIBLE"
  }

  /// How the writing schema is read when two are compared.
  public enum Evolution: String, Sendable, CaseIterable {
    case evolution
    case strict
  }

  /// A topic without a schema takes nothing, whatever its namespace says.
  public let requireSchema: Bool
  /// What bounds it.
  public let limits: TenantBounds
  /// What it lets other tenants use.
  public let offers: [TenantOffer]
  /// What a namespace has that sets no policy of its own.
  public let defaults: NamespaceDefaults

  /// The values a namespace starts with.
  public struct NamespaceDefaults: Sendable, Equatable {
    public let requireSchema: Bool
    /// Topics come into being on first use.
    public let autoCreate: Bool
    public let compatibility: Compatibility
    public let evolution: Evolution
  }

  /// Compiles `tenants.<name>`; an empty mapping and null mean the defaults.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    if case .null = node.value {
      requireSchema = false
      offers = []
      limits = .none
      defaults = NamespaceDefaults(
        requireSchema: false, autoCreate: true, compatibility: .backwardTransitive,
        evolution: .evolution)
      return
    }
    var tenant = try SettingsMapping(node)
    requireSchema = try tenant.bool("requireSchema", absent: false)
    let autoCreate = try tenant.bool("autoCreate", absent: true)
    defaults = try Self.defaults(tenant.optional("namespaceDefaults"), autoCreate: autoCreate)
    offers = try TenantOffer.compile(tenant.optional("shares"))
    limits =
      try tenant.optional("limits").map { node throws(SettingsFault) in
        try TenantBounds(compiling: node)
      } ?? .none
    try tenant.finish()
  }

  private static func defaults(
    _ node: SettingsNode?, autoCreate: Bool
  ) throws(SettingsFault) -> NamespaceDefaults {
    guard let node else {
      return NamespaceDefaults(
        requireSchema: false, autoCreate: autoCreate, compatibility: .backwardTransitive,
        evolution: .evolution)
    }
    var reader = try SettingsMapping(node)
    let requireSchema = try reader.bool("requireSchema", absent: false)
    let ownAutoCreate = try reader.bool("autoCreate", absent: autoCreate)
    let compatibility = try reader.optional("compatibility").map {
      node throws(SettingsFault) in try Self.compatibility(node)
    }
    let evolution = try reader.optional("compatibilityPolicy").map {
      node throws(SettingsFault) in try Self.evolution(node)
    }
    try reader.notBuiltYet("retention", "retention by policy")
    try reader.notBuiltYet("ttl", "time to live of events")
    try reader.notBuiltYet("backlogQuota", "backlog quotas")
    try reader.notBuiltYet("dedup", "deduplication by producer")
    try reader.notBuiltYet("limits", "limits of namespaces")
    try reader.finish()
    return NamespaceDefaults(
      requireSchema: requireSchema, autoCreate: ownAutoCreate,
      compatibility: compatibility ?? .backwardTransitive,
      evolution: evolution ?? .evolution)
  }

  private static func compatibility(_ node: SettingsNode) throws(SettingsFault) -> Compatibility {
    let word = try node.text()
    // Pulsar's name.
    if word == "ALWAYS_COMPATIBLE" { return .none }
    guard let level = Compatibility(rawValue: word) else {
      let words = Compatibility.allCases.map(\.rawValue).joined(separator: ", ")
      throw node.fault(.invalid("'\(word)' is none of \(words), ALWAYS_COMPATIBLE"))
    }
    return level
  }

  private static func evolution(_ node: SettingsNode) throws(SettingsFault) -> Evolution {
    let word = try node.text()
    guard let policy = Evolution(rawValue: word) else {
      throw node.fault(.invalid("'\(word)' is neither evolution nor strict"))
    }
    return policy
  }
}
