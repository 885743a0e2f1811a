public import Bytes

/// An address to listen on, `host:port`: the host is an IPv4 address, a bracketed IPv6 address or
/// `localhost`; names are not looked up. Port 0 lets the system choose.
public struct ListenAddress: Hashable, Sendable {
  /// Without brackets.
  public let host: String
  public let port: UInt16

  /// Where the gateway listens when nobody says where.
  public static let loopback = ListenAddress(host: "127.0.0.1", port: 8080)

  private init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `host:port`, or nil.
  public init?(parsing text: ByteSlice) {
    guard let colon = text.array.lastIndex(of: ASCII.colon) else { return nil }
    let digits = text.dropFirst(colon + 1)
    guard !digits.isEmpty, digits.count <= 5, digits.array.allSatisfy(ASCII.isDigit),
      let port = UInt16(digits.text)
    else { return nil }
    let host = text.prefix(colon)
    if host.count > 2, host[0] == 0x5B, host[host.count - 1] == 0x5D {
      let inner = host[1..<(host.count - 1)]
      guard Self.looksLikeIPv6(inner) else { return nil }
      self.init(host: inner.text, port: port)
    } else {
      guard host.equals("localhost") || Self.isIPv4(host) else { return nil }
      self.init(host: host.text, port: port)
    }
  }

  /// Compiles a plain `host:port` or `{address: host:port}`.
  init(compiling node: SettingsNode) throws(SettingsFault) {
    var address = node
    if case .mapping = node.value {
      var listener = try SettingsMapping(node)
      address = try listener.required("address")
      try listener.finish()
    }
    guard let parsed = ListenAddress(parsing: try address.bytes()) else {
      throw address.fault(.invalid("not an address such as 127.0.0.1:8080 or [::1]:8080"))
    }
    self = parsed
  }

  /// Whether only this machine can reach the address.
  public var isLoopback: Bool {
    host == "localhost" || host.hasPrefix("127.") || host == "::1"
  }

  /// `host:port`, IPv6 in brackets.
  public var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private static func isIPv4(_ text: ByteSlice) -> Bool {
    let parts = text.text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.count) && part.utf8.allSatisfy(ASCII.isDigit) && UInt8(part) != nil
          && (part.count == 1 || part.first != "0")
      }
  }

  /// Hexadecimal groups and colons, at least two of these; the system has the last word at bind.
  private static func looksLikeIPv6(_ text: ByteSlice) -> Bool {
    var colons = 0
    for byte in text.array {
      if byte == ASCII.colon { colons += 1 }
      guard ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == ASCII.dot else {
        return false
      }
    }
    return colons >= 2 && text.count <= 45
  }
}
