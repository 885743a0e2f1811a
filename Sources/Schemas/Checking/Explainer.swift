import Bytes
import JSONText

/// The explaining pass: walks a refused payload again and collects what is wrong with it. Asks the
/// boolean pass about each value first, and looks closer only at what that refuses; runs on the
/// same fuel.
struct Explainer: ~Copyable, ~Escapable {
  /// A step from a value to one inside it.
  enum Step {
    /// The token of a member's name.
    case member(Int)
    case item(Int)
    /// A member that is not there.
    case missing(String)
  }

  var evaluator: Evaluator
  let program: SchemaProgram
  /// Where the check met a pattern's limit. Another match that is not finished here has only
  /// used up what was left to the explanation.
  private let limited: LimitedMatch?
  var path: [Step] = []
  /// The names of the members of the object that was asked about last.
  var collected: (object: Int, names: Set<[UInt8]>)?
  /// The branches of unions that the walk is inside of.
  private var branches: [UnionBranch] = []
  private(set) var violations: [Violation] = []
  private(set) var truncated = false
  /// The most violations to collect.
  var limit = SchemaLimits.violations

  @_lifetime(copy evaluator)
  init(
    _ evaluator: consuming Evaluator, program: SchemaProgram, limited: LimitedMatch?
  ) {
    self.evaluator = evaluator
    self.program = program
    self.limited = limited
  }

  var isDone: Bool { truncated || evaluator.halt != nil }

  /// Whether the match that has ended the explanation is the one that ended the check.
  func isLimit(_ pattern: UInt32, _ bytes: Int) -> Bool {
    evaluator.halt == .patternLimit && limited == LimitedMatch(pattern: pattern, bytes: bytes)
  }

  /// Collects what keeps the value at token `at` from the schema `index`.
  @_lifetime(self: copy self)
  mutating func explain(_ index: UInt32, _ at: Int) {
    if index == ProgramNode.anything || isDone { return }
    guard evaluator.spend(1), path.count < SchemaLimits.evaluationDepth else { return }
    let node = program.nodes[Int(index)]
    let token = evaluator.value.tokens[at]
    guard takesKind(node.types, token) else {
      reportKind(node, index, at)
      return
    }
    switch token.kind {
    case .string where node.string != ProgramNode.none:
      explainString(program.strings[Int(node.string)], index, at)
    case .number where node.number != ProgramNode.none:
      explainNumber(program.numbers[Int(node.number)], index, at)
    case .object where node.object != ProgramNode.none:
      explainObject(program.objects[Int(node.object)], index, at)
    case .array where node.array != ProgramNode.none:
      explainArray(program.arrays[Int(node.array)], index, at)
    default: break
    }
    for offset in 0..<Int(node.branchCount) {
      explainBranch(program.branches[Int(node.firstBranch) + offset], index, at)
    }
  }

  /// Whether a value of this token's kind is among `types`.
  func takesKind(_ types: TypeSet, _ token: JSONToken) -> Bool {
    switch token.kind {
    case .string: types.contains(.string)
    case .number: evaluator.acceptsNumberKind(types, token)
    case .object: types.contains(.object)
    case .array: types.contains(.array)
    case .true, .false: types.contains(.boolean)
    case .null: types.contains(.null)
    }
  }

  private mutating func reportKind(_ node: ProgramNode, _ index: UInt32, _ at: Int) {
    guard !node.types.isEmpty else {
      report(
        index, at, keyword: "false", code: .forbidden, "is not allowed here: its schema is false")
      return
    }
    let names = node.types.names
    report(
      index, at, keyword: "type", code: .type, "must be " + names.joined(separator: " or "),
      expected: names.count == 1
        ? SchemaText.quoted(names[0]) : SchemaText.array(names.map(SchemaText.quoted)))
  }

  // MARK: - Paths

  /// Explains inside a member, whose name is at token `key`.
  @_lifetime(self: copy self)
  mutating func explainMember(_ schema: UInt32, _ key: Int) {
    if isFine(schema, key + 1) { return }
    path.append(.member(key))
    explain(schema, key + 1)
    path.removeLast()
  }

