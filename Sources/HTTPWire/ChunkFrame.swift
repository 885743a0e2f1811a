public import Bytes

/// Frames one step of a streamed body as a chunk, in place: room for the size is left in front and
/// filled in afterwards (RFC 9112 §7.1 allows leading zeros).
public enum ChunkFrame {
  private static let openingBytes = 10

  /// Leaves room for the size; the writer is empty.
  public static func open(_ bytes: inout ByteWriter) {
    bytes.append("00000000\r\n")
  }

  /// Fills the size in and ends the chunk; an empty one disappears.
  ///
  /// - Parameter isLast: whether the body ends here.
  public static func close(_ bytes: inout ByteWriter, isLast: Bool) {
    let size = UInt32(bytes.count - openingBytes)
    if size == 0 {
      bytes.truncate(to: 0)
    } else {
      bytes.patch(bigEndian: digits(UInt16(truncatingIfNeeded: size >> 16)), at: 0)
      bytes.patch(bigEndian: digits(UInt16(truncatingIfNeeded: size)), at: 4)
      bytes.append("\r\n")
    }
    if isLast { bytes.append("0\r\n\r\n") }
  }

  /// What a whole chunk made by `open` and `close` carries.
  public static func payload(of chunk: ByteSlice) -> ByteSlice {
    chunk[openingBytes..<(chunk.count - 2)]
  }

  /// Four hexadecimal digits as the four bytes of a big-endian word.
  private static func digits(_ value: UInt16) -> UInt32 {
    var word: UInt32 = 0
    for shift in [12, 8, 4, 0] as [UInt16] {
      word = word << 8 | UInt32(ASCII.hexDigit(UInt8(truncatingIfNeeded: (value >> shift) & 15)))
    }
    return word
  }
}
