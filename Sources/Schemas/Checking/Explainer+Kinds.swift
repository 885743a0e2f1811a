import Bytes
import JSONText

// Strings, numbers, objects and arrays.
extension Explainer {
  @_lifetime(self: copy self)
  mutating func explainString(_ rule: StringRule, _ index: UInt32, _ at: Int) {
    let token = evaluator.value.tokens[at]
    guard evaluator.spend(Int(token.length) >> (token.isEscaped ? 0 : 4)) else { return }
    if token.isEscaped {
      explain(evaluator.value.unescaped(token).span, rule, index, at)
    } else {
      explain(evaluator.value.text(token), rule, index, at)
    }
  }

  /// Explains what is wrong with a text, whose escapes are undone.
  @_lifetime(self: copy self)
  private mutating func explain(
    _ text: Span<UInt8>, _ rule: StringRule, _ index: UInt32, _ at: Int
  ) {
    let length = Evaluator.codePoints(text)
    if length < rule.minimum {
      let phrase = SchemaText.counted(Int(rule.minimum), "character")
      reportLeast(
        rule.minimum, index, at, "minLength", .tooShort, "must be at least \(phrase) long")
    }
    if length > rule.maximum {
      let phrase = SchemaText.counted(Int(rule.maximum), "character")
      report(
        index, at, keyword: "maxLength", code: .tooLong,
        "must be at most \(phrase) long", expected: SchemaText.integer(Int(rule.maximum)))
    }
    if let format = rule.format, evaluator.spend(format.cost(text)), !format.accepts(text) {
      report(
        index, at, keyword: "format", code: .format(format), "must be " + format.phrase,
        expected: SchemaText.quoted(format.name))
    }
    if rule.pattern != ProgramNode.none, !evaluator.matches(rule.pattern, text) {
      let isLimit = isLimit(rule.pattern, text.count)
      // Where the fuel of the explanation ended, nothing is known of the text.
      guard isLimit || evaluator.halt == nil else { return }
      let source = program.patterns[Int(rule.pattern)].source
      report(
        index, at, keyword: "pattern", code: isLimit ? .patternLimit : .pattern,
        isLimit ? "cannot be matched within the limits of patterns" : "must match the pattern",
        expected: SchemaText.quoted(SchemaText.cut(source, to: SchemaLimits.expectedBytes)))
    }
  }

  /// Reports a count below its bound. Bounds beyond all that is counted are kept as the greatest
  /// count, which is not what the schema says.
  private mutating func reportLeast(
    _ bound: UInt32, _ index: UInt32, _ at: Int, _ keyword: String, _ code: ViolationCode,
    _ message: String
  ) {
    let isCounted = bound < UInt32(Int32.max)
    report(
      index, at, keyword: keyword, code: code,
      isCounted ? message : "can never be enough: the bound is beyond what any payload holds",
      expected: isCounted ? SchemaText.integer(Int(bound)) : nil)
  }

  mutating func explainNumber(_ rule: NumberRule, _ index: UInt32, _ at: Int) {
    let token = evaluator.value.tokens[at]
    guard evaluator.spend(evaluator.numberCost(token)), let number = evaluator.value.number(token)
    else { return }
    if let bound = evaluator.bound(rule.minimum), number < bound {
      reportBound(rule.minimum, index, at, "minimum", .tooSmall, "must be at least")
    }
    if let bound = evaluator.bound(rule.exclusiveMinimum), number <= bound {
      reportBound(
        rule.exclusiveMinimum, index, at, "exclusiveMinimum", .tooSmall,
        "must be greater than")
    }
    if let bound = evaluator.bound(rule.maximum), number > bound {
      reportBound(rule.maximum, index, at, "maximum", .tooLarge, "must be at most")
    }
    if let bound = evaluator.bound(rule.exclusiveMaximum), number >= bound {
      reportBound(
        rule.exclusiveMaximum, index, at, "exclusiveMaximum", .tooLarge,
        "must be less than")
    }
    if let divisor = evaluator.bound(rule.multipleOf),
      evaluator.spend(number.divisionCost(by: divisor)), !number.isMultiple(of: divisor)
    {
      reportBound(
        rule.multipleOf, index, at, "multipleOf", .multiple, "must be a multiple of")
    }
  }