  /// Whether a value inside keeps its schema, so that there is nothing to tell. False as well where
  /// the closer look is the better way to find out: into large values, and where this one has used
  /// up its half of the fuel or met a pattern's limit.
  @_lifetime(self: copy self)
  private mutating func isFine(_ schema: UInt32, _ at: Int) -> Bool {
    let fuel = evaluator.fuel
    guard evaluator.halt == nil, Int(evaluator.value.tokens[at].extent) < fuel / 16 else {
      return isDone
    }
    evaluator.resume(fuel: fuel - fuel / 2)
    let isAccepted = evaluator.accepts(schema, at)
    evaluator.resume(fuel: max(evaluator.fuel, 0) + fuel / 2)
    return isAccepted
  }

  /// Explains the item at a position and token.
  @_lifetime(self: copy self)
  mutating func explainItem(_ schema: UInt32, _ position: Int, _ at: Int) {
    if isFine(schema, at) { return }
    path.append(.item(position))
    explain(schema, at)
    path.removeLast()
  }

  private func pointer(anyItem: Bool) -> String {
    var text = ""
    for step in path {
      switch step {
      case .member(let key): text += "/" + SchemaIndex.escaped(beginning(of: key))
      case .item(let position): text += anyItem ? "/*" : "/\(position)"
      case .missing(let name): text += "/" + SchemaIndex.escaped(name)
      }
      guard text.utf8.count <= SchemaLimits.pointerBytes else {
        return SchemaText.cut(text, to: SchemaLimits.pointerBytes)
      }
    }
    return text
  }

  /// The member name at a token, as much of it as a pointer has room for.
  private func beginning(of key: Int) -> String {
    let token = evaluator.value.tokens[key]
    guard !token.isEscaped, token.length > UInt32(SchemaLimits.pointerBytes) else {
      return String(decoding: nameBytes(key), as: UTF8.self)
    }
    let start = evaluator.value.text(token).extracting(first: SchemaLimits.pointerBytes + 4)
    return ByteSlice(copying: start).text
  }

  func nameBytes(_ key: Int) -> [UInt8] {
    evaluator.value.unescaped(evaluator.value.tokens[key])
  }

  // MARK: - Reports

  /// Adds a violation of `keyword` of node `index` by the value at token `at`.
  mutating func report(
    _ index: UInt32, _ at: Int, keyword: String, code: ViolationCode, _ message: String,
    expected: ByteSlice? = nil, suggestion: String? = nil
  ) {
    let token = evaluator.value.tokens[at]
    let length = length(at)
    append(
      index, at, keyword: keyword, code: code, message, expected: expected,
      actualType: typeName(token), actualLength: length, suggestion: suggestion)
  }

  /// Adds a violation by the member at token `key`.
  mutating func reportMember(
    _ index: UInt32, _ key: Int, keyword: String, code: ViolationCode, _ message: String,
    expected: ByteSlice? = nil, suggestion: String? = nil
  ) {
    path.append(.member(key))
    report(
      index, key + 1, keyword: keyword, code: code, message, expected: expected,
      suggestion: suggestion)
    path.removeLast()
  }

  /// Adds a violation by the item at a position and token.
  mutating func reportItem(
    _ index: UInt32, _ position: Int, _ at: Int, keyword: String, code: ViolationCode,
    _ message: String
  ) {
    path.append(.item(position))
    report(index, at, keyword: keyword, code: code, message)
    path.removeLast()
  }

  /// Adds a violation by a member that the object at token `at` has not.
  ///
  /// - Parameter step: a name of the schema below the keyword, where the rule stands under one.
  mutating func reportMissing(
    _ index: UInt32, _ at: Int, _ name: String, keyword: String, below step: String? = nil,
    _ message: String = "is required", expected: ByteSlice? = nil
  ) {
    path.append(.missing(name))
    append(
      index, at, keyword: keyword, below: step, code: .missing, message, expected: expected,
      actualType: "missing", actualLength: nil, suggestion: nil)
    path.removeLast()
  }

