import Bytes
public import Tenancy

/// A value that readers would see more of under a newer classification than under an older one.
public struct Loosening: Equatable, Sendable {
  /// Where, as `/customer/email`; `*` is any member or item, `~` and a pattern those that fit it.
  public let place: String
  /// The label that the older one has there; nil where it is about what is not described, or could
  /// not be told.
  public let label: ClassLabel?
  /// What has become of it, as a sentence's end.
  public let message: String

  public init(place: String, label: ClassLabel?, message: String) {
    self.place = place
    self.label = label
    self.message = message
  }
}

/// Whether one classification hides at least what another does: at every place that the older one
/// labels, the newer one must have the label, or one that the label is within, with a replacement
/// that leaves no more of the value. A walk over the places of both at once; what it cannot follow
/// counts as loosened. Cold: registration only, on a worker.
public struct ClassificationComparison {
  private typealias Labels = SchemaClassification.Labels

  /// One way into a value.
  fileprivate enum Step {
    case named(ByteSlice)
    /// A name that fits the older one's pattern, the newer one's, or neither.
    case fitting(older: Int?, newer: Int?)
    case item(Int)
  }

  private struct State: Hashable {
    let older: [Int32]
    let newer: [Int32]
    let covered: [UInt8]
  }

  private let older: SchemaClassification
  private let newer: SchemaClassification
  /// By label of the newer one: those of the older one that are within it.
  private let within: [Labels]
  private let matcher = PatternMatcher()
  private var known: Set<State> = []
  private var found: [Loosening] = []

  /// What a newer classification shows that the older one hides; empty where it is as strict.
  ///
  /// - Parameter newer: nil for a schema without labels.
  public static func loosenings(
    from older: SchemaClassification, to newer: SchemaClassification?
  ) -> [Loosening] {
    guard let newer else {
      return older.labels.prefix(SchemaLimits.loosenings).map {
        Loosening(place: "", label: $0, message: "is not there any more")
      }
    }
    var comparison = ClassificationComparison(older, newer)
    if older.hidesUndeclared, !newer.hidesUndeclared {
      comparison.tell("", nil, "what no schema describes passes")
    }
    comparison.compare(
      [0], [0], covered: Array(repeating: 0, count: older.labels.count), at: "")
    return comparison.found
  }

  private init(_ older: SchemaClassification, _ newer: SchemaClassification) {
    self.older = older
    self.newer = newer
    within = newer.labels.map { label in
      older.labels.indices.reduce(0) {
        older.labels[$1].isWithin(label) ? $0 | 1 << Labels($1) : $0
      }
    }
  }

  private mutating func tell(_ place: String, _ label: ClassLabel?, _ message: String) {
    let new = Loosening(place: place, label: label, message: message)
    guard found.count < SchemaLimits.loosenings, !found.contains(new) else { return }
    found.append(new)
  }

  /// - Parameter covered: by label of the older one, how strictly the newer one hides it because of
  ///   the values around: 0 not at all, else the replacement's number and 1.
  private mutating func compare(
    _ olderSeeds: [Int32], _ newerSeeds: [Int32], covered: [UInt8], at place: String
  ) {
    let olderPlaces = older.closure(olderSeeds)
    let newerPlaces = newer.closure(newerSeeds)
    var covered = covered
    for number in newerPlaces {
      for mark in newer.nodes[Int(number)].marks { cover(mark, &covered) }
    }
    let state = State(older: olderPlaces, newer: newerPlaces, covered: covered)
    guard known.insert(state).inserted else { return }
    guard known.count < SchemaLimits.comparedPlaces, place.utf8.count < 4_096 else {
      return tell(place, nil, "cannot be compared: there are too many places")
    }
    for number in olderPlaces {
      for mark in older.nodes[Int(number)].marks { check(mark, covered, at: place) }
    }
    guard found.count < SchemaLimits.loosenings else { return }
    for step in steps(olderPlaces, newerPlaces) {
      let olderInside = older.inside(olderPlaces, of: step.older(matcher, older)).seeds
      guard olderInside.contains(where: { older.nodes[Int($0)].reach != 0 }) else { continue }
      let (newerInside, isDescribed) = newer.inside(newerPlaces, of: step.newer(matcher, newer))
      var inside = covered
      if !isDescribed, newer.hidesUndeclared {
        cover(SchemaClassification.Mark(labels: .max, replacement: step.undescribed), &inside)
      }
      compare(olderInside, newerInside, covered: inside, at: place + "/" + step.text(older))
    }
  }

  private func cover(_ mark: SchemaClassification.Mark, _ covered: inout [UInt8]) {
    var labels: Labels = 0
    for (number, inner) in within.enumerated() where mark.labels >> Labels(number) & 1 == 1 {
      labels |= inner
    }
    for index in covered.indices where labels >> Labels(index) & 1 == 1 {
      covered[index] = max(covered[index], mark.replacement.rawValue + 1)
    }
  }

  private mutating func check(
    _ mark: SchemaClassification.Mark, _ covered: [UInt8], at place: String
  ) {
    for index in covered.indices where mark.labels >> Labels(index) & 1 == 1 {
      if covered[index] == 0 {
        tell(place, older.labels[index], "is not there any more")
      } else if !mark.replacement.isKept(by: covered[index] - 1) {
        tell(place, older.labels[index], "is replaced by something that shows more")
      }
    }
  }

