public import Bytes

/// A JSON number as the exact decimal it is: compared, divided and hashed without rounding and
/// without ever writing out its zeros (`1e1000000000` costs what `1` costs).
///
/// Normal form: sign, significant digits without zeros at either end, exponent of the last digit.
/// Exponents beyond ±10¹⁷ are compared by their digits.
public struct JSONNumber: Sendable {
  /// The number as written.
  public let lexeme: ByteSlice
  public let isNegative: Bool
  /// Where the significant digits lie in the lexeme, a `.` possibly among them; empty for zero.
  let significant: Range<Int>
  /// How many significant digits there are.
  let digitCount: Int
  /// Power of ten of the last significant digit; cut where the exponent as written is beyond the
  /// cap (`exponentDistance`).
  let exponent: Int
  /// The significant digits as an integer when there are at most 18.
  let coefficient: UInt64?

  /// The number that `text` writes, or nil unless it is exactly one JSON number of ≤ 1000 bytes.
  public init?(parsing text: ByteSlice) {
    guard !text.isEmpty, text.count <= JSONLimits.payload.maxNumberLength,
      text[0] == ASCII.minus || ASCII.isDigit(text[0])
    else { return nil }
    // SAFETY: the lexer stays inside the closure and reads below `bytes.count` only.
    let isNumber = unsafe text.withUnsafeBytes { bytes in
      let lexer = unsafe JSONLexer(base: bytes.baseAddress.unsafelyUnwrapped, end: bytes.count)
      var flags: JSONTokenFlags = []
      do throws(ScanStop) { return try lexer.number(0, &flags) == bytes.count } catch {
        return false
      }
    }
    guard isNumber else { return nil }
    self.init(checked: text)
  }

  /// The number of a lexeme that the tokenizer has accepted.
  public init(checked lexeme: ByteSlice) {
    self.lexeme = lexeme
    isNegative = lexeme[0] == ASCII.minus
    var mantissaEnd = isNegative ? 1 : 0
    var point: Int?
    while mantissaEnd < lexeme.count, lexeme[mantissaEnd] | 0x20 != 0x65 {
      if lexeme[mantissaEnd] == ASCII.dot { point = mantissaEnd }
      mantissaEnd += 1
    }
    var first = isNegative ? 1 : 0
    while first < mantissaEnd, lexeme[first] == ASCII.zero || lexeme[first] == ASCII.dot {
      first += 1
    }
    var last = mantissaEnd
    while last > first, lexeme[last - 1] == ASCII.zero || lexeme[last - 1] == ASCII.dot {
      last -= 1
    }
    significant = first..<last
    guard first < last else {
      (digitCount, exponent, coefficient) = (0, 0, 0)
      return
    }
    let hasPoint = point.map { $0 > first && $0 < last } ?? false
    digitCount = last - first - (hasPoint ? 1 : 0)
    // Digits between the last significant one and the point count up, those behind it down.
    let unit = point ?? mantissaEnd
    let shift = last <= unit ? unit - last : unit - last + 1
    exponent = Self.exponent(lexeme.dropFirst(mantissaEnd)) + shift
    var value: UInt64 = 0
    if digitCount <= 18 {
      for index in first..<last where lexeme[index] != ASCII.dot {
        value = value * 10 + UInt64(lexeme[index] - ASCII.zero)
      }
      coefficient = value
    } else {
      coefficient = nil
    }
  }

  /// The value of `e…`, cut at the cap; 0 for the empty slice.
  static func exponent(_ text: ByteSlice) -> Int {
    var value = 0
    var negative = false
    for index in 0..<text.count {
      let byte = text[index]
      if byte == ASCII.minus { negative = true }
      guard ASCII.isDigit(byte) else { continue }
      value = min(value * 10 + Int(byte - ASCII.zero), exponentCap)
    }
    return negative ? -value : value
  }

  public var isZero: Bool { digitCount == 0 }

  /// Whether the value is a whole number (`1.0` is).
  public var isInteger: Bool { isZero || exponent >= 0 }

  /// Digits behind the point that the value takes; 0 for whole numbers.
  public var decimals: Int { isZero ? 0 : max(0, -exponent) }

