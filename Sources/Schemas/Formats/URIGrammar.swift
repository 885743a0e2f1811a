import Bytes

/// RFC 3986 Appendix A: `URI` and `URI-reference`; RFC 3987 §2.2: the same with characters beyond
/// ASCII.
enum URIGrammar {
  /// Which characters beyond ASCII stand for themselves.
  enum Beyond {
    case nothing
    /// `ucschar`
    case assigned
    /// `ucschar / iprivate`
    case anyAssigned
  }

  /// `pchar` and `/`: letters, digits, `-._~!$&'()*+,;=:@/`.
  static var pathAndSlash: ASCIISet {
    ASCIISet(low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }
  /// The same and `?`.
  static var queryCharacters: ASCIISet {
    ASCIISet(low: 0xAFFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
  }
  /// Letters, digits, `-._~!$&'()*+,;=:`.
  static var userInfo: ASCIISet {
    ASCIISet(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }
  /// Letters, digits, `-._~!$&'()*+,;=`.
  static var registeredName: ASCIISet {
    ASCIISet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
  }
  /// Letters, digits, `+-.`.
  static var schemeCharacters: ASCIISet {
    ASCIISet(low: 0x03FF_6800_0000_0000, high: 0x07FF_FFFE_07FF_FFFE)
  }

  /// Whether `text` is a URI (`needsScheme`) or a URI reference; an IRI if `international`.
  ///
  /// - Parameter singles: goes up by the characters that were looked at one by one.
  static func accepts(
    _ text: Span<UInt8>, needsScheme: Bool, international: Bool = false, singles: inout Int
  ) -> Bool {
    let beyond: Beyond = international ? .assigned : .nothing
    var index = 0
    if let end = plainHostEnd(text, beyond, &singles) {
      return endsWell(text, from: end, beyond, international: international, &singles)
    }
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
      guard isAuthority(text.extracting((index + 2)..<end), beyond, &singles) else { return false }
      index = end
    }
    return endsWell(text, from: index, beyond, international: international, &singles)
  }

  /// Whether a text starts as most do: with `https://`, and goes on.
  @inline(__always)
  static func startsPlainly(_ text: Span<UInt8>) -> Bool {
    // "https://" as a little-endian word.
    text.count > 8 && NameTable.word(text.raw, at: 0, count: 8) == 0x2F2F_3A73_7074_7468
  }

  /// Where the host of a text ends that starts as most do: with `https://` and a name alone.
  @inline(__always)
  private static func plainHostEnd(
    _ text: Span<UInt8>, _ beyond: Beyond, _ singles: inout Int
  ) -> Int? {
    guard startsPlainly(text) else { return nil }
    let end = run(text, from: 8, in: registeredName, beyond, &singles)
    if end < text.count, text[end] != ASCII.slash, text[end] != ASCII.questionMark,
      text[end] != 0x23
    {
      return nil
    }
    return end
  }

  /// Whether path, query and fragment reach from `start` to the end.
  private static func endsWell(
    _ text: Span<UInt8>, from start: Int, _ beyond: Beyond, international: Bool,
    _ singles: inout Int
  ) -> Bool {
    var index = run(text, from: start, in: pathAndSlash, beyond, &singles)
    if index < text.count, text[index] == ASCII.questionMark {
      index = run(
        text, from: index + 1, in: queryCharacters, international ? .anyAssigned : .nothing,
        &singles)
    }
    if index < text.count, text[index] == 0x23 {
      index = run(text, from: index + 1, in: queryCharacters, beyond, &singles)
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

  /// The end of the run of allowed characters and percent escapes that starts at `index`.
  ///
  /// - Parameter allowed: a set that has letters, digits and `-._`; if it has `/`, then `:` too.
  static func run(
    _ text: Span<UInt8>, from start: Int, in allowed: ASCIISet, _ beyond: Beyond,
    _ singles: inout Int
  ) -> Int {
    let isPath = allowed.contains(ASCII.slash)
    var index = start
    while true {
      // What every set of this grammar has makes up nearly all of a text.
      while index &+ ByteBlock.width <= text.count {
        let plain = plainMarks(ByteBlock(text, at: index), isPath: isPath).firstUnmarked
        index &+= plain
        if plain < ByteBlock.width { break }
      }
      if index < text.count, index &+ ByteBlock.width > text.count, text.count >= ByteBlock.width {
        // The last block overlaps the one before it.
        let last = text.count &- ByteBlock.width
        index =
          last
          &+ plainMarks(ByteBlock(text, at: last), isPath: isPath).firstUnmarked(
            from: index &- last)
      }
      // Where one other character stands, more may follow: a block's length of them singly.
      let next = index &+ ByteBlock.width
      repeat {
        guard index < text.count,
          let width = width(text, at: index, in: allowed, beyond: beyond)
        else { return index }
        index &+= width
        singles &+= 1
      } while index < next
    }
  }

  /// Marks letters, digits and `-._`; in paths `/` and `:` too.
  @inline(__always)
  private static func plainMarks(_ block: ByteBlock, isPath: Bool) -> ByteMarks {
    let word = block.folded.marks(from: 0x61, count: 26) | block.marks(ASCII.underscore)
    // `-`, `.`, `/`, the digits and `:` stand side by side.
    return isPath
      ? word | block.marks(from: ASCII.minus, count: 14)
      : word | block.marks(from: ASCII.minus, count: 2) | block.marks(from: ASCII.zero, count: 10)
  }

  /// The bytes of the allowed character or percent escape at `index`, or nil.
  @inline(__always)
  static func width(
    _ text: Span<UInt8>, at index: Int, in allowed: ASCIISet, beyond: Beyond
  ) -> Int? {
    if allowed.contains(text[index]) { return 1 }
    if text[index] == ASCII.percent {
      let isEscape =
        index + 2 < text.count && ASCII.hexValue(text[index + 1]) != nil
        && ASCII.hexValue(text[index + 2]) != nil
      return isEscape ? 3 : nil
    }
    return text[index] >= 0x80 && beyond != .nothing ? wide(text, at: index, beyond) : nil
  }

  /// The character at `index` and its bytes, or nil where the text ends within it.
  static func character(_ text: Span<UInt8>, at index: Int) -> (UInt32, width: Int)? {
    let lead = text[index]
    if lead < 0x80 { return (UInt32(lead), 1) }
    let width = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard index + width <= text.count else { return nil }
    var character = UInt32(lead) & (width == 2 ? 0x1F : width == 3 ? 0x0F : 0x07)
    for offset in 1..<width { character = character << 6 | UInt32(text[index + offset] & 0x3F) }
    return (character, width)
  }

  /// The bytes of the character beyond ASCII at `index`, if it is allowed.
  private static func wide(_ text: Span<UInt8>, at index: Int, _ beyond: Beyond) -> Int? {
    guard let (character, width) = character(text, at: index) else { return nil }
    switch character {
    case 0xA0...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFEF: return width
    case 0xE000...0xF8FF, 0xF0000...0x10FFFF:
      return beyond == .anyAssigned && character & 0xFFFE != 0xFFFE ? width : nil
    case 0x10000...0xDFFFF, 0xE1000...0xEFFFF: return character & 0xFFFE != 0xFFFE ? width : nil
    default: return nil
    }
  }

  /// `[ userinfo "@" ] host [ ":" port ]`
  private static func isAuthority(
    _ text: Span<UInt8>, _ beyond: Beyond, _ singles: inout Int
  ) -> Bool {
    var hostStart = 0
    for index in 0..<text.count where text[index] == 0x40 {
      guard run(text, from: 0, in: userInfo, beyond, &singles) == index else { return false }
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
      index = run(text, from: index, in: registeredName, beyond, &singles)
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
