/// A set of ASCII characters as 128 bits: the alphabet of grammars and of pattern fast paths.
struct ASCIISet: BitwiseCopyable, Equatable, Sendable {
  /// Bits of the characters below 64.
  private(set) var low: UInt64 = 0
  /// Bits of the characters 64…127.
  private(set) var high: UInt64 = 0

  init() {}

  /// The characters of an ASCII literal.
  init(_ characters: StaticString, letters: Bool = false, digits: Bool = false) {
    for index in 0..<characters.utf8CodeUnitCount {
      // SAFETY: `index` is below the literal's length.
      insert(unsafe characters.utf8Start[index])
    }
    if letters {
      insert(0x41...0x5A)
      insert(0x61...0x7A)
    }
    if digits { insert(0x30...0x39) }
  }

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool {
    if byte < 64 { return low &>> UInt64(byte) & 1 != 0 }
    return byte < 128 && high &>> UInt64(byte &- 64) & 1 != 0
  }

  /// Adds a character; anything beyond ASCII is ignored.
  mutating func insert(_ byte: UInt8) {
    if byte < 64 {
      low |= 1 << UInt64(byte)
    } else if byte < 128 {
      high |= 1 << UInt64(byte - 64)
    }
  }

  mutating func insert(_ range: ClosedRange<UInt8>) {
    for byte in range { insert(byte) }
  }

  func isDisjoint(with other: ASCIISet) -> Bool {
    low & other.low == 0 && high & other.high == 0
  }

  func union(_ other: ASCIISet) -> ASCIISet {
    var all = self
    all.low |= other.low
    all.high |= other.high
    return all
  }
}
