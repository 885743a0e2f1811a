public import Bytes
import JSONText

extension SettingsNode {
  /// The value as JSON text: for parts of a configuration that stand for a JSON document, such as
  /// the claims of a policy test.
  public var json: ByteSlice {
    var writer = JSONWriter()
    write(to: &writer)
    return writer.slice
  }

  private func write(to writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .bool(let bool): writer.bool(bool)
    case .integer(let integer): writer.integer(integer)
    case .number(let number): writer.raw(number)
    case .text(let text): writer.string(text)
    case .sequence(let elements):
      writer.beginArray()
      for element in elements { element.write(to: &writer) }
      writer.endArray()
    case .mapping(let entries):
      writer.beginObject()
      for entry in entries {
        writer.key(entry.key)
        entry.value.write(to: &writer)
      }
      writer.endObject()
    }
  }
}
