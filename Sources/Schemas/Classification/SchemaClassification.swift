import Bytes
import JSONText
public import Tenancy

/// Which values of a schema are of which class: what the graph says of labels, whichever branch a
/// value takes. Immutable.
///
/// A value is met by *places*: the schemas that could apply to it, through `$ref`, every branch of
/// a union or condition, patterns and additional members, matched or not. It has the labels of all
/// of them, and those of the values around it.
public final class SchemaClassification: Sendable {
  /// Some labels, each a bit by its number.
  typealias Labels = UInt64

  struct Mark {
    let labels: Labels
    let replacement: Replacement
    /// The kind of value that it is about; nil: any.
    var kind: JSONKind?

    func isAbout(_ kind: JSONKind) -> Bool { self.kind == nil || self.kind == kind }
  }

  /// Labels of values inside a value, by what holds them.
  struct Below {
    /// Of members, and of their names.
    var members: Labels = 0
    var items: Labels = 0

    var all: Labels { members | items }

    mutating func add(_ other: Below) {
      members |= other.members
      items |= other.items
    }

    /// Those that a value of a kind has itself, since what they label is expected in another kind.
    func misplaced(in kind: JSONKind) -> Labels {
      switch kind {
      case .null: 0
      case .object: items
      case .array: members
      case .false, .true, .number, .string: all
      }
    }
  }

  struct Node {
    var marks: [Mark] = []
    /// Schemas that could apply to the same value.
    var inPlace: [Int32] = []
    var members: MemberSteps?
    var items: ItemSteps?
    /// Whether it says nothing that would describe a value.
    var isBare = false
    /// Labels of values inside a value that it is about.
    var below = Below()
    /// Those and its own, and those of all that could apply beside it.
    var reach: Labels = 0
  }

  struct MemberSteps {
    var named: [ByteSlice: Int32] = [:]
    var patterns: [(pattern: Int, schema: Int32)] = []
    /// Of members that the two above do not fit.
    var additional: Int32?
    /// Of any member: which are evaluated depends on the branches.
    var unevaluated: Int32?
  }

  struct ItemSteps {
    var prefix: [Int32] = []
    var rest: Int32?
    var contains: Int32?
    var unevaluated: Int32?
  }

  /// Sorted; the number of each is its place.
  public let labels: [ClassLabel]
  /// Whether members and items that no schema describes are hidden from those who may not see
  /// everything.
  public let hidesUndeclared: Bool
  let nodes: [Node]
  let patterns: [Pattern]
  let chains: [PatternShape.Place]
  let links: [PatternShape.Link]
  /// Bytes of memory that it takes by itself; patterns are the program's, counted there.
  let tables: Int
  /// The same with the patterns, which it keeps when the program goes. Names lie in the texts that
  /// they were read from.
  public let memory: Int

  /// What a graph says; without labels it still tells which values are described.
  init(
    _ graph: [GraphNode], passesUndeclared: Bool, isNew: Bool
  ) throws(SchemaFault) {
    let all = Set(graph.compactMap { $0.mark?.label }).sorted()
    guard !isNew || all.count <= SchemaLimits.classes else {
      throw SchemaFault(at: "#", .limitExceeded(what: "classes", limit: SchemaLimits.classes))
    }
    // One from before there was a bound: nobody but a reader of every class tells them apart.
    labels = all.count <= SchemaLimits.classes ? all : [.unreadable]
    hidesUndeclared = !passesUndeclared && !labels.isEmpty
    var numbers: [ClassLabel: Int] = [:]
    for (number, label) in labels.enumerated() { numbers[label] = number }
    var lowering = ClassificationLowering()
    for node in graph {
      lowering.add(
        node,
        mark: node.mark.map {
          Mark(labels: 1 << Labels(numbers[$0.label] ?? 0), replacement: $0.replacement)
        })
    }
    lowering.settle(graph)
    nodes = lowering.nodes
    patterns = lowering.patterns
    chains = lowering.chains
    links = lowering.links
    tables = Self.memory(nodes, links.count, patterns: patterns.count)
    memory = patterns.reduce(tables) { $0 + $1.memory }
  }

  /// The labels that a reader of `classes` may not see.
  func missing(for classes: ClassSet) -> Labels {
    var missing: Labels = 0
    for (number, label) in labels.enumerated() where !classes.covers(label) {
      missing |= 1 << Labels(number)
    }
    return missing
  }

  /// The labels of a schema that a reader of `classes` may not see, sorted.
  public func labels(hiddenFrom classes: ClassSet) -> [ClassLabel] {
    labels.filter { !classes.covers($0) }
  }

  func labels(of bits: Labels) -> [ClassLabel] {
    labels.indices.filter { bits >> Labels($0) & 1 == 1 }.map { labels[$0] }
  }

  /// Whether a member's name fits a pattern; nil where that would cost more than there is.
  func fits(
    _ pattern: Int, _ name: ByteSlice, _ matcher: PatternMatcher, fuel: inout Int
  ) -> Bool? {
    fuel &-= 1 &+ name.count &>> 3
    if chains[pattern].isChain {
      let links = links
      let isMatch = PatternShape.matches(
        name.span, links: VerifiedTable(links.span), place: chains[pattern], fuel: &fuel)
      return fuel >= 0 ? isMatch : nil
    }
    switch matcher.verdict(patterns[pattern], on: name.span, fuel: &fuel) {
    case .match: return true
    case .noMatch: return false
    case .limit: return nil
    }
  }
}

