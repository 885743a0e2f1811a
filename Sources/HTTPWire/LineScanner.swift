import Bytes

/// Cuts a head into lines as its bytes come in, looking at each byte once however they are split.
/// A line ends with CRLF and nothing else, and holds no control character but HTAB
/// (RFC 9112 §2.2, RFC 9110 §5.5).
struct LineScanner: BitwiseCopyable {
  enum Step: Equatable {
    /// The line's bytes without its CRLF.
    case line(Range<Int>)
    case needMore
    case fault(WireRule)
    /// The line goes beyond the limit.
    case tooLong
  }

  /// Where the current line starts.
  private(set) var lineStart: Int
  private var scanned: Int

  init(at start: Int = 0) {
    lineStart = start
    scanned = start
  }

  /// - Parameters:
  ///   - span: all bytes of the message so far, or at least those from `lineStart` on.
  ///   - limit: the offset that the line's CRLF may not lie beyond. It is looked at before the
  ///     line's bytes are, so that the answer does not depend on how the bytes were split.
  mutating func next(in span: Span<UInt8>, limit: Int) -> Step {
    let stop = Octets.firstControl(in: span, from: scanned)
    guard stop <= limit else { return .tooLong }
    guard stop < span.count else {
      scanned = stop
      return .needMore
    }
    switch span[stop] {
    case ASCII.carriageReturn:
      guard stop + 1 < span.count else {
        scanned = stop
        return .needMore
      }
      guard span[stop + 1] == ASCII.lineFeed else { return .fault(.bareCarriageReturn) }
      let line = lineStart..<stop
      lineStart = stop + 2
      scanned = stop + 2
      return .line(line)
    case ASCII.lineFeed: return .fault(.bareLineFeed)
    default: return .fault(.controlCharacter)
    }
  }
}

/// One field line, `name ":" OWS value OWS` (RFC 9112 §5).
enum FieldLine {
  static func parse(
    _ line: Range<Int>, in span: Span<UInt8>
  ) throws(WireRefusal) -> FieldRange {
    var index = line.lowerBound
    while index < line.upperBound, Octets.isToken(span[index]) { index &+= 1 }
    guard index < line.upperBound, span[index] == ASCII.colon else {
      throw .badRequest(fault(line, at: index, in: span))
    }
    guard index > line.lowerBound else { throw .badRequest(.fieldName) }
    return field(WireRange(line.lowerBound..<index), of: line, in: span)
  }

  /// The field of a line that begins with a name and its colon.
  static func field(
    _ name: WireRange, of line: Range<Int>, in span: Span<UInt8>
  ) -> FieldRange {
    var start = name.range.upperBound &+ 1
    var end = line.upperBound
    while start < end, isSpace(span[start]) { start &+= 1 }
    while end > start, isSpace(span[end &- 1]) { end &-= 1 }
    return FieldRange(name: name, value: WireRange(start..<end))
  }

  private static func fault(_ line: Range<Int>, at index: Int, in span: Span<UInt8>) -> WireRule {
    guard index < line.upperBound, isSpace(span[index]) else { return .fieldName }
    return index == line.lowerBound ? .foldedField : .fieldNameSpace
  }

  @inline(__always)
  private static func isSpace(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}

extension Span<UInt8> {
  /// Whether the bytes at `range` are those of a lower-case literal, letters compared without case.
  func matches(_ range: WireRange, _ lowercase: StaticString) -> Bool {
    guard Int(range.count) == lowercase.utf8CodeUnitCount else { return false }
    let start = Int(range.start)
    for index in 0..<Int(range.count) {
      // SAFETY: `index` is below the literal's length.
      let wanted = unsafe lowercase.utf8Start[index]
      if ASCII.lowercased(self[start &+ index]) != wanted { return false }
    }
    return true
  }

  /// Whether the bytes from `start` on begin with a literal, case and all.
  func has(_ literal: StaticString, at start: Int) -> Bool {
    guard start &+ literal.utf8CodeUnitCount <= count else { return false }
    for index in 0..<literal.utf8CodeUnitCount {
      // SAFETY: `index` is below the literal's length.
      if unsafe self[start &+ index] != literal.utf8Start[index] { return false }
    }
    return true
  }
}
