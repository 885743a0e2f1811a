/// The ASCII bytes that protocols are made of.
public enum ASCII {
  public static let nul: UInt8 = 0x00
  public static let tab: UInt8 = 0x09
  public static let lineFeed: UInt8 = 0x0A
  public static let carriageReturn: UInt8 = 0x0D
  public static let space: UInt8 = 0x20
  public static let quote: UInt8 = 0x22
  public static let percent: UInt8 = 0x25
  public static let ampersand: UInt8 = 0x26
  public static let asterisk: UInt8 = 0x2A
  public static let plus: UInt8 = 0x2B
  public static let comma: UInt8 = 0x2C
  public static let minus: UInt8 = 0x2D
  public static let dot: UInt8 = 0x2E
  public static let slash: UInt8 = 0x2F
  public static let zero: UInt8 = 0x30
  public static let colon: UInt8 = 0x3A
  public static let semicolon: UInt8 = 0x3B
  public static let equals: UInt8 = 0x3D
  public static let questionMark: UInt8 = 0x3F
  public static let backslash: UInt8 = 0x5C
  public static let underscore: UInt8 = 0x5F
  public static let tilde: UInt8 = 0x7E
  public static let delete: UInt8 = 0x7F

  @inlinable
  public static func lowercased(_ byte: UInt8) -> UInt8 {
    isUpper(byte) ? byte | 0x20 : byte
  }

  @inlinable public static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  @inlinable public static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
  @inlinable public static func isLower(_ byte: UInt8) -> Bool { byte &- 0x61 < 26 }
  @inlinable
  public static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLower(byte | 0x20)
  }

  /// The value of a hexadecimal digit in either case, or nil.
  @inlinable
  public static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// The lower-case hexadecimal digit of a value below 16.
  @inlinable
  public static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? value &+ 0x30 : value &+ 0x57
  }
}
