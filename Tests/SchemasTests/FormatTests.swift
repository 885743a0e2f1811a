import Testing

@testable import Schemas

@Suite struct FormatTests {
  struct Row: Sendable {
    let format: StringFormat
    let good: [String]
    let bad: [String]
  }

  static let rows = [
    Row(
      format: .dateTime,
      good: [
        "2026-03-14T09:26:53Z", "2026-03-14t09:26:53.123456789z", "2024-02-29T00:00:00-23:59",
        "1998-12-31T23:59:60Z", "1998-12-31T15:59:60.1-08:00",
      ],
      bad: [
        "", "2026-03-14 09:26:53Z", "2026-03-14T09:26:53", "2026-02-29T00:00:00Z",
        "2026-03-14T24:00:00Z", "1998-12-31T22:59:60Z", "2026-03-14T09:26:53+24:00",
        "2026-03-14T09:26:53.Z", "2026-03-14T09:26Z", "2026-13-01T00:00:00Z", "2026-3-14T9:26:53Z",
      ]),
    Row(
      format: .date, good: ["2000-02-29", "9999-12-31"],
      bad: ["1900-02-29", "2026-04-31", "2026-00-01", "2026-01-00", "26-01-01", "2026-01-0a"]),
    Row(
      format: .time, good: ["09:30:00Z", "23:59:60Z", "00:29:60+00:30"],
      bad: ["09:30:00", "09:30:60Z", "9:30:00Z", "09:30:00+0100", "09:30:00Z "]),
    Row(
      format: .email,
      good: [
        "a@b", "mira.holm+x@example.com", "\"a b\\\"\"@x.example", "a@[127.0.0.1]",
        "a@[IPv6:::1]",
      ],
      bad: [
        "", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a@-b", "a@b-", "a@b..c", "a@b@c",
        "a b@c", "a@[1.2.3]", "é@b", String(repeating: "a", count: 65) + "@b",
      ]),
    Row(
      format: .uri,
      good: [
        "http://a", "urn:a:b", "mailto:a@b", "http://u:p@[::1]:80/p;x?q#f", "a:", "a://",
        "http://[v1.x]/", "file:///a%20b",
      ],
      bad: [
        "", "//a", "a", "http://a b", "http://[::1", "http://a:b", "http://a/%zz", "http://é",
        "1a:b", "http://a#b#c", "http://[::g]", "http://a<b",
      ]),
    Row(
      format: .uriReference, good: ["", "a/b", "//a", "?q", "#f", "./a:b", "http://a"],
      bad: ["a:b c", "1:a", "\\a", "#a#b", "%4"]),
    Row(
      format: .uuid, good: ["00000000-0000-0000-0000-00000000000f"],
      bad: ["00000000-0000-0000-0000-00000000000g", "0000000000000000000000000000000000000"]),
    Row(
      format: .ipv4, good: ["0.0.0.0", "255.255.255.255"],
      bad: [
        "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4 ",
      ]),
    Row(
      format: .ipv6,
      good: [
        "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4",
        "1:2:3:4:5:6:7::",
      ],
      bad: [
        "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::12345", "::1%a",
        "1:2:3:4:5:6:7:1.2.3.4", ":1::2", "1:", "1:2:3:4:5:6:7:8::", "::1.2.3",
      ]),
  ]

  @Test(arguments: rows)
  func `tells good from bad`(row: Row) {
    for text in row.good {
      let accepted = row.format.accepts(Array(text.utf8).span)
      #expect(accepted, "\(row.format.name): \(text)")
    }
    for text in row.bad {
      let accepted = row.format.accepts(Array(text.utf8).span)
      #expect(!accepted, "\(row.format.name): \(text)")
    }
  }

  /// Every prefix and every text with one byte changed must be judged without a trap.
  @Test(arguments: rows)
  func `reads no byte too many`(row: Row) {
    for text in row.good {
      let bytes = Array(text.utf8)
      for end in 0...bytes.count { _ = row.format.accepts(Array(bytes[..<end]).span) }
      for index in bytes.indices {
        for byte: UInt8 in [0, 0x2E, 0x3A, 0x5B, 0x5D, 0x22, 0x5C, 0x40, 0xC3, 0xFF] {
          var changed = bytes
          changed[index] = byte
          _ = row.format.accepts(changed.span)
        }
      }
    }
  }
}
