import Bytes
import JSONText

/// Which branches of a union a value may keep, told by the value itself or by one of its members:
/// all others demand something else there. Of a list of conditions likewise those whose test it may
/// pass.
struct Selection: BitwiseCopyable, Sendable {
  /// A table of the member's one name; without a name where the value itself tells.
  var member: NameTable
  var isByMember: Bool
  /// What tells, with the branches that take it.
  var values: ValueTable
  /// Branches of which nothing is known: they may take any value.
  var rest: NodeRange
  /// Beside those, the branches that may take an object without the member.
  var absent: NodeRange
  /// Beside the rest, the branches that may take what is no object.
  var others: NodeRange
}

/// What schemas demand of a value, or of one of its members, so far as they name what it may be.
/// Says at most too little: a value that is not named is never taken.
struct BranchDemands {
  /// The demands of one schema on one member.
  struct Demand {
    /// What the member may be where it is there; nil where that is not said.
    var values: [JSONNode]?
    /// Whether objects without the member may be taken.
    var takesAbsent = true
    /// Whether what is no object may be taken.
    var takesOthers = true

    /// Demands both.
    mutating func narrow(by other: Demand) {
      if let known = other.values, known.count < values?.count ?? .max { values = known }
      takesAbsent = takesAbsent && other.takesAbsent
      takesOthers = takesOthers && other.takesOthers
    }

    /// Demands one of the two.
    mutating func widen(by other: Demand) {
      if let more = other.values { values?.append(contentsOf: more) } else { values = nil }
      takesAbsent = takesAbsent || other.takesAbsent
      takesOthers = takesOthers || other.takesOthers
    }
  }

  /// The branches of a union by what tells them apart.
  struct Choice {
    /// A value, in the order of the schema, and the positions of the branches that may take it.
    struct Row {
      let value: JSONNode
      /// Nil where it is no string.
      let word: ByteSlice?
      var positions: [Int]
    }

    /// Nil where the value itself tells.
    let member: ByteSlice?
    private(set) var rows: [Row] = []
    private(set) var rest: [Int] = []
    private(set) var takeAbsent: [Int] = []
    private(set) var takeOthers: [Int] = []
    /// The most branches that are named with one value.
    private var mostNamed = 0
    /// Numbers of rows by canonical text.
    private var numbers: [ByteSlice: Int] = [:]

    /// The most branches that are left for any value.
    var most: Int { mostNamed + rest.count }

    init(member: ByteSlice?) { self.member = member }

    mutating func add(_ demand: Demand, _ position: Int) {
      guard let values = demand.values else {
        rest.append(position)
        return
      }
      if demand.takesAbsent { takeAbsent.append(position) }
      if demand.takesOthers { takeOthers.append(position) }
      for value in values { add(value, position) }
    }

    private mutating func add(_ value: JSONNode, _ position: Int) {
      let text = CanonicalJSON.text(of: value)
      guard let number = numbers[text] else {
        numbers[text] = rows.count
        rows.append(Row(value: value, word: value.string, positions: [position]))
        mostNamed = max(mostNamed, 1)
        return
      }
      if rows[number].positions.last != position { rows[number].positions.append(position) }
      mostNamed = max(mostNamed, rows[number].positions.count)
    }
  }

  private struct Question: Hashable {
    let schema: Int
    let member: ByteSlice
  }

  private let graph: [GraphNode]
  private var valuesOf: [Int: [JSONNode]?] = [:]
  private var demands: [Question: Demand] = [:]
  /// Values that were noted, those of several levels several times.
  private var gathered = 0

  /// Members that are tried for one union.
  private static let triedMembers = 8
  /// Branches that are looked at for members to try.
  private static let triedBranches = 4

  init(_ graph: [GraphNode]) { self.graph = graph }

  /// How schemas are best told apart, or nil where no way leaves half of them at most.
  ///
  /// - Parameter schemas: nil stands for one of which nothing is known.
  mutating func choice(_ schemas: [Int?]) -> Choice? {
    guard schemas.count > 1 else { return nil }
    var best: Choice?
    for member in [nil] + membersToTry(schemas) {
      var choice = Choice(member: member)
      for (position, schema) in schemas.enumerated() {
        choice.add(demand(of: member, in: schema), position)
        if 2 * choice.rest.count > schemas.count { break }
      }
      if 2 * choice.most <= schemas.count, choice.most < best?.most ?? .max { best = choice }
      if best?.most == 1 { break }
    }
    return best
  }

