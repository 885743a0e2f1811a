public import Bytes

/// Why a text is not acceptable JSON, and where. Carries no byte of the text but a duplicate's
/// name.
public struct JSONFault: Error, Equatable, Sendable {
  public let code: JSONFaultCode
  /// Bytes before the fault.
  public let offset: Int
  /// Line of the fault, from 1; lines end with LF.
  public let line: Int
  /// Column of the fault in code points, from 1.
  public let column: Int
  /// Of `.duplicateMember`: the member that is there twice.
  public let pointer: JSONPointer?

  init(_ code: JSONFaultCode, at offset: Int, in source: ByteSlice, pointer: JSONPointer? = nil) {
    self.code = code
    self.offset = offset
    self.pointer = pointer
    (line, column) = Self.place(of: offset, in: source)
  }

  /// Line and column (from 1, in code points) of a byte offset.
  public static func place(of offset: Int, in source: ByteSlice) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for index in 0..<min(offset, source.count) {
      let byte = source[index]
      if byte == ASCII.lineFeed {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }
}

/// The ways in which a text can fail RFC 8259, the I-JSON rules that we hold (RFC 7493: unique
/// names, no lone surrogates), or a limit.
public enum JSONFaultCode: Equatable, Sendable, CaseIterable {
  /// The text ends where something more is needed.
  case unexpectedEnd
  /// A byte that cannot stand here.
  case unexpectedByte
  /// Something other than white space follows the value.
  case trailingData
  /// The text starts with U+FEFF.
  case byteOrderMark
  /// A number that breaks the grammar, such as `01` or `1.`.
  case badNumber
  /// An escape that does not exist, or `\u` without four hexadecimal digits.
  case badEscape
  /// `\uD800`–`\uDFFF` outside a pair.
  case loneSurrogate
  /// A byte below 0x20 inside a string.
  case controlCharacter
  /// Bytes that are not UTF-8.
  case badUTF8
  /// A member name that is there twice in one object, after unescaping.
  case duplicateMember
  /// A limit: nesting.
  case tooDeep
  /// A limit: values and keys.
  case tooManyTokens
  /// A limit: bytes of a number.
  case numberTooLong
  /// A limit: bytes of the text.
  case tooManyBytes

  /// One sentence for people; constant, names no content.
  public var text: StaticString {
    switch self {
    case .unexpectedEnd: "the text ends too early"
    case .unexpectedByte: "unexpected character"
    case .trailingData: "more text after the value"
    case .byteOrderMark: "the text starts with a byte order mark"
    case .badNumber: "malformed number"
    case .badEscape: "malformed escape sequence"
    case .loneSurrogate: "unpaired surrogate escape"
    case .controlCharacter: "unescaped control character in a string"
    case .badUTF8: "invalid UTF-8"
    case .duplicateMember: "member name is there twice"
    case .tooDeep: "nested too deeply"
    case .tooManyTokens: "too many values"
    case .numberTooLong: "number is too long"
    case .tooManyBytes: "the text is too long"
    }
  }
}
