import Bytes
import JSONText

/// One text for all spellings of an Avro definition that mean the same to readers and writers: full
/// names, no white space, no `doc`, no attributes of one's own. More than the specification's
/// parsing canonical form: defaults, aliases, order and logical types with a decimal's digits
/// count.
struct AvroNormalForm {
  private let definition: AvroDefinition
  private var written: Set<String> = []
  private var json = JSONWriter()

  static func text(of definition: AvroDefinition) -> ByteSlice {
    var form = AvroNormalForm(definition: definition)
    form.write(0)
    return form.json.slice
  }

  private init(definition: AvroDefinition) { self.definition = definition }

  private mutating func write(_ number: Int) {
    let type = definition[number]
    if let name = type.name, !written.insert(name.full).inserted {
      json.string(name.full)
      return
    }
    if case .union(let branches) = type.kind {
      json.beginArray()
      for branch in branches { write(branch) }
      json.endArray()
      return
    }
    json.beginObject()
    json.key("type")
    json.string(type.word)
    if let logical = type.logical {
      json.key("logicalType")
      json.string(logical.rawValue)
    }
    if let decimal = type.decimal {
      json.key("precision")
      json.integer(decimal.precision)
      json.key("scale")
      json.integer(decimal.scale)
    }
    if let name = type.name {
      json.key("name")
      json.string(name.full)
      json.key("aliases")
      json.beginArray()
      for alias in name.aliases.sorted() { json.string(alias) }
      json.endArray()
    }
    writeInside(type)
    json.endObject()
  }

  private mutating func writeInside(_ type: AvroType) {
    switch type.kind {
    case .record(_, let fields):
      json.key("fields")
      json.beginArray()
      for field in fields { write(field) }
      json.endArray()
    case .enumeration(_, let symbols, let fallback):
      json.key("symbols")
      json.raw(CanonicalJSON.text(of: symbols))
      if let fallback {
        json.key("default")
        json.string(fallback)
      }
    case .fixed(_, let size):
      json.key("size")
      json.integer(size)
    case .array(let inner), .map(let inner):
      json.key("of")
      write(inner)
    case .null, .boolean, .int, .long, .float, .double, .bytes, .string, .union: break
    }
  }

  private mutating func write(_ field: AvroField) {
    json.beginObject()
    json.key("name")
    json.string(field.name)
    json.key("type")
    write(field.type)
    if let fallback = field.fallback {
      json.key("default")
      json.raw(CanonicalJSON.text(of: fallback))
    }
    json.key("aliases")
    json.beginArray()
    for alias in field.aliases.sorted() { json.string(alias) }
    json.endArray()
    json.key("order")
    json.string(field.order.rawValue)
    json.endObject()
  }
}