  /// The value as a 64-bit integer, or nil if it is not whole or does not fit.
  public var asInt64: Int64? { integer(scaledBy: 0) }

  /// The same of the value times ten to the power of `places`, which is not negative.
  public func integer(scaledBy places: Int) -> Int64? {
    guard !isZero else { return 0 }
    let zeros = exponent + places
    guard zeros >= 0, digitCount + zeros <= 19 else { return nil }
    var value: Int64 = 0
    func shift(_ digit: UInt8) -> Bool {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let unit = isNegative ? -Int64(digit) : Int64(digit)
      let (sum, carry) = tens.addingReportingOverflow(unit)
      value = sum
      return !overflow && !carry
    }
    for index in significant where lexeme[index] != ASCII.dot {
      guard shift(lexeme[index] - ASCII.zero) else { return nil }
    }
    for _ in 0..<zeros {
      guard shift(0) else { return nil }
    }
    return value
  }

  /// The nearest double; infinite where the value is beyond its range.
  public var asDouble: Double {
    if let coefficient, coefficient <= 1 << 53, exponent >= -22, exponent <= 22 {
      // Both operands are exact, so one rounding at most: the result is the nearest double.
      var power = 1.0
      for _ in 0..<abs(exponent) { power *= 10 }
      let magnitude =
        exponent >= 0 ? Double(coefficient) * power : Double(coefficient) / power
      return isNegative ? -magnitude : magnitude
    }
    return Double(lexeme.text) ?? (isNegative ? -.infinity : .infinity)
  }

  /// Whether the value is a whole multiple of `divisor`, exactly; nothing is a multiple of zero.
  public func isMultiple(of divisor: JSONNumber) -> Bool {
    guard !divisor.isZero else { return false }
    guard !isZero else { return true }
    // Neither coefficient ends in a zero: with fewer tens than the divisor it cannot be a multiple.
    let tens = exponentDistance(to: divisor)
    guard tens >= 0 else { return false }
    guard let modulus = divisor.coefficient else { return BigRemainder.isZero(self, divisor, tens) }
    var remainder: UInt64 = 0
    for index in significant where lexeme[index] != ASCII.dot {
      remainder = (remainder * 10 + UInt64(lexeme[index] - ASCII.zero)) % modulus
    }
    return Self.product(remainder, Self.power(of: 10, tens, modulo: modulus), modulus) == 0
  }

  /// What `isMultiple(of:)` takes, in steps of some nanoseconds.
  public func divisionCost(by divisor: JSONNumber) -> Int {
    let tens = exponentDistance(to: divisor)
    guard !isZero, tens >= 0 else { return 1 }
    if divisor.coefficient != nil { return 16 + 2 * digitCount }
    let limbs = divisor.digitCount / 9 + 1
    return (digitCount + min(tens, BigRemainder.mostTens)) * limbs
  }

  private static func power(of base: UInt64, _ exponent: Int, modulo modulus: UInt64) -> UInt64 {
    var result = 1 % modulus
    var factor = base % modulus
    var rest = exponent
    while rest > 0 {
      if rest & 1 == 1 { result = product(result, factor, modulus) }
      factor = product(factor, factor, modulus)
      rest >>= 1
    }
    return result
  }

  private static func product(_ left: UInt64, _ right: UInt64, _ modulus: UInt64) -> UInt64 {
    modulus.dividingFullWidth(left.multipliedFullWidth(by: right)).remainder
  }

  /// The significant digits, one by one.
  func forEachDigit(_ body: (UInt8) -> Void) {
    for index in significant where lexeme[index] != ASCII.dot {
      body(lexeme[index] - ASCII.zero)
    }
  }
}

extension JSONNumber: Hashable, Comparable {
  public static func == (left: JSONNumber, right: JSONNumber) -> Bool {
    if left.isZero || right.isZero { return left.isZero && right.isZero }
    guard left.isNegative == right.isNegative, left.digitCount == right.digitCount,
      left.exponentDistance(to: right) == 0
    else { return false }
    if let one = left.coefficient, let other = right.coefficient { return one == other }
    return compareDigits(left, right) == 0
  }

