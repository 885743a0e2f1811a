public import Bytes

/// An address to listen on and who may come through it. In the file a plain address, or a mapping
/// that says more.
public struct ListenerSettings: Hashable, Sendable {
  public let address: ListenAddress
  /// Who may connect to a socket file, as the bits of its mode.
  public let mode: UInt32
  /// The proxies that alone may connect, each connection beginning with the PROXY protocol; nil:
  /// everybody, without it.
  public let proxies: TrustedPeers?
  /// Names by which the operators' listener may be called, besides its address; empty for others.
  public let hosts: [ByteSlice]

  /// The bits unless given: the gateway's own user.
  public static let defaultMode: UInt32 = 0o600
  /// Each request to the operators' listener by a name is compared with all of them.
  static let mostHosts = 100

  public init(_ address: ListenAddress) {
    self.init(address, mode: Self.defaultMode, proxies: nil)
  }

  private init(
    _ address: ListenAddress, mode: UInt32, proxies: TrustedPeers?, hosts: [ByteSlice] = []
  ) {
    self.address = address
    self.mode = mode
    self.proxies = proxies
    self.hosts = hosts
  }

  /// Compiles a plain address or `{address: …}` with more.
  ///
  /// - Parameter takesHosts: whether that may be `hosts`.
  init(compiling node: SettingsNode, takesHosts: Bool = false) throws(SettingsFault) {
    guard case .mapping = node.value else {
      self.init(try Self.address(node))
      return
    }
    var listener = try SettingsMapping(node)
    try self.init(reading: &listener, takesHosts: takesHosts)
    try listener.finish()
  }

  /// Reads what every kind of listener has from a mapping that may hold more.
  init(
    reading listener: inout SettingsMapping, takesHosts: Bool = false
  ) throws(SettingsFault) {
    let address = try Self.address(listener.required("address"))
    let mode = try Self.mode(listener.optional("mode"), of: address)
    let hosts = try takesHosts ? listener.optional("hosts").map(Self.hosts) : nil
    let list = listener.optional("proxyProtocol")
    let proxies = try list.map { node throws(SettingsFault) in try TrustedPeers(compiling: node) }
    self.init(address, mode: mode, proxies: proxies, hosts: hosts ?? [])
    if let list, let obstacle { throw list.fault(.invalid(obstacle)) }
  }

  /// The same terms at another address; ask `obstacle` whether they let anybody in there.
  public func at(_ address: ListenAddress) -> ListenerSettings {
    ListenerSettings(address, mode: mode, proxies: proxies, hosts: hosts)
  }

  /// Why nobody could ever connect, in words; nil: somebody can.
  public var obstacle: String? {
    guard let proxies else { return nil }
    switch address.place {
    case .network:
      return proxies.blocks.isEmpty
        ? "nobody could connect to \(address.text): no block of addresses is listed" : nil
    case .file:
      return proxies.includesLocal
        ? nil : "nobody could connect to \(address.text): unix is not listed"
    }
  }

  private static func hosts(_ node: SettingsNode) throws(SettingsFault) -> [ByteSlice] {
    let nodes = try node.elements()
    guard (1...mostHosts).contains(nodes.count) else {
      throw node.fault(.invalid("1 to \(mostHosts) names"))
    }
    return try nodes.map { node throws(SettingsFault) in
      let name = try node.bytes()
      let isName = (1...253).contains(name.count) && name[name.count - 1] != ASCII.dot
      guard isName, name.array.allSatisfy(isPartOfName) else {
        throw node.fault(
          .invalid("not a host's name such as jodrell.monitoring.svc, without a port"))
      }
      return name
    }
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    ASCII.isDigit(byte) || (0x61...0x7A).contains(ASCII.lowercased(byte))
      || byte == ASCII.dot || byte == ASCII.minus || byte == 0x5F
  }

  private static func address(_ node: SettingsNode) throws(SettingsFault) -> ListenAddress {
    guard let address = ListenAddress(parsing: try node.bytes()) else {
      throw node.fault(
        .invalid("not an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/jodrell.sock"))
    }
    return address
  }

  private static func mode(
    _ node: SettingsNode?, of address: ListenAddress
  ) throws(SettingsFault) -> UInt32 {
    guard let node else { return defaultMode }
    guard case .file = address.place else {
      throw node.fault(.invalid("a mode is for socket files, whose address begins with unix:"))
    }
    let text = try node.text()
    guard text.utf8.count == 4, text.first == "0", let bits = UInt32(text, radix: 8) else {
      throw node.fault(.invalid("not a mode such as \"0660\""))
    }
    return bits
  }
}