  private mutating func reportBound(
    _ bound: UInt32, _ index: UInt32, _ at: Int, _ keyword: String,
    _ code: ViolationCode,
    _ phrase: String
  ) {
    let lexeme = constant(Int(bound))
    report(
      index, at, keyword: keyword, code: code, phrase + " " + (lexeme?.text ?? "the bound"),
      expected: lexeme)
  }

  /// The schema's own text of the value at a token, where it is short.
  func constant(_ at: Int) -> ByteSlice? {
    let text = program.constants.node(at: at).raw
    return text.count <= SchemaLimits.expectedBytes ? text : nil
  }

  // MARK: - Objects

  @_lifetime(self: copy self)
  mutating func explainObject(_ rule: ObjectRule, _ index: UInt32, _ at: Int) {
    let end = at + Int(evaluator.value.tokens[at].extent)
    var key = at + 1
    var members = 0
    var seen: Set<Int> = []
    while key < end, !isDone, evaluator.spend(3) {
      members += 1
      let slot = slot(of: key, in: rule.table)
      guard !isDone else { return }
      if let slot { seen.insert(slot) }
      explainMember(rule, slot, index, at, key)
      key += 1 + Int(evaluator.value.tokens[key + 1].extent)
    }
    guard !isDone else { return }
    for slot in missing(rule, seen) {
      if program.slots[slot].required == 1 {
        reportMissing(index, at, program.name(ofSlot: slot), keyword: "required")
      }
    }
    if members < rule.minimum {
      let phrase = SchemaText.counted(Int(rule.minimum), "property", plural: "properties")
      reportLeast(
        rule.minimum, index, at, "minProperties", .tooFewProperties,
        "must have at least \(phrase)")
    }
    if members > rule.maximum {
      let phrase = SchemaText.counted(Int(rule.maximum), "property", plural: "properties")
      report(
        index, at, keyword: "maxProperties", code: .tooManyProperties,
        "must have at most \(phrase)", expected: SchemaText.integer(Int(rule.maximum)))
    }
    explainDependencies(rule, index, at)
  }

  @_lifetime(self: copy self)
  private mutating func explainMember(
    _ rule: ObjectRule, _ slot: Int?, _ index: UInt32, _ at: Int, _ key: Int
  ) {
    var isKnown = false
    if let slot, program.slots[slot].schema != ProgramNode.none {
      isKnown = true
      explainMember(program.slots[slot].schema, key)
    }
    for offset in 0..<Int(rule.patternCount) {
      let pattern = program.patternRules[Int(rule.firstPattern) + offset]
      if evaluator.nameMatches(pattern.pattern, key) {
        isKnown = true
        explainMember(pattern.schema, key)
      } else if evaluator.halt == .patternLimit,
        isLimit(pattern.pattern, nameBytes(key).count)
      {
        reportMember(
          index, key, keyword: "patternProperties", code: .patternLimit,
          "has a name that cannot be matched within the limits of patterns")
        return
      }
    }
    if !isKnown, rule.isClosed {
      let candidates = violations.count < 4 ? declared(rule.table).prefix(64) : []
      let suggestion = closest(to: key, among: absent(Array(candidates), in: at))
      reportMember(
        index, key, keyword: "additionalProperties", code: .unknownProperty,
        "is not a known property", suggestion: suggestion)
    } else if !isKnown {
      explainMember(rule.additional, key)
    }
    if !evaluator.accepts(rule.names, key), evaluator.halt == nil {
      explainName(rule.names, index, key)
    }
  }

  /// The slot of the name or word at token `at` in a table, or nil.
  @_lifetime(self: copy self)
  mutating func slot(of at: Int, in table: NameTable) -> Int? {
    evaluator.find(at, in: table).map { Int($0) }
  }

