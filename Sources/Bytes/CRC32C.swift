/// The Castagnoli cyclic redundancy check (RFC 3720 appendix B.4): reflected polynomial 0x82F63B78.
public struct CRC32C: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  public init() {}

  /// The check value of everything fed so far.
  public var value: UInt32 { ~state }

  /// The check value of `bytes` alone.
  public static func checksum(_ bytes: ByteSlice) -> UInt32 {
    var crc = CRC32C()
    crc.update(bytes.span)
    return crc.value
  }

  /// Feeds more bytes; eight at a time by eight tables (slicing-by-8).
  public mutating func update(_ bytes: Span<UInt8>) {
    var crc = state
    // SAFETY: table indices are below 8 × 256, the words read lie within the span; both outlive the
    // closures.
    unsafe Self.tables.withUnsafeBufferPointer { tables in
      unsafe bytes.withUnsafeBytes { bytes in
        var index = 0
        while index &+ 8 <= bytes.count {
          let word = unsafe UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
          let low = UInt32(truncatingIfNeeded: word) ^ crc
          let high = UInt32(truncatingIfNeeded: word >> 32)
          let front = unsafe tables[1792 &+ Int(low & 0xFF)] ^ tables[1536 &+ Int(low >> 8 & 0xFF)]
          let middle =
            unsafe tables[1280 &+ Int(low >> 16 & 0xFF)] ^ tables[1024 &+ Int(low >> 24)]
          let rear = unsafe tables[768 &+ Int(high & 0xFF)] ^ tables[512 &+ Int(high >> 8 & 0xFF)]
          let last = unsafe tables[256 &+ Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
          crc = front ^ middle ^ rear ^ last
          index &+= 8
        }
        while index < bytes.count {
          crc = unsafe crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
          index &+= 1
        }
      }
    }
    state = crc
  }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
      tables[byte] = crc
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let previous = tables[(table - 1) * 256 + byte]
        tables[table * 256 + byte] = previous >> 8 ^ tables[Int(previous & 0xFF)]
      }
    }
    return tables
  }()
}
