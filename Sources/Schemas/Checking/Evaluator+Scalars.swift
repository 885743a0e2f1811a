import Bytes
import JSONText

// Strings and numbers.
extension Evaluator {
  /// Whether a string keeps its rule. Strings with escapes are read through the scratch.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsString(_ rule: UInt32, _ token: JSONToken) -> Bool {
    let text = strings[rule]
    // Of plain texts most are asked for no more than a length.
    if token.flags.rawValue == 0, text.isLengthAlone {
      return token.length >= text.minimum && token.length <= text.maximum
    }
    return acceptsContents(rule, token)
  }

  @inline(never)
  @_lifetime(self: copy self)
  private mutating func acceptsContents(_ rule: UInt32, _ token: JSONToken) -> Bool {
    if token.isEscaped { return acceptsEscaped(rule, token) }
    return acceptsText(strings[rule], value.text(token), isASCII: !token.isBeyondASCII)
  }

  @inline(never)
  @_lifetime(self: copy self)
  private mutating func acceptsEscaped(_ rule: UInt32, _ token: JSONToken) -> Bool {
    let text = value.text(token)
    // Of long texts few bytes are escapes, and the others cost little.
    let cost =
      text.count < 64
      ? text.count &>> 1 : text.count &>> 3 &+ JSONEscapes.backslashes(in: text)
    guard spend(10 &+ cost) else { return false }
    let unescaped = scratch.unescape(text)
    return acceptsText(strings[rule], unescaped.span, isASCII: false)
  }

  @inline(__always)
  @_lifetime(self: copy self)
  private mutating func acceptsText(
    _ rule: StringRule, _ text: Span<UInt8>, isASCII: Bool
  ) -> Bool {
    // A code point is one byte to four: most lengths need no counting.
    let surely = isASCII ? text.count : (text.count &+ 3) &>> 2
    if surely < rule.minimum || text.count > rule.maximum {
      if isASCII { return false }
      guard spend(text.count >> 4) else { return false }
      let length = Self.codePoints(text)
      guard length >= rule.minimum, length <= rule.maximum else { return false }
    }
    if let format = rule.format {
      guard spend(format.cost(text)), format.accepts(text, fuel: &fuel) else { return false }
    }
    return rule.pattern == ProgramNode.none || matches(rule.pattern, text)
  }

  /// Whether a pattern is found in `text`; false, and `halt` set, at a limit.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func matches(_ pattern: UInt32, _ text: Span<UInt8>) -> Bool {
    let chain = chains[pattern]
    guard chain.isChain else { return searches(pattern, text) }
    fuel &-= text.count &>> 3
    let isMatch = PatternShape.matches(text, links: links, place: chain, fuel: &fuel)
    return spend(0) && isMatch
  }

  /// The same for a pattern that is no chain.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func searches(_ pattern: UInt32, _ text: Span<UInt8>) -> Bool {
    if patterns[pattern].table == nil {
      // A run through a large set of characters calls back at its end only.
      let run = text.count &* (patterns[pattern].weight &- 1) &>> 2
      guard spend(8 &+ text.count &>> 4 &+ run) else { return false }
    }
    switch scratch.matcher.verdict(patterns[pattern], on: text, fuel: &fuel) {
    case .match: return spend(0)
    case .noMatch: return false
    case .limit:
      stop(.patternLimit)
      scratch.limitedMatch = LimitedMatch(pattern: pattern, bytes: text.count)
      return false
    }
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
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsNumber(_ number: UInt32, _ token: JSONToken) -> Bool {
    let rule = numbers[number]
    if rule.isInterval {
      let lexeme = value.text(token)
      // Most rules ask for no more than a number from 0 up.
      if rule.lowest <= 0, rule.highest == Int64.max, rule.multipleOf == ProgramNode.none,
        lexeme[0] != ASCII.minus
      {
        return true
      }
      if rule.divisor != 1 { fuel &-= 2 }
      if token.length <= 18 {
        if !token.hasFraction || rule.holdsForFractions, rule.scale == 0 {
          fuel &-= Int(token.length) &>> 2
          if let number = PlainNumber(lexeme) {
            return number.floor >= rule.lowest && number.ceiling <= rule.highest
              && (rule.divisor == 1 || number.floor % rule.divisor == 0)
          }
        } else if let number = ScaledNumber(lexeme, scale: rule.scale) {
          fuel &-= 2 &+ Int(token.length) &>> 4
          return number.value >= rule.lowest && number.value <= rule.highest
            && (rule.divisor == 1 || number.value % rule.divisor == 0)
        }
      }
    }
    return acceptsExactly(number, token)
  }

  /// The same by exact arithmetic.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func acceptsExactly(_ number: UInt32, _ token: JSONToken) -> Bool {
    let rule = numbers[number]
    guard spend(numberCost(token)), let number = value.number(token) else { return false }
    if let bound = bound(rule.minimum), number < bound { return false }
    if let bound = bound(rule.exclusiveMinimum), number <= bound { return false }
    if let bound = bound(rule.maximum), number > bound { return false }
    if let bound = bound(rule.exclusiveMaximum), number >= bound { return false }
    if let divisor = bound(rule.multipleOf) {
      return spend(number.divisionCost(by: divisor)) && number.isMultiple(of: divisor)
    }
    return true
  }

  /// What a number's exact value costs.
  @inline(__always)
  func numberCost(_ token: JSONToken) -> Int { 16 &+ Int(token.length) &>> 1 }

  /// The number of the schema's text at a token.
  func bound(_ token: UInt32) -> JSONNumber? {
    token == ProgramNode.none ? nil : constants.number(constants.tokens[Int(token)])
  }
}

/// The integers around a number of at most 18 characters without exponent.
private struct PlainNumber {
  /// The greatest integer that is not above the number, and the least that is not below it.
  let floor: Int64
  let ceiling: Int64

  /// Nil where the lexeme has an exponent.
  @inline(__always)
  init?(_ lexeme: Span<UInt8>) {
    // SAFETY: indices below the lexeme's length, which is never 0.
    func byte(_ index: Int) -> UInt8 { unsafe lexeme[unchecked: index] }
    let isNegative = byte(0) == ASCII.minus
    var magnitude: Int64 = 0
    var index = isNegative ? 1 : 0
    while index < lexeme.count, ASCII.isDigit(byte(index)) {
      magnitude = magnitude &* 10 &+ Int64(byte(index) &- ASCII.zero)
      index &+= 1
    }
    var beyond: Int64 = 0
    if index < lexeme.count {
      guard byte(index) == ASCII.dot else { return nil }
      index &+= 1
      while index < lexeme.count {
        guard ASCII.isDigit(byte(index)) else { return nil }
        if byte(index) != ASCII.zero { beyond = 1 }
        index &+= 1
      }
    }
    floor = isNegative ? -magnitude &- beyond : magnitude
    ceiling = isNegative ? -magnitude : magnitude &+ beyond
  }
}
