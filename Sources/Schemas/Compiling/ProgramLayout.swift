import Bytes
import JSONText

/// Lays a checked graph out as a flat program: only what the root reaches, plain references gone,
/// schemas that say nothing merged into one, names in tables, unions with a discriminator marked.
struct ProgramLayout {
  private let graph: [GraphNode]
  /// Whether any schema asks what others have evaluated.
  private let tracksEvaluated: Bool
  private var program: SchemaProgram
  /// Program indices by graph index.
  private var placed: [Int: UInt32] = [:]
  /// Graph nodes in the order of their program indices, from 1.
  private var queue: [Int] = []
  private var patternNumbers: [ObjectIdentifier: UInt32] = [:]
  private var constants = ConstantPool()

  /// The program of `graph`, whose root is its first node.
  static func program(_ graph: [GraphNode]) throws(SchemaFault) -> SchemaProgram {
    var layout = ProgramLayout(
      graph: graph, program: SchemaProgram(constants: try ConstantPool().document()))
    layout.append(ProgramNode(types: .all), GraphNode(pointer: "#"))
    layout.program.root = layout.place(0)
    var next = 0
    while next < layout.queue.count {
      let source = graph[layout.queue[next]]
      layout.program.nodes[next + 1] = layout.lower(source, UInt32(next + 1))
      next += 1
    }
    layout.program.constants = try layout.constants.document()
    try layout.program.indexConstants()
    for index in layout.program.nodes.indices { layout.program.nodes[index].settle() }
    layout.program.verify()
    return layout.program
  }

  private init(graph: [GraphNode], program: SchemaProgram) {
    self.graph = graph
    tracksEvaluated = graph.contains { node in
      node.branches.contains { branch in
        switch branch {
        case .unevaluatedItems, .unevaluatedProperties: true
        default: false
        }
      }
    }
    self.program = program
  }

  private mutating func append(_ node: ProgramNode, _ source: GraphNode) {
    program.authorTexts[UInt32(program.nodes.count)] = source.authorTexts
    program.nodes.append(node)
    program.pointers.append(source.pointer)
    program.declaresType.append(source.types != .all)
  }

  /// The graph node behind plain references.
  private func resolved(_ index: Int) -> Int {
    var index = index
    while let target = graph[index].alias { index = target }
    return index
  }

  /// Whether a schema takes no value at all.
  private func isNothing(_ index: Int) -> Bool { graph[resolved(index)].types.isEmpty }

  /// The program's node for a graph node, which is laid out later if it is new.
  private mutating func place(_ index: Int) -> UInt32 {
    let target = resolved(index)
    if let known = placed[target] { return known }
    let source = graph[target]
    let saysNothing =
      source.types == .all && source.string == nil && source.number == nil
      && source.array == nil && source.object == nil && source.branches.isEmpty
    if saysNothing { return ProgramNode.anything }
    let number = UInt32(program.nodes.count)
    placed[target] = number
    append(ProgramNode(types: source.types), source)
    queue.append(target)
    return number
  }

  private mutating func lower(_ source: GraphNode, _ number: UInt32) -> ProgramNode {
    var node = ProgramNode(types: source.types)
    if let constraint = source.string {
      node.string = UInt32(program.strings.count)
      program.strings.append(rule(constraint))
    }
    if let constraint = source.number {
      node.number = UInt32(program.numbers.count)
      program.numbers.append(NumberRule(constraint, &constants))
    }
    if let constraint = source.array {
      let rule = rule(constraint)
      node.array = UInt32(program.arrays.count)
      program.arrays.append(rule)
    }
    if let constraint = source.object {
      let rule = rule(constraint)
      node.object = UInt32(program.objects.count)
      program.objects.append(rule)
    }
    let branches = source.branches.filter { matters($0) }.map { branch($0, of: number) }
    node.firstBranch = UInt32(program.branches.count)
    node.branchCount = UInt16(branches.count)
    program.branches += branches
    return node
  }

