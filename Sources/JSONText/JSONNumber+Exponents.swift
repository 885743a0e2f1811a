import Bytes

// Exponents that are written with more digits than a machine word has.
extension JSONNumber {
  /// Exponents up to here are counted exactly in `exponent`; of those beyond it tells the sign and
  /// that they are vast.
  static let exponentCap = 100_000_000_000_000_000
  /// Further apart than any two numbers' digits reach.
  private static let farApart = 1_000_000

  /// Whether the exponent as written may be beyond the cap.
  var isVast: Bool { exponent.magnitude > UInt(Self.exponentCap / 2) }

  /// How much greater the power of ten of the last digit is than another number's: exact as long as
  /// it is below a million either way, else at least as much.
  func exponentDistance(to other: JSONNumber) -> Int {
    guard isVast || other.isVast else { return exponent - other.exponent }
    let (one, two) = (writtenExponent, other.writtenExponent)
    let written =
      one.isNegative == two.isNegative
      ? Self.distance(one.digits, two.digits) * (one.isNegative ? -1 : 1)
      : (one.isNegative ? -Self.farApart : Self.farApart)
    return written + exponentShift - other.exponentShift
  }

  /// The power of ten of the number's first digit, in decimal.
  var magnitudeText: [UInt8] {
    let offset = exponentShift + digitCount - 1
    guard isVast else { return Array(String(exponent + digitCount - 1).utf8) }
    let written = writtenExponent
    var digits = written.digits.map { $0 - ASCII.zero }
    // The offset has at most four digits, and the exponent many more.
    var carry = written.isNegative ? -offset : offset
    var index = digits.count
    while carry != 0, index > 0 {
      index -= 1
      let sum = Int(digits[index]) + carry
      let digit = ((sum % 10) + 10) % 10
      digits[index] = UInt8(digit)
      carry = (sum - digit) / 10
    }
    if carry > 0 { digits.insert(UInt8(carry), at: 0) }
    let text = digits.drop { $0 == 0 }.map { $0 + ASCII.zero }
    return written.isNegative ? [ASCII.minus] + text : text
  }

  /// What the point adds to the exponent as it is written.
  private var exponentShift: Int { exponent - Self.exponent(lexeme.dropFirst(mantissaEnd)) }

  private var mantissaEnd: Int {
    var end = 0
    while end < lexeme.count, lexeme[end] | 0x20 != 0x65 { end += 1 }
    return end
  }

  /// The exponent's sign and digits, without zeros in front.
  private var writtenExponent: (isNegative: Bool, digits: ArraySlice<UInt8>) {
    let text = lexeme.dropFirst(mantissaEnd).array
    let digits = text.drop { $0 == ASCII.zero || !ASCII.isDigit($0) }
    return (text.contains(ASCII.minus), digits)
  }

  /// The difference of two integers in decimal, cut where it is far beyond all that counts.
  private static func distance(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
    let count = max(left.count, right.count)
    func digit(_ text: ArraySlice<UInt8>, _ place: Int) -> Int {
      let index = place - (count - text.count)
      return index < 0 ? 0 : Int(text[text.startIndex + index] - ASCII.zero)
    }
    var difference = 0
    for place in 0..<count {
      difference = difference * 10 + digit(left, place) - digit(right, place)
      // What follows cannot bring it back.
      if abs(difference) > farApart { return difference > 0 ? farApart : -farApart }
    }
    return difference
  }
}
