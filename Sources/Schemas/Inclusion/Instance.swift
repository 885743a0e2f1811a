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

  /// Steps of a search that comparing it with another value takes.
  var weight: Int { 1 + size / 8 }

  /// The values in it, this one included, long texts counted several times.
  private var size: Int {
    switch self {
    case .null, .boolean: 1
    case .number(let number): 1 + number.lexeme.count / 16
    case .string(let text): 1 + text.count / 32
    case .array(let items): items.reduce(1) { $0 + $1.size }
    case .object(let members):
      members.reduce(1) { $0 + 1 + $1.name.count / 32 + $1.value.size }
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
  private(set) var values: [Instance]
  /// Whether it is proven that there are no others.
  var isComplete: Bool
  /// The same values, once there were many of them as another came; else empty.
  private var listed: Set<Instance> = []

  /// Values up to which each is compared with a new one.
  private static let fewValues = 16

  /// - Parameter values: different ones.
  init(values: [Instance] = [], isComplete: Bool = true) {
    self.values = values
    self.isComplete = isComplete
  }

  /// Proof that there is no value at all.
  var isEmpty: Bool { values.isEmpty && isComplete }

  /// Nothing found, nothing proven.
  static var unknown: Findings { Findings(values: [], isComplete: false) }

  mutating func add(_ other: Findings) {
    for value in other.values { insert(value) }
    isComplete = isComplete && other.isComplete
  }

  /// Adds a value unless it is there.
  mutating func insert(_ value: Instance) {
    if values.count < Self.fewValues {
      if !values.contains(value) { values.append(value) }
      return
    }
    if listed.isEmpty { listed = Set(values) }
    if listed.insert(value).inserted { values.append(value) }
  }

  /// Adds a value that is known not to be there.
  mutating func append(new value: Instance) {
    values.append(value)
    if !listed.isEmpty { listed.insert(value) }
  }

  /// The values that are as `isWanted` has it.
  func filter(_ isWanted: (Instance) -> Bool) -> Findings {
    Findings(values: values.filter(isWanted), isComplete: isComplete)
  }

  /// Without the values of `excluded`, of which as many more had been asked for.
  func excluding(_ excluded: [Instance]) -> Findings {
    if excluded.isEmpty || values.isEmpty { return self }
    let excluded = Set(excluded)
    return filter { !excluded.contains($0) }
  }
}