  /// All ways from here at which the two could differ.
  private func steps(_ olderPlaces: [Int32], _ newerPlaces: [Int32]) -> [Step] {
    var names: Set<ByteSlice> = []
    var olderPatterns: Set<Int> = []
    var newerPatterns: Set<Int> = []
    var items = 0
    for number in olderPlaces {
      let node = older.nodes[Int(number)]
      names.formUnion(node.members?.named.keys.map { $0 } ?? [])
      olderPatterns.formUnion(node.members?.patterns.map(\.pattern) ?? [])
      items = max(items, node.items?.prefix.count ?? -1)
    }
    for number in newerPlaces {
      let node = newer.nodes[Int(number)]
      names.formUnion(node.members?.named.keys.map { $0 } ?? [])
      newerPatterns.formUnion(node.members?.patterns.map(\.pattern) ?? [])
      items = max(items, node.items?.prefix.count ?? -1)
    }
    var steps = names.sorted().map { Step.named($0) }
    for pattern in olderPatterns.sorted() {
      // What fits a pattern here fits the same one there.
      let same = newerPatterns.first { newer.patterns[$0].source == older.patterns[pattern].source }
      let others = same.map { [$0] } ?? [nil] + newerPatterns.sorted()
      steps += others.map { .fitting(older: pattern, newer: $0) }
    }
    let known = Set(olderPatterns.map { older.patterns[$0].source })
    for pattern in [nil] + newerPatterns.sorted()
    where pattern.map({ !known.contains(newer.patterns[$0].source) }) ?? true {
      steps.append(.fitting(older: nil, newer: pattern))
    }
    return steps + (0...items).map { .item($0) }
  }
}

extension ClassificationComparison.Step {
  fileprivate func older(
    _ matcher: PatternMatcher, _ side: SchemaClassification
  ) -> SchemaClassification.Way {
    way(side, matcher) { older, _ in older }
  }

  fileprivate func newer(
    _ matcher: PatternMatcher, _ side: SchemaClassification
  ) -> SchemaClassification.Way {
    way(side, matcher) { _, newer in newer }
  }

  private func way(
    _ side: SchemaClassification, _ matcher: PatternMatcher, _ pick: (Int?, Int?) -> Int?
  ) -> SchemaClassification.Way {
    switch self {
    case .named(let name):
      let fitting = side.patterns.indices.filter { pattern in
        var fuel = SchemaLimits.fuel
        // One that cannot be told may have the labels.
        return side.fits(pattern, name, matcher, fuel: &fuel) ?? true
      }
      return .member(name, Set(fitting))
    case .fitting(let older, let newer):
      return .member(nil, Set([pick(older, newer)].compactMap { $0 }))
    case .item(let index): return .item(index)
    }
  }

  /// What happens to what is not described.
  fileprivate var undescribed: Replacement {
    if case .item = self { return .null }
    return .drop
  }

  fileprivate func text(_ older: SchemaClassification) -> String {
    switch self {
    case .named(let name): name.text
    case .fitting(let pattern?, _): "~" + older.patterns[pattern].source
    case .fitting, .item: "*"
    }
  }
}

extension SchemaClassification {
  /// A way into a value.
  enum Way {
    /// A name, nil for one that no schema names, and the patterns that it fits.
    case member(ByteSlice?, Set<Int>)
    case item(Int)
  }

  /// The places and all that could apply to the same value, sorted.
  func closure(_ seeds: [Int32]) -> [Int32] {
    var open = seeds
    var all: Set<Int32> = []
    while let number = open.popLast() {
      if all.insert(number).inserted { open += nodes[Int(number)].inPlace }
    }
    return all.sorted()
  }

  /// The schemas of what lies on a way from some places, and whether any describes it.
  func inside(_ places: [Int32], of way: Way) -> (seeds: [Int32], isDescribed: Bool) {
    var seeds: [Int32] = []
    var isDescribed = false
    func add(_ schema: Int32?) {
      guard let schema else { return }
      seeds.append(schema)
      isDescribed = isDescribed || !nodes[Int(schema)].isBare
    }
    for number in places {
      let node = nodes[Int(number)]
      switch way {
      case .member(let name, let patterns):
        guard let members = node.members else { continue }
        let named =
          [name.flatMap { members.named[$0] }].compactMap { $0 }
          + members.patterns.filter { patterns.contains($0.pattern) }.map(\.schema)
        seeds += named
        isDescribed = isDescribed || !named.isEmpty
        if named.isEmpty { add(members.additional) }
        add(members.unevaluated)
      case .item(let index):
        guard let items = node.items else { continue }
        if index < items.prefix.count {
          seeds.append(items.prefix[index])
          isDescribed = true
        } else {
          add(items.rest)
        }
        add(items.contains)
        add(items.unevaluated)
      }
    }
    return (seeds, isDescribed)
  }
}

extension Replacement {
  /// Whether the replacement of a number shows no more than this one.
  fileprivate func isKept(by number: UInt8) -> Bool {
    guard let other = Replacement(rawValue: number) else { return false }
    return other == self || other > self && other >= .fixed
  }
}
