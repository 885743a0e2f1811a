import Bytes
import Settings
import Testing

private func gateway(_ text: String) throws(SettingsFault) -> GatewaySettings {
  let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "j.yaml")
  return try GatewaySettings(compiling: document)
}

private func message(_ text: String) -> String {
  do throws(SettingsFault) {
    _ = try gateway(text)
    return "accepted"
  } catch {
    return error.text
  }
}

@Suite struct GatewaySettingsTests {
  @Test func `what is not given has its default`() throws {
    let settings = try gateway("{}")
    #expect(settings.http?.address == .loopback)
    #expect(settings.management == nil)
    #expect(settings.data == "data")
    #expect(settings.publicURL == nil)
    #expect(settings.heartbeat == .seconds(15))
    #expect(settings.issuers.isEmpty && settings.mappings.isEmpty)
    #expect(settings.tenants.isEmpty && settings.tests.isEmpty)
  }

  @Test func `every key of the top level is read`() throws {
    let settings = try gateway(
      """
      listen: {http: "[::]:8080", management: {address: "127.0.0.1:9090"}}
      data: /var/lib/jodrell
      publicURL: https://events.acme.example/
      streams: {heartbeat: 5s}
      issuers: [{id: a}]
      mappings: [{id: b}, {id: c}]
      tenants: {acme: {}}
      tests: []
      """)
    #expect(settings.http?.address.text == "[::]:8080")
    #expect(settings.management?.address.text == "127.0.0.1:9090")
    #expect(settings.management?.address.isLoopback == true)
    #expect(settings.http?.address.isLoopback == false)
    #expect(settings.data == "/var/lib/jodrell")
    #expect(settings.publicURL == "https://events.acme.example")
    #expect(settings.heartbeat == .seconds(5))
    #expect(settings.issuers.count == 1 && settings.mappings.count == 2)
    #expect(settings.tenants[0].key.text == "acme")
  }

