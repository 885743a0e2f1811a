import Bytes
import JSONText

/// Looks for values that agree with a set of literals: a tableau over the two graphs, by kind of
/// value.
///
/// Whatever it cannot model it leaves out, which only lets more values pass: "there is none" is a
/// proof, "here is one" is a candidate that the engine has to confirm. Recursive schemas are a
/// least fixed point: values are finite, so a goal that needs itself has no value by that way. Used
/// by one thread; bounded by its fuel and by `SchemaLimits.inclusionDepth`.
final class InclusionSearch {
  let pair: SchemaPair
  /// Whether the writer's objects hold declared members only.
  let closing: Bool
  let judge = Judge()
  private let classes: SchemaClasses
  private(set) var fuel: Int
  private var known: [[Literal]: Findings] = [:]
  /// Goals that are being looked for, with their level.
  private var open: [[Literal]: Int] = [:]
  private var level = 0
  /// The outermost open goal that what was found since relies on having no values.
  private var reliesOn = Int.max
  private var frames = 0
  /// The search that reads the writer as written; nil where this one does.
  private let plain: InclusionSearch?
  /// By the bytes of patterns, as in `Pattern.isSame`.
  private var machines: [ByteSlice: PatternMachine?] = [:]
  private var products: [[[ByteSlice]]: WordSearch?] = [:]
  private var productCells = 0
  /// By the schemas that are kept together.
  private var outlines: [[Literal]: ObjectOutline] = [:]
  /// By the writer's schema that has the unions.
  private var declared: [Int: Evaluated.Declarations] = [:]
  /// What both of them went through.
  private var outlinedNames = 0

  init(_ pair: SchemaPair, _ classes: SchemaClasses, closing: Bool, fuel: Int) {
    self.pair = pair
    self.closing = closing
    self.fuel = fuel
    self.classes = classes
    plain = closing ? InclusionSearch(pair, classes, closing: false, fuel: fuel) : nil
  }

  /// The machine of a pattern; nil where it is not regular.
  func machine(_ pattern: String) -> PatternMachine? {
    let bytes = ByteSlice(utf8: pattern)
    if let known = machines[bytes] { return known }
    let machine = spend(16) ? PatternMachine(pattern) : nil
    machines[bytes] = .some(machine)
    return machine
  }

  /// The product of the machines of some patterns, accepting and refusing; nil where it is too
  /// large.
  func product(accepting: [String], refusing: [String]) -> WordSearch? {
    let key = [accepting, refusing].map { $0.map { ByteSlice(utf8: $0) }.sorted() }
    if let known = products[key] { return known }
    let product = WordSearch(
      accepting: accepting.compactMap { machine($0) },
      refusing: refusing.compactMap { machine($0) }, self)
    let cells = product?.cells ?? 1
    if productCells + cells <= SchemaLimits.productCells {
      productCells += cells
      products[key] = .some(product)
    }
    return product
  }

  /// What schemas that are kept together say of names.
  func outline(of shapes: [Literal]) -> ObjectOutline {
    if let known = outlines[shapes] { return known }
    let outline = ObjectOutline(shapes, in: pair)
    _ = spend(2 * outline.weight)
    if outlinedNames + outline.weight <= SchemaLimits.inclusionMemory {
      outlinedNames += outline.weight
      outlines[shapes] = outline
    }
    return outline
  }

  /// Adds what the branches of a writer's wide unions may declare, of which one alone is decided.
  private func declareWide(_ literal: Literal, in now: inout Case) {
    var wide: [Int] = []
    for case .any(let schemas) in pair[literal].branches where schemas.count > Case.mostSubsets {
      wide += schemas
    }
    guard !wide.isEmpty else { return }
    let more = declared[literal.index] ?? declarations(of: literal.index, by: wide)
    _ = spend(1 + more.names.count / 4)
    if now.writerMayName.isEmpty {
      now.writerMayName = more.names
    } else {
      now.writerMayName.formUnion(more.names)
    }
    if more.takesOthers { now.writerIsExplicit = true }
  }

  private func declarations(of index: Int, by schemas: [Int]) -> Evaluated.Declarations {
    let found = Evaluated.declared(byAnyOf: schemas, pair.writer)
    _ = spend(found.weight)
    if outlinedNames + found.weight <= SchemaLimits.inclusionMemory {
      outlinedNames += found.weight
      declared[index] = found
    }
    return found
  }

  /// Takes fuel; false when there is none left.
  func spend(_ steps: Int) -> Bool {
    fuel -= steps
    return fuel >= 0
  }

  /// Leaves at most so much fuel; returns how much was taken away.
  func limitFuel(to steps: Int) -> Int {
    let surplus = max(0, fuel - steps)
    fuel -= surplus
    return surplus
  }

