import Bytes
import JSONText

// What holds whatever the value's kind, and how unions are told apart.
extension ProgramLayout {
  /// Whether a branch can change a verdict.
  func matters(_ branch: GraphBranch) -> Bool {
    if case .condition(_, nil, nil) = branch { return tracksEvaluated }
    return true
  }

  mutating func branch(_ branch: GraphBranch, of node: UInt32) -> ProgramBranch {
    switch branch {
    case .constant(let node): return constant(node)
    case .enumeration(let node): return enumeration(node)
    case .content(let content):
      return ProgramBranch(operation: .content, first: UInt32(content.rawValue))
    case .reference(let target):
      return ProgramBranch(operation: .reference, first: place(target))
    case .all(let schemas): return conjunction(schemas)
    case .any(let schemas):
      return union(schemas, demands.choice(schemas), .any, selected: .chosenAny)
    case .one(let schemas):
      return union(schemas, demands.choice(schemas), .one, selected: .chosenOne)
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

  /// The number that an index of these rows will have.
  private mutating func number(of rows: [ValueIndex.Row]) -> UInt32 {
    guard !rows.isEmpty else { return ProgramNode.none }
    valueRows.append(rows)
    return UInt32(valueRows.count - 1)
  }

  // MARK: - Selections

  /// A union, or a conjunction, of which `choice` tells the schemas apart.
  private mutating func union(
    _ schemas: [Int], _ choice: BranchDemands.Choice?, _ plain: ProgramBranch.Operation,
    selected: ProgramBranch.Operation
  ) -> ProgramBranch {
    let range = list(schemas)
    guard let choice else {
      return ProgramBranch(operation: plain, first: range.first, second: range.count)
    }
    let selection = selection(choice, of: range)
    program.selections.append(selection)
    return ProgramBranch(
      operation: selected, first: range.first, second: range.count,
      third: UInt32(program.selections.count - 1))
  }

  /// All of some schemas. Those that are nothing but a condition without `else` count only where
  /// their test can hold.
  private mutating func conjunction(_ schemas: [Int]) -> ProgramBranch {
    let tests = schemas.map { test(of: $0) }
    let choice = tests.contains { $0 != nil } ? demands.choice(tests) : nil
    return union(schemas, choice, .all, selected: .chosenAll)
  }

  private func test(of schema: Int) -> Int? {
    let node = graph[resolved(schema)]
    guard node.types == .all, node.string == nil, node.number == nil, node.array == nil,
      node.object == nil, node.branches.count == 1,
      case .condition(let test, _, nil) = node.branches[0]
    else { return nil }
    return test
  }

  private mutating func selection(
    _ choice: BranchDemands.Choice, of range: NodeRange
  ) -> Selection {
    var entries: [NameTable.Entry] = []
    var rows: [ValueIndex.Row] = []
    for row in choice.rows {
      let chosen = nodes(row.positions, of: range)
      if let word = row.word {
        entries.append(NameTable.Entry(name: word, schema: chosen.first, required: chosen.count))
      } else {
        rows.append(ValueIndex.Row(token: constants.token(of: row.value), choice: chosen))
      }
    }
    let path = choice.path.map { table([NameTable.Entry(name: $0)]) }
    defer { program.tables += path }
    return Selection(
      path: NodeRange(first: UInt32(program.tables.count), count: UInt32(path.count)),
      values: ValueTable(strings: table(entries), index: number(of: rows)),
      rest: nodes(choice.rest, of: range), absent: nodes(choice.takeAbsent, of: range),
      others: nodes(choice.takeOthers, of: range))
  }

  /// The nodes at some positions of a list; a list of their own unless they stand in a row.
  private mutating func nodes(_ positions: [Int], of range: NodeRange) -> NodeRange {
    guard let first = positions.first, let last = positions.last else { return NodeRange() }
    let start = range.first + UInt32(first)
    if last - first + 1 == positions.count {
      return NodeRange(first: start, count: UInt32(positions.count))
    }
    let nodes = positions.map { program.lists[Int(range.first) + $0] }
    defer { program.lists += nodes }
    return NodeRange(first: UInt32(program.lists.count), count: UInt32(nodes.count))
  }
}
