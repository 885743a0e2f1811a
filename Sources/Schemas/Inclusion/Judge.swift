import Bytes
import JSONText

/// Judges values that are already known (constants, names) by nodes of the graph.
///
/// Says what the engine would say of them; the answer is nil where it would stop at a limit, or
/// where a keyword is not modelled here.
struct Judge {
  let matcher = PatternMatcher()

  /// Whether `value` is as `literal` wants it.
  func agrees(_ value: Instance, _ literal: Literal, in pair: SchemaPair) -> Bool? {
    holds(value, literal.index, literal.side == .writer ? pair.writer : pair.reader)
      .map { $0 == literal.isKept }
  }

  private func holds(_ value: Instance, _ index: Int, _ nodes: [GraphNode]) -> Bool? {
    let node = nodes[index]
    guard node.types.contains(value.kind.types) else { return false }
    var isCertain = true
    func check(_ verdict: Bool?) -> Bool {
      if verdict == nil { isCertain = false }
      return verdict != false
    }
    switch value {
    case .null, .boolean: break
    case .number(let number):
      if let rule = node.number, !Self.keeps(number, rule) { return false }
    case .string(let text):
      if let rule = node.string, !check(keeps(text, rule)) { return false }
    case .array(let items):
      if let rule = node.array, !check(keeps(items, rule, nodes)) { return false }
    case .object(let members):
      if let rule = node.object, !check(keeps(value, members, rule, nodes)) { return false }
    }
    for branch in node.branches where !check(holds(value, branch, nodes)) { return false }
    return isCertain ? true : nil
  }

  private func holds(_ value: Instance, _ branch: GraphBranch, _ nodes: [GraphNode]) -> Bool? {
    switch branch {
    case .constant(let node): return Instance(node) == value
    case .enumeration(let list): return list.elements.contains { Instance($0) == value }
    case .reference(let target): return holds(value, target, nodes)
    case .all(let schemas): return Self.all(schemas.lazy.map { holds(value, $0, nodes) })
    case .any(let schemas):
      return Self.all(schemas.lazy.map { holds(value, $0, nodes).map { !$0 } }).map { !$0 }
    case .one(let schemas):
      var kept = 0
      for schema in schemas {
        guard let holds = holds(value, schema, nodes) else { return nil }
        if holds { kept += 1 }
      }
      return kept == 1
    case .negation(let schema): return holds(value, schema, nodes).map { !$0 }
    case .content(let content):
      guard case .string(let text) = value else { return true }
      return content.accepts(text)
    // What is evaluated depends on the other branches: left to the engine.
    case .unevaluatedProperties: return value.kind == .object ? nil : true
    case .unevaluatedItems: return value.kind == .array ? nil : true
    case .condition(let test, let then, let otherwise):
      guard let isTrue = holds(value, test, nodes) else { return nil }
      guard let next = isTrue ? then : otherwise else { return true }
      return holds(value, next, nodes)
    }
  }

  /// Whether all are true; false wins over nil.
  private static func all(_ verdicts: some Sequence<Bool?>) -> Bool? {
    var isCertain = true
    for verdict in verdicts {
      guard let verdict else {
        isCertain = false
        continue
      }
      if !verdict { return false }
    }
    return isCertain ? true : nil
  }

  // MARK: - By kind

  static func keeps(_ number: JSONNumber, _ rule: NumberConstraint) -> Bool {
    if let bound = rule.minimum?.number, number < bound { return false }
    if let bound = rule.exclusiveMinimum?.number, number <= bound { return false }
    if let bound = rule.maximum?.number, number > bound { return false }
    if let bound = rule.exclusiveMaximum?.number, number >= bound { return false }
    if let divisor = rule.multipleOf?.number, !number.isMultiple(of: divisor) { return false }
    return true
  }

  private func keeps(_ text: ByteSlice, _ rule: StringConstraint) -> Bool? {
    let length = Evaluator.codePoints(text.span)
    guard length >= rule.minimum, length <= rule.maximum ?? .max else { return false }
    if let format = rule.format, !format.accepts(text.span) { return false }
    guard let pattern = rule.pattern else { return true }
    return matches(pattern, text)
  }

  /// Whether the pattern is found in the text; nil at a limit.
  func matches(_ pattern: Pattern, _ text: ByteSlice) -> Bool? {
    var fuel = SchemaLimits.fuel
    return matches(pattern, text, fuel: &fuel)
  }

  /// The same within `fuel`, in the engine's units, from which what it took is subtracted.
  func matches(_ pattern: Pattern, _ text: ByteSlice, fuel: inout Int) -> Bool? {
    if let shape = pattern.shape {
      let isMatch = PatternShape.matches(
        text.span, links: VerifiedTable(shape.links.span), place: shape.place(at: 0), fuel: &fuel)
      return fuel >= 0 ? isMatch : nil
    }
    switch matcher.verdict(pattern, on: text.span, fuel: &fuel) {
    case .match: return true
    case .noMatch: return false
    case .limit: return nil
    }
  }

  private func keeps(
    _ items: [Instance], _ rule: ArrayConstraint, _ nodes: [GraphNode]
  ) -> Bool? {
    guard items.count >= rule.minimum, items.count <= rule.maximum ?? .max else { return false }
    if rule.unique, Set(items).count < items.count { return false }
    var verdicts: [Bool?] = []
    for (index, item) in items.enumerated() {
      guard let schema = index < rule.prefix.count ? rule.prefix[index] : rule.rest else {
        continue
      }
      verdicts.append(holds(item, schema, nodes))
    }
    if let contains = rule.contains {
      var found = 0
      for item in items {
        guard let holds = holds(item, contains, nodes) else { return nil }
        if holds { found += 1 }
      }
      verdicts.append(found >= rule.minimumContains && found <= rule.maximumContains ?? .max)
    }
    return Self.all(verdicts)
  }

  private func keeps(
    _ value: Instance, _ members: [Instance.Member], _ rule: ObjectConstraint, _ nodes: [GraphNode]
  ) -> Bool? {
    guard members.count >= rule.minimum, members.count <= rule.maximum ?? .max else {
      return false
    }
    let names = Set(members.map(\.name))
    guard rule.required.allSatisfy({ names.contains($0) }) else { return false }
    for (name, required) in rule.dependentRequired where names.contains(name) {
      guard required.allSatisfy({ names.contains($0) }) else { return false }
    }
    var verdicts: [Bool?] = []
    for (name, schema) in rule.dependentSchemas where names.contains(name) {
      verdicts.append(holds(value, schema, nodes))
    }
    for member in members {
      guard let schemas = schemas(for: member.name, rule) else { return nil }
      verdicts += schemas.map { holds(member.value, $0, nodes) }
      if let names = rule.names {
        verdicts.append(holds(.string(member.name), names, nodes))
      }
    }
    return Self.all(verdicts)
  }

  /// The schemas that a member's value must keep; nil where a pattern meets its limit.
  func schemas(for name: ByteSlice, _ rule: ObjectConstraint) -> [Int]? {
    schemas(for: name, rule, named: rule.properties.first { $0.name == name }?.schema)
  }

  /// The same for a caller who knows what `properties` has for the name.
  func schemas(for name: ByteSlice, _ rule: ObjectConstraint, named own: Int?) -> [Int]? {
    var schemas = own.map { [$0] } ?? []
    for (pattern, schema) in rule.patterns {
      guard let matches = matches(pattern, name) else { return nil }
      if matches { schemas.append(schema) }
    }
    if schemas.isEmpty, let additional = rule.additional { schemas.append(additional) }
    return schemas
  }
}
