import Bytes
import Foundation
import Testing

@Suite struct `Instants as RFC 3339` {
  static func parse(_ text: String) -> UnixTime? { UnixTime(rfc3339: ByteSlice(utf8: text)) }

  static let accepted: [(String, Int64)] = [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-01t00:00:00z", 0),
    ("1970-01-01T00:00:00+00:00", 0),
    ("1970-01-01T00:00:00-00:00", 0),
    ("1970-01-01T01:00:00+01:00", 0),
    ("1969-12-31T18:29:00-05:31", 0),
    ("1969-12-31T23:59:59Z", -1_000_000_000),
    ("1969-12-31T23:59:59.999Z", -1_000_000),
    ("2000-02-29T12:00:00Z", 951_825_600_000_000_000),
    ("2026-05-04T03:02:01.5Z", 1_777_863_721_500_000_000),
    ("2026-05-04T03:02:01.123456789Z", 1_777_863_721_123_456_789),
    // Digits beyond nanoseconds are cut.
    ("2026-05-04T03:02:01.1234567899Z", 1_777_863_721_123_456_789),
    // A leap second reads as the second after it.
    ("2016-12-31T23:59:60Z", 1_483_228_800_000_000_000),
    ("1985-04-12T23:20:50.52Z", 482_196_050_520_000_000),
    ("1996-12-19T16:39:57-08:00", 851_042_397_000_000_000),
  ]

  @Test(arguments: accepted)
  func `reads`(text: String, nanoseconds: Int64) {
    #expect(Self.parse(text)?.nanoseconds == nanoseconds)
  }

  @Test(arguments: [
    "", "2026-05-04", "2026-05-04T03:02:01", "2026-05-04 03:02:01Z", "2026-5-4T03:02:01Z",
    "2026-05-04T03:02Z", "2026-05-04T24:00:00Z", "2026-05-04T03:60:00Z", "2026-05-04T03:02:61Z",
    "2026-00-04T03:02:01Z", "2026-13-04T03:02:01Z", "2026-05-00T03:02:01Z", "2026-05-32T03:02:01Z",
    "2026-04-31T03:02:01Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-05-04T03:02:01.Z",
    "2026-05-04T03:02:01,5Z", "2026-05-04T03:02:01.5", "2026-05-04T03:02:01+1:00",
    "2026-05-04T03:02:01+0100", "2026-05-04T03:02:01+24:00", "2026-05-04T03:02:01+01:60",
    "2026-05-04T03:02:01ZZ", "2026-05-04T03:02:01Z ", " 2026-05-04T03:02:01Z",
    "1677-12-31T23:59:59Z",
    "2262-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "20260-05-04T03:02:01Z", "２026-05-04T03:02:01Z",
    "+026-05-04T03:02:01Z", "2026-05-04T-3:02:01Z",
  ])
  func `refuses`(text: String) {
    #expect(Self.parse(text) == nil)
  }

  @Test func `no cut of an instant is an instant`() {
    let text = "2026-05-04T03:02:01.123+01:30"
    for length in 0..<text.count { #expect(Self.parse(String(text.prefix(length))) == nil) }
  }

  @Test func `writes what Foundation writes and reads it back`() {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    var random = Random(seed: 7)
    for _ in 0..<2_000 {
      // 1680 to 2255, whole milliseconds that a double holds exactly.
      let milliseconds =
        Int64(random.next() % 18_000_000_000_000) - 9_000_000_000_000
      let time = UnixTime(milliseconds: milliseconds)
      let date = Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 0.000_1)
      #expect(time.rfc3339 == date.formatted(format), "\(milliseconds)")
      #expect(Self.parse(time.rfc3339) == time)
    }
  }

  @Test func `seconds round down on both sides of the epoch`() {
    #expect(UnixTime(nanoseconds: -1).seconds == -1)
    #expect(UnixTime(nanoseconds: -1_000_000_000).seconds == -1)
    #expect(UnixTime(nanoseconds: 999_999_999).seconds == 0)
    #expect(UnixTime(nanoseconds: .min).seconds == -9_223_372_037)
    #expect(UnixTime(nanoseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
  }
}

@Suite struct `Spans of time` {
  static func parse(_ text: String) -> TimeSpan? { TimeSpan(parsing: ByteSlice(utf8: text)) }

  @Test func `units are read and the shortest text written`() {
    #expect(Self.parse("250ms") == .milliseconds(250))
    #expect(Self.parse("30s") == .seconds(30))
    #expect(Self.parse("5m") == .seconds(300))
    #expect(Self.parse("1h") == .seconds(3_600))
    #expect(Self.parse("7d") == .seconds(604_800))
    #expect(Self.parse("0s") == .zero)
    for text in ["250ms", "30s", "5m", "1h", "7d", "0s", "90s", "36525d"] {
      #expect(Self.parse(text)?.text == text)
    }
    #expect(Self.parse("120s")?.text == "2m")
    #expect(Self.parse("1000ms")?.text == "1s")
  }

  @Test(arguments: [
    "", "s", "30", "-1s", "+1s", "1.5s", "1 s", "1S", "1us", "1ns", "1w", "36526d", "999999999999d",
    "9999999999999s", "1s ", " 1s", "1mss", "１s",
  ])
  func `refuses`(text: String) {
    #expect(Self.parse(text) == nil)
  }

  @Test func `arithmetic saturates instead of overflowing`() {
    let far = TimeSpan(nanoseconds: .max)
    #expect(UnixTime(nanoseconds: 5) + far == .distantFuture)
    #expect((UnixTime(nanoseconds: -5) - far).nanoseconds == .min)
    #expect((UnixTime(nanoseconds: .max) - UnixTime(nanoseconds: -1)).nanoseconds == .max)
    #expect((UnixTime(nanoseconds: .min) - UnixTime(nanoseconds: 1)).nanoseconds == .min)
    #expect(MonotonicTime(nanoseconds: 5) + far == .distantFuture)
    #expect((UnixTime(nanoseconds: 0) - TimeSpan(nanoseconds: .min)).nanoseconds == .max)
    #expect((MonotonicTime.distantFuture - MonotonicTime(nanoseconds: -1)).nanoseconds == .max)
    #expect(TimeSpan.seconds(.max).nanoseconds == .max)
    #expect(TimeSpan.milliseconds(.min).nanoseconds == .min)
    #expect(UnixTime(seconds: .max) == .distantFuture)
    #expect(UnixTime(seconds: .min).rfc3339 == "1677-09-21T00:12:43.145Z")
    #expect(UnixTime(milliseconds: .max).rfc3339 == "2262-04-11T23:47:16.854Z")
  }
}
