package import Bytes

extension SettingsNode {
  /// The value as JSON text: for parts of a configuration that stand for a JSON document, such as the
  /// claims of a policy test.
  package var json: ByteSlice {
    var writer = ByteWriter(capacity: 256)
    append(to: &writer)
    return writer.slice
  }

  private func append(to writer: inout ByteWriter) {
    switch value {
    case .null: writer.append("null")
    case .bool(let bool): writer.append(bool ? "true" : "false")
    case .integer(let integer): writer.append(decimal: integer)
    case .number(let number): writer.append(number)
    case .text(let text): Self.append(quoted: text, to: &writer)
    case .sequence(let elements):
      writer.append(0x5B)
      for (index, element) in elements.enumerated() {
        if index > 0 { writer.append(ASCII.comma) }
        element.append(to: &writer)
      }
      writer.append(0x5D)
    case .mapping(let entries):
      writer.append(0x7B)
      for (index, entry) in entries.enumerated() {
        if index > 0 { writer.append(ASCII.comma) }
        Self.append(quoted: entry.key, to: &writer)
        writer.append(ASCII.colon)
        entry.value.append(to: &writer)
      }
      writer.append(0x7D)
    }
  }

  /// A JSON string (RFC 8259 §7): quote, backslash and control characters escaped.
  private static func append(quoted text: ByteSlice, to writer: inout ByteWriter) {
    writer.append(ASCII.quote)
    for byte in text.array {
      if byte == ASCII.quote || byte == ASCII.backslash {
        writer.append(ASCII.backslash)
        writer.append(byte)
      } else if byte < ASCII.space {
        writer.append("\\u00")
        writer.append(ASCII.hexDigit(byte >> 4))
        writer.append(ASCII.hexDigit(byte & 0x0F))
      } else {
        writer.append(byte)
      }
    }
    writer.append(ASCII.quote)
  }
}
