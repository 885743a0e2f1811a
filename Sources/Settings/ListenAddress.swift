public import Bytes

/// An address to listen on: `host:port`, or `unix:` with the path of a socket file. A host is an
/// IPv4 address, a bracketed IPv6 address or `localhost`; names are not looked up. Port 0 lets the
/// system choose.
public struct ListenAddress: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// The host is without brackets.
    case network(host: String, port: UInt16)
    /// As written: it may be relative.
    case file(path: String)
  }

  public let place: Place

  /// Where the gateway listens when nobody says where.
  public static let loopback = ListenAddress(place: .network(host: "127.0.0.1", port: 8080))

  private init(place: Place) { self.place = place }

  /// A socket file.
  public init(path: String) { self.init(place: .file(path: path)) }

  /// Reads `host:port` or `unix:path`, or nil. The kernel's abstract names (`unix:@name`) are
  /// refused: they have neither an owner nor a mode, so everybody on the machine could connect.
  public init?(parsing text: ByteSlice) {
    if text.starts(with: "unix:") {
      let path = text.dropFirst(5)
      guard !path.isEmpty, path[0] != 0x40, path.firstIndex(of: ASCII.nul) == nil else {
        return nil
      }
      self.init(place: .file(path: path.text))
      return
    }
    guard let colon = text.array.lastIndex(of: ASCII.colon) else { return nil }
    let digits = text.dropFirst(colon + 1)
    guard !digits.isEmpty, digits.count <= 5, digits.array.allSatisfy(ASCII.isDigit),
      let port = UInt16(digits.text)
    else { return nil }
    let host = text.prefix(colon)
    if host.count > 2, host[0] == 0x5B, host[host.count - 1] == 0x5D {
      let inner = host[1..<(host.count - 1)]
      guard inner.firstIndex(of: ASCII.colon) != nil, IPAddress(parsing: inner) != nil else {
        return nil
      }
      self.init(place: .network(host: inner.text, port: port))
    } else {
      // Without a colon it can only be an IPv4 address.
      let isAddress = host.firstIndex(of: ASCII.colon) == nil && IPAddress(parsing: host) != nil
      guard isAddress || host.equals("localhost") else { return nil }
      self.init(place: .network(host: host.text, port: port))
    }
  }

  /// Whether only this machine can reach the address.
  public var isLoopback: Bool {
    switch place {
    case .network(let host, _): host == "localhost" || host.hasPrefix("127.") || host == "::1"
    case .file: true
    }
  }

  /// Whether a caller of one of two listeners could come to the other one: they are the same, or
  /// one has an address that stands for those of the whole machine. Ports that the system chooses
  /// are never the same.
  public func overlaps(_ other: ListenAddress) -> Bool {
    switch (place, other.place) {
    case (.file(let path), .file(let second)): return path == second
    case (.network(let host, let port), .network(let second, let secondPort))
    where port != 0 && port == secondPort:
      guard let one = Self.address(of: host), let two = Self.address(of: second) else {
        return false
      }
      return one == two || Self.takesIn(one, two) || Self.takesIn(two, one)
    default: return false
    }
  }

  private static func address(of host: String) -> IPAddress? {
    IPAddress(parsing: ByteSlice(utf8: host == "localhost" ? "127.0.0.1" : host))
  }

  /// Whether a socket at the first address gets the connections to the second one: `::` takes in
  /// IPv4, too.
  private static func takesIn(_ first: IPAddress, _ second: IPAddress) -> Bool {
    let text = first.text
    return text.equals("::") || text.equals("0.0.0.0") && second.isIPv4
  }

  /// `host:port` with IPv6 in brackets, or `unix:path`.
  public var text: String {
    switch place {
    case .network(let host, let port): Self.text(host, port)
    case .file(let path): "unix:\(path)"
    }
  }

  /// `host:port`, IPv6 in brackets.
  public static func text(_ host: String, _ port: UInt16) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
