public import Bytes

/// Cuts a stream of bytes into lines, for newline-delimited JSON: bytes in, lines out.
///
/// Lines end with LF; a CR before it belongs to the ending. Lines of nothing but white space are
/// skipped. A line that lies within one fed piece is a slice of it; only one that spans pieces is
/// copied. Owned by one task.
public struct LineSplitter: ~Copyable {
  /// What the bytes so far have to give.
  public enum Step: Equatable, Sendable {
    /// A line without its ending, and its number in the stream from 1 (skipped lines count).
    case line(ByteSlice, number: Int)
    /// The next line is not complete: feed more, or call `finish`.
    case needsMore
    /// The line with this number exceeds the limit. The splitter gives nothing more.
    case tooLong(number: Int)
  }

  /// Bytes a line may have, its ending not counted.
  public let limit: Int
  /// Bytes of the stream before the line that was given last.
  public private(set) var start = 0
  /// Bytes of blank lines that the last call of `next` has skipped, their endings counted.
  public private(set) var skipped = 0
  private var piece = ByteSlice.empty
  private var position = 0
  /// Bytes of the stream before the piece, and before the line that comes next.
  private var fed = 0
  private var nextStart = 0
  private var partial = ByteWriter()
  private var number = 0
  private var isOver = false

  public init(limit: Int) { self.limit = limit }

  /// Hands in the next piece; the one before must have been used up (`next` said `needsMore`).
  public mutating func feed(_ bytes: ByteSlice) {
    precondition(position == piece.count, "fed before the last piece was used up")
    fed += piece.count
    piece = bytes
    position = 0
  }

  /// The next line of what has been fed.
  public mutating func next() -> Step {
    while true {
      if let step = next(skipping: .max) { return step }
    }
  }

  /// The next line of what has been fed, or nil once so many bytes of blank lines were skipped
  /// before it: whoever has others wait for it looks after them and asks again.
  public mutating func next(skipping most: Int) -> Step? {
    skipped = 0
    while !isOver, position < piece.count {
      guard let end = piece.firstIndex(of: ASCII.lineFeed, from: position) else {
        let rest = piece[position..<piece.count]
        position = piece.count
        // One byte more than the limit may still be a CR.
        guard partial.count + rest.count <= limit + 1 else { return stop() }
        partial.append(rest)
        break
      }
      let line = piece[position..<end]
      position = end + 1
      if let step = take(line) { return step }
      skipped += nextStart - start
      if skipped >= most { return nil }
    }
    return isOver ? Step.tooLong(number: number) : Step.needsMore
  }

  /// The last line, if the stream ended without a line ending; nil if nothing is left.
  public mutating func finish() -> Step? {
    guard !isOver, partial.count > 0 else { return nil }
    return take(.empty)
  }

  private mutating func take(_ tail: ByteSlice) -> Step? {
    number += 1
    start = nextStart
    nextStart = fed + position
    guard partial.count + tail.count <= limit + 1 else { return stop(counted: true) }
    var line = tail
    if partial.count > 0 {
      partial.append(tail)
      line = partial.slice
      partial.removeAll()
    }
    if !line.isEmpty, line[line.count - 1] == ASCII.carriageReturn {
      line = line.prefix(line.count - 1)
    }
    guard line.count <= limit else { return stop(counted: true) }
    return Self.isBlank(line) ? nil : .line(line, number: number)
  }

  private mutating func stop(counted: Bool = false) -> Step {
    if !counted { number += 1 }
    isOver = true
    partial = ByteWriter()
    return .tooLong(number: number)
  }

  private static func isBlank(_ line: ByteSlice) -> Bool {
    for index in 0..<line.count where line[index] != ASCII.space && line[index] != ASCII.tab {
      return false
    }
    return true
  }
}
