/// The ASCII bytes that protocols are made of.
package enum ASCII {
  package static let nul: UInt8 = 0x00
  package static let tab: UInt8 = 0x09
  package static let lineFeed: UInt8 = 0x0A
  package static let carriageReturn: UInt8 = 0x0D
  package static let space: UInt8 = 0x20
  package static let quote: UInt8 = 0x22
  package static let percent: UInt8 = 0x25
  package static let ampersand: UInt8 = 0x26
  package static let asterisk: UInt8 = 0x2A
  package static let plus: UInt8 = 0x2B
  package static let comma: UInt8 = 0x2C
  package static let minus: UInt8 = 0x2D
  package static let dot: UInt8 = 0x2E
  package static let slash: UInt8 = 0x2F
  package static let zero: UInt8 = 0x30
  package static let colon: UInt8 = 0x3A
  package static let semicolon: UInt8 = 0x3B
  package static let equals: UInt8 = 0x3D
  package static let questionMark: UInt8 = 0x3F
  package static let backslash: UInt8 = 0x5C
  package static let underscore: UInt8 = 0x5F
  package static let tilde: UInt8 = 0x7E
  package static let delete: UInt8 = 0x7F

  @inlinable
  package static func lowercased(_ byte: UInt8) -> UInt8 {
    isUpper(byte) ? byte | 0x20 : byte
  }

  @inlinable package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  @inlinable package static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
  @inlinable package static func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
  @inlinable
  package static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLower(byte | 0x20)
  }

  /// The value of a hexadecimal digit in either case, or nil.
  @inlinable
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// The lower-case hexadecimal digit of a value below 16.
  @inlinable
  package static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? value &+ 0x30 : value &+ 0x57
  }
}
