import Bytes
import JSONText

// What keeping a schema demands of a value of the case's kind.
extension Case {
  /// Branches of a writer's union up to which it is decided of each whether it holds; of wider ones
  /// one is, and what the others may declare is `writerMayName`.
  static let mostSubsets = 4

  /// Adds what keeping a schema means; false where no value of the kind keeps it.
  ///
  /// - Parameters:
  ///   - nodes: the graph that the literal is of.
  ///   - closing: whether the writer's objects hold declared members only.
  mutating func keep(_ literal: Literal, in nodes: [GraphNode], closing: Bool) -> Bool {
    let node = nodes[literal.index]
    guard node.types.contains(kind.types) else { return false }
    kept.append(literal)
    switch kind {
    case .null, .boolean: break
    case .integer, .fractional: if let rule = node.number { keep(rule) }
    case .string: if let rule = node.string { keep(rule) }
    case .array: if let rule = node.array { keep(rule, literal) }
    case .object: if let rule = node.object { keep(rule, literal) }
    }
    for branch in node.branches { keep(branch, literal, in: nodes, closing: closing) }
    return minimum <= maximum
  }

  private mutating func keep(_ rule: NumberConstraint) {
    if let value = rule.minimum?.number { _ = add(.above(value, isExclusive: false)) }
    if let value = rule.exclusiveMinimum?.number { _ = add(.above(value, isExclusive: true)) }
    if let value = rule.maximum?.number { _ = add(.below(value, isExclusive: false)) }
    if let value = rule.exclusiveMaximum?.number { _ = add(.below(value, isExclusive: true)) }
    if let value = rule.multipleOf?.number { multiples.append(value) }
  }

  private mutating func keep(_ rule: StringConstraint) {
    _ = add(.atLeast(rule.minimum))
    if let maximum = rule.maximum { _ = add(.atMost(maximum)) }
    if let pattern = rule.pattern { strings.matches.append(pattern) }
    if let format = rule.format { strings.formats.append(format) }
  }

  private mutating func keep(_ rule: ArrayConstraint, _ literal: Literal) {
    _ = add(.atLeast(rule.minimum))
    if let maximum = rule.maximum { _ = add(.atMost(maximum)) }
    if rule.unique { isUnique = true }
    if !rule.prefix.isEmpty || rule.rest != nil { arrayShapes.append(literal) }
    if let schema = rule.contains {
      contains.append(
        (
          literal.other(schema, isKept: true), rule.minimumContains,
          rule.maximumContains ?? .max
        ))
    }
  }

  private mutating func keep(_ rule: ObjectConstraint, _ literal: Literal) {
    _ = add(.atLeast(rule.minimum))
    if let maximum = rule.maximum { _ = add(.atMost(maximum)) }
    required.formUnion(rule.required)
    if !rule.properties.isEmpty || !rule.patterns.isEmpty || rule.additional != nil {
      objectShapes.append(literal)
    }
    if let names = rule.names { nameRules.append(literal.other(names, isKept: true)) }
    for (name, names) in rule.dependentRequired where !names.isEmpty {
      choices.append(
        Choice(
          source: nil,
          alternatives: [
            Alternative(demands: [.absent(name)]),
            Alternative(demands: ([name] + names).map { .present($0) }),
          ]))
    }
    for (name, schema) in rule.dependentSchemas {
      choices.append(
        Choice(
          source: nil,
          alternatives: [
            Alternative(demands: [.absent(name)]),
            Alternative(
              literals: [literal.other(schema, isKept: true)], demands: [.present(name)]),
          ]))
    }
    if literal.side == .writer {
      if rule.additional != nil { writerIsExplicit = true }
      writerMinimum = max(writerMinimum, rule.minimum)
      writerNames.formUnion(rule.mentioned)
    }
  }

  private mutating func keep(
    _ branch: GraphBranch, _ literal: Literal, in nodes: [GraphNode], closing: Bool
  ) {
    func all(_ schemas: [Int], _ isKept: Bool) -> [Literal] {
      schemas.map { literal.other($0, isKept: isKept) }
    }
    switch branch {
    case .constant(let node): candidates = candidates ?? [Instance(node)]
    case .enumeration(let list):
      candidates = candidates ?? list.elements.map { Instance($0) }
    case .reference(let target): pending.append(literal.other(target, isKept: true))
    case .all(let schemas): pending += all(schemas, true).reversed()
    case .any(let schemas):
      // Which branches hold says which members are declared, so closing must know of each.
      let subsets =
        closing && kind == .object && schemas.count <= Self.mostSubsets
        ? (1..<(1 << schemas.count)).map { bits in
          Alternative(
            literals: schemas.indices.map {
              literal.other(schemas[$0], isKept: bits >> $0 & 1 == 1)
            })
        } : all(schemas, true).map { Alternative(literals: [$0]) }
      choices.append(Choice(source: nil, alternatives: subsets))
    case .one(let schemas):
      let one = schemas.indices.map { chosen in
        Alternative(
          literals: [literal.other(schemas[chosen], isKept: true)]
            + schemas.indices.filter { $0 != chosen }
            .map { literal.other(schemas[$0], isKept: false) })
      }
      choices.append(Choice(source: nil, alternatives: one))
    case .negation(let schema): pending.append(literal.other(schema, isKept: false))
    case .condition(_, then: nil, otherwise: nil) where !closing || kind != .object: break
    case .condition(let test, let then, let otherwise):
      choices.append(
        Choice(
          source: nil,
          alternatives: [
            Alternative(literals: all([test] + (then.map { [$0] } ?? []), true)),
            Alternative(
              literals: all([test], false) + (otherwise.map { all([$0], true) } ?? [])),
          ]))
    case .content(let content): if kind == .string { strings.contents.append(content) }
    case .unevaluatedProperties(let schema):
      guard kind == .object else { return }
      if literal.side == .writer, !nodes[schema].types.isEmpty { writerIsExplicit = true }
      uncovered.append(
        (Evaluated.atMost(literal.index, nodes), literal.other(schema, isKept: true)))
    case .unevaluatedItems(let schema):
      guard kind == .array else { return }
      let items = Evaluated.atMost(literal.index, nodes).items
      if items < .max { restFrom.append((items, literal.other(schema, isKept: true))) }
    }
  }
}