  private mutating func demand(of member: ByteSlice?, in schema: Int?) -> Demand {
    guard let schema else { return Demand() }
    guard let member else {
      return Demand(values: values(of: schema), takesAbsent: false, takesOthers: false)
    }
    return demand(of: member, in: schema)
  }

  /// Names of members that a branch names the values of, required ones first.
  private mutating func membersToTry(_ schemas: [Int?]) -> [ByteSlice?] {
    for case let schema? in schemas.prefix(Self.triedBranches) {
      var found: [ByteSlice] = []
      collectMembers(of: schema, into: &found)
      if !found.isEmpty {
        let required = found.filter { !demand(of: $0, in: schema).takesAbsent }
        let ordered = required + found.filter { !required.contains($0) }
        return Array(ordered.prefix(Self.triedMembers))
      }
    }
    return []
  }

  private mutating func collectMembers(of schema: Int, into found: inout [ByteSlice]) {
    for property in graph[schema].object?.properties ?? [] {
      guard found.count < 2 * Self.triedMembers else { return }
      if values(of: property.schema) != nil, !found.contains(property.name) {
        found.append(property.name)
      }
    }
    for branch in graph[schema].branches where found.count < 2 * Self.triedMembers {
      switch branch {
      case .reference(let target): collectMembers(of: target, into: &found)
      case .all(let schemas):
        for schema in schemas.prefix(Self.triedBranches) {
          collectMembers(of: schema, into: &found)
        }
      case .any(let schemas), .one(let schemas):
        if let first = schemas.first { collectMembers(of: first, into: &found) }
      default: break
      }
    }
  }

  /// All values that a schema may take; nil where it does not name them.
  private mutating func values(of schema: Int) -> [JSONNode]? {
    if let known = valuesOf[schema] { return known }
    let node = graph[schema]
    var found: [JSONNode]? = node.types.isEmpty ? [] : nil
    for branch in node.branches where found == nil {
      switch branch {
      case .constant(let value): found = [value]
      case .enumeration(let list): found = Array(list.elements)
      case .reference(let target): found = values(of: target)
      case .all(let schemas):
        for schema in schemas where found == nil { found = values(of: schema) }
      case .any(let schemas), .one(let schemas):
        var all: [JSONNode]? = []
        for schema in schemas where all != nil {
          if let more = values(of: schema) { all?.append(contentsOf: more) } else { all = nil }
        }
        found = all
      default: break
      }
    }
    found = kept(found)
    valuesOf[schema] = .some(found)
    return found
  }

  /// The demand of a schema on a member.
  private mutating func demand(of member: ByteSlice, in schema: Int) -> Demand {
    let question = Question(schema: schema, member: member)
    if let known = demands[question] { return known }
    let node = graph[schema]
    var demand = Demand()
    if !node.types.contains(.object) {
      demand.values = []
      demand.takesAbsent = false
    }
    demand.takesOthers = !node.types.isSubset(of: .object)
    if let object = node.object {
      if object.required.contains(member) { demand.takesAbsent = false }
      if let property = object.properties.first(where: { $0.name == member }) {
        demand.narrow(by: Demand(values: values(of: property.schema)))
      }
    }
    for branch in node.branches {
      switch branch {
      case .reference(let target): demand.narrow(by: self.demand(of: member, in: target))
      case .all(let schemas):
        for schema in schemas { demand.narrow(by: self.demand(of: member, in: schema)) }
      case .any(let schemas), .one(let schemas):
        var either = Demand(values: [], takesAbsent: false, takesOthers: false)
        for schema in schemas { either.widen(by: self.demand(of: member, in: schema)) }
        demand.narrow(by: either)
      default: break
      }
    }
    demand.values = kept(demand.values)
    demands[question] = demand
    return demand
  }

  /// The same values, unless they would be too many in all.
  private mutating func kept(_ values: [JSONNode]?) -> [JSONNode]? {
    guard let values else { return nil }
    gathered += values.count
    return gathered <= SchemaLimits.selectedValues ? values : nil
  }
}
