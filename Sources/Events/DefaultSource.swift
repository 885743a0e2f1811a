public import Bytes

extension ByteWriter {
  /// The `source` of an event that carries none: `urn:jodrell:<tenant>:<principal>`, of whoever
  /// published it. What a URN cannot carry is percent-encoded (RFC 8141 §2).
  public mutating func append(sourceOf principal: ByteSlice, in tenant: ByteSlice) {
    append("urn:jodrell:")
    append(tenant)
    append(ASCII.colon)
    for index in 0..<principal.count {
      let byte = principal[index]
      if ASCII.isAlphanumeric(byte) || Self.isURNMark(byte) {
        append(byte)
      } else {
        append(ASCII.percent)
        append(Self.upperHex(byte >> 4))
        append(Self.upperHex(byte & 0x0F))
      }
    }
  }

  private static func isURNMark(_ byte: UInt8) -> Bool {
    switch byte {
    case ASCII.minus, ASCII.dot, ASCII.underscore, ASCII.tilde, ASCII.colon, 0x40, 0x21, 0x24,
      0x26...0x2C, 0x3B, 0x3D, ASCII.slash:
      true
    default: false
    }
  }

  private static func upperHex(_ value: UInt8) -> UInt8 {
    value < 10 ? ASCII.zero + value : 0x41 + value - 10
  }
}
