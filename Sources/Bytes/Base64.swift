/// Base64 in its two alphabets (RFC 4648 §4 and §5).
public enum Base64 {
  /// Which alphabet, and whether `=` fills the last group.
  public enum Alphabet: Sendable {
    /// `+` and `/`, padded: what CloudEvents' `data_base64` carries.
    case standard
    /// `-` and `_`, unpadded: what JOSE carries (RFC 7515 §2).
    case url
  }

  /// Appends the encoding of `bytes` to `writer`.
  public static func encode(
    _ bytes: ByteSlice, as alphabet: Alphabet, into writer: inout ByteWriter
  ) {
    writer.reserve((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let first = bytes[index]
      let second = left > 1 ? bytes[index + 1] : 0
      let third = left > 2 ? bytes[index + 2] : 0
      writer.append(digit(first >> 2, alphabet))
      writer.append(digit((first & 0x03) << 4 | second >> 4, alphabet))
      if left > 1 {
        writer.append(digit((second & 0x0F) << 2 | third >> 6, alphabet))
      } else if alphabet == .standard {
        writer.append(ASCII.equals)
      }
      if left > 2 {
        writer.append(digit(third & 0x3F, alphabet))
      } else if alphabet == .standard {
        writer.append(ASCII.equals)
      }
      index += 3
    }
  }

  /// The encoding of `bytes` as text.
  public static func encode(_ bytes: ByteSlice, as alphabet: Alphabet) -> String {
    var writer = ByteWriter()
    encode(bytes, as: alphabet, into: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The bytes that `text` encodes, or nil unless it is the one canonical encoding of them: no
  /// other characters, no padding in the URL alphabet, full padding in the standard one, unused
  /// bits zero.
  public static func decode(_ text: ByteSlice, as alphabet: Alphabet) -> ByteSlice? {
    var body = text
    if alphabet == .standard {
      guard text.count % 4 == 0 else { return nil }
      var padding = 0
      while padding < 2, body.count > 0, body[body.count - 1] == ASCII.equals {
        body = body.prefix(body.count - 1)
        padding += 1
      }
    }
    guard body.count % 4 != 1 else { return nil }
    let length = body.count / 4 * 3 + max(body.count % 4 - 1, 0)
    // Six bytes are stored as eight; the next ones overwrite the last two.
    let storage = ByteStorage.make(capacity: length + 2)
    // SAFETY: each step of sixteen digits stores twelve bytes and two beyond them, all below
    // `length + 2`; the rest is stored byte by byte, `length` in all.
    let isCanonical = unsafe body.withUnsafeBytes { digits in
      let steps = digits.count / ByteBlock.width
      guard unsafe decode(digits, steps: steps, alphabet, into: storage.base) else { return false }
      var group: UInt32 = 0
      var held: UInt32 = 0
      var end = 12 * steps
      for index in (ByteBlock.width * steps)..<digits.count {
        guard let value = unsafe value(digits[index], alphabet) else { return false }
        group = group << 6 | UInt32(value)
        held += 6
        if held >= 8 {
          held -= 8
          unsafe storage.base.storeBytes(
            of: UInt8(truncatingIfNeeded: group >> held), toByteOffset: end, as: UInt8.self)
          end += 1
          group &= (1 << held) - 1
        }
      }
      return group == 0
    }
    return isCanonical ? ByteSlice(storage: storage, start: 0, count: length) : nil
  }

  /// Decodes `steps` times sixteen digits; false where one of them is none.
  ///
  /// SAFETY: there must be so many digits, and room for twelve bytes each time and two at the end.
  private static func decode(
    _ digits: UnsafeRawBufferPointer, steps: Int, _ alphabet: Alphabet,
    into out: UnsafeMutableRawPointer
  ) -> Bool {
    let others: (UInt8, UInt8) =
      alphabet == .url ? (ASCII.minus, ASCII.underscore) : (ASCII.plus, ASCII.slash)
    /// All ones where a byte is a digit.
    var digitsOnly = SIMD16<UInt8>(repeating: 0xFF)
    for step in 0..<steps {
      let block = unsafe digits.loadUnaligned(
        fromByteOffset: ByteBlock.width &* step, as: SIMD16<UInt8>.self)
      let upper = marks((block &- 0x41) .< SIMD16(repeating: 26))
      let lower = marks((block &- 0x61) .< SIMD16(repeating: 26))
      let decimal = marks((block &- 0x30) .< SIMD16(repeating: 10))
      let last = marks(block .== SIMD16(repeating: others.1))
      let lastButOne = marks(block .== SIMD16(repeating: others.0))
      digitsOnly &= upper | lower | decimal | last | lastButOne
      let values =
        upper & (block &- 0x41) | lower & (block &- 71) | decimal & (block &+ 4)
        | last & 63 | lastButOne & 62
      let loaded = unsafe unsafeBitCast(values, to: SIMD2<UInt64>.self)
      let words = SIMD2(UInt64(littleEndian: loaded[0]), UInt64(littleEndian: loaded[1]))
      // Eight times six bits become six bytes: first in pairs, then in fours, then in eights.
      let six = SIMD2<UInt64>(repeating: 0x003F_003F_003F_003F)
      let pairs = (words & six) &<< 6 | (words &>> 8) & six
      let twelve = SIMD2<UInt64>(repeating: 0x0000_0FFF_0000_0FFF)
      let fours = (pairs & twelve) &<< 12 | (pairs &>> 16) & twelve
      let eights = (fours & SIMD2(repeating: 0xFF_FFFF)) &<< 40 | (fours &>> 32) &<< 16
      unsafe out.storeBytes(
        of: eights[0].bigEndian, toByteOffset: 12 &* step, as: UInt64.self)
      unsafe out.storeBytes(
        of: eights[1].bigEndian, toByteOffset: 12 &* step &+ 6, as: UInt64.self)
    }
    return digitsOnly == SIMD16(repeating: 0xFF)
  }

  /// A mask as bytes of ones and zeros.
  @inline(__always)
  private static func marks(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD16<UInt8> {
    // SAFETY: a mask is sixteen bytes, each of them all ones or all zeros.
    unsafe unsafeBitCast(mask, to: SIMD16<UInt8>.self)
  }

  private static func digit(_ value: UInt8, _ alphabet: Alphabet) -> UInt8 {
    switch value {
    case 0..<26: 0x41 + value
    case 26..<52: 0x61 + (value - 26)
    case 52..<62: 0x30 + (value - 52)
    case 62: alphabet == .url ? ASCII.minus : ASCII.plus
    default: alphabet == .url ? ASCII.underscore : ASCII.slash
    }
  }

  private static func value(_ digit: UInt8, _ alphabet: Alphabet) -> UInt8? {
    if ASCII.isUpper(digit) { return digit - 0x41 }
    if ASCII.isLower(digit) { return digit - 0x61 + 26 }
    if ASCII.isDigit(digit) { return digit - 0x30 + 52 }
    switch (digit, alphabet) {
    case (ASCII.minus, .url), (ASCII.plus, .standard): return 62
    case (ASCII.underscore, .url), (ASCII.slash, .standard): return 63
    default: return nil
    }
  }
}
