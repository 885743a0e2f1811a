import Bytes
import JSONText

/// Lowers documents of either edition to the draft-neutral graph: a node for each schema and
/// dynamic scope that it can be met in. Checks the kind of every keyword on the way.
struct GraphBuilder {
  /// A place of the index, met in one of the dynamic scopes.
  private struct Meeting: Hashable {
    let place: Int
    let scope: Int
  }

  private let index: SchemaIndex
  /// Those of the index come first.
  var faults: FaultList { index.faults }
  private let targets: [Int: SchemaIndex.Targets]
  private var scopes: DynamicScopes
  /// Nil where each dialect's own default holds.
  let formats: FormatMode?
  /// Whether the text is about to be registered.
  private let isNew: Bool
  private(set) var nodes: [GraphNode] = []
  private(set) var warnings: [SchemaWarning] = []
  /// What the root says of members and items that no schema describes.
  private(set) var passesUndeclared = false
  /// By their bytes: texts that Unicode takes for equal fit different texts.
  var patterns: [ByteSlice: Pattern] = [:]
  /// What the tables of patterns may still take.
  var tableEffort = SchemaLimits.tablesEffort
  private var numbers: [Meeting: Int] = [:]
  /// Meetings by node number.
  private var queue: [Meeting] = []
  /// Places that were lowered, in whatever scope.
  private var lowered: Set<Int> = []
  /// Bytes of those that were lowered once more.
  private var scopedBytes = 0
  /// The meeting that is being lowered.
  private var current = Meeting(place: 0, scope: DynamicScopes.empty)

  /// The graph of an index; its first node is the root.
  static func build(
    _ index: consuming SchemaIndex, formats: FormatMode?, isNew: Bool
  ) throws(SchemaFault) -> GraphBuilder {
    let targets = try index.targets()
    var builder = GraphBuilder(index: index, targets: targets, formats: formats, isNew: isNew)
    _ = try builder.node(at: 0)
    try builder.lowerAll()
    // What nothing refers to is checked all the same, if it is in the text itself.
    builder.current = builder.queue[0]
    let met = Set(builder.queue.map(\.place))
    for place in builder.index.places.indices
    where builder.index.places[place].document == 0 && !met.contains(place) {
      _ = try builder.node(at: place)
      try builder.lowerAll()
      builder.current = builder.queue[0]
    }
    try builder.faults.check()
    try GraphOrder.check(builder.nodes)
    return builder
  }

  private init(
    index: SchemaIndex, targets: [Int: SchemaIndex.Targets], formats: FormatMode?, isNew: Bool
  ) {
    self.isNew = isNew
    self.index = index
    self.targets = targets
    self.formats = formats
    scopes = DynamicScopes(
      anchors: index.dynamicAnchors,
      names: Set(targets.values.compactMap { $0.dynamic?.name }))
  }

  /// The documents of the library that the index has taken in.
  var documents: [SchemaLibrary.Document] { index.documents }

  private mutating func lowerAll() throws(SchemaFault) {
    while nodes.count < queue.count {
      current = queue[nodes.count]
      nodes.append(try lower())
    }
  }

  /// The node of a place that is met from the current one; it is lowered later if it is new.
  private mutating func node(at place: Int) throws(SchemaFault) -> Int {
    let scope = scopes.entering(index.places[place].resource, from: current.scope)
    let meeting = Meeting(place: place, scope: scope)
    if let known = numbers[meeting] { return known }
    guard queue.count < SchemaLimits.nodes else {
      throw SchemaFault(
        at: index.places[place].pointer,
        .limitExceeded(what: "schemas", limit: SchemaLimits.nodes))
    }
    numbers[meeting] = queue.count
    queue.append(meeting)
    return queue.count - 1
  }

  var rules: DialectRules { index.places[current.place].rules }

  /// Counts what a place says by itself, from the second scope on: all of it is kept anew.
  private mutating func charge(_ place: SchemaIndex.Place) throws(SchemaFault) {
    guard !lowered.insert(current.place).inserted else { return }
    scopedBytes += place.node.raw.count
    for child in place.children { scopedBytes -= index.places[child].node.raw.count }
    let most = SchemaLimits.bound(SchemaLimits.scopedBytes, isNew: isNew)
    guard scopedBytes <= most else {
      throw SchemaFault(
        at: place.pointer,
        .limitExceeded(what: "bytes of schemas in further dynamic scopes", limit: most))
    }
  }

