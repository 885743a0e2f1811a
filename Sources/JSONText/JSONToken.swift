/// One element of a tokenised text: a value or a member's key. 16 bytes, in document order.
///
/// Keys are string tokens that stand directly before their value. An array or object is followed by
/// its contents; `extent` says how many tokens to step over to reach what follows it.
public struct JSONToken: BitwiseCopyable, Sendable {
  /// Where the element starts in the source, in bytes. Strings: behind the opening quote.
  public let offset: UInt32
  /// Length in source bytes. Strings: without the quotes. Containers: with both brackets.
  public var length: UInt32
  /// Tokens of the subtree, this one included; 1 for everything but containers.
  public var extent: UInt32
  public let kind: JSONKind
  public let flags: JSONTokenFlags

  @inlinable
  public init(
    offset: UInt32, length: UInt32, extent: UInt32 = 1, kind: JSONKind, flags: JSONTokenFlags = []
  ) {
    self.offset = offset
    self.length = length
    self.extent = extent
    self.kind = kind
    self.flags = flags
  }

  /// Where the element lies in the source; of a string what stands between the quotes.
  @inlinable public var range: Range<Int> { Int(offset)..<(Int(offset) + Int(length)) }
}

/// What a token is. The raw values are stable within a process only.
public enum JSONKind: UInt8, BitwiseCopyable, Sendable {
  case null, `false`, `true`, number, string, array, object

  /// The JSON type's name, as JSON Schema spells it; booleans are one type.
  public var typeName: StaticString {
    switch self {
    case .null: "null"
    case .false, .true: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }
}

/// What the tokenizer noticed on the way.
public struct JSONTokenFlags: OptionSet, BitwiseCopyable, Sendable {
  public let rawValue: UInt8
  @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A string that contains `\`: its value differs from its source bytes.
  @inlinable public static var hasEscape: JSONTokenFlags { JSONTokenFlags(rawValue: 1) }
  /// A string with bytes from 0x80 up in its source.
  @inlinable public static var nonASCII: JSONTokenFlags { JSONTokenFlags(rawValue: 2) }
  /// A number with `.` or an exponent.
  @inlinable public static var fraction: JSONTokenFlags { JSONTokenFlags(rawValue: 4) }
}
