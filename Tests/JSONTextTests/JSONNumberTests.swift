import Bytes
import Foundation
import JSONText
import Testing

@Suite struct `Exact numbers` {
  static func number(_ text: String) throws -> JSONNumber {
    try #require(JSONNumber(parsing: ByteSlice(utf8: text)), "\(text)")
  }

  /// Each row: spellings of one value; rows ascend.
  static let ascending: [[String]] = [
    ["-1e100000000000000000000001"],
    ["-1e100000000000000000000000", "-1000e99999999999999999999997"],
    ["-1e1000000000", "-10e999999999"],
    ["-12345678901234567890123", "-1.2345678901234567890123e22"],
    ["-100", "-1e2", "-0.1e3", "-100.00"], ["-1.5", "-15e-1"], ["-1", "-1.0", "-10e-1"],
    ["-1e-1000000000"], ["0", "-0", "0.0", "0e5", "-0.000e-9", "0e99999999999999999999"],
    ["1e-100000000000000000000001"],
    [
      "1e-100000000000000000000000", "0.1e-99999999999999999999999", "10e-100000000000000000000001",
    ],
    ["11e-100000000000000000000001"], ["1e-1000000000"], ["0.1", "1e-1", "0.10", "0.01e1"],
    ["0.15", "15e-2"],
    ["0.9999999999999999999"],
    ["1", "1.0", "1e0", "1E+0", "10e-1", "0.01e2", "1.000000000000000000000000"],
    ["1.0000000000000000000000001"], ["1.5", "0.15e1"], ["9"], ["10", "1e1", "10.0"], ["11"],
    ["9007199254740992"], ["9007199254740993"], ["9223372036854775807"], ["9223372036854775808"],
    ["12345678901234567890123", "12345678901234567890123.0", "1234567890123456789012.3e1"],
    ["12345678901234567890124"], ["1e1000000000", "0.1e1000000001"], ["1e99999999999999999"],
    ["1e100000000000000000", "100e99999999999999998"],
    ["1e100000000000000001", "10e100000000000000000", "0.10e+00100000000000000002"],
    ["1.5e100000000000000001"], ["1e99999999999999999999999"],
    ["1e100000000000000000000000", "0.001e100000000000000000000003"],
  ]

  @Test func `equal values are equal, hash alike and are in order, however they are written`()
    throws
  {
    let rows = try Self.ascending.map { try $0.map(Self.number) }
    for (left, ones) in rows.enumerated() {
      for (right, others) in rows.enumerated() {
        for one in ones {
          for other in others {
            #expect((one == other) == (left == right), "\(one.lexeme) \(other.lexeme)")
            #expect((one < other) == (left < right), "\(one.lexeme) \(other.lexeme)")
            if left == right {
              #expect(one.hashValue == other.hashValue)
              #expect(CanonicalJSON.number(one) == CanonicalJSON.number(other))
            }
          }
        }
      }
    }
  }

  @Test(arguments: [
    ("0", Int64(0)), ("-0", 0), ("1", 1), ("1.0", 1), ("1e0", 1), ("100e-2", 1), ("1e3", 1_000),
    ("-12.50e2", -1_250), ("9223372036854775807", .max), ("-9223372036854775808", .min),
    ("9.223372036854775807e18", .max), ("1e18", 1_000_000_000_000_000_000),
  ])
  func `whole numbers within 64 bits are integers`(text: String, value: Int64) throws {
    #expect(try Self.number(text).asInt64 == value)
    #expect(try Self.number(text).isInteger)
  }

  @Test(arguments: ["9223372036854775808", "-9223372036854775809", "1e19", "1e1000000000"])
  func `whole numbers beyond 64 bits are integers without a machine word`(text: String) throws {
    #expect(try Self.number(text).asInt64 == nil)
    #expect(try Self.number(text).isInteger)
  }

  @Test(arguments: ["0.5", "1.1", "1e-1", "123e-3", "1e-1000000000", "1.0000000000000000000000001"])
  func `fractions are no integers`(text: String) throws {
    #expect(try Self.number(text).asInt64 == nil)
    #expect(try !Self.number(text).isInteger)
  }

  @Test func `numbers of vast exponents are told apart by their hashes`() throws {
    let hashes = try (0..<64).map { try Self.number("1e10000000000000000000\($0)").hashValue }
    #expect(Set(hashes).count > 60)
    let (one, other) = (
      try Self.number("1e100000000000000000000"), try Self.number("100e99999999999999999998")
    )
    #expect(one == other && one.hashValue == other.hashValue)
  }

