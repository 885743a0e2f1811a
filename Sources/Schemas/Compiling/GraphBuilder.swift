import Bytes
import JSONText

/// Lowers a document of either edition to the draft-neutral graph: node `n` is place `n` of the
/// index. Checks the kind of every keyword on the way and follows every reference.
struct GraphBuilder {
  private var index: SchemaIndex
  private let formats: FormatMode
  private(set) var nodes: [GraphNode] = []
  private(set) var warnings: [SchemaWarning] = []
  private var patterns: [String: Pattern] = [:]

  /// The graph of the schema `root`; its first node is the root.
  static func build(
    _ root: JSONNode, dialect: SchemaDialect, formats: FormatMode
  ) throws(SchemaFault) -> GraphBuilder {
    var builder = GraphBuilder(
      index: try SchemaIndex(root, dialect: dialect), formats: formats)
    // Following a reference may append places, so the bound is read anew each time.
    while builder.nodes.count < builder.index.places.count {
      builder.nodes.append(try builder.lower(builder.nodes.count))
    }
    try GraphOrder.check(builder.nodes)
    return builder
  }

  private init(index: SchemaIndex, formats: FormatMode) {
    self.index = index
    self.formats = formats
  }

  private mutating func lower(_ number: Int) throws(SchemaFault) -> GraphNode {
    let place = index.places[number]
    var node = GraphNode(pointer: place.pointer)
    if let constant = place.node.bool {
      if !constant { node.types = [] }
      return node
    }
    let reader = KeywordReader(place.node, pointer: place.pointer)
    if index.dialect == .draft07, reader["$ref"] != nil {
      try lowerReference(reader, number, into: &node)
      return node
    }
    try reader.checkAnnotations()
    warnAboutKeywords(reader)
    node.types = try reader.types() ?? .all
    try lowerConstants(reader, into: &node)
    try lowerReference(reader, number, into: &node)
    try lowerApplicators(reader, into: &node)
    node.string = try stringConstraint(reader)
    node.number = try numberConstraint(reader)
    node.array = try arrayConstraint(reader)
    node.object = try objectConstraint(reader)
    return node
  }

  private mutating func warn(_ pointer: String, _ message: String) {
    guard warnings.count < SchemaLimits.warnings else { return }
    warnings.append(SchemaWarning(pointer: pointer, message: message))
  }

  private mutating func warnAboutKeywords(_ reader: KeywordReader) {
    for keyword in reader.keywords {
      switch SchemaKeyword.role(of: keyword, in: index.dialect) {
      case .foreign?:
        warn(
          reader.pointer(keyword),
          "is ignored: \(keyword) is no keyword of \(index.dialect.name)")
      case nil where !keyword.hasPrefix("x-"):
        warn(reader.pointer(keyword), "is ignored: unknown keyword without the prefix x-")
      default: break
      }
    }
  }

  /// The node of the subschema that `keyword` holds.
  private func schema(_ keyword: String, _ reader: KeywordReader) throws(SchemaFault) -> Int? {
    guard let node = reader[keyword] else { return nil }
    return try schema(node, at: reader.pointer(keyword))
  }

  private func schema(_ node: JSONNode, at pointer: String) throws(SchemaFault) -> Int {
    guard let place = index.place(of: node) else { throw SchemaFault(at: pointer, .notASchema) }
    return place
  }

  private func schemas(_ keyword: String, _ reader: KeywordReader) throws(SchemaFault) -> [Int]? {
    guard let node = reader[keyword] else { return nil }
    var all: [Int] = []
    for element in node.elements { all.append(try schema(element, at: reader.pointer(keyword))) }
    return all
  }

  // MARK: - Any kind of value

  private func lowerConstants(
    _ reader: KeywordReader, into node: inout GraphNode
  ) throws(SchemaFault) {
    if let constant = reader["const"] { node.branches.append(.constant(constant)) }
    if let values = try reader.array("enum") { node.branches.append(.enumeration(values)) }
  }

  private mutating func lowerReference(
    _ reader: KeywordReader, _ number: Int, into node: inout GraphNode
  ) throws(SchemaFault) {
    guard let reference = try reader.text("$ref") else { return }
    let target = try index.resolve(reference, from: number, pointer: reader.pointer("$ref"))
    node.branches.append(.reference(target))
  }

  private func lowerApplicators(
    _ reader: KeywordReader, into node: inout GraphNode
  ) throws(SchemaFault) {
    if let all = try schemas("allOf", reader) { node.branches.append(.all(all)) }
    if let any = try schemas("anyOf", reader) { node.branches.append(.any(any)) }
    if let one = try schemas("oneOf", reader) { node.branches.append(.one(one)) }
    if let not = try schema("not", reader) { node.branches.append(.negation(not)) }
    if let test = try schema("if", reader) {
      let then = try schema("then", reader)
      let otherwise = try schema("else", reader)
      if then != nil || otherwise != nil {
        node.branches.append(.condition(test: test, then: then, otherwise: otherwise))
      }
    }
  }

  // MARK: - By kind

