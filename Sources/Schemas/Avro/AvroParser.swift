import Bytes
import JSONText

/// Reads an Avro definition strictly: what a conforming reader of Avro might understand differently
/// is a fault at its place. Recursion goes down into the text, whose depth `JSONLimits` bounds.
struct AvroParser {
  private var types: [AvroType] = []
  /// Named types by full name.
  private var named: [String: Int] = [:]
  private(set) var warnings: [SchemaWarning] = []
  /// Bytes of the full names that the text comes to: a long namespace would stand in all of them.
  private var nameBytes = 0
  /// Whether the text is about to be registered.
  private let isNew: Bool

  private init(isNew: Bool) { self.isNew = isNew }

  /// Reads a text of at most `SchemaLimits.sourceBytes` bytes, whose root must be a record.
  static func parse(
    _ text: ByteSlice, isNew: Bool = false
  ) throws(SchemaFault) -> (AvroDefinition, warnings: [SchemaWarning]) {
    let root = try SchemaIndex.parse(text, pointer: "#")
    var parser = AvroParser(isNew: isNew)
    guard root.kind == .object, root["type"]?.string?.equals("record") == true else {
      throw SchemaFault(at: "#", .wrongValue(expected: "an Avro record definition"))
    }
    _ = try parser.type(root, at: "#", in: "")
    let definition = AvroDefinition(types: parser.types)
    // What is kept stays readable, whatever checking its defaults would take now: that there is
    // one is all that payloads and readers depend on.
    if isNew { try AvroDefaults.check(definition) }
    return (definition, parser.warnings)
  }

  // MARK: - Types

  private mutating func type(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    switch node.kind {
    case .string: return try reference(node.text ?? "", at: pointer, in: namespace)
    case .array: return try union(node, at: pointer, in: namespace)
    case .object: return try declared(node, at: pointer, in: namespace)
    default: throw wrong(pointer, "a type: a name, an object or an array")
    }
  }

  /// A type by its name; for a name without namespace that of the surroundings counts, then none.
  private mutating func reference(
    _ name: String, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    if let kind = Self.primitive(name) { return try add(kind, at: pointer) }
    let full = try qualified(name, in: namespace, at: pointer)
    // By their bytes: what Unicode takes for a name of ASCII is none.
    guard AvroNames.isDotted(name), let known = named[full] ?? named[name] else {
      throw wrong(
        pointer,
        "one of null, boolean, int, long, float, double, bytes, string, or a type declared before")
    }
    return known
  }

  private mutating func union(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    let number = try reserve(at: pointer)
    var branches: [Int] = []
    var seen: Set<String> = []
    for (index, element) in node.elements.enumerated() {
      let place = pointer + "/\(index)"
      guard element.kind != .array else { throw wrong(place, "no union inside a union") }
      let branch = try type(element, at: place, in: namespace)
      guard seen.insert(types[branch].branchName).inserted else {
        throw wrong(place, "another type than the branches before it")
      }
      branches.append(branch)
    }
    settle(number, .union(branches))
    return number
  }

  private mutating func declared(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    try refuseLabels(node, at: pointer)
    guard let word = node["type"]?.text else {
      throw wrong(pointer + "/type", "the name of a type")
    }
    switch word {
    case "record": return try record(node, at: pointer, in: namespace)
    case "enum": return try enumeration(node, at: pointer, in: namespace)
    case "fixed":
      let (name, _) = try self.name(node, at: pointer, in: namespace)
      guard let size = node["size"]?.integer, size >= 0, size <= Int64(Int32.max) else {
        throw wrong(pointer + "/size", "a number of bytes")
      }
      let number = try reserve(at: pointer, named: name)
      settle(number, .fixed(name, size: Int(size)), node)
      return number
    case "array", "map":
      let member: StaticString = word == "array" ? "items" : "values"
      guard let inner = node[member] else { throw wrong("\(pointer)/\(member)", "a type") }
      let number = try reserve(at: pointer)
      let target = try type(inner, at: "\(pointer)/\(member)", in: namespace)
      settle(number, word == "array" ? .array(target) : .map(target), node)
      return number
    default:
      guard let kind = Self.primitive(word) else {
        return try reference(word, at: pointer + "/type", in: namespace)
      }
      let number = try reserve(at: pointer)
      settle(number, kind, node)
      return number
    }
  }

