/// Reads bytes front to back; every read is checked against what is left.
public struct ByteCursor: Sendable {
  public let bytes: ByteSlice
  /// Bytes read so far.
  public private(set) var offset = 0

  public init(_ bytes: ByteSlice) { self.bytes = bytes }

  public var remaining: Int { bytes.count - offset }
  public var isAtEnd: Bool { offset == bytes.count }

  public mutating func readByte() throws(ByteCursorFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(at: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  public mutating func readUInt16() throws(ByteCursorFailure) -> UInt16 {
    UInt16(try readByte()) << 8 | UInt16(try readByte())
  }

  public mutating func readUInt32() throws(ByteCursorFailure) -> UInt32 {
    UInt32(try readUInt16()) << 16 | UInt32(try readUInt16())
  }

  public mutating func readUInt64() throws(ByteCursorFailure) -> UInt64 {
    UInt64(try readUInt32()) << 32 | UInt64(try readUInt32())
  }

  /// An unsigned LEB128 varint of at most 64 bits in at most 10 bytes.
  public mutating func readVarint() throws(ByteCursorFailure) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try readByte()
      guard shift < 63 || byte <= 1 else { throw .overlongVarint(at: start) }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
  }

  /// A slice of `count` bytes that shares this cursor's storage.
  public mutating func readSlice(_ count: Int) throws(ByteCursorFailure) -> ByteSlice {
    guard count >= 0, count <= remaining else { throw .truncated(at: offset) }
    defer { offset += count }
    return bytes[offset..<(offset + count)]
  }

  /// A varint length and that many bytes.
  public mutating func readPrefixed() throws(ByteCursorFailure) -> ByteSlice {
    let length = try readVarint()
    guard length <= UInt64(remaining) else { throw .truncated(at: offset) }
    return try readSlice(Int(length))
  }
}

/// Why bytes could not be read.
public enum ByteCursorFailure: Error, Equatable, Sendable {
  /// More bytes were asked for than are left at this offset.
  case truncated(at: Int)
  /// A varint at this offset does not fit 64 bits.
  case overlongVarint(at: Int)
}
