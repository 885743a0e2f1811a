/// The ASCII bytes that protocols are made of.
public enum ASCII {
  public static var nul: UInt8 { 0x00 }
  public static var tab: UInt8 { 0x09 }
  public static var lineFeed: UInt8 { 0x0A }
  public static var carriageReturn: UInt8 { 0x0D }
  public static var space: UInt8 { 0x20 }
  public static var quote: UInt8 { 0x22 }
  public static var percent: UInt8 { 0x25 }
  public static var ampersand: UInt8 { 0x26 }
  public static var asterisk: UInt8 { 0x2A }
  public static var plus: UInt8 { 0x2B }
  public static var comma: UInt8 { 0x2C }
  public static var minus: UInt8 { 0x2D }
  public static var dot: UInt8 { 0x2E }
  public static var slash: UInt8 { 0x2F }
  public static var zero: UInt8 { 0x30 }
  public static var colon: UInt8 { 0x3A }
  public static var semicolon: UInt8 { 0x3B }
  public static var equals: UInt8 { 0x3D }
  public static var questionMark: UInt8 { 0x3F }
  public static var backslash: UInt8 { 0x5C }
  public static var underscore: UInt8 { 0x5F }
  public static var tilde: UInt8 { 0x7E }
  public static var delete: UInt8 { 0x7F }

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
