public import Bytes

/// The configuration file's top level: what the shell itself needs, and the parts that other rooms
/// compile. Paths are as written; they are relative to the file.
public struct GatewaySettings: Sendable {
  /// Where the server listens without TLS; `127.0.0.1:8080` unless given.
  public let http: ListenAddress
  /// Where metrics and health are served apart from events; nil: on `http`, metrics by grant.
  public let management: ListenAddress?
  /// The data directory; `data` unless given.
  public let data: String
  /// How clients reach the gateway, without a trailing slash; nil unless given.
  public let publicURL: String?
  /// The pause after which an idle event stream carries a comment.
  public let heartbeat: TimeSpan
  /// One mapping per issuer, for Authentication.
  public let issuers: [SettingsNode]
  /// One mapping per rule, for Tenancy, in the order of the file.
  public let mappings: [SettingsNode]
  /// Name and settings of each tenant, for Tenancy.
  public let tenants: [SettingsEntry]
  /// Policy tests, for Tenancy.
  public let tests: [SettingsNode]

  /// The bounds of `streams.heartbeat`.
  public static let heartbeats: ClosedRange<TimeSpan> = .seconds(1) ... .seconds(300)
  /// The heartbeat unless configured: below the idle time-outs of common proxies (30 s and more).
  public static let defaultHeartbeat: TimeSpan = .seconds(15)

  public init(compiling document: SettingsDocument) throws(SettingsFault) {
    var top = try SettingsMapping(document.root)
    (http, management) = try Self.listeners(top.optional("listen"))
    data =
      try top.optional("data").map { node throws(SettingsFault) in
        try node.nonEmptyText()
      } ?? "data"
    publicURL = try top.optional("publicURL").map { node throws(SettingsFault) in
      try Self.publicURL(node)
    }
    heartbeat = try Self.heartbeat(top.optional("streams"))
    issuers = try top.optional("issuers")?.elements() ?? []
    mappings = try top.optional("mappings")?.elements() ?? []
    tenants = try top.optional("tenants")?.entries() ?? []
    tests = try top.optional("tests")?.elements() ?? []
    try top.finish()
  }

  private static func listeners(
    _ node: SettingsNode?
  ) throws(SettingsFault) -> (ListenAddress, ListenAddress?) {
    guard let node else { return (.loopback, nil) }
    var listen = try SettingsMapping(node)
    let http = listen.optional("http")
    let management = listen.optional("management")
    try listen.notBuiltYet("https", "TLS on the gateway's own port")
    try listen.finish()
    guard let http else { throw node.fault(.missingKey("http")) }
    let address = try ListenAddress(compiling: http)
    guard let management else { return (address, nil) }
    let second = try ListenAddress(compiling: management)
    guard second != address || address.port == 0 else {
      throw management.fault(.invalid("http and management are the same address"))
    }
    return (address, second)
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
