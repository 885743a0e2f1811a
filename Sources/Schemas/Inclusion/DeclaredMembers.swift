import Bytes
import JSONText

/// What the schemas that hold for one value declare inside it: its members, by `properties`,
/// `patternProperties`, `required` and the `dependent…` keywords, and its items.
struct DeclaredMembers {
  /// A way into a value.
  enum Step: Hashable {
    case member(ByteSlice)
    case item(Int)
  }

  /// How many members and items there may be, and whether items differ. Of two schemas that say the
  /// same of it neither refuses for it what the other takes.
  struct Counts: Equatable {
    var leastMembers = 0
    var mostMembers: Int?
    var leastItems = 0
    var mostItems: Int?
    var itemsDiffer = false
  }

  /// Whether it is a single schema, in which only `properties` and `items` speak of what they name,
  /// and nothing else but `counts` of all that is there.
  private(set) var isPlain: Bool
  /// Of a plain one.
  private(set) var counts = Counts()
  /// The different patterns of names, as bytes.
  private(set) var patterns: [ByteSlice] = []
  /// Steps that it took to make it.
  private(set) var weight: Int

  private let trace: SchemaTrace
  private let here: [Int]
  private var named: [ByteSlice: [Int]] = [:]
  private var matched: [ByteSlice: (pattern: Pattern, schemas: [Int])] = [:]
  private var required: Set<ByteSlice> = []
  private var hasItems = false
  /// Items in front that have schemas of their own.
  private var reach = 0

  /// What trying one pattern on one name may cost, in the engine's units.
  private static let patternFuel = 10_000

  init(_ trace: SchemaTrace, _ here: [Int]) {
    self.trace = trace
    self.here = here
    isPlain = here.count == 1
    weight = here.count
    for index in here {
      let node = trace.nodes[index]
      if !node.branches.isEmpty { isPlain = false }
      if let rule = node.array { add(rule) }
      if let rule = node.object { add(rule) }
    }
  }

  private mutating func add(_ rule: ArrayConstraint) {
    hasItems = true
    reach = max(reach, rule.prefix.count)
    counts.leastItems = rule.minimum
    counts.mostItems = rule.maximum
    counts.itemsDiffer = rule.unique
    if rule.contains != nil { isPlain = false }
  }

  private mutating func add(_ rule: ObjectConstraint) {
    counts.leastMembers = rule.minimum
    counts.mostMembers = rule.maximum
    if rule.names != nil || !rule.patterns.isEmpty || !rule.dependentRequired.isEmpty
      || !rule.dependentSchemas.isEmpty
    {
      isPlain = false
    }
    for (name, schema) in rule.properties { named[name, default: []].append(schema) }
    for (pattern, schema) in rule.patterns {
      let source = ByteSlice(utf8: pattern.source)
      if matched[source] == nil { patterns.append(source) }
      matched[source, default: (pattern: pattern, schemas: [])].schemas.append(schema)
    }
    required.formUnion(rule.required)
    declare(rule.required)
    for (name, others) in rule.dependentRequired { declare([name] + others) }
    declare(rule.dependentSchemas.map(\.name))
    weight += rule.properties.count + 2 * rule.patterns.count
  }

  /// Names that are there without a schema.
  private mutating func declare(_ names: [ByteSlice]) {
    for name in names where named[name] == nil { named[name] = [] }
    weight += names.count
  }

  // MARK: - Looking

  /// The schemas of a member or an item; nil where none is declared.
  ///
  /// - Parameters:
  ///   - isCertain: whether a name that a pattern may fit or not counts as not declared.
  ///   - fuel: what the look takes is subtracted.
  func schemas(of step: Step, isCertain: Bool = false, _ fuel: inout Int) -> [Int]? {
    fuel -= 1
    switch step {
    case .member(let name):
      var found = named[name]
      for source in patterns {
        guard fuel > 0, let (pattern, schemas) = matched[source] else { break }
        var rest = Self.patternFuel
        let fits = trace.judge.matches(pattern, name, fuel: &rest)
        fuel -= 1 + (Self.patternFuel - max(rest, 0)) / Judge.unitsPerStep
        if fits ?? !isCertain { found = (found ?? []) + schemas }
      }
      return found
    case .item(let position):
      guard hasItems else { return nil }
      fuel -= here.count
      let found = here.flatMap { trace.items($0, at: position) }
      return found.isEmpty ? nil : found
    }
  }

  /// The same for a step of a pointer, which may mean either.
  func schemas(at token: ByteSlice, isCertain: Bool = false, _ fuel: inout Int) -> [Int]? {
    let members = schemas(of: .member(token), isCertain: isCertain, &fuel)
    guard let position = JSONPointer.index(token),
      let items = schemas(of: .item(position), isCertain: isCertain, &fuel)
    else { return members }
    return (members ?? []) + items
  }

  /// The schemas of names that fit these patterns and no others; nil where it has none of them.
  func schemas(fitting patterns: [ByteSlice], _ fuel: inout Int) -> [Int]? {
    fuel -= patterns.count
    let found = patterns.compactMap { matched[$0]?.schemas }
    return found.isEmpty ? nil : found.flatMap(\.self)
  }

  /// All steps that it may say something of: names, with patterns also those of `others`, and
  /// places up to the first of those that are alike here and there.
  func steps(besides others: [DeclaredMembers]) -> [Step] {
    var names = Set(named.keys)
    if !patterns.isEmpty { for other in others { names.formUnion(other.named.keys) } }
    let members = names.sorted().map { Step.member($0) }
    guard hasItems else { return members }
    let last = others.reduce(reach) { max($0, $1.reach) }
    return members + (0...last).map { Step.item($0) }
  }

  func requires(_ step: Step) -> Bool {
    if case .member(let name) = step { required.contains(name) } else { false }
  }
}
