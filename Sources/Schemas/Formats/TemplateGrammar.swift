import Bytes

/// RFC 6570 §2: literals and expressions in braces.
enum TemplateGrammar {
  private static let literals = ASCIISet(
    "!#$&'()*+,-./:;=?@[]_~", letters: true, digits: true)
  private static let operators = ASCIISet("+#./;?&=,!@|")
  private static let variable = ASCIISet("_", letters: true, digits: true)

  static func isTemplate(_ text: Span<UInt8>) -> Bool {
    var index = 0
    while index < text.count {
      if text[index] == 0x7B {
        guard let end = expression(text, from: index + 1) else { return false }
        index = end
      } else if let width = URIGrammar.width(text, at: index, in: literals, beyond: .anyAssigned) {
        index += width
      } else {
        return false
      }
    }
    return true
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
      if let width = URIGrammar.width(text, at: index, in: variable, beyond: .nothing) {
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
