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
    #expect(settings.http == .loopback)
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
    #expect(settings.http?.text == "[::]:8080")
    #expect(settings.management?.text == "127.0.0.1:9090")
    #expect(settings.management?.isLoopback == true)
    #expect(settings.http?.isLoopback == false)
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
      "j.yaml:1:37: two listeners have the same address in listen.https"
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
      "j.yaml:1:42: two listeners have the same address in listen.management"
    ),
    (
      "streams: {heartbeat: 15}",
      "j.yaml:1:22: expected a duration such as 250ms, 30s, 5m, 1h or 7d, "
        + "found an integer (quote it if it is a text) in streams.heartbeat"
    ),
    (
      "crossOrigin: {origins: [\"https://a.example/\"]}",
      "j.yaml:1:25: not an origin such as https://app.acme.example, without a path or * "
        + "in crossOrigin.origins[0]"
    ),
    ("streams: {heartbeat: 1h}", "j.yaml:1:22: 1h is outside 1s to 5m in streams.heartbeat"),
    ("data: ''", "j.yaml:1:7: the text is empty or holds a NUL in data"),
    ("tenants: [acme]", "j.yaml:1:10: expected a mapping, found a list in tenants"),
  ])
  func `a fault of the top level has its place`(text: String, expected: String) {
    #expect(message(text) == expected)
  }

  @Test(arguments: [
    "0.0.0.0", "0.0.0.0:", ":80", "0.0.0.0:65536", "0.0.0.0:8a", "256.0.0.1:80", "01.0.0.1:80",
    "1.2.3:80", "example.org:80", "[]:80", "[1]:80", "::1:80", "[::g]:80", "0.0.0.0:-1",
  ])
  func `an address is an IP address and a port`(text: String) {
    #expect(ListenAddress(parsing: ByteSlice(utf8: text)) == nil)
  }

  @Test(arguments: [
    "events.acme.example", "ftp://a", "https://", "https://a/?q", "https://a#f", "https://u@a",
    "https://a b",
  ])
  func `a public URL is absolute and plain`(text: String) {
    #expect(message("publicURL: '\(text)'").contains("not a URL"))
  }
}
