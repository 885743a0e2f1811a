import Bytes

/// Objects that keep the rules of one case.
///
/// Names fall into those that some rule mentions and, for the others, one region for each way of
/// matching the patterns; all names of a region are alike. An object needs the required members,
/// one for each demand, and as many more as its least count asks for.
struct ObjectSearch {
  private let rules: Case
  private let search: InclusionSearch
  /// What the kept schemas say of names.
  private let outline: ObjectOutline
  /// Whether there are only members that the writer declares.
  private let isClosed: Bool
  private let patterns: [Pattern]

  /// Patterns by which names are told apart.
  static let mostPatterns = 6
  /// Later demands for a name that a new one is held against as well.
  private static let mostBesides = 4

  init(_ rules: Case, _ search: InclusionSearch) {
    self.rules = rules
    self.search = search
    outline = search.outline(of: rules.objectShapes)
    isClosed = Self.isClosed(rules, search, outline)
    var patterns = outline.patterns
    func add(_ more: [Pattern]) {
      for pattern in more where patterns.count <= Self.mostPatterns {
        if !patterns.contains(where: { $0.isSame(as: pattern) }) { patterns.append(pattern) }
      }
    }
    for (coverage, _) in rules.uncovered { add(coverage.patterns) }
    for member in rules.someMembers {
      switch member.names {
      case .matching(let pattern): add([pattern])
      case .leftOver(let coverage): add(coverage.patterns)
      case .all: break
      }
    }
    self.patterns = patterns
  }

  private static func isClosed(
    _ rules: Case, _ search: InclusionSearch, _ outline: ObjectOutline
  ) -> Bool {
    // Names that are only asked for leave a map what it is: whoever writes it has more to say.
    guard search.closing, !rules.writerIsExplicit, let declared = outline.declared else {
      return false
    }
    let most = max(declared.names.count, rules.writerNames.count)
    guard declared.patterns.isEmpty, most < rules.writerMinimum else { return true }
    // A writer that asks for more members than it declares means others too. What a branch may
    // declare that need not hold is not declared yet.
    _ = search.spend(most / 4)
    return declared.names.union(rules.writerNames).count >= rules.writerMinimum
  }

  func values(_ wanted: Int) -> Findings {
    guard rules.required.count <= rules.maximum else { return Findings() }
    // A value is looked for to each of them.
    guard search.spend(rules.required.count) else { return .unknown }
    var needs: [ByteSlice: [Literal]] = [:]
    for name in rules.required { needs[name] = [] }
    for (name, literal) in rules.members { needs[name, default: []].append(literal) }
    var found = Findings()
    place(0, needs, wanted, into: &found)
    return found
  }

  // MARK: - Names

  /// Names that some rule mentions, and those of `needs`, in byte order.
  private func names(and needs: [ByteSlice: [Literal]] = [:]) -> [ByteSlice] {
    var more = rules.required.union(rules.absent).union(needs.keys)
    if isClosed {
      more.formUnion(rules.writerNames)
      more.formUnion(rules.writerMayName)
    }
    for (coverage, _) in rules.uncovered { more.formUnion(coverage.names) }
    for member in rules.someMembers {
      if case .leftOver(let coverage) = member.names { more.formUnion(coverage.names) }
    }
    _ = search.spend((outline.names.count + more.count) / 4)
    more = more.filter { !outline.known.contains($0) }
    return more.isEmpty ? outline.names : (outline.names + more).sorted()
  }

  /// What the value of a member must agree with; nil where no member may have this name.
  private func literals(for name: ByteSlice) -> [Literal]? {
    if rules.absent.contains(name) { return nil }
    if isClosed, !rules.writerNames.contains(name), !rules.writerMayName.contains(name),
      outline.declared?.covers(name, search.judge) == false
    {
      return nil
    }
    for rule in rules.nameRules {
      if search.agrees(.string(name), rule) == false { return nil }
    }
    var literals = outline.literals(for: name, search.judge)
    for (coverage, literal) in rules.uncovered
    where coverage.covers(name, search.judge) == false {
      literals.append(literal)
    }
    return literals
  }

  /// Names that no rule mentions, by region: each with the names that were looked for.
  ///
  /// - Parameters:
  ///   - wanted: which names may be looked for; nil for any.
  ///   - more: what they have to agree with besides.
  private func others(
    _ count: Int, among wanted: SomeMember.Names? = nil, agreeing more: [Literal] = []
  ) -> (regions: [[ByteSlice]], isComplete: Bool) {
    guard patterns.count <= Self.mostPatterns else { return ([], false) }
    var goal = rules.nameRules
    if case .all(let literal)? = wanted { goal.append(literal) }
    goal += more
    let mentioned = Set(names())
    var regions: [[ByteSlice]] = []
    var isComplete = true
    for bits in 0..<(1 << patterns.count) {
      func matches(_ pattern: Pattern) -> Bool {
        patterns.firstIndex { $0.isSame(as: pattern) }.map { bits >> $0 & 1 == 1 } ?? false
      }
      if isClosed, outline.declared?.patterns.contains(where: matches) != true { continue }
      switch wanted {
      case .matching(let pattern)?: if !matches(pattern) { continue }
      case .leftOver(let coverage)?: if coverage.patterns.contains(where: matches) { continue }
      case .all?, nil: break
      }
      var strings = StringRules()
      for (index, pattern) in patterns.enumerated() {
        if bits >> index & 1 == 1 {
          strings.matches.append(pattern)
        } else {
          strings.mismatches.append(pattern)
        }
      }
      strings.excluded = mentioned
      let found = search.strings(strings, agreeing: goal, count)
      let names = found.values.compactMap { value in
        if case .string(let name) = value { name } else { nil }
      }
      // The empty name is a name, but a poor example.
      regions.append(names.filter { !$0.isEmpty } + names.filter(\.isEmpty))
      if !found.isComplete, found.values.count < count { isComplete = false }
    }
    return (regions, isComplete)
  }

