import Bytes
import JSONText

// Constants, references and unions.
extension Explainer {
  @_lifetime(self: copy self)
  mutating func explainBranch(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    if isDone { return }
    switch branch.operation {
    case .constant, .enumeration, .words:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        reportConstant(branch, index, at)
      }
    case .reference: explain(branch.first, at)
    case .all:
      for offset in 0..<Int(branch.second) {
        explain(program.lists[Int(branch.first) + offset], at)
      }
    case .any, .one, .chosenAny, .chosenOne:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        explainUnion(branch, index, at)
      }
    case .negation:
      if !evaluator.acceptsBranch(branch, at), evaluator.halt == nil {
        report(
          index, at, keyword: "not", code: "not", "must not match the schema that is excluded")
      }
    case .condition:
      let holds = evaluator.accepts(branch.first, at)
      explain(holds ? branch.second : branch.third, at)
    case .unevaluatedProperties, .unevaluatedItems:
      explainUnevaluated(branch, index, at)
    }
  }

  private mutating func reportConstant(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isWords = branch.operation == .words
    let token = Int(isWords ? branch.third : branch.first)
    let isConstant =
      branch.operation == .constant
      || (isWords && branch.second & ProgramBranch.isConstant != 0)
    report(
      index, at, keyword: isConstant ? "const" : "enum", code: isConstant ? "const" : "enum",
      isConstant ? "must be the one allowed value" : "must be one of the allowed values",
      expected: constant(token),
      suggestion: isWords ? closestWord(program.tables[Int(branch.first)], at) : nil)
  }

  /// The allowed word closest to the string at token `at`.
  private func closestWord(_ table: NameTable, _ at: Int) -> String? {
    guard evaluator.value.tokens[at].kind == .string else { return nil }
    return Suggestion.closest(
      to: nameBytes(at), among: declared(table).map { program.nameBytes(ofSlot: $0) })
  }

  // MARK: - Unions

  /// Explains by the branch that was most likely meant, or says that none fits.
  @_lifetime(self: copy self)
  private mutating func explainUnion(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isOne = branch.operation == .one || branch.operation == .chosenOne
    let keyword = isOne ? "oneOf" : "anyOf"
    let schemas = (0..<Int(branch.second)).map { program.lists[Int(branch.first) + $0] }
    if branch.third != ProgramNode.none {
      explainChosen(program.discriminators[Int(branch.third)], schemas, index, at, keyword)
      return
    }
    if isOne {
      var accepting: [Int] = []
      for (position, schema) in schemas.enumerated() where evaluator.accepts(schema, at) {
        accepting.append(position)
      }
      if accepting.count > 1 {
        let list = accepting.map(String.init).joined(separator: ", ")
        report(
          index, at, keyword: keyword, code: "union.many",
          "must match exactly one alternative, but matches \(list)")
        return
      }
    }
    guard evaluator.halt == nil else { return }
    if let meant = likeliest(schemas, at) {
      adopt(meant)
      return
    }
    let types = schemas.reduce(into: TypeSet()) { $0.formUnion(program.nodes[Int($1)].types) }
    guard takesKind(types, evaluator.value.tokens[at]) else {
      let names = types.names
      report(
        index, at, keyword: keyword, code: "type", "must be " + names.joined(separator: " or "),
        expected: SchemaText.array(names.map(SchemaText.quoted)))
      return
    }
    report(
      index, at, keyword: keyword, code: "union.none",
      "must match one of \(schemas.count) alternatives")
  }

  /// The discriminator says which branch was meant, or is itself what is wrong.
  @_lifetime(self: copy self)
  private mutating func explainChosen(
    _ discriminator: Discriminator, _ schemas: [UInt32], _ index: UInt32, _ at: Int,
    _ keyword: String
  ) {
    if let chosen = evaluator.chosen(discriminator, at) {
      explain(chosen, at)
      return
    }
    guard evaluator.value.tokens[at].kind == .object else {
      report(
        index, at, keyword: keyword, code: "type", "must be object",
        expected: SchemaText.quoted("object"))
      return
    }
    guard let member = evaluator.member(in: at, named: discriminator.member) else {
      let slot = declared(discriminator.member)[0]
      reportMissing(index, program.name(ofSlot: slot), keyword: keyword)
      return
    }
    let words = declared(discriminator.values).map { program.nameBytes(ofSlot: $0) }
    let list = SchemaText.array(
      words.map { SchemaText.quoted(String(decoding: $0, as: UTF8.self)) })
    reportMember(
      index, member - 1, keyword: keyword, code: "union.unknown",
      "must name one of \(schemas.count) alternatives",
      expected: list.count <= SchemaLimits.expectedBytes ? list : nil,
      suggestion: evaluator.value.tokens[member].kind == .string
        ? Suggestion.closest(to: nameBytes(member), among: words) : nil)
  }

  /// The violations of the one branch that fits best: of the value's kind, most of its fixed
  /// members right, fewest violations. Nil where several fit equally well.
  @_lifetime(self: copy self)
  private mutating func likeliest(_ schemas: [UInt32], _ at: Int) -> [Violation]? {
    var best: (score: Int, violations: [Violation])?
    var isTied = false
    for schema in schemas.prefix(16) {
      guard takesKind(program.nodes[Int(schema)].types, evaluator.value.tokens[at]) else {
        continue
      }
      let violations = rehearse(schema, at, upTo: 8)
      guard evaluator.halt == nil, !violations.isEmpty else { return nil }
      let score = 100 * fixedMembers(schema, at) - violations.count
      if let known = best, score <= known.score {
        if score == known.score { isTied = true }
        continue
      }
      best = (score, violations)
      isTied = false
    }
    return isTied ? nil : best?.violations
  }

  /// How many members of the object have the constant or one of the words that the schema fixes for
  /// them, less those that have not.
  @_lifetime(self: copy self)
  private mutating func fixedMembers(_ schema: UInt32, _ at: Int) -> Int {
    let node = program.nodes[Int(schema)]
    guard node.object != ProgramNode.none, evaluator.value.tokens[at].kind == .object else {
      return 0
    }
    let table = program.objects[Int(node.object)].table
    let end = at + Int(evaluator.value.tokens[at].extent)
    var key = at + 1
    var score = 0
    while key < end, evaluator.spend(1) {
      if let slot = evaluator.find(key, in: table), program.slots[slot].schema != ProgramNode.none {
        let member = program.nodes[Int(program.slots[slot].schema)]
        for offset in 0..<Int(member.branchCount) {
          let branch = program.branches[Int(member.firstBranch) + offset]
          guard branch.operation == .words || branch.operation == .constant else { continue }
          score += evaluator.acceptsBranch(branch, key + 1) ? 1 : -1
        }
      }
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    return score
  }
}
