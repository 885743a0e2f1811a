import Bytes
import JSONText

/// Lays a checked graph out as a flat program: only what the root reaches, plain references gone,
/// schemas that say nothing merged into one, names in tables, unions that a value tells apart
/// marked.
struct ProgramLayout {
  let graph: [GraphNode]
  /// Whether any schema asks what others have evaluated.
  let tracksEvaluated: Bool
  var program: SchemaProgram
  /// Program indices by graph index.
  private var placed: [Int: UInt32] = [:]
  /// Graph nodes in the order of their program indices, from 1.
  private var queue: [Int] = []
  private var patternNumbers: [ObjectIdentifier: UInt32] = [:]
  var constants = ConstantPool()
  var demands: BranchDemands
  /// Rows of the program's value indexes, which are laid out once all constants are known.
  var valueRows: [[ValueIndex.Row]] = []

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
    for rows in layout.valueRows {
      layout.program.valueIndexes.append(layout.program.layOut(rows))
    }
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
    demands = BranchDemands(graph)
  }

  private mutating func append(_ node: ProgramNode, _ source: GraphNode) {
    program.authorTexts[UInt32(program.nodes.count)] = source.authorTexts
    program.nodes.append(node)
    program.pointers.append(source.pointer)
    program.declaresType.append(source.types != .all)
  }

  /// The graph node behind plain references.
  func resolved(_ index: Int) -> Int {
    var index = index
    while let target = graph[index].alias { index = target }
    return index
  }

  /// Whether a schema takes no value at all.
  func isNothing(_ index: Int) -> Bool { graph[resolved(index)].types.isEmpty }

  /// The program's node for a graph node, which is laid out later if it is new.
  mutating func place(_ index: Int) -> UInt32 {
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

  mutating func list(_ schemas: [Int]) -> NodeRange {
    let nodes = schemas.map { place($0) }
    defer { program.lists += nodes }
    return NodeRange(first: UInt32(program.lists.count), count: UInt32(nodes.count))
  }

  mutating func table(_ entries: [NameTable.Entry]) -> NameTable {
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
        entries[position].required = 1
      } else {
        entries.append(NameTable.Entry(name: name, required: 1))
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
          required: table(required.map { NameTable.Entry(name: $0, required: 1) }),
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
}
