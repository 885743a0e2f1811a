public import Bytes

/// A block of IP addresses (RFC 4632, RFC 4291 §2.3): `10.0.0.0/8`, `fd00::/8`, or one address
/// without a slash.
public struct AddressRange: Sendable, Hashable {
  /// 4 or 16 bytes in network order; the bits behind the prefix are zero.
  public let bytes: [UInt8]
  public let prefix: Int

  /// Reads a block, or nil; bits behind the prefix must be zero.
  public init?(parsing text: ByteSlice) {
    let slash = text.firstIndex(of: ASCII.slash)
    guard let bytes = Self.address(text.prefix(slash ?? text.count)) else { return nil }
    var prefix = bytes.count * 8
    if let slash {
      let digits = text.dropFirst(slash + 1)
      guard (1...3).contains(digits.count), digits.array.allSatisfy(ASCII.isDigit),
        let number = Int(digits.text), number <= prefix
      else { return nil }
      prefix = number
    }
    self.bytes = bytes
    self.prefix = prefix
    guard Self.cut(bytes, to: prefix) == bytes else { return nil }
  }

  /// Compiles one.
  public init(compiling node: SettingsNode) throws(SettingsFault) {
    guard let range = AddressRange(parsing: try node.bytes()) else {
      throw node.fault(.invalid("not a block of addresses such as 10.0.0.0/8, ::1 or fd00::/8"))
    }
    self = range
  }

  /// Whether an address of 4 or 16 bytes lies in the block. An IPv4 address inside IPv6 (RFC 4291
  /// §2.5.5.2) counts as the IPv4 address.
  public func contains(_ address: [UInt8]) -> Bool {
    let address = Self.unmapped(address)
    return address.count == bytes.count && Self.cut(address, to: prefix) == bytes
  }

  /// The IPv4 address inside an IPv6 one, if it is such a one.
  public static func unmapped(_ address: [UInt8]) -> [UInt8] {
    let isMapped =
      address.count == 16 && address[0..<10].allSatisfy { $0 == 0 } && address[10] == 0xFF
      && address[11] == 0xFF
    return isMapped ? Array(address[12...]) : address
  }

  private static func cut(_ bytes: [UInt8], to prefix: Int) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      let bits = min(max(prefix - index * 8, 0), 8)
      return bits == 0 ? 0 : byte & (0xFF << UInt8(8 - bits))
    }
  }

  private static func address(_ text: ByteSlice) -> [UInt8]? {
    text.firstIndex(of: ASCII.colon) == nil ? ipv4(text) : ipv6(text)
  }

  private static func ipv4(_ text: ByteSlice) -> [UInt8]? {
    let parts = text.text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(ASCII.isDigit),
        part.utf8.count == 1 || part.utf8.first != ASCII.zero, let byte = UInt8(part)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// RFC 4291 §2.2: eight groups of up to four hexadecimal digits, one run of zeros left out.
  private static func ipv6(_ text: ByteSlice) -> [UInt8]? {
    let halves = text.text.split(separator: "::", omittingEmptySubsequences: false)
    guard halves.count <= 2 else { return nil }
    var groups: [[UInt8]] = []
    for half in halves {
      var bytes: [UInt8] = []
      for group in half.split(separator: ":", omittingEmptySubsequences: !half.contains(":")) {
        guard (1...4).contains(group.utf8.count),
          group.utf8.allSatisfy({ ASCII.hexValue($0) != nil }),
          let number = UInt16(group, radix: 16)
        else { return nil }
        bytes += [UInt8(number >> 8), UInt8(number & 0xFF)]
      }
      groups.append(bytes)
    }
    if groups.count == 1 { return groups[0].count == 16 ? groups[0] : nil }
    let zeros = 16 - groups[0].count - groups[1].count
    guard zeros >= 2 else { return nil }
    return groups[0] + [UInt8](repeating: 0, count: zeros) + groups[1]
  }
}
