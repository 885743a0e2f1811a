import Bytes
import JSONText

/// Bounds on numbers. Integers of up to 18 digits, and decimals with no more digits behind the
/// point than the rule's own, are decided by the interval.
struct NumberRule: BitwiseCopyable, Sendable {
  /// Whether every bound is an integer of 64 bits once the point is moved, so that the interval
  /// says all.
  var isInterval = true
  /// How far the point is moved to the right in `lowest`, `highest` and `divisor`.
  var scale: UInt8 = 0
  /// Whether the interval is right for all fractions too: the point is not moved, no bound is
  /// exclusive, no divisor is set.
  var holdsForFractions = true
  /// The least and the greatest integer taken.
  var lowest = Int64.min
  var highest = Int64.max
  /// What integers must divide by; 1 where nothing is said.
  var divisor: Int64 = 1
  /// Tokens of the program's constants.
  var minimum = ProgramNode.none
  var exclusiveMinimum = ProgramNode.none
  var maximum = ProgramNode.none
  var exclusiveMaximum = ProgramNode.none
  var multipleOf = ProgramNode.none

  /// Digits behind the point of a bound beyond which no interval is made.
  private static let mostScale = 9
}

extension NumberRule {
  /// The rule of a constraint; bounds of few digits are folded into an interval.
  init(_ constraint: NumberConstraint, _ constants: inout ConstantPool) {
    func token(_ node: JSONNode?) -> UInt32 {
      node.map { constants.token(of: $0) } ?? ProgramNode.none
    }
    minimum = token(constraint.minimum)
    exclusiveMinimum = token(constraint.exclusiveMinimum)
    maximum = token(constraint.maximum)
    exclusiveMaximum = token(constraint.exclusiveMaximum)
    multipleOf = token(constraint.multipleOf)
    let bounds = [
      constraint.minimum, constraint.exclusiveMinimum, constraint.maximum,
      constraint.exclusiveMaximum, constraint.multipleOf,
    ].compactMap { $0?.number }
    let decimals = bounds.reduce(0) { max($0, $1.decimals) }
    isInterval = decimals <= Self.mostScale
    guard isInterval else { return }
    scale = UInt8(decimals)
    holdsForFractions =
      scale == 0 && constraint.exclusiveMinimum == nil && constraint.exclusiveMaximum == nil
      && constraint.multipleOf == nil
    fold(constraint)
  }

  private mutating func fold(_ constraint: NumberConstraint) {
    let scale = Int(scale)
    for (bound, isExclusive) in [
      (constraint.minimum, false), (constraint.exclusiveMinimum, true),
    ] {
      guard let bound else { continue }
      guard let value = bound.number?.integer(scaledBy: scale), value < .max else {
        isInterval = false
        continue
      }
      lowest = max(lowest, isExclusive ? value + 1 : value)
    }
    for (bound, isExclusive) in [
      (constraint.maximum, false), (constraint.exclusiveMaximum, true),
    ] {
      guard let bound else { continue }
      // The greatest of all stands for no bound.
      guard let value = bound.number?.integer(scaledBy: scale), value > .min, value < .max else {
        isInterval = false
        continue
      }
      highest = min(highest, isExclusive ? value - 1 : value)
    }
    if let node = constraint.multipleOf {
      guard let value = node.number?.integer(scaledBy: scale) else {
        isInterval = false
        return
      }
      divisor = value
    }
  }
}

/// A number of at most 18 characters without exponent, its point moved to the right.
struct ScaledNumber {
  let value: Int64

  /// Nil where the lexeme has an exponent, or more digits behind the point than it is moved by.
  @inline(__always)
  init?(_ lexeme: Span<UInt8>, scale: UInt8) {
    // SAFETY: indices below the lexeme's length, which is never 0.
    func byte(_ index: Int) -> UInt8 { unsafe lexeme[unchecked: index] }
    let isNegative = byte(0) == ASCII.minus
    var magnitude: Int64 = 0
    var missing = Int(scale)
    var isBehindPoint = 0
    var index = isNegative ? 1 : 0
    while index < lexeme.count {
      let digit = byte(index)
      index &+= 1
      if ASCII.isDigit(digit) {
        magnitude = magnitude &* 10 &+ Int64(digit &- ASCII.zero)
        missing &-= isBehindPoint
      } else {
        guard digit == ASCII.dot else { return nil }
        isBehindPoint = 1
      }
    }
    guard missing >= 0 else { return nil }
    while missing > 0 {
      let (product, isTooLarge) = magnitude.multipliedReportingOverflow(by: 10)
      if isTooLarge { return nil }
      magnitude = product
      missing &-= 1
    }
    value = isNegative ? -magnitude : magnitude
  }
}
