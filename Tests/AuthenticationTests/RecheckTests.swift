import Authentication
import Bytes
import Crypto
import Settings
import TestSupport
import Testing

/// Tokens that streams live by are held to the rules of now as new ones are.
@Suite struct `Tokens held against changed rules` {
  private let issuer = TestIssuer()
  private let now = TestIssuer.now

  private func refusal(
    _ token: VerifiedToken, _ profile: IssuerProfile
  ) throws -> TokenRefusal? {
    let verifier = try TokenVerifier(issuers: [profile])
    do throws(TokenRefusal) {
      try verifier.recheck(token, at: now)
      return nil
    } catch {
      return error
    }
  }

  private func opaque(
    prefix: String? = "", client: String = "gw", audience: String = "event-gateway",
    maxLifetime: TimeSpan? = nil
  ) -> IssuerProfile {
    IssuerProfile(
      id: ByteSlice(utf8: issuer.id), issuer: ByteSlice(utf8: issuer.iss),
      audiences: [ByteSlice(utf8: audience)], keys: IssuerKeys(),
      introspection: prefix.map { prefix in
        IntrospectionTerms(
          url: ByteSlice(utf8: "https://issuer.example/introspect"), rules: FetchRules(),
          clientID: ByteSlice(utf8: client), clientSecret: .environment("S"),
          prefix: ByteSlice(utf8: prefix))
      }, maxLifetime: maxLifetime)
  }

  @Test func `a signed token has a type that is taken now`() throws {
    let token = try issuer.verified()
    for (type, refused) in [
      ("application/AT+JWT", nil), ("JWT", .type),
    ] as [(String, TokenRefusal?)] {
      let types = try #require(TokenTypes(only: [ByteSlice(utf8: type)]))
      #expect(try refusal(token, issuer.profile(types: types)) == refused, "\(type)")
    }
  }

  private func answer() throws -> IntrospectionAnswer {
    let end = now + .seconds(3_600)
    return try IntrospectionAnswer(
      parsing: ByteSlice(
        utf8: #"""
          {"active":true,"sub":"alice","aud":"event-gateway","exp":\#(end.seconds)}
          """#), at: now, MonotonicTime(nanoseconds: 0), lifetime: .seconds(10),
      refusedLifetime: .seconds(5))
  }

  @Test func `a wall clock that is set makes no answer good for longer`() throws {
    let answer = try answer()
    let past = now + .seconds(-3_600)
    let later = MonotonicTime(nanoseconds: 4_000_000_000)
    #expect(answer.good(at: now, later)?.staleAt == now + .seconds(6))
    #expect(answer.good(at: past, later)?.staleAt == past + .seconds(6))
    let deadline = MonotonicTime(nanoseconds: 10_000_000_000)
    #expect(answer.good(at: past, deadline)?.staleAt == nil)
    #expect(answer.good(at: now + .seconds(10), later)?.staleAt == nil)
  }

  @Test func `what another endpoint has said, or said to another client, is asked anew`() throws {
    let text = ByteSlice(utf8: "opaque-1")
    let verifier = try TokenVerifier(issuers: [opaque()])
    let token = try verifier.verify(
      introspected: answer(), of: Digest.sha256(text), text: text, by: opaque(), at: now)
    #expect(!verifier.asksElsewhere(about: token))
    let moved = try TokenVerifier(issuers: [opaque(client: "gw-2")])
    #expect(moved.asksElsewhere(about: token))
    let again = try moved.verify(token, introspectedAgain: answer(), at: now)
    #expect(!moved.asksElsewhere(about: again) && verifier.asksElsewhere(about: again))
    #expect(try !moved.asksElsewhere(about: issuer.verified()))
  }

  @Test func `an opaque token is one that its issuer would be asked about now`() throws {
    let text = ByteSlice(utf8: "opaque-1")
    let profile = opaque()
    let token = try TokenVerifier(issuers: [profile]).verify(
      introspected: answer(), of: Digest.sha256(text), text: text, by: profile, at: now)
    #expect(try refusal(token, opaque()) == nil)
    #expect(try refusal(token, opaque(prefix: "opaque-")) == nil)
    #expect(try refusal(token, opaque(prefix: nil)) == .issuer)
    #expect(try refusal(token, opaque(prefix: "other-")) == .issuer)
    #expect(try refusal(token, opaque(audience: "others")) == .audience)
    #expect(try refusal(token, opaque(maxLifetime: .seconds(60))) == .claim(.iat))
  }
}
