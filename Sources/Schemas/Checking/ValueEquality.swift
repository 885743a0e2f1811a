import Bytes
import JSONText

/// Equality of JSON values as `const`, `enum` and `uniqueItems` mean it: numbers by value, objects
/// without order, strings by code points.
enum ValueEquality {
  /// Whether the values at two tokens are equal; nil when fuel runs out. Recursion is bounded by
  /// the depth limit of the tokenizer.
  static func equal(
    _ left: borrowing TapeView, _ at: Int, _ right: borrowing TapeView, _ other: Int,
    fuel: inout Int
  ) -> Bool? {
    fuel &-= 1
    guard fuel >= 0 else { return nil }
    let a = left.tokens[at]
    let b = right.tokens[other]
    guard a.kind == b.kind else { return false }
    switch a.kind {
    case .null, .true, .false: return true
    case .string: return equalStrings(left, a, right, b, fuel: &fuel)
    case .number: return equalNumbers(left, a, right, b, fuel: &fuel)
    case .array:
      fuel &-= 2
      return equalArrays(left, at, right, other, fuel: &fuel)
    case .object:
      fuel &-= 2
      return equalObjects(left, at, right, other, fuel: &fuel)
    }
  }

  private static func equalStrings(
    _ left: borrowing TapeView, _ a: JSONToken, _ right: borrowing TapeView, _ b: JSONToken,
    fuel: inout Int
  ) -> Bool {
    if !a.isEscaped, !b.isEscaped {
      guard a.length == b.length else { return false }
      fuel &-= Int(a.length) >> 3
      return equalTexts(left, a, right, b)
    }
    fuel &-= 32 &+ Int(a.length &+ b.length)
    return left.unescaped(a) == right.unescaped(b)
  }

  private static func equalNumbers(
    _ left: borrowing TapeView, _ a: JSONToken, _ right: borrowing TapeView, _ b: JSONToken,
    fuel: inout Int
  ) -> Bool {
    if equalTexts(left, a, right, b) { return true }
    // Integer lexemes are canonical but for -0.
    let areIntegers = !a.hasFraction && !b.hasFraction
    if areIntegers, a.length > 2 || b.length > 2 { return false }
    if a.length <= 17, b.length <= 17, let one = Decimal(left.text(a)),
      let other = Decimal(right.text(b))
    {
      fuel &-= 6
      return one.equals(other)
    }
    fuel &-= 32 &+ Int(a.length &+ b.length)
    guard let number = left.number(a), let other = right.number(b) else { return false }
    return number == other
  }

  private static func equalArrays(
    _ left: borrowing TapeView, _ at: Int, _ right: borrowing TapeView, _ other: Int,
    fuel: inout Int
  ) -> Bool? {
    let end = at + Int(left.tokens[at].extent)
    let otherEnd = other + Int(right.tokens[other].extent)
    var item = at + 1
    var otherItem = other + 1
    while item < end, otherItem < otherEnd {
      fuel &-= 2
      guard let same = equal(left, item, right, otherItem, fuel: &fuel) else { return nil }
      guard same else { return false }
      item += Int(left.tokens[item].extent)
      otherItem += Int(right.tokens[otherItem].extent)
    }
    return item == end && otherItem == otherEnd
  }

  private static func equalObjects(
    _ left: borrowing TapeView, _ at: Int, _ right: borrowing TapeView, _ other: Int,
    fuel: inout Int
  ) -> Bool? {
    let end = at + Int(left.tokens[at].extent)
    var key = at + 1
    var members = 0
    while key < end {
      guard let found = member(left, key, in: right, other, fuel: &fuel) else { return nil }
      guard found >= 0 else { return false }
      guard let same = equal(left, key + 1, right, found, fuel: &fuel) else { return nil }
      guard same else { return false }
      members += 1
      key += 1 + Int(left.tokens[key + 1].extent)
    }
    return members == memberCount(right, other)
  }

  /// The value of the member of `object` that is named as the key at `key`; -1 where there is none,
  /// nil when fuel runs out.
  private static func member(
    _ left: borrowing TapeView, _ key: Int, in right: borrowing TapeView, _ object: Int,
    fuel: inout Int
  ) -> Int? {
    let end = object + Int(right.tokens[object].extent)
    var candidate = object + 1
    while candidate < end {
      fuel &-= 2
      guard fuel >= 0 else { return nil }
      if equalStrings(left, left.tokens[key], right, right.tokens[candidate], fuel: &fuel) {
        return candidate + 1
      }
      candidate += 1 + Int(right.tokens[candidate + 1].extent)
    }
    return -1
  }

  private static func memberCount(_ tape: borrowing TapeView, _ object: Int) -> Int {
    let end = object + Int(tape.tokens[object].extent)
    var key = object + 1
    var members = 0
    while key < end {
      members += 1
      key += 1 + Int(tape.tokens[key + 1].extent)
    }
    return members
  }

  /// A number of up to 17 characters without exponent, as an integer and a power of ten.
  private struct Decimal {
    let coefficient: Int64
    /// Digits behind the point.
    let scale: Int

    init?(_ lexeme: Span<UInt8>) {
      let isNegative = lexeme[0] == ASCII.minus
      var magnitude: Int64 = 0
      var point = lexeme.count
      for index in (isNegative ? 1 : 0)..<lexeme.count {
        let byte = lexeme[index]
        if byte == ASCII.dot {
          point = index &+ 1
          continue
        }
        guard ASCII.isDigit(byte) else { return nil }
        magnitude = magnitude &* 10 &+ Int64(byte &- ASCII.zero)
      }
      coefficient = isNegative ? -magnitude : magnitude
      scale = lexeme.count &- point
    }

    /// Exact: both products are below 10³⁴.
    func equals(_ other: Decimal) -> Bool {
      if scale == other.scale { return coefficient == other.coefficient }
      var left = Int128(coefficient)
      var right = Int128(other.coefficient)
      for _ in scale..<max(scale, other.scale) { left *= 10 }
      for _ in other.scale..<max(scale, other.scale) { right *= 10 }
      return left == right
    }
  }

  /// Whether two texts have the same bytes.
  private static func equalTexts(
    _ left: borrowing TapeView, _ a: JSONToken, _ right: borrowing TapeView, _ b: JSONToken
  ) -> Bool {
    guard a.length == b.length else { return false }
    var done = 0
    while done < Int(a.length) {
      let rest = Int(a.length) &- done
      guard
        NameTable.word(left.bytes.raw, at: Int(a.offset) &+ done, count: rest)
          == NameTable.word(right.bytes.raw, at: Int(b.offset) &+ done, count: rest)
      else { return false }
      done &+= 8
    }
    return true
  }
}
