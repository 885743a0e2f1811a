import Bytes
public import JSONText

/// What checking payloads needs and reuses: tokenizer, pattern memory, buffers. One per event loop;
/// used by one thread at a time. After the first events nothing in it allocates any more.
public final class SchemaScratch {
  /// The tokenizer; after a check it still holds the payload's tape for whoever reads it next.
  public let parser: JSONParser
  /// Whether refusals say what is wrong. Without, a refused payload costs no more than a good one:
  /// for batches that have been told enough.
  public var explains = true
  let matcher = PatternMatcher()
  var uniqueness = UniquenessSet()
  let evaluated = EvaluatedMarks()
  private var text: [UInt8] = []
  /// Where the last check met a pattern's limit; nil where it did not.
  var limitedMatch: LimitedMatch?
  /// Fuel that the last check used: nodes visited, members walked, items compared.
  public internal(set) var fuelUsed = 0

  /// A scratch whose payloads keep `limits`.
  public init(limits: JSONLimits = .payload) {
    parser = JSONParser(limits: limits)
  }

  /// The text of a string with its escapes undone. The array is a copy of the scratch's only until
  /// it is dropped, so the next call reuses the memory.
  func unescape(_ text: Span<UInt8>) -> [UInt8] {
    self.text.removeAll(keepingCapacity: true)
    JSONEscapes.unescape(text, onto: &self.text)
    return self.text
  }
}

/// A match that took too much: which pattern, on a text of how many bytes.
struct LimitedMatch: Equatable {
  let pattern: UInt32
  let bytes: Int
}

extension TapeView {
  /// The text of a string with its escapes undone, as an array of its own.
  func unescaped(_ token: JSONToken) -> [UInt8] {
    var bytes: [UInt8] = []
    JSONEscapes.unescape(text(token), onto: &bytes)
    return bytes
  }
}
