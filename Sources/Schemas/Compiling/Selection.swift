import Bytes
import JSONText

/// Which branches of a union a value may keep, told by the value itself, by one of its members, or
/// by a member of one: all others demand something else there. Of a list of conditions likewise
/// those whose test it may pass.
struct Selection: BitwiseCopyable, Sendable {
  /// The way to what tells, from the outside in: tables of one name each. None where the value
  /// itself tells.
  var path: NodeRange
  /// What tells, with the branches that take it.
  var values: ValueTable
  /// Branches of which nothing is known: they may take any value.
  var rest: NodeRange
  /// Beside those, the branches that may take an object in which the path ends early: a member is
  /// missing, or one on the way is no object.
  var absent: NodeRange
  /// Beside the rest, the branches that may take what is no object.
  var others: NodeRange
}

/// What schemas demand of a value, or of a member in it, so far as they name what it may be. Says
/// at most too little: a value that is not named is never taken.
struct BranchDemands {
  /// The demands of one schema on what lies at one path.
  struct Demand {
    /// What it may be where it is there; nil where that is not said.
    var values: [JSONNode]?
    /// Whether objects in which the path ends early may be taken.
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

    /// Empty where the value itself tells.
    let path: [ByteSlice]
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

    init(path: [ByteSlice]) { self.path = path }

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
    let path: [ByteSlice]
  }

  private let graph: [GraphNode]
  private var valuesOf: [Int: [JSONNode]?] = [:]
  private var demands: [Question: Demand] = [:]
  /// Values that were noted, those of several levels several times.
  private var gathered = 0
  /// What the values weigh that unions are told apart by.
  private var weighed = 0
  /// What the values weighed that were looked at for it, and how many they were.
  private var tried = 0
  /// Schemas and members that were looked at.
  private var sighted = 0
  /// Schemas that were asked for a demand on a member, with what they made pass over.
  private var asked = 0

  /// Members that are tried for one union.
  private static let triedMembers = 8
  /// Branches that are looked at for members to try.
  private static let triedBranches = 4
  /// Members inside one another.
  private static let longestPath = 3
  /// Bytes of a name that is tried: it is looked up for each schema of each union.
  private static let longestName = 256
  /// Schemas of members that are looked into for further members, for one union.
  private static let enteredSchemas = 64
  /// Schemas and members that are looked at in search of paths, for all unions together: beyond,
  /// unions are tried branch by branch.
  private static let mostSighted = 500_000
  /// What the values may weigh of all unions together: twice what plain ones come to that no two
  /// unions share.
  private static let mostWeighed = 2 * SchemaLimits.selectedValues
  /// The same of all that is looked at, also for members that are not chosen then.
  private static let mostTried = 4 * mostWeighed
  /// Schemas that are asked for demands on members: each answer is remembered, for each path.
  private static let mostAsked = 500_000

  init(_ graph: [GraphNode]) { self.graph = graph }

  /// How schemas are best told apart, or nil where no way leaves half of them at most.
  ///
  /// - Parameter schemas: nil stands for one of which nothing is known.
  mutating func choice(_ schemas: [Int?]) -> Choice? {
    guard schemas.count > 1 else { return nil }
    return best(schemas, by: [[]] + paths(schemas, isNested: false))
      ?? best(schemas, by: paths(schemas, isNested: true))
  }

  private mutating func best(_ schemas: [Int?], by paths: [[ByteSlice]]) -> Choice? {
    var best: Choice?
    let before = weighed
    var chosen = weighed
    for path in paths {
      // Only the values of the path that is chosen are written out.
      weighed = before
      var choice = Choice(path: path)
      for (position, schema) in schemas.enumerated() {
        let demand = demand(of: path, in: schema)
        choice.add(affordable(demand), position)
        if 2 * choice.rest.count > schemas.count { break }
      }
      if 2 * choice.most <= schemas.count, choice.most < best?.most ?? .max {
        best = choice
        chosen = weighed
      }
      if best?.most == 1 { break }
    }
    weighed = chosen
    return best
  }

  /// The same demand, or one of which nothing is known where its values, with those of all unions
  /// before, would weigh too much: each union writes out all of its own, also those that it shares
  /// with others. What does not fit leaves the room to others.
  private mutating func affordable(_ demand: Demand) -> Demand {
    var weight = 0
    for value in demand.values ?? [] {
      tried += 1
      weight += Int(value.token.extent) + value.raw.count / 64
      guard weighed + weight <= Self.mostWeighed, tried + weight <= Self.mostTried else {
        return Demand()
      }
    }
    tried += weight
    weighed += weight
    return demand
  }

  private mutating func demand(of path: [ByteSlice], in schema: Int?) -> Demand {
    guard let schema else { return Demand() }
    if path.isEmpty {
      return Demand(values: values(of: schema), takesAbsent: false, takesOthers: false)
    }
    return demand(of: path, in: schema)
  }

  /// Paths to members that a branch names the values of, those first that it has to have.
  ///
  /// - Parameter isNested: those of members of members, else of members of the value.
  private mutating func paths(_ schemas: [Int?], isNested: Bool) -> [[ByteSlice]] {
    var left = Self.enteredSchemas
    for case let schema? in schemas.prefix(Self.triedBranches) {
      var found: [[ByteSlice]] = []
      var seen: Set<Int> = []
      if isNested {
        collectNested(of: schema, below: [], into: &found, &seen, &left)
      } else {
        collectMembers(of: schema, below: [], into: &found, &seen)
      }
      if !found.isEmpty {
        let required = found.filter { !demand(of: $0, in: schema).takesAbsent }
        let ordered = required + found.filter { !required.contains($0) }
        return Array(ordered.prefix(Self.triedMembers))
      }
    }
    return []
  }

