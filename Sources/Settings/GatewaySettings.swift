public import Bytes

/// The configuration file's top level: what the shell itself needs, and the parts that other rooms
/// compile. Paths are as written; they are relative to the file.
public struct GatewaySettings: Sendable {
  /// Where the server listens without TLS: `127.0.0.1:8080` without `listen`; nil when `listen`
  /// names `https` only.
  public let http: ListenerSettings?
  /// Where the server listens with TLS.
  public let https: SecureListener?
  /// Where metrics and health are served apart from events; nil: on `http`, metrics by grant.
  public let management: ListenerSettings?
  /// Proxies that say whom requests come from; nil: nobody is asked.
  public let forwarded: ForwardedSettings?
  /// The data directory; `data` unless given.
  public let data: String
  /// How clients reach the gateway, without a trailing slash; nil unless given.
  public let publicURL: String?
  /// The pause after which an idle event stream carries a comment.
  public let heartbeat: TimeSpan
  /// Pages of which other origins may call.
  public let crossOrigin: CrossOriginSettings
  /// One mapping per issuer, for Authentication.
  public let issuers: [SettingsNode]
  /// What is not believed any more, for Authentication; nil without.
  public let revoked: SettingsNode?
  /// Whether proofs of possession must carry a nonce of ours.
  public let asksForNonce: Bool
  /// One mapping per rule, for Tenancy, in the order of the file.
  public let mappings: [SettingsNode]
  /// Name and settings of each tenant, for Tenancy.
  public let tenants: [SettingsEntry]
  /// Limits that are no tenant's, for Tenancy.
  public let limits: SettingsNode?
  /// Where decisions are recorded; nil: nowhere.
  public let audit: AuditSettings?
  /// Policy tests, for Tenancy.
  public let tests: [SettingsNode]

  /// The bounds of `streams.heartbeat`.
  public static let heartbeats: ClosedRange<TimeSpan> = .seconds(1) ... .seconds(300)
  /// The heartbeat unless configured: below the idle time-outs of common proxies (30 s and more).
  public static let defaultHeartbeat: TimeSpan = .seconds(15)

  public init(compiling document: SettingsDocument) throws(SettingsFault) {
    var top = try SettingsMapping(document.root)
    (http, https, management) = try Self.listeners(top.optional("listen"))
    forwarded = try top.optional("forwarded").map { node throws(SettingsFault) in
      try ForwardedSettings(compiling: node)
    }
    data =
      try top.optional("data").map { node throws(SettingsFault) in
        try node.nonEmptyText()
      } ?? "data"
    publicURL = try top.optional("publicURL").map { node throws(SettingsFault) in
      try Self.publicURL(node)
    }
    heartbeat = try Self.heartbeat(top.optional("streams"))
    crossOrigin = try CrossOriginSettings(compiling: top.optional("crossOrigin"))
    issuers = try top.optional("issuers")?.elements() ?? []
    revoked = top.optional("revoked")
    asksForNonce = try Self.dpop(top.optional("dpop"))
    mappings = try top.optional("mappings")?.elements() ?? []
    tenants = try top.optional("tenants")?.entries() ?? []
    limits = top.optional("limits")
    audit = try top.optional("audit").map { node throws(SettingsFault) in
      try AuditSettings(compiling: node)
    }
    tests = try top.optional("tests")?.elements() ?? []
    try top.finish()
  }

  private static func listeners(
    _ node: SettingsNode?
  ) throws(SettingsFault) -> (ListenerSettings?, SecureListener?, ListenerSettings?) {
    guard let node else { return (ListenerSettings(.loopback), nil, nil) }
    var listen = try SettingsMapping(node)
    let nodes = (listen.optional("http"), listen.optional("https"), listen.optional("management"))
    try listen.finish()
    guard nodes.0 != nil || nodes.1 != nil else { throw node.fault(.missingKey("http")) }
    var taken: [ListenAddress] = []
    func once(_ address: ListenAddress, _ node: SettingsNode) throws(SettingsFault) {
      if let other = taken.first(where: address.overlaps) {
        throw node.fault(.invalid("two listeners have the same address: \(other.text)"))
      }
      taken.append(address)
    }
    func plain(
      _ node: SettingsNode, takesHosts: Bool = false
    ) throws(SettingsFault) -> ListenerSettings {
      let listener = try ListenerSettings(compiling: node, takesHosts: takesHosts)
      try once(listener.address, node)
      return listener
    }
    let http = try nodes.0.map { node throws(SettingsFault) in try plain(node) }
    let https = try nodes.1.map { node throws(SettingsFault) in
      let secure = try SecureListener(compiling: node)
      try once(secure.listener.address, node)
      return secure
    }
    let management = try nodes.2.map { node throws(SettingsFault) in
      try plain(node, takesHosts: true)
    }
    return (http, https, management)
  }

  private static func dpop(_ node: SettingsNode?) throws(SettingsFault) -> Bool {
    guard let node else { return false }
    var dpop = try SettingsMapping(node)
    let asksForNonce = try dpop.bool("nonce", absent: false)
    try dpop.finish()
    return asksForNonce
  }

  private static func heartbeat(_ node: SettingsNode?) throws(SettingsFault) -> TimeSpan {
    guard let node else { return defaultHeartbeat }
    var streams = try SettingsMapping(node)
    let heartbeat = try streams.optionalDuration("heartbeat", in: heartbeats)
    try streams.finish()
    return heartbeat ?? defaultHeartbeat
  }

  /// An absolute http or https URL of visible ASCII without query, fragment or user name.
  private static func publicURL(_ node: SettingsNode) throws(SettingsFault) -> String {
    var url = try node.bytes()
    while url.count > 0, url[url.count - 1] == ASCII.slash { url = url.prefix(url.count - 1) }
    let scheme = url.starts(with: "https://") ? 8 : url.starts(with: "http://") ? 7 : 0
    let allowed = url.array.allSatisfy {
      $0 > ASCII.space && $0 < ASCII.delete && $0 != 0x23 && $0 != ASCII.questionMark
        && $0 != 0x40 && $0 != ASCII.quote && $0 != ASCII.backslash
    }
    guard scheme > 0, url.count > scheme, allowed else {
      throw node.fault(
        .invalid("not a URL such as https://events.acme.example, without query and fragment"))
    }
    return url.text
  }
}

extension SettingsNode {
  /// A text with at least one character and no NUL: what a path must be.
  public func nonEmptyText() throws(SettingsFault) -> String {
    let bytes = try bytes()
    guard !bytes.isEmpty, bytes.firstIndex(of: ASCII.nul) == nil else {
      throw fault(.invalid("the text is empty or holds a NUL"))
    }
    return bytes.text
  }
}
