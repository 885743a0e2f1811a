import Bytes
import JSONText

extension JSONToken {
  /// Bits of the flags, read without a call on the hot path.
  @inline(__always) var isEscaped: Bool { flags.rawValue & 1 != 0 }
  @inline(__always) var isBeyondASCII: Bool { flags.rawValue & 2 != 0 }
  @inline(__always) var hasFraction: Bool { flags.rawValue & 4 != 0 }

  /// The number of the token's kind in a node's sets of kinds: numbers with a point or exponent,
  /// the only tokens with that flag, are a kind of their own.
  @inline(__always) var kindNumber: UInt32 { UInt32(kind.rawValue) &+ UInt32(flags.rawValue) & 4 }

  /// The bit of a kind; of numbers that of those without point and exponent.
  static func bit(of kind: JSONKind) -> UInt8 { 1 << kind.rawValue }
  /// The bit of numbers with a point or exponent.
  static var fractionBit: UInt8 { 1 << (JSONKind.number.rawValue + 4) }
}

/// A token tape with the text it refers to, borrowed.
struct TapeView: ~Escapable {
  let tokens: Span<JSONToken>
  let bytes: Span<UInt8>
  /// The same text, for numbers that need exact arithmetic.
  let source: ByteLoan

  @_lifetime(borrow tape, borrow source)
  init(_ tape: borrowing JSONTape, _ source: borrowing ByteSlice) {
    tokens = tape.span
    bytes = source.span
    self.source = ByteLoan(source)
  }

  /// The token at an index that a walk over the tape has led to.
  ///
  /// SAFETY: the tokenizer has made the tape: a container's extent ends on it, a name is followed
  /// by its value, and every token's range lies in the text.
  @inline(__always)
  func token(_ at: Int) -> JSONToken { unsafe tokens[unchecked: at] }

  /// The text of a string between its quotes, or the lexeme of a number.
  @inline(__always)
  @_lifetime(copy self)
  func text(_ token: JSONToken) -> Span<UInt8> {
    let start = Int(token.offset)
    let range = unsafe Range(uncheckedBounds: (start, start &+ Int(token.length)))
    // SAFETY: as above.
    return unsafe bytes.extracting(unchecked: range)
  }

  /// The value of an integer's token of fewer than eight characters.
  @inline(__always)
  func shortInteger(_ token: JSONToken) -> Int64 {
    var number: Int64 = 0
    var at = Int(token.offset)
    let end = at &+ Int(token.length)
    // SAFETY: as above.
    let isNegative = unsafe bytes[unchecked: at] == ASCII.minus
    if isNegative { at &+= 1 }
    while at < end {
      number = number &* 10 &+ Int64(unsafe bytes[unchecked: at] &- ASCII.zero)
      at &+= 1
    }
    return isNegative ? -number : number
  }

  /// The number that a token stands for.
  func number(_ token: JSONToken) -> JSONNumber? {
    let start = Int(token.offset)
    return JSONNumber(checked: source[start..<(start &+ Int(token.length))])
  }
}
