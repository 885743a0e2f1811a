import Bytes
import JSONText

extension ClassificationComparison {
  /// One way into a value.
  enum Step {
    case named(ByteSlice)
    /// A name that fits the older one's pattern, the newer one's, or neither. That it could fit
    /// others of the newer one, too, would only add labels.
    case fitting(older: Int?, newer: Int?)
    case item(Int)
  }

  /// All ways from here at which the two could differ.
  mutating func steps(_ olderPlaces: [Int32], _ newerPlaces: [Int32]) -> [Step] {
    var (names, items) = (Set<ByteSlice>(), 0)
    let olderPatterns = older.gather(olderPlaces, &names, &items)
    let newerPatterns = newer.gather(newerPlaces, &names, &items)
    fuel &-= 2 * (names.count + items)
    fuel &-= (olderPatterns.count + 1) * (newerPatterns.count + 1)
    guard fuel >= 0 else { return [] }
    var steps = names.sorted().map { Step.named($0) }
    func add(_ older: Int?, _ newer: Int?) { steps.append(.fitting(older: older, newer: newer)) }
    for pattern in olderPatterns {
      // What fits a pattern here fits the same one there.
      let own = older.patterns[pattern]
      if let same = newerPatterns.first(where: { newer.patterns[$0].isSame(as: own) }) {
        add(pattern, same)
      } else {
        add(pattern, nil)
        for other in newerPatterns { add(pattern, other) }
      }
    }
    add(nil, nil)
    for pattern in newerPatterns { add(nil, pattern) }
    return steps + (0...items).map { .item($0) }
  }

  /// The way on one of the sides; nil where it cannot be told.
  mutating func way(
    _ step: Step, of side: SchemaClassification, _ pick: (Int?, Int?) -> Int?, _ places: [Int32]
  ) -> SchemaClassification.Way? {
    switch step {
    case .named(let name):
      var fitting: Set<Int> = []
      for place in places {
        for (pattern, _) in side.nodes[Int(place)].members?.patterns ?? [] {
          guard let fits = side.fits(pattern, name, matcher, fuel: &fuel) else { return nil }
          if fits { fitting.insert(pattern) }
        }
      }
      return .member(name, fitting)
    case .fitting(let older, let newer):
      return .member(nil, Set([pick(older, newer)].compactMap { $0 }))
    case .item(let index): return .item(index)
    }
  }
}

extension ClassificationComparison.Step {
  func text(_ older: SchemaClassification) -> String {
    switch self {
    case .named(let name): JSONPointer.cut(name, to: SchemaLimits.pointerBytes)
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

  /// The places and all that could apply to the same value, sorted; nil where that would cost more
  /// than there is.
  func closure(_ seeds: [Int32], _ fuel: inout Int) -> [Int32]? {
    var open = seeds
    var all: Set<Int32> = []
    while let number = open.popLast() {
      fuel &-= 1
      guard fuel >= 0 else { return nil }
      guard all.insert(number).inserted else { continue }
      fuel &-= nodes[Int(number)].inPlace.count
      open += nodes[Int(number)].inPlace
    }
    return all.sorted()
  }

  /// Adds the names and the number of items that these places tell apart; returns their patterns,
  /// sorted.
  func gather(
    _ places: [Int32], _ names: inout Set<ByteSlice>, _ items: inout Int
  ) -> [Int] {
    var found: Set<Int> = []
    for number in places {
      let node = nodes[Int(number)]
      names.formUnion(node.members?.named.keys.map { $0 } ?? [])
      found.formUnion(node.members?.patterns.map(\.pattern) ?? [])
      items = max(items, node.items?.prefix.count ?? -1)
    }
    return found.sorted()
  }

  /// What one way from these places costs.
  func weight(_ places: [Int32]) -> Int {
    places.reduce(0) { $0 + 1 + (nodes[Int($1)].members?.patterns.count ?? 0) }
  }

  /// Labels of values inside one that these places are about.
  func below(_ places: [Int32]) -> Below {
    places.reduce(into: Below()) { $0.add(nodes[Int($1)].below) }
  }

  /// The schemas of what lies on a way from some places.
  func inside(_ places: [Int32], of way: Way) -> [Int32] {
    var seeds: [Int32] = []
    func add(_ schema: Int32?) {
      if let schema { seeds.append(schema) }
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
        if named.isEmpty { add(members.additional) }
        add(members.unevaluated)
      case .item(let index):
        guard let items = node.items else { continue }
        if index < items.prefix.count {
          seeds.append(items.prefix[index])
        } else {
          add(items.rest)
        }
        add(items.contains)
        add(items.unevaluated)
      }
    }
    return seeds
  }
}
