/// What fields are made of: lists and parameters of tokens and quoted strings (RFC 9110 §5.6).
enum FieldText {
  /// Splits where `mark` stands outside of quoted strings; one piece at least.
  static func pieces(of text: some StringProtocol, at mark: Character) -> [String] {
    var pieces = [""]
    var isQuoted = false
    var isEscaped = false
    for character in text {
      if character == mark, !isQuoted {
        pieces.append("")
        continue
      }
      if character == "\"", !isEscaped { isQuoted.toggle() }
      isEscaped = isQuoted && character == "\\" && !isEscaped
      pieces[pieces.count - 1].append(character)
    }
    return pieces
  }

  /// A token as it is, a quoted string without its quotes; nil for one that is not closed.
  static func word(_ text: Substring) -> String? {
    guard text.first == "\"" else { return text.contains("\"") ? nil : String(text) }
    var word = ""
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      switch character {
      case "\"": return rest.isEmpty ? word : nil
      case "\\":
        guard let escaped = rest.popFirst() else { return nil }
        word.append(escaped)
      default: word.append(character)
      }
    }
    return nil
  }

  /// Without the white space around it.
  static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }
}
