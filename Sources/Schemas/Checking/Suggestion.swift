import Bytes

/// How far names are apart: what a suggestion is chosen by.
enum Suggestion {
  /// Bytes of a name beyond which none is compared.
  static let longest = 64

  /// How many letters a suggestion may differ from a name: a third of it.
  static func farthest(_ name: [UInt8]) -> Int { max(1, name.count / 3) }

  /// The closest of some names, at most 256 of them, or nil where none is close.
  static func closest(to name: [UInt8], among candidates: [[UInt8]]) -> String? {
    guard name.count >= 2, name.count <= longest else { return nil }
    let near = candidates.prefix(256).filter { abs($0.count - name.count) <= farthest(name) }
    let best = near.map { (distance: distance(name, $0), name: $0) }
      .min { $0.distance < $1.distance }
    guard let best, best.distance <= farthest(name) else { return nil }
    return String(decoding: best.name, as: UTF8.self)
  }

  /// The fewest letters to change, add, drop or swap with their neighbour (optimal string
  /// alignment); case, and `-` or `_`, make no difference.
  static func distance(_ name: [UInt8], _ candidate: [UInt8]) -> Int {
    let left = name.map(ASCIISet.folded)
    let right = candidate.map(ASCIISet.folded)
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var before = [Int](repeating: 0, count: right.count + 1)
    var above = Array(0...right.count)
    var current = above
    for row in 1...left.count {
      current[0] = row
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        var cost = min(
          above[column] + 1, current[column - 1] + 1, above[column - 1] + (isSame ? 0 : 1))
        let isSwap =
          row > 1 && column > 1 && left[row - 1] == right[column - 2]
          && left[row - 2] == right[column - 1]
        if isSwap { cost = min(cost, before[column - 2] + 1) }
        current[column] = cost
      }
      swap(&before, &above)
      swap(&above, &current)
    }
    return above[right.count]
  }
}

extension ASCIISet {
  /// Letters without case, `-` as `_`: spellings that people mix up.
  fileprivate static func folded(_ byte: UInt8) -> UInt8 {
    if byte >= 0x41, byte <= 0x5A { return byte | 0x20 }
    return byte == 0x2D ? 0x5F : byte
  }
}
