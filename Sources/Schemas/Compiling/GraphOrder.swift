/// Refuses graphs that would not end: schemas that apply to one value inside one another for ever,
/// or too often. What passes may still be recursive, as long as each round goes down into the
/// value.
struct GraphOrder {
  private enum Mark {
    case unseen
    /// On the path that is being walked.
    case open
    /// Done; the longest path from here has this many nodes.
    case depth(Int)
  }

  private let nodes: [GraphNode]
  private var marks: [Mark]

  static func check(_ nodes: [GraphNode]) throws(SchemaFault) {
    var order = GraphOrder(nodes: nodes, marks: Array(repeating: .unseen, count: nodes.count))
    for node in nodes.indices { _ = try order.depth(of: node, above: 0) }
  }

  /// The longest in-place path from `node`. Recursion is bounded by the limit it checks.
  private mutating func depth(of node: Int, above: Int) throws(SchemaFault) -> Int {
    let depth: Int
    switch marks[node] {
    case .open: throw SchemaFault(at: nodes[node].pointer, .referenceLoop)
    case .depth(let known): depth = known
    case .unseen:
      guard above < SchemaLimits.inPlaceDepth else { throw tooDeep(node) }
      marks[node] = .open
      var deepest = 0
      for target in nodes[node].inPlace {
        deepest = max(deepest, try self.depth(of: target, above: above + 1))
      }
      depth = deepest + 1
      marks[node] = .depth(depth)
    }
    guard above + depth <= SchemaLimits.inPlaceDepth else { throw tooDeep(node) }
    return depth
  }

  private func tooDeep(_ node: Int) -> SchemaFault {
    SchemaFault(
      at: nodes[node].pointer,
      .limitExceeded(
        what: "schemas applied to one value inside one another", limit: SchemaLimits.inPlaceDepth))
  }
}
