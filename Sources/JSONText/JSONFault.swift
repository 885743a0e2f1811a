public import Bytes

/// Why a text is not acceptable JSON, and where. Carries no byte of the text but names of members.
public struct JSONFault: Error, Equatable, Sendable {
  public let code: JSONFaultCode
  /// Bytes before the fault.
  public let offset: Int
  /// Line of the fault, from 1; lines end with LF.
  public let line: Int
  /// Column of the fault in code points, from 1.
  public let column: Int
  /// The value that was being read or was due; of `.duplicateMember` the member that is there
  /// twice. Nil where nothing was read.
  public let pointer: JSONPointer?
  /// What could have stood there; nil for limits.
  public let expected: JSONExpectation?

  init(
    _ code: JSONFaultCode, at offset: Int, in source: ByteSlice, pointer: JSONPointer? = nil,
    expected: JSONExpectation? = nil
  ) {
    self.code = code
    self.offset = offset
    self.pointer = pointer
    self.expected =
      (expected ?? code.expectation)?.widened(by: Self.significant(before: offset, in: source))
    (line, column) = Self.place(of: offset, in: source)
  }

  /// The last byte before `offset` that is not white space.
  private static func significant(before offset: Int, in source: ByteSlice) -> UInt8? {
    var at = min(offset, source.count) - 1
    while at >= 0, source[at] <= ASCII.space { at -= 1 }
    return at < 0 ? nil : source[at]
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

  /// Stable across releases: ends the code of an error, `json.unexpected_end`.
  public var name: StaticString {
    switch self {
    case .unexpectedEnd: "unexpected_end"
    case .unexpectedByte: "unexpected_character"
    case .trailingData: "trailing_data"
    case .byteOrderMark: "byte_order_mark"
    case .badNumber: "number"
    case .badEscape: "escape"
    case .loneSurrogate: "surrogate"
    case .controlCharacter: "control_character"
    case .badUTF8: "utf8"
    case .duplicateMember: "duplicate_member"
    case .tooDeep: "too_deep"
    case .tooManyTokens: "too_many_values"
    case .numberTooLong: "number_too_long"
    case .tooManyBytes: "too_long"
    }
  }

  /// What has to stand there where the code alone tells.
  fileprivate var expectation: JSONExpectation? {
    switch self {
    case .unexpectedEnd, .unexpectedByte, .byteOrderMark: .value
    case .trailingData: .end
    case .badNumber: .number
    case .badEscape: .escape
    case .loneSurrogate: .surrogatePair
    case .controlCharacter: .escapedControl
    case .badUTF8: .utf8
    case .duplicateMember, .tooDeep, .tooManyTokens, .numberTooLong, .tooManyBytes: nil
    }
  }

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

/// What could have stood where a text stopped being JSON.
public enum JSONExpectation: Equatable, Sendable, CaseIterable {
  case value, valueOrBracket, name, nameOrBrace, colon, commaOrBrace, commaOrBracket
  case closingQuote, literal, digit, number, escape, surrogatePair, escapedControl, utf8, end

  /// For people: completes "expected …"; constant, names no content.
  public var text: StaticString {
    switch self {
    case .value: "a value"
    case .valueOrBracket: "a value or ']'"
    case .name: "a member name in double quotes"
    case .nameOrBrace: "a member name in double quotes or '}'"
    case .colon: "':'"
    case .commaOrBrace: "',' or '}'"
    case .commaOrBracket: "',' or ']'"
    case .closingQuote: "a closing quote"
    case .literal: "null, true or false"
    case .digit: "a digit"
    case .number: "a number without leading zeros"
    case .escape: #"one of \" \\ \/ \b \f \n \r \t or \u with four hexadecimal digits"#
    case .surrogatePair: #"a pair such as \uD83D\uDE00"#
    case .escapedControl: #"an escape such as \n or \t"#
    case .utf8: "UTF-8"
    case .end: "the end of the text"
    }
  }

  /// Behind an opening bracket its end may stand as well.
  fileprivate func widened(by previous: UInt8?) -> JSONExpectation {
    switch (self, previous) {
    case (.value, 0x5B): .valueOrBracket
    case (.name, 0x7B): .nameOrBrace
    default: self
    }
  }
}
