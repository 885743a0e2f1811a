import Bytes

/// Textual network addresses: dotted quads and RFC 4291 §2.2.
enum AddressGrammar {
  /// Four decimal numbers of 0…255 without leading zeros.
  static func isIPv4(_ text: Span<UInt8>) -> Bool {
    guard text.count >= 7, text.count <= 15 else { return false }
    var parts = 0
    var value = 0
    var digits = 0
    for index in 0..<text.count {
      let byte = text[index]
      if byte == ASCII.dot {
        guard digits > 0, parts < 3 else { return false }
        parts += 1
        value = 0
        digits = 0
        continue
      }
      guard ASCII.isDigit(byte), digits == 0 || value != 0 else { return false }
      value = value * 10 + Int(byte &- ASCII.zero)
      digits += 1
      guard value <= 255 else { return false }
    }
    return parts == 3 && digits > 0
  }

  /// Bytes of the longest IPv6 address.
  static let longest = 45

  /// Eight groups of up to four hexadecimal digits, one run of zeros as `::`, the last 32 bits also
  /// as a dotted quad. No zone.
  static func isIPv6(_ text: Span<UInt8>) -> Bool {
    guard text.count >= 2, text.count <= longest else { return false }
    var groups = 0
    var compressed = false
    var index = 0
    if text[0] == ASCII.colon {
      guard text[1] == ASCII.colon else { return false }
      compressed = true
      index = 2
    }
    while index < text.count {
      let start = index
      while index < text.count, ASCII.hexValue(text[index]) != nil { index += 1 }
      if index < text.count, text[index] == ASCII.dot {
        guard isIPv4(text.extracting(start..<text.count)) else { return false }
        groups += 2
        return compressed ? groups < 8 : groups == 8
      }
      guard index > start, index - start <= 4 else { return false }
      groups += 1
      if index == text.count { break }
      guard text[index] == ASCII.colon else { return false }
      index += 1
      // A colon must be followed by a group or by the one compression.
      guard index < text.count else { return false }
      if text[index] == ASCII.colon {
        guard !compressed else { return false }
        compressed = true
        index += 1
      }
    }
    return compressed ? groups < 8 : groups == 8
  }
}
