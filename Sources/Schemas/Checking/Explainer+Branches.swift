import Bytes
import JSONText

// Constants, references and unions.
extension Explainer {
  @_lifetime(self: copy self)
  mutating func explainBranch(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    if isDone { return }
    switch branch.operation {
    case .constant, .enumeration, .indexed, .words:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        reportConstant(branch, index, at)
      }
    case .content:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        reportContent(branch, index, at)
      }
    case .reference: explain(branch.first, at)
    case .all: explainAll(branch.range, at)
    case .chosenAll:
      let selection = program.selections[Int(branch.third)]
      explainAll(evaluator.chosen(selection, at), at)
      explainAll(selection.rest, at)
    case .any, .one, .chosenAny, .chosenOne:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        explainUnion(branch, index, at)
      }
    case .negation:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        report(
          index, at, keyword: "not", code: .negation, "must not match the schema that is excluded")
      }
    case .condition:
      let holds = evaluator.accepts(branch.first, at)
      explain(holds ? branch.second : branch.third, at)
    case .unevaluatedProperties, .unevaluatedItems:
      explainUnevaluated(branch, index, at)
    }
  }

  private mutating func reportContent(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    guard let content = StringContent(rawValue: UInt8(branch.first)) else { return }
    report(
      index, at, keyword: content == .json ? "contentMediaType" : "contentEncoding",
      code: .content, "must hold " + content.phrase)
  }

  private mutating func reportConstant(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isWords = branch.operation == .words
    let token = Int(isWords ? branch.third : branch.first)
    let isConstant =
      branch.operation == .constant
      || (isWords && branch.second & ProgramBranch.isConstant != 0)
    let suggestion = isWords ? closestWord(program.tables[Int(branch.first)], at) : nil
    report(
      index, at, keyword: isConstant ? "const" : "enum",
      code: isConstant ? .constant : .enumeration,
      isConstant ? "must be the one allowed value" : "must be one of the allowed values",
      expected: constant(token),
      suggestion: suggestion)
  }

  /// The allowed word closest to the string at token `at`.
  private mutating func closestWord(_ table: NameTable, _ at: Int) -> String? {
    guard evaluator.value.tokens[at].kind == .string else { return nil }
    return closest(to: at, among: declared(table))
  }

  @_lifetime(self: copy self)
  private mutating func explainAll(_ range: NodeRange, _ at: Int) {
    for offset in 0..<Int(range.count) where !isDone {
      explain(program.lists[Int(range.first) + offset], at)
    }
  }

  // MARK: - Unions

  /// Explains by the branch that was most likely meant, or says that none fits.
  @_lifetime(self: copy self)
  private mutating func explainUnion(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isOne = branch.operation == .one || branch.operation == .chosenOne
    let keyword = isOne ? "oneOf" : "anyOf"
    var named: Set<UInt32>?
    if branch.third != ProgramNode.none {
      let selection = program.selections[Int(branch.third)]
      let chosen = nodes(evaluator.chosen(selection, at))
      let rest = nodes(selection.rest).filter { canTake($0, at) }
      guard evaluator.halt == nil else { return }
      if rest.isEmpty, chosen.count <= 1 {
        if let meant = chosen.first {
          explainMeant(meant, at, because: reason(selection, at))
        } else {
          explainUnknown(selection, of: Int(branch.second), index, at, keyword)
        }
        return
      }
      named = Set(chosen + rest)
    }
    guard evaluator.spend(2 * Int(branch.second)) else { return }
    let all = nodes(branch.range)
    let schemas = named.map { named in all.filter { named.contains($0) }[...] } ?? all
    if isOne {
      var accepting: [Int] = []
      for (position, schema) in all.enumerated()
      where accepting.count <= Self.toldPositions && named?.contains(schema) != false
        && evaluator.accepts(schema, at)
      {
        accepting.append(position)
      }
      guard evaluator.halt == nil else { return }
      if accepting.count > 1 {
        let list =
          accepting.prefix(Self.toldPositions).map(String.init).joined(separator: ", ")
          + (accepting.count > Self.toldPositions ? ", …" : "")
        report(
          index, at, keyword: keyword, code: .unionMany,
          "must match exactly one alternative, but matches \(list)")
        return
      }
    }
    guard evaluator.halt == nil else { return }
    if let meant = likeliest(schemas, at) {
      explainMeant(meant, at, because: "it fits best of \(all.count) alternatives")
      return
    }
    let types = schemas.reduce(into: TypeSet()) { $0.formUnion(program.nodes[Int($1)].types) }
    guard takesKind(types, evaluator.value.tokens[at]) else {
      let names = types.names
      report(
        index, at, keyword: keyword, code: .type, "must be " + names.joined(separator: " or "),
        expected: SchemaText.array(names.map(SchemaText.quoted)))
      return
    }
    report(
      index, at, keyword: keyword, code: .unionNone,
      "must match one of \(all.count) alternatives")
  }

  /// Positions that are told of a value that keeps too many alternatives.
  private static let toldPositions = 16

  private func nodes(_ range: NodeRange) -> ArraySlice<UInt32> {
    program.lists[Int(range.first)..<Int(range.first + range.count)]
  }

  private func canTake(_ schema: UInt32, _ at: Int) -> Bool {
    takesKind(program.nodes[Int(schema)].types, evaluator.value.tokens[at])
  }

  /// No branch takes what tells them apart: that is what is wrong.
  @_lifetime(self: copy self)
  private mutating func explainUnknown(
    _ selection: Selection, of count: Int, _ index: UInt32, _ at: Int, _ keyword: String
  ) {
    let slots = declared(selection.values.strings)
    let expected = list(slots, selection.values)
    guard !selection.path.isEmpty else {
      report(
        index, at, keyword: keyword, code: .unionNone,
        "must be a value of one of \(count) alternatives", expected: expected,
        suggestion: closestWord(selection.values.strings, at))
      return
    }
    let depth = path.count
    defer { path.removeLast(path.count - depth) }
    var place = at
    for table in names(selection.path) {
      guard evaluator.value.tokens[place].kind == .object else {
        report(
          index, place, keyword: keyword, code: .type, "must be object",
          expected: SchemaText.quoted("object"))
        return
      }
      guard let member = evaluator.member(in: place, named: table) else {
        reportMissing(
          index, place, soleName(table), keyword: keyword,
          "is required: it tells the \(count) alternatives apart", expected: expected)
        return
      }
      path.append(.member(member - 1))
      place = member
    }
    let suggestion =
      evaluator.value.tokens[place].kind == .string ? closest(to: place, among: slots) : nil
    report(
      index, place, keyword: keyword, code: .unionUnknown,
      "must name one of \(count) alternatives", expected: expected, suggestion: suggestion)
  }

  /// The tables of a path's names.
  private func names(_ path: NodeRange) -> ArraySlice<NameTable> {
    program.tables[Int(path.first)..<Int(path.first + path.count)]
  }

  /// The words in these slots, and the other values of their table, as JSON text, where that is
  /// short enough to be told.
  private mutating func list(_ slots: [Int], _ table: ValueTable) -> ByteSlice? {
    let tokens = declaredValues(table)
    let count = slots.count + tokens.count
    guard count > 0, count <= SchemaLimits.expectedBytes / 2 else { return nil }
    let list = SchemaText.array(
      slots.map { SchemaText.quoted(program.name(ofSlot: $0)) }
        + tokens.map { program.constants.node(at: $0).raw })
    return list.count <= SchemaLimits.expectedBytes ? list : nil
  }

  /// "'kind' is 'card'": both are words of the schema; of a path "'meta/kind' is 'card'".
  @_lifetime(self: copy self)
  private mutating func reason(_ selection: Selection, _ at: Int) -> String {
    let name = names(selection.path).map { soleName($0) }.joined(separator: "/")
    let what = selection.path.isEmpty ? "it" : "'\(SchemaText.cut(name, to: 64))'"
    guard let told = evaluator.end(of: selection.path, at) else {
      return "no other alternative takes it"
    }
    guard evaluator.value.tokens[told].kind == .string,
      let slot = slot(of: told, in: selection.values.strings)
    else { return "\(what) says so" }
    return "\(what) is '\(SchemaText.cut(program.name(ofSlot: slot), to: 64))'"
  }

  /// The one branch that fits best: of the value's kind, most of its fixed members right, most of
  /// its members there, fewest violations. Nil where several fit equally well.
  @_lifetime(self: copy self)
  private mutating func likeliest(_ schemas: ArraySlice<UInt32>, _ at: Int) -> UInt32? {
    var best: (score: Int, schema: UInt32)?
    var isTied = false
    for schema in schemas.prefix(16) {
      guard canTake(schema, at) else { continue }
      let violations = rehearse(schema, at, upTo: 8)
      guard evaluator.halt == nil, !violations.isEmpty else { return nil }
      let score = likeness(schema, at) - violations.count
      if let known = best, score <= known.score {
        if score == known.score { isTied = true }
        continue
      }
      best = (score, schema)
      isTied = false
    }
    return isTied ? nil : best?.schema
  }

  /// How much of the object the schema knows: three for each member that it names, a hundred for
  /// each that has the constant or one of the words that it fixes, less as many for those that have
  /// not.
  @_lifetime(self: copy self)
  private mutating func likeness(_ schema: UInt32, _ at: Int) -> Int {
    let node = program.nodes[Int(schema)]
    guard node.object != ProgramNode.none, evaluator.value.tokens[at].kind == .object else {
      return 0
    }
    let table = program.objects[Int(node.object)].table
    let end = at + Int(evaluator.value.tokens[at].extent)
    var key = at + 1
    var score = 0
    while key < end, evaluator.spend(1) {
      let slot = slot(of: key, in: table)
      if slot != nil { score += 3 }
      if let slot, program.slots[slot].schema != ProgramNode.none {
        let member = program.nodes[Int(program.slots[slot].schema)]
        for offset in 0..<Int(member.branchCount) {
          let branch = program.branches[Int(member.firstBranch) + offset]
          guard branch.operation.namesValues else { continue }
          score += evaluator.acceptsBranch(branch, key + 1) ? 100 : -100
        }
      }
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    return score
  }
}
