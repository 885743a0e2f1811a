public import Bytes
import JSONText

/// An Avro record definition as a JSON Schema (2020-12, formats asserted) that takes the same
/// payloads: for tools that read no Avro. Named types stand under `$defs`, each once.
public struct AvroJSONSchema {
  private let definition: AvroDefinition
  private var json = JSONWriter()
  /// Named types that are referred to, in the order in which they were met.
  private var named: [Int] = []
  private var known: Set<String> = []

  /// The schema of a definition's text. Takes milliseconds: off the event loops.
  public static func text(of source: ByteSlice) throws(SchemaFault) -> ByteSlice {
    var schema = AvroJSONSchema(definition: try AvroParser.parse(source).0)
    schema.write()
    return schema.json.slice
  }

  private init(definition: AvroDefinition) { self.definition = definition }

  private mutating func write() {
    json.beginObject()
    json.key("$schema")
    json.string(SchemaDialect.draft202012.uri)
    writeInside(0)
    var next = 0
    if !named.isEmpty {
      json.key("$defs")
      json.beginObject()
      while next < named.count {
        json.key(ByteSlice(utf8: definition[named[next]].name?.full ?? ""))
        json.beginObject()
        writeDefinition(named[next])
        json.endObject()
        next += 1
      }
      json.endObject()
    }
    json.endObject()
  }

  private mutating func write(_ number: Int) {
    json.beginObject()
    writeInside(number)
    json.endObject()
  }

  /// The members of the schema of a type: of a named one a reference.
  private mutating func writeInside(_ number: Int) {
    guard let name = definition[number].name else { return writeDefinition(number) }
    if known.insert(name.full).inserted { named.append(number) }
    json.key("$ref")
    json.string("#/$defs/" + name.full)
  }

  private mutating func writeDefinition(_ number: Int) {
    let type = definition[number]
    switch type.kind {
    case .null, .boolean: writeType(type.word)
    case .int: writeInteger(from: Int(Int32.min), to: Int(Int32.max))
    case .long where type.logical?.isTimestamp == true: writeType("number")
    case .long: writeInteger(from: Int.min, to: Int.max)
    case .float, .double:
      writeTypes("number", "string")
      json.key("pattern")
      json.string("^(NaN|Infinity|-Infinity)$" as StaticString)
    case .bytes, .fixed:
      if type.logical == .decimal { writeTypes("number", "string") } else { writeType("string") }
    case .string:
      writeType("string")
      guard type.logical == .uuid else { return }
      json.key("format")
      json.string("uuid" as StaticString)
    case .record(_, let fields): write(fields)
    case .enumeration(_, let symbols, _):
      json.key("anyOf")
      json.beginArray()
      json.beginObject()
      json.key("enum")
      json.raw(CanonicalJSON.text(of: symbols))
      json.endObject()
      json.beginObject()
      writeInteger(from: 0, to: symbols.count)
      json.endObject()
      json.endArray()
    case .array(let items):
      writeType("array")
      json.key("items")
      write(items)
    case .map(let values):
      writeType("object")
      json.key("additionalProperties")
      write(values)
    case .union(let branches) where branches.isEmpty:
      // A union of nothing, which Avro has, takes nothing.
      json.key("not")
      json.beginObject()
      json.endObject()
    case .union(let branches):
      json.key("anyOf")
      json.beginArray()
      for branch in branches { write(branch) }
      json.endArray()
    }
  }

  private mutating func write(_ fields: [AvroField]) {
    writeType("object")
    json.key("properties")
    json.beginObject()
    for field in fields {
      json.key(field.name)
      write(field.type)
    }
    json.endObject()
    json.key("required")
    json.beginArray()
    for field in fields where !definition.mayBeMissing(field) { json.string(field.name) }
    json.endArray()
  }

  private mutating func writeType(_ word: String) {
    json.key("type")
    json.string(word)
  }

  private mutating func writeTypes(_ one: StaticString, _ other: StaticString) {
    json.key("type")
    json.beginArray()
    json.string(one)
    json.string(other)
    json.endArray()
  }

  private mutating func writeInteger(from least: Int, to most: Int) {
    writeType("integer")
    json.key("minimum")
    json.integer(least)
    json.key("maximum")
    json.integer(most)
  }
}