  /// A label that did nothing would be taken for one that does.
  private func refuseLabels(_ node: JSONNode, at pointer: String) throws(SchemaFault) {
    guard isNew else { return }
    for keyword in ["x-classification", "x-redact", "x-undeclared"] where node[keyword] != nil {
      throw wrong("\(pointer)/\(keyword)", "in a JSON Schema: Avro definitions have no classes")
    }
  }

  private mutating func record(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    let (name, inner) = try name(node, at: pointer, in: namespace)
    guard let list = node["fields"], list.kind == .array else {
      throw wrong(pointer + "/fields", "an array of fields")
    }
    let number = try reserve(at: pointer, named: name)
    var fields: [AvroField] = []
    var seen: Set<ByteSlice> = []
    for (index, element) in list.elements.enumerated() {
      let place = "\(pointer)/fields/\(index)"
      guard element.kind == .object else { throw wrong(place, "an object") }
      let field = try field(element, at: place, in: inner)
      guard seen.insert(field.name).inserted else {
        throw wrong(place + "/name", "another name than the fields before it")
      }
      fields.append(field)
    }
    settle(number, .record(name, fields: fields), node)
    return number
  }

  private mutating func field(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> AvroField {
    guard let name = node["name"]?.string, AvroNames.isPlain(name) else {
      throw wrong(pointer + "/name", AvroNames.rule)
    }
    try refuseLabels(node, at: pointer)
    guard let type = node["type"] else { throw wrong(pointer + "/type", "a type") }
    var order = AvroField.Order.ascending
    if let word = node["order"] {
      guard let known = word.text.flatMap(AvroField.Order.init(rawValue:)) else {
        throw wrong(pointer + "/order", "ascending, descending or ignore")
      }
      order = known
    }
    var aliases: [ByteSlice] = []
    for alias in try texts(node, "aliases", at: pointer) {
      guard AvroNames.isPlain(alias) else { throw wrong(pointer + "/aliases", AvroNames.rule) }
      aliases.append(alias)
    }
    return AvroField(
      name: name, type: try self.type(type, at: pointer + "/type", in: namespace),
      fallback: node["default"], aliases: aliases, order: order, pointer: pointer)
  }

  private mutating func enumeration(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> Int {
    let (name, _) = try name(node, at: pointer, in: namespace)
    let symbols = try texts(node, "symbols", at: pointer)
    var seen: Set<ByteSlice> = []
    for (index, symbol) in symbols.enumerated() {
      guard AvroNames.isPlain(symbol), seen.insert(symbol).inserted else {
        throw wrong("\(pointer)/symbols/\(index)", "a name that no symbol before it has")
      }
    }
    guard let list = node["symbols"], !symbols.isEmpty else {
      throw wrong(pointer + "/symbols", "an array of symbols")
    }
    let fallback = node["default"]?.string
    guard node["default"] == nil || fallback.map(seen.contains) == true else {
      throw wrong(pointer + "/default", "one of the symbols")
    }
    let number = try reserve(at: pointer, named: name)
    settle(number, .enumeration(name, symbols: list, fallback: fallback), node)
    return number
  }

  // MARK: - Names

  /// A name with the namespace that holds for it. Counted: declarations, aliases and references
  /// write it out, and so do the forms of a definition for each of them.
  private mutating func qualified(
    _ name: String, in namespace: String, at pointer: String
  ) throws(SchemaFault) -> String {
    let isFull = name.contains(".") || namespace.isEmpty
    nameBytes += name.utf8.count + (isFull ? 0 : namespace.utf8.count + 1)
    let most = SchemaLimits.bound(SchemaLimits.addressBytes, isNew: isNew)
    guard nameBytes <= most else {
      throw SchemaFault(at: pointer, .limitExceeded(what: "bytes of full names", limit: most))
    }
    return isFull ? name : namespace + "." + name
  }

  /// The name that a declaration gives its type, and the namespace that holds inside it.
  private mutating func name(
    _ node: JSONNode, at pointer: String, in namespace: String
  ) throws(SchemaFault) -> (AvroName, namespace: String) {
    guard let text = node["name"]?.text, AvroNames.isDotted(text) else {
      throw wrong(pointer + "/name", AvroNames.rule)
    }
    var inner = namespace
    if let space = node["namespace"], !space.isNull {
      guard let word = space.text, word.isEmpty || AvroNames.isDotted(word) else {
        throw wrong(pointer + "/namespace", "names joined by dots")
      }
      inner = word
    }
    if let dot = text.lastIndex(of: ".") { inner = String(text[..<dot]) }
    let plain = AvroName.plain(text)
    guard Self.primitive(String(plain)) == nil else {
      throw wrong(pointer + "/name", "another name than those of Avro's own types")
    }
    let full = try qualified(String(plain), in: inner, at: pointer)
    var aliases: [String] = []
    for alias in try texts(node, "aliases", at: pointer) {
      guard AvroNames.isDotted(alias.text) else {
        throw wrong(pointer + "/aliases", AvroNames.rule)
      }
      aliases.append(try qualified(alias.text, in: inner, at: pointer))
    }
    return (AvroName(full: full, aliases: aliases), inner)
  }

  private func texts(
    _ node: JSONNode, _ member: StaticString, at pointer: String
  ) throws(SchemaFault) -> [ByteSlice] {
    guard let list = node[member], !list.isNull else { return [] }
    var texts: [ByteSlice] = []
    for element in list.elements {
      guard let text = element.string else {
        throw wrong("\(pointer)/\(member)", "an array of strings")
      }
      texts.append(text)
    }
    guard list.kind == .array else { throw wrong("\(pointer)/\(member)", "an array of strings") }
    return texts
  }

  private static func primitive(_ name: String) -> AvroType.Kind? {
    switch name {
    case "null": .null
    case "boolean": .boolean
    case "int": .int
    case "long": .long
    case "float": .float
    case "double": .double
    case "bytes": .bytes
    case "string": .string
    default: nil
    }
  }

  // MARK: - Adding

  private mutating func add(
    _ kind: AvroType.Kind, at pointer: String
  ) throws(SchemaFault) -> Int {
    let number = try reserve(at: pointer)
    settle(number, kind)
    return number
  }

  /// A number for a type that is still being read: what is inside a named one may refer to it.
  private mutating func reserve(
    at pointer: String, named name: AvroName? = nil
  ) throws(SchemaFault) -> Int {
    guard types.count < SchemaLimits.nodes else {
      throw SchemaFault(at: pointer, .limitExceeded(what: "types", limit: SchemaLimits.nodes))
    }
    if let name {
      guard named.updateValue(types.count, forKey: name.full) == nil else {
        throw SchemaFault(at: pointer + "/name", .duplicateIdentifier(name.full))
      }
    }
    // A named type that is still being read is known by its name alone.
    types.append(
      AvroType(
        kind: name.map { .record($0, fields: []) } ?? .null, pointer: pointer, logical: nil))
    return types.count - 1
  }

  private mutating func settle(
    _ number: Int, _ kind: AvroType.Kind, _ declaration: JSONNode? = nil
  ) {
    let pointer = types[number].pointer
    var logical: AvroLogicalType?
    var decimal: AvroDecimal?
    if let declaration, let word = declaration["logicalType"]?.text {
      logical = AvroLogicalType(rawValue: word).flatMap { $0.fits(kind) ? $0 : nil }
      var why = "\(SchemaText.cut(word, to: 64)) is no logical type of "
      why += types[number].word(as: kind)
      if logical == .decimal {
        decimal = AvroDecimal(declaration, of: kind)
        why = "decimal needs a precision that fits, and a scale no larger than it"
        if decimal == nil { logical = nil }
      }
      if logical == nil, warnings.count < SchemaLimits.warnings {
        warnings.append(
          SchemaWarning(pointer: pointer + "/logicalType", message: "is ignored: " + why))
      }
    }
    types[number] = AvroType(kind: kind, pointer: pointer, logical: logical, decimal: decimal)
  }

  private func wrong(_ pointer: String, _ expected: String) -> SchemaFault {
    SchemaFault(at: pointer, .wrongValue(expected: expected))
  }
}

extension AvroType {
  fileprivate func word(as kind: Kind) -> String {
    AvroType(kind: kind, pointer: pointer, logical: nil).word
  }
}
