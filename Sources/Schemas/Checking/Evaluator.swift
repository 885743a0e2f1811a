import Bytes
import JSONText

/// The boolean pass: whether a value on a token tape keeps a program's schemas.
///
/// Allocates nothing as long as no number needs exact arithmetic and no string with escapes grows
/// the scratch. Each node visited, member walked and item compared costs one unit of fuel; when it
/// runs out, or a pattern hits its limit, `halt` is set and every answer from then on is void.
/// Lives on one thread's stack while it borrows the program and the tape.
struct Evaluator: ~Copyable, ~Escapable {
  let nodes: Span<ProgramNode>
  let branches: Span<ProgramBranch>
  let strings: Span<StringRule>
  let numbers: Span<NumberRule>
  let arrays: Span<ArrayRule>
  let objects: Span<ObjectRule>
  let patternRules: Span<PatternRule>
  let dependencies: Span<DependencyRule>
  let discriminators: Span<Discriminator>
  let tables: Span<NameTable>
  let slots: Span<NameTable.Slot>
  let names: RawSpan
  let lists: Span<UInt32>
  let patterns: Span<Pattern>
  let chains: Span<PatternShape.Place>
  let links: Span<PatternShape.Link>
  /// The payload.
  let value: TapeView
  /// The schema's own text.
  let constants: TapeView
  let scratch: SchemaScratch
  var fuel: Int
  var depth = 0
  /// Why the pass stopped before it had an answer.
  private(set) var halt: CheckResult?

  @_lifetime(borrow program, copy value, copy constants)
  init(
    _ program: borrowing SchemaProgram, value: consuming TapeView, constants: consuming TapeView,
    scratch: SchemaScratch, fuel: Int
  ) {
    nodes = program.nodes.span
    branches = program.branches.span
    strings = program.strings.span
    numbers = program.numbers.span
    arrays = program.arrays.span
    objects = program.objects.span
    patternRules = program.patternRules.span
    dependencies = program.dependencies.span
    discriminators = program.discriminators.span
    tables = program.tables.span
    slots = program.slots.span
    names = program.names.span.raw
    lists = program.lists.span
    patterns = program.patterns.span
    chains = program.chains.span
    links = program.links.span
    self.value = value
    self.constants = constants
    self.scratch = scratch
    self.fuel = fuel
  }

  /// Whether the value at token `at` keeps the schema `index`. False once `halt` is set.
  @_lifetime(self: copy self)
  mutating func accepts(_ index: UInt32, _ at: Int) -> Bool {
    if index == ProgramNode.anything { return true }
    guard spend(1), depth < SchemaLimits.evaluationDepth else {
      halt = halt ?? .fuelExhausted
      return false
    }
    depth &+= 1
    defer { depth &-= 1 }
    let node = nodes[Int(index)]
    guard acceptsKind(node, at) else { return false }
    if node.branchCount == 0 { return true }
    for offset in 0..<Int(node.branchCount) {
      guard acceptsBranch(branches[Int(node.firstBranch) &+ offset], at) else { return false }
    }
    return true
  }