  @Test(arguments: [
    ("lisen: {}", "j.yaml:1:1: unknown key 'lisen'"),
    ("listen: {}", "j.yaml:1:9: the key 'http' is missing in listen"),
    (
      "listen: {http: '0.0.0.0:80', https: {address: '0.0.0.0:443'}}",
      "j.yaml:1:37: the key 'certificate' is missing in listen.https"
    ),
    (
      "listen: {https: {address: '0.0.0.0:443', certificate: a, key: b, clientCertificates: required}}",
      "j.yaml:1:86: clientCertificates needs clientCA, which says who signs them "
        + "in listen.https.clientCertificates"
    ),
    (
      "listen: {https: {address: '0.0.0.0:443', certificate: a, key: b, certificates: []}}",
      "j.yaml:1:80: certificates stands instead of certificate and key in listen.https.certificates"
    ),
    (
      "listen: {http: '0.0.0.0:80', https: {address: '0.0.0.0:80', certificate: a, key: b}}",
      "j.yaml:1:37: two listeners have the same address: 0.0.0.0:80 in listen.https"
    ),
    (
      "listen: {https: {address: '0.0.0.0:443', certificate: a, key: b, maxKeyAge: 1h}}",
      "j.yaml:1:77: 1h is outside 1d to 3650d in listen.https.maxKeyAge"
    ),
    (
      "listen:\n  http: '0.0.0.0:80'\n  management: {address: '0.0.0.0:81', clientCA: ca.pem}",
      "j.yaml:3:39: unknown key 'clientCA' in listen.management"
    ),
    (
      "listen: {http: '0.0.0.0:80', management: '0.0.0.0:80'}",
      "j.yaml:1:42: two listeners have the same address: 0.0.0.0:80 in listen.management"
    ),
    (
      "streams: {heartbeat: 15}",
      "j.yaml:1:22: expected a duration such as 250ms, 30s, 5m, 1h or 7d, "
        + "found an integer in streams.heartbeat"
    ),
    (
      "crossOrigin: {origins: [\"https://a.example/\"]}",
      "j.yaml:1:25: not an origin such as https://app.acme.example, without a path or * "
        + "in crossOrigin.origins[0]"
    ),
    ("streams: {heartbeat: 1h}", "j.yaml:1:22: 1h is outside 1s to 5m in streams.heartbeat"),
    (
      "listen: {http: {address: '127.0.0.1:80', mode: '0660'}}",
      "j.yaml:1:48: a mode is for socket files, whose address begins with unix: in listen.http.mode"
    ),
    (
      "listen: {http: {address: 'unix:/run/j.sock', mode: '660'}}",
      "j.yaml:1:52: not a mode such as \"0660\" in listen.http.mode"
    ),
    (
      "listen: {http: 'unix:@jodrell'}",
      "j.yaml:1:16: not an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/jodrell.sock "
        + "in listen.http"
    ),
    (
      "listen: {http: 'unix:a', management: 'unix:a'}",
      "j.yaml:1:38: two listeners have the same address: unix:a in listen.management"
    ),
    (
      "listen: {http: {address: '0.0.0.0:80', proxyProtocol: []}}",
      "j.yaml:1:55: 1 to 256 blocks of addresses in listen.http.proxyProtocol"
    ),
    (
      "listen: {http: {address: '0.0.0.0:80', proxyProtocol: [10.0.0.1/8]}}",
      "j.yaml:1:56: not a block of addresses such as 10.0.0.0/8, ::1 or fd00::/8 "
        + "in listen.http.proxyProtocol[0]"
    ),
    (
      "listen: {http: {address: '0.0.0.0:80', proxyProtocol: [unix]}}",
      "j.yaml:1:55: nobody could connect to 0.0.0.0:80: no block of addresses is listed "
        + "in listen.http.proxyProtocol"
    ),
    (
      "listen: {management: {address: 'unix:m', proxyProtocol: [\"::1\"]}, http: '0.0.0.0:80'}",
      "j.yaml:1:57: nobody could connect to unix:m: unix is not listed "
        + "in listen.management.proxyProtocol"
    ),
    (
      "listen: {http: {address: '0.0.0.0:80', hosts: [a]}}",
      "j.yaml:1:40: unknown key 'hosts' in listen.http"
    ),
    (
      "listen: {http: '0.0.0.0:80', management: {address: '0.0.0.0:81', hosts: ['a:81']}}",
      "j.yaml:1:74: not a host's name such as jodrell.monitoring.svc, without a port "
        + "in listen.management.hosts[0]"
    ),
    (
      "listen: {http: '0.0.0.0:80', management: {address: '0.0.0.0:81', hosts: []}}",
      "j.yaml:1:73: 1 to 100 names in listen.management.hosts"
    ),
    (
      "forwarded: {from: [10.0.0.1]}",
      "j.yaml:1:12: the key 'field' is missing in forwarded"
    ),
    (
      "forwarded: {from: [10.0.0.1], field: X-Real-IP}",
      "j.yaml:1:38: not Forwarded or X-Forwarded-For in forwarded.field"
    ),
    ("data: ''", "j.yaml:1:7: the text is empty or holds a NUL in data"),
    ("tenants: [acme]", "j.yaml:1:10: expected a mapping, found a list in tenants"),
  ])
  func `a fault of the top level has its place`(text: String, expected: String) {
    #expect(message(text) == expected)
  }

