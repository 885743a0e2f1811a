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

  /// The bits unless given: the gateway's own user.
  public static let defaultMode: UInt32 = 0o600

  public init(_ address: ListenAddress) {
    self.init(address, mode: Self.defaultMode, proxies: nil)
  }

  private init(_ address: ListenAddress, mode: UInt32, proxies: TrustedPeers?) {
    self.address = address
    self.mode = mode
    self.proxies = proxies
  }

  /// Compiles a plain address or `{address: …}` with more.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    guard case .mapping = node.value else {
      self.init(try Self.address(node))
      return
    }
    var listener = try SettingsMapping(node)
    try self.init(reading: &listener)
    try listener.finish()
  }

  /// Reads what every kind of listener has from a mapping that may hold more.
  init(reading listener: inout SettingsMapping) throws(SettingsFault) {
    let address = try Self.address(listener.required("address"))
    let mode = try Self.mode(listener.optional("mode"), of: address)
    let proxies = try listener.optional("proxyProtocol").map { node throws(SettingsFault) in
      try TrustedPeers(compiling: node)
    }
    self.init(address, mode: mode, proxies: proxies)
  }

  /// The same terms at another address.
  public func at(_ address: ListenAddress) -> ListenerSettings {
    ListenerSettings(address, mode: mode, proxies: proxies)
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
