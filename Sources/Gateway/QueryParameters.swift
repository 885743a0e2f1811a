import Bytes

/// The query of one request, read name by name; what nobody asked for is refused, never ignored.
struct QueryParameters {
  private var pairs: [(name: ByteSlice, value: ByteSlice)] = []

  /// More parameters than any route takes.
  private static let most = 16

  /// Splits and percent-decodes (RFC 3986 §2.1; `+` is a plus, so that instants with an offset need
  /// no escape). A name that stands twice is refused.
  init(_ query: ByteSlice?) throws(Refusal) {
    guard let query, !query.isEmpty else { return }
    var start = 0
    while start <= query.count {
      let end = query.firstIndex(of: ASCII.ampersand, from: start) ?? query.count
      if end > start { try add(query[start..<end]) }
      start = end + 1
    }
  }

  private mutating func add(_ pair: ByteSlice) throws(Refusal) {
    let mark = pair.firstIndex(of: ASCII.equals) ?? pair.count
    guard let name = PercentEncoding.decode(pair.prefix(mark)),
      let value = PercentEncoding.decode(pair.dropFirst(mark + 1))
    else { throw Refusal(.badParameter, "a percent escape of the query is malformed") }
    guard pairs.count < Self.most else { throw Refusal(.badParameter, "too many parameters") }
    guard !pairs.contains(where: { $0.name == name }) else {
      throw Refusal(.badParameter, "the parameter '\(Self.shown(name))' stands twice")
    }
    pairs.append((name, value))
  }

  /// The value of a parameter, which counts as read from now on; nil without it.
  mutating func take(_ name: StaticString) -> ByteSlice? {
    guard let index = pairs.firstIndex(where: { $0.name.equals(name) }) else { return nil }
    return pairs.remove(at: index).value
  }

  /// `true` or `false`.
  mutating func takeFlag(_ name: StaticString) throws(Refusal) -> Bool? {
    guard let value = take(name) else { return nil }
    if value.equals("true") { return true }
    if value.equals("false") { return false }
    throw Refusal(.badParameter, "'\(name)' is true or false")
  }

  /// A decimal number in `range`, without sign and leading zeros.
  mutating func takeNumber(_ name: StaticString, in range: ClosedRange<Int>) throws(Refusal) -> Int?
  {
    guard let value = take(name) else { return nil }
    guard value.count <= 9, !value.isEmpty, value.count == 1 || value[0] != ASCII.zero,
      value.array.allSatisfy(ASCII.isDigit), let number = Int(value.text), range.contains(number)
    else {
      throw Refusal(
        .badParameter, "'\(name)' is a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// A duration of at most `longest`, as `30s` or `250ms`.
  mutating func takeSpan(_ name: StaticString, atMost longest: TimeSpan) throws(Refusal)
    -> TimeSpan?
  {
    guard let value = take(name) else { return nil }
    guard let span = TimeSpan(parsing: value), span <= longest else {
      throw Refusal(.badParameter, "'\(name)' is a duration like 30s, at most \(longest.text)")
    }
    return span
  }

  /// Refuses what was not taken.
  func finish() throws(Refusal) {
    guard let stray = pairs.first else { return }
    throw Refusal(.unknownParameter, "no parameter '\(Self.shown(stray.name))' here")
  }

  /// A client's word inside a message: printable ASCII, cut at 64 bytes.
  static func shown(_ word: ByteSlice) -> String {
    String(
      decoding: word.prefix(64).array.map { $0 > 0x20 && $0 < 0x7F ? $0 : ASCII.questionMark },
      as: UTF8.self)
  }
}
