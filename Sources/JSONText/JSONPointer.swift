public import Bytes

/// A place in a JSON text (RFC 6901): the names and indices that lead there.
public struct JSONPointer: Sendable, Hashable {
  /// The steps, unescaped.
  public let tokens: [ByteSlice]

  /// The whole text.
  public static let root = JSONPointer([])

  public init(_ tokens: [ByteSlice]) { self.tokens = tokens }

  /// Reads `""` or `/step/step…` with `~0` for `~` and `~1` for `/`; nil for anything else.
  public init?(parsing text: ByteSlice) {
    guard !text.isEmpty else {
      tokens = []
      return
    }
    guard text[0] == ASCII.slash, text.isUTF8 else { return nil }
    var tokens: [ByteSlice] = []
    var start = 1
    while true {
      let end = text.firstIndex(of: ASCII.slash, from: start) ?? text.count
      guard let step = Self.unescape(text[start..<end]) else { return nil }
      tokens.append(step)
      if end == text.count { break }
      start = end + 1
    }
    self.tokens = tokens
  }

  private static func unescape(_ raw: ByteSlice) -> ByteSlice? {
    guard raw.firstIndex(of: ASCII.tilde) != nil else { return raw }
    var step = ByteWriter(capacity: raw.count)
    var at = 0
    while at < raw.count {
      if raw[at] == ASCII.tilde {
        guard at + 1 < raw.count, raw[at + 1] == ASCII.zero || raw[at + 1] == 0x31 else {
          return nil
        }
        step.append(raw[at + 1] == ASCII.zero ? ASCII.tilde : ASCII.slash)
        at += 2
      } else {
        step.append(raw[at])
        at += 1
      }
    }
    return step.slice
  }

  public func appending(_ step: ByteSlice) -> JSONPointer { JSONPointer(tokens + [step]) }
  public func appending(_ index: Int) -> JSONPointer {
    appending(ByteSlice(utf8: String(index)))
  }

  /// Appends the pointer's text, steps escaped.
  public func append(to writer: inout ByteWriter) {
    for token in tokens {
      writer.append(ASCII.slash)
      Self.escape(token, into: &writer)
    }
  }

  /// Appends one step with `~` and `/` escaped.
  public static func escape(_ step: ByteSlice, into writer: inout ByteWriter) {
    for index in 0..<step.count {
      switch step[index] {
      case ASCII.tilde: writer.append("~0")
      case ASCII.slash: writer.append("~1")
      default: writer.append(step[index])
      }
    }
  }

  /// The pointer's text as a `String`, for messages.
  public var text: String {
    var writer = ByteWriter()
    append(to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The pointer's text, cut between characters where it has more than `limit` bytes, with `…` at
  /// its end then: for answers, which may not grow with a name.
  public func text(atMost limit: Int) -> String {
    var writer = ByteWriter()
    for token in tokens where writer.count <= limit {
      writer.append(ASCII.slash)
      Self.escape(token.prefix(limit), into: &writer)
    }
    return Self.cut(writer.slice, to: limit)
  }

  /// At most `limit` bytes of well-formed UTF-8: a longer text is cut between characters and ends
  /// in `…` then.
  public static func cut(_ text: ByteSlice, to limit: Int) -> String {
    guard text.count > limit else { return text.text }
    // Three bytes for the mark; a byte of the form 10xxxxxx is inside a character.
    var end = max(limit - 3, 0)
    while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
    return text.prefix(end).text + "…"
  }

  /// A step as an array index: `0` or digits without a leading zero, at most nine; nil otherwise
  /// (`-`, the element behind the last, never exists in a text).
  public static func index(_ step: ByteSlice) -> Int? {
    guard !step.isEmpty, step.count <= 9, step.count == 1 || step[0] != ASCII.zero else {
      return nil
    }
    var index = 0
    for position in 0..<step.count {
      guard ASCII.isDigit(step[position]) else { return nil }
      index = index * 10 + Int(step[position] - ASCII.zero)
    }
    return index
  }
}
