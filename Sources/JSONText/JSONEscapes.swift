public import Bytes

/// The escapes of JSON strings (RFC 8259 §7), in both directions.
public enum JSONEscapes {
  /// The value of a string's source bytes; the same slice when nothing is escaped. The bytes must
  /// come from a parsed text: they are not checked again.
  public static func unescape(_ raw: ByteSlice) -> ByteSlice {
    guard raw.firstIndex(of: ASCII.backslash) != nil else { return raw }
    var buffer = ByteBuffer(capacity: raw.count)
    // SAFETY: an unescaped text is never longer than its escaped form: `raw.count` bytes do.
    _ = unsafe buffer.appendUnsafe(room: raw.count) { room in
      unsafe raw.withUnsafeBytes { source in
        let target = unsafe room.baseAddress.unsafelyUnwrapped
        return unsafe unescape(source, into: target.assumingMemoryBound(to: UInt8.self))
      }
    }
    return buffer.contents
  }

  /// Appends the value of a string's source bytes, which must come from a parsed text.
  public static func unescape(_ raw: Span<UInt8>, onto bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: raw.count))
    let written = unsafe bytes.withUnsafeMutableBufferPointer { room -> Int in
      guard let base = room.baseAddress else { return 0 }
      // SAFETY: a value is never longer than its source, for which there is room behind `start`.
      return unsafe raw.withUnsafeBytes { unsafe unescape($0, into: base + start) }
    }
    bytes.removeLast(raw.count - written)
  }

  /// Writes the value of checked source bytes to `target`, which has room for as many bytes as
  /// `raw` has (a value is never longer than its source); returns the value's length.
  static func unescape(
    _ raw: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var read = 0
    var written = 0
    while read < raw.count {
      if unsafe raw[read] != ASCII.backslash {
        guard read + 8 <= raw.count else {
          unsafe target[written] = unsafe raw[read]
          read += 1
          written += 1
          continue
        }
        // Eight bytes at a time, of which those before an escape count. There is room for all: no
        // more was written than read.
        let word = unsafe raw.loadUnaligned(fromByteOffset: read, as: UInt64.self)
        unsafe UnsafeMutableRawPointer(target + written).storeBytes(of: word, as: UInt64.self)
        let plain = backslashes(in: word).trailingZeroBitCount / 8
        read += plain
        written += plain
        if plain == 8 { continue }
      }
      let letter = unsafe raw[read + 1]
      guard letter == 0x75 else {
        unsafe target[written] = value(ofEscape: letter)
        read += 2
        written += 1
        continue
      }
      var scalar = unsafe unit(raw, read + 2)
      read += 6
      if scalar & 0xFC00 == 0xD800 {
        let low = unsafe unit(raw, read + 2)
        scalar = 0x1_0000 + ((scalar & 0x3FF) << 10 | (low & 0x3FF))
        read += 6
      }
      written += unsafe encode(scalar, into: target.advanced(by: written))
    }
    return written
  }

  /// How many backslashes a string's source bytes have: as many as escapes, or twice as many.
  public static func backslashes(in raw: Span<UInt8>) -> Int {
    unsafe raw.withUnsafeBytes { raw in
      var count = 0
      var read = 0
      while read + 8 <= raw.count {
        let word = unsafe raw.loadUnaligned(fromByteOffset: read, as: UInt64.self)
        count += backslashes(in: word).nonzeroBitCount
        read += 8
      }
      while read < raw.count {
        if unsafe raw[read] == ASCII.backslash { count += 1 }
        read += 1
      }
      return count
    }
  }

  /// The highest bit of each of eight bytes that is a backslash.
  @inline(__always)
  private static func backslashes(in word: UInt64) -> UInt64 {
    let other = word ^ 0x5C5C_5C5C_5C5C_5C5C
    let low = (other & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F
    return ~(low | other) & 0x8080_8080_8080_8080
  }

  private static func value(ofEscape letter: UInt8) -> UInt8 {
    switch letter {
    case 0x62: 0x08
    case 0x66: 0x0C
    case 0x6E: ASCII.lineFeed
    case 0x72: ASCII.carriageReturn
    case 0x74: ASCII.tab
    default: letter
    }
  }

  private static func unit(_ raw: UnsafeRawBufferPointer, _ start: Int) -> UInt32 {
    var unit: UInt32 = 0
    for index in start..<(start + 4) {
      unit = unit << 4 | UInt32(ASCII.hexValue(unsafe raw[index]) ?? 0)
    }
    return unit
  }

  private static func encode(_ scalar: UInt32, into target: UnsafeMutablePointer<UInt8>) -> Int {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: scalar >> shift & 0x3F) | 0x80 }
    switch scalar {
    case 0..<0x80:
      unsafe target[0] = UInt8(truncatingIfNeeded: scalar)
      return 1
    case 0x80..<0x800:
      unsafe target[0] = UInt8(truncatingIfNeeded: scalar >> 6) | 0xC0
      unsafe target[1] = tail(0)
      return 2
    case 0x800..<0x1_0000:
      unsafe target[0] = UInt8(truncatingIfNeeded: scalar >> 12) | 0xE0
      unsafe target[1] = tail(6)
      unsafe target[2] = tail(0)
      return 3
    default:
      unsafe target[0] = UInt8(truncatingIfNeeded: scalar >> 18) | 0xF0
      unsafe target[1] = tail(12)
      unsafe target[2] = tail(6)
      unsafe target[3] = tail(0)
      return 4
    }
  }

  /// Appends `text` as the inside of a JSON string: quotes, backslashes and controls escaped, bytes
  /// that are not UTF-8 replaced by U+FFFD, so that the result is valid whatever comes in.
  public static func escape(_ text: ByteSlice, into writer: inout ByteWriter) {
    var start = 0
    var at = 0
    while at < text.count {
      let byte = text[at]
      if byte >= 0x80 {
        let length = text.sequenceLength(at: at)
        if length == 0 {
          writer.append(text[start..<at])
          writer.append("\u{FFFD}")
          start = at + 1
        }
        at += max(length, 1)
      } else if byte < ASCII.space || byte == ASCII.quote || byte == ASCII.backslash {
        writer.append(text[start..<at])
        appendEscape(of: byte, to: &writer)
        at += 1
        start = at
      } else {
        at += 1
      }
    }
    writer.append(start == 0 ? text : text[start..<text.count])
  }

  private static func appendEscape(of byte: UInt8, to writer: inout ByteWriter) {
    writer.append(ASCII.backslash)
    switch byte {
    case 0x08: writer.append(0x62)
    case 0x0C: writer.append(0x66)
    case ASCII.lineFeed: writer.append(0x6E)
    case ASCII.carriageReturn: writer.append(0x72)
    case ASCII.tab: writer.append(0x74)
    case ASCII.quote, ASCII.backslash: writer.append(byte)
    default:
      writer.append("u00")
      writer.append(ASCII.hexDigit(byte >> 4))
      writer.append(ASCII.hexDigit(byte & 0x0F))
    }
  }
}

extension ByteSlice {
  /// Bytes of the well-formed UTF-8 sequence at `index` (RFC 3629 §4), or 0.
  public func sequenceLength(at index: Int) -> Int {
    let lead = self[index]
    if lead < 0x80 { return 1 }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    guard lead >= 0xC2, lead <= 0xF4, index + length <= count else { return 0 }
    let second = self[index + 1]
    let least: UInt8 = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
    let most: UInt8 = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
    guard second >= least, second <= most else { return 0 }
    for follower in 2..<max(length, 2) where self[index + follower] & 0xC0 != 0x80 { return 0 }
    return length
  }

  /// Whether the bytes are well-formed UTF-8 throughout.
  public var isUTF8: Bool {
    var at = 0
    while at < count {
      let length = sequenceLength(at: at)
      if length == 0 { return false }
      at += length
    }
    return true
  }
}
