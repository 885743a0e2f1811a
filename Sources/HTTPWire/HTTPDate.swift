public import Bytes

/// IMF-fixdate, the one form in which we write instants into HTTP fields (RFC 9110 §5.6.7).
public enum HTTPDate {
  private static let weekdays: [StaticString] = [
    "Thu, ", "Fri, ", "Sat, ", "Sun, ", "Mon, ", "Tue, ", "Wed, ",
  ]
  private static let months: [StaticString] = [
    " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ",
    " Nov ", " Dec ",
  ]

  /// A whole `Date` field line with its CRLF.
  public typealias Line = InlineArray<37, UInt8>

  /// The line for an instant.
  public static func line(for time: UnixTime) -> Line {
    var bytes = ByteWriter(capacity: 40)
    bytes.append("Date: ")
    append(time, to: &bytes)
    bytes.append("\r\n")
    return Line { bytes.span[$0] }
  }

  /// Appends `Sun, 06 Nov 1994 08:49:37 GMT`.
  public static func append(_ time: UnixTime, to bytes: inout ByteWriter) {
    var plain = ByteWriter(capacity: 24)
    time.appendRFC3339(to: &plain)
    let text = plain.bytes  // 2026-05-04T03:02:01.000Z
    let seconds = time.seconds
    let days = (seconds - ((seconds % 86_400) + 86_400) % 86_400) / 86_400
    bytes.append(weekdays[Int(((days % 7) + 7) % 7)])
    bytes.append(text[8])
    bytes.append(text[9])
    let month = Int(text[5] - ASCII.zero) * 10 + Int(text[6] - ASCII.zero)
    bytes.append(months[month - 1])
    for index in 0..<4 { bytes.append(text[index]) }
    bytes.append(ASCII.space)
    for index in 11..<19 { bytes.append(text[index]) }
    bytes.append(" GMT")
  }
}
