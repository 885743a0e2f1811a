import Bytes
import JSONText

/// What the author of a schema says of payloads that break it, `x-error` beside the keywords: one
/// text for all of them, or an object with a text for each.
struct AuthorTexts: Equatable, Sendable {
  private let whole: String?
  private let byKeyword: [String: String]

  /// The texts of a schema object, each cut to `SchemaLimits.expectedBytes`; nil without any.
  init?(_ reader: KeywordReader) throws(SchemaFault) {
    guard let node = reader["x-error"] else { return nil }
    if let text = node.string {
      whole = JSONPointer.cut(text, to: SchemaLimits.expectedBytes)
      byKeyword = [:]
      return
    }
    var texts: [String: String] = [:]
    for (keyword, value) in node.members {
      texts[keyword.text] = value.string.map { JSONPointer.cut($0, to: SchemaLimits.expectedBytes) }
    }
    guard node.kind == .object, texts.count == node.count else {
      try reader.note("x-error", expected: "a string or an object of strings by keyword")
      return nil
    }
    whole = nil
    byKeyword = texts
  }

  /// How many texts there are.
  var count: Int { whole == nil ? byKeyword.count : 1 }

  /// The text for a broken keyword.
  subscript(keyword: String) -> String? { whole ?? byKeyword[keyword] }
}
