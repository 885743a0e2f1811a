public import Bytes

/// `crossOrigin`: pages of which other origins may call from a browser (Fetch §3.2).
public struct CrossOriginSettings: Sendable {
  /// As browsers send them: scheme, host in lower case, and a port that is not the scheme's own.
  public let origins: [ByteSlice]
  /// Whether such a page may send credentials that the browser keeps, client certificates.
  public let credentials: Bool

  /// Nobody.
  public static let none = CrossOriginSettings()
  /// Each request of a page is compared with all of them.
  static let mostOrigins = 100

  private init() {
    origins = []
    credentials = false
  }

  init(compiling node: SettingsNode?) throws(SettingsFault) {
    guard let node else {
      self = .none
      return
    }
    var mapping = try SettingsMapping(node)
    let list = try mapping.required("origins").elements()
    let flag = mapping.optional("credentials")
    try mapping.finish()
    guard (1...Self.mostOrigins).contains(list.count) else {
      throw node.fault(.invalid("1 to \(Self.mostOrigins) origins"))
    }
    origins = try list.map { node throws(SettingsFault) in
      let origin = try node.bytes()
      guard Self.isOrigin(origin) else {
        throw node.fault(
          .invalid("not an origin such as https://app.acme.example, without a path or *"))
      }
      return origin
    }
    credentials =
      try flag.map { node throws(SettingsFault) in try node.bool() } ?? false
  }

  /// Whether a browser could send this (RFC 6454 §6.2): anything else would never match.
  static func isOrigin(_ origin: ByteSlice) -> Bool {
    let isSecure = origin.starts(with: "https://")
    guard isSecure || origin.starts(with: "http://") else { return false }
    let authority = origin.dropFirst(isSecure ? 8 : 7)
    var host = authority
    if let colon = authority.array.lastIndex(of: ASCII.colon),
      !authority.dropFirst(colon).array.contains(0x5D)
    {
      let digits = authority.dropFirst(colon + 1)
      guard !digits.isEmpty, digits.count <= 5, digits.array.allSatisfy(ASCII.isDigit),
        digits[0] != ASCII.zero, let port = UInt16(digits.text), port != (isSecure ? 443 : 80)
      else { return false }
      host = authority.prefix(colon)
    }
    if host.starts(with: "[") {
      return host.count > 3 && host[host.count - 1] == 0x5D
        && host[1..<(host.count - 1)].array.allSatisfy {
          ASCII.isDigit($0) || (0x61...0x66).contains($0) || $0 == ASCII.colon
        }
    }
    return !host.isEmpty && host.count <= 253
      && host.array.allSatisfy {
        ASCII.isDigit($0) || (0x61...0x7A).contains($0) || $0 == ASCII.dot || $0 == ASCII.minus
      }
  }
}
