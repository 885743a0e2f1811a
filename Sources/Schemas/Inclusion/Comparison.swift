import Bytes
import JSONText

/// One comparison of two schemas: the search for a value that the writer takes and the reader
/// refuses, each find held against the engine.
struct Comparison {
  private let writer: CompiledSchema
  private let reader: CompiledSchema
  private let pair: SchemaPair
  private let policy: EvolutionPolicy
  private let scratch = SchemaScratch()

  /// Steps that explaining a counterexample counts as.
  private static let explanationSteps = 1_000
  /// Counterexamples of one kind that are explained one after the other without a new reason.
  private static let mostIdle = 64

  /// The answer, within `fuel`, from which what it took is subtracted; unknown without any.
  static func verdict(
    writer: CompiledSchema, reader: CompiledSchema, policy: EvolutionPolicy, _ fuel: inout Int
  ) -> SchemaInclusion.Verdict {
    guard fuel > 0 else { return .unknown(reasons: [tooMuch]) }
    return Comparison(writer: writer, reader: reader, policy: policy).verdict(&fuel)
  }

  private init(writer: CompiledSchema, reader: CompiledSchema, policy: EvolutionPolicy) {
    self.writer = writer
    self.reader = reader
    self.policy = policy
    pair = SchemaPair(writer: writer.graph, reader: reader.graph)
  }

  private func verdict(_ fuel: inout Int) -> SchemaInclusion.Verdict {
    let classes = SchemaClasses(pair, fuel: &fuel)
    guard fuel > 0 else { return .unknown(reasons: [Self.tooMuch]) }
    if policy == .evolution {
      let closed = InclusionSearch(pair, classes, closing: true, fuel: fuel)
      let takesNothing = closed.values([Literal(.writer, 0, isKept: true)]).isEmpty
      fuel = max(0, closed.fuel)
      // A writer that takes nothing when its objects are closed means other members as well.
      if !takesNothing { return verdict(closed, &fuel) }
    }
    return verdict(InclusionSearch(pair, classes, closing: false, fuel: fuel), &fuel)
  }

  private func verdict(_ search: InclusionSearch, _ fuel: inout Int) -> SchemaInclusion.Verdict {
    let given = max(0, search.fuel)
    var kept = 0
    defer { fuel = max(0, fuel - (given - max(0, search.fuel) - kept)) }
    let goal = [Literal(.writer, 0, isKept: true), Literal(.reader, 0, isKept: false)]
    var reasons: [Incompatibility] = []
    var counterexample: ByteSlice?
    var undecided: [Incompatibility] = []
    var isComplete = true
    var trace: SchemaTrace?
    for kind in [ValueKind.object, .array, .string, .integer, .fractional, .boolean, .null] {
      var idle = 0
      search.explore(Case(kind, goal: goal)) { leaf in
        let found = search.values(of: leaf, 3)
        if found.isEmpty { return true }
        let texts = found.values.lazy.map(\.text)
        guard let text = texts.first(where: { isConfirmed($0, search) }) else {
          note(self.undecided(leaf), in: &undecided)
          return true
        }
        if counterexample == nil {
          counterexample = text
          kept = search.limitFuel(to: given / 10)
        } else if !search.spend(Self.explanationSteps) {
          return false
        }
        let before = reasons.count
        explain(text, &trace, into: &reasons)
        idle = reasons.count > before ? 0 : idle + 1
        return reasons.count < SchemaLimits.incompatibilities && idle < Self.mostIdle
      } orElse: {
        isComplete = false
      }
      if reasons.count >= SchemaLimits.incompatibilities { break }
    }
    if let counterexample { return .excluded(reasons: reasons, counterexample: counterexample) }
    if undecided.isEmpty, isComplete, search.fuel >= 0 { return .included }
    return .unknown(reasons: undecided.isEmpty ? [Self.tooMuch] : undecided)
  }

  private static var tooMuch: Incompatibility {
    let root = Incompatibility.Place(pointer: "#")
    return Incompatibility(
      rule: "undecided", message: "is too much to compare within the budget", writer: root,
      reader: root)
  }

  private func note(_ reason: Incompatibility, in reasons: inout [Incompatibility]) {
    if isNew(reason.rule, at: reason.reader, in: reasons) { reasons.append(reason) }
  }

  private func isNew(
    _ rule: String, at reader: Incompatibility.Place, in reasons: [Incompatibility]
  ) -> Bool {
    guard reasons.count < SchemaLimits.incompatibilities else { return false }
    return !reasons.contains { $0.rule == rule && $0.reader == reader }
  }

  /// Whether the engine takes the text by the writer's schema and refuses it by the reader's.
  private func isConfirmed(_ text: ByteSlice, _ search: InclusionSearch) -> Bool {
    _ = search.spend(text.count / 256)
    do throws(JSONFault) {
      try scratch.parser.parse(text)
    } catch {
      return false
    }
    return outcome(writer, search) == .valid && outcome(reader, search) == .invalid
  }

  /// What the engine says of the text that was parsed last. What that took is paid for; an answer
  /// stands also where it took the last of the fuel.
  private func outcome(_ schema: CompiledSchema, _ search: InclusionSearch) -> CheckResult {
    let result = schema.accepts(scratch.parser, scratch)
    _ = search.spend(1 + scratch.fuelUsed / Judge.unitsPerStep)
    return result
  }

