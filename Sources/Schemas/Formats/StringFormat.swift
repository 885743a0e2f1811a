import Bytes

/// The values of `format` that are checked; every other value is ignored with a warning.
///
/// Each check reads UTF-8 that the tokenizer has already found well-formed, in one pass, without
/// allocating. Time is linear in the text's length.
public enum StringFormat: UInt8, CaseIterable, Sendable {
  case dateTime, date, time, uri, uriReference, email, uuid, ipv4, ipv6

  /// The format that a schema's `format` names, or nil for one that is not checked.
  init?(named name: String) {
    guard let format = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// The name in a schema.
  public var name: String {
    switch self {
    case .dateTime: "date-time"
    case .date: "date"
    case .time: "time"
    case .uri: "uri"
    case .uriReference: "uri-reference"
    case .email: "email"
    case .uuid: "uuid"
    case .ipv4: "ipv4"
    case .ipv6: "ipv6"
    }
  }

  /// What a text of this format is, for messages: "must be …".
  public var phrase: String {
    switch self {
    case .dateTime: "a date and time with offset (RFC 3339)"
    case .date: "a date like 2026-03-14 (RFC 3339)"
    case .time: "a time with offset like 09:30:00Z (RFC 3339)"
    case .uri: "an absolute URI (RFC 3986)"
    case .uriReference: "a URI reference (RFC 3986)"
    case .email: "an e-mail address (RFC 5321)"
    case .uuid: "a UUID (RFC 4122)"
    case .ipv4: "an IPv4 address"
    case .ipv6: "an IPv6 address (RFC 4291)"
    }
  }

  /// Whether `text` is of this format.
  func accepts(_ text: Span<UInt8>) -> Bool {
    switch self {
    case .dateTime: TimeGrammar.isDateTime(text)
    case .date: TimeGrammar.isDate(text)
    case .time: TimeGrammar.isTime(text)
    case .uri: URIGrammar.accepts(text, needsScheme: true)
    case .uriReference: URIGrammar.accepts(text, needsScheme: false)
    case .email: MailGrammar.isMailbox(text)
    case .uuid: Self.isUUID(text)
    case .ipv4: AddressGrammar.isIPv4(text)
    case .ipv6: AddressGrammar.isIPv6(text)
    }
  }

  /// RFC 4122 §3: 8-4-4-4-12 hexadecimal digits in either case.
  private static func isUUID(_ text: Span<UInt8>) -> Bool {
    guard text.count == 36 else { return false }
    for index in 0..<36 {
      let byte = text[index]
      if index == 8 || index == 13 || index == 18 || index == 23 {
        guard byte == ASCII.minus else { return false }
      } else {
        guard ASCII.hexValue(byte) != nil else { return false }
      }
    }
    return true
  }
}
