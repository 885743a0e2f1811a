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

  // MARK: - Unions

  /// Explains by the branch that was most likely meant, or says that none fits.
  @_lifetime(self: copy self)
  private mutating func explainUnion(_ branch: ProgramBranch, _ index: UInt32, _ at: Int) {
    let isOne = branch.operation == .one || branch.operation == .chosenOne
    let keyword = isOne ? "oneOf" : "anyOf"
    guard evaluator.spend(2 * Int(branch.second)) else { return }
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
      guard evaluator.halt == nil else { return }
      if accepting.count > 1 {
        let list = accepting.map(String.init).joined(separator: ", ")
        report(
          index, at, keyword: keyword, code: .unionMany,
          "must match exactly one alternative, but matches \(list)")
        return
      }
    }
    guard evaluator.halt == nil else { return }
    if let meant = likeliest(schemas, at) {
      explainMeant(meant, at, because: "it fits best of \(schemas.count) alternatives")
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
      "must match one of \(schemas.count) alternatives")
  }

  /// The discriminator says which branch was meant, or is itself what is wrong.
  @_lifetime(self: copy self)
  private mutating func explainChosen(
    _ discriminator: Discriminator, _ schemas: [UInt32], _ index: UInt32, _ at: Int,
    _ keyword: String
  ) {
    if let chosen = evaluator.chosen(discriminator, at) {
      explainMeant(chosen, at, because: reason(discriminator, chosen, at))
      return
    }
    guard evaluator.value.tokens[at].kind == .object else {
      report(
        index, at, keyword: keyword, code: .type, "must be object",
        expected: SchemaText.quoted("object"))
      return
    }
    guard let member = evaluator.member(in: at, named: discriminator.member) else {
      reportMissing(
        index, at, soleName(discriminator.member), keyword: keyword,
        "is required: it tells the \(schemas.count) alternatives apart",
        expected: list(declared(discriminator.values)))
      return
    }
    let slots = declared(discriminator.values)
    let suggestion =
      evaluator.value.tokens[member].kind == .string ? closest(to: member, among: slots) : nil
    reportMember(
      index, member - 1, keyword: keyword, code: .unionUnknown,
      "must name one of \(schemas.count) alternatives", expected: list(slots),
      suggestion: suggestion)
  }

  /// The words in these slots as JSON text, where that is short enough to be told.
  private func list(_ slots: [Int]) -> ByteSlice? {
    guard !slots.isEmpty, slots.count <= SchemaLimits.expectedBytes / 3 else { return nil }
    let list = SchemaText.array(slots.map { SchemaText.quoted(program.name(ofSlot: $0)) })
    return list.count <= SchemaLimits.expectedBytes ? list : nil
  }

  /// "'kind' is 'card'": both are words of the schema.
  @_lifetime(self: copy self)
  private mutating func reason(
    _ discriminator: Discriminator, _ chosen: UInt32, _ at: Int
  ) -> String {
    let name = soleName(discriminator.member)
    guard let member = evaluator.member(in: at, named: discriminator.member),
      let slot = slot(of: member, in: discriminator.values)
    else { return "'\(SchemaText.cut(name, to: 64))' says so" }
    let word = program.name(ofSlot: slot)
    return "'\(SchemaText.cut(name, to: 64))' is '\(SchemaText.cut(word, to: 64))'"
  }

  /// The one branch that fits best: of the value's kind, most of its fixed members right, most of
  /// its members there, fewest violations. Nil where several fit equally well.
  @_lifetime(self: copy self)
  private mutating func likeliest(_ schemas: [UInt32], _ at: Int) -> UInt32? {
    var best: (score: Int, schema: UInt32)?
    var isTied = false
    for schema in schemas.prefix(16) {
      guard takesKind(program.nodes[Int(schema)].types, evaluator.value.tokens[at]) else {
        continue
      }
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
          guard branch.operation == .words || branch.operation == .constant else { continue }
          score += evaluator.acceptsBranch(branch, key + 1) ? 100 : -100
        }
      }
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    return score
  }
}