  /// Values that agree with all of `goal`: `wanted` different ones, or all.
  func values(_ goal: [Literal], _ wanted: Int = 1) -> Findings {
    let goal = Set(goal.map { classes.first($0, closing: closing) }).sorted()
    if goal.contains(where: { isContradicted($0, by: goal) }) { return Findings() }
    if let known = known[goal], known.isComplete || known.values.count >= wanted { return known }
    if let level = open[goal] {
      reliesOn = min(reliesOn, level)
      return Findings()
    }
    guard spend(1), level < SchemaLimits.inclusionDepth else { return .unknown }
    let outer = reliesOn
    reliesOn = .max
    open[goal] = level
    level += 1
    var found = search(goal, wanted)
    level -= 1
    open[goal] = nil
    if reliesOn <= level, !found.values.isEmpty { found.isComplete = false }
    if reliesOn >= level {
      remember(goal, found)
      reliesOn = outer
    } else {
      if !found.values.isEmpty {
        remember(goal, Findings(values: found.values, isComplete: false))
      }
      reliesOn = min(outer, reliesOn)
    }
    return found
  }

  private func remember(_ goal: [Literal], _ found: Findings) {
    guard known.count < SchemaLimits.inclusionMemory || known[goal] != nil else { return }
    known[goal] = found
  }

  /// Whether `others` want a value to do the opposite by the same schema. A writer that is read as
  /// closed takes less than the same schema as written.
  private func isContradicted(_ literal: Literal, by others: some Sequence<Literal>) -> Bool {
    guard let plain else { return others.contains(literal.opposite) }
    let own = plain.classes.first(literal, closing: false).opposite
    return others.contains { plain.classes.first($0, closing: false) == own }
  }

  /// Whether no value keeps both schemas: a proof, or false.
  ///
  /// As written: closed to what these two declare, they would say too much about a value that is
  /// closed to more.
  func areDisjoint(_ one: Literal, _ other: Literal) -> Bool {
    guard let plain else {
      let goal = Set([one, other].map { classes.first($0, closing: false) }).sorted()
      return open[goal] == nil && values(goal).isEmpty
    }
    plain.fuel = fuel
    defer { fuel = plain.fuel }
    return plain.areDisjoint(one, other)
  }

  private func search(_ goal: [Literal], _ wanted: Int) -> Findings {
    var found = Findings()
    for kind in ValueKind.allCases {
      guard found.values.count < wanted else {
        found.isComplete = false
        break
      }
      explore(Case(kind, goal: goal)) { leaf in
        found.add(values(of: leaf, wanted - found.values.count))
        return found.values.count < wanted
      } orElse: {
        found.isComplete = false
      }
    }
    return found
  }

  /// The values of one decided case.
  func values(of leaf: Case, _ wanted: Int) -> Findings {
    if let candidates = leaf.candidates { return agreeing(candidates, leaf) }
    guard spend(leaf.excluded.count / 8) else { return .unknown }
    let ask = wanted + leaf.excluded.count
    let found =
      switch leaf.kind {
      case .null: agreeing([.null], leaf)
      case .boolean: agreeing([.boolean(false), .boolean(true)], leaf)
      case .integer, .fractional: NumberSearch(leaf).values(ask, fuel: &fuel)
      case .string: StringSearch(leaf.strings, leaf.minimum...leaf.maximum, self).values(ask)
      case .array: ArraySearch(leaf, self).values(ask)
      case .object: ObjectSearch(leaf, self).values(ask)
      }
    return found.excluding(leaf.excluded)
  }

  private func agreeing(_ candidates: [Instance], _ leaf: Case) -> Findings {
    var found = Findings()
    for value in candidates where value.kind == leaf.kind {
      guard spend(1 + leaf.goal.count) else { return .unknown }
      let isRefused = leaf.goal.contains { agrees(value, $0) == false }
      if !isRefused { found.insert(value) }
    }
    return found
  }

  /// Whether a known value is as `literal` wants it; nil where that is not known, or takes more
  /// fuel than there is.
  func agrees(_ value: Instance, _ literal: Literal) -> Bool? {
    judge.agrees(value, literal, in: pair, fuel: &fuel)
  }

  /// Strings that keep `rules` and agree with `goal` as well.
  func strings(_ rules: StringRules, agreeing goal: [Literal], _ wanted: Int) -> Findings {
    if goal.isEmpty { return StringSearch(rules, 0...Int.max, self).values(wanted) }
    var start = Case(.string, goal: goal)
    start.strings = rules
    var found = Findings()
    explore(start) { leaf in
      let check = StringSearch(leaf.strings, 0...Int.max, self)
      found.add(values(of: leaf, wanted).filter { check.keeps($0) })
      return found.values.count < wanted
    } orElse: {
      found.isComplete = false
    }
    return found
  }

  // MARK: - Deciding unions

