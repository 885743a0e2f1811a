import Bytes

/// What the keywords beside `unevaluatedProperties` and `unevaluatedItems` take of a value: exactly
/// where none of them depends on the value, else from above and from below.
enum Evaluated {
  /// Everything that any schema applied to the same value may take.
  static func atMost(_ index: Int, _ nodes: [GraphNode]) -> Coverage {
    collect(index, nodes, countsContains: true, next: applied)
  }

  /// Members that schemas of which any may hold declare.
  struct Declarations {
    /// In `properties`, `required` and the `dependent…` keywords.
    var names: Set<ByteSlice> = []
    /// Whether they speak of members by more than names.
    var takesOthers = false
    /// Schemas and names that were gone through for it.
    var weight = 0
  }

  /// What any of some schemas, or a schema applied to the same value with it, declares. Each is
  /// looked at once, however many of them lead to it. What these schemas themselves leave to
  /// `unevaluatedProperties` counts where they are known to hold.
  static func declared(byAnyOf schemas: [Int], _ nodes: [GraphNode]) -> Declarations {
    var found = Declarations()
    let roots = Set(schemas)
    var seen: Set<Int> = []
    var waiting = schemas
    while let at = waiting.popLast() {
      found.weight += 1
      guard seen.insert(at).inserted else { continue }
      let node = nodes[at]
      if let rule = node.object {
        let mentioned = rule.mentioned
        found.names.formUnion(rule.properties.map(\.name))
        found.names.formUnion(mentioned)
        found.weight += rule.properties.count + mentioned.count
        if rule.additional != nil || !rule.patterns.isEmpty { found.takesOthers = true }
      }
      for branch in node.branches where !roots.contains(at) {
        if case .unevaluatedProperties = branch { found.takesOthers = true }
      }
      waiting += applied(node)
    }
    return found
  }

  /// The schemas that may be kept with this one.
  private static func applied(_ node: GraphNode) -> [Int] {
    var next = node.inPlace
    for branch in node.branches {
      if case .negation(let schema) = branch { next.removeAll { $0 == schema } }
    }
    return next
  }

  /// What is taken whatever the value is: the schema itself, and those that always hold with it.
  static func atLeast(_ index: Int, _ nodes: [GraphNode]) -> Coverage {
    collect(index, nodes, countsContains: false) { node in
      node.branches.flatMap { branch -> [Int] in
        switch branch {
        case .reference(let target): [target]
        case .all(let schemas): schemas
        default: []
        }
      }
    }
  }

  /// - Parameters:
  ///   - countsContains: whether any item may be one that `contains` has taken.
  ///   - next: the schemas that are looked at beside a node.
  private static func collect(
    _ index: Int, _ nodes: [GraphNode], countsContains: Bool, next: (GraphNode) -> [Int]
  ) -> Coverage {
    var coverage = Coverage()
    var seen: Set<Int> = []
    var waiting = [index]
    while let at = waiting.popLast() {
      guard seen.insert(at).inserted else { continue }
      let node = nodes[at]
      if let rule = node.object {
        coverage.add(rule)
        if rule.additional != nil { coverage.allMembers = true }
      }
      if let rule = node.array {
        coverage.items = max(coverage.items, rule.rest == nil ? rule.prefix.count : .max)
        if rule.contains != nil, rule.containsEvaluates, countsContains { coverage.items = .max }
      }
      for branch in node.branches where at != index {
        switch branch {
        case .unevaluatedProperties: coverage.allMembers = true
        case .unevaluatedItems: coverage.items = .max
        default: break
        }
      }
      waiting += next(node)
    }
    return coverage
  }
}

extension ObjectConstraint {
  /// The names in `required` and the `dependent…` keywords.
  var mentioned: [ByteSlice] {
    required + dependentRequired.flatMap { [$0.name] + $0.required }
      + dependentSchemas.map(\.name)
  }
}
