import Bytes
import Testing

@testable import Settings

@Suite struct CrossOriginSettingsTests {
  @Test(
    "what a browser could send",
    arguments: [
      "https://a.example", "http://localhost", "http://127.0.0.1:8080", "https://[2001:db8::1]",
      "http://[::1]:3000", "https://a-b.example:8443", "http://a.example:443",
    ])
  func origins(_ text: String) {
    #expect(CrossOriginSettings.isOrigin(ByteSlice(utf8: text)))
  }

  @Test(
    "what would never match, or would match too much",
    arguments: [
      "*", "null", "https://*", "https://*.example", "https://a.example/", "https://A.example",
      "a.example", "https://", "https://a.example:443", "http://a.example:80", "https://a:0",
      "https://a:65536", "https://u@a.example", "https://a.example?x", "ftp://a.example",
      "https://a.example:", "https://[::1", "https://a b",
    ])
  func others(_ text: String) {
    #expect(!CrossOriginSettings.isOrigin(ByteSlice(utf8: text)))
  }

  @Test("the mapping, and nobody without it")
  func mapping() throws {
    let text = "crossOrigin: {origins: [\"https://a.example\"], credentials: true}"
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "j.yaml")
    let settings = try GatewaySettings(compiling: document).crossOrigin
    #expect(settings.origins == [ByteSlice(utf8: "https://a.example")])
    #expect(settings.credentials)
    let empty = try SettingsDocument(parsing: ByteSlice(utf8: "{}"), named: "j.yaml")
    #expect(try GatewaySettings(compiling: empty).crossOrigin.origins.isEmpty)
  }
}
