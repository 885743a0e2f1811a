import Bytes
import JSONText

/// A JSON value that the search has made or read from a schema.
indirect enum Instance: Hashable {
  case null
  case boolean(Bool)
  case number(JSONNumber)
  case string(ByteSlice)
  case array([Instance])
  /// Sorted by name, so that equal objects are equal.
  case object([Member])

  struct Member: Hashable {
    let name: ByteSlice
    let value: Instance
  }

  /// An object of members in any order.
  static func object(of members: [ByteSlice: Instance]) -> Instance {
    .object(
      members.map { Member(name: $0.key, value: $0.value) }.sorted { $0.name < $1.name })
  }

  /// The value at a node of a schema's text.
  init(_ node: JSONNode) {
    switch node.kind {
    case .null: self = .null
    case .true: self = .boolean(true)
    case .false: self = .boolean(false)
    case .number: self = .number(JSONNumber(checked: node.raw))
    case .string: self = .string(node.string ?? .empty)
    case .array: self = .array(node.elements.map { Instance($0) })
    case .object:
      var members: [ByteSlice: Instance] = [:]
      for (key, value) in node.members { members[key] = Instance(value) }
      self = .object(of: members)
    }
  }

  var kind: ValueKind {
    switch self {
    case .null: .null
    case .boolean: .boolean
    case .number(let number): number.isInteger ? .integer : .fractional
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  /// The value as JSON text.
  var text: ByteSlice {
    var json = JSONWriter()
    write(into: &json)
    return json.slice
  }

  private func write(into json: inout JSONWriter) {
    switch self {
    case .null: json.null()
    case .boolean(let value): json.bool(value)
    case .number(let number): json.raw(number.lexeme)
    case .string(let text): json.string(text)
    case .array(let items):
      json.beginArray()
      for item in items { item.write(into: &json) }
      json.endArray()
    case .object(let members):
      json.beginObject()
      for member in members {
        json.key(member.name)
        member.value.write(into: &json)
      }
      json.endObject()
    }
  }
}

/// Values that were found, and whether they are all.
struct Findings {
  /// Different ones; each is a candidate until the engine has confirmed it.
  var values: [Instance] = []
  /// Whether it is proven that there are no others.
  var isComplete = true

  /// Proof that there is no value at all.
  var isEmpty: Bool { values.isEmpty && isComplete }

  /// Nothing found, nothing proven.
  static var unknown: Findings { Findings(values: [], isComplete: false) }

  mutating func add(_ other: Findings) {
    for value in other.values where !values.contains(value) { values.append(value) }
    isComplete = isComplete && other.isComplete
  }

  /// Without the values of `excluded`, of which as many more had been asked for.
  func excluding(_ excluded: [Instance]) -> Findings {
    excluded.isEmpty
      ? self
      : Findings(values: values.filter { !excluded.contains($0) }, isComplete: isComplete)
  }
}
