import Bytes
import JSONText

// Strings and numbers.
extension Evaluator {
  /// Whether a string keeps its rule. Strings with escapes are read through the scratch.
  @_lifetime(self: copy self)
  mutating func acceptsString(_ rule: StringRule, _ token: JSONToken) -> Bool {
    if token.isEscaped { return acceptsEscaped(rule, token) }
    return acceptsText(rule, value.text(token), isASCII: !token.isBeyondASCII)
  }

  @inline(never)
  @_lifetime(self: copy self)
  private mutating func acceptsEscaped(_ rule: StringRule, _ token: JSONToken) -> Bool {
    let unescaped = scratch.unescape(value.text(token))
    return acceptsText(rule, unescaped.span, isASCII: false)
  }

  @_lifetime(self: copy self)
  private mutating func acceptsText(
    _ rule: StringRule, _ text: Span<UInt8>, isASCII: Bool
  ) -> Bool {
    // A code point is at least one byte, so this many bytes always reach the minimum.
    if rule.minimum > 0 || rule.maximum < text.count {
      let length = isASCII ? text.count : Self.codePoints(text)
      guard length >= rule.minimum, length <= rule.maximum else { return false }
    }
    if let format = rule.format {
      guard format.accepts(text) else { return false }
    }
    return rule.pattern == ProgramNode.none || matches(Int(rule.pattern), text)
  }

  /// Whether a pattern is found in `text`; false, and `halt` set, at a limit.
  @_lifetime(self: copy self)
  mutating func matches(_ pattern: Int, _ text: Span<UInt8>) -> Bool {
    let chain = chains[pattern]
    if chain.isChain { return PatternShape.matches(text, links: links, place: chain) }
    switch scratch.matcher.verdict(patterns[pattern], on: text) {
    case .match: return true
    case .noMatch: return false
    case .limit:
      stop(.patternLimit)
      return false
    }
  }

  /// Unicode code points of well-formed UTF-8.
  static func codePoints(_ text: Span<UInt8>) -> Int {
    var count = 0
    for index in 0..<text.count where text[index] & 0xC0 != 0x80 { count &+= 1 }
    return count
  }

  /// Whether a number is of one of the kinds: `1.0` is an integer.
  func acceptsNumberKind(_ types: TypeSet, _ token: JSONToken) -> Bool {
    if types.isSuperset(of: .number) { return true }
    if types.isDisjoint(with: .number) { return false }
    let isInteger =
      !token.hasFraction || value.number(token)?.isInteger ?? false
    return types.contains(isInteger ? .integer : .fractional)
  }

  /// Whether a number keeps its bounds, exactly.
  @_lifetime(self: copy self)
  mutating func acceptsNumber(_ rule: NumberRule, _ token: JSONToken) -> Bool {
    if rule.isInterval, !token.hasFraction, token.length <= 18 {
      let integer = Self.integer(value.text(token))
      return integer >= rule.lowest && integer <= rule.highest
        && (rule.divisor == 1 || integer % rule.divisor == 0)
    }
    if rule.isInterval, rule.holdsForFractions, token.length <= 18,
      let isInside = Self.isInside(value.text(token), rule)
    {
      return isInside
    }
    guard let number = value.number(token) else { return false }
    if let bound = bound(rule.minimum), number < bound { return false }
    if let bound = bound(rule.exclusiveMinimum), number <= bound { return false }
    if let bound = bound(rule.maximum), number > bound { return false }
    if let bound = bound(rule.exclusiveMaximum), number >= bound { return false }
    if let divisor = bound(rule.multipleOf), !number.isMultiple(of: divisor) { return false }
    return true
  }

  /// Whether a lexeme of at most 18 characters is inside the interval, compared as scaled integers;
  /// nil where it has an exponent.
  private static func isInside(_ lexeme: Span<UInt8>, _ rule: NumberRule) -> Bool? {
    let isNegative = lexeme[0] == ASCII.minus
    var magnitude: Int64 = 0
    var scale: Int64 = 1
    var isFraction = false
    for index in (isNegative ? 1 : 0)..<lexeme.count {
      let byte = lexeme[index]
      if byte == ASCII.dot {
        isFraction = true
        continue
      }
      guard ASCII.isDigit(byte) else { return nil }
      magnitude = magnitude &* 10 &+ Int64(byte &- ASCII.zero)
      if isFraction { scale &*= 10 }
    }
    let scaled = Int128(isNegative ? -magnitude : magnitude)
    return scaled >= Int128(rule.lowest) * Int128(scale)
      && scaled <= Int128(rule.highest) * Int128(scale)
  }

  /// The number of the schema's text at a token.
  func bound(_ token: UInt32) -> JSONNumber? {
    token == ProgramNode.none ? nil : constants.number(constants.tokens[Int(token)])
  }

  /// The value of an integer lexeme of at most 18 characters.
  @inline(__always)
  private static func integer(_ lexeme: Span<UInt8>) -> Int64 {
    let isNegative = lexeme[0] == ASCII.minus
    var magnitude: Int64 = 0
    for index in (isNegative ? 1 : 0)..<lexeme.count {
      magnitude = magnitude &* 10 &+ Int64(lexeme[index] &- ASCII.zero)
    }
    return isNegative ? -magnitude : magnitude
  }
}
