import Authentication
import Bytes
import Crypto
import JSONText
import TestSupport
import Testing

@Suite struct `The development issuer` {
  let now = TestIssuer.now
  let grant = DevelopmentIssuer.Grant(
    subject: ByteSlice(utf8: "developer"), tenant: ByteSlice(utf8: "public"),
    actions: [ByteSlice(utf8: "publish"), ByteSlice(utf8: "subscribe")])

  func mint(_ issuer: DevelopmentIssuer) throws -> ByteSlice {
    try issuer.mint(grant, at: now, lifetime: .seconds(60), tokenID: ByteSlice(utf8: "id"))
  }

  @Test func `its tokens verify under its profile`() throws {
    let issuer = try DevelopmentIssuer.generate()
    let verifier = try TokenVerifier(issuers: [try issuer.profile])
    let token = try verifier.verify(try mint(issuer), at: now)
    #expect(token.issuerID == DevelopmentIssuer.id)
    #expect(token.subject?.text == "developer")
    #expect(token.claims.root["tenant"]?.text == "public")
    #expect(token.claims.root["namespace"] == nil)
    #expect(token.claims.root["allow"]?.raw.text == #"["publish","subscribe"]"#)
    #expect(token.expires == now + .seconds(60))
    #expect(refusal(try mint(issuer), verifier, at: now + .seconds(90)) == .expired)
  }

  @Test func `it is the same after a restart, and not another's`() throws {
    let issuer = try DevelopmentIssuer.generate()
    let again = try DevelopmentIssuer(stored: try issuer.stored)
    let verifier = try TokenVerifier(issuers: [try again.profile])
    #expect(refusal(try mint(issuer), verifier, at: now) == nil)
    #expect(refusal(try mint(try DevelopmentIssuer.generate()), verifier, at: now) == .key)
    #expect(throws: KeyFault.unreadable) { try DevelopmentIssuer(stored: .empty) }
    #expect(throws: KeyFault.unreadable) {
      try DevelopmentIssuer(stored: try issuer.stored.dropFirst(3))
    }
  }
}
