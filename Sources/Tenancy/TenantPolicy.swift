public import Bytes
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

  /// How long events are kept at least; what is nil does not limit.
  public struct Retention: Sendable, Equatable {
    /// At most a hundred years.
    public let age: TimeSpan?
    /// As stored, before compression.
    public let bytes: UInt64?
  }

  /// The values a namespace starts with. What bounds each namespace is in `limits`, since it is
  /// nobody's to set but the file's.
  public struct NamespaceDefaults: Sendable, Equatable {
    /// Nil keeps everything.
    public let retention: Retention?
    public let requireSchema: Bool
    /// Topics come into being on first use.
    public let autoCreate: Bool
    public let compatibility: Compatibility
    public let evolution: Evolution

    /// What holds where the file says nothing.
    static func usual(autoCreate: Bool = true) -> NamespaceDefaults {
      NamespaceDefaults(
        retention: nil, requireSchema: false, autoCreate: autoCreate,
        compatibility: .backwardTransitive, evolution: .evolution)
    }
  }

  /// Compiles `tenants.<name>`; an empty mapping and null mean the defaults.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    if case .null = node.value {
      requireSchema = false
      offers = []
      limits = .none
      defaults = .usual()
      return
    }
    var tenant = try SettingsMapping(node)
    requireSchema = try tenant.bool("requireSchema", absent: false)
    let autoCreate = try tenant.bool("autoCreate", absent: true)
    let defaults = try Self.defaults(
      tenant.optional("namespaceDefaults"), autoCreate: autoCreate)
    self.defaults = defaults.values
    offers = try TenantOffer.compile(tenant.optional("shares"))
    limits = try TenantBounds.compile(
      tenant.optional("limits"), ofNamespaces: defaults.limits)
    try tenant.finish()
  }

  /// - Returns: the values, and what is to bound each namespace.
  private static func defaults(
    _ node: SettingsNode?, autoCreate: Bool
  ) throws(SettingsFault) -> (values: NamespaceDefaults, limits: SettingsNode?) {
    guard let node else { return (.usual(autoCreate: autoCreate), nil) }
    var reader = try SettingsMapping(node)
    let retention = try reader.optional("retention").map { node throws(SettingsFault) in
      try Retention(compiling: node)
    }
    let requireSchema = try reader.bool("requireSchema", absent: false)
    let ownAutoCreate = try reader.bool("autoCreate", absent: autoCreate)
    let compatibility = try reader.optional("compatibility").map {
      node throws(SettingsFault) in try Self.compatibility(node)
    }
    let evolution = try reader.optional("compatibilityPolicy").map {
      node throws(SettingsFault) in try Self.evolution(node)
    }
    try reader.notBuiltYet("ttl", "time to live of events")
    try reader.notBuiltYet("backlogQuota", "backlog quotas")
    try reader.notBuiltYet("dedup", "deduplication by producer")
    let limits = reader.optional("limits")
    try reader.finish()
    let values = NamespaceDefaults(
      retention: retention, requireSchema: requireSchema, autoCreate: ownAutoCreate,
      compatibility: compatibility ?? .backwardTransitive,
      evolution: evolution ?? .evolution)
    return (values, limits)
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

extension TenantPolicy.Retention {
  /// The longest age that may be asked for.
  private static let longestAge = TimeSpan(nanoseconds: 36_525 * 86_400_000_000_000)

  /// Compiles `{age: 7d, bytes: 10GiB}`, either or none: the empty mapping keeps everything.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    var reader = try SettingsMapping(node)
    age = try reader.optionalDuration("age", in: .zero...Self.longestAge)
    bytes = try reader.optional("bytes").map { node throws(SettingsFault) in
      UInt64(try node.byteSize(atLeast: 0))
    }
    try reader.finish()
  }
}
