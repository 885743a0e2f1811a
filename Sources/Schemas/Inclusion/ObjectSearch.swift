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
    guard search.closing, !rules.writerIsExplicit, let declared = outline.declared else {
      return false
    }
    let most = max(declared.names.count, rules.writerNames.count)
    guard declared.patterns.isEmpty, most < rules.writerMinimum else { return true }
    // A writer that asks for more members than it declares means others too.
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
    if isClosed { more.formUnion(rules.writerNames) }
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
    if isClosed, !rules.writerNames.contains(name),
      outline.declared?.covers(name, search.judge) == false
    {
      return nil
    }
    for rule in rules.nameRules {
      if search.judge.agrees(.string(name), rule, in: search.pair) == false { return nil }
    }
    var literals = outline.literals(for: name, search.judge)
    for (coverage, literal) in rules.uncovered
    where coverage.covers(name, search.judge) == false {
      literals.append(literal)
    }
    return literals
  }

  /// Names that no rule mentions, by region: each with the names that were looked for.
  private func others(
    _ count: Int,
    where more: (matching: Pattern?, leftOver: Coverage?, broken: Literal?) = (
      nil, nil, nil
    )
  ) -> (regions: [[ByteSlice]], isComplete: Bool) {
    guard patterns.count <= Self.mostPatterns else { return ([], false) }
    let mentioned = Set(names())
    var regions: [[ByteSlice]] = []
    var isComplete = true
    for bits in 0..<(1 << patterns.count) {
      func matches(_ pattern: Pattern) -> Bool {
        patterns.firstIndex { $0.isSame(as: pattern) }.map { bits >> $0 & 1 == 1 } ?? false
      }
      if isClosed, outline.declared?.patterns.contains(where: matches) != true { continue }
      if let pattern = more.matching, !matches(pattern) { continue }
      if let coverage = more.leftOver, coverage.patterns.contains(where: matches) { continue }
      var strings = StringRules()
      for (index, pattern) in patterns.enumerated() {
        if bits >> index & 1 == 1 {
          strings.matches.append(pattern)
        } else {
          strings.mismatches.append(pattern)
        }
      }
      strings.excluded = mentioned
      let found = search.strings(
        strings, agreeing: rules.nameRules + (more.broken.map { [$0] } ?? []), count)
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
    func put(_ name: ByteSlice) {
      var next = needs
      next[name, default: []] += member.value.map { [$0] } ?? []
      place(index + 1, next, wanted, into: &found)
    }
    for name in names(and: needs) where admits(member.names, name) { put(name) }
    let fresh: (regions: [[ByteSlice]], isComplete: Bool)
    let count = rules.someMembers.count + 1
    switch member.names {
    case .matching(let pattern): fresh = others(count, where: (pattern, nil, nil))
    case .leftOver(let coverage): fresh = others(count, where: (nil, coverage, nil))
    case .all(let literal): fresh = others(count, where: (nil, nil, literal))
    }
    if !fresh.isComplete { found.isComplete = false }
    for region in fresh.regions {
      if let name = region.first(where: { needs[$0] == nil }) { put(name) }
    }
  }

  /// Whether a demand for some member may be met by this name.
  private func admits(_ wanted: SomeMember.Names, _ name: ByteSlice) -> Bool {
    switch wanted {
    case .matching(let pattern): return search.judge.matches(pattern, name) != false
    case .leftOver(let coverage): return coverage.covers(name, search.judge) != true
    case .all(let literal):
      return search.judge.agrees(.string(name), literal, in: search.pair) != false
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
      let value = Instance.object(of: other)
      if found.values.count < wanted, !found.values.contains(value) { found.values.append(value) }
    }
    for (name, values) in lists.sorted(by: { $0.key < $1.key }) {
      for value in values.dropFirst() {
        var other = members
        other[name] = value
        add(other)
      }
    }
    if members.count < rules.maximum {
      for (name, value) in optional.dropFirst(missing) {
        var other = members
        other[name] = value
        add(other)
      }
    }
    let varying = lists.values.filter { $0.count > 1 }.count
    found.isComplete = isFinite && varying <= 1 && found.values.count < wanted
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
