import Bytes

/// What the keywords beside `unevaluatedProperties` and `unevaluatedItems` take of a value: exactly
/// where none of them depends on the value, else from above and from below.
enum Evaluated {
  /// Everything that any schema applied to the same value may take.
  static func atMost(_ index: Int, _ nodes: [GraphNode]) -> Coverage {
    collect(index, nodes, countsContains: true, next: applied)
  }

  /// The names that any schema applied to the same value mentions without `properties`.
  static func mentioned(_ index: Int, _ nodes: [GraphNode]) -> Set<ByteSlice> {
    var names: Set<ByteSlice> = []
    var seen: Set<Int> = []
    var waiting = [index]
    while let at = waiting.popLast() {
      guard seen.insert(at).inserted else { continue }
      if let rule = nodes[at].object { names.formUnion(rule.mentioned) }
      waiting += applied(nodes[at])
    }
    return names
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
