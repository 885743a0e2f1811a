import Bytes
private import CIDN2

/// Names of hosts: RFC 1123 §2.1 with the A-labels of RFC 5890, and RFC 5890's internationalised
/// names. libidn2 decides about labels beyond ASCII, and about what an A-label stands for.
enum HostGrammar {
  /// Bytes of a name beyond which no label is looked at: 253 characters of four bytes.
  static let longest = 1012

  /// Labels of letters, digits and inner hyphens, up to 63 bytes each and 253 in all.
  static func isHostname(_ text: Span<UInt8>) -> Bool {
    guard text.count > 0, text.count <= 253 else { return false }
    var start = 0
    while true {
      let end = endOfLabel(text, from: start)
      guard isASCIILabel(text.extracting(start..<end)) else { return false }
      if end == text.count { return true }
      start = end + 1
    }
  }

  /// The same, with labels beyond ASCII (RFC 5891) and the full stops of RFC 3490 §3.1.
  static func isInternational(_ text: Span<UInt8>) -> Bool {
    guard text.count > 0, text.count <= longest else { return false }
    var start = 0
    var isRightToLeft = false
    var startsWithDigit = false
    var characters = 0
    while true {
      var end = start
      var width = separatorWidth(text, at: end)
      var isASCII = true
      while end < text.count, width == 0 {
        isASCII = isASCII && text[end] < 0x80
        if text[end] & 0xC0 != 0x80 { characters += 1 }
        end += 1
        width = separatorWidth(text, at: end)
      }
      let label = text.extracting(start..<end)
      guard isASCII ? isASCIILabel(label) : isULabel(label) else { return false }
      startsWithDigit = startsWithDigit || ASCII.isDigit(label[0])
      isRightToLeft = isRightToLeft || hasRightToLeft(label)
      // RFC 5893 §2 rule 1 holds for every label of a name that has right-to-left ones.
      if end == text.count {
        return characters <= 253 && !(isRightToLeft && startsWithDigit)
      }
      characters += 1
      start = end + width
    }
  }

  private static func endOfLabel(_ text: Span<UInt8>, from start: Int) -> Int {
    var end = start
    while end < text.count, text[end] != ASCII.dot { end += 1 }
    return end
  }

  /// The bytes of the full stop at `index`: U+002E, U+3002, U+FF0E or U+FF61; 0 for anything else.
  private static func separatorWidth(_ text: Span<UInt8>, at index: Int) -> Int {
    guard index < text.count else { return 0 }
    if text[index] == ASCII.dot { return 1 }
    guard index + 2 < text.count else { return 0 }
    switch (text[index], text[index + 1], text[index + 2]) {
    case (0xE3, 0x80, 0x82), (0xEF, 0xBC, 0x8E), (0xEF, 0xBD, 0xA1): return 3
    default: return 0
    }
  }

  private static func isASCIILabel(_ label: Span<UInt8>) -> Bool {
    guard label.count > 0, label.count <= 63, label[0] != ASCII.minus,
      label[label.count - 1] != ASCII.minus
    else { return false }
    for index in 0..<label.count
    where !ASCII.isAlphanumeric(label[index]) && label[index] != ASCII.minus { return false }
    let isALabel =
      label.count >= 4 && label[0] | 0x20 == 0x78 && label[1] | 0x20 == 0x6E
      && label[2] == ASCII.minus && label[3] == ASCII.minus
    return !isALabel || isRegistrable(label, isALabel: true)
  }

  private static func isULabel(_ label: Span<UInt8>) -> Bool {
    label.count > 0 && !mixesDigits(label) && isRegistrable(label, isALabel: false)
  }

  /// RFC 5893 §2 rule 4: a label does not have both European and Arabic digits, if it runs from
  /// right to left.
  private static func mixesDigits(_ label: Span<UInt8>) -> Bool {
    guard hasRightToLeft(label) else { return false }
    var hasEuropean = false
    var hasArabic = false
    for index in 0..<label.count {
      if ASCII.isDigit(label[index]) { hasEuropean = true }
      // U+0660…0669 are D9 A0…A9, U+06F0…06F9 are DB B0…B9.
      guard index + 1 < label.count else { continue }
      if label[index] == 0xD9, label[index + 1] >= 0xA0, label[index + 1] <= 0xA9 {
        hasArabic = true
      }
      if label[index] == 0xDB, label[index + 1] >= 0xB0, label[index + 1] <= 0xB9 {
        hasEuropean = true
      }
    }
    return hasEuropean && hasArabic
  }

  /// Whether a label has a character of the Hebrew, Arabic and other blocks that run from right to
  /// left: U+0590…08FF, U+FB1D…FDFF, U+FE70…FEFF, U+10800…10FFF, U+1E800…1EFFF.
  private static func hasRightToLeft(_ label: Span<UInt8>) -> Bool {
    var index = 0
    while index < label.count {
      guard let (character, width) = URIGrammar.character(label, at: index) else { return false }
      index += width
      switch character {
      case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF:
        return true
      default: break
      }
    }
    return false
  }

  /// Whether a label could be registered (RFC 5891 §4): its characters are allowed, also where they
  /// stand, it is normalised, and its two forms agree.
  private static func isRegistrable(_ label: Span<UInt8>, isALabel: Bool) -> Bool {
    var text: [UInt8] = []
    text.reserveCapacity(label.count + 1)
    for index in 0..<label.count {
      guard label[index] != 0 else { return false }
      text.append(isALabel ? ASCII.lowercased(label[index]) : label[index])
    }
    text.append(0)
    var name: UnsafeMutablePointer<UInt8>?
    // SAFETY: `text` ends with the zero that libidn2 looks for, and has no other. What libidn2
    // allocates is freed here.
    let code = unsafe text.withUnsafeBufferPointer { text in
      unsafe idn2_register_u8(
        isALabel ? nil : text.baseAddress, isALabel ? text.baseAddress : nil, &name, 0)
    }
    if let name = unsafe name { unsafe idn2_free(name) }
    return code == IDN2_OK.rawValue
  }
}
