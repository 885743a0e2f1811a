public import Bytes

/// How grave a log line is.
public enum LogLevel: UInt8, Comparable, Sendable {
  case debug
  case info
  case warning
  case error

  public var label: StaticString {
    switch self {
    case .debug: "debug"
    case .info: "info"
    case .warning: "warning"
    case .error: "error"
    }
  }

  public static func < (left: LogLevel, right: LogLevel) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A fact of a log line.
public enum LogValue: Sendable {
  case bytes(ByteSlice)
  case text(String)
  case integer(Int)
  case boolean(Bool)
  /// Written in milliseconds with three decimals.
  case span(TimeSpan)
  /// Written as RFC 3339 in UTC.
  case instant(UnixTime)
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  public init(stringLiteral value: String) { self = .text(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
}

/// Writes one log line: a JSON object with time, level and a constant message, then the facts.
struct LogLine {
  /// A line's facts stop here, so that no client's text fills the log; the line says `truncated`.
  static let limit = 8 * 1024
  /// One text is cut here.
  static let textLimit = 2 * 1024

  private(set) var text = ByteWriter(capacity: 256)

  init(
    _ level: LogLevel, _ message: StaticString,
    _ facts: KeyValuePairs<StaticString, LogValue>, at time: UnixTime
  ) {
    text.append("{\"time\":\"")
    time.appendRFC3339(to: &text)
    text.append("\",\"level\":\"")
    text.append(level.label)
    text.append("\",\"message\":")
    quote("\(message)")
    for (name, value) in facts {
      guard text.count < Self.limit else {
        text.append(",\"truncated\":true")
        break
      }
      text.append(",")
      quote("\(name)")
      text.append(":")
      append(value)
    }
    text.append("}\n")
  }

  private mutating func append(_ value: LogValue) {
    switch value {
    case .bytes(let bytes): quote(bytes.prefix(Self.textLimit).text)
    case .text(let string): quote(string)
    case .integer(let number): text.append(decimal: number)
    case .boolean(let flag): text.append(flag ? "true" : "false")
    case .span(let span): text.append(milliseconds: span)
    case .instant(let time):
      text.append("\"")
      time.appendRFC3339(to: &text)
      text.append("\"")
    }
  }

  /// A JSON string. Control characters of both ranges and DEL are escaped, so that a log shown on a
  /// terminal cannot move its cursor; so are the two line separators that JavaScript knows.
  private mutating func quote(_ string: String) {
    let end = text.count + Self.textLimit
    text.append("\"")
    for scalar in string.unicodeScalars {
      guard text.count < end else {
        text.append("…")
        break
      }
      switch scalar.value {
      case 0x22: text.append("\\\"")
      case 0x5C: text.append("\\\\")
      case 0x0A: text.append("\\n")
      case 0x00..<0x20, 0x7F..<0xA0, 0x2028, 0x2029:
        text.append("\\u")
        for shift: UInt32 in [12, 8, 4, 0] {
          text.append(ASCII.hexDigit(UInt8(scalar.value >> shift & 0xF)))
        }
      default: text.append(text: String(scalar))
      }
    }
    text.append("\"")
  }
}