  private mutating func list(_ schemas: [Int]) -> (first: UInt32, count: UInt32) {
    let nodes = schemas.map { place($0) }
    defer { program.lists += nodes }
    return (UInt32(program.lists.count), UInt32(nodes.count))
  }

  private mutating func table(_ entries: [NameTable.Entry]) -> NameTable {
    NameTable.make(entries, slots: &program.slots, names: &program.names)
  }

  private mutating func number(_ pattern: Pattern) -> UInt32 {
    if let known = patternNumbers[ObjectIdentifier(pattern)] { return known }
    let number = UInt32(program.patterns.count)
    program.patterns.append(pattern)
    var place = PatternShape.Place()
    if let shape = pattern.shape {
      place = shape.place(at: UInt32(program.links.count))
      program.links += shape.links
    }
    program.chains.append(place)
    patternNumbers[ObjectIdentifier(pattern)] = number
    return number
  }

  // MARK: - Rules by kind

  private mutating func rule(_ constraint: StringConstraint) -> StringRule {
    StringRule(
      minimum: UInt32(constraint.minimum), maximum: constraint.maximum.map(UInt32.init) ?? .max,
      pattern: constraint.pattern.map { number($0) } ?? ProgramNode.none,
      format: constraint.format)
  }

  private mutating func rule(_ constraint: ArrayConstraint) -> ArrayRule {
    let prefix = list(constraint.prefix)
    return ArrayRule(
      minimum: UInt32(constraint.minimum), maximum: constraint.maximum.map(UInt32.init) ?? .max,
      unique: constraint.unique, prefixIsItems: constraint.prefixKeyword == "items",
      firstPrefix: prefix.first, prefixCount: prefix.count,
      rest: constraint.rest.map { place($0) } ?? ProgramNode.anything,
      contains: constraint.contains.map { place($0) } ?? ProgramNode.none,
      containsEvaluates: constraint.containsEvaluates, evaluatesAll: constraint.rest != nil,
      minimumContains: UInt32(constraint.minimumContains),
      maximumContains: constraint.maximumContains.map(UInt32.init) ?? .max)
  }

  private mutating func rule(_ constraint: ObjectConstraint) -> ObjectRule {
    var entries: [NameTable.Entry] = []
    var positions: [ByteSlice: Int] = [:]
    for (name, schema) in constraint.properties {
      positions[name] = entries.count
      entries.append(NameTable.Entry(name: name, schema: place(schema)))
    }
    for name in constraint.required {
      if let position = positions[name] {
        entries[position].isRequired = true
      } else {
        entries.append(NameTable.Entry(name: name, isRequired: true))
      }
    }
    let patterns = constraint.patterns.map {
      PatternRule(pattern: number($0.pattern), schema: place($0.schema))
    }
    let dependencies = self.dependencies(constraint)
    let additional = constraint.additional.map { place($0) } ?? ProgramNode.anything
    let isClosed = constraint.additional.map { isNothing($0) } ?? false
    defer {
      program.patternRules += patterns
      program.dependencies += dependencies
    }
    return ObjectRule(
      table: table(entries), requiredCount: UInt32(constraint.required.count),
      minimum: UInt32(constraint.minimum), maximum: constraint.maximum.map(UInt32.init) ?? .max,
      additional: additional, isClosed: isClosed, evaluatesAll: constraint.additional != nil,
      names: constraint.names.map { place($0) } ?? ProgramNode.anything,
      firstPattern: UInt32(program.patternRules.count), patternCount: UInt32(patterns.count),
      firstDependency: UInt32(program.dependencies.count),
      dependencyCount: UInt32(dependencies.count))
  }

