import Bytes
import JSONText

/// What a value must be like in one case of the search: the constraints of one kind of value that
/// a set of literals comes to once every union in it has been decided.
struct Case {
  let kind: ValueKind
  /// The literals that the value must agree with; known values are judged by them.
  let goal: [Literal]

  // The search's own.
  var pending: [Literal]
  var seen: Set<Literal> = []
  /// Kept schemas in the case, which others may turn out to exclude.
  var kept: [Literal] = []
  var choices: [Choice] = []
  /// Where the last decision against the reader was taken, for reasons.
  var place: (literal: Literal, keyword: String)?

  /// The only values possible, where a `const` or `enum` names them.
  var candidates: [Instance]?
  /// Values that are not possible.
  var excluded: [Instance] = []
  /// Whether something was left out that could only make the case smaller.
  var isApproximate = false

  /// Code points, items or members.
  var minimum = 0
  var maximum = Int.max

  // Numbers.
  var lower: NumberBound?
  var upper: NumberBound?
  var multiples: [JSONNumber] = []
  var nonMultiples: [JSONNumber] = []

  // Strings.
  var strings = StringRules()

  // Arrays.
  var arrayShapes: [Literal] = []
  var itemsAt: [(index: Int, literal: Literal)] = []
  /// An item at this index or behind it.
  var itemsFrom: [(index: Int, literal: Literal)] = []
  /// What every item from this index on must agree with.
  var restFrom: [(index: Int, literal: Literal)] = []
  var contains: [(literal: Literal, minimum: Int, maximum: Int)] = []
  var isUnique = false
  var hasDuplicates = false

  // Objects.
  var objectShapes: [Literal] = []
  /// What every member's name must keep.
  var nameRules: [Literal] = []
  var required: Set<ByteSlice> = []
  var absent: Set<ByteSlice> = []
  var members: [(name: ByteSlice, literal: Literal)] = []
  /// What the values of members that nothing covers must agree with.
  var uncovered: [(coverage: Coverage, literal: Literal)] = []
  /// Members that must be there under some name or other.
  var someMembers: [SomeMember] = []
  /// Names that the writer mentions without `properties`, and how many members it wants.
  var writerNames: Set<ByteSlice> = []
  /// Names of branches of which it is not decided whether they hold: there may be such members, but
  /// they do not count as declared.
  var writerMayName: Set<ByteSlice> = []
  var writerMinimum = 0
  /// Whether the writer says something explicit about members that it does not declare.
  var writerIsExplicit = false

  init(_ kind: ValueKind, goal: [Literal]) {
    self.kind = kind
    self.goal = goal
    pending = goal.reversed()
  }
}

/// A bound of numbers.
struct NumberBound {
  let value: JSONNumber
  let isExclusive: Bool

  func isTighter(than other: NumberBound?, upwards: Bool) -> Bool {
    guard let other else { return true }
    if value == other.value { return isExclusive }
    return upwards ? value > other.value : value < other.value
  }
}

/// A member that must be there, its name among those that `names` says.
struct SomeMember {
  enum Names {
    case matching(Pattern)
    /// Those that some properties and patterns leave over.
    case leftOver(by: Coverage)
    /// Those that break a schema.
    case all(Literal)
  }

  let names: Names
  /// What its value must be; nil where only the name matters.
  let value: Literal?
}

/// The members, and items, that some keywords take.
struct Coverage {
  var names: Set<ByteSlice> = []
  var patterns: [Pattern] = []
  /// Whether they take every member.
  var allMembers = false
  /// Items in front; `.max` for all.
  var items = 0

  mutating func add(_ rule: ObjectConstraint) {
    names.formUnion(rule.properties.map(\.name))
    patterns += rule.patterns.map(\.pattern)
  }

  /// Whether a member is taken; nil where a pattern meets its limit.
  func covers(_ name: ByteSlice, _ judge: Judge) -> Bool? {
    if allMembers || names.contains(name) { return true }
    var isCertain = true
    for pattern in patterns {
      switch judge.matches(pattern, name) {
      case true?: return true
      case false?: continue
      case nil: isCertain = false
      }
    }
    return isCertain ? false : nil
  }
}

/// A union that is not decided yet.
struct Choice {
  /// The broken schema that it comes from, nil for a union of kept ones.
  let source: Literal?
  var alternatives: [Alternative]
  /// How many kept schemas of the case it has been held against.
  var comparedWith = 0
}

/// One way in which a union can be decided.
struct Alternative {
  var literals: [Literal] = []
  var demands: [Demand] = []
  /// The broken schema and its keyword, for reasons.
  var place: (literal: Literal, keyword: String)?
}

/// One constraint on a value.
enum Demand {
  case above(JSONNumber, isExclusive: Bool)
  case below(JSONNumber, isExclusive: Bool)
  case notMultiple(JSONNumber)
  case atLeast(Int)
  case atMost(Int)
  case mismatch(Pattern)
  case notFormat(StringFormat)
  case notContent(StringContent)
  case not(Instance)
  case item(Int, Literal)
  case itemFrom(Int, Literal)
  case contains(Literal, minimum: Int, maximum: Int)
  case duplicates
  case absent(ByteSlice)
  case present(ByteSlice)
  case member(ByteSlice, Literal)
  case someMember(SomeMember)
  /// Something that is not modelled: stands for any value.
  case unknown
}

extension Case {
  /// Adds a demand; false where it contradicts what is known.
  mutating func add(_ demand: Demand) -> Bool {
    switch demand {
    case .above(let value, let isExclusive):
      let bound = NumberBound(value: value, isExclusive: isExclusive)
      if bound.isTighter(than: lower, upwards: true) { lower = bound }
    case .below(let value, let isExclusive):
      let bound = NumberBound(value: value, isExclusive: isExclusive)
      if bound.isTighter(than: upper, upwards: false) { upper = bound }
    case .notMultiple(let divisor): nonMultiples.append(divisor)
    case .atLeast(let count): minimum = max(minimum, count)
    case .atMost(let count): maximum = min(maximum, count)
    case .mismatch(let pattern): strings.mismatches.append(pattern)
    case .notFormat(let format): strings.notFormats.append(format)
    case .notContent(let content): strings.notContents.append(content)
    case .not(let value): excluded.append(value)
    case .item(let index, let literal):
      itemsAt.append((index, literal))
      minimum = max(minimum, index + 1)
    case .itemFrom(let index, let literal):
      itemsFrom.append((index, literal))
      minimum = max(minimum, index + 1)
    case .contains(let literal, let least, let most): contains.append((literal, least, most))
    case .duplicates: hasDuplicates = true
    case .absent(let name): absent.insert(name)
    case .present(let name): required.insert(name)
    case .member(let name, let literal):
      required.insert(name)
      members.append((name, literal))
    case .someMember(let member): someMembers.append(member)
    case .unknown: isApproximate = true
    }
    return minimum <= maximum
  }

  /// Adds a decided alternative.
  mutating func add(_ alternative: Alternative) -> Bool {
    if let place = alternative.place { self.place = place }
    pending += alternative.literals.reversed()
    for demand in alternative.demands where !add(demand) { return false }
    return true
  }
}
