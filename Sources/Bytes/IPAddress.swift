/// An IPv4 or IPv6 address. An IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2) is the IPv4
/// address, so that each address has one value and one text.
public struct IPAddress: Hashable, Sendable {
  /// The upper and lower 64 bits, an IPv4 address as `::ffff:a.b.c.d`.
  let high: UInt64
  let low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  private init(ipv4: UInt32) { self.init(high: 0, low: Self.mark | UInt64(ipv4)) }

  /// An address of 4 or 16 bytes in network order; nil for any other number of them.
  public init?(bytes: ByteSlice) {
    func word(_ range: Range<Int>) -> UInt64 {
      range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
    }
    switch bytes.count {
    case 4: self.init(ipv4: UInt32(word(0..<4)))
    case 16: self.init(high: word(0..<8), low: word(8..<16))
    default: return nil
    }
  }

  /// Reads the text of an address: four decimal numbers without leading zeros, or the forms of RFC
  /// 4291 §2.2. Nil for everything else, zones and brackets included.
  public init?(parsing text: ByteSlice) {
    if text.firstIndex(of: ASCII.colon) == nil {
      guard let address = Self.ipv4(text) else { return nil }
      self.init(ipv4: address)
    } else {
      guard let groups = Self.groups(text) else { return nil }
      func word(_ range: Range<Int>) -> UInt64 {
        range.reduce(0) { $0 << 16 | UInt64(groups[$1]) }
      }
      self.init(high: word(0..<4), low: word(4..<8))
    }
  }

  public var isIPv4: Bool { high == 0 && low >> 32 == Self.mark >> 32 }

  /// The address as text, IPv6 as RFC 5952 has it.
  public var text: ByteSlice {
    var text = ByteWriter(capacity: 40)
    if isIPv4 {
      for shift: UInt64 in [24, 16, 8, 0] {
        if shift < 24 { text.append(ASCII.dot) }
        text.append(decimal: low >> shift & 0xFF)
      }
      return text.slice
    }
    let gap = longestZeros
    var index = 0
    while index < 8 {
      if index == gap.lowerBound, !gap.isEmpty {
        text.append("::")
        index = gap.upperBound
        continue
      }
      if index > 0, index != gap.upperBound || gap.isEmpty { text.append(ASCII.colon) }
      let value = group(index)
      for shift: UInt16 in [12, 8, 4, 0] where shift == 0 || value >> shift > 0 {
        text.append(ASCII.hexDigit(UInt8(value >> shift & 0xF)))
      }
      index += 1
    }
    return text.slice
  }

  /// What an IPv4 address has above its own bits.
  private static let mark: UInt64 = 0xFFFF_0000_0000

  private func group(_ index: Int) -> UInt16 {
    let word = index < 4 ? high : low
    return UInt16(truncatingIfNeeded: word >> UInt64(48 - index % 4 * 16))
  }

  /// The first of the longest runs of at least two zero groups (RFC 5952 §4.2); empty without one.
  private var longestZeros: Range<Int> {
    var longest = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || group(index) != 0 {
      if index - start > max(longest.count, 1) { longest = start..<index }
      start = index + 1
    }
    return longest
  }

  private static func ipv4(_ text: ByteSlice) -> UInt32? {
    var address: UInt32 = 0
    var parts = 0
    var index = 0
    while true {
      let start = index
      var part: UInt32 = 0
      while index < text.count, index - start < 3, ASCII.isDigit(text[index]) {
        part = part * 10 + UInt32(text[index] - ASCII.zero)
        index += 1
      }
      guard index > start, part <= 255, index == start + 1 || text[start] != ASCII.zero else {
        return nil
      }
      address = address << 8 | part
      parts += 1
      if parts == 4 { return index == text.count ? address : nil }
      guard index < text.count, text[index] == ASCII.dot else { return nil }
      index += 1
    }
  }

  /// Eight groups, one run of which may be written `::`, and the last two as an IPv4 address.
  private static func groups(_ text: ByteSlice) -> InlineArray<8, UInt16>? {
    var groups: InlineArray<8, UInt16> = .init(repeating: 0)
    var count = 0
    var gap: Int?
    var index = 0
    if text.starts(with: "::") {
      gap = 0
      index = 2
    }
    while index < text.count {
      let end = text.firstIndex(of: ASCII.colon, from: index) ?? text.count
      let piece = text[index..<end]
      index = end
      if piece.firstIndex(of: ASCII.dot) != nil {
        guard end == text.count, count <= 6, let address = ipv4(piece) else { return nil }
        groups[count] = UInt16(address >> 16)
        groups[count + 1] = UInt16(truncatingIfNeeded: address)
        count += 2
        break
      }
      guard count < 8, let group = hexadecimal(piece) else { return nil }
      groups[count] = group
      count += 1
      guard index < text.count else { break }
      index += 1
      // A colon is followed by a group, or by a second one that stands for the zeros.
      guard index < text.count else { return nil }
      guard text[index] == ASCII.colon else { continue }
      guard gap == nil else { return nil }
      gap = count
      index += 1
    }
    guard let gap else { return count == 8 ? groups : nil }
    guard count < 8 else { return nil }
    var whole: InlineArray<8, UInt16> = .init(repeating: 0)
    for place in 0..<count { whole[place < gap ? place : 8 - count + place] = groups[place] }
    return whole
  }

  private static func hexadecimal(_ text: ByteSlice) -> UInt16? {
    guard (1...4).contains(text.count) else { return nil }
    var value: UInt16 = 0
    for index in 0..<text.count {
      guard let digit = ASCII.hexValue(text[index]) else { return nil }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}
