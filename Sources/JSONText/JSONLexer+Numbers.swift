import Bytes

// Numbers and the three names.
extension JSONLexer {
  /// Reads a number that starts at `start` with `-` or a digit (RFC 8259 §6).
  @inline(__always)
  func number(_ start: Int, _ flags: inout JSONTokenFlags) throws(ScanStop) -> Int {
    // A digit alone is what the densest texts are made of.
    if start &+ 1 < end, endsValue(byte(start &+ 1)), byte(start) != ASCII.minus {
      return start &+ 1
    }
    let first = start &+ (byte(start) == ASCII.minus ? 1 : 0)
    var at = first &+ digitRun(first)
    guard at > first, byte(first) != ASCII.zero || at == first &+ 1 else {
      return try anyNumber(start, &flags)
    }
    if byte(at) == ASCII.dot {
      let fraction = digitRun(at &+ 1)
      guard fraction > 0 else { return try anyNumber(start, &flags) }
      at &+= fraction &+ 1
      flags.insert(.fraction)
    }
    return byte(at) | 0x20 == 0x65 ? try power(at, of: start, &flags) : at
  }

  /// Reads the exponent at `at` of a number that starts at `start`.
  @inline(never)
  private func power(
    _ at: Int, of start: Int, _ flags: inout JSONTokenFlags
  ) throws(ScanStop) -> Int {
    var first = at &+ 1
    if first < end, byte(first) == ASCII.minus || byte(first) == ASCII.plus { first &+= 1 }
    let digits = digitRun(first)
    guard digits > 0 else { return try anyNumber(start, &flags) }
    flags.insert(.fraction)
    return first &+ digits
  }

  /// Whether a byte is what follows a value in a text without white space.
  @inline(__always)
  private func endsValue(_ byte: UInt8) -> Bool {
    byte == ASCII.comma || byte | 0x20 == 0x7D
  }

  /// How many digits stand at `at`, if they are up to seven and eight bytes are left; else 0.
  @inline(__always)
  private func digitRun(_ at: Int) -> Int {
    guard at &+ 8 <= end else { return 0 }
    // Digits become 0–9 and stay below 0x80; the lowest marked byte is exact.
    let values = word(at) ^ 0x3030_3030_3030_3030
    let others = ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
    return others != 0 ? others.trailingZeroBitCount &>> 3 : 0
  }

  /// The same for every number, and for what is none.
  @inline(never)
  private func anyNumber(_ start: Int, _ flags: inout JSONTokenFlags) throws(ScanStop) -> Int {
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

  private func digits(_ start: Int, of number: Int) throws(ScanStop) -> Int {
    var at = start
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

  /// SAFETY: `index` is below the literal's length.
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
