private import CISAL

/// The Castagnoli cyclic redundancy check (RFC 3720 appendix B.4): reflected polynomial 0x82F63B78.
/// By ISA-L, which takes the widest instructions that the processor has for it.
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

  /// Feeds more bytes, fewer than 2 GiB at a time.
  public mutating func update(_ bytes: Span<UInt8>) {
    if bytes.isEmpty { return }
    state = unsafe bytes.withUnsafeBufferPointer { bytes in
      // SAFETY: it reads the bytes, which are not `const` in its declaration, during the call only.
      unsafe crc32_iscsi(
        UnsafeMutablePointer(mutating: bytes.baseAddress), Int32(bytes.count), state)
    }
  }
}
