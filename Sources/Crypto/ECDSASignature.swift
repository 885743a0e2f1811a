import Bytes

/// The two forms of an ECDSA signature: r and s side by side, as JWS carries it (RFC 7518 §3.4),
/// and the DER sequence of two integers that libcrypto speaks (RFC 3279 §2.2.3).
enum ECDSASignature {
  /// The DER form; nil unless `raw` is exactly two coordinates long. That r and s lie between 1 and
  /// the order is libcrypto's to check.
  static func der(raw: ByteSlice, _ curve: EllipticCurve) -> ByteSlice? {
    let half = curve.byteCount
    guard raw.count == 2 * half else { return nil }
    var integers = ByteWriter(capacity: 2 * half + 8)
    append(raw.prefix(half), to: &integers)
    append(raw.dropFirst(half), to: &integers)
    var sequence = ByteWriter(capacity: integers.count + 4)
    sequence.append(0x30)
    appendLength(integers.count, to: &sequence)
    sequence.append(integers.bytes)
    return sequence.slice
  }

  /// The raw form; nil for anything but the DER that libcrypto writes.
  static func raw(der: ByteSlice, _ curve: EllipticCurve) -> ByteSlice? {
    var cursor = ByteCursor(der)
    var raw = ByteWriter(capacity: 2 * curve.byteCount)
    do throws(ByteCursorFailure) {
      guard try cursor.readByte() == 0x30, try readLength(&cursor) == cursor.remaining else {
        return nil
      }
      for _ in 0..<2 {
        guard try cursor.readByte() == 0x02 else { return nil }
        var integer = try cursor.readSlice(try readLength(&cursor))
        if integer.count > 1, integer[0] == 0 { integer = integer.dropFirst(1) }
        guard integer.count <= curve.byteCount else { return nil }
        for _ in integer.count..<curve.byteCount { raw.append(0) }
        raw.append(integer)
      }
    } catch {
      return nil
    }
    return cursor.isAtEnd ? raw.slice : nil
  }

  /// An INTEGER: minimal, with a zero byte in front where the sign bit would be set (X.690 §8.3).
  private static func append(_ bigEndian: ByteSlice, to writer: inout ByteWriter) {
    var magnitude = bigEndian
    while magnitude.count > 1, magnitude[0] == 0 { magnitude = magnitude.dropFirst(1) }
    let padded = magnitude[0] & 0x80 != 0
    writer.append(0x02)
    appendLength(magnitude.count + (padded ? 1 : 0), to: &writer)
    if padded { writer.append(0) }
    writer.append(magnitude)
  }

  private static func appendLength(_ length: Int, to writer: inout ByteWriter) {
    if length >= 0x80 { writer.append(0x81) }
    writer.append(UInt8(length))
  }

  private static func readLength(_ cursor: inout ByteCursor) throws(ByteCursorFailure) -> Int {
    let first = try cursor.readByte()
    return first == 0x81 ? Int(try cursor.readByte()) : Int(first)
  }
}
