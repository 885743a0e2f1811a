import Bytes
import JSONText

/// The members of one schema object, read with the kinds that the metaschema asks for. A value of
/// another kind is a fault at its pointer; it counts as absent.
struct KeywordReader {
  let pointer: String
  /// The keywords in the order of the text, also those that do not count.
  let keywords: [String]
  private let members: [String: JSONNode]
  private let faults: FaultList

  /// Reads `node`, an object, at `pointer`, as far as its keywords count in a dialect.
  init(_ node: JSONNode, pointer: String, rules: DialectRules, _ faults: FaultList) {
    self.pointer = pointer
    self.faults = faults
    var members: [String: JSONNode] = [:]
    var keywords: [String] = []
    for (key, value) in node.members {
      let keyword = key.text
      keywords.append(keyword)
      if SchemaKeyword.role(of: keyword, in: rules) != .foreign { members[keyword] = value }
    }
    self.members = members
    self.keywords = keywords
  }

  subscript(keyword: String) -> JSONNode? { members[keyword] }

  /// Where a keyword's value stands.
  func pointer(_ keyword: String) -> String { pointer + "/" + SchemaIndex.escaped(keyword) }

  /// Notes that a keyword's value is not of the kind that is expected.
  func note(_ keyword: String, expected: String) throws(SchemaFault) {
    try faults.note(SchemaFault(at: pointer(keyword), .wrongValue(expected: expected)))
  }

  /// A non-negative integer; `2.0` is one. Larger ones than any payload has are cut to `Int32.max`.
  func count(_ keyword: String) throws(SchemaFault) -> Int? {
    guard let node = members[keyword] else { return nil }
    guard let number = node.number, number.isInteger, !number.isNegative else {
      try note(keyword, expected: "a non-negative integer")
      return nil
    }
    return Int(min(number.asInt64 ?? .max, Int64(Int32.max)))
  }

  func number(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    if node.kind == .number { return node }
    try note(keyword, expected: "a number")
    return nil
  }

  func text(_ keyword: String) throws(SchemaFault) -> String? {
    guard let node = members[keyword] else { return nil }
    if let text = node.text { return text }
    try note(keyword, expected: "a string")
    return nil
  }

  func bool(_ keyword: String) throws(SchemaFault) -> Bool? {
    guard let node = members[keyword] else { return nil }
    if let bool = node.bool { return bool }
    try note(keyword, expected: "a boolean")
    return nil
  }

  func object(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    if node.kind == .object { return node }
    try note(keyword, expected: "an object")
    return nil
  }

  func array(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    if node.kind == .array { return node }
    try note(keyword, expected: "an array")
    return nil
  }

  /// An array of different strings.
  func names(_ keyword: String) throws(SchemaFault) -> [ByteSlice]? {
    guard let node = members[keyword] else { return nil }
    return try names(node, at: pointer(keyword))
  }

  func names(
    _ node: JSONNode, at pointer: @autoclosure () -> String
  ) throws(SchemaFault) -> [ByteSlice]? {
    var names: [ByteSlice] = []
    var seen: Set<ByteSlice> = []
    for element in node.elements {
      guard let name = element.string, seen.insert(name).inserted else { break }
      names.append(name)
    }
    if node.kind == .array, names.count == node.count { return names }
    try faults.note(
      SchemaFault(at: pointer(), .wrongValue(expected: "an array of different strings")))
    return nil
  }

  /// `type`: one kind or an array of different ones.
  func types() throws(SchemaFault) -> TypeSet? {
    guard let node = members["type"] else { return nil }
    let names = node.string.map { [$0] } ?? node.elements.map { $0.string ?? .empty }
    let types = names.compactMap { TypeSet(named: $0.text) }
    if !types.isEmpty, types.count == names.count, Set(names).count == names.count {
      return types.reduce(into: []) { $0.formUnion($1) }
    }
    try note("type", expected: "a JSON type or a non-empty array of different ones")
    return nil
  }

  /// Checks the kinds of keywords that only describe.
  func checkAnnotations() throws(SchemaFault) {
    let texts = [
      "$comment", "title", "description", "contentEncoding", "contentMediaType", "$schema",
    ]
    for keyword in texts { _ = try text(keyword) }
    for keyword in ["readOnly", "writeOnly", "deprecated"] { _ = try bool(keyword) }
    _ = try array("examples")
  }
}
