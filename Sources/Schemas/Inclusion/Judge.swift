import Bytes
import JSONText

/// Judges values that are already known (constants, names) by nodes of the graph.
///
/// Says what the engine would say of them; the answer is nil where it would stop at a limit, or
/// where a keyword is not modelled here. Used by one thread.
struct Judge {
  let matcher = PatternMatcher()
  fileprivate let listed = ListedValues()

  /// Units of the engine that take as long as one step of a search.
  static let unitsPerStep = 128

  /// Whether `value` is as `literal` wants it.
  ///
  /// - Parameter fuel: steps, from which what it took is subtracted; below 0, and the answer nil,
  ///   where that was not enough.
  func agrees(
    _ value: Instance, _ literal: Literal, in pair: SchemaPair, fuel: inout Int
  ) -> Bool? {
    var hearing = Hearing(
      judge: self, nodes: pair.graph(literal.side), side: literal.side, fuel: fuel)
    var subject = Subject(value)
    let isKept = hearing.holds(&subject, literal.index)
    fuel = hearing.fuel
    return isKept.map { $0 == literal.isKept }
  }

  // MARK: - Patterns and names

  /// Whether the pattern is found in the text; nil at a limit.
  func matches(_ pattern: Pattern, _ text: ByteSlice) -> Bool? {
    var fuel = SchemaLimits.fuel
    return matches(pattern, text, fuel: &fuel)
  }

  /// The same, with what it took subtracted from the `steps` of a search.
  func matches(_ pattern: Pattern, _ text: ByteSlice, steps: inout Int) -> Bool? {
    var fuel = SchemaLimits.fuel
    let isMatch = matches(pattern, text, fuel: &fuel)
    steps -= 1 + (SchemaLimits.fuel - max(fuel, 0)) / Self.unitsPerStep
    return isMatch
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

  /// The schemas that a member's value must keep; nil where a pattern meets its limit.
  func schemas(for name: ByteSlice, _ rule: ObjectConstraint) -> [Int]? {
    schemas(for: name, rule, named: rule.properties.first { $0.name == name }?.schema)
  }

  /// The same for a caller who knows what `properties` has for the name.
  func schemas(for name: ByteSlice, _ rule: ObjectConstraint, named own: Int?) -> [Int]? {
    var steps = 0
    return schemas(for: name, rule, named: own, steps: &steps)
  }

  /// The same, with what it took subtracted from the `steps` of a search.
  fileprivate func schemas(
    for name: ByteSlice, _ rule: ObjectConstraint, named own: Int?, steps: inout Int
  ) -> [Int]? {
    var schemas = own.map { [$0] } ?? []
    for (pattern, schema) in rule.patterns {
      guard let matches = matches(pattern, name, steps: &steps) else { return nil }
      if matches { schemas.append(schema) }
    }
    if schemas.isEmpty, let additional = rule.additional { schemas.append(additional) }
    return schemas
  }
}

/// The values of `const` and `enum` that known values were held against.
private final class ListedValues {
  struct Place: Hashable {
    let side: Literal.Side
    let node: Int
    let branch: Int
  }

  private(set) var values: [Place: Set<Instance>] = [:]
  /// How many more may be kept, those inside others counted: some hundred bytes each.
  private var room = 1 << 18

  func keep(_ more: Set<Instance>, of count: Int, at place: Place) {
    guard count <= room else { return }
    room -= count
    values[place] = more
  }
}

/// A known value with what is known of it.
private struct Subject {
  let value: Instance
  /// By schema: one that applies to the value in many ways is asked once.
  var verdicts: [Int: Bool?] = [:]
  private(set) lazy var weight = value.weight

