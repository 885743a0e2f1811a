import Bytes

/// RFC 5321 §4.1.2: `Mailbox = Local-part "@" ( Domain / address-literal )`; with RFC 6531 §3.3 its
/// atoms, quoted texts and labels may hold any character beyond ASCII.
enum MailGrammar {
  /// `atext`: letters, digits, ``!#$%&'*+-/=?^_`{|}~``.
  static var atomText: ASCIISet {
    ASCIISet(low: 0xA3FF_ACFA_0000_0000, high: 0x7FFF_FFFF_C7FF_FFFE)
  }

  /// Bytes of a mailbox: RFC 5321 §4.5.3.1 has 64 for the local part, 255 for the domain.
  static let longest = 320

  static func isMailbox(_ text: Span<UInt8>, international: Bool) -> Bool {
    guard text.count >= 3, text.count <= longest,
      let at = localPartEnd(text, international), at <= 64, at + 1 < text.count,
      text.count - at - 1 <= 255
    else { return false }
    let domain = text.extracting((at + 1)..<text.count)
    return domain[0] == 0x5B ? isAddressLiteral(domain) : isDomain(domain, international)
  }

  /// The index of the `@` behind a well-formed local part, or nil.
  private static func localPartEnd(_ text: Span<UInt8>, _ international: Bool) -> Int? {
    if text[0] == ASCII.quote { return quotedEnd(text, international) }
    let atomText = atomText
    var index = 0
    var atomLength = 0
    while index < text.count {
      let byte = text[index]
      if byte == 0x40 { return atomLength > 0 ? index : nil }
      if byte == ASCII.dot {
        guard atomLength > 0 else { return nil }
        atomLength = 0
      } else {
        guard atomText.contains(byte) || (international && byte >= 0x80) else { return nil }
        atomLength &+= 1
      }
      index &+= 1
    }
    return nil
  }

  /// `Quoted-string`: printable ASCII, quotes and backslashes escaped.
  private static func quotedEnd(_ text: Span<UInt8>, _ international: Bool) -> Int? {
    var index = 1
    while index < text.count {
      let byte = text[index]
      guard byte >= 0x20, byte < 0x7F || (international && byte >= 0x80) else { return nil }
      if byte == ASCII.quote {
        return index + 1 < text.count && text[index + 1] == 0x40 ? index + 1 : nil
      }
      if byte == ASCII.backslash {
        index += 1
        guard index < text.count, text[index] >= 0x20, text[index] < 0x7F else { return nil }
      }
      index += 1
    }
    return nil
  }

  /// Labels of letters, digits and inner hyphens, at most 63 bytes each.
  private static func isDomain(_ text: Span<UInt8>, _ international: Bool) -> Bool {
    var labelLength = 0
    for index in 0..<text.count {
      let byte = text[index]
      if byte == ASCII.dot {
        guard labelLength > 0, text[index - 1] != ASCII.minus else { return false }
        labelLength = 0
        continue
      }
      guard
        ASCII.isAlphanumeric(byte) || (byte == ASCII.minus && labelLength > 0)
          || (international && byte >= 0x80)
      else { return false }
      labelLength += 1
      guard labelLength <= 63 else { return false }
    }
    return labelLength > 0 && text[text.count - 1] != ASCII.minus
  }

  /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`.
  private static func isAddressLiteral(_ text: Span<UInt8>) -> Bool {
    guard text.count > 2, text[text.count - 1] == 0x5D else { return false }
    let inner = text.extracting(1..<(text.count - 1))
    let tag: StaticString = "ipv6:"
    guard inner.count > 5 else { return false }
    // SAFETY: the literal has five bytes.
    for index in 0..<5 where ASCII.lowercased(inner[index]) != (unsafe tag.utf8Start[index]) {
      return AddressGrammar.isIPv4(inner)
    }
    return AddressGrammar.isIPv6(inner.extracting(5..<inner.count))
  }
}
