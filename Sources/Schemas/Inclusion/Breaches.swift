import Bytes
import JSONText

/// The ways in which a value of one kind can break a schema.
struct Breaches {
  let literal: Literal
  let kind: ValueKind
  private let nodes: [GraphNode]
  private(set) var alternatives: [Alternative] = []
  /// Whether every value of the kind breaks it.
  private(set) var isCertain = false

  init(_ literal: Literal, in nodes: [GraphNode], by kind: ValueKind) {
    self.literal = literal
    self.kind = kind
    self.nodes = nodes
    let node = nodes[literal.index]
    guard node.types.contains(kind.types) else {
      isCertain = true
      return
    }
    switch kind {
    case .null, .boolean: break
    case .integer, .fractional: if let rule = node.number { add(rule) }
    case .string: if let rule = node.string { add(rule) }
    case .array: if let rule = node.array { add(rule) }
    case .object: if let rule = node.object { add(rule) }
    }
    for branch in node.branches { add(branch) }
  }

  private mutating func add(_ keyword: String, _ demands: [Demand], _ literals: [Literal] = []) {
    alternatives.append(
      Alternative(literals: literals, demands: demands, place: (literal, keyword)))
  }

  private func broken(_ schema: Int) -> Literal { literal.other(schema, isKept: false) }

  private mutating func add(_ rule: NumberConstraint) {
    if let value = rule.minimum?.number { add("minimum", [.below(value, isExclusive: true)]) }
    if let value = rule.exclusiveMinimum?.number {
      add("exclusiveMinimum", [.below(value, isExclusive: false)])
    }
    if let value = rule.maximum?.number { add("maximum", [.above(value, isExclusive: true)]) }
    if let value = rule.exclusiveMaximum?.number {
      add("exclusiveMaximum", [.above(value, isExclusive: false)])
    }
    if let value = rule.multipleOf?.number { add("multipleOf", [.notMultiple(value)]) }
  }

  private mutating func add(_ rule: StringConstraint) {
    if rule.minimum > 0 { add("minLength", [.atMost(rule.minimum - 1)]) }
    if let maximum = rule.maximum { add("maxLength", [.atLeast(maximum + 1)]) }
    if let pattern = rule.pattern { add("pattern", [.mismatch(pattern)]) }
    if let format = rule.format { add("format", [.notFormat(format)]) }
  }

  private mutating func add(_ rule: ArrayConstraint) {
    if rule.minimum > 0 { add("minItems", [.atMost(rule.minimum - 1)]) }
    if let maximum = rule.maximum { add("maxItems", [.atLeast(maximum + 1)]) }
    if rule.unique { add("uniqueItems", [.duplicates]) }
    for (index, schema) in rule.prefix.enumerated() {
      add(rule.prefixKeyword, [.item(index, broken(schema))])
    }
    if let rest = rule.rest { add("items", [.itemFrom(rule.prefix.count, broken(rest))]) }
    if let schema = rule.contains {
      let kept = literal.other(schema, isKept: true)
      if rule.minimumContains > 0 {
        add("contains", [.contains(kept, minimum: 0, maximum: rule.minimumContains - 1)])
      }
      if let maximum = rule.maximumContains {
        add("maxContains", [.contains(kept, minimum: maximum + 1, maximum: .max)])
      }
    }
  }

  private mutating func add(_ rule: ObjectConstraint) {
    if rule.minimum > 0 { add("minProperties", [.atMost(rule.minimum - 1)]) }
    if let maximum = rule.maximum { add("maxProperties", [.atLeast(maximum + 1)]) }
    for name in rule.required { add("required", [.absent(name)]) }
    for (name, schema) in rule.properties {
      add("properties", [.member(name, broken(schema))])
    }
    for (pattern, schema) in rule.patterns {
      add(
        "patternProperties",
        [.someMember(SomeMember(names: .matching(pattern), value: broken(schema)))])
    }
    if let schema = rule.additional {
      var coverage = Coverage()
      coverage.add(rule)
      add(
        "additionalProperties",
        [.someMember(SomeMember(names: .leftOver(by: coverage), value: broken(schema)))])
    }
    if let names = rule.names {
      add("propertyNames", [.someMember(SomeMember(names: .all(broken(names)), value: nil))])
    }
    for (name, names) in rule.dependentRequired {
      for other in names { add("dependentRequired", [.present(name), .absent(other)]) }
    }
    for (name, schema) in rule.dependentSchemas {
      add("dependentSchemas", [.present(name)], [broken(schema)])
    }
  }

  private mutating func add(_ branch: GraphBranch) {
    switch branch {
    case .constant(let node): exclude([Instance(node)], "const")
    case .enumeration(let list): exclude(list.elements.map { Instance($0) }, "enum")
    case .reference(let target): add("$ref", [], [broken(target)])
    case .all(let schemas): for schema in schemas { add("allOf", [], [broken(schema)]) }
    case .any(let schemas): add("anyOf", [], schemas.map { broken($0) })
    case .one(let schemas):
      add("oneOf", [], schemas.map { broken($0) })
      for (index, schema) in schemas.enumerated() {
        for other in schemas[..<index] {
          add("oneOf", [], [other, schema].map { literal.other($0, isKept: true) })
        }
      }
    case .negation(let schema): add("not", [], [literal.other(schema, isKept: true)])
    case .condition(let test, let then, let otherwise):
      if let then { add("then", [], [literal.other(test, isKept: true), broken(then)]) }
      if let otherwise { add("else", [], [broken(test), broken(otherwise)]) }
    case .content(let content):
      if kind == .string { add("contentEncoding", [.notContent(content)]) }
    case .unevaluatedProperties(let schema):
      let coverage = Evaluated.atLeast(literal.index, nodes)
      guard kind == .object, !coverage.allMembers else { return }
      add(
        "unevaluatedProperties",
        [
          .unknown,
          .someMember(SomeMember(names: .leftOver(by: coverage), value: broken(schema))),
        ])
    case .unevaluatedItems(let schema):
      let items = Evaluated.atLeast(literal.index, nodes).items
      guard kind == .array, items < .max else { return }
      add("unevaluatedItems", [.unknown, .itemFrom(items, broken(schema))])
    }
  }

  /// Values other than those of a list.
  private mutating func exclude(_ values: [Instance], _ keyword: String) {
    let ofKind = values.filter { $0.kind == kind }
    if ofKind.isEmpty { isCertain = true }
    add(keyword, ofKind.map { .not($0) })
  }
}
