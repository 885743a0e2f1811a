/// Makes a `PatternTable`: the automata of a pattern run together, with a row for each combination
/// of states that they can be in.
struct PatternTableBuild {
  /// Classes of characters.
  let width: Int
  private(set) var rows: [[UInt16]] = []
  private(set) var accepts: [Bool] = []
  private(set) var start: UInt16 = 0
  let letters: PatternLetters
  private let parts: [(automaton: Automaton, isWanted: Bool)]
  /// By part and set, which classes are in it.
  private let contains: [[[Bool]]]
  /// What is left of the work that it may take.
  private var effort: Int
  /// By part and state, the number of the walk that was there last.
  private var seen: [[Int]]
  private var walk = 0

  /// The states of each part; those that read something, are the end, or ask for it.
  private typealias Combination = [[UInt16]]

  /// The table of a pattern, or nil where it has more than regular parts, or too many.
  ///
  /// - Parameter effort: steps that it may take; what it took is taken off.
  static func table(_ tree: PatternTree, effort: inout Int) -> PatternTable? {
    let size = tree.expanded
    guard effort > 0, size <= SchemaLimits.tableItems else { return nil }
    let most = min(effort, SchemaLimits.tableEffort)
    effort -= size
    guard let machine = PatternMachine(tree),
      var build = PatternTableBuild(machine, effort: most - size)
    else { return nil }
    let isDone = build.run()
    effort -= most - size - build.effort
    return isDone ? PatternTable(build) : nil
  }

  /// Nil where its sets have too many ranges or classes.
  private init?(_ machine: PatternMachine, effort: Int) {
    let ranges = machine.parts.reduce(0) { $0 + $1.automaton.sets.reduce(0) { $0 + $1.count } }
    guard ranges <= SchemaLimits.tableRanges else { return nil }
    parts = machine.parts
    self.effort = effort - 4 * ranges
    seen = parts.map { Array(repeating: 0, count: $0.automaton.states.count) }
    let alphabet = Alphabet(parts.map(\.automaton))
    guard let letters = PatternLetters(alphabet.classes) else { return nil }
    self.letters = letters
    contains = alphabet.contains
    width = alphabet.classes.count
  }

  /// Makes all rows; false where they are too many.
  private mutating func run() -> Bool {
    let noSteps = [UInt16](repeating: 0, count: width)
    rows = [noSteps, noSteps.map { _ in UInt16(width) }]
    accepts = [false, true]
    start = UInt16(2 * width)
    var numbers: [Combination: Int] = [:]
    // The first is never met again: anchors differ there.
    var waiting = [parts.indices.map { reach([parts[$0].automaton.start], $0, isStart: true) }]
    var next = 0
    while next < waiting.count {
      let combination = waiting[next]
      accepts.append(isAccepted(combination, isStart: next == 0))
      next += 1
      var row: [UInt16] = []
      for letter in 0..<width {
        guard effort > 0 else { return false }
        guard let behind = behind(combination, letter) else {
          row.append(0)
          continue
        }
        if isSure(behind) {
          row.append(UInt16(width))
          continue
        }
        if let known = numbers[behind] {
          row.append(UInt16(known))
          continue
        }
        let number = (2 + waiting.count) * width
        guard number + width <= SchemaLimits.tableSteps else { return false }
        numbers[behind] = number
        waiting.append(behind)
        row.append(UInt16(number))
      }
      rows.append(row)
    }
    prune()
    return true
  }

  /// What a letter leads to, or nil where nothing is accepted from there on.
  private mutating func behind(_ combination: Combination, _ letter: Int) -> Combination? {
    var behind: Combination = []
    for part in parts.indices {
      let automaton = parts[part].automaton
      var reached: [Int] = []
      effort -= 1 + combination[part].count
      if combination[part] == [UInt16(automaton.end)] {
        behind.append(combination[part])
        continue
      }
      for state in combination[part] {
        guard let step = automaton.states[Int(state)].step, contains[part][step.set][letter]
        else { continue }
        reached.append(step.next)
      }
      let states = reach(reached, part, isStart: false)
      let isFound = states == [UInt16(automaton.end)]
      if parts[part].isWanted ? states.isEmpty : isFound { return nil }
      behind.append(states)
    }
    return behind
  }

  /// Whether whatever follows is accepted.
  private func isSure(_ combination: Combination) -> Bool {
    parts.indices.allSatisfy {
      parts[$0].isWanted
        ? combination[$0] == [UInt16(parts[$0].automaton.end)] : combination[$0].isEmpty
    }
  }

  /// The states that are reached from some without reading; the end alone where it is among them,
  /// for what was found stays found.
  private mutating func reach(_ from: [Int], _ part: Int, isStart: Bool) -> [UInt16] {
    walk += 1
    let automaton = parts[part].automaton
    var found: [UInt16] = []
    var waiting = from
    while let at = waiting.popLast() {
      guard seen[part][at] != walk else { continue }
      seen[part][at] = walk
      effort -= 1
      if at == automaton.end { return [UInt16(at)] }
      let state = automaton.states[at]
      if state.step != nil || !state.atEnd.isEmpty { found.append(UInt16(at)) }
      waiting += state.free
      if isStart { waiting += state.atStart }
    }
    return found.sorted()
  }

  private mutating func isAccepted(_ combination: Combination, isStart: Bool) -> Bool {
    parts.indices.allSatisfy { part in
      let automaton = parts[part].automaton
      let states = combination[part].map(Int.init)
      let asking = states.filter { !automaton.states[$0].atEnd.isEmpty }
      let isFound =
        states == [automaton.end]
        || automaton.closure(asking, isStart: isStart, isEnd: true).contains(automaton.end)
      return isFound == parts[part].isWanted
    }
  }

  /// Ends where nothing can be accepted any more, and where nothing can be refused.
  private mutating func prune() {
    for answer in [true, false] {
      var before = Array(repeating: [Int](), count: rows.count)
      for (state, row) in rows.enumerated() {
        for next in row { before[Int(next) / width].append(state) }
      }
      // Those from which a text can still come to the other answer.
      var isOpen = accepts.map { $0 != answer }
      var waiting = rows.indices.filter { isOpen[$0] }
      while let state = waiting.popLast() {
        for earlier in before[state] where !isOpen[earlier] {
          isOpen[earlier] = true
          waiting.append(earlier)
        }
      }
      let place = answer ? UInt16(width) : 0
      for state in rows.indices {
        for letter in rows[state].indices where !isOpen[Int(rows[state][letter]) / width] {
          rows[state][letter] = place
        }
      }
      if !isOpen[Int(start) / width] { start = place }
    }
  }
}