  /// The slots of required names that were not seen, in the order of the schema.
  private mutating func missing(_ rule: ObjectRule, _ seen: Set<Int>) -> [Int] {
    let found = seen.reduce(into: UInt32(0)) { $0 += program.slots[$1].required }
    guard found < rule.requiredCount else { return [] }
    return declared(rule.table).filter { program.slots[$0].required == 1 && !seen.contains($0) }
  }

  @_lifetime(self: copy self)
  private mutating func explainDependencies(_ rule: ObjectRule, _ index: UInt32, _ at: Int) {
    for offset in 0..<Int(rule.dependencyCount) {
      let dependency = program.dependencies[Int(rule.firstDependency) + offset]
      guard evaluator.member(in: at, named: dependency.trigger) != nil else { continue }
      if dependency.schema != ProgramNode.none {
        explain(dependency.schema, at)
        continue
      }
      let trigger = soleName(dependency.trigger)
      for slot in absent(declared(dependency.required), in: at) {
        reportMissing(
          index, at, program.name(ofSlot: slot),
          keyword: dependency.isPlain ? "dependencies" : "dependentRequired", below: trigger,
          "is required where '\(SchemaText.cut(trigger, to: 64))' is")
      }
    }
  }

  // MARK: - Arrays

  @_lifetime(self: copy self)
  mutating func explainArray(_ rule: ArrayRule, _ index: UInt32, _ at: Int) {
    let end = at + Int(evaluator.value.tokens[at].extent)
    var item = at + 1
    var items = 0
    var contained = 0
    while item < end, !isDone, evaluator.spend(1) {
      let schema =
        items < rule.prefixCount
        ? program.lists[Int(rule.firstPrefix) + items] : rule.rest
      explainItem(schema, items, item)
      if rule.contains != ProgramNode.none, evaluator.accepts(rule.contains, item) {
        contained += 1
      }
      items += 1
      item += Int(evaluator.value.tokens[item].extent)
    }
    guard !isDone else { return }
    if items < rule.minimum {
      reportLeast(
        rule.minimum, index, at, "minItems", .tooFewItems,
        "must have at least \(SchemaText.counted(Int(rule.minimum), "item"))")
    }
    if items > rule.maximum {
      report(
        index, at, keyword: "maxItems", code: .tooManyItems,
        "must have at most \(SchemaText.counted(Int(rule.maximum), "item"))",
        expected: SchemaText.integer(Int(rule.maximum)))
    }
    if rule.contains != ProgramNode.none {
      explainContains(rule, index, at, items: items, contained: contained)
    }
    if rule.unique, items > 1 { explainUniqueness(index, at, items) }
  }

  @_lifetime(self: copy self)
  private mutating func explainContains(
    _ rule: ArrayRule, _ index: UInt32, _ at: Int, items: Int, contained: Int
  ) {
    if contained < rule.minimumContains {
      let nearest = nearestItem(to: rule.contains, at, among: min(items, 16))
      reportLeast(
        rule.minimumContains, index, at,
        rule.minimumContains == 1 ? "contains" : "minContains", .contains,
        "must have at least \(rule.minimumContains) of the items that the schema asks for"
          + (nearest ?? ""))
    }
    if contained > rule.maximumContains {
      report(
        index, at, keyword: "maxContains", code: .contains,
        "must have at most \(rule.maximumContains) of the items that the schema limits",
        expected: SchemaText.integer(Int(rule.maximumContains)))
    }
  }

  @_lifetime(self: copy self)
  private mutating func explainUniqueness(_ index: UInt32, _ at: Int, _ items: Int) {
    guard case .equal(let first, let second) = evaluator.equalItems(at, count: items) else {
      return
    }
    report(
      index, at, keyword: "uniqueItems", code: .duplicate,
      "must not have equal items; items \(first) and \(second) are")
  }
}

extension SchemaProgram {
  func nameBytes(ofSlot slot: Int) -> [UInt8] {
    let start = Int(slots[slot].nameOffset)
    return Array(names[start..<(start + Int(slots[slot].length))])
  }

  func name(ofSlot slot: Int) -> String {
    String(decoding: nameBytes(ofSlot: slot), as: UTF8.self)
  }
}