  init(_ value: Instance) { self.value = value }
}

extension Judge {
  /// The judging of values by one graph.
  fileprivate struct Hearing {
    let judge: Judge
    let nodes: [GraphNode]
    let side: Literal.Side
    /// Below 0 where it was not enough.
    private(set) var fuel: Int
    /// Schemas that are being judged by, inside one another.
    private var depth = 0

    init(judge: Judge, nodes: [GraphNode], side: Literal.Side, fuel: Int) {
      self.judge = judge
      self.nodes = nodes
      self.side = side
      self.fuel = fuel
    }

    private mutating func spend(_ steps: Int) -> Bool {
      fuel -= steps
      return fuel >= 0
    }

    mutating func holds(_ subject: inout Subject, _ index: Int) -> Bool? {
      if let known = subject.verdicts[index] { return known }
      guard spend(1), depth < SchemaLimits.inclusionFrames else { return nil }
      depth += 1
      let isKept = judged(&subject, index)
      depth -= 1
      subject.verdicts[index] = .some(isKept)
      return isKept
    }

    private mutating func judged(_ subject: inout Subject, _ index: Int) -> Bool? {
      let node = nodes[index]
      let value = subject.value
      guard node.types.contains(value.kind.types) else { return false }
      var isCertain = true
      func check(_ verdict: Bool?) -> Bool {
        if verdict == nil { isCertain = false }
        return verdict != false
      }
      switch value {
      case .null, .boolean: break
      case .number(let number):
        if let rule = node.number, !check(keeps(number, rule)) { return false }
      case .string(let text):
        if let rule = node.string, !check(keeps(text, rule)) { return false }
      case .array(let items):
        if let rule = node.array, !check(keeps(&subject, items, rule)) { return false }
      case .object(let members):
        if let rule = node.object, !check(keeps(&subject, members, rule)) { return false }
      }
      for (position, branch) in node.branches.enumerated() {
        let place = ListedValues.Place(side: side, node: index, branch: position)
        if !check(holds(&subject, branch, at: place)) { return false }
      }
      return isCertain ? true : nil
    }

    private mutating func holds(
      _ subject: inout Subject, _ branch: GraphBranch, at place: ListedValues.Place
    ) -> Bool? {
      switch branch {
      case .constant(let node): return isListed(&subject, in: node, isList: false, at: place)
      case .enumeration(let list): return isListed(&subject, in: list, isList: true, at: place)
      case .reference(let target): return holds(&subject, target)
      case .all(let schemas): return Self.all(schemas) { holds(&subject, $0) }
      case .any(let schemas):
        let breaksAll = Self.all(schemas) { holds(&subject, $0).map { !$0 } }
        return breaksAll.map { !$0 }
      case .one(let schemas):
        var kept = 0
        for schema in schemas {
          guard let isKept = holds(&subject, schema) else { return nil }
          if isKept { kept += 1 }
        }
        return kept == 1
      case .negation(let schema): return holds(&subject, schema).map { !$0 }
      case .content(let content):
        guard case .string(let text) = subject.value else { return true }
        guard spend(text.count / 64) else { return nil }
        return content.accepts(text)
      // What is evaluated depends on the other branches: left to the engine.
      case .unevaluatedProperties: return subject.value.kind == .object ? nil : true
      case .unevaluatedItems: return subject.value.kind == .array ? nil : true
      case .condition(let test, let then, let otherwise):
        guard let isTrue = holds(&subject, test) else { return nil }
        guard let next = isTrue ? then : otherwise else { return true }
        return holds(&subject, next)
      }
    }

    /// Whether the value is the one of a node, or one of its elements. They are read once: many
    /// values may be held against the same long list.
    private mutating func isListed(
      _ subject: inout Subject, in node: JSONNode, isList: Bool, at place: ListedValues.Place
    ) -> Bool? {
      guard spend(subject.weight) else { return nil }
      if let known = judge.listed.values[place] { return known.contains(subject.value) }
      let count = Int(node.token.extent)
      guard spend(count / 2 + node.raw.count / 256) else { return nil }
      let values = Set(isList ? node.elements.map { Instance($0) } : [Instance(node)])
      judge.listed.keep(values, of: count, at: place)
      return values.contains(subject.value)
    }

    /// Whether it is true of all; false wins over nil.
    private static func all<Each>(_ list: [Each], _ isTrue: (Each) -> Bool?) -> Bool? {
      var isCertain = true
      for each in list {
        switch isTrue(each) {
        case true?: continue
        case false?: return false
        case nil: isCertain = false
        }
      }
      return isCertain ? true : nil
    }

    // MARK: By kind

    private mutating func keeps(_ number: JSONNumber, _ rule: NumberConstraint) -> Bool? {
      if let bound = rule.minimum?.number, number < bound { return false }
      if let bound = rule.exclusiveMinimum?.number, number <= bound { return false }
      if let bound = rule.maximum?.number, number > bound { return false }
      if let bound = rule.exclusiveMaximum?.number, number >= bound { return false }
      guard let divisor = rule.multipleOf?.number else { return true }
      guard spend(number.divisionCost(by: divisor) / Judge.unitsPerStep) else { return nil }
      return number.isMultiple(of: divisor)
    }

    private mutating func keeps(_ text: ByteSlice, _ rule: StringConstraint) -> Bool? {
      guard spend(text.count / 64) else { return nil }
      let length = Evaluator.codePoints(text.span)
      guard length >= rule.minimum, length <= rule.maximum ?? .max else { return false }
      if let format = rule.format, !format.accepts(text.span) { return false }
      guard let pattern = rule.pattern else { return true }
      return judge.matches(pattern, text, steps: &fuel)
    }

    private mutating func keeps(
      _ subject: inout Subject, _ items: [Instance], _ rule: ArrayConstraint
    ) -> Bool? {
      guard items.count >= rule.minimum, items.count <= rule.maximum ?? .max else { return false }
      guard spend(items.count / 16 + (rule.unique ? subject.weight : 0)) else { return nil }
      if rule.unique, Set(items).count < items.count { return false }
      var verdicts: [Bool?] = []
      for (index, item) in items.enumerated() {
        guard let schema = index < rule.prefix.count ? rule.prefix[index] : rule.rest else {
          continue
        }
        var inner = Subject(item)
        verdicts.append(holds(&inner, schema))
      }
      if let contains = rule.contains {
        var found = 0
        for item in items {
          var inner = Subject(item)
          guard let isOne = holds(&inner, contains) else { return nil }
          if isOne { found += 1 }
        }
        verdicts.append(found >= rule.minimumContains && found <= rule.maximumContains ?? .max)
      }
      return Self.all(verdicts) { $0 }
    }

    private mutating func keeps(
      _ subject: inout Subject, _ members: [Instance.Member], _ rule: ObjectConstraint
    ) -> Bool? {
      guard members.count >= rule.minimum, members.count <= rule.maximum ?? .max else {
        return false
      }
      let dependent = rule.dependentRequired.count + rule.dependentSchemas.count
      guard spend((members.count + dependent) / 8) else { return nil }
      let names = Set(members.map(\.name))
      guard rule.required.allSatisfy({ names.contains($0) }) else { return false }
      for (name, required) in rule.dependentRequired where names.contains(name) {
        guard required.allSatisfy({ names.contains($0) }) else { return false }
      }
      var verdicts: [Bool?] = []
      for (name, schema) in rule.dependentSchemas where names.contains(name) {
        verdicts.append(holds(&subject, schema))
      }
      for member in members {
        guard spend(rule.properties.count / 64) else { return nil }
        let own = rule.properties.first { $0.name == member.name }?.schema
        guard let schemas = judge.schemas(for: member.name, rule, named: own, steps: &fuel) else {
          return nil
        }
        var inner = Subject(member.value)
        for schema in schemas { verdicts.append(holds(&inner, schema)) }
        if let names = rule.names {
          var name = Subject(.string(member.name))
          verdicts.append(holds(&name, names))
        }
      }
      return Self.all(verdicts) { $0 }
    }
  }
}
