import Bytes

/// `method SP request-target SP HTTP-version` (RFC 9112 §3), exactly one space each.
struct RequestLine: Equatable {
  var method: HTTPMethod
  var version: HTTPVersion
  var target: TargetRanges

  /// No method of any registry is longer.
  static let longestMethod = 32

  /// The method at the front of a line that may not be complete yet, for an answer to it.
  static func method(in span: Span<UInt8>, from start: Int) -> HTTPMethod? {
    for method in HTTPMethod.allCases {
      let length = method.name.utf8CodeUnitCount
      if span.has(method.name, at: start), start + length < span.count,
        span[start + length] == ASCII.space
      {
        return method
      }
    }
    return nil
  }

  static func parse(
    _ line: Range<Int>, in span: Span<UInt8>, maxTarget: Int
  ) throws(WireRefusal) -> RequestLine {
    var methodEnd = line.lowerBound
    while methodEnd < line.upperBound, Octets.isToken(span[methodEnd]) { methodEnd &+= 1 }
    guard methodEnd > line.lowerBound, methodEnd < line.upperBound,
      span[methodEnd] == ASCII.space
    else { throw .badRequest(methodEnd < line.upperBound ? .method : .requestLine) }

    let targetStart = methodEnd &+ 1
    var targetEnd = targetStart
    while targetEnd < line.upperBound, span[targetEnd] != ASCII.space { targetEnd &+= 1 }
    guard targetEnd > targetStart, targetEnd < line.upperBound else {
      throw .badRequest(.requestLine)
    }
    guard targetEnd - targetStart <= maxTarget else { throw .uriTooLong }

    let version = try self.version((targetEnd &+ 1)..<line.upperBound, in: span)
    guard let method = method(in: span, from: line.lowerBound) else {
      throw .notImplemented(.method)
    }
    guard let target = Target.parse(targetStart..<targetEnd, in: span, method: method) else {
      throw .badRequest(.target)
    }
    return RequestLine(method: method, version: version, target: target)
  }

  static func version(
    _ range: Range<Int>, in span: Span<UInt8>
  ) throws(WireRefusal) -> HTTPVersion {
    guard range.count == 8, span.has("HTTP/", at: range.lowerBound),
      ASCII.isDigit(span[range.lowerBound + 5]), span[range.lowerBound + 6] == ASCII.dot,
      ASCII.isDigit(span[range.lowerBound + 7])
    else { throw .badRequest(.version) }
    guard span[range.lowerBound + 5] == 0x31 else { throw .versionNotSupported }
    return span[range.lowerBound + 7] == ASCII.zero ? .http10 : .http11
  }
}

/// Request targets (RFC 9112 §3.2): origin-form, absolute-form, and `*` for OPTIONS. Authority-form
/// belongs to CONNECT, which we do not speak.
enum Target {
  static func parse(
    _ range: Range<Int>, in span: Span<UInt8>, method: HTTPMethod
  ) -> TargetRanges? {
    switch span[range.lowerBound] {
    case ASCII.slash:
      return pathAndQuery(range, from: range.lowerBound, in: span, authority: nil)
    case ASCII.asterisk:
      guard range.count == 1, method == .options else { return nil }
      return TargetRanges(
        target: WireRange(range), path: WireRange(range), query: nil, authority: nil)
    default:
      return absolute(range, in: span)
    }
  }

  private static func absolute(_ range: Range<Int>, in span: Span<UInt8>) -> TargetRanges? {
    var start = range.lowerBound
    if range.count > 7, span.matches(WireRange(start..<(start + 7)), "http://") {
      start += 7
    } else if range.count > 8, span.matches(WireRange(start..<(start + 8)), "https://") {
      start += 8
    } else {
      return nil
    }
    var end = start
    while end < range.upperBound, span[end] != ASCII.slash, span[end] != ASCII.questionMark {
      end += 1
    }
    guard Host.isValid(start..<end, in: span) else { return nil }
    return pathAndQuery(range, from: end, in: span, authority: WireRange(start..<end))
  }

  private static func pathAndQuery(
    _ target: Range<Int>, from start: Int, in span: Span<UInt8>, authority: WireRange?
  ) -> TargetRanges? {
    var question: Int?
    var index = start
    while index < target.upperBound {
      let byte = span[index]
      guard Octets.isTarget(byte) else { return nil }
      if byte == ASCII.questionMark, question == nil { question = index }
      if byte == ASCII.percent {
        guard index &+ 2 < target.upperBound, ASCII.hexValue(span[index &+ 1]) != nil,
          ASCII.hexValue(span[index &+ 2]) != nil
        else { return nil }
      }
      index &+= 1
    }
    return TargetRanges(
      target: WireRange(target), path: WireRange(start..<(question ?? target.upperBound)),
      query: question.map { WireRange(($0 + 1)..<target.upperBound) }, authority: authority)
  }
}

/// `host [ ":" port ]` without user information (RFC 9110 §7.2, RFC 3986 §3.2.2).
enum Host {
  static func isValid(_ range: Range<Int>, in span: Span<UInt8>) -> Bool {
    guard !range.isEmpty else { return false }
    var index = range.lowerBound
    if span[index] == 0x5B {
      index += 1
      let start = index
      while index < range.upperBound, isAddressByte(span[index]) { index += 1 }
      guard index > start + 1, index < range.upperBound, span[index] == 0x5D else { return false }
      index += 1
    } else {
      while index < range.upperBound, Octets.isHostName(span[index]) {
        if span[index] == ASCII.percent {
          guard index + 2 < range.upperBound, ASCII.hexValue(span[index + 1]) != nil,
            ASCII.hexValue(span[index + 2]) != nil
          else { return false }
        }
        index += 1
      }
      guard index > range.lowerBound else { return false }
    }
    if index == range.upperBound { return true }
    guard span[index] == ASCII.colon, range.upperBound - index <= 6 else { return false }
    return ((index + 1)..<range.upperBound).allSatisfy { ASCII.isDigit(span[$0]) }
  }

  /// What stands between the brackets of an IPv6 address; zones are not for the wire (RFC 6874).
  private static func isAddressByte(_ byte: UInt8) -> Bool {
    ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == ASCII.dot
  }
}