  @Test func `doubles are the nearest ones`() throws {
    var random = Random(seed: 3)
    for _ in 0..<5_000 {
      let digits = 1 + random.below(20)
      var text = random.below(2) == 0 ? "-" : ""
      text += String(1 + random.below(9))
      for index in 1..<(digits + 1) {
        if index == 1 + random.below(6), !text.contains(".") { text += "." }
        text += String(random.below(10))
      }
      if text.hasSuffix(".") { text += "0" }
      if random.below(2) == 0 { text += "e\(random.below(60) - 30)" }
      #expect(try Self.number(text).asDouble == Double(text), "\(text)")
    }
    #expect(try Self.number("1e400").asDouble == .infinity)
    #expect(try Self.number("-1e400").asDouble == -.infinity)
    #expect(try Self.number("1e-400").asDouble == 0)
    #expect(try Self.number("-0").asDouble == 0)
  }

  @Test(arguments: [
    ("10", "2", true), ("10", "3", false), ("0", "3", true), ("-0.0", "0.7", true),
    ("0.3", "0.1", true), ("4.35", "0.01", true), ("19.99", "0.01", true), ("1.1", "0.1", true),
    ("1", "0.3", false), ("4.5", "1.5", true), ("35", "1.5", false), ("0.00751", "0.0001", false),
    ("0.0075", "0.0001", true), ("1e308", "0.123456789", false), ("1e1000000000", "3", false),
    ("3e1000000000", "3", true), ("1e1000000000", "1e999999999", true), ("1e-3", "1e-4", true),
    ("1e-4", "1e-3", false), ("1e100000000000000000001", "1e100000000000000000000", true),
    ("1e100000000000000000000", "1e100000000000000000001", false),
    ("3e100000000000000000001", "15e100000000000000000000", true),
    ("3e100000000000000000000", "7e-100000000000000000000", false), ("7", "7.0", true),
    ("-9", "3", true), ("9", "-3", true),
    ("12345678901234567890123456789", "1", true), ("12345678901234567890123456789", "2", false),
    ("12345678901234567890123456788", "2", true), ("1", "2", false), ("1e20", "4", true),
    ("18446744073709551616", "1024", true), ("9223372036854775807", "7", true),
    ("246913578024691357802469135780", "123456789012345678901234567890", true),
    ("246913578024691357802469135781", "123456789012345678901234567890", false),
    ("1e40", "1048576000000000000000000000000000000000", false),
    ("1048576e39", "1048576000000000000000000000000000000000", true),
    ("5", "0", false), ("0", "0", false),
  ])
  func `multiples are exact`(text: String, divisor: String, expected: Bool) throws {
    #expect(try Self.number(text).isMultiple(of: Self.number(divisor)) == expected)
  }

  @Test func `multiples agree with machine arithmetic, short divisors and long`() throws {
    var random = Random(seed: 11)
    for _ in 0..<3_000 {
      let value = random.below(1_000_000_000)
      let divisor = 1 + random.below(random.below(2) == 0 ? 50 : 100_000)
      let expected = value % divisor == 0
      #expect(
        try Self.number("\(value)").isMultiple(of: Self.number("\(divisor)")) == expected)
      // The same times a factor of 25 digits, which takes the long way round.
      let factor = Decimal(string: "1000000000000000000000007")!
      let long = try Self.number("\(Decimal(value) * factor)")
      let by = try Self.number("\(Decimal(divisor) * factor)")
      #expect(long.isMultiple(of: by) == expected, "\(value) \(divisor)")
    }
  }

  @Test func `extreme numbers cost next to nothing`() throws {
    let clock = ContinuousClock()
    let digits = String(repeating: "7", count: 999)
    let numbers = try ["1e1000000000", "-3e-1000000000", digits, "1" + digits.dropLast() + "1"]
      .map(Self.number)
    let spent = clock.measure {
      for one in numbers {
        for other in numbers {
          _ = one == other
          _ = one < other
          _ = one.isMultiple(of: other)
          _ = one.hashValue
          _ = one.asDouble
          _ = one.asInt64
        }
      }
    }
    #expect(spent < .seconds(2))
  }

  @Test(arguments: ["", "-", "01", "1.", ".5", "1e", "+1", "1 ", " 1", "0x1", "NaN", "1e+", "--1"])
  func `what is no number is none`(text: String) {
    #expect(JSONNumber(parsing: ByteSlice(utf8: text)) == nil)
  }

  @Test(arguments: [
    ("0", "0"), ("-0.0", "0"), ("1.50", "1.5"), ("100", "100"), ("1e2", "100"), ("-1.0", "-1"),
    ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("123e-9", "1.23e-7"),
    ("1e20", "100000000000000000000"),
    ("1e21", "1e+21"), ("12345e20", "1.2345e+24"), ("-0.5", "-0.5"), ("0.05", "0.05"),
    ("10.01", "10.01"), ("1e1000000000", "1e+1000000000"),
  ])
  func `canonical text is one per value`(text: String, canonical: String) throws {
    #expect(try CanonicalJSON.number(Self.number(text)).text == canonical)
    #expect(try Self.number(canonical) == Self.number(text))
  }
}
