import Bytes
import JSONText

/// The boolean pass: whether a value on a token tape keeps a program's schemas.
///
/// Allocates nothing as long as no number needs exact arithmetic and no string with escapes grows
/// the scratch. What takes longer than a look at a value's kind is paid for with fuel, a unit for
/// some four nanoseconds; when it runs out, or a pattern hits its limit, `halt` is set and every
/// answer from then on is void.
/// Lives on one thread's stack while it borrows the program, the tape and the scratch.
@safe struct Evaluator: ~Copyable, ~Escapable {
  let nodes: VerifiedTable<ProgramNode>
  let branches: VerifiedTable<ProgramBranch>
  let strings: VerifiedTable<StringRule>
  let numbers: VerifiedTable<NumberRule>
  let arrays: VerifiedTable<ArrayRule>
  let objects: VerifiedTable<ObjectRule>
  let patternRules: VerifiedTable<PatternRule>
  let dependencies: VerifiedTable<DependencyRule>
  let selections: VerifiedTable<Selection>
  let valueIndexes: VerifiedTable<ValueIndex>
  let valueBuckets: VerifiedTable<UInt32>
  let valueRows: VerifiedTable<ValueIndex.Row>
  let tables: VerifiedTable<NameTable>
  let slots: VerifiedTable<NameTable.Slot>
  let names: RawSpan
  let index: VerifiedTable<UInt32>
  let lists: VerifiedTable<UInt32>
  let patterns: VerifiedTable<Pattern>
  let chains: VerifiedTable<PatternShape.Place>
  let links: VerifiedTable<PatternShape.Link>
  /// The payload.
  let value: TapeView
  /// The schema's own text.
  let constants: TapeView
  /// SAFETY: whoever makes an evaluator holds the scratch until it is gone.
  private unowned(unsafe) let borrowedScratch: SchemaScratch
  var scratch: SchemaScratch { unsafe borrowedScratch }
  var fuel: Int
  var depth = 0
  /// Why the pass stopped before it had an answer.
  private(set) var halt: CheckResult?

  @_lifetime(borrow program, copy value, copy constants)
  init(
    _ program: borrowing SchemaProgram, value: consuming TapeView, constants: consuming TapeView,
    scratch: SchemaScratch, fuel: Int
  ) {
    nodes = VerifiedTable(program.nodes.span)
    branches = VerifiedTable(program.branches.span)
    strings = VerifiedTable(program.strings.span)
    numbers = VerifiedTable(program.numbers.span)
    arrays = VerifiedTable(program.arrays.span)
    objects = VerifiedTable(program.objects.span)
    patternRules = VerifiedTable(program.patternRules.span)
    dependencies = VerifiedTable(program.dependencies.span)
    selections = VerifiedTable(program.selections.span)
    valueIndexes = VerifiedTable(program.valueIndexes.span)
    valueBuckets = VerifiedTable(program.valueBuckets.span)
    valueRows = VerifiedTable(program.valueRows.span)
    tables = VerifiedTable(program.tables.span)
    slots = VerifiedTable(program.slots.span)
    names = program.names.span.raw
    index = VerifiedTable(program.index.span)
    lists = VerifiedTable(program.lists.span)
    patterns = VerifiedTable(program.patterns.span)
    chains = VerifiedTable(program.chains.span)
    links = VerifiedTable(program.links.span)
    self.value = value
    self.constants = constants
    unsafe borrowedScratch = scratch
    self.fuel = fuel
  }