  private mutating func lower() throws(SchemaFault) -> GraphNode {
    let place = index.places[current.place]
    try charge(place)
    var node = GraphNode(pointer: place.pointer)
    if let constant = place.node.bool {
      if !constant { node.types = [] }
      return node
    }
    let reader = KeywordReader(place.node, pointer: place.pointer, rules: place.rules, faults)
    // Ahead of everything that a dialect ignores: a label counts wherever it stands.
    try lowerClassification(place, into: &node)
    if place.rules.edition == .draft07, reader["$ref"] != nil {
      try lowerReferences(into: &node)
      return node
    }
    try reader.checkAnnotations()
    warnAboutKeywords(reader)
    node.authorTexts = try AuthorTexts(reader)
    node.types = try reader.types() ?? .all
    try lowerConstants(reader, into: &node)
    try lowerReferences(into: &node)
    try lowerApplicators(reader, into: &node)
    node.string = try stringConstraint(reader)
    node.number = try numberConstraint(reader)
    node.array = try arrayConstraint(reader)
    node.object = try objectConstraint(reader)
    try lowerUnevaluated(reader, into: &node)
    node.contentSchema = try schema("contentSchema", reader)
    return node
  }

  /// What is registered stays so: a text from before labels meant anything may have others, which
  /// then nobody but a reader of every class sees through.
  private mutating func lowerClassification(
    _ place: SchemaIndex.Place, into node: inout GraphNode
  ) throws(SchemaFault) {
    do throws(SchemaFault) {
      node.mark = try ClassMark(place.node, at: place.pointer)
      guard place.document == 0 else { return }
      let passes = try ClassMark.passesUndeclared(
        place.node, at: place.pointer, isRoot: current.place == 0)
      passesUndeclared = passes ?? passesUndeclared
    } catch {
      if isNew { try faults.note(error) }
      node.mark = .unreadable
    }
  }

  mutating func warn(_ pointer: @autoclosure () -> String, _ message: String) {
    guard warnings.count < SchemaLimits.warnings else { return }
    warnings.append(SchemaWarning(pointer: pointer(), message: message))
  }

  private mutating func warnAboutKeywords(_ reader: KeywordReader) {
    for keyword in reader.keywords {
      switch SchemaKeyword.role(of: keyword, in: rules) {
      case .foreign?:
        warn(
          reader.pointer(keyword),
          "is ignored: \(keyword) is no keyword of \(rules.edition.name)"
            + (rules.vocabularies == .standard ? "" : " with the vocabularies of this dialect"))
      case nil where !keyword.hasPrefix("x-"):
        warn(reader.pointer(keyword), "is ignored: unknown keyword without the prefix x-")
      default: break
      }
    }
  }

  /// The node of the subschema that `keyword` holds.
  mutating func schema(
    _ keyword: String, _ reader: KeywordReader
  ) throws(SchemaFault) -> Int? {
    guard let node = reader[keyword] else { return nil }
    return try schema(node, at: reader.pointer(keyword))
  }

  mutating func schema(
    _ node: JSONNode, at pointer: @autoclosure () -> String
  ) throws(SchemaFault) -> Int {
    let document = index.places[current.place].document
    guard let place = index.place(of: node, in: document) else {
      // The index has told why already.
      if faults.isEmpty { try faults.note(SchemaFault(at: pointer(), .notASchema)) }
      return 0
    }
    return try self.node(at: place)
  }

  mutating func schemas(_ keyword: String, _ reader: KeywordReader) throws(SchemaFault) -> [Int]? {
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
    if rules.edition == .draft07, formats ?? rules.formats == .assert,
      let content = StringContent(
        encoding: try reader.text("contentEncoding"),
        mediaType: try reader.text("contentMediaType"))
    {
      node.branches.append(.content(content))
    }
    if let values = try reader.array("enum") { node.branches.append(.enumeration(values)) }
  }

  private mutating func lowerReferences(into node: inout GraphNode) throws(SchemaFault) {
    guard let targets = targets[current.place] else { return }
    if let target = targets.reference {
      node.branches.append(.reference(try self.node(at: target)))
    }
    if let dynamic = targets.dynamic {
      let bound = dynamic.name.flatMap { scopes.target($0, in: current.scope) }
      node.branches.append(.reference(try self.node(at: bound ?? dynamic.initial)))
    }
  }

  private mutating func lowerApplicators(
    _ reader: KeywordReader, into node: inout GraphNode
  ) throws(SchemaFault) {
    if let all = try schemas("allOf", reader) { node.branches.append(.all(all)) }
    if let any = try schemas("anyOf", reader) { node.branches.append(.any(any)) }
    if let one = try schemas("oneOf", reader) { node.branches.append(.one(one)) }
    if let not = try schema("not", reader) { node.branches.append(.negation(not)) }
    if let test = try schema("if", reader) {
      let then = try schema("then", reader)
      let otherwise = try schema("else", reader)
      node.branches.append(.condition(test: test, then: then, otherwise: otherwise))
    }
  }

  /// Behind everything else, since it is about what all the others have left.
  private mutating func lowerUnevaluated(
    _ reader: KeywordReader, into node: inout GraphNode
  ) throws(SchemaFault) {
    guard rules.edition != .draft07 else { return }
    if let rest = try schema("unevaluatedItems", reader) {
      node.branches.append(.unevaluatedItems(rest))
    }
    if let rest = try schema("unevaluatedProperties", reader) {
      node.branches.append(.unevaluatedProperties(rest))
    }
  }
}
