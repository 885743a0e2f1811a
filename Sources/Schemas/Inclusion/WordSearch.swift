import Bytes

/// Words that some patterns are found in and others are not, of a length within bounds: the product
/// of their automata, made deterministic as far as it is reached.
struct WordSearch {
  /// Those that have to be found come first.
  private let machines: [PatternMachine]
  private let wanted: Int
  /// The automata of all machines, and those among them without which no word is left.
  private let automata: [Automaton]
  private let needed: [Int]
  private let alphabet: Alphabet
  /// By state and class; -1 where nothing can follow.
  private var steps: [[Int]] = []
  private var accepts: [Bool] = []

  /// Entries of the table of steps, 8 bytes each.
  var cells: Int { steps.count * alphabet.classes.count }

  /// Nil where the product is too large.
  init?(accepting: [PatternMachine], refusing: [PatternMachine], _ search: InclusionSearch) {
    machines = accepting + refusing
    wanted = accepting.count
    automata = machines.flatMap { $0.parts.map(\.automaton) }
    let count = accepting.reduce(0) { $0 + $1.parts.count }
    let isWanted = accepting.flatMap { $0.parts.map(\.isWanted) }
    needed = (0..<count).filter { isWanted[$0] }
    alphabet = Alphabet(automata)
    guard build(search) else { return nil }
    prune()
  }

  private mutating func build(_ search: InclusionSearch) -> Bool {
    let automata = automata
    var numbers: [[[Int]]: Int] = [:]
    var waiting: [[[Int]]] = []
    func add(_ sets: [[Int]]) -> Int {
      if let number = numbers[sets] { return number }
      numbers[sets] = waiting.count
      waiting.append(sets)
      return waiting.count - 1
    }
    // The start state is kept apart by a first element that no other has: anchors differ there.
    _ = add([[-1]] + automata.map { $0.closure([$0.start], isStart: true, isEnd: false) })
    var next = 0
    while next < waiting.count {
      let isStart = next == 0
      let size = waiting[next].reduce(0) { $0 + $1.count }
      guard waiting.count <= SchemaLimits.productStates,
        search.spend(alphabet.classes.count * (1 + size / 8))
      else { return false }
      let sets = Array(isStart ? waiting[next].dropFirst() : waiting[next][...])
      next += 1
      accepts.append(isAccepted(sets, isStart: isStart))
      var row: [Int] = []
      for letter in alphabet.classes.indices {
        let behind = automata.indices.map { index in
          let automaton = automata[index]
          let reached = sets[index].compactMap { state -> Int? in
            guard let step = automaton.states[state].step,
              alphabet.contains[index][step.set][letter]
            else { return nil }
            return step.next
          }
          return automaton.closure(reached, isStart: false, isEnd: false)
        }
        let isDead = needed.contains { behind[$0].isEmpty }
        row.append(isDead ? -1 : add(behind))
      }
      steps.append(row)
    }
    return true
  }

  private func isAccepted(_ sets: [[Int]], isStart: Bool) -> Bool {
    var index = 0
    for (number, machine) in machines.enumerated() {
      var isFound = true
      for (automaton, isWanted) in machine.parts {
        let final = automaton.closure(sets[index], isStart: isStart, isEnd: true)
        if final.contains(automaton.end) != isWanted { isFound = false }
        index += 1
      }
      guard isFound == (number < wanted) else { return false }
    }
    return true
  }

  /// Cuts steps to states from which nothing is accepted any more.
  private mutating func prune() {
    var before = Array(repeating: [Int](), count: steps.count)
    for (state, row) in steps.enumerated() {
      for next in row where next >= 0 { before[next].append(state) }
    }
    var isLive = accepts
    var waiting = steps.indices.filter { accepts[$0] }
    while let state = waiting.popLast() {
      for earlier in before[state] where !isLive[earlier] {
        isLive[earlier] = true
        waiting.append(earlier)
      }
    }
    for state in steps.indices {
      for letter in steps[state].indices where steps[state][letter] >= 0 {
        if !isLive[steps[state][letter]] { steps[state][letter] = -1 }
      }
    }
  }

