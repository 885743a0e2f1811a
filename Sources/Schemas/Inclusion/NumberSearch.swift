import Bytes
import JSONText

/// Numbers within bounds, multiples of some and not of others: exact, on a grid of decimals.
struct NumberSearch {
  private let rules: Case
  private var isInteger: Bool { rules.kind == .integer }

  init(_ rules: Case) { self.rules = rules }

  /// Most numbers that are tried one after the other.
  private static let longestWalk = 20_000

  func values(_ wanted: Int, fuel: inout Int) -> Findings {
    if let lower = rules.lower, let upper = rules.upper {
      if lower.value > upper.value { return Findings() }
      if lower.value == upper.value {
        if lower.isExclusive || upper.isExclusive { return Findings() }
        return Findings(values: fits(lower.value) ? [.number(lower.value)] : [])
      }
    }
    guard let grid = Grid(rules, isInteger: isInteger) else { return guesses(wanted) }
    return walk(grid, wanted, &fuel)
  }

  /// Whether a number is of the kind and keeps everything.
  private func fits(_ number: JSONNumber) -> Bool {
    guard number.isInteger == isInteger else { return false }
    if let lower = rules.lower {
      guard lower.isExclusive ? number > lower.value : number >= lower.value else { return false }
    }
    if let upper = rules.upper {
      guard upper.isExclusive ? number < upper.value : number <= upper.value else { return false }
    }
    return rules.multiples.allSatisfy { number.isMultiple(of: $0) }
      && !rules.nonMultiples.contains { number.isMultiple(of: $0) }
  }

  /// Numbers at hand where the bounds are too far apart for a grid.
  private func guesses(_ wanted: Int) -> Findings {
    let near = ["0", "1", "-1", "0.5", "-0.5", "1.5"].compactMap {
      JSONNumber(parsing: ByteSlice(utf8: $0))
    }
    let own = [rules.lower?.value, rules.upper?.value].compactMap { $0 } + rules.multiples
    let fitting = (near + own).filter { fits($0) }
    return Findings(
      values: fitting.prefix(wanted).map { .number($0) }, isComplete: false)
  }

  private func walk(_ grid: Grid, _ wanted: Int, _ fuel: inout Int) -> Findings {
    var found = Findings()
    var isExact = !grid.isDense
    var index: Int128 = 0
    while let step = grid.step(index) {
      // Divisibility repeats with the period: a whole one without a value proves that there is
      // none. Twice, because steps to both sides of zero take turns.
      if isExact, found.values.isEmpty, let period = grid.period, index > 2 * period + 1 {
        return found
      }
      fuel -= 1
      guard fuel >= 0, index < Self.longestWalk, found.values.count < wanted else {
        found.isComplete = false
        return found
      }
      if let number = grid.number(step) {
        if fits(number) { found.append(new: .number(number)) }
      } else {
        isExact = false
      }
      index += 1
    }
    found.isComplete = isExact
    return found
  }
}

/// The decimals that come into question, as multiples of one unit: `unit · 10^exponent · step`.
private struct Grid {
  let unit: Int128
  let exponent: Int
  /// The least and the greatest step, nil without bound.
  let first: Int128?
  let last: Int128?
  /// Steps after which divisibility repeats; nil where it is not known.
  let period: Int128?
  /// Whether there are numbers between the steps.
  let isDense: Bool

  /// Nil where the numbers are too far apart.
  init?(_ rules: Case, isInteger: Bool) {
    let bounds = [rules.lower, rules.upper].compactMap { $0 }
    let all = bounds.map(\.value) + rules.multiples + rules.nonMultiples
    let decimals = all.map { Decimal($0) }
    var exponent = min(0, decimals.map(\.exponent).min() ?? 0)
    // Between any two decimals lie finer ones.
    isDense = !isInteger && rules.multiples.isEmpty
    if isDense { exponent -= 3 }
    guard let one = Decimal.power(-exponent) else { return nil }
    func scaled(_ number: JSONNumber) -> Int128? { Decimal(number).scaled(to: exponent) }
    var unit: Int128 = isInteger ? one : 1
    var isFirst = !isInteger
    for divisor in rules.multiples {
      guard let step = scaled(divisor) else { return nil }
      guard let common = isFirst ? step : Decimal.leastCommonMultiple(unit, step) else {
        return nil
      }
      unit = common
      isFirst = false
    }
    self.exponent = exponent
    self.unit = unit
    var first: Int128?
    if let lower = rules.lower {
      guard let bound = scaled(lower.value) else { return nil }
      first = Decimal.quotient(bound, unit, roundingUp: true)
      if let step = first, step * unit == bound, lower.isExclusive { first = step + 1 }
    }
    var last: Int128?
    if let upper = rules.upper {
      guard let bound = scaled(upper.value) else { return nil }
      last = Decimal.quotient(bound, unit, roundingUp: false)
      if let step = last, step * unit == bound, upper.isExclusive { last = step - 1 }
    }
    self.first = first
    self.last = last
    var period: Int128? = isDense ? nil : 1
    var divisors = rules.nonMultiples.map { scaled($0) }
    if !isInteger { divisors.append(one) }
    for divisor in divisors {
      guard let divisor, let before = period,
        let common = Decimal.leastCommonMultiple(unit, divisor)
      else {
        period = nil
        break
      }
      period = Decimal.leastCommonMultiple(before, common / unit)
    }
    self.period = period
  }

