import Bytes

/// The fields that decide where a message ends and whether the connection lives on.
struct FramingFields: Sendable, Equatable {
  private var length: Int?
  private var codings = 0
  private var isChunked = false
  private var hasHost = false
  private var saysClose = false
  private var saysKeepAlive = false
  private(set) var expectsContinue = false

  mutating func note(_ field: FieldRange, in span: Span<UInt8>) throws(WireRefusal) {
    // Lengths tell nearly all other fields apart without looking at their letters.
    switch field.name.count {
    case 4 where span.matches(field.name, "host"):
      guard !hasHost else { throw .badRequest(.repeatedHost) }
      hasHost = true
      guard Host.isValid(field.value.range, in: span) else { throw .badRequest(.badHost) }
    case 6 where span.matches(field.name, "expect"):
      guard span.matches(field.value, "100-continue") else { throw .expectationFailed }
      expectsContinue = true
    case 10 where span.matches(field.name, "connection"):
      noteConnection(field.value.range, in: span)
    case 14 where span.matches(field.name, "content-length"):
      guard length == nil else { throw .badRequest(.repeatedContentLength) }
      guard let value = Self.decimal(field.value.range, in: span) else {
        throw .badRequest(.badContentLength)
      }
      length = value
    case 17 where span.matches(field.name, "transfer-encoding"):
      codings += 1
      isChunked = span.matches(field.value, "chunked")
    default: break
    }
  }

  /// Takes another length in place of the one that was noted.
  mutating func noteAnew(length field: FieldRange, in span: Span<UInt8>) throws(WireRefusal) {
    length = nil
    try note(field, in: span)
  }

  func body(version: HTTPVersion) throws(WireRefusal) -> BodyFraming {
    guard hasHost || version == .http10 else { throw .badRequest(.missingHost) }
    return try framed(version: version)
  }

  /// Whether a Content-Length was there, be it zero.
  var hasLength: Bool { length != nil }

  func framed(version: HTTPVersion) throws(WireRefusal) -> BodyFraming {
    if codings > 0 {
      guard length == nil else { throw .badRequest(.lengthAndCoding) }
      guard version == .http11 else { throw .badRequest(.codingInOldVersion) }
      guard codings == 1 else { throw .badRequest(.repeatedTransferCoding) }
      guard isChunked else { throw .notImplemented(.transferCoding) }
      return .chunked
    }
    guard let length, length > 0 else { return .none }
    return .length(length)
  }

  func keepsAlive(version: HTTPVersion) -> Bool {
    if saysClose { return false }
    return version == .http11 || saysKeepAlive
  }

  /// `Connection` is a list of options (RFC 9110 §7.6.1); `close` wins over `keep-alive`.
  private mutating func noteConnection(_ range: Range<Int>, in span: Span<UInt8>) {
    var start = range.lowerBound
    while start < range.upperBound {
      var end = start
      while end < range.upperBound, span[end] != ASCII.comma { end += 1 }
      var from = start
      var to = end
      while from < to, span[from] == ASCII.space || span[from] == ASCII.tab { from += 1 }
      while to > from, span[to - 1] == ASCII.space || span[to - 1] == ASCII.tab { to -= 1 }
      let option = WireRange(from..<to)
      if span.matches(option, "close") { saysClose = true }
      if span.matches(option, "keep-alive") { saysKeepAlive = true }
      start = end + 1
    }
  }

  /// One decimal number and nothing else: no sign, no list, at most 18 digits.
  static func decimal(_ range: Range<Int>, in span: Span<UInt8>) -> Int? {
    guard !range.isEmpty, range.count <= 18 else { return nil }
    var value = 0
    for index in range {
      guard ASCII.isDigit(span[index]) else { return nil }
      value = value &* 10 &+ Int(span[index] &- ASCII.zero)
    }
    return value
  }
}
