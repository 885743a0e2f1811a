/// A pattern as a machine without memory: what of ECMA-262 is regular.
///
/// States are numbered; every step reads one code point. An anchor is a step that reads nothing and
/// is open at the start or at the end of the text only.
struct Automaton {
  struct State {
    var free: [Int] = []
    var atStart: [Int] = []
    var atEnd: [Int] = []
    /// Index into `sets` and the state behind.
    var step: (set: Int, next: Int)?
  }

  private(set) var states: [State] = []
  /// Sorted, disjoint ranges of code points.
  private(set) var sets: [[ClosedRange<UInt32>]] = []
  private(set) var start = 0
  private(set) var end = 0

  static let everything: [ClosedRange<UInt32>] = [0...0xD7FF, 0xE000...CharacterSet.last]

  /// The texts in which `tree` is found; nil where it has more than regular parts, or too many.
  init?(_ tree: PatternTree) {
    start = state()
    let first = state()
    end = state()
    loop(start)
    states[start].free.append(first)
    guard add(tree, from: first, to: end) else { return nil }
    loop(end)
  }

  private mutating func state() -> Int {
    states.append(State())
    return states.count - 1
  }

  /// Any code points, any number of them, at a state.
  private mutating func loop(_ at: Int) {
    let around = state()
    states[around].step = (set(Self.everything), at)
    states[at].free.append(around)
  }

  private mutating func set(_ ranges: [ClosedRange<UInt32>]) -> Int {
    if let known = sets.firstIndex(of: ranges) { return known }
    sets.append(ranges)
    return sets.count - 1
  }

  /// Adds a part between two states; false where it is not regular or too large.
  private mutating func add(_ tree: PatternTree, from: Int, to: Int) -> Bool {
    guard states.count < SchemaLimits.automatonStates else { return false }
    switch tree {
    case .sequence(let items):
      var at = from
      for item in items {
        let next = state()
        guard add(item, from: at, to: next) else { return false }
        at = next
      }
      states[at].free.append(to)
    case .alternatives(let branches):
      for branch in branches {
        let first = state()
        states[from].free.append(first)
        guard add(branch, from: first, to: to) else { return false }
      }
    case .characters(let characters):
      guard let ranges = Self.ranges(characters) else { return false }
      let reading = state()
      states[from].free.append(reading)
      states[reading].step = (set(ranges), to)
    case .group(let inner, _): return add(inner, from: from, to: to)
    case .repeated(let item, let minimum, let maximum, _):
      return add(item, from: from, to: to, minimum, maximum)
    case .start: states[from].atStart.append(to)
    case .end: states[from].atEnd.append(to)
    case .look, .wordBoundary, .reference, .namedReference: return false
    }
    return true
  }

  private mutating func add(
    _ item: PatternTree, from: Int, to: Int, _ minimum: Int, _ maximum: Int?
  ) -> Bool {
    var at = from
    for _ in 0..<minimum {
      let next = state()
      guard add(item, from: at, to: next) else { return false }
      at = next
    }
    guard let maximum else {
      let around = state()
      states[at].free.append(around)
      let back = state()
      guard add(item, from: around, to: back) else { return false }
      states[back].free.append(around)
      states[around].free.append(to)
      return true
    }
    states[at].free.append(to)
    for _ in minimum..<maximum {
      let next = state()
      guard add(item, from: at, to: next) else { return false }
      states[next].free.append(to)
      at = next
    }
    return true
  }

  /// Sorted and disjoint; nil where Unicode properties are among them.
  private static func ranges(_ set: CharacterSet) -> [ClosedRange<UInt32>]? {
    guard set.properties.isEmpty else { return nil }
    let outside = CharacterSet.complement(set.ranges)
    return set.negated ? outside : CharacterSet.complement(outside)
  }

  /// Whether it accepts the empty text.
  var acceptsNothing: Bool { closure([start], isStart: true, isEnd: true).contains(end) }

  /// The states that are reached from `from` without reading.
  func closure(_ from: [Int], isStart: Bool, isEnd: Bool) -> [Int] {
    var seen = Set(from)
    var waiting = from
    while let at = waiting.popLast() {
      var next = states[at].free
      if isStart { next += states[at].atStart }
      if isEnd { next += states[at].atEnd }
      for state in next where seen.insert(state).inserted { waiting.append(state) }
    }
    return seen.sorted()
  }
}

/// The code points, sorted into classes that no set of several automata tells apart.
struct Alphabet {
  /// Each class: ranges, the most legible first.
  private(set) var classes: [[ClosedRange<UInt32>]] = []
  /// For each automaton and set, whether a class is in it.
  private(set) var contains: [[[Bool]]]

  init(_ automata: [Automaton]) {
    var cuts: Set<UInt32> = [0, 0xD800, 0xE000]
    // Letters and digits get ranges of their own, so that examples can be read.
    cuts.formUnion([0x30, 0x3A, 0x41, 0x5B, 0x61, 0x7B])
    for automaton in automata {
      for range in automaton.sets.joined() {
        cuts.formUnion([range.lowerBound, range.upperBound + 1])
      }
    }
    let sorted = cuts.filter { $0 <= CharacterSet.last }.sorted()
    var pieces: [ClosedRange<UInt32>] = []
    for (index, cut) in sorted.enumerated() where !(0xD800..<0xE000).contains(cut) {
      pieces.append(cut...(index + 1 < sorted.count ? sorted[index + 1] - 1 : CharacterSet.last))
    }
    var numbers: [[Bool]: Int] = [:]
    var signatures: [[Bool]] = []
    for piece in pieces {
      var signature: [Bool] = []
      for automaton in automata {
        for set in automaton.sets {
          signature.append(set.contains { $0.contains(piece.lowerBound) })
        }
      }
      if let number = numbers[signature] {
        classes[number].append(piece)
      } else {
        numbers[signature] = classes.count
        classes.append([piece])
        signatures.append(signature)
      }
    }
    for index in classes.indices {
      classes[index].sort {
        (Self.strangeness($0), $0.lowerBound) < (Self.strangeness($1), $1.lowerBound)
      }
    }
    var offset = 0
    contains = []
    for automaton in automata {
      contains.append(
        automaton.sets.indices.map { set in signatures.map { $0[offset + set] } })
      offset += automaton.sets.count
    }
    let order = classes.indices.sorted {
      (Self.strangeness(classes[$0][0]), classes[$0][0].lowerBound)
        < (Self.strangeness(classes[$1][0]), classes[$1][0].lowerBound)
    }
    classes = order.map { classes[$0] }
    contains = contains.map { $0.map { set in order.map { set[$0] } } }
  }

  private static func strangeness(_ range: ClosedRange<UInt32>) -> Int {
    switch range.lowerBound {
    case 0x61...0x7A: 0
    case 0x41...0x5A: 1
    case 0x30...0x39: 2
    case 0x21...0x7E: 3
    case 0x20: 4
    case 0xA1...: 5
    default: 6
    }
  }
}
