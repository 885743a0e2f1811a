import Bytes

/// RFC 6570 §2: literals and expressions in braces.
enum TemplateGrammar {
  /// Letters, digits, ``!#$&'()*+,-./:;=?@[]_~``.
  static var literals: ASCIISet {
    ASCIISet(low: 0xAFFF_FFDA_0000_0000, high: 0x47FF_FFFE_AFFF_FFFF)
  }
  /// `+#./;?&=,!@|`
  static var operators: ASCIISet {
    ASCIISet(low: 0xA800_D84A_0000_0000, high: 0x1000_0000_0000_0001)
  }
  /// Letters, digits, `_`.
  static var variable: ASCIISet {
    ASCIISet(low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_87FF_FFFE)
  }

  /// Bytes of a template that pays for its expressions as they are read; a longer one pays before.
  static let short = 256

  /// - Parameter singles: goes up by the characters that were looked at one by one.
  static func isTemplate(_ text: Span<UInt8>, singles: inout Int) -> Bool {
    var index = 0
    while true {
      index = URIGrammar.run(text, from: index, in: literals, .anyAssigned, &singles)
      guard index < text.count else { return true }
      guard text[index] == 0x7B, let end = expression(text, from: index + 1) else { return false }
      singles += 2 * (end - index)
      index = end
    }
  }

  /// The index behind the brace that ends the expression whose inside starts at `start`.
  private static func expression(_ text: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    if index < text.count, operators.contains(text[index]) { index += 1 }
    while true {
      guard let end = specification(text, from: index), end < text.count else { return nil }
      if text[end] == 0x7D { return end + 1 }
      guard text[end] == 0x2C else { return nil }
      index = end + 1
    }
  }

  /// A variable's name and how much of it is meant.
  private static func specification(_ text: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    var isName = false
    while index < text.count {
      if variable.contains(text[index]) {
        isName = true
        index &+= 1
      } else if let width = URIGrammar.width(text, at: index, in: variable, beyond: .nothing) {
        isName = true
        index += width
      } else if text[index] == ASCII.dot, isName {
        isName = false
        index += 1
      } else {
        break
      }
    }
    guard isName, index < text.count else { return nil }
    if text[index] == 0x2A { return index + 1 }
    guard text[index] == ASCII.colon else { return index }
    let firstDigit = index + 1
    index = firstDigit
    while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
    guard index > firstDigit, index - firstDigit <= 4, text[firstDigit] != ASCII.zero else {
      return nil
    }
    return index
  }
}
