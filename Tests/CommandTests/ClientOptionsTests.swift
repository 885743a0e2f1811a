import Testing

@testable import jodrell

@Suite struct ClientOptionsTests {
  @Test(
    "a token of one's own is made for this machine only",
    arguments: [
      ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("localhost", true),
      ("127.example.com", false), ("127.0.0.1.example.com", false), ("10.0.0.1", false),
      ("localhost.example.com", false), ("::2", false),
    ])
  func thisMachine(_ host: String, isHere: Bool) {
    #expect(ClientOptions.isThisMachine(host) == isHere)
  }
}
