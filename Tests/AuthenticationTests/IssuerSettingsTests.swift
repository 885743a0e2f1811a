import Authentication
import Bytes
import Crypto
import Foundation
import Settings
import TestSupport
import Testing

@Suite struct `Issuers in the settings` {
  let issuer = TestIssuer()

  struct NoSuchFile: Error {}

  func compile(_ text: String) throws -> IssuerProfile {
    let document = try SettingsDocument(parsing: ByteSlice(utf8: text), named: "test.yaml")
    return try IssuerProfile.compile(document.root) { path in
      switch path {
      case "keys.json": try TestIssuer.keySet()
      case "es.json": try TestIssuer.keySet([.es256])
      case "secret": TestIssuer.secret
      case "line": ByteSlice(TestIssuer.secret.array + [0x0A])
      case "short": ByteSlice(utf8: "short\n")
      case "zeros": ByteSlice(utf8: String(repeating: "0", count: 63) + "7")
      case "repeated": ByteSlice(utf8: String(repeating: "s3cr3t!", count: 9))
      case "published": ByteSlice(utf8: "a-string-secret-at-least-256-bits-long\n")
      default: throw NoSuchFile()
      }
    }
  }

  @Test func `an issuer with published keys`() throws {
    let profile = try compile(issuer.settings(keySetFile: "keys.json"))
    #expect(profile.id.text == "test" && profile.issuer.text == issuer.iss)
    #expect(profile.algorithms == [.rs256, .es256, .edDSA])
    #expect(profile.clockSkew == .seconds(30) && profile.maxLifetime == nil)
    let verifier = try TokenVerifier(issuers: [profile])
    for algorithm in TestIssuer.publicAlgorithms {
      #expect(refusal(try issuer.token(algorithm: algorithm), verifier) == nil)
    }
  }

  @Test func `every key of an issuer has its effect`() throws {
    let profile = try compile(
      """
      id: full
      iss: https://issuer.example
      audiences: [a, event-gateway]
      algorithms: [ES256, EdDSA]
      keys: {file: es.json}
      typ: [at+jwt]
      maxLifetime: 1h
      clockSkew: 5s
      require: {"/sub": {prefix: ali}}
      """)
    let verifier = try TokenVerifier(issuers: [profile])
    #expect(refusal(try issuer.token(), verifier) == nil)
    #expect(refusal(try issuer.token(algorithm: .rs256), verifier) == .algorithm)
    #expect(refusal(try issuer.token(header: ["typ": "JWT"]), verifier) == .type)
    #expect(refusal(try issuer.token(lifetime: .seconds(3601)), verifier) == .lifetime)
    #expect(refusal(try issuer.token(["sub": "bob"]), verifier) == .requirement(0))
    let late = TestIssuer.now + .seconds(3605)
    #expect(refusal(try issuer.token(), verifier, at: late) == .expired)
  }

  @Test(arguments: ["secret", "line"])
  func `an issuer with a secret`(file: String) throws {
    let profile = try compile(
      """
      {id: s, iss: "https://issuer.example", audiences: [event-gateway],
       keys: {secretFile: \(file), kid: test-HS256}}
      """)
    #expect(profile.algorithms == [.hs256])
    let verifier = try TokenVerifier(issuers: [profile])
    #expect(refusal(try issuer.token(algorithm: .hs256), verifier) == nil)
  }