  public static func < (left: JSONNumber, right: JSONNumber) -> Bool {
    let signs = (left.sign, right.sign)
    guard signs.0 == signs.1 else { return signs.0 < signs.1 }
    guard signs.0 != 0 else { return false }
    let (small, large) = signs.0 > 0 ? (left, right) : (right, left)
    let ahead = small.digitCount - large.digitCount + small.exponentDistance(to: large)
    return ahead == 0 ? compareDigits(small, large) < 0 : ahead < 0
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(digitCount)
    guard !isZero else { return }
    hasher.combine(isNegative)
    if isVast { hasher.combine(magnitudeText) } else { hasher.combine(exponent) }
    forEachDigit { hasher.combine($0) }
  }

  private var sign: Int { isZero ? 0 : isNegative ? -1 : 1 }

  /// Compares two digit strings as fractions 0.ddd…: negative, zero or positive.
  private static func compareDigits(_ left: JSONNumber, _ right: JSONNumber) -> Int {
    var one = left.significant.lowerBound
    var other = right.significant.lowerBound
    while true {
      if one < left.significant.upperBound, left.lexeme[one] == ASCII.dot { one += 1 }
      if other < right.significant.upperBound, right.lexeme[other] == ASCII.dot { other += 1 }
      let ends = (one == left.significant.upperBound, other == right.significant.upperBound)
      if ends.0 || ends.1 { return (ends.0 ? 0 : 1) - (ends.1 ? 0 : 1) }
      if left.lexeme[one] != right.lexeme[other] {
        return Int(left.lexeme[one]) - Int(right.lexeme[other])
      }
      one += 1
      other += 1
    }
  }
}

/// The remainder where the divisor has more digits than a machine word: schoolbook, 32 bits a limb.
private enum BigRemainder {
  /// Tens beyond these change nothing.
  static let mostTens = 3_400

  /// Whether `divisor`'s digits divide `number`'s digits times 10^`tens`. At most 1000 + 3400 steps
  /// over at most 104 limbs, ≈ 2 ms; only for divisors of more than 18 digits.
  static func isZero(_ number: JSONNumber, _ divisor: JSONNumber, _ tens: Int) -> Bool {
    var modulus: [UInt32] = []
    divisor.forEachDigit { scale(&modulus, plus: UInt32($0)) }
    var remainder: [UInt32] = []
    func take(_ digit: UInt8) {
      scale(&remainder, plus: UInt32(digit))
      while !isLess(remainder, modulus) { subtract(modulus, from: &remainder) }
    }
    number.forEachDigit { take($0) }
    // A divisor below 10^1000 < 2^3400 has fewer than 3400 factors of 2 or 5: more tens change
    // nothing.
    for _ in 0..<min(tens, mostTens) where !remainder.isEmpty { take(0) }
    return remainder.isEmpty
  }

  /// Multiplies by ten and adds; limbs are little-endian, none on top is zero.
  private static func scale(_ value: inout [UInt32], plus digit: UInt32) {
    var carry = UInt64(digit)
    for index in value.indices {
      carry += UInt64(value[index]) * 10
      value[index] = UInt32(truncatingIfNeeded: carry)
      carry >>= 32
    }
    if carry > 0 { value.append(UInt32(truncatingIfNeeded: carry)) }
  }

  private static func isLess(_ left: [UInt32], _ right: [UInt32]) -> Bool {
    guard left.count == right.count else { return left.count < right.count }
    for index in left.indices.reversed() where left[index] != right[index] {
      return left[index] < right[index]
    }
    return false
  }

  private static func subtract(_ right: [UInt32], from left: inout [UInt32]) {
    var borrow: Int64 = 0
    for index in left.indices {
      var limb = Int64(left[index]) - borrow - (index < right.count ? Int64(right[index]) : 0)
      borrow = limb < 0 ? 1 : 0
      if limb < 0 { limb += 1 << 32 }
      left[index] = UInt32(truncatingIfNeeded: limb)
    }
    while left.last == 0 { left.removeLast() }
  }
}
