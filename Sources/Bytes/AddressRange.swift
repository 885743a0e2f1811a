/// A block of IP addresses (RFC 4632, RFC 4291 §2.3): `10.0.0.0/8`, `fd00::/8`, or one address
/// without a slash.
public struct AddressRange: Sendable, Hashable {
  /// The bits behind the prefix are zero.
  public let first: IPAddress
  /// How many bits all addresses of the block have in common.
  public let prefix: Int

  /// Reads a block, or nil; bits behind the prefix must be zero.
  public init?(parsing text: ByteSlice) {
    let slash = text.firstIndex(of: ASCII.slash)
    let name = text.prefix(slash ?? text.count)
    guard let first = IPAddress(parsing: name),
      // Whoever means IPv4 addresses writes them as such.
      first.isIPv4 == (name.firstIndex(of: ASCII.colon) == nil)
    else { return nil }
    let bits = first.isIPv4 ? 32 : 128
    var prefix = bits
    if let slash {
      let digits = text.dropFirst(slash + 1)
      guard (1...3).contains(digits.count) else { return nil }
      prefix = 0
      for index in 0..<digits.count {
        guard ASCII.isDigit(digits[index]) else { return nil }
        prefix = prefix * 10 + Int(digits[index] - ASCII.zero)
      }
      guard prefix <= bits else { return nil }
    }
    self.first = first
    self.prefix = prefix
    guard contains(first), Self.cut(first, to: prefix + 128 - bits) == first else { return nil }
  }

  /// Whether an address lies in the block.
  public func contains(_ address: IPAddress) -> Bool {
    guard address.isIPv4 == first.isIPv4 else { return false }
    return Self.cut(address, to: first.isIPv4 ? prefix + 96 : prefix) == first
  }

  private static func cut(_ address: IPAddress, to bits: Int) -> IPAddress {
    // Shifts by the whole width or more give zero.
    let mask = UInt64.max
    return IPAddress(
      high: address.high & (bits >= 64 ? mask : ~(mask >> UInt64(bits))),
      low: address.low & (bits <= 64 ? 0 : ~(mask >> UInt64(bits - 64))))
  }
}

/// Who is believed when it says whom a connection or a request comes from.
public struct TrustedPeers: Sendable, Hashable {
  public let blocks: [AddressRange]
  /// Whether those are who connect to a socket file.
  public let includesLocal: Bool

  public init(blocks: [AddressRange], includesLocal: Bool = false) {
    self.blocks = blocks
    self.includesLocal = includesLocal
  }

  /// - Parameter peer: nil for one at a socket file.
  public func contains(_ peer: IPAddress?) -> Bool {
    guard let peer else { return includesLocal }
    return blocks.contains { $0.contains(peer) }
  }
}