  /// Whether words have a greatest length.
  private var isFinite: Bool {
    // 0 unseen, 1 on the path, 2 done; the path is kept by hand, for it may be long.
    var marks = [UInt8](repeating: 0, count: steps.count)
    var path = [(state: 0, letter: 0)]
    marks[0] = 1
    while let (state, letter) = path.last {
      guard letter < steps[state].count else {
        marks[state] = 2
        path.removeLast()
        continue
      }
      path[path.count - 1].letter += 1
      let next = steps[state][letter]
      guard next >= 0 else { continue }
      if marks[next] == 1 { return false }
      if marks[next] == 0 {
        marks[next] = 1
        path.append((next, 0))
      }
    }
    return true
  }

  /// Shortest words first: `wanted` different ones of a length in `lengths`, or all.
  func words(_ lengths: ClosedRange<Int>, _ wanted: Int, _ search: InclusionSearch) -> Findings {
    var found = Findings()
    let longest = min(lengths.upperBound, lengths.lowerBound.addingReportingOverflow(steps.count).0)
    guard longest < SchemaLimits.wordLength else { return .unknown }
    // By rest of the length: the states from which a word ends after exactly so many code points.
    var endsAfter: [[Bool]] = [accepts]
    for length in 0...longest {
      guard search.spend(1 + steps.count * alphabet.classes.count / 16) else { return .unknown }
      if length > 0 {
        let before = endsAfter[length - 1]
        endsAfter.append(steps.map { $0.contains { $0 >= 0 && before[$0] } })
      }
      guard length >= lengths.lowerBound, endsAfter[length][0] else { continue }
      guard found.values.count < wanted else { break }
      enumerate(length, endsAfter, wanted, search, into: &found)
    }
    let sawAll = longest == lengths.upperBound || isFinite
    // Without fuel words of the last length may not have been looked for.
    found.isComplete =
      search.fuel >= 0 && (found.values.isEmpty || (sawAll && found.values.count < wanted))
    return found
  }

  /// Adds words of exactly `length`, each different.
  private func enumerate(
    _ length: Int, _ endsAfter: [[Bool]], _ wanted: Int, _ search: InclusionSearch,
    into found: inout Findings
  ) {
    var word: [UInt32] = []
    // Per position: the state before it, and the class and number of the code point that is next.
    var path = [(state: 0, letter: 0, number: 0)]
    while let (state, letter, number) = path.last {
      guard search.spend(1), found.values.count < wanted else { return }
      if word.count == length {
        found.append(new: .string(Self.text(word)))
        path.removeLast()
        if !word.isEmpty { word.removeLast() }
        continue
      }
      guard letter < alphabet.classes.count else {
        path.removeLast()
        if !word.isEmpty { word.removeLast() }
        continue
      }
      let next = steps[state][letter]
      guard next >= 0, endsAfter[length - word.count - 1][next],
        let codePoint = Self.codePoint(number, of: alphabet.classes[letter])
      else {
        path[path.count - 1] = (state, letter + 1, 0)
        continue
      }
      path[path.count - 1].number += 1
      word.append(codePoint)
      path.append((next, 0, 0))
    }
  }

  private static func codePoint(_ number: Int, of ranges: [ClosedRange<UInt32>]) -> UInt32? {
    var rest = number
    for range in ranges {
      let count = Int(range.upperBound - range.lowerBound) + 1
      if rest < count { return range.lowerBound + UInt32(rest) }
      rest -= count
    }
    return nil
  }

  private static func text(_ word: [UInt32]) -> ByteSlice {
    var text = String.UnicodeScalarView()
    for codePoint in word { if let scalar = Unicode.Scalar(codePoint) { text.append(scalar) } }
    return ByteSlice(utf8: String(text))
  }
}
