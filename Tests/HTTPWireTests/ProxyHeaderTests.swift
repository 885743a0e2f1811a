import Bytes
import Testing

@testable import HTTPWire

private let signature: [UInt8] = [
  0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
]
private let four: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xBB]
private let six: [UInt8] =
  [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]
  + [UInt8](repeating: 1, count: 16) + [0x30, 0x39, 0x01, 0xBB]

/// A header of version 2 whose length is true.
private func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
  signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
}

private func carried(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
  [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
}

/// A header with a checksum: right, or with the last byte turned.
private func checked(isRight: Bool) -> [UInt8] {
  var header = binary(0x21, 0x11, four + carried(0x04, [0, 0]) + carried(0x03, [0, 0, 0, 0]))
  let sum = CRC32C.checksum(ByteSlice(header)) ^ (isRight ? 0 : 1)
  for index in 0..<4 {
    header[header.count - 4 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index))
  }
  return header
}

@Suite struct ProxyHeaderTests {
  private static let rest = Array("GET / HTTP/1.1\r\n".utf8)

  /// What comes of `bytes`, when they come in pieces cut anywhere: always the same.
  private func read(_ bytes: [UInt8], limit: Int = 4096) -> ProxyHeader.Step {
    let whole = ProxyHeader.read(ByteSlice(bytes), limit: limit)
    for count in 0..<bytes.count {
      let step = ProxyHeader.read(ByteSlice(bytes[..<count]), limit: limit)
      switch (step, whole) {
      case (.needMore, _): continue
      case (.header(_, let length), _): #expect(step == whole && length <= count)
      case (.fault, _): #expect(step == whole, "a fault after \(count) bytes")
      }
    }
    return whole
  }

  private func ip(_ text: String) throws -> ProxyHeader.Source {
    .address(try #require(IPAddress(parsing: ByteSlice(utf8: text))))
  }

  @Test(
    arguments: [
      ("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n", "192.0.2.1"),
      ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
      ("PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n", "192.0.2.1"),
      ("PROXY TCP6 2001:db8::7 ::1 12345 443\r\n", "2001:db8::7"),
      ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1"),
      ("PROXY UNKNOWN\r\n", nil),
      ("PROXY UNKNOWN ffff:f…:ffff ffff:f…:ffff 65535 65535\r\n", nil),
      ("PROXY UNKNOWN \n \r x\r\n", nil),
    ] as [(String, String?)])
  func `version 1`(_ text: String, _ source: String?) throws {
    let expected = try source.map { try ip($0) } ?? .sender
    let bytes = Array(text.utf8)
    #expect(read(bytes + Self.rest) == .header(expected, length: bytes.count))
    #expect(read(bytes) == .header(expected, length: bytes.count))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "PROXY\r\n", "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n", "proxy UNKNOWN\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
    "PROXY TCP4 ::1 198.51.100.2 1 2\r\n", "PROXY TCP4 ::ffff:1.2.3.4 1.1.1.1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
    "PROXY TCP4 192.0.2.1 x 1 2\r\n", "PROXY TCP4 192.0.2.256 1.1.1.1 1 2\r\n",
    "PROXY TCP5 192.0.2.1 1.1.1.1 1 2\r\n", "PROXY UDP4 192.0.2.1 1.1.1.1 1 2\r\n",
    "PROXY tcp4 192.0.2.1 1.1.1.1 1 2\r\n", "PROXY TCP4 [::1] 1.1.1.1 1 2\r\n",
    "PROXY \r\n", "PROXY UNKNOWNS\r\n", "\u{16}\u{3}\u{1}",
  ])
  func `version 1 refused`(_ text: String) {
    #expect(read(Array(text.utf8)) == .fault)
  }

  @Test func `version 1 has 107 bytes at most`() {
    let longest = "PROXY UNKNOWN" + String(repeating: "x", count: 0)
    let fill = ProxyHeader.longestText - longest.utf8.count - 3
    let whole = longest + " " + String(repeating: "x", count: fill)
    #expect(read(Array((whole + "\r\n").utf8)) == .header(.sender, length: 107))
    #expect(read(Array((whole + "y\r\n").utf8)) == .fault)
    #expect(read(Array(whole.utf8)) == .needMore)
  }

  @Test func `version 2`() throws {
    let tcp4 = binary(0x21, 0x11, four)
    #expect(read(tcp4 + Self.rest) == .header(try ip("192.0.2.1"), length: 28))
    let tcp6 = binary(0x21, 0x21, six)
    #expect(read(tcp6) == .header(try ip("2001:db8::7"), length: 52))
    let more = binary(0x21, 0x11, four + carried(0x02, Array("host".utf8)) + carried(0x30, []))
    #expect(read(more) == .header(try ip("192.0.2.1"), length: more.count))
    #expect(read(checked(isRight: true)) == .header(try ip("192.0.2.1"), length: 40))
    // The proxy's own connection, whatever it says besides; and what it knows nothing about.
    for header in [
      binary(0x20, 0x00, []), binary(0x20, 0x11, four), binary(0x20, 0xFF, [1, 2, 3]),
      binary(0x21, 0x00, []), binary(0x21, 0x00, [1, 2, 3]),
      // Datagrams and socket files.
      binary(0x21, 0x12, four), binary(0x21, 0x22, six),
      binary(0x21, 0x31, [UInt8](repeating: 0x2F, count: 216)),
      binary(0x21, 0x32, [UInt8](repeating: 0x2F, count: 216)),
    ] {
      #expect(read(header + Self.rest) == .header(.sender, length: header.count))
    }
  }

  @Test func `version 2 refused`() {
    for header in [
      binary(0x11, 0x11, four), binary(0x31, 0x11, four), binary(0x22, 0x11, four),
      binary(0x2F, 0x11, four), binary(0x21, 0x13, four), binary(0x21, 0x41, four),
      binary(0x21, 0x10, four), binary(0x21, 0x01, four),
      binary(0x21, 0x11, Array(four.dropLast())), binary(0x21, 0x21, Array(six.dropLast())),
      binary(0x21, 0x31, [UInt8](repeating: 0, count: 215)),
      binary(0x21, 0x11, four + [0x04]), binary(0x21, 0x11, four + [0x04, 0, 1]),
      binary(0x21, 0x11, four + carried(0x03, [0, 0, 0])), checked(isRight: false),
    ] {
      #expect(read(header) == .fault)
    }
    var broken = binary(0x21, 0x11, four)
    broken[4] = 1
    #expect(read(broken) == .fault)
  }

  @Test func `version 2 is bounded with all that it carries`() throws {
    let filled = binary(0x21, 0x11, four + carried(0x04, [UInt8](repeating: 0, count: 100)))
    #expect(read(filled, limit: filled.count) == .header(try ip("192.0.2.1"), length: filled.count))
    #expect(read(filled, limit: filled.count - 1) == .fault)
    // Known to be too long by its sixteenth byte.
    let long = signature + [0x21, 0x11, 0xFF, 0xFF]
    #expect(ProxyHeader.read(ByteSlice(long), limit: 4096) == .fault)
  }
}
