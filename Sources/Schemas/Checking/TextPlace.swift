import Bytes

/// A place in a text: bytes before it, line and column. Moves forwards only, so that the places of
/// many parts take one walk.
public struct TextPlace: Equatable, Sendable {
  /// Bytes before it.
  public private(set) var offset = 0
  /// From 1.
  public private(set) var line = 1
  /// From 1, in code points.
  public private(set) var column = 1

  /// The beginning of a text.
  public init() {}

  /// The beginning of a line, from 1, with so many bytes before it.
  public init(line: Int, offset: Int) {
    self.line = line
    self.offset = offset
  }

  /// Goes on to an offset of the text, which is not before the place; one beyond the end means the
  /// end.
  public mutating func move(to target: Int, in text: Span<UInt8>) {
    let target = min(target, text.count)
    precondition(target >= offset, "places move forwards")
    while let feed = Self.lineFeed(text, offset..<target) {
      line += 1
      column = 1
      offset = feed + 1
    }
    column += Evaluator.codePoints(text.extracting(offset..<target))
    offset = target
  }

  /// Where in a text that holds another, beginning here, a line and column of the other are.
  public func place(line: Int, column: Int) -> (line: Int, column: Int) {
    (self.line + line - 1, line == 1 ? self.column + column - 1 : column)
  }

  /// The first line feed in a part of the text, sixteen bytes at a time.
  private static func lineFeed(_ text: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var index = range.lowerBound
    while index + ByteBlock.width <= range.upperBound {
      let first = ByteBlock(text, at: index).marks(ASCII.lineFeed).first
      if first < ByteBlock.width { return index + first }
      index += ByteBlock.width
    }
    while index < range.upperBound {
      if text[index] == ASCII.lineFeed { return index }
      index += 1
    }
    return nil
  }
}
