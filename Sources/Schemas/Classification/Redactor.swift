public import Bytes
import JSONText
import Tenancy

/// Replaces what a reader may not see in stored payloads, by splicing: the bytes between stay as
/// they are. One per event loop, or per piece of a worker's work; reuses its tokenizer.
public final class Redactor {
  private let parser = JSONParser()
  private let matcher = PatternMatcher()
  private let scratch = RedactionScratch()
  /// What the last payload has cost, in the units of `SchemaLimits.fuel`.
  public private(set) var spent = 0

  public init() {}

  /// What `payload` comes to, if that costs no more than `SchemaLimits` lets it.
  ///
  /// - Parameters:
  ///   - own: of the version that the payload was checked against.
  ///   - other: of the line's default version, where that is another one. Its labels count too, and
  ///     whether it hides what `own` does not describe.
  ///   - aside: whether this is a worker, which may spend more on it.
  public func redact(
    _ payload: ByteSlice, _ own: ClassifiedView, _ other: ClassifiedView? = nil,
    aside: Bool = false
  ) -> Redaction {
    spent = 0
    let views = other.map { [own, $0] } ?? [own]
    if views.allSatisfy(\.isOpen) { return .none }
    // Tokenising: about as long as a unit for eight bytes.
    spent = 16 + payload.count / 8
    guard (try? parser.parse(payload)) != nil else { return .withheld(Self.hidden(views)) }
    let fuel = SchemaLimits.redactionFuel(bytes: payload.count, aside: aside)
    var walk = RedactionWalk(views, parser.tokens, payload, matcher, scratch, fuel: fuel)
    walk.run()
    spent += fuel - walk.fuel
    if walk.isStopped { return aside ? .withheld(Self.hidden(views)) : .tooCostly }
    guard let bytes = walk.spliced else { return .none }
    return .replaced(bytes, Self.labels(of: walk.hits, views))
  }

  private static func hidden(_ views: [ClassifiedView]) -> [ClassLabel] {
    labels(of: views.map(\.missing), views)
  }

  /// Sorted.
  private static func labels(
    of bits: [SchemaClassification.Labels], _ views: [ClassifiedView]
  ) -> [ClassLabel] {
    Set(views.indices.flatMap { views[$0].classification.labels(of: bits[$0]) }).sorted()
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
