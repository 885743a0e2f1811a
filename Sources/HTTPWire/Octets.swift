import Bytes

/// Classes of octets that HTTP and URI grammars tell apart, and the scan that skips harmless ones.
enum Octets {
  /// Bytes below 0x20 other than HTAB, and DEL (RFC 9110 §5.5 forbids them in fields).
  @inline(__always)
  static func isControl(_ byte: UInt8) -> Bool {
    (byte < 0x20 && byte != ASCII.tab) || byte == ASCII.delete
  }

  /// The index of the first control byte at or after `from`, or the span's count. Sixteen bytes at
  /// a time.
  static func firstControl(in span: Span<UInt8>, from: Int) -> Int {
    var index = from
    while index &+ ByteBlock.width <= span.count {
      let block = ByteBlock(span, at: index)
      // HTAB is none of them.
      let found =
        block.marks(from: 0, count: ASCII.tab) | block.marks(from: ASCII.tab &+ 1, count: 22)
        | block.marks(ASCII.delete)
      let first = found.first
      if first < ByteBlock.width { return index &+ first }
      index &+= ByteBlock.width
    }
    while index < span.count, !isControl(span[index]) { index &+= 1 }
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
