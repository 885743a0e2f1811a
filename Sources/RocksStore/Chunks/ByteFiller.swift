import Bytes

/// Fills a run of raw memory front to back: the one way in which stages and chunks are written.
///
/// SAFETY: every write is checked against the end of the memory; the pointer is only used inside
/// the closure of `ByteBuffer.appendUnsafe` that lent it.
@safe struct ByteFiller {
  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  /// Bytes written so far.
  private(set) var count = 0

  init(_ memory: UnsafeMutableRawBufferPointer) {
    precondition(memory.count > 0, "nothing to fill")
    unsafe base = memory.baseAddress.unsafelyUnwrapped
    capacity = memory.count
  }

  @inline(__always)
  private mutating func take(_ bytes: Int) -> UnsafeMutableRawPointer {
    precondition(bytes <= capacity &- count, "filling past the end")
    defer { count &+= bytes }
    return unsafe base.advanced(by: count)
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    unsafe take(1).storeBytes(of: byte, as: UInt8.self)
  }

  @inline(__always)
  mutating func append(bigEndian value: UInt16) {
    unsafe take(2).storeBytes(of: value.bigEndian, as: UInt16.self)
  }

  @inline(__always)
  mutating func append(bigEndian value: UInt32) {
    unsafe take(4).storeBytes(of: value.bigEndian, as: UInt32.self)
  }

  @inline(__always)
  mutating func append(bigEndian value: UInt64) {
    unsafe take(8).storeBytes(of: value.bigEndian, as: UInt64.self)
  }

  @inline(__always)
  mutating func append(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func append(_ slice: ByteSlice) {
    if slice.isEmpty { return }
    unsafe slice.withUnsafeBytes { source in
      unsafe take(source.count).copyMemory(
        from: source.baseAddress.unsafelyUnwrapped, byteCount: source.count)
    }
  }

  /// How many bytes a varint takes.
  static func varintCount(_ value: UInt64) -> Int {
    max(1, (64 - value.leadingZeroBitCount + 6) / 7)
  }
}
