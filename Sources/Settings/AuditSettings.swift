public import Bytes

/// Where decisions are recorded: `audit: {file: audit.jsonl, topic: true, sample: 100}`.
public struct AuditSettings: Sendable, Equatable {
  /// JSON lines are appended to it; nil without one. Relative to the configuration.
  public let file: String?
  /// Whether they are published as events of the gateway's own tenant, too.
  public let topic: Bool
  /// Of allowed publishes, reads and consumer calls one in so many is recorded; 0: none.
  public let sample: Int
  /// Whether nothing is changed by an administrative call before the log has an entry of it.
  public let isRequired: Bool
  /// Who signs the chain's head; nil where nobody does.
  public let signature: Signature?

  /// `signature: {key: "file:audit.key", every: 1m}`.
  public struct Signature: Sendable, Equatable {
    /// A private key in PEM.
    public let key: SecretReference
    /// The longest time between an entry and the line that signs it.
    public let interval: TimeSpan

    /// Unless the file says otherwise.
    static let usualInterval = TimeSpan.seconds(60)

    init(compiling node: SettingsNode) throws(SettingsFault) {
      var signature = try SettingsMapping(node)
      key = try SecretReference(compiling: try signature.required("key"))
      interval =
        try signature.optionalDuration("every", in: .seconds(1)...(.seconds(86_400)))
        ?? Self.usualInterval
      try signature.finish()
    }
  }

  /// One in a hundred, unless the file says otherwise.
  public static let usualSample = 100

  init(compiling node: SettingsNode) throws(SettingsFault) {
    var audit = try SettingsMapping(node)
    file = try audit.optional("file").map { node throws(SettingsFault) in
      try node.nonEmptyText()
    }
    topic = try audit.bool("topic", absent: false)
    sample =
      try audit.optional("sample").map { node throws(SettingsFault) in
        Int(try node.integer(in: 0...1_000_000_000))
      } ?? Self.usualSample
    isRequired = try audit.bool("required", absent: false)
    signature = try audit.optional("signature").map { node throws(SettingsFault) in
      try Signature(compiling: node)
    }
    try audit.finish()
    guard file != nil || topic else {
      throw node.fault(.invalid("an audit log has a file, a topic, or both"))
    }
  }
}
