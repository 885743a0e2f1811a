/// A set of ASCII characters as 128 bits: the alphabet of grammars and of pattern fast paths.
struct ASCIISet: BitwiseCopyable, Equatable, Sendable {
  /// Bits of the characters below 64.
  private(set) var low: UInt64 = 0
  /// Bits of the characters 64…127.
  private(set) var high: UInt64 = 0

  init() {}

  /// The characters whose bits are set: for grammars, whose sets are constants of the program.
  @inline(__always)
  init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

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
    (byte & 64 == 0 ? low : high) &>> UInt64(byte & 63) & 1 != 0 && byte < 128
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

  /// The only character, or nil where there are none or several.
  var single: UInt8? {
    guard low.nonzeroBitCount + high.nonzeroBitCount == 1 else { return nil }
    return UInt8(low != 0 ? low.trailingZeroBitCount : 64 + high.trailingZeroBitCount)
  }

  func isDisjoint(with other: ASCIISet) -> Bool {
    low & other.low == 0 && high & other.high == 0
  }
}
