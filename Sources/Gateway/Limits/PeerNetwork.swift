import Bytes

/// Whom an address stands for: an IPv4 address for itself, an IPv6 address for the 64 bits of its
/// network, since a host has all the others at will (RFC 7721 §2).
enum PeerNetwork {
  /// What stands for `peer`, as a number that differs from process to process.
  static func number(of peer: ByteSlice) -> UInt64 {
    var hasher = Hasher()
    hash(peer, into: &hasher)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }

  /// Adds what stands for `peer`, an address as text, to a hash.
  static func hash(_ peer: ByteSlice, into hasher: inout Hasher) {
    if let network = network(of: peer) {
      hasher.combine(network)
    } else {
      hasher.combine(peer)
    }
  }

  /// The upper 64 bits of an IPv6 address; nil for any other text, and for an IPv4 address mapped
  /// into IPv6, which ends in dots.
  static func network(of peer: ByteSlice) -> UInt64? {
    guard peer.firstIndex(of: ASCII.colon) != nil, peer.firstIndex(of: ASCII.dot) == nil else {
      return nil
    }
    var front: [UInt16] = []
    var back: [UInt16] = []
    var hasGap = false
    var index = 0
    while index < peer.count {
      if peer[index] == ASCII.colon {
        if index + 1 < peer.count, peer[index + 1] == ASCII.colon {
          guard !hasGap else { return nil }
          hasGap = true
          index += 1
        }
        index += 1
        continue
      }
      var group: UInt32 = 0
      while index < peer.count, let digit = ASCII.hexValue(peer[index]) {
        group = group << 4 | UInt32(digit)
        guard group <= 0xFFFF else { return nil }
        index += 1
      }
      guard index == peer.count || peer[index] == ASCII.colon else { return nil }
      if hasGap { back.append(UInt16(group)) } else { front.append(UInt16(group)) }
    }
    guard front.count + back.count <= 8, hasGap || front.count == 8 else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - front.count - back.count)
    return (front + zeros + back).prefix(4).reduce(0) { $0 << 16 | UInt64($1) }
  }
}
