/// Builds bytes front to back: answers, records, keys. Integers are big-endian unless named
/// otherwise.
///
/// Reuse one writer with `removeAll()` where allocations matter. Owned by one task at a time.
public struct ByteWriter: Sendable {
  /// What has been written.
  public private(set) var bytes: [UInt8]

  public init(capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  @inlinable public var count: Int { bytes.count }

  /// Forgets what was written and keeps the memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  public mutating func reserve(_ more: Int) { bytes.reserveCapacity(bytes.count + more) }

  public mutating func append(_ byte: UInt8) { bytes.append(byte) }

  public mutating func append(_ slice: ByteSlice) {
    // SAFETY: the pointer is read inside the closure only, while the slice lives.
    unsafe slice.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  public mutating func append(_ other: [UInt8]) { bytes.append(contentsOf: other) }

  public mutating func append(_ span: Span<UInt8>) {
    unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  public mutating func append(_ literal: StaticString) {
    unsafe bytes.append(
      contentsOf: UnsafeBufferPointer(
        start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// The UTF-8 of `text`. Cold paths only: hot ones write literals and slices.
  public mutating func append(text: String) { bytes.append(contentsOf: text.utf8) }

  /// A decimal integer in ASCII.
  public mutating func append(decimal value: UInt64) {
    if value < 10 {
      bytes.append(ASCII.zero &+ UInt8(truncatingIfNeeded: value))
      return
    }
    let digits = DecimalDigits(value)
    append(digits.text.span.extracting(digits.first..<DecimalDigits.count))
  }

  /// The last `width` decimal digits, at most 20, with leading zeros.
  public mutating func append(decimal value: UInt64, width: Int) {
    let digits = DecimalDigits(value)
    append(digits.text.span.extracting((DecimalDigits.count - width)..<DecimalDigits.count))
  }

  public mutating func append(decimal value: Int) {
    if value < 0 { bytes.append(ASCII.minus) }
    append(decimal: UInt64(value.magnitude))
  }

  public mutating func append(decimal value: Int64) { append(decimal: Int(value)) }

  public mutating func append(bigEndian value: UInt16) {
    bytes.append(UInt8(truncatingIfNeeded: value >> 8))
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  public mutating func append(bigEndian value: UInt32) {
    append(bigEndian: UInt16(truncatingIfNeeded: value >> 16))
    append(bigEndian: UInt16(truncatingIfNeeded: value))
  }

  public mutating func append(bigEndian value: UInt64) {
    append(bigEndian: UInt32(truncatingIfNeeded: value >> 32))
    append(bigEndian: UInt32(truncatingIfNeeded: value))
  }

  /// An unsigned LEB128 varint: 1 byte below 128, at most 10.
  public mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// A varint length followed by the bytes.
  public mutating func append(prefixed slice: ByteSlice) {
    append(varint: UInt64(slice.count))
    append(slice)
  }

  /// Overwrites four bytes at `offset`, for lengths and checksums known only afterwards.
  public mutating func patch(bigEndian value: UInt32, at offset: Int) {
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32(index)))
    }
  }

  public mutating func truncate(to count: Int) {
    bytes.removeLast(bytes.count - count)
  }

  /// A copy of what was written, as a slice.
  public var slice: ByteSlice { ByteSlice(bytes) }
}

/// An integer's decimal digits, right-aligned behind zeros.
struct DecimalDigits: BitwiseCopyable {
  static let count = 20
  private(set) var text: InlineArray<20, UInt8> = .init(repeating: ASCII.zero)
  /// Where the digits begin; `count` for zero.
  private(set) var first = DecimalDigits.count

  init(_ value: UInt64) {
    var rest = value
    while rest > 0 {
      first &-= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      text[first] = ASCII.zero &+ UInt8(truncatingIfNeeded: digit)
      rest = quotient
    }
  }
}