  private mutating func stringConstraint(_ reader: KeywordReader) throws(SchemaFault)
    -> StringConstraint?
  {
    var constraint = StringConstraint()
    constraint.minimum = try reader.count("minLength") ?? 0
    constraint.maximum = try reader.count("maxLength")
    if let text = try reader.text("pattern") {
      constraint.pattern = try pattern(text, at: reader.pointer("pattern"))
    }
    if let name = try reader.text("format") {
      if let format = StringFormat(named: name) {
        if formats == .assert { constraint.format = format }
      } else {
        warn(reader.pointer("format"), "is ignored: the format \(name) is not checked")
      }
    }
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && constraint.pattern == nil
      && constraint.format == nil
    return isEmpty ? nil : constraint
  }

  private mutating func pattern(
    _ text: String, at pointer: String
  ) throws(SchemaFault) -> Pattern {
    if let known = patterns[text] { return known }
    guard patterns.count < SchemaLimits.patterns else {
      throw SchemaFault(
        at: pointer, .limitExceeded(what: "patterns", limit: SchemaLimits.patterns))
    }
    do throws(PatternFault) {
      let pattern = try Pattern(text)
      patterns[text] = pattern
      return pattern
    } catch {
      throw SchemaFault(at: pointer, .badPattern(error))
    }
  }

  private func numberConstraint(_ reader: KeywordReader) throws(SchemaFault) -> NumberConstraint? {
    var constraint = NumberConstraint()
    constraint.minimum = try reader.number("minimum")
    constraint.exclusiveMinimum = try reader.number("exclusiveMinimum")
    constraint.maximum = try reader.number("maximum")
    constraint.exclusiveMaximum = try reader.number("exclusiveMaximum")
    constraint.multipleOf = try reader.number("multipleOf")
    if let divisor = constraint.multipleOf?.number, divisor.isNegative || divisor.isZero {
      throw reader.fault("multipleOf", expected: "a number greater than 0")
    }
    let all = [
      constraint.minimum, constraint.exclusiveMinimum, constraint.maximum,
      constraint.exclusiveMaximum, constraint.multipleOf,
    ]
    return all.contains { $0 != nil } ? constraint : nil
  }

  private func arrayConstraint(_ reader: KeywordReader) throws(SchemaFault) -> ArrayConstraint? {
    var constraint = ArrayConstraint()
    constraint.minimum = try reader.count("minItems") ?? 0
    constraint.maximum = try reader.count("maxItems")
    constraint.unique = try reader.bool("uniqueItems") ?? false
    if index.dialect == .draft07 {
      if reader["items"]?.kind == .array {
        constraint.prefix = try schemas("items", reader) ?? []
        constraint.prefixKeyword = "items"
        constraint.rest = try schema("additionalItems", reader)
      } else {
        constraint.rest = try schema("items", reader)
      }
    } else {
      constraint.prefix = try schemas("prefixItems", reader) ?? []
      constraint.rest = try schema("items", reader)
      constraint.minimumContains = try reader.count("minContains") ?? 1
      constraint.maximumContains = try reader.count("maxContains")
    }
    constraint.contains = try schema("contains", reader)
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && !constraint.unique
      && constraint.prefix.isEmpty && constraint.rest == nil && constraint.contains == nil
    return isEmpty ? nil : constraint
  }

  private mutating func objectConstraint(_ reader: KeywordReader) throws(SchemaFault)
    -> ObjectConstraint?
  {
    var constraint = ObjectConstraint()
    constraint.minimum = try reader.count("minProperties") ?? 0
    constraint.maximum = try reader.count("maxProperties")
    constraint.required = try reader.names("required") ?? []
    if let properties = try reader.object("properties") {
      for (name, node) in properties.members {
        constraint.properties.append(
          (name, try schema(node, at: reader.pointer("properties"))))
      }
    }
    if let patterns = try reader.object("patternProperties") {
      let pointer = reader.pointer("patternProperties")
      for (text, node) in patterns.members {
        let own = pointer + "/" + SchemaIndex.escaped(text.text)
        constraint.patterns.append(
          (try pattern(text.text, at: own), try schema(node, at: own)))
      }
    }
    constraint.additional = try schema("additionalProperties", reader)
    constraint.names = try schema("propertyNames", reader)
    try lowerDependencies(reader, into: &constraint)
    let isEmpty =
      constraint.minimum == 0 && constraint.maximum == nil && constraint.required.isEmpty
      && constraint.properties.isEmpty && constraint.patterns.isEmpty
      && constraint.additional == nil && constraint.names == nil
      && constraint.dependentRequired.isEmpty && constraint.dependentSchemas.isEmpty
    return isEmpty ? nil : constraint
  }

  private func lowerDependencies(
    _ reader: KeywordReader, into constraint: inout ObjectConstraint
  ) throws(SchemaFault) {
    for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
      if index.dialect == .draft07, keyword != "dependencies" { continue }
      guard let dependencies = try reader.object(keyword) else { continue }
      for (name, node) in dependencies.members {
        let pointer = reader.pointer(keyword) + "/" + SchemaIndex.escaped(name.text)
        if keyword == "dependentRequired" || (keyword == "dependencies" && node.kind == .array) {
          constraint.dependentRequired.append((name, try KeywordReader.names(node, at: pointer)))
        } else {
          constraint.dependentSchemas.append((name, try schema(node, at: pointer)))
        }
      }
    }
  }
}