  /// The `index`-th step: upwards from the least, downwards from the greatest, or to both sides of
  /// zero; nil behind the last.
  func step(_ index: Int128) -> Int128? {
    if let first {
      if let last, first + index > last { return nil }
      return first + index
    }
    if let last { return last - index }
    return index % 2 == 0 ? index / 2 : -(index / 2) - 1
  }

  func number(_ step: Int128) -> JSONNumber? {
    let (value, overflow) = step.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    return JSONNumber(parsing: Decimal.text(value, exponent: exponent))
  }
}

/// A decimal as an integer and a power of ten.
private struct Decimal {
  /// Nil beyond 30 digits.
  let coefficient: Int128?
  let exponent: Int

  init(_ number: JSONNumber) {
    var value: Int128? = 0
    var exponent = 0
    var zeros = 0
    var isFraction = false
    var digits = 0
    let lexeme = number.lexeme
    var index = number.isNegative ? 1 : 0
    while index < lexeme.count, lexeme[index] | 0x20 != 0x65 {
      let byte = lexeme[index]
      index += 1
      if byte == ASCII.dot {
        isFraction = true
        continue
      }
      if isFraction { exponent -= 1 }
      if byte == ASCII.zero {
        zeros += 1
        continue
      }
      digits += digits == 0 ? 1 : zeros + 1
      if digits > 30 {
        value = nil
      } else if let known = value, let power = Self.power(known == 0 ? 0 : zeros + 1) {
        value = known * power + Int128(byte - ASCII.zero)
      }
      zeros = 0
    }
    exponent += zeros
    if index < lexeme.count {
      let text = lexeme[(index + 1)..<lexeme.count].text
      let written = Int(text.hasPrefix("+") ? String(text.dropFirst()) : text)
      exponent += max(-1_000_000, min(written ?? 1_000_000, 1_000_000))
    }
    coefficient = value.map { number.isNegative ? -$0 : $0 }
    self.exponent = number.isZero ? 0 : exponent
  }

  /// The value in units of 10^`exponent`, which is not above its own; nil beyond 34 digits.
  func scaled(to exponent: Int) -> Int128? {
    guard let coefficient else { return nil }
    if coefficient == 0 { return 0 }
    guard let power = Self.power(self.exponent - exponent) else { return nil }
    let (value, overflow) = coefficient.multipliedReportingOverflow(by: power)
    return overflow || value.magnitude > UInt128(Self.largest) ? nil : value
  }

  private static let largest: Int128 = 10_000_000_000_000_000_000_000_000_000_000_000

  /// 10^`exponent`; nil for negative ones and above 34.
  static func power(_ exponent: Int) -> Int128? {
    guard exponent >= 0, exponent <= 34 else { return nil }
    return (0..<exponent).reduce(Int128(1)) { value, _ in value * 10 }
  }

  static func quotient(_ value: Int128, _ unit: Int128, roundingUp: Bool) -> Int128 {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: unit)
    if remainder == 0 { return quotient }
    return roundingUp ? quotient + (value > 0 ? 1 : 0) : quotient - (value < 0 ? 1 : 0)
  }

  /// Of positive numbers; nil beyond 34 digits.
  static func leastCommonMultiple(_ one: Int128, _ other: Int128) -> Int128? {
    guard one > 0, other > 0 else { return nil }
    var (a, b) = (one, other)
    while b != 0 { (a, b) = (b, a % b) }
    let (value, overflow) = (one / a).multipliedReportingOverflow(by: other)
    return overflow || value > largest ? nil : value
  }

  static func text(_ value: Int128, exponent: Int) -> ByteSlice {
    var value = value
    var exponent = exponent
    while exponent < 0, value % 10 == 0 {
      value /= 10
      exponent += 1
    }
    if exponent == 0 { return ByteSlice(utf8: String(value)) }
    var digits = String(value.magnitude)
    while digits.count <= -exponent { digits = "0" + digits }
    digits.insert(".", at: digits.index(digits.endIndex, offsetBy: exponent))
    return ByteSlice(utf8: (value < 0 ? "-" : "") + digits)
  }
}