  /// Whether the value is of a kind that the node takes and keeps the rules for that kind.
  @_lifetime(self: copy self)
  mutating func acceptsKind(_ node: ProgramNode, _ at: Int) -> Bool {
    let token = value.tokens[at]
    switch token.kind {
    case .string:
      guard node.types.contains(.string) else { return false }
      return node.string == ProgramNode.none || acceptsString(strings[Int(node.string)], token)
    case .number:
      if !node.types.isSuperset(of: .number) {
        // Whether a fraction is whole takes its whole text to say.
        guard
          token.hasFraction
            ? spend(8 &+ Int(token.length) >> 2) && acceptsNumberKind(node.types, token)
            : node.types.contains(.integer)
        else { return false }
      }
      return node.number == ProgramNode.none || acceptsNumber(numbers[Int(node.number)], token)
    case .object:
      guard node.types.contains(.object) else { return false }
      return node.object == ProgramNode.none || acceptsObject(objects[Int(node.object)], at)
    case .array:
      guard node.types.contains(.array) else { return false }
      return node.array == ProgramNode.none || acceptsArray(arrays[Int(node.array)], at)
    case .true, .false: return node.types.contains(.boolean)
    case .null: return node.types.contains(.null)
    }
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

  // MARK: - Branches

  /// Whether the value keeps one constraint that does not depend on its kind.
  @_lifetime(self: copy self)
  mutating func acceptsBranch(_ branch: ProgramBranch, _ at: Int) -> Bool {
    switch branch.operation {
    case .constant: return equalsConstant(Int(branch.first), at)
    case .enumeration: return isEnumerated(Int(branch.first), at)
    case .words: return isWord(branch, at)
    case .content: return holdsContent(branch, at)
    case .reference: return accepts(branch.first, at)
    case .all:
      for index in 0..<Int(branch.second) {
        guard accepts(lists[Int(branch.first) &+ index], at) else { return false }
      }
      return true
    case .any:
      for index in 0..<Int(branch.second) {
        if accepts(lists[Int(branch.first) &+ index], at) { return true }
        if halt != nil { return false }
      }
      return false
    case .one: return acceptsOne(branch, at)
    case .chosenAny, .chosenOne:
      guard let chosen = chosen(discriminators[Int(branch.third)], at) else { return false }
      return accepts(chosen, at)
    case .negation: return !accepts(branch.first, at) && halt == nil
    case .condition:
      let holds = accepts(branch.first, at)
      if halt != nil { return false }
      return accepts(holds ? branch.second : branch.third, at)
    case .unevaluatedProperties, .unevaluatedItems: return acceptsUnevaluated(branch, at)
    }
  }

  @_lifetime(self: copy self)
  private mutating func acceptsOne(_ branch: ProgramBranch, _ at: Int) -> Bool {
    var accepted = 0
    for index in 0..<Int(branch.second) {
      if accepts(lists[Int(branch.first) &+ index], at) {
        accepted &+= 1
        if accepted > 1 { return false }
      }
      if halt != nil { return false }
    }
    return accepted == 1
  }

  /// The branch that the discriminator's member names, or nil.
  @_lifetime(self: copy self)
  mutating func chosen(_ discriminator: Discriminator, _ at: Int) -> UInt32? {
    guard value.tokens[at].kind == .object,
      let member = member(in: at, named: discriminator.member),
      value.tokens[member].kind == .string,
      let slot = find(member, in: discriminator.values)
    else { return nil }
    return slots[slot].schema
  }

  /// Whether the value is among the strings and literals of a table.
  @_lifetime(self: copy self)
  private mutating func isWord(_ branch: ProgramBranch, _ at: Int) -> Bool {
    switch value.tokens[at].kind {
    case .string: return find(at, in: tables[Int(branch.first)]) != nil
    case .null: return branch.second & ProgramBranch.null != 0
    case .false: return branch.second & ProgramBranch.false != 0
    case .true: return branch.second & ProgramBranch.true != 0
    case .number, .array, .object: return false
    }
  }

  @_lifetime(self: copy self)
  private mutating func equalsConstant(_ constant: Int, _ at: Int) -> Bool {
    guard
      let equal = ValueEquality.equal(value, at, constants, constant, fuel: &fuel)
    else {
      halt = halt ?? .fuelExhausted
      return false
    }
    return equal
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

extension JSONToken {
  /// Bits of the flags, read without a call on the hot path.
  @inline(__always) var isEscaped: Bool { flags.rawValue & 1 != 0 }
  @inline(__always) var isBeyondASCII: Bool { flags.rawValue & 2 != 0 }
  @inline(__always) var hasFraction: Bool { flags.rawValue & 4 != 0 }
}

/// A token tape with the text it refers to, borrowed.
struct TapeView: ~Escapable {
  let tokens: Span<JSONToken>
  let bytes: Span<UInt8>
  /// The same text, for numbers that need exact arithmetic.
  let source: ByteSlice

  @_lifetime(copy tokens, copy bytes)
  init(tokens: Span<JSONToken>, bytes: Span<UInt8>, source: ByteSlice) {
    self.tokens = tokens
    self.bytes = bytes
    self.source = source
  }

  /// The text of a string between its quotes, or the lexeme of a number.
  @inline(__always)
  @_lifetime(copy self)
  func text(_ token: JSONToken) -> Span<UInt8> {
    let start = Int(token.offset)
    return bytes.extracting(start..<(start &+ Int(token.length)))
  }

  /// The number that a token stands for.
  func number(_ token: JSONToken) -> JSONNumber? {
    let start = Int(token.offset)
    return JSONNumber(checked: source[start..<(start &+ Int(token.length))])
  }
}
