/// Where decisions are recorded: `audit: {file: audit.jsonl, topic: true, sample: 100}`.
public struct AuditSettings: Sendable, Equatable {
  /// JSON lines are appended to it; nil without one. Relative to the configuration.
  public let file: String?
  /// Whether they are published as events of the gateway's own tenant, too.
  public let topic: Bool
  /// Of allowed publishes, reads and consumer calls one in so many is recorded; 0: none.
  public let sample: Int

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
    try audit.finish()
    guard file != nil || topic else {
      throw node.fault(.invalid("an audit log has a file, a topic, or both"))
    }
  }
}
