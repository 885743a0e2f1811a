import Bytes
import JSONText

/// The members of one schema object, read with the kinds that the metaschema asks for. A value of
/// another kind is a fault at its pointer.
struct KeywordReader {
  let pointer: String
  /// The keywords in the order of the text, also those that do not count.
  let keywords: [String]
  private let members: [String: JSONNode]

  /// Reads `node`, an object, at `pointer`, as far as its keywords count in a dialect.
  init(_ node: JSONNode, pointer: String, rules: DialectRules) {
    self.pointer = pointer
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

  func fault(_ keyword: String, expected: String) -> SchemaFault {
    SchemaFault(at: pointer(keyword), .wrongValue(expected: expected))
  }

  /// A non-negative integer; `2.0` is one. Larger ones than any payload has are cut to `Int32.max`.
  func count(_ keyword: String) throws(SchemaFault) -> Int? {
    guard let node = members[keyword] else { return nil }
    guard let number = node.number, number.isInteger, !number.isNegative else {
      throw fault(keyword, expected: "a non-negative integer")
    }
    return Int(min(number.asInt64 ?? .max, Int64(Int32.max)))
  }

  func number(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    guard node.kind == .number else { throw fault(keyword, expected: "a number") }
    return node
  }

  func text(_ keyword: String) throws(SchemaFault) -> String? {
    guard let node = members[keyword] else { return nil }
    guard let text = node.text else { throw fault(keyword, expected: "a string") }
    return text
  }

  func bool(_ keyword: String) throws(SchemaFault) -> Bool? {
    guard let node = members[keyword] else { return nil }
    guard let bool = node.bool else { throw fault(keyword, expected: "a boolean") }
    return bool
  }

  func object(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    guard node.kind == .object else { throw fault(keyword, expected: "an object") }
    return node
  }

  func array(_ keyword: String) throws(SchemaFault) -> JSONNode? {
    guard let node = members[keyword] else { return nil }
    guard node.kind == .array else { throw fault(keyword, expected: "an array") }
    return node
  }

  /// An array of different strings.
  func names(_ keyword: String) throws(SchemaFault) -> [ByteSlice]? {
    guard let node = members[keyword] else { return nil }
    return try Self.names(node, at: pointer(keyword))
  }

  static func names(_ node: JSONNode, at pointer: String) throws(SchemaFault) -> [ByteSlice] {
    let fault = SchemaFault(at: pointer, .wrongValue(expected: "an array of different strings"))
    guard node.kind == .array else { throw fault }
    var names: [ByteSlice] = []
    var seen: Set<ByteSlice> = []
    for element in node.elements {
      guard let name = element.string, seen.insert(name).inserted else { throw fault }
      names.append(name)
    }
    return names
  }

  /// `type`: one kind or an array of different ones.
  func types() throws(SchemaFault) -> TypeSet? {
    guard let node = members["type"] else { return nil }
    let fault = fault("type", expected: "a JSON type or a non-empty array of different ones")
    if let name = node.text {
      guard let types = TypeSet(named: name) else { throw fault }
      return types
    }
    guard node.kind == .array, node.count > 0 else { throw fault }
    var all: TypeSet = []
    for name in try names("type") ?? [] {
      guard let types = TypeSet(named: name.text) else { throw fault }
      all.formUnion(types)
    }
    return all
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