  /// Whether the value at token `at` keeps the schema `index`. False once `halt` is set.
  ///
  /// Costs nothing where the value's kind decides: whoever asks about many schemas, or about many
  /// values, pays for asking.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func accepts(_ index: UInt32, _ at: Int) -> Bool {
    let node = nodes[index]
    let kind = value.token(at).kindNumber
    if UInt32(node.settled) &>> kind & 1 != 0 { return true }
    if UInt32(node.possible) &>> kind & 1 == 0 { return false }
    return acceptsNode(index, at)
  }

  /// The same where the value's kind does not decide. What most schemas ask of most values is
  /// looked at here, without a frame on the stack.
  @inline(never)
  @_lifetime(self: copy self)
  mutating func acceptsNode(_ index: UInt32, _ at: Int) -> Bool {
    guard spend(1) else { return false }
    let node = nodes[index]
    let token = value.token(at)
    if node.branchCount == 0 {
      switch token.kind {
      case .string where node.string != ProgramNode.none:
        return acceptsString(node.string, token)
      case .number
      where node.number != ProgramNode.none
        && (!token.hasFraction || node.types.isSuperset(of: .number)):
        return acceptsNumber(node.number, token)
      case .object where node.object != ProgramNode.none: return acceptsObject(node.object, at)
      case .array where node.array != ProgramNode.none: return acceptsArray(node.array, at)
      default: break
      }
    }
    return acceptsWhole(index, at)
  }

  /// The same for every node and kind.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func acceptsWhole(_ index: UInt32, _ at: Int) -> Bool {
    let node = nodes[index]
    guard acceptsRules(node, value.token(at), at) else { return false }
    if node.branchCount == 0 { return true }
    guard descend() else { return false }
    defer { depth &-= 1 }
    // What runs out here is noticed at the next step: until then the answers are still right.
    fuel &-= Int(node.branchCount)
    for offset in 0..<UInt32(node.branchCount) {
      guard acceptsBranch(branches[node.firstBranch &+ offset], at) else { return false }
    }
    return true
  }

  /// Whether the value is of a kind that the node takes and keeps the rules for that kind.
  @_lifetime(self: copy self)
  mutating func acceptsKind(_ node: ProgramNode, _ at: Int) -> Bool {
    let token = value.token(at)
    return UInt32(node.possible) &>> token.kindNumber & 1 != 0 && acceptsRules(node, token, at)
  }

  /// Whether a value of a kind that the node may take keeps the rules for that kind.
  @inline(__always)
  @_lifetime(self: copy self)
  private mutating func acceptsRules(_ node: ProgramNode, _ token: JSONToken, _ at: Int) -> Bool {
    switch token.kind {
    case .string:
      return node.string == ProgramNode.none || acceptsString(node.string, token)
    case .number:
      // Whether a fraction is whole takes its whole text to say.
      if token.hasFraction, !node.types.isSuperset(of: .number) {
        guard spend(numberCost(token)), acceptsNumberKind(node.types, token) else {
          return false
        }
      }
      return node.number == ProgramNode.none || acceptsNumber(node.number, token)
    case .object:
      return node.object == ProgramNode.none || acceptsObject(node.object, at)
    case .array:
      return node.array == ProgramNode.none || acceptsArray(node.array, at)
    case .true, .false, .null: return true
    }
  }

  /// Goes one level deeper; false, and `halt` set, where that is too deep.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func descend() -> Bool {
    guard depth < SchemaLimits.evaluationDepth else {
      stop(.fuelExhausted)
      return false
    }
    depth &+= 1
    return true
  }

  /// Takes `units` of fuel; false, and `halt` set, when there is not enough.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func spend(_ units: Int) -> Bool {
    fuel &-= units
    if fuel >= 0 { return true }
    fuel = -1
    halt = halt ?? .fuelExhausted
    return false
  }

  /// Ends the pass without an answer.
  @_lifetime(self: copy self)
  mutating func stop(_ reason: CheckResult) {
    if halt == nil { halt = reason }
    fuel = -1
  }

  /// Goes on with other fuel, also after a limit was met.
  mutating func resume(fuel: Int) {
    halt = nil
    self.fuel = fuel
  }

  // MARK: - Branches

  /// Whether the value keeps one constraint that does not depend on its kind.
  @_lifetime(self: copy self)
  mutating func acceptsBranch(_ branch: ProgramBranch, _ at: Int) -> Bool {
    switch branch.operation {
    case .constant: return equalsConstant(Int(branch.first), at)
    case .enumeration: return isEnumerated(Int(branch.first), at)
    case .indexed: return isIndexed(branch, at)
    case .words: return isWord(branch, at)
    case .content: return holdsContent(branch, at)
    case .reference: return accepts(branch.first, at)
    case .all: return acceptsAll(branch.range, at)
    case .any: return acceptsAny(branch.range, at)
    case .one: return accepting(branch.range, at, upTo: 2) == 1 && halt == nil
    case .chosenAll, .chosenAny, .chosenOne: return acceptsSelected(branch, at)
    case .negation: return !accepts(branch.first, at) && halt == nil
    case .condition:
      fuel &-= 1
      let holds = accepts(branch.first, at)
      if halt != nil { return false }
      return accepts(holds ? branch.second : branch.third, at)
    case .unevaluatedProperties, .unevaluatedItems: return acceptsUnevaluated(branch, at)
    }
  }

  @_lifetime(self: copy self)
  mutating func acceptsAll(_ range: NodeRange, _ at: Int) -> Bool {
    for index in 0..<range.count {
      fuel &-= 1
      guard accepts(lists[range.first &+ index], at) else { return false }
    }
    return true
  }

  @_lifetime(self: copy self)
  mutating func acceptsAny(_ range: NodeRange, _ at: Int) -> Bool {
    for index in 0..<range.count {
      if accepts(lists[range.first &+ index], at) { return true }
      guard spend(1) else { return false }
    }
    return false
  }

  /// How many of some schemas the value keeps, counted up to `most`; void once `halt` is set.
  @_lifetime(self: copy self)
  mutating func accepting(_ range: NodeRange, _ at: Int, upTo most: Int) -> Int {
    var count = 0
    for index in 0..<range.count {
      if accepts(lists[range.first &+ index], at) {
        count &+= 1
        if count >= most { return count }
      }
      guard spend(1) else { return count }
    }
    return count
  }

  /// Whether the value is among the strings and literals of a table.
  @_lifetime(self: copy self)
  private mutating func isWord(_ branch: ProgramBranch, _ at: Int) -> Bool {
    switch value.token(at).kind {
    case .string: return find(at, in: tables[branch.first]) != nil
    case .null: return branch.second & ProgramBranch.null != 0
    case .false: return branch.second & ProgramBranch.false != 0
    case .true: return branch.second & ProgramBranch.true != 0
    case .number, .array, .object: return false
    }
  }

  @_lifetime(self: copy self)
  mutating func equalsConstant(_ constant: Int, _ at: Int) -> Bool {
    guard
      let equal = ValueEquality.equal(value, at, constants, constant, fuel: &fuel)
    else {
      halt = halt ?? .fuelExhausted
      return false
    }
    return equal
  }

  /// Whether the value is among those of an index.
  @inline(never)
  @_lifetime(self: copy self)
  private mutating func isIndexed(_ branch: ProgramBranch, _ at: Int) -> Bool {
    let hash = ValueHash.hash(value, at, fuel: &fuel)
    // A large index does not lie in the nearest cache.
    guard spend(6 &+ Int(min(12, branch.third &>> 14))) else { return false }
    var slot = UInt32(truncatingIfNeeded: hash) & branch.third
    while true {
      let token = index[branch.second &+ slot]
      if token == 0 { return false }
      guard spend(1) else { return false }
      if equalsConstant(Int(token), at) { return true }
      if halt != nil { return false }
      slot = (slot &+ 1) & branch.third
    }
  }

  @_lifetime(self: copy self)
  private mutating func isEnumerated(_ list: Int, _ at: Int) -> Bool {
    let end = list + Int(constants.tokens[list].extent)
    var element = list + 1
    while element < end {
      guard spend(1) else { return false }
      if equalsConstant(element, at) { return true }
      if halt != nil { return false }
      element += Int(constants.tokens[element].extent)
    }
    return false
  }
}