  private mutating func dependencies(_ constraint: ObjectConstraint) -> [DependencyRule] {
    var rules: [DependencyRule] = []
    for (name, required) in constraint.dependentRequired where !required.isEmpty {
      rules.append(
        DependencyRule(
          trigger: table([NameTable.Entry(name: name)]), schema: ProgramNode.none,
          required: table(required.map { NameTable.Entry(name: $0, isRequired: true) }),
          requiredCount: UInt32(required.count),
          isPlain: constraint.plainDependencies.contains(name)))
    }
    for (name, schema) in constraint.dependentSchemas {
      let trigger = table([NameTable.Entry(name: name)])
      rules.append(
        DependencyRule(
          trigger: trigger, schema: place(schema), required: trigger, requiredCount: 0))
    }
    return rules
  }

  // MARK: - Branches

  /// Whether a branch can change a verdict.
  private func matters(_ branch: GraphBranch) -> Bool {
    if case .condition(_, nil, nil) = branch { return tracksEvaluated }
    return true
  }

  private mutating func branch(_ branch: GraphBranch, of node: UInt32) -> ProgramBranch {
    switch branch {
    case .constant(let node): return constant(node)
    case .enumeration(let node): return enumeration(node)
    case .content(let content):
      return ProgramBranch(operation: .content, first: UInt32(content.rawValue))
    case .reference(let target):
      return ProgramBranch(operation: .reference, first: place(target))
    case .all(let schemas):
      let range = list(schemas)
      return ProgramBranch(operation: .all, first: range.first, second: range.count)
    case .any(let schemas): return union(schemas, .any, chosen: .chosenAny)
    case .one(let schemas): return union(schemas, .one, chosen: .chosenOne)
    case .negation(let schema):
      return ProgramBranch(operation: .negation, first: place(schema))
    case .condition(let test, let then, let otherwise):
      return ProgramBranch(
        operation: .condition, first: place(test),
        second: then.map { place($0) } ?? ProgramNode.anything,
        third: otherwise.map { place($0) } ?? ProgramNode.anything)
    case .unevaluatedProperties(let schema):
      return ProgramBranch(
        operation: .unevaluatedProperties, first: place(schema), second: node,
        third: isNothing(schema) ? 1 : 0)
    case .unevaluatedItems(let schema):
      return ProgramBranch(
        operation: .unevaluatedItems, first: place(schema), second: node,
        third: isNothing(schema) ? 1 : 0)
    }
  }

  private mutating func constant(_ node: JSONNode) -> ProgramBranch {
    guard let word = node.string else {
      return ProgramBranch(operation: .constant, first: constants.token(of: node))
    }
    return words([word], literals: ProgramBranch.isConstant, token: constants.token(of: node))
  }

  /// Lists of strings, booleans and null become a table; lists with anything else stay a list.
  private mutating func enumeration(_ node: JSONNode) -> ProgramBranch {
    var strings: [ByteSlice] = []
    var seen: Set<ByteSlice> = []
    var literals: UInt32 = 0
    // A table has forty bytes for a slot, an index four.
    if node.count > SchemaLimits.tableWords { return indexed(node) }
    for element in node.elements {
      switch element.kind {
      case .null: literals |= ProgramBranch.null
      case .false: literals |= ProgramBranch.false
      case .true: literals |= ProgramBranch.true
      case .string:
        if let word = element.string, seen.insert(word).inserted { strings.append(word) }
      default:
        if node.count > Self.mostListed { return indexed(node) }
        return ProgramBranch(operation: .enumeration, first: constants.token(of: node))
      }
    }
    return words(strings, literals: literals, token: constants.token(of: node))
  }

  /// Values up to which a list is looked through one by one.
  private static let mostListed = 16

  /// A list that is found by the hashes of its values; the index is filled when the constants are
  /// all there.
  private mutating func indexed(_ node: JSONNode) -> ProgramBranch {
    var capacity = 32
    while capacity < node.count * 3 / 2 { capacity *= 2 }
    defer { program.index += repeatElement(0, count: capacity) }
    return ProgramBranch(
      operation: .indexed, first: constants.token(of: node), second: UInt32(program.index.count),
      third: UInt32(capacity - 1))
  }

