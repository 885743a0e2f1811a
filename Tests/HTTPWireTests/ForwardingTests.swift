import Bytes
import Testing

@testable import HTTPWire

@Suite struct ForwardingTests {
  private func client(
    _ field: Forwarding.Field, _ lines: [String]
  ) throws -> String? {
    let ranges = ["10.0.0.0/8", "fd00::/8"].compactMap {
      AddressRange(parsing: ByteSlice(utf8: $0))
    }
    let forwarding = Forwarding(field: field, trusted: TrustedPeers(blocks: ranges))
    let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    var parser = RequestParser(limits: WireLimits())
    guard case .request(let head, _) = parser.next(ByteSlice(utf8: text)) else {
      Issue.record("no request: \(lines)")
      return nil
    }
    return forwarding.client(in: head.fields)?.text.text
  }

  @Test(
    arguments: [
      (["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
      (["x-forwarded-for: 192.0.2.1, 10.1.1.1"], "192.0.2.1"),
      // What a client sends stands to the left of what the proxy has seen.
      (["X-Forwarded-For: 1.1.1.1, 192.0.2.1"], "192.0.2.1"),
      (["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 192.0.2.1,10.0.0.7"], "192.0.2.1"),
      (["X-Forwarded-For: 10.0.0.9, 192.0.2.1, 10.0.0.7"], "192.0.2.1"),
      // All are proxies: the furthest one.
      (["X-Forwarded-For: 10.0.0.9, 10.0.0.7"], "10.0.0.9"),
      (["X-Forwarded-For: 192.0.2.1:4711"], "192.0.2.1"),
      (["X-Forwarded-For: 2001:DB8::1"], "2001:db8::1"),
      (["X-Forwarded-For: [2001:db8::1]:443, fd00::1"], "2001:db8::1"),
      (["X-Forwarded-For: ::ffff:192.0.2.1"], "192.0.2.1"),
      (["X-Forwarded-For: ,192.0.2.1, ,\t10.0.0.7 ,"], "192.0.2.1"),
      // Where nothing readable stands nobody further away is known.
      (["X-Forwarded-For: unknown"], nil), (["X-Forwarded-For: "], nil), ([], nil),
      (["X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.7"], "10.0.0.7"),
      (["X-Forwarded-For: 192.0.2.1:x"], nil), (["X-Forwarded-For: 192.0.2.1:"], nil),
      (["X-Forwarded-For: 192.0.2.1:123456"], nil), (["X-Forwarded-For: [192.0.2.1]"], nil),
      (["X-Forwarded-For: [::1"], nil), (["X-Forwarded-For: 1.1.1.1 2.2.2.2"], nil),
      // Another field is another one's business.
      (
        ["Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1"
      ),
      (["Forwarded: for=1.1.1.1"], nil),
    ] as [([String], String?)])
  func `X-Forwarded-For`(_ lines: [String], _ expected: String?) throws {
    #expect(try client(.xForwardedFor, lines) == expected)
  }

  @Test(
    arguments: [
      (["Forwarded: for=192.0.2.1"], "192.0.2.1"),
      (["Forwarded: For=\"[2001:DB8:CAFE::17]:4711\""], "2001:db8:cafe::17"),
      (["forwarded: for=192.0.2.43;proto=http;by=203.0.113.43"], "192.0.2.43"),
      (["Forwarded: proto=https; by=\"[fd00::2]\" ; for = x; FOR=192.0.2.1"], "192.0.2.1"),
      (["Forwarded: for=1.1.1.1, for=192.0.2.1, for=10.0.0.2"], "192.0.2.1"),
      (["Forwarded: for=1.1.1.1", "Forwarded: for=192.0.2.1"], "192.0.2.1"),
      (["Forwarded: for=\"192.0.2.1:80\""], "192.0.2.1"),
      (["Forwarded: host=\"a,b;for=1.1.1.1\";for=192.0.2.1"], "192.0.2.1"),
      // An open quote of a client swallows nothing.
      (["Forwarded: for=\", for=192.0.2.1"], "192.0.2.1"),
      (["Forwarded: for=1.1.1.1;x=\", for=192.0.2.1;proto=http, for=10.0.0.2"], "192.0.2.1"),
      (["Forwarded: for=unknown"], nil), (["Forwarded: for=_hidden"], nil),
      (["Forwarded: for=1.1.1.1, for=_gazonk, for=10.0.0.2"], "10.0.0.2"),
      (["Forwarded: for=1.1.1.1;for=2.2.2.2"], nil), (["Forwarded: by=1.1.1.1"], nil),
      (["Forwarded: for=\"1.1.1.1"], nil), (["Forwarded: for=\"1.1\\.1.1\""], nil),
      (["Forwarded: for=1.1.1.1\""], nil), (["Forwarded: for=\"\""], nil),
      (["Forwarded: for="], nil),
      (["X-Forwarded-For: 1.1.1.1"], nil),
    ] as [([String], String?)])
  func `Forwarded`(_ lines: [String], _ expected: String?) throws {
    #expect(try client(.forwarded, lines) == expected)
  }

  @Test func `so many proxies are looked through and no more`() throws {
    let proxies = { (count: Int) in
      (1...count).map { "10.0.0.\($0)" }.joined(separator: ", ")
    }
    let few = "X-Forwarded-For: 192.0.2.1, \(proxies(Forwarding.mostHops - 1))"
    #expect(try client(.xForwardedFor, [few]) == "192.0.2.1")
    let many = "X-Forwarded-For: 192.0.2.1, \(proxies(Forwarding.mostHops))"
    #expect(try client(.xForwardedFor, [many]) == "10.0.0.1")
  }
}
