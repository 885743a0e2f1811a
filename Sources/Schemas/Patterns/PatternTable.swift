/// A regular pattern as a deterministic table: one pass over a text decides, a step for each
/// character, whatever the pattern is. `^(\w+\s?)*$` and `^(?!.*<script).*$` are such.
///
/// Immutable, shared by all loops.
final class PatternTable: Sendable {
  /// By state and class the state behind: both are counted in rows, a state being the place of its
  /// row. Two states have no steps: `Self.never`, and the one behind it, which takes everything.
  private let steps: [UInt16]
  private let start: UInt16
  /// Where the states with steps begin; what lies before them is an answer.
  private let firstOpen: UInt16
  /// By row, whether a text may end there.
  private let accepts: [Bool]
  /// By row, the characters that do not change the state.
  private let runs: [ASCIISet]
  private let letters: PatternLetters
  /// Classes of characters.
  private let width: Int

  private static let never: UInt16 = 0
  /// Characters that have to keep a state before the rest of a run is skipped.
  private static let patience = 8
  /// Bytes after which fuel is counted.
  private static let piece = 1_024

  /// Bytes that it takes.
  var memory: Int {
    160 + 2 * steps.count + accepts.count + 16 * runs.count + letters.memory
  }

  init(_ build: PatternTableBuild) {
    width = build.width
    steps = build.rows.flatMap { $0 }
    start = build.start
    firstOpen = UInt16(2 * build.width)
    accepts = build.accepts
    letters = build.letters
    runs = build.rows.enumerated().map { row, behind in
      var run = ASCIISet()
      for byte in UInt8(0)..<128
      where Int(behind[Int(build.letters.ascii[Int(byte)])]) == row * build.width {
        run.insert(byte)
      }
      return run
    }
  }

  /// What a pass costs before it begins: lines of the cache that the table may not be in.
  private func overhead(_ count: Int) -> Int { 8 &+ min(count, steps.count &>> 5) }

  /// Whether the pattern is found in `text`, which is well-formed UTF-8.
  ///
  /// - Parameter fuel: half a unit for each byte, a quarter within a run, a quarter more for each
  ///   character beyond ASCII, some for one beyond the first 65,536 where those differ; below 0,
  ///   and the answer void, where that was not enough.
  func matches(_ text: Span<UInt8>, fuel: inout Int) -> Bool {
    fuel &-= overhead(text.count)
    var state = start
    var index = 0
    while state >= firstOpen, index < text.count {
      guard fuel >= 0 else { return false }
      let end = min(text.count, index &+ Self.piece)
      pass(text, from: &index, to: end, &state, &fuel)
    }
    return accepts[Int(state) / width]
  }

  /// Steps on from `index` until `end` is reached or the answer is known.
  @inline(__always)
  private func pass(
    _ text: Span<UInt8>, from index: inout Int, to end: Int, _ state: inout UInt16,
    _ fuel: inout Int
  ) {
    let (table, ascii, index16, blocks) = (
      self.steps, letters.ascii, letters.index, letters.blocks
    )
    let (steps, classes) = (table.span, ascii.span)
    let (places, classesBeyond) = (index16.span, blocks.span)
    let begin = index
    var skipped = 0
    var same = 0
    var beyond = 0
    while index < end {
      // SAFETY: `index` is below `end`, which is within the text; a byte of ASCII is one of 128
      // classes; states and classes are those of the table, whose rows are whole.
      let byte = unsafe text[unchecked: index]
      var letter: Int
      if byte < 0x80 {
        letter = Int(unsafe classes[unchecked: Int(byte)])
        index &+= 1
      } else {
        let codePoint = Self.codePoint(text, &index)
        beyond &+= 1
        if codePoint < 0x1_0000 {
          let block = Int(places[Int(codePoint &>> 6)])
          letter = Int(classesBeyond[block &<< 6 &+ Int(codePoint & 63)])
        } else {
          letter = letters.find(codePoint, &fuel)
        }
      }
      let next = unsafe steps[unchecked: Int(state) &+ letter]
      guard next == state else {
        state = next
        if next < firstOpen { break }
        same = 0
        continue
      }
      same &+= 1
      if same == Self.patience {
        same = 0
        let run = runs[Int(state) / width]
        let from = index
        while index < end, run.contains(unsafe text[unchecked: index]) { index &+= 1 }
        skipped &+= index &- from
        fuel &-= 3
      }
    }
    fuel &-= (index &- begin &- skipped) &>> 1 &+ skipped &>> 2 &+ beyond &>> 2
  }

  /// Reads the code point beyond ASCII at `index`, which moves behind it.
  @inline(__always)
  private static func codePoint(_ text: Span<UInt8>, _ index: inout Int) -> UInt32 {
    let lead = UInt32(text[index])
    // Two bytes, three, or four, as many as ones lead the first.
    let more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3
    var codePoint = lead & (0x3F &>> UInt32(more))
    for offset in 1...more {
      codePoint = codePoint &<< 6 | UInt32(text[index &+ offset]) & 0x3F
    }
    index &+= 1 &+ more
    return codePoint
  }
}
