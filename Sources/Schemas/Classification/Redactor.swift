public import Bytes
import JSONText
import Tenancy

/// Replaces what a reader may not see in stored payloads, by splicing: the bytes between stay as
/// they are. One per event loop; reuses its tokenizer.
public final class Redactor {
  private let parser = JSONParser()
  private let matcher = PatternMatcher()

  public init() {}

  /// What `payload` comes to.
  ///
  /// - Parameters:
  ///   - own: of the version that the payload was checked against.
  ///   - other: of the line's default version, where that is another one. Its labels count too; of
  ///     what is not described it counts only what neither describes.
  public func redact(
    _ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView? = nil
  ) -> Redaction {
    let views = [own] + (other.map { [$0] } ?? [])
    if views.allSatisfy(\.isOpen) { return .none }
    let hidden = Set(views.flatMap(\.hidden)).sorted()
    guard (try? parser.parse(payload)) != nil else { return .withheld(hidden) }
    var walk = RedactionWalk(views, parser.tokens, payload, matcher)
    walk.run()
    if walk.isStopped { return .withheld(hidden) }
    guard let bytes = walk.spliced else { return .none }
    return .replaced(bytes, walk.labels)
  }
}

extension RedactionWalk {
  /// The payload with its edits; nil where there are none.
  fileprivate var spliced: ByteSlice? {
    if edits.isEmpty { return nil }
    var bytes = ByteWriter(capacity: source.count + 16 * edits.count)
    var position = 0
    for edit in edits {
      bytes.append(source[position..<edit.range.lowerBound])
      bytes.append(edit.text)
      position = edit.range.upperBound
    }
    bytes.append(source.dropFirst(position))
    return bytes.slice
  }
}

extension Replacement {
  /// The JSON text for a value of a kind; `drop` is for those who can drop, and `null` for others.
  ///
  /// - Parameter text: what stands between a string's quotes.
  func text(for kind: JSONKind, _ text: ByteSlice) -> ByteSlice {
    switch self {
    case .null, .drop: return Self.nothing
    case .fixed: return Self.fixed(kind)
    case .maskLastFour, .maskDomain:
      guard kind == .string else { return Self.fixed(kind) }
      let value = JSONEscapes.unescape(text)
      var masked = ByteWriter(capacity: value.count + 8)
      masked.append(ASCII.quote)
      masked.append("****")
      let shown = self == .maskDomain ? Self.domain(of: value) : Self.lastFour(of: value)
      JSONWriter.escape(shown, into: &masked)
      masked.append(ASCII.quote)
      return masked.slice
    }
  }

  private static let nothing = ByteSlice(utf8: "null")

  private static func fixed(_ kind: JSONKind) -> ByteSlice {
    switch kind {
    case .null: nothing
    case .false, .true: ByteSlice(utf8: "false")
    case .number: ByteSlice(utf8: "0")
    case .string: ByteSlice(utf8: "\"[redacted]\"")
    case .array: ByteSlice(utf8: "[]")
    case .object: ByteSlice(utf8: "{}")
    }
  }

  /// What stands from the last `@` on; empty where nothing stands behind it.
  private static func domain(of value: ByteSlice) -> ByteSlice {
    var at = value.count
    while at > 0, value[at - 1] != 0x40 { at -= 1 }
    return at > 0 && at < value.count ? value.dropFirst(at - 1) : .empty
  }

  /// The last four code points of at least eight; empty of fewer.
  private static func lastFour(of value: ByteSlice) -> ByteSlice {
    var start = value.count
    var found = 0
    var index = value.count
    while index > 0, found < 8 {
      index -= 1
      guard value[index] & 0xC0 != 0x80 else { continue }
      found += 1
      if found == 4 { start = index }
    }
    return found == 8 ? value.dropFirst(start) : .empty
  }
}
