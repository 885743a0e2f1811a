import Bytes

/// RFC 3986 Appendix A: `URI` and `URI-reference`.
enum URIGrammar {
  private static let unreserved = ASCIISet("-._~", letters: true, digits: true)
  private static let subDelimiters = ASCIISet("!$&'()*+,;=")
  private static let pathCharacters = unreserved.union(subDelimiters).union(ASCIISet(":@"))
  private static let pathAndSlash = pathCharacters.union(ASCIISet("/"))
  private static let queryCharacters = pathAndSlash.union(ASCIISet("?"))
  private static let userInfo = unreserved.union(subDelimiters).union(ASCIISet(":"))
  private static let registeredName = unreserved.union(subDelimiters)
  private static let schemeCharacters = ASCIISet("+-.", letters: true, digits: true)

  /// Whether `text` is a URI (`needsScheme`) or a URI reference.
  static func accepts(_ text: Span<UInt8>, needsScheme: Bool) -> Bool {
    var index = 0
    if let colon = schemeEnd(text) {
      index = colon + 1
    } else {
      if needsScheme { return false }
      // RFC 3986 §4.2: the first segment of a relative path holds no colon.
      var scan = 0
      while scan < text.count, text[scan] != ASCII.slash, text[scan] != ASCII.questionMark,
        text[scan] != 0x23
      {
        if text[scan] == ASCII.colon { return false }
        scan += 1
      }
    }
    if index + 1 < text.count, text[index] == ASCII.slash, text[index + 1] == ASCII.slash {
      var end = index + 2
      while end < text.count, text[end] != ASCII.slash, text[end] != ASCII.questionMark,
        text[end] != 0x23
      {
        end += 1
      }
      guard isAuthority(text.extracting((index + 2)..<end)) else { return false }
      index = end
    }
    index = run(text, from: index, in: pathAndSlash)
    if index < text.count, text[index] == ASCII.questionMark {
      index = run(text, from: index + 1, in: queryCharacters)
    }
    if index < text.count, text[index] == 0x23 {
      index = run(text, from: index + 1, in: queryCharacters)
    }
    return index == text.count
  }

  /// The index of the colon that ends a scheme, or nil.
  private static func schemeEnd(_ text: Span<UInt8>) -> Int? {
    guard text.count > 0, ASCII.isAlphanumeric(text[0]), !ASCII.isDigit(text[0]) else {
      return nil
    }
    var index = 1
    while index < text.count, schemeCharacters.contains(text[index]) { index += 1 }
    return index < text.count && text[index] == ASCII.colon ? index : nil
  }

  /// The end of the run of `allowed` characters and percent escapes that starts at `index`.
  private static func run(_ text: Span<UInt8>, from start: Int, in allowed: ASCIISet) -> Int {
    var index = start
    while index < text.count {
      if allowed.contains(text[index]) {
        index += 1
      } else if text[index] == ASCII.percent, index + 2 < text.count,
        ASCII.hexValue(text[index + 1]) != nil, ASCII.hexValue(text[index + 2]) != nil
      {
        index += 3
      } else {
        break
      }
    }
    return index
  }

  /// `[ userinfo "@" ] host [ ":" port ]`
  private static func isAuthority(_ text: Span<UInt8>) -> Bool {
    var hostStart = 0
    for index in 0..<text.count where text[index] == 0x40 {
      guard run(text, from: 0, in: userInfo) == index else { return false }
      hostStart = index + 1
      break
    }
    var index = hostStart
    if index < text.count, text[index] == 0x5B {
      while index < text.count, text[index] != 0x5D { index += 1 }
      guard index < text.count,
        isBracketed(text.extracting((hostStart + 1)..<index))
      else { return false }
      index += 1
    } else {
      index = run(text, from: index, in: registeredName)
    }
    if index < text.count, text[index] == ASCII.colon {
      index += 1
      while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
    }
    return index == text.count
  }

  /// `IPv6address / IPvFuture`
  private static func isBracketed(_ text: Span<UInt8>) -> Bool {
    guard text.count > 0, text[0] | 0x20 == 0x76 else { return AddressGrammar.isIPv6(text) }
    var index = 1
    while index < text.count, ASCII.hexValue(text[index]) != nil { index += 1 }
    guard index > 1, index + 1 < text.count, text[index] == ASCII.dot else { return false }
    for rest in (index + 1)..<text.count where !userInfo.contains(text[rest]) { return false }
    return true
  }
}
