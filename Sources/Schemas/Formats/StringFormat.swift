import Bytes

/// The values of `format` that are checked; every other value is ignored with a warning.
///
/// Each check reads UTF-8 that the tokenizer has already found well-formed, in time linear in the
/// text's length, and but for host names beyond ASCII and regular expressions without allocating.
public enum StringFormat: UInt8, CaseIterable, Sendable {
  case dateTime, date, time, ipv4, uuid
  // From here on a check may take longer.
  case uri, uriReference, iri, iriReference, uriTemplate
  case duration, email, idnEmail, ipv6, jsonPointer, relativeJSONPointer
  case hostname, idnHostname, regex

  /// The format that a schema's `format` names, or nil for one that is not checked.
  init?(named name: String) {
    guard let format = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// All names.
  static let spellings = allCases.map { Array($0.name.utf8) }

  /// The name in a schema.
  public var name: String {
    switch self {
    case .dateTime: "date-time"
    case .date: "date"
    case .time: "time"
    case .duration: "duration"
    case .uri: "uri"
    case .uriReference: "uri-reference"
    case .iri: "iri"
    case .iriReference: "iri-reference"
    case .uriTemplate: "uri-template"
    case .email: "email"
    case .idnEmail: "idn-email"
    case .hostname: "hostname"
    case .idnHostname: "idn-hostname"
    case .ipv4: "ipv4"
    case .ipv6: "ipv6"
    case .uuid: "uuid"
    case .jsonPointer: "json-pointer"
    case .relativeJSONPointer: "relative-json-pointer"
    case .regex: "regex"
    }
  }

  /// What a text of this format is, for messages: "must be …".
  public var phrase: String {
    switch self {
    case .dateTime: "a date and time with offset (RFC 3339)"
    case .date: "a date like 2026-03-14 (RFC 3339)"
    case .time: "a time with offset like 09:30:00Z (RFC 3339)"
    case .duration: "a duration like P3DT12H (RFC 3339)"
    case .uri: "an absolute URI (RFC 3986)"
    case .uriReference: "a URI reference (RFC 3986)"
    case .iri: "an absolute IRI (RFC 3987)"
    case .iriReference: "an IRI reference (RFC 3987)"
    case .uriTemplate: "a URI template (RFC 6570)"
    case .email: "an e-mail address (RFC 5321)"
    case .idnEmail: "an e-mail address (RFC 6531)"
    case .hostname: "a host name (RFC 1123)"
    case .idnHostname: "a host name (RFC 5890)"
    case .ipv4: "an IPv4 address"
    case .ipv6: "an IPv6 address (RFC 4291)"
    case .uuid: "a UUID (RFC 4122)"
    case .jsonPointer: "a JSON pointer (RFC 6901)"
    case .relativeJSONPointer: "a relative JSON pointer"
    case .regex: "a regular expression of ECMA-262"
    }
  }

  /// Whether `text` is of this format.
  func accepts(_ text: Span<UInt8>) -> Bool {
    var singles = 0
    return accepts(text, &singles)
  }

  /// The same; takes from `fuel` what only the check itself could tell, beside `cost`.
  @inline(__always)
  func accepts(_ text: Span<UInt8>, fuel: inout Int) -> Bool {
    var singles = 0
    let isGood = accepts(text, &singles)
    fuel &-= singles
    return isGood
  }

  private func accepts(_ text: Span<UInt8>, _ singles: inout Int) -> Bool {
    switch self {
    case .dateTime: TimeGrammar.isDateTime(text)
    case .date: TimeGrammar.isDate(text)
    case .time: TimeGrammar.isTime(text)
    case .duration: TimeGrammar.isDuration(text)
    case .uri: URIGrammar.accepts(text, needsScheme: true, singles: &singles)
    case .uriReference: URIGrammar.accepts(text, needsScheme: false, singles: &singles)
    case .iri:
      URIGrammar.accepts(text, needsScheme: true, international: true, singles: &singles)
    case .iriReference:
      URIGrammar.accepts(text, needsScheme: false, international: true, singles: &singles)
    case .uriTemplate: TemplateGrammar.isTemplate(text, singles: &singles)
    case .email: MailGrammar.isMailbox(text, international: false)
    case .idnEmail: MailGrammar.isMailbox(text, international: true)
    case .hostname: HostGrammar.isHostname(text)
    case .idnHostname: HostGrammar.isInternational(text)
    case .ipv4: AddressGrammar.isIPv4(text)
    case .ipv6: AddressGrammar.isIPv6(text)
    case .uuid: Self.isUUID(text)
    case .jsonPointer: PointerGrammar.isPointer(text)
    case .relativeJSONPointer: PointerGrammar.isRelative(text)
    case .regex: PatternParser.isPattern(text)
    }
  }

  /// What a check of `text` costs, in units of fuel: a few, and more for each byte where a format
  /// has no greatest length, as long as the check takes for the text that keeps it busiest.
  @inline(__always)
  func cost(_ text: Span<UInt8>) -> Int {
    rawValue >= Self.uri.rawValue ? slowCost(text) : 3 &+ text.count &>> 3
  }

  @inline(never)
  private func slowCost(_ text: Span<UInt8>) -> Int {
    switch self {
    case .regex: return 64 &+ 28 &* text.count
    case .uri, .uriReference, .iri, .iriReference:
      // Most are read in blocks; the others are also looked through for a scheme and a host.
      return 3 &+ text.count &>> (URIGrammar.startsPlainly(text) ? 4 : 1)
    case .uriTemplate:
      return text.count <= TemplateGrammar.short
        ? 4 &+ text.count &>> 4 : 4 &+ text.count &+ text.count &>> 1
    case .email, .idnEmail:
      return text.count <= MailGrammar.longest ? 3 &+ text.count &>> 1 : 1
    case .ipv6: return text.count <= AddressGrammar.longest ? 3 &+ text.count &>> 2 : 1
    case .duration: return 3 &+ text.count &>> 2
    case .jsonPointer, .relativeJSONPointer: return 3 &+ text.count &>> 2
    case .hostname, .idnHostname:
      guard text.count <= HostGrammar.longest else { return 1 }
      for index in 0..<text.count
      where text[index] >= 0x80
        || (text[index] == ASCII.minus && index > 0 && text[index &- 1] == ASCII.minus)
      {
        return 48 &+ 12 &* text.count
      }
      return 3 &+ text.count &>> 1
    default: return 2 &+ text.count &>> 3
    }
  }

  /// RFC 4122 §3: 8-4-4-4-12 hexadecimal digits in either case.
  private static func isUUID(_ text: Span<UInt8>) -> Bool {
    guard text.count == 36 else { return false }
    // The bytes that are no digits stand where the hyphens must, seen in three blocks.
    let others = (
      hexMarks(text, at: 0), hexMarks(text, at: 16), hexMarks(text, at: 36 - ByteBlock.width)
    )
    return others.0 == (~0x0000_0000_0000_0000, ~0x0000_FF00_0000_00FF)
      && others.1 == (~0xFF00_0000_00FF_0000, ~0) && others.2 == (~0x0000_0000_FF00_0000, ~0)
      && text[8] == ASCII.minus && text[13] == ASCII.minus && text[18] == ASCII.minus
      && text[23] == ASCII.minus
  }

  /// The hexadecimal digits of a block, as words.
  @inline(__always)
  private static func hexMarks(_ text: Span<UInt8>, at index: Int) -> (UInt64, UInt64) {
    let block = ByteBlock(text, at: index)
    return (block.marks(from: ASCII.zero, count: 10) | block.folded.marks(from: 0x61, count: 6))
      .words
  }
}
