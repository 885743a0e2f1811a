import Bytes
import Foundation
import Testing

private func address(_ text: String) -> IPAddress? { IPAddress(parsing: ByteSlice(utf8: text)) }

/// What the C library makes of a text: bytes in network order.
private func libraryBytes(_ text: String) -> [UInt8]? {
  let family = text.contains(":") ? AF_INET6 : AF_INET
  var bytes = [UInt8](repeating: 0, count: family == AF_INET ? 4 : 16)
  return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
}

private func libraryText(_ bytes: [UInt8]) -> String {
  var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
  _ = unsafe inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
    ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ("00ab::0c", "ab::c"), ("1:2:3:4:5:6::", "1:2:3:4:5:6::"), ("::3:4:5:6:7:8", "::3:4:5:6:7:8"),
    ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
    ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
  ])
  func `an address has one text`(_ text: String, _ canonical: String) throws {
    let parsed = try #require(address(text))
    #expect(parsed.text.text == canonical)
    #expect(address(canonical) == parsed)
    #expect(parsed.isIPv4 == !canonical.contains(":"))
    let bytes = try #require(libraryBytes(text))
    #expect(IPAddress(bytes: ByteSlice(bytes)) == parsed)
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.",
    ".1.2.3", "1..2.3", "a.b.c.d", "1.2.3.0004", "+1.2.3.4", ":", ":::", "1:", ":1", "::1::",
    "1::2::3", "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8", "::g", "fe80::1%1", "[::1]", "::1.2.3", "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4.", "1.2.3.4::",
  ])
  func `what is no address`(_ text: String) {
    #expect(address(text) == nil)
    #expect(libraryBytes(text) == nil)
  }

  /// Texts made of the pieces of addresses are read as the C library reads them, and written so.
  @Test func `the C library agrees`() {
    var random = SystemRandomNumberGenerator()
    let pieces = ["::", ":", ":", ":", ".", "0", "1", "ffff", "a0", "255", "1.2.3.4", "10", "0001"]
    var good = 0
    for _ in 0..<50_000 {
      let text = (0..<Int.random(in: 1...15, using: &random)).map { _ in
        pieces.randomElement(using: &random) ?? ""
      }.joined()
      let expected = libraryBytes(text)
      let mine = address(text)
      #expect(mine == expected.flatMap { IPAddress(bytes: ByteSlice($0)) }, "\(text)")
      if mine != nil { good += 1 }
    }
    #expect(good > 100)
    for _ in 0..<10_000 {
      var bytes = (0..<16).map { _ in
        Bool.random(using: &random) ? 0 : UInt8.random(in: 0...255, using: &random)
      }
      // The C library writes those that begin with twelve zeros with dots.
      bytes[0] |= 1
      #expect(IPAddress(bytes: ByteSlice(bytes))?.text.text == libraryText(bytes))
    }
  }

  @Test func `addresses of another length are none`() {
    for count in [0, 3, 5, 15, 17] {
      #expect(IPAddress(bytes: ByteSlice([UInt8](repeating: 1, count: count))) == nil)
    }
  }

  @Test(arguments: [
    ("127.0.0.1", "127.0.0.1", true), ("10.0.0.0/8", "10.200.3.4", true),
    ("10.0.0.0/8", "11.0.0.1", false), ("192.168.1.0/25", "192.168.1.127", true),
    ("192.168.1.0/25", "192.168.1.128", false), ("0.0.0.0/0", "8.8.8.8", true),
    ("0.0.0.0/0", "::1", false), ("::/0", "8.8.8.8", false), ("::/0", "2001:db8::1", true),
    ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("fd00:1::/32", "fd00:1:9::9", true),
    ("fd00:1::/32", "fd00:2::9", false), ("::1", "::1", true), ("::1", "::2", false),
    ("2001:db8:1:2:3:4:5:0/112", "2001:db8:1:2:3:4:5:ff", true),
    ("2001:db8:1:2:3:4:5:0/112", "2001:db8:1:2:3:4:6:0", false),
    ("2001:db8:1:2::/64", "2001:db8:1:2:ffff::", true),
    ("2001:db8:1:2::/64", "2001:db8:1:3::", false),
  ])
  func `blocks hold what they should`(_ block: String, _ member: String, _ isIn: Bool) throws {
    let range = try #require(AddressRange(parsing: ByteSlice(utf8: block)))
    #expect(range.contains(try #require(address(member))) == isIn)
  }

  @Test(arguments: [
    "", "10", "10.0.0.0/33", "10.0.0.1/8", "256.0.0.1", "1.2.3.4.5", "01.2.3.4", "a.b.c.d", "/8",
    "::1::", ":::", "12345::", "1:2:3:4:5:6:7", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "::g",
    "::ffff:10.0.0.0/104", "::ffff:10.0.0.1", "fd00::1/8", "10.0.0.0/8/8", "10.0.0.0/0008",
  ])
  func `what is no block`(_ text: String) {
    #expect(AddressRange(parsing: ByteSlice(utf8: text)) == nil)
  }
}