  /// Visits every way in which the unions of a case can be decided, until `visit` says false. Calls
  /// `orElse` when ways were left out.
  func explore(
    _ start: Case, _ visit: (Case) -> Bool, orElse: () -> Void
  ) {
    if !walk(start, visit, orElse) { orElse() }
  }

  /// Returns false when the visitor wants no more.
  private func walk(_ start: Case, _ visit: (Case) -> Bool, _ orElse: () -> Void) -> Bool {
    // What is copied and looked through for each way counts as well.
    let weight = 1 + start.choices.count / 16 + start.required.count / 64
    guard spend(weight), frames < SchemaLimits.inclusionFrames else {
      orElse()
      return true
    }
    frames += 1
    defer { frames -= 1 }
    var now = start
    guard settle(&now) else { return true }
    if now.kind == .null || now.kind == .boolean || now.candidates != nil { return visit(now) }
    guard let choice = nextChoice(&now) else { return visit(now) }
    for alternative in choice.alternatives {
      guard let refined = refine(alternative) else { continue }
      var next = now
      guard next.add(refined) else { continue }
      if !walk(next, visit, orElse) { return false }
    }
    return true
  }

  /// Takes in the literals that wait; false where the case has no values.
  private func settle(_ now: inout Case) -> Bool {
    while let next = now.pending.popLast() {
      guard spend(1 + now.seen.count / 64) else { return true }
      let literal = classes.first(next, closing: closing)
      guard now.seen.insert(literal).inserted else { continue }
      if isContradicted(literal, by: now.seen) { return false }
      let nodes = pair.graph(literal.side)
      let weight = nodes[literal.index].weight(in: now.kind, isKept: literal.isKept)
      guard spend(weight) else { return true }
      if literal.isKept {
        guard now.keep(literal, in: nodes, closing: closing && literal.side == .writer) else {
          return false
        }
        if closing, literal.side == .writer, now.kind == .object { declareWide(literal, in: &now) }
        continue
      }
      let breaches = Breaches(literal, in: nodes, by: now.kind)
      if breaches.isCertain { continue }
      switch breaches.alternatives.count {
      case 0: return false
      case 1: guard now.add(breaches.alternatives[0]) else { return false }
      default: now.choices.append(Choice(source: literal, alternatives: breaches.alternatives))
      }
    }
    return now.minimum <= now.maximum && now.required.isDisjoint(with: now.absent)
  }

  /// Takes out the choice with the fewest alternatives; broken schemas that the case excludes
  /// anyhow need no choice.
  private func nextChoice(_ now: inout Case) -> Choice? {
    while !now.choices.isEmpty {
      var best = 0
      for (index, choice) in now.choices.enumerated()
      where choice.alternatives.count < now.choices[best].alternatives.count {
        best = index
      }
      let choice = now.choices.remove(at: best)
      guard let source = choice.source, !now.choices.isEmpty || choice.alternatives.count > 8,
        isExcluded(source, by: now.kept)
      else { return choice }
    }
    return nil
  }

  /// Whether some kept schema leaves no value that keeps the schema of `source`.
  private func isExcluded(_ source: Literal, by kept: [Literal]) -> Bool {
    kept.contains { areDisjoint($0, source.opposite) }
  }

  /// The alternative without what its own kept schemas exclude; nil where they exclude one another.
  private func refine(_ alternative: Alternative) -> Alternative? {
    guard alternative.literals.count > 1 else { return alternative }
    let kept = alternative.literals.filter(\.isKept)
    guard !kept.isEmpty else { return alternative }
    for (index, literal) in kept.enumerated() {
      for other in kept[..<index] where areDisjoint(other, literal) { return nil }
    }
    var refined = alternative
    refined.literals.removeAll { literal in
      !literal.isKept && kept.contains { areDisjoint($0, literal.opposite) }
    }
    return refined
  }
}

extension GraphNode {
  /// Steps for the names, values and branches that a case takes in with it.
  fileprivate func weight(in kind: ValueKind, isKept: Bool) -> Int {
    guard types.contains(kind.types) else { return 0 }
    var weight = 0
    if kind == .object, let object {
      weight += object.required.count + object.dependentSchemas.count
      weight += object.dependentRequired.reduce(0) { $0 + 1 + $1.required.count }
      // Each way of breaking it is an alternative.
      if !isKept { weight += object.properties.count + object.patterns.count }
    }
    if kind == .array, !isKept, let array { weight += array.prefix.count }
    for branch in branches {
      switch branch {
      case .constant(let value), .enumeration(let value):
        weight += Int(value.token.extent) / 2
      case .all(let schemas), .any(let schemas): weight += schemas.count
      // Each alone, without all others, or any two of them.
      case .one(let schemas): weight += schemas.count * schemas.count / (isKept ? 32 : 2)
      case .unevaluatedProperties: weight += object?.properties.count ?? 0
      case .content, .reference, .negation, .condition, .unevaluatedItems: break
      }
    }
    return weight / 2
  }
}