  // MARK: - Demands

  /// Gives each demand from the `index`-th on a member, in every way.
  private func place(
    _ index: Int, _ needs: [ByteSlice: [Literal]], _ wanted: Int, into found: inout Findings
  ) {
    guard found.values.count < wanted else { return }
    guard search.spend(1) else {
      found.isComplete = false
      return
    }
    guard index < rules.someMembers.count else {
      found.add(objects(needs, wanted - found.values.count))
      return
    }
    let member = rules.someMembers[index]
    var tried: Set<ByteSlice> = []
    func put(_ name: ByteSlice) {
      guard tried.insert(name).inserted else { return }
      var next = needs
      next[name, default: []] += member.value.map { [$0] } ?? []
      place(index + 1, next, wanted, into: &found)
    }
    for name in names(and: needs) where admits(member.names, name) { put(name) }
    let broken = besides(index)
    if !broken.areAll { found.isComplete = false }
    for more in broken.ways where found.values.count < wanted {
      let fresh = others(rules.someMembers.count + 1, among: member.names, agreeing: more)
      if !fresh.isComplete { found.isComplete = false }
      for region in fresh.regions {
        guard let name = region.first(where: { needs[$0] == nil }) else { continue }
        // Another name may break what this one turns out to keep.
        if more.contains(where: { search.agrees(.string(name), $0) != true }) {
          found.isComplete = false
        }
        put(name)
      }
    }
  }

  /// What a new name for the `index`-th demand may have to break besides, in every way: its member
  /// may have to meet later demands as well, and those for a name are not met by all names of a
  /// region alike.
  private func besides(_ index: Int) -> (ways: [[Literal]], areAll: Bool) {
    var own: Literal?
    if case .all(let literal) = rules.someMembers[index].names { own = literal }
    var later: [Literal] = []
    for member in rules.someMembers[(index + 1)...] {
      guard case .all(let literal) = member.names, literal != own else { continue }
      if !later.contains(literal) { later.append(literal) }
    }
    guard later.count <= Self.mostBesides else { return ([[], later], false) }
    let ways = (0..<(1 << later.count)).map { bits in
      later.indices.filter { bits >> $0 & 1 == 1 }.map { later[$0] }
    }
    return (ways, true)
  }

  /// Whether a demand for some member may be met by this name.
  private func admits(_ wanted: SomeMember.Names, _ name: ByteSlice) -> Bool {
    switch wanted {
    case .matching(let pattern): return search.judge.matches(pattern, name) != false
    case .leftOver(let coverage): return coverage.covers(name, search.judge) != true
    case .all(let literal): return search.agrees(.string(name), literal) != false
    }
  }

  // MARK: - Members

  /// Objects with these members, and as many others as are needed.
  private func objects(_ needs: [ByteSlice: [Literal]], _ wanted: Int) -> Findings {
    guard needs.count <= rules.maximum else { return Findings() }
    var lists: [ByteSlice: [Instance]] = [:]
    var isFinite = true
    // The most telling first: a member without any value ends the case.
    for (name, more) in needs.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
      guard let own = literals(for: name) else { return Findings() }
      let values = search.values(own + more, wanted)
      if values.values.isEmpty { return values }
      lists[name] = values.values
      isFinite = isFinite && values.isComplete
    }
    var members = lists.mapValues { $0[0] }
    var optional: [(name: ByteSlice, value: Instance)] = []
    let missing = max(0, min(rules.minimum, 1 << 16) - members.count)
    let room = rules.maximum - members.count
    if missing > 0 || (wanted > 1 && room > 0) {
      let more = additions(besides: needs, max(missing, min(wanted, room)))
      optional = more.members
      guard optional.count >= missing else {
        return Findings(isComplete: more.isComplete)
      }
      if !more.isComplete || !optional.isEmpty { isFinite = false }
    } else if room > 0 {
      isFinite = false
    }
    for (name, value) in optional.prefix(missing) { members[name] = value }
    var found = Findings(values: [.object(of: members)], isComplete: false)
    func add(_ other: [ByteSlice: Instance]) {
      guard search.spend(1 + other.count / 8) else { return }
      found.insert(.object(of: other))
    }
    for (name, values) in lists.sorted(by: { $0.key < $1.key }) {
      for value in values.dropFirst() where found.values.count < wanted {
        var other = members
        other[name] = value
        add(other)
      }
    }
    if members.count < rules.maximum {
      for (name, value) in optional.dropFirst(missing) where found.values.count < wanted {
        var other = members
        other[name] = value
        add(other)
      }
    }
    let varying = lists.values.filter { $0.count > 1 }.count
    found.isComplete =
      isFinite && varying <= 1 && found.values.count < wanted && search.fuel >= 0
    return found
  }

  /// Up to `count` members that may be added.
  private func additions(
    besides needs: [ByteSlice: [Literal]], _ count: Int
  ) -> (members: [(name: ByteSlice, value: Instance)], isComplete: Bool) {
    var members: [(name: ByteSlice, value: Instance)] = []
    var isComplete = true
    func add(_ name: ByteSlice) {
      guard members.count < count, needs[name] == nil, let own = literals(for: name) else { return }
      let values = search.values(own)
      if let value = values.values.first {
        members.append((name, value))
      } else if !values.isComplete {
        isComplete = false
      }
    }
    for name in names() where members.count < count { add(name) }
    guard members.count < count else { return (members, false) }
    // Names that demands have brought in come from the same regions.
    let fresh = others(count + needs.count)
    for region in fresh.regions { for name in region { add(name) } }
    return (members, isComplete && fresh.isComplete)
  }
}
