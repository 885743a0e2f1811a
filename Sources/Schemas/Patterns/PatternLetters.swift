/// The characters by class: what no set of a pattern tells apart is one.
struct PatternLetters: Sendable {
  /// The class of each character of ASCII.
  private(set) var ascii = [UInt8](repeating: 0, count: 128)
  /// Blocks of 64 classes, and which of them each 64 of the first 65,536 code points have.
  private(set) var blocks: [UInt8] = []
  private(set) var index = [UInt8](repeating: 0, count: 1_024)
  /// Where ranges beyond ASCII begin, the first at 128, and the class of each.
  private var bounds: [UInt32] = []
  private var classes: [UInt8] = []

  /// Bytes that they take.
  var memory: Int { ascii.count + index.count + blocks.count + 5 * bounds.count }

  /// Nil where there are too many of them.
  init?(_ alphabet: [[ClosedRange<UInt32>]]) {
    guard alphabet.count < 128 else { return nil }
    var beyond: [(bound: UInt32, letter: UInt8)] = []
    for (letter, ranges) in alphabet.enumerated() {
      for range in ranges {
        for character in 0..<UInt32(128) where range.contains(character) {
          ascii[Int(character)] = UInt8(letter)
        }
        if range.upperBound >= 128 { beyond.append((max(128, range.lowerBound), UInt8(letter))) }
      }
    }
    beyond.sort { $0.bound < $1.bound }
    for (bound, letter) in beyond where letter != classes.last {
      bounds.append(bound)
      classes.append(letter)
    }
    fillBlocks()
    guard blocks.count <= 256 * 64 else { return nil }
  }

  /// Most blocks lie in one range and are shared by all that have its class.
  private mutating func fillBlocks() {
    var known: [[UInt8]: UInt8] = [:]
    var range = 0
    // Those of ASCII are never looked at.
    for block in 2..<UInt32(1_024) {
      let first = block * 64
      while range + 1 < bounds.count, bounds[range + 1] <= first { range += 1 }
      var content = [UInt8](repeating: classes[range], count: 64)
      var next = range + 1
      while next < bounds.count, bounds[next] < first + 64 {
        for place in Int(bounds[next] - first)..<64 { content[place] = classes[next] }
        next += 1
      }
      if let number = known[content] {
        index[Int(block)] = number
        continue
      }
      let number = blocks.count / 64
      blocks += content
      guard number < 256 else { return }
      known[content] = UInt8(number)
      index[Int(block)] = UInt8(number)
    }
  }

  /// The class of a code point beyond the first 65,536: mostly all of them have one.
  func find(_ codePoint: UInt32, _ fuel: inout Int) -> Int {
    var high = bounds.count
    if bounds[high &- 1] <= codePoint { return Int(classes[high &- 1]) }
    var low = 0
    while high &- low > 1 {
      fuel &-= 1
      let middle = (low &+ high) / 2
      if bounds[middle] <= codePoint { low = middle } else { high = middle }
    }
    return Int(classes[low])
  }
}
