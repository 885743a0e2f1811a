/// A pattern as automata that all have to accept, or to refuse: `^(?!x-)[a-z]` is found where
/// `^[a-z]` is and `^x-` is not.
struct PatternMachine {
  let parts: [(automaton: Automaton, isWanted: Bool)]

  /// Nil where the pattern has more than regular parts, or too many.
  init?(_ pattern: String) {
    guard let tree = try? PatternParser.parse(pattern).0 else { return nil }
    self.init(tree)
  }

  init?(_ tree: PatternTree) {
    guard case .sequence(var items) = tree, case .start? = items.first else {
      guard let automaton = Automaton(tree) else { return nil }
      parts = [(automaton, true)]
      return
    }
    var parts: [(automaton: Automaton, isWanted: Bool)] = []
    items.removeFirst()
    while case .look(let inner, behind: false, let negative)? = items.first {
      guard let part = Automaton(.sequence([.start, inner])) else { return nil }
      parts.append((part, !negative))
      items.removeFirst()
    }
    if let (run, forbidden) = Self.guarded(items) {
      guard let part = Automaton(.sequence([.start, run.any, forbidden])), !part.acceptsNothing
      else { return nil }
      parts.append((part, false))
      items[0] = run.item
    }
    guard let automaton = Automaton(.sequence([.start] + items)) else { return nil }
    self.parts = parts + [(automaton, true)]
  }

  /// Of `((?!ab).)*$` the run `.*` and what may begin at none of its characters, `ab`.
  private static func guarded(
    _ items: [PatternTree]
  ) -> (run: (item: PatternTree, any: PatternTree), forbidden: PatternTree)? {
    guard items.count == 2, case .end = items[1],
      case .repeated(.group(.sequence(let pair), _), let minimum, let maximum, _) = items[0],
      pair.count == 2, case .look(let forbidden, behind: false, negative: true) = pair[0],
      case .characters = pair[1]
    else { return nil }
    return (
      (
        .repeated(pair[1], minimum: minimum, maximum: maximum, lazy: false),
        .repeated(pair[1], minimum: 0, maximum: nil, lazy: false)
      ), forbidden
    )
  }
}
