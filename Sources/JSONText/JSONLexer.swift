import Bytes

/// Where scanning stopped and why; becomes a `JSONFault` once, at the parser's door.
struct ScanStop: Error {
  let code: JSONFaultCode
  let offset: Int
  /// What could have stood there, where only the place of the stop tells.
  var expected: JSONExpectation?
}

/// The lexical grammar over borrowed bytes: each function takes an offset and returns the offset
/// behind what it has read. Reads eight bytes at a time where at least eight are left, never beyond
/// the end.
///
/// SAFETY: `base` points to `end` initialised bytes that the caller keeps alive and unchanged;
/// every load is guarded by a comparison with `end`.
@safe struct JSONLexer: BitwiseCopyable {
  let base: UnsafeRawPointer
  let end: Int

  @inline(__always)
  func byte(_ offset: Int) -> UInt8 { unsafe base.load(fromByteOffset: offset, as: UInt8.self) }

  @inline(__always)
  private func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private func half(_ offset: Int) -> UInt32 {
    UInt32(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  // MARK: White space

  /// The offset of the first byte that is not white space; `end` if there is none.
  @inline(__always)
  func skipSpace(_ start: Int) -> Int {
    if start < end, byte(start) > ASCII.space { return start }
    return skipRun(start)
  }

  @inline(never)
  private func skipRun(_ start: Int) -> Int {
    var at = start
    while true {
      // Indentation comes in runs of spaces.
      while at &+ 8 <= end, word(at) == 0x2020_2020_2020_2020 { at &+= 8 }
      guard at < end else { return end }
      let next = byte(at)
      guard
        next == ASCII.space || next == ASCII.lineFeed || next == ASCII.carriageReturn
          || next == ASCII.tab
      else { return at }
      at &+= 1
    }
  }

  // MARK: Strings

  /// Bytes that end a plain run: `"`, `\`, controls, non-ASCII; the lowest marked byte is exact,
  /// higher ones may be marked wrongly by a borrow.
  @inline(__always)
  private static func specials(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ 0x2222_2222_2222_2222
    let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
    let low = (quotes &- ones) & ~quotes
    let escape = (slashes &- ones) & ~slashes
    let control = (word &- 0x2020_2020_2020_2020) & ~word
    return (low | escape | control | word) & 0x8080_8080_8080_8080
  }

  /// Reads a string's contents from behind its opening quote; returns the closing quote's offset.
  @inline(__always)
  func string(_ start: Int, _ flags: inout JSONTokenFlags) throws(ScanStop) -> Int {
    var at = start
    while at &+ 8 <= end {
      let hits = Self.specials(word(at))
      if hits != 0 {
        at &+= hits.trailingZeroBitCount &>> 3
        if byte(at) == ASCII.quote { return at }
        return try stringRest(at, &flags)
      }
      at &+= 8
    }
    return try stringRest(at, &flags)
  }

  @inline(never)
  private func stringRest(_ start: Int, _ flags: inout JSONTokenFlags) throws(ScanStop) -> Int {
    var at = start
    while true {
      while at &+ 8 <= end {
        let hits = Self.specials(word(at))
        at &+= hits == 0 ? 8 : hits.trailingZeroBitCount &>> 3
        if hits != 0 { break }
      }
      guard at < end else {
        throw ScanStop(code: .unexpectedEnd, offset: end, expected: .closingQuote)
      }
      let next = byte(at)
      if next == ASCII.quote { return at }
      if next >= 0x80 {
        flags.insert(.nonASCII)
        at = try multiByte(at)
      } else if next == ASCII.backslash {
        flags.insert(.hasEscape)
        at = try escape(at)
      } else if next < ASCII.space {
        throw ScanStop(code: .controlCharacter, offset: at)
      } else {
        at &+= 1
      }
    }
  }

  /// Reads a run of UTF-8 sequences (RFC 3629 §4): no overlong form, no surrogate, ≤ U+10FFFF.
  @inline(__always)
  private func multiByte(_ start: Int) throws(ScanStop) -> Int {
    var at = start
    repeat {
      let lead = byte(at)
      if lead & 0xF0 == 0xE0, at &+ 4 <= end {
        // Three bytes, the form of most of the world's scripts. 0x200F covers the bits that tell
        // overlong forms (all zero) and surrogates (0x200D) apart.
        let sequence = half(at)
        let top = sequence & 0x200F
        guard sequence & 0x00C0_C0F0 == 0x0080_80E0, top != 0, top != 0x200D else {
          throw ScanStop(code: .badUTF8, offset: at)
        }
        at &+= 3
      } else {
        at = try sequence(at, lead)
      }
    } while at < end && byte(at) >= 0x80
    return at
  }

  @inline(__always)
  private func sequence(_ at: Int, _ lead: UInt8) throws(ScanStop) -> Int {
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard lead >= 0xC2, lead <= 0xF4, at &+ length <= end else {
      throw ScanStop(code: .badUTF8, offset: at)
    }
    let second = byte(at &+ 1)
    var good = second & 0xC0 == 0x80
    switch lead {
    case 0xE0: good = good && second >= 0xA0
    case 0xED: good = good && second < 0xA0
    case 0xF0: good = good && second >= 0x90
    case 0xF4: good = good && second < 0x90
    default: break
    }
    if length > 2 { good = good && byte(at &+ 2) & 0xC0 == 0x80 }
    if length > 3 { good = good && byte(at &+ 3) & 0xC0 == 0x80 }
    guard good else { throw ScanStop(code: .badUTF8, offset: at) }
    return at &+ length
  }

  @inline(__always)
  private func escape(_ at: Int) throws(ScanStop) -> Int {
    guard at &+ 1 < end else {
      throw ScanStop(code: .unexpectedEnd, offset: end, expected: .escape)
    }
    switch byte(at &+ 1) {
    case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return at &+ 2
    case 0x75: return try unicodeEscape(at)
    default: throw ScanStop(code: .badEscape, offset: at)
    }
  }

  private func unicodeEscape(_ at: Int) throws(ScanStop) -> Int {
    let unit = try codeUnit(at)
    guard unit & 0xF800 == 0xD800 else { return at &+ 6 }
    let low = at &+ 6
    guard unit < 0xDC00, low &+ 1 < end, byte(low) == ASCII.backslash, byte(low &+ 1) == 0x75 else {
      throw ScanStop(code: .loneSurrogate, offset: at)
    }
    guard try codeUnit(low) & 0xFC00 == 0xDC00 else {
      throw ScanStop(code: .loneSurrogate, offset: at)
    }
    return low &+ 6
  }

  private func codeUnit(_ at: Int) throws(ScanStop) -> UInt32 {
    guard at &+ 6 <= end else {
      throw ScanStop(code: .unexpectedEnd, offset: end, expected: .escape)
    }
    var unit: UInt32 = 0
    for index in (at &+ 2)..<(at &+ 6) {
      guard let digit = ASCII.hexValue(byte(index)) else {
        throw ScanStop(code: .badEscape, offset: at)
      }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  // MARK: Numbers and names

  /// Reads a number that starts at `start` with `-` or a digit (RFC 8259 §6).
  @inline(__always)
  func number(_ start: Int, _ flags: inout JSONTokenFlags) throws(ScanStop) -> Int {
    var at = start
    if byte(at) == ASCII.minus { at &+= 1 }
    guard at < end else {
      throw ScanStop(code: .unexpectedEnd, offset: end, expected: .digit)
    }
    if byte(at) == ASCII.zero {
      at &+= 1
      if at < end, ASCII.isDigit(byte(at)) { throw ScanStop(code: .badNumber, offset: start) }
    } else {
      at = try digits(at, of: start)
    }
    if at < end, byte(at) == ASCII.dot {
      flags.insert(.fraction)
      at = try digits(at &+ 1, of: start)
    }
    if at < end, byte(at) | 0x20 == 0x65 {
      flags.insert(.fraction)
      at &+= 1
      if at < end, byte(at) == ASCII.plus || byte(at) == ASCII.minus { at &+= 1 }
      at = try digits(at, of: start)
    }
    return at
  }

  @inline(__always)
  private func digits(_ start: Int, of number: Int) throws(ScanStop) -> Int {
    var at = start
    while at &+ 8 <= end {
      // Digits become 0–9 and stay below 0x80; the lowest marked byte is exact.
      let values = word(at) ^ 0x3030_3030_3030_3030
      let others = ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
      if others != 0 {
        at &+= others.trailingZeroBitCount &>> 3
        if at > start { return at }
        break
      }
      at &+= 8
    }
    while at < end, ASCII.isDigit(byte(at)) { at &+= 1 }
    guard at > start else {
      if at >= end { throw ScanStop(code: .unexpectedEnd, offset: end, expected: .digit) }
      throw ScanStop(code: .badNumber, offset: number, expected: .digit)
    }
    return at
  }

  /// Reads `null`, `true` or `false`.
  @inline(__always)
  func name(_ start: Int) throws(ScanStop) -> JSONKind {
    if start &+ 4 <= end {
      switch half(start) {
      case 0x6C6C_756E: return .null
      case 0x6575_7274: return .true
      case 0x736C_6166 where start &+ 5 <= end && byte(start &+ 4) == 0x65: return .false
      default: break
      }
    }
    throw nameFault(start)
  }

  @inline(never)
  private func nameFault(_ start: Int) -> ScanStop {
    for name: StaticString in ["null", "true", "false"] {
      var at = start
      var index = 0
      while at < end, index < name.utf8CodeUnitCount, unsafe byte(at) == name.utf8Start[index] {
        at += 1
        index += 1
      }
      if index > 0 {
        return ScanStop(
          code: at == end ? .unexpectedEnd : .unexpectedByte, offset: at, expected: .literal)
      }
    }
    return ScanStop(code: .unexpectedByte, offset: start, expected: .value)
  }
}