  // MARK: - Reasons

  /// Notes why the reader refuses a confirmed text.
  ///
  /// - Parameter trace: the writer's, made for the first new reason: it reads the whole text.
  private func explain(
    _ text: ByteSlice, _ trace: inout SchemaTrace?, into reasons: inout [Incompatibility]
  ) {
    guard (try? scratch.parser.parse(text)) != nil else { return }
    for violation in reader.explain(scratch.parser, scratch).violations {
      // The schema `false` refuses without a keyword that stands in it.
      let isFalse = violation.keyword.isEmpty || violation.code == .forbidden
      let rule = isFalse ? "false" : violation.keyword
      let place = Incompatibility.Place(
        pointer: violation.schemaPointer, keyword: isFalse ? nil : violation.keyword)
      guard isNew(rule, at: place, in: reasons) else { continue }
      let known = trace ?? SchemaTrace(writer)
      trace = known
      reasons.append(
        Incompatibility(
          rule: rule, message: violation.message, instance: violation.pointer,
          writer: known.place(of: violation.pointer, keyword: isFalse ? "" : violation.keyword),
          reader: place))
    }
  }

  private func undecided(_ leaf: Case) -> Incompatibility {
    let place = leaf.place.flatMap { $0.literal.side == .reader ? $0 : nil }
    let pointer = place.map { pair[$0.literal].pointer } ?? "#"
    let keyword = place?.keyword
    return Incompatibility(
      rule: "undecided",
      message: "may refuse what the writer takes, or may not: this is not decided",
      writer: .init(pointer: "#"),
      reader: .cut(keyword.map { pointer + "/" + $0 } ?? pointer, keyword: keyword))
  }
}

extension Incompatibility.Place {
  /// A place whose pointer has at most `SchemaLimits.pointerBytes` bytes, as those in violations.
  static func cut(_ pointer: String, keyword: String? = nil) -> Self {
    Self(pointer: SchemaText.cut(pointer, to: SchemaLimits.pointerBytes), keyword: keyword)
  }
}

/// Finds the place in a schema that speaks of a place in a value.
struct SchemaTrace {
  let nodes: [GraphNode]
  private let document: JSONNode?
  let judge = Judge()

  /// Schemas that are asked for a keyword of their own: each is looked up in the text.
  private static let mostAsked = 1_024

  init(_ schema: CompiledSchema) {
    nodes = schema.graph
    document = try? JSONDocument(parsing: schema.source).root
  }

  /// Where the schema speaks of the value at `pointer`, by the same keyword if it can.
  func place(of pointer: String, keyword: String) -> Incompatibility.Place {
    var steps = JSONPointer(parsing: ByteSlice(utf8: pointer))?.tokens ?? []
    // A missing member is its object's matter.
    if keyword == "required" || keyword == "dependentRequired" { steps = Array(steps.dropLast()) }
    var here = inPlace([0])
    for step in steps {
      let next = inPlace(here.flatMap { children($0, step) })
      if next.isEmpty { break }
      here = next
    }
    for index in here.prefix(Self.mostAsked) where says(keyword, at: nodes[index].pointer) {
      return .cut(nodes[index].pointer + "/" + keyword, keyword: keyword)
    }
    return .cut(here.first.map { nodes[$0].pointer } ?? "#")
  }

  private func says(_ keyword: String, at pointer: String) -> Bool {
    guard let place = JSONPointer(parsing: ByteSlice(utf8: String(pointer.dropFirst()))),
      let node = document?.at(place)
    else { return false }
    return node[keyword] != nil
  }

  private func children(_ index: Int, _ step: ByteSlice) -> [Int] {
    var schemas = items(index, step)
    if let rule = nodes[index].object { schemas += judge.schemas(for: step, rule) ?? [] }
    if schemas.isEmpty {
      for case .unevaluatedProperties(let schema) in nodes[index].branches {
        schemas.append(schema)
      }
    }
    return schemas
  }

  /// The schema of an item of the value; none where the step is no place of one.
  private func items(_ index: Int, _ step: ByteSlice) -> [Int] {
    JSONPointer.index(step).map { items(index, at: $0) } ?? []
  }

  func items(_ index: Int, at position: Int) -> [Int] {
    guard let rule = nodes[index].array else { return [] }
    if position < rule.prefix.count { return [rule.prefix[position]] }
    return rule.rest.map { [$0] } ?? []
  }

  /// The schemas with all that apply to the same value.
  ///
  /// - Parameter withNegated: also those that a `not` has it break.
  func inPlace(_ start: [Int], withNegated: Bool = true) -> [Int] {
    var seen: Set<Int> = []
    var order: [Int] = []
    var waiting = Array(start.reversed())
    while let index = waiting.popLast() {
      guard seen.insert(index).inserted else { continue }
      order.append(index)
      var next = nodes[index].inPlace
      if !withNegated {
        for case .negation(let schema) in nodes[index].branches { next.removeAll { $0 == schema } }
      }
      waiting += next.reversed()
    }
    return order
  }
}
