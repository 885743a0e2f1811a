/// Reads bytes front to back; every read is checked against what is left.
package struct ByteCursor: Sendable {
  package let bytes: ByteSlice
  /// Bytes read so far.
  package private(set) var offset = 0

  package init(_ bytes: ByteSlice) { self.bytes = bytes }

  package var remaining: Int { bytes.count - offset }
  package var isAtEnd: Bool { offset == bytes.count }

  package mutating func readByte() throws(ByteCursorFailure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated(at: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  package mutating func readUInt16() throws(ByteCursorFailure) -> UInt16 {
    UInt16(try readByte()) << 8 | UInt16(try readByte())
  }

  package mutating func readUInt32() throws(ByteCursorFailure) -> UInt32 {
    UInt32(try readUInt16()) << 16 | UInt32(try readUInt16())
  }

  package mutating func readUInt64() throws(ByteCursorFailure) -> UInt64 {
    UInt64(try readUInt32()) << 32 | UInt64(try readUInt32())
  }

  /// An unsigned LEB128 varint of at most 64 bits in at most 10 bytes.
  package mutating func readVarint() throws(ByteCursorFailure) -> UInt64 {
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
  package mutating func readSlice(_ count: Int) throws(ByteCursorFailure) -> ByteSlice {
    guard count >= 0, count <= remaining else { throw .truncated(at: offset) }
    defer { offset += count }
    return bytes[offset..<(offset + count)]
  }

  /// A varint length and that many bytes.
  package mutating func readPrefixed() throws(ByteCursorFailure) -> ByteSlice {
    let length = try readVarint()
    guard length <= UInt64(remaining) else { throw .truncated(at: offset) }
    return try readSlice(Int(length))
  }
}

/// Why bytes could not be read.
package enum ByteCursorFailure: Error, Equatable, Sendable {
  /// More bytes were asked for than are left at this offset.
  case truncated(at: Int)
  /// A varint at this offset does not fit 64 bits.
  case overlongVarint(at: Int)
}