/// Makes the nodes of a classification.
private struct ClassificationLowering {
  typealias Labels = SchemaClassification.Labels

  var nodes: [SchemaClassification.Node] = []
  var patterns: [Pattern] = []
  var chains: [PatternShape.Place] = []
  var links: [PatternShape.Link] = []
  private var numbers: [ObjectIdentifier: Int] = [:]

  mutating func add(_ node: GraphNode, mark: SchemaClassification.Mark?) {
    var made = SchemaClassification.Node()
    if let mark { made.marks.append(mark) }
    made.inPlace = node.inPlace.map { Int32($0) }
    made.isBare = node.describesNothing
    if let object = node.object { made.members = steps(object) }
    if let array = node.array { made.items = steps(array) }
    for branch in node.branches {
      switch branch {
      case .unevaluatedProperties(let rest):
        made.members = made.members ?? SchemaClassification.MemberSteps()
        made.members?.unevaluated = Int32(rest)
      case .unevaluatedItems(let rest):
        made.items = made.items ?? SchemaClassification.ItemSteps()
        made.items?.unevaluated = Int32(rest)
      default: break
      }
    }
    nodes.append(made)
  }

  private mutating func steps(_ object: ObjectConstraint) -> SchemaClassification.MemberSteps {
    var steps = SchemaClassification.MemberSteps()
    for (name, schema) in object.properties { steps.named[name] = Int32(schema) }
    for (pattern, schema) in object.patterns {
      steps.patterns.append((number(pattern), Int32(schema)))
    }
    steps.additional = object.additional.map { Int32($0) }
    return steps
  }

  private func steps(_ array: ArrayConstraint) -> SchemaClassification.ItemSteps {
    SchemaClassification.ItemSteps(
      prefix: array.prefix.map { Int32($0) }, rest: array.rest.map { Int32($0) },
      contains: array.contains.map { Int32($0) })
  }

  private mutating func number(_ pattern: Pattern) -> Int {
    if let known = numbers[ObjectIdentifier(pattern)] { return known }
    var place = PatternShape.Place()
    if let shape = pattern.shape {
      place = shape.place(at: UInt32(links.count))
      links += shape.links
    }
    patterns.append(pattern)
    chains.append(place)
    numbers[ObjectIdentifier(pattern)] = patterns.count - 1
    return patterns.count - 1
  }

  /// Finds which labels can be reached from each node, and gives objects the labels of their names
  /// and texts those of what they contain: neither can be replaced by itself. Of other kinds those
  /// of names are as those of members.
  mutating func settle(_ graph: [GraphNode]) {
    guard nodes.contains(where: { !$0.marks.isEmpty }) else { return }
    var sources = [[Int32]](repeating: [], count: nodes.count)
    for (number, node) in nodes.enumerated() {
      let whole = [graph[number].object?.names, graph[number].contentSchema].compactMap { $0 }
      for target in node.inPlace + node.inside + whole.map({ Int32($0) }) {
        sources[Int(target)].append(Int32(number))
      }
      nodes[number].reach = node.marks.reduce(0) { $0 | $1.labels }
    }
    var changed = nodes.indices.filter { nodes[$0].reach != 0 }
    while let number = changed.popLast() {
      let labels = nodes[number].reach
      for source in sources[number].map({ Int($0) })
      where nodes[source].reach | labels != nodes[source].reach {
        nodes[source].reach |= labels
        changed.append(source)
      }
    }
    for number in nodes.indices {
      let names = graph[number].object?.names
      let members = nodes[number].members?.inside ?? []
      nodes[number].below.members = labels(of: members + (names.map { [Int32($0)] } ?? []))
      nodes[number].below.items = labels(of: nodes[number].items?.inside ?? [])
      mark(number, by: names, .object)
      mark(number, by: graph[number].contentSchema, .string)
    }
  }

  private func labels(of schemas: [Int32]) -> Labels {
    schemas.reduce(0) { $0 | nodes[Int($1)].reach }
  }

  private mutating func mark(_ number: Int, by whole: Int?, _ kind: JSONKind) {
    guard let whole, nodes[whole].reach != 0 else { return }
    nodes[number].marks.append(
      SchemaClassification.Mark(labels: nodes[whole].reach, replacement: .null, kind: kind))
  }
}

extension SchemaClassification.Node {
  /// The schemas of members and items.
  fileprivate var inside: [Int32] { (members?.inside ?? []) + (items?.inside ?? []) }
}

extension SchemaClassification.MemberSteps {
  fileprivate var inside: [Int32] {
    named.values + patterns.map(\.schema) + [additional, unevaluated].compactMap { $0 }
  }
}

extension SchemaClassification.ItemSteps {
  fileprivate var inside: [Int32] {
    prefix + [rest, contains, unevaluated].compactMap { $0 }
  }
}

extension GraphNode {
  /// Whether it is `true`, `false`, or annotations alone: a member that only such a schema takes is
  /// described by nobody.
  fileprivate var describesNothing: Bool {
    (types == .all || types == []) && string == nil && number == nil && array == nil
      && object == nil && branches.isEmpty && mark == nil && contentSchema == nil
  }
}
