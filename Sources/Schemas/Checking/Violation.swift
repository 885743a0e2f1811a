public import Bytes

/// One way in which a payload breaks its schema. Never holds a value of the payload: only where it
/// is, of what type and how long.
public struct Violation: Equatable, Sendable {
  /// JSON pointer into the payload; of a missing member, where it should be. At most
  /// `SchemaLimits.pointerBytes` bytes.
  public let pointer: String
  /// The keyword that is broken.
  public let keyword: String
  /// Where that keyword stands in the schema, as `#/properties/id/minLength`.
  public let schemaPointer: String
  /// Stable across releases: `property.missing`, `format.email`, …
  public let code: String
  /// A sentence without subject: "must be at least 1 character long".
  public let message: String
  /// What the schema asks for, as JSON text, where that is short enough to be told.
  public let expected: ByteSlice?
  /// The JSON type that is there; `missing` where nothing is.
  public let actualType: String
  /// Code points of a string, items of an array, members of an object.
  public let actualLength: Int?
  /// A name or value of the schema that was probably meant.
  public let suggestion: String?
}

/// Everything that a refusal tells about a payload.
public struct Explanation: Equatable, Sendable {
  /// At most `SchemaLimits.violations`, in the payload's order as far as the schema's allows.
  public let violations: [Violation]
  /// Whether there were more.
  public let truncated: Bool
}

/// The closest of several names to one that was not found.
enum Suggestion {
  /// The candidate with the fewest changed, added, dropped or swapped letters, or nil where none is
  /// closer than a third of the name. Names beyond 64 bytes are not compared.
  static func closest(to name: [UInt8], among candidates: [[UInt8]]) -> String? {
    guard name.count >= 2, name.count <= 64 else { return nil }
    var best: (distance: Int, name: [UInt8])?
    for candidate in candidates.prefix(256) where candidate.count <= 64 {
      let distance = distance(name.map(ASCIISet.folded), candidate.map(ASCIISet.folded))
      guard distance <= max(1, name.count / 3) else { continue }
      if distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    return best.map { String(decoding: $0.name, as: UTF8.self) }
  }

  /// Edit distance with swaps of neighbours (optimal string alignment).
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var before = [Int](repeating: 0, count: right.count + 1)
    var above = Array(0...right.count)
    for row in 1...left.count {
      var current = [row] + [Int](repeating: 0, count: right.count)
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
      before = above
      above = current
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
