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
    guard spend(Int(token.length) >> 1) else { return false }
    let unescaped = scratch.unescape(value.text(token))
    return acceptsText(rule, unescaped.span, isASCII: false)
  }

  @_lifetime(self: copy self)
  private mutating func acceptsText(
    _ rule: StringRule, _ text: Span<UInt8>, isASCII: Bool
  ) -> Bool {
    // A code point is at least one byte, so this many bytes always reach the minimum.
    if rule.minimum > 0 || rule.maximum < text.count {
      guard isASCII || spend(text.count >> 4) else { return false }
      let length = isASCII ? text.count : Self.codePoints(text)
      guard length >= rule.minimum, length <= rule.maximum else { return false }
    }
    if let format = rule.format {
      guard spend(format.cost(text)), format.accepts(text) else { return false }
    }
    return rule.pattern == ProgramNode.none || matches(Int(rule.pattern), text)
  }

  /// Whether a pattern is found in `text`; false, and `halt` set, at a limit.
  @_lifetime(self: copy self)
  mutating func matches(_ pattern: Int, _ text: Span<UInt8>) -> Bool {
    let chain = chains[pattern]
    if chain.isChain {
      guard spend(text.count >> 3) else { return false }
      return PatternShape.matches(text, links: links, place: chain)
    }
    // A few steps for each byte are what a harmless pattern takes; more are paid for.
    guard spend(16 &+ text.count) else { return false }
    var verdict = scratch.matcher.verdict(
      patterns[pattern], on: text, steps: Self.freeSteps(text.count))
    if verdict == .limit, Self.freeSteps(text.count) < SchemaLimits.matchSteps {
      let steps = min(Int(SchemaLimits.matchSteps), 2 &* fuel)
      guard spend(steps / 2) else { return false }
      verdict = scratch.matcher.verdict(patterns[pattern], on: text, steps: UInt32(steps))
    }
    switch verdict {
    case .match: return true
    case .noMatch: return false
    case .limit:
      stop(.patternLimit)
      return false
    }
  }

  /// Steps that a match on so many bytes may take at first.
  private static func freeSteps(_ bytes: Int) -> UInt32 {
    UInt32(min(128 &+ 4 &* bytes, Int(SchemaLimits.matchSteps)))
  }

  /// Unicode code points of well-formed UTF-8.
  static func codePoints(_ text: Span<UInt8>) -> Int {
    // Bytes that continue a character have the bits 10 on top: eight are looked at together.
    var continuations = 0
    var index = 0
    while index &+ 8 <= text.count {
      let word = NameTable.word(text.raw, at: index, count: 8)
      continuations &+= (word &>> 7 & ~(word &>> 6) & 0x0101_0101_0101_0101).nonzeroBitCount
      index &+= 8
    }
    while index < text.count {
      if text[index] & 0xC0 == 0x80 { continuations &+= 1 }
      index &+= 1
    }
    return text.count &- continuations
  }

  /// Whether a number is of one of the kinds: `1.0` is an integer.
  func acceptsNumberKind(_ types: TypeSet, _ token: JSONToken) -> Bool {
    if types.isSuperset(of: .number) { return true }
    if types.isDisjoint(with: .number) { return false }
    let isInteger =
      !token.hasFraction
      || Self.isWhole(value.text(token)) ?? value.number(token)?.isInteger
        ?? false
    return types.contains(isInteger ? .integer : .fractional)
  }

  /// Whether a lexeme with a point has nothing but zeros behind it; nil where it has an exponent.
  private static func isWhole(_ lexeme: Span<UInt8>) -> Bool? {
    var isBehindPoint = false
    var isWhole = true
    for index in 0..<lexeme.count {
      let byte = lexeme[index]
      if byte | 0x20 == 0x65 { return nil }
      if isBehindPoint, byte != ASCII.zero { isWhole = false }
      if byte == ASCII.dot { isBehindPoint = true }
    }
    return isWhole
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
    guard spend(8 &+ Int(token.length) >> 2), let number = value.number(token) else { return false }
    if let bound = bound(rule.minimum), number < bound { return false }
    if let bound = bound(rule.exclusiveMinimum), number <= bound { return false }
    if let bound = bound(rule.maximum), number > bound { return false }
    if let bound = bound(rule.exclusiveMaximum), number >= bound { return false }
    if let divisor = bound(rule.multipleOf) {
      return spend(number.divisionCost(by: divisor)) && number.isMultiple(of: divisor)
    }
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