  private mutating func append(
    _ index: UInt32, _ at: Int, keyword: String, below step: String? = nil, code: ViolationCode,
    _ message: String, expected: ByteSlice?, actualType: String, actualLength: Int?,
    suggestion: String?
  ) {
    // Texts are made for it, also where it is only counted. What ended the pass is told anyway.
    guard hasRoom(), evaluator.halt != nil || evaluator.spend(160 + 8 * path.count) else { return }
    let token = evaluator.value.tokens[at]
    var place = program.pointers[Int(index)]
    // The schema `false` has no keyword.
    if !keyword.isEmpty, code != .forbidden { place += "/" + keyword }
    if let step { place += "/" + SchemaIndex.escaped(step) }
    violations.append(
      Violation(
        pointer: pointer(anyItem: false), field: pointer(anyItem: true),
        offset: Int(token.offset) - (token.kind == .string ? 1 : 0),
        keyword: keyword, schemaPointer: SchemaText.cut(place, to: SchemaLimits.pointerBytes),
        code: code, message: message, expected: expected, actualType: actualType,
        actualLength: actualLength, suggestion: suggestion, branch: branches.last, node: index))
  }

  /// Adds a violation that was made up; the last of too many is left out.
  mutating func add(_ violation: Violation) {
    if hasRoom() { violations.append(violation) }
  }

  private mutating func hasRoom() -> Bool {
    if violations.count < limit { return true }
    truncated = true
    return false
  }

  /// Explains by the branch of a union that was taken to be meant.
  @_lifetime(self: copy self)
  mutating func explainMeant(_ schema: UInt32, _ at: Int, because reason: String) {
    let pointer = SchemaText.cut(program.pointers[Int(schema)], to: SchemaLimits.pointerBytes)
    branches.append(UnionBranch(schemaPointer: pointer, reason: reason))
    explain(schema, at)
    branches.removeLast()
  }

  /// The violations of a schema, which are not kept.
  @_lifetime(self: copy self)
  mutating func rehearse(_ schema: UInt32, _ at: Int, upTo most: Int) -> [Violation] {
    let kept = violations
    let wasTruncated = truncated
    let keptLimit = limit
    violations = []
    limit = most
    explain(schema, at)
    defer {
      violations = kept
      truncated = wasTruncated
      limit = keptLimit
    }
    return violations
  }

  private func typeName(_ token: JSONToken) -> String {
    switch token.kind {
    case .null: "null"
    case .true, .false: "boolean"
    case .number: evaluator.acceptsNumberKind(.integer, token) ? "integer" : "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  private mutating func length(_ at: Int) -> Int? {
    let token = evaluator.value.tokens[at]
    switch token.kind {
    case .string:
      guard token.length <= 1024 || affords(Int(token.length) >> (token.isEscaped ? 2 : 5)) else {
        return nil
      }
      return token.isEscaped
        ? Evaluator.codePoints(evaluator.value.unescaped(token).span)
        : Evaluator.codePoints(evaluator.value.text(token))
    case .array, .object:
      guard token.extent <= 256 || affords(Int(token.extent) >> 2) else { return nil }
      let end = at + Int(token.extent)
      var child = at + 1
      var count = 0
      while child < end {
        count += 1
        if token.kind == .object { child += 1 }
        child += Int(evaluator.value.tokens[child].extent)
      }
      return count
    default: return nil
    }
  }
}

extension TypeSet {
  /// The names of the kinds, as `type` has them.
  var names: [String] {
    var names: [String] = []
    if contains(.null) { names.append("null") }
    if contains(.boolean) { names.append("boolean") }
    if contains(.number) {
      names.append("number")
    } else if contains(.integer) {
      names.append("integer")
    }
    if contains(.string) { names.append("string") }
    if contains(.array) { names.append("array") }
    if contains(.object) { names.append("object") }
    return names
  }
}