  @Test func `another claim than aud may name the audience`() throws {
    let profile = try compile(
      """
      {id: test, iss: "https://issuer.example", audiences: [web-client], audienceClaim: /client_id,
       keys: {file: keys.json}}
      """)
    let verifier = try TokenVerifier(issuers: [profile])
    let claims: [String: Any] = ["aud": NSNull(), "client_id": "web-client", "token_use": "access"]
    #expect(refusal(try issuer.token(claims), verifier) == nil)
    #expect(
      refusal(try issuer.token(claims.merging(["client_id": "other"]) { $1 }), verifier)
        == .audience)
    #expect(refusal(try issuer.token(["aud": "web-client"]), verifier) == .claim(.aud))
  }

  @Test func `opaque tokens are asked about where they begin alike, and nowhere else`() throws {
    func issuer(_ id: String, _ prefix: String?) throws -> IssuerProfile {
      try compile(
        """
        {id: \(id), iss: "https://\(id)", audiences: [a], introspection: {url: "https://\(id)/i",
         clientID: x, clientSecret: "env:X"\(prefix.map { ", prefix: \($0)" } ?? "")}}
        """)
    }
    let verifier = try TokenVerifier(issuers: [
      issuer("rest", nil), issuer("short", "gho"), issuer("long", "gho_x"),
    ])
    for (token, id) in [("gho_y", "short"), ("gho_xy", "long"), ("gh", "rest"), ("", "rest")] {
      #expect(verifier.introspecting(ByteSlice(utf8: token))?.id.text == id, "\(token)")
    }
    #expect(throws: IssuersFault.secondIntrospection(index: 1)) {
      try TokenVerifier(issuers: [issuer("a", "x"), issuer("b", "x")])
    }
    let some = try TokenVerifier(issuers: [issuer("a", "x")])
    #expect(some.introspects && some.introspecting(ByteSlice(utf8: "y")) == nil)
  }

  /// What stands in for `KEYS`-less rest of an issuer → words the fault must hold.
  @Test(arguments: [
    ("", "'keys' is missing"), ("keys: {}", "keys takes"), ("keys: {file: nowhere}", "nowhere"),
    ("keys: {url: \"http://a\"}", "not a URL"), ("keys: {discovery: false}", "true, or the URL"),
    ("keys: {url: \"https://a\", refresh: 1s}", "outside"),
    ("keys: {url: \"https://a\", addresses: [10.0.0.1/8]}", "not a block"),
    ("keys: {secret: plain}", "by reference"), ("keys: {secret: \"env:X\"}", "cannot be found"),
    ("introspection: {url: \"https://a\", clientID: x}", "'clientSecret' is missing"),
    ("keys: {secretFile: secret}\nalgorithms: [HS256, HS512]", "exactly one"),
    ("keys: {secretFile: secret}\nalgorithms: [HS512]", "5 bytes are less than"),
    ("keys: {file: secret}", "not JSON"),
    ("keys: {file: keys.json, secretFile: secret}", "keys takes"),
    ("keys: {file: keys.json, kid: x}", "unknown key 'kid'"),
    ("keys: {secretFile: short}", "5 bytes are less than"),
    ("keys: {secretFile: zeros}", "2 different bytes"),
    ("keys: {secretFile: repeated}", "repeats 7 bytes"),
    ("keys: {secretFile: published}", "published as an example"),
    ("keys: {file: keys.json}\naudienceClaim: client_id", "no JSON pointer"),
    (
      "introspection: {url: \"https://a\", clientID: x, clientSecret: \"env:X\", prefix: \"a b\"}",
      "no token begins like this"
    ),
    ("keys: {secretFile: secret}\nalgorithms: [RS256]", "exactly one"),
    ("keys: {file: keys.json}\nalgorithms: [HS256]", "need a secret"),
    ("keys: {file: keys.json}\nalgorithms: [RS256, HS256]", "need a secret"),
    ("keys: {file: es.json}\nalgorithms: [RS256]", "no key in the set"),
    ("keys: {file: keys.json}\nalgorithms: []", "empty"),
    ("keys: {file: keys.json}\nalgorithms: [none]", "no such algorithm"),
    ("keys: {file: keys.json}\nalgorithms: [PS256]", "no key in the set"),
    ("keys: {file: keys.json}\ntyp: [dpop+jwt]", "never an access token"),
    ("keys: {file: keys.json}\ntyp: []", "empty"),
    ("keys: {file: keys.json}\nclockSkew: 121s", "outside"),
    ("keys: {file: keys.json}\nmaxLifetime: 0s", "outside"),
    ("keys: {file: keys.json}\nrequire: {}", "everything would match"),
    ("keys: {file: keys.json}\njwks: x", "unknown key 'jwks'"),
    ("keys: {file: keys.json, cache: 1h}", "unknown key 'cache'"),
  ])
  func `a faulty issuer is refused at its place`(rest: String, words: String) {
    do {
      _ = try compile("id: x\niss: https://issuer.example\naudiences: [a]\n\(rest)")
      Issue.record("\(rest) was accepted")
    } catch let fault as SettingsFault {
      #expect(fault.text.contains(words), "\(fault.text)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test(arguments: [
    "iss: i\naudiences: [a]", "id: x\naudiences: [a]", "id: x\niss: i",
    "id: \"\"\niss: i\naudiences: [a]",
    "id: x\niss: \"\"\naudiences: [a]", "id: x\niss: i\naudiences: []",
    "id: x\niss: i\naudiences: [\"\"]",
    "id: x\niss: i\naudiences: a",
  ])
  func `names and audiences are required`(text: String) {
    #expect(throws: SettingsFault.self) { try compile("\(text)\nkeys: {file: keys.json}") }
  }
}