  /// Whether a schema is to be looked into for members: many ways may lead to one.
  private mutating func enters(_ schema: Int, _ seen: inout Set<Int>) -> Bool {
    sighted += 1
    return sighted < Self.mostSighted && seen.insert(schema).inserted
  }

  /// - Parameter seen: the schemas that were looked into at this path.
  private mutating func collectMembers(
    of schema: Int, below path: [ByteSlice], into found: inout [[ByteSlice]],
    _ seen: inout Set<Int>
  ) {
    guard enters(schema, &seen) else { return }
    for property in graph[schema].object?.properties ?? [] {
      sighted += 1
      guard found.count < 2 * Self.triedMembers, sighted < Self.mostSighted else { return }
      guard property.name.count <= Self.longestName, values(of: property.schema) != nil
      else { continue }
      let path = path + [property.name]
      if !found.contains(path) { found.append(path) }
    }
    for part in parts(of: schema) where found.count < 2 * Self.triedMembers {
      collectMembers(of: part, below: path, into: &found, &seen)
    }
  }

  /// The same of the members' members.
  private mutating func collectNested(
    of schema: Int, below path: [ByteSlice], into found: inout [[ByteSlice]],
    _ seen: inout Set<Int>, _ left: inout Int
  ) {
    guard enters(schema, &seen) else { return }
    for property in graph[schema].object?.properties ?? [] {
      guard left > 0, found.count < 2 * Self.triedMembers else { return }
      left -= 1
      guard property.name.count <= Self.longestName else { continue }
      let path = path + [property.name]
      var members: Set<Int> = []
      collectMembers(of: property.schema, below: path, into: &found, &members)
      if path.count + 1 < Self.longestPath {
        var nested: Set<Int> = []
        collectNested(of: property.schema, below: path, into: &found, &nested, &left)
      }
    }
    for part in parts(of: schema) where found.count < 2 * Self.triedMembers {
      collectNested(of: part, below: path, into: &found, &seen, &left)
    }
  }

  /// Schemas that a value keeps with this one, of which one may name its members.
  private func parts(of schema: Int) -> [Int] {
    var parts: [Int] = []
    for branch in graph[schema].branches {
      switch branch {
      case .reference(let target): parts.append(target)
      case .all(let schemas): parts += schemas.prefix(Self.triedBranches)
      case .any(let schemas), .one(let schemas): parts += schemas.prefix(1)
      default: break
      }
    }
    return parts
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

  /// The demand of a schema on what lies at a path of one name or more.
  private mutating func demand(of path: [ByteSlice], in schema: Int) -> Demand {
    let question = Question(schema: schema, path: path)
    if let known = demands[question] { return known }
    let node = graph[schema]
    asked += Self.effort(node)
    guard asked <= Self.mostAsked else { return Demand() }
    var demand = Demand()
    if !node.types.contains(.object) {
      demand.values = []
      demand.takesAbsent = false
    }
    demand.takesOthers = !node.types.isSubset(of: .object)
    if let object = node.object { demand.narrow(by: self.demand(of: path, in: object)) }
    for branch in node.branches {
      switch branch {
      case .reference(let target): demand.narrow(by: self.demand(of: path, in: target))
      case .all(let schemas):
        for schema in schemas { demand.narrow(by: self.demand(of: path, in: schema)) }
      case .any(let schemas), .one(let schemas):
        var either = Demand(values: [], takesAbsent: false, takesOthers: false)
        for schema in schemas { either.widen(by: self.demand(of: path, in: schema)) }
        demand.narrow(by: either)
      default: break
      }
    }
    demand.values = kept(demand.values)
    demands[question] = demand
    return demand
  }

  /// What asking a schema for its demand on a member takes: the names that it passes over and the
  /// branches that it asks in turn, beside itself.
  private static func effort(_ node: GraphNode) -> Int {
    var effort = 1
    if let object = node.object {
      effort += (object.required.count + object.properties.count) / 16
    }
    for branch in node.branches {
      switch branch {
      case .all(let schemas), .any(let schemas), .one(let schemas): effort += schemas.count / 4
      default: break
      }
    }
    return effort
  }

  /// The demand of the rules for an object's members.
  private mutating func demand(of path: [ByteSlice], in object: ObjectConstraint) -> Demand {
    let isRequired = object.required.contains(path[0])
    let property = object.properties.first { $0.name == path[0] }
    guard path.count > 1 else {
      return Demand(
        values: property.flatMap { values(of: $0.schema) }, takesAbsent: !isRequired)
    }
    guard let property else { return Demand() }
    var demand = self.demand(of: Array(path.dropFirst()), in: property.schema)
    // What is no object there has nothing at the path's end either.
    demand.takesAbsent = !isRequired || demand.takesAbsent || demand.takesOthers
    demand.takesOthers = true
    return demand
  }

  /// The same values, unless they would be too many in all.
  private mutating func kept(_ values: [JSONNode]?) -> [JSONNode]? {
    guard let values else { return nil }
    gathered += values.count
    return gathered <= SchemaLimits.selectedValues ? values : nil
  }
}
