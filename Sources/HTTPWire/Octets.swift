import Bytes

/// Classes of octets that HTTP and URI grammars tell apart, and the scan that skips harmless ones.
enum Octets {
  /// Bytes below 0x20 other than HTAB, and DEL (RFC 9110 §5.5 forbids them in fields).
  @inline(__always)
  static func isControl(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != ASCII.tab) || byte == ASCII.delete
  }

  /// The index of the first control byte at or after `from`, or the span's count.
  ///
  /// Eight bytes at a time: a byte below 0x20 borrows from its top bit when 0x20 is subtracted, and
  /// DEL is found the same way after XOR with 0x7F. Borrows can only report too much, never too
  /// little; the exact look at each byte settles it.
  static func firstControl(in span: Span<UInt8>, from: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    // SAFETY: read-only view of the same bytes, used within this function.
    let raw = unsafe span.bytes
    var index = from
    while index &+ 8 <= span.count {
      // SAFETY: the eight bytes lie within the span, checked above; any bits make a UInt64.
      let word = unsafe raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      let low = (word &- ones &* 0x20) & ~word
      let folded = word ^ (ones &* 0x7F)
      let deleted = (folded &- ones) & ~folded
      if (low | deleted) & tops != 0 {
        for offset in index..<(index &+ 8) where isControl(span[offset]) { return offset }
      }
      index &+= 8
    }
    while index < span.count {
      if isControl(span[index]) { return index }
      index &+= 1
    }
    return index
  }

  /// `tchar` of RFC 9110 §5.6.2.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
  }

  /// `unreserved`, `sub-delims`, `:`, `@`, `/`, `?` and `%` of RFC 3986: what a path and a query
  /// may be made of.
  @inline(__always)
  static func isTarget(_ byte: UInt8) -> Bool {
    contains(byte, low: 0xAFFF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }

  /// `unreserved`, `sub-delims` and `%`: what a registered name may be made of.
  @inline(__always)
  static func isHostName(_ byte: UInt8) -> Bool {
    contains(byte, low: 0x2BFF_7FF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }

  /// Whether `byte` is in the 128-bit set given by its two halves.
  @inline(__always)
  private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
    let half = byte < 64 ? low : high
    return byte < 128 && (half >> UInt64(byte & 63)) & 1 == 1
  }
}
