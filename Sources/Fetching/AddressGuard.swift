import Authentication
import Bytes
import Settings

/// Which addresses may be connected to: what is asked of the address itself, once a name has been
/// resolved and just before the connection, so that no name server can lead elsewhere.
struct AddressGuard: Sendable {
  private let allowed: [AddressRange]
  /// Without TLS only this machine may be on the other end.
  private let onlyLoopback: Bool

  init(_ rules: FetchRules, isSecure: Bool) {
    allowed = rules.addresses
    onlyLoopback = !isSecure
  }

  /// - Parameter address: 4 or 16 bytes in network order.
  func allows(_ address: [UInt8]) -> Bool {
    allows(IPAddress(bytes: ByteSlice(address)))
  }

  private func allows(_ address: IPAddress?) -> Bool {
    guard let address else { return false }
    if onlyLoopback, !Self.loopback.contains(where: { $0.contains(address) }) { return false }
    if allowed.contains(where: { $0.contains(address) }) { return true }
    return !Self.special.contains { $0.contains(address) }
  }

  /// Whether the URL's host is an address, or `localhost`, that is refused whenever it is asked.
  static func refuses(hostOf url: ByteSlice, under rules: FetchRules) -> Bool {
    let isSecure = url.starts(with: "https://")
    let authority = FetchRules.authority(url.dropFirst(isSecure ? 8 : 7))
    var host = authority
    if authority.starts(with: "["), let close = authority.firstIndex(of: 0x5D) {
      host = authority[1..<close]
    } else if let colon = authority.firstIndex(of: ASCII.colon) {
      host = authority.prefix(colon)
    }
    let guarding = AddressGuard(rules, isSecure: isSecure)
    if host.equalsIgnoringCase("localhost") {
      // It means one of the two.
      return ["127.0.0.1", "::1"].allSatisfy { name in
        !guarding.allows(IPAddress(parsing: ByteSlice(utf8: name)))
      }
    }
    guard let address = IPAddress(parsing: host) else { return false }
    return !guarding.allows(address)
  }

  private static let loopback = ranges("127.0.0.0/8", "::1")

  /// What is no public unicast address (RFC 6890 and the IANA registries of special-purpose
  /// addresses), or leads into IPv4 by way of IPv6.
  private static let special = ranges(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b::/96",
    "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7",
    "fe80::/10", "fec0::/10", "ff00::/8")

  private static func ranges(_ texts: String...) -> [AddressRange] {
    texts.map { text in
      guard let range = AddressRange(parsing: ByteSlice(utf8: text)) else {
        preconditionFailure("\(text) is no range")
      }
      return range
    }
  }
}
