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
    var decoded = ByteWriter(capacity: body.count / 4 * 3 + 2)
    var group: UInt32 = 0
    var held: UInt32 = 0
    for index in 0..<body.count {
      guard let value = value(body[index], alphabet) else { return nil }
      group = group << 6 | UInt32(value)
      held += 6
      if held >= 8 {
        held -= 8
        decoded.append(UInt8(truncatingIfNeeded: group >> held))
        group &= (1 << held) - 1
      }
    }
    return group == 0 ? decoded.slice : nil
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
