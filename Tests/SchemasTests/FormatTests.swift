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
    Row(
      format: .duration, good: ["P1Y2M3DT4H5M6S", "P3W", "PT36H", "P0D", "PT1M2S"],
      bad: ["", "P", "PT", "P1", "P1Y2D", "PT1H2S", "P1W2D", "P1DT", "1D", "P1S", "PT1D", "P-1D"]),
    Row(
      format: .hostname,
      good: ["a", "a-b.c0", "xn--4dbc8h", String(repeating: "a", count: 63) + ".b"],
      bad: [
        "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "xn--X", "ä",
        String(repeating: "a", count: 64), String(repeating: "aaaaaaa.", count: 32) + "a",
      ]),
    Row(
      format: .idnHostname,
      good: ["bücher.example", "日本。jp", "xn--bcher-kva", "l·l", "אב.example", "a\u{FF0E}b"],
      bad: [
        "", "ü-", "-ü", "a·b", "0a.אב", "א0\u{660}", "\u{300}a", "é\u{0}x", "ü..a", "ü.", "a b",
      ]
    ),
    Row(
      format: .idnEmail, good: ["δ@例え.example", "\"δ\"@b", "a@b"],
      bad: ["δ", "δ@", "@δ", "δ..δ@b", "a@b c"]),
    Row(
      format: .iri, good: ["http://ø.example/π?∂\u{E000}#ü", "urn:é"],
      bad: ["", "é", "//é", "http://a/\u{E000}", "http://a/\u{85}", "http://a/\u{FFFE}", "a:é é"]),
    Row(
      format: .iriReference, good: ["", "é/ü", "#ü", "?\u{F0000}"],
      bad: ["é ü", "\\é", "%é", "é:b c"]),
    Row(
      format: .uriTemplate,
      good: [
        "", "a{b}", "{+a,b.c:9*}".replacing("9*", with: "9"), "{?x*,%41}", "é{&a}", "{#a:9999}",
      ],
      bad: [
        "{", "}", "{}", "{a", "{a b}", "{a:0}", "{a:10000}", "{a..b}", "{a,}", "a b", "%4", "{.}",
      ]
    ),
    Row(
      format: .jsonPointer, good: ["", "/", "/a~0b/~1", "/é", "//"],
      bad: ["a", "#", "/~", "/~2", "/a~"]),
    Row(
      format: .relativeJSONPointer, good: ["0", "1/a", "0#", "120/~0", "1+2/a", "0-1#"],
      bad: ["", "/a", "-1", "01", "0##", "1a", "+1", "1+0", "1+"]),
    Row(
      format: .regex, good: ["", "^a+$", "\\d{2}", "(?<n>a)\\k<n>", "\\p{Letter}"],
      bad: ["(", "a**", "\\a", "[b-a]", "\\k<x>", "\\Z"]),
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