  private mutating func words(
    _ words: [ByteSlice], literals: UInt32, token: UInt32
  ) -> ProgramBranch {
    let table = table(words.map { NameTable.Entry(name: $0) })
    defer { program.tables.append(table) }
    return ProgramBranch(
      operation: .words, first: UInt32(program.tables.count), second: literals,
      third: token)
  }

  private mutating func union(
    _ schemas: [Int], _ plain: ProgramBranch.Operation, chosen: ProgramBranch.Operation
  ) -> ProgramBranch {
    let range = list(schemas)
    guard let discriminator = discriminator(schemas) else {
      return ProgramBranch(operation: plain, first: range.first, second: range.count)
    }
    let number = UInt32(program.discriminators.count)
    program.discriminators.append(discriminator)
    return ProgramBranch(
      operation: chosen, first: range.first, second: range.count, third: number)
  }

  /// The first member that tells all branches apart, or nil.
  private mutating func discriminator(_ schemas: [Int]) -> Discriminator? {
    guard schemas.count > 1 else { return nil }
    for candidate in graph[resolved(schemas[0])].object?.required ?? [] {
      var values: [NameTable.Entry] = []
      var seen: Set<ByteSlice> = []
      let tellsApart = schemas.allSatisfy { schema in
        guard let words = requiredWords(of: candidate, in: schema) else { return false }
        let node = place(schema)
        values += words.map { NameTable.Entry(name: $0, schema: node) }
        return words.allSatisfy { seen.insert($0).inserted }
      }
      guard tellsApart else { continue }
      return Discriminator(
        member: table([NameTable.Entry(name: candidate)]), values: table(values))
    }
    return nil
  }

  /// The strings that `name` may be in objects of `schema`, where it must be there and be one.
  private func requiredWords(of name: ByteSlice, in schema: Int) -> [ByteSlice]? {
    let node = graph[resolved(schema)]
    guard node.types == .object, let object = node.object, object.required.contains(name),
      let property = object.properties.first(where: { $0.name == name })
    else { return nil }
    for branch in graph[resolved(property.schema)].branches {
      switch branch {
      case .constant(let node): return node.string.map { [$0] }
      case .enumeration(let list):
        var words: [ByteSlice] = []
        for element in list.elements {
          guard let word = element.string else { return nil }
          if !words.contains(word) { words.append(word) }
        }
        return words
      default: break
      }
    }
    return nil
  }
}

extension NumberRule {
  /// The rule of a constraint; integer bounds are folded into an interval.
  init(_ constraint: NumberConstraint, _ constants: inout ConstantPool) {
    func token(_ node: JSONNode?) -> UInt32 {
      node.map { constants.token(of: $0) } ?? ProgramNode.none
    }
    minimum = token(constraint.minimum)
    exclusiveMinimum = token(constraint.exclusiveMinimum)
    maximum = token(constraint.maximum)
    exclusiveMaximum = token(constraint.exclusiveMaximum)
    multipleOf = token(constraint.multipleOf)
    holdsForFractions =
      constraint.exclusiveMinimum == nil && constraint.exclusiveMaximum == nil
      && constraint.multipleOf == nil
    for bound in [constraint.minimum, constraint.exclusiveMinimum] {
      guard let bound else { continue }
      guard let value = bound.number?.asInt64, value < .max else {
        isInterval = false
        continue
      }
      lowest = max(lowest, bound.offset == constraint.minimum?.offset ? value : value + 1)
    }
    for bound in [constraint.maximum, constraint.exclusiveMaximum] {
      guard let bound else { continue }
      // The greatest of all stands for no bound.
      guard let value = bound.number?.asInt64, value > .min, value < .max else {
        isInterval = false
        continue
      }
      highest = min(highest, bound.offset == constraint.maximum?.offset ? value : value - 1)
    }
    if let node = constraint.multipleOf {
      guard let value = node.number?.asInt64 else {
        isInterval = false
        return
      }
      divisor = value
    }
  }
}
