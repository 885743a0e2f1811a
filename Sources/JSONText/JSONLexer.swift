import Bytes

/// Where scanning stopped and why; becomes a `JSONFault` once, at the parser's door.
struct ScanStop: Error {
  let code: JSONFaultCode
  let offset: Int
  /// What could have stood there, where only the place of the stop tells.
  var expected: JSONExpectation?
}

/// The lexical grammar over borrowed bytes: each function takes an offset and returns the offset
/// behind what it has read. Reads blocks of sixteen bytes where as many are left, never beyond
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
  func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// The first eight bytes of a name without escapes, moved so that a shorter one has zeros in
  /// front.
  @inline(__always)
  func prefix(_ offset: Int, _ length: Int) -> UInt64 {
    if offset &+ 8 > end { return shortPrefix(offset, length) }
    // In two steps, so that nothing is left of a name without bytes; and without a branch, since
    // nobody can foresee which names are short.
    let missing = UInt64(truncatingIfNeeded: 4 &* max(0, 8 &- length))
    return (word(offset) &<< missing) &<< missing
  }

  @inline(never)
  private func shortPrefix(_ offset: Int, _ length: Int) -> UInt64 {
    var prefix: UInt64 = 0
    for index in 0..<min(length, 8) {
      prefix = prefix &>> 8 | UInt64(byte(offset &+ index)) &<< 56
    }
    return prefix
  }

  /// Whether `count` bytes at two offsets are the same.
  func equal(_ left: Int, _ right: Int, _ count: Int) -> Bool {
    var done = 0
    while done &+ 8 <= count {
      if word(left &+ done) != word(right &+ done) { return false }
      done &+= 8
    }
    while done < count {
      if byte(left &+ done) != byte(right &+ done) { return false }
      done &+= 1
    }
    return true
  }

  @inline(__always)
  private func block(_ offset: Int) -> ByteBlock { unsafe ByteBlock(base, at: offset) }

  @inline(__always)
  func half(_ offset: Int) -> UInt32 {
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
    // Where a text is written for people, one space follows a colon.
    if at &+ 1 < end, byte(at) == ASCII.space, byte(at &+ 1) > ASCII.space { return at &+ 1 }
    while at < end {
      let next = byte(at)
      switch next {
      case ASCII.lineFeed, ASCII.carriageReturn: at &+= 1
      case ASCII.space, ASCII.tab:
        // At the start of a line stands a run.
        at &+= 1
        while at &+ ByteBlock.width <= end, byte(at) == next {
          let run = block(at).marks(next).firstUnmarked
          at &+= run
          if run < ByteBlock.width { break }
        }
      default: return at
      }
    }
    return end
  }

  // MARK: Strings

  /// Where a string ends: the offset of its closing quote, and what was noticed on the way.
  struct StringEnd: BitwiseCopyable {
    let offset: Int
    var flags: JSONTokenFlags = []
  }

  /// The index in the block at `at` of the first byte that does not stand for itself: `"`, `\`,
  /// controls, non-ASCII.
  @inline(__always)
  private func firstSpecial(_ at: Int) -> Int {
    let block = block(at)
    return
      (block.marks(ASCII.quote) | block.marks(ASCII.backslash)
      | block.marksOfControlsAndNonASCII).first
  }

  /// An offset up to which a string is plain ASCII whose contents start at `start`, `end` at most.
  /// Where its closing quote stands there, that was all of it.
  @inline(__always)
  func plainEnd(_ start: Int) -> Int {
    var at = start
    while at &+ ByteBlock.width <= end {
      let plain = firstSpecial(at)
      at &+= plain
      if plain < ByteBlock.width { break }
    }
    return at
  }

  /// Whether a string that is plain up to `offset` ends there.
  @inline(__always)
  func isQuote(_ offset: Int) -> Bool { offset < end && byte(offset) == ASCII.quote }

  /// Reads a string's contents from behind its opening quote, or from where it is plain up to.
  func string(_ start: Int) throws(ScanStop) -> StringEnd {
    var at = start
    var flags: JSONTokenFlags = []
    while at < end {
      let next = byte(at)
      if next == ASCII.quote { return StringEnd(offset: at, flags: flags) }
      if next >= 0x80 {
        flags.insert(.nonASCII)
        at = try multiByte(at)
      } else if next == ASCII.backslash {
        flags.insert(.hasEscape)
        // Where a text is of another script, or code, one follows the other.
        repeat { at = try escape(at) } while at < end && byte(at) == ASCII.backslash
      } else if next < ASCII.space {
        throw ScanStop(code: .controlCharacter, offset: at)
      } else {
        at = plainEnd(at &+ 1)
      }
    }
    throw ScanStop(code: .unexpectedEnd, offset: end, expected: .closingQuote)
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
}