  @Test func `a socket file has a path and a mode`() throws {
    let plain = try gateway("listen: {http: 'unix:/run/j.sock'}")
    #expect(plain.http?.address.place == .file(path: "/run/j.sock"))
    #expect(plain.http?.mode == 0o600)
    #expect(plain.http?.address.isLoopback == true)
    let told = try gateway("listen: {http: {address: 'unix:j.sock', mode: '0666'}}")
    #expect(told.http?.address.text == "unix:j.sock")
    #expect(told.http?.mode == 0o666)
  }

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1:80", true), ("127.0.0.1:80", "localhost:80", true),
    ("127.0.0.1:80", "127.0.0.2:80", false), ("127.0.0.1:80", "127.0.0.1:81", false),
    ("0.0.0.0:80", "127.0.0.1:80", true), ("0.0.0.0:80", "[::1]:80", false),
    ("[::]:80", "[::1]:80", true), ("[::]:80", "127.0.0.1:80", true),
    ("[::1]:80", "[0:0:0:0:0:0:0:1]:80", true), ("[::1]:80", "127.0.0.1:80", false),
    ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true), ("127.0.0.1:0", "127.0.0.1:0", false),
    ("unix:a", "unix:a", true), ("unix:a", "unix:b", false), ("unix:a", "127.0.0.1:80", false),
  ])
  func `addresses overlap where one's callers could come to the other`(
    one: String, other: String, expected: Bool
  ) throws {
    let first = try #require(ListenAddress(parsing: ByteSlice(utf8: one)))
    let second = try #require(ListenAddress(parsing: ByteSlice(utf8: other)))
    #expect(first.overlaps(second) == expected)
    #expect(second.overlaps(first) == expected)
  }

  @Test func `proxies are named by their addresses`() throws {
    let settings = try gateway(
      """
      listen:
        http: {address: "0.0.0.0:80", proxyProtocol: [10.0.0.0/8, "fd00::/8"]}
        https: {address: "0.0.0.0:443", proxyProtocol: [unix, "::1"], certificate: a, key: b}
        management: "127.0.0.1:9090"
      forwarded: {from: [192.0.2.0/24, unix], field: X-Forwarded-For}
      """)
    let ten = try #require(IPAddress(parsing: ByteSlice(utf8: "10.1.2.3")))
    #expect(settings.http?.proxies?.contains(ten) == true)
    #expect(settings.http?.proxies?.contains(nil) == false)
    #expect(settings.https?.listener.proxies?.contains(nil) == true)
    #expect(settings.management?.proxies == nil)
    #expect(settings.forwarded?.field == .xForwardedFor)
    #expect(settings.forwarded?.proxies.includesLocal == true)
    #expect(settings.forwarded?.proxies.contains(ten) == false)
    #expect(try gateway("{}").forwarded == nil)
  }

  @Test func `the terms of a listener may let nobody in at another address`() throws {
    let settings = try gateway(
      """
      listen:
        http: {address: "0.0.0.0:80", proxyProtocol: [10.0.0.0/8]}
        management: {address: "0.0.0.0:81", proxyProtocol: [unix, "::1"], hosts: [Jodrell.svc, j_1]}
      """)
    let file = ListenAddress(path: "j.sock")
    #expect(settings.http?.obstacle == nil)
    #expect(settings.http?.at(.loopback).obstacle == nil)
    #expect(settings.http?.at(file).obstacle?.contains("unix:j.sock") == true)
    #expect(settings.management?.at(file).obstacle == nil)
    #expect(settings.management?.at(file).hosts.map(\.text) == ["Jodrell.svc", "j_1"])
  }

  @Test(arguments: [
    "unix:", "unix:@name", "unix:/a\u{0}b", "0.0.0.0", "0.0.0.0:", ":80", "0.0.0.0:65536",
    "0.0.0.0:8a", "256.0.0.1:80", "01.0.0.1:80",
    "1.2.3:80", "example.org:80", "[]:80", "[1]:80", "::1:80", "[::g]:80", "0.0.0.0:-1",
    "[1:2:3]:80", "[:::]:80", "[1::2::3]:80", "[::1.2.3]:80", "[12345::]:80", "[::1%lo]:80",
    "[1.2.3.4]:80",
  ])
  func `an address is an IP address and a port`(text: String) {
    #expect(ListenAddress(parsing: ByteSlice(utf8: text)) == nil)
  }

  @Test(arguments: [
    "[::]:80", "[::1]:0", "[2001:db8::8:800:200c:417a]:65535", "[::ffff:1.2.3.4]:1",
  ])
  func `an IPv6 address stands in brackets`(text: String) {
    #expect(ListenAddress(parsing: ByteSlice(utf8: text))?.text == text)
  }

  @Test(arguments: [
    "events.acme.example", "ftp://a", "https://", "https://a/?q", "https://a#f", "https://u@a",
    "https://a b",
  ])
  func `a public URL is absolute and plain`(text: String) {
    #expect(message("publicURL: '\(text)'").contains("not a URL"))
  }
}
