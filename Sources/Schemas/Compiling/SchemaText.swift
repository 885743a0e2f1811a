import Bytes
import JSONText

/// Small pieces of JSON text for messages.
enum SchemaText {
  /// A string in quotes.
  static func quoted(_ text: String) -> ByteSlice {
    var writer = ByteWriter()
    writer.append(ASCII.quote)
    JSONEscapes.escape(ByteSlice(utf8: text), into: &writer)
    writer.append(ASCII.quote)
    return writer.slice
  }

  /// An array of JSON texts.
  static func array(_ elements: [ByteSlice]) -> ByteSlice {
    var writer = ByteWriter()
    writer.append("[")
    for (index, element) in elements.enumerated() {
      if index > 0 { writer.append(",") }
      writer.append(element)
    }
    writer.append("]")
    return writer.slice
  }

  static func integer(_ value: Int) -> ByteSlice { ByteSlice(utf8: String(value)) }

  /// At most `limit` bytes of `text`, cut between characters.
  static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var kept = ""
    for character in text.unicodeScalars {
      guard kept.utf8.count + UTF8.width(character) <= limit - 3 else { break }
      kept.unicodeScalars.append(character)
    }
    return kept + "…"
  }

  /// "1 item", "2 items".
  static func counted(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    count == 1 ? "1 \(noun)" : "\(count) \(plural ?? noun + "s")"
  }
}
