import Authentication
import Bytes
import Crypto
import JSONText
import TestSupport
import Testing

/// The refusal of a token, or nil when it was accepted.
func refusal(
  _ token: ByteSlice, _ verifier: TokenVerifier, at now: UnixTime = TestIssuer.now
) -> TokenRefusal? {
  do throws(TokenRefusal) {
    _ = try verifier.verify(token, at: now)
    return nil
  } catch {
    return error
  }
}

@Suite struct `Token form and header` {
  let issuer = TestIssuer()
  let verifier: TokenVerifier

  init() throws { verifier = try issuer.verifier() }

  func header(_ changes: [String: Any]) throws -> TokenRefusal? {
    refusal(try issuer.token(header: changes), verifier)
  }

  @Test(arguments: TestIssuer.publicAlgorithms)
  func `a good token is accepted`(algorithm: SignatureAlgorithm) throws {
    let token = try issuer.token(algorithm: algorithm)
    let verified = try verifier.verify(token, at: TestIssuer.now)
    #expect(verified.issuerID == ByteSlice(utf8: "test"))
    #expect(verified.issuer == ByteSlice(utf8: issuer.iss))
    #expect(verified.subject == ByteSlice(utf8: "alice"))
    #expect(verified.tokenID == ByteSlice(utf8: "token-1"))
    #expect(verified.issuedAt == TestIssuer.now)
    #expect(verified.expires == TestIssuer.now + .seconds(3600))
    #expect(verified.keyID == ByteSlice(utf8: TestIssuer.keyID(algorithm)))
    #expect(verified.digest == Digest.sha256(token))
    #expect(verified.claims.root["aud"]?.text == issuer.audience)
  }

  @Test func `HS256 is accepted from an issuer with a secret, and from no other`() throws {
    let token = try issuer.token(algorithm: .hs256)
    let secretly = try TokenVerifier(issuers: [try issuer.secretProfile()])
    #expect(refusal(token, secretly) == nil)
    #expect(refusal(token, verifier) == .algorithm)
    #expect(refusal(try issuer.token(), secretly) == .algorithm)
  }

  @Test func `no part may be missing, added or empty`() throws {
    let parts = try issuer.token().text.split(separator: ".").map(String.init)
    let (header, claims, signature) = (parts[0], parts[1], parts[2])
    let table: [(String, TokenRefusal)] = [
      ("", .parts(1)), (header, .parts(1)), ("\(header).\(claims)", .parts(2)),
      ("\(header).\(claims).\(signature).", .parts(4)),
      ("\(header).\(claims).\(signature).\(signature).\(signature)", .parts(5)),
      (".\(claims).\(signature)", .encoding(.header)),
      ("\(header)..\(signature)", .json(.claims)),
      ("\(header).\(claims).", .signature), ("..", .encoding(.header)),
    ]
    for (text, expected) in table {
      #expect(refusal(ByteSlice(utf8: text), verifier) == expected, "\(text)")
    }
  }

  @Test func `base64url is strict in every part`() throws {
    let token = try issuer.token().text
    let parts = token.split(separator: ".").map(String.init)
    let expected: [TokenRefusal] = [.encoding(.header), .encoding(.claims), .encoding(.signature)]
    for index in 0..<3 {
      for spoiled in [
        "\(parts[index])=", "\(parts[index])+", " \(parts[index])", "\(parts[index])\n",
      ] {
        var changed = parts
        changed[index] = spoiled
        #expect(
          refusal(ByteSlice(utf8: changed.joined(separator: ".")), verifier) == expected[index])
      }
    }
    // 64 bytes leave four unused bits in the last character, which must be zero.
    let last = try #require(parts[2].last)
    let next = try #require(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split(separator: "")
        .drop { $0 != String(last) }.dropFirst().first)
    #expect(
      refusal(ByteSlice(utf8: String(token.dropLast()) + next), verifier) == .encoding(.signature))
  }

  @Test func `every cut of a token is refused`() throws {
    let token = try issuer.token()
    for length in 0..<token.count {
      #expect(refusal(token.prefix(length), verifier) != nil, "\(length)")
    }
  }

  @Test func `every altered character of a token is refused`() throws {
    let token = try issuer.token()
    for index in 0..<token.count {
      var bytes = token.array
      bytes[index] = bytes[index] == 0x41 ? 0x42 : 0x41
      #expect(refusal(ByteSlice(bytes), verifier) != nil, "\(index)")
    }
  }

  @Test func `length limits`() throws {
    let filler = String(repeating: "x", count: 9000)
    let long = try issuer.token(["filler": filler])
    #expect(refusal(long, verifier) == .tooLarge(bytes: long.count))
    let wide = try issuer.token(header: ["filler": String(filler.prefix(2048))])
    guard case .tooLarge(let bytes) = refusal(wide, verifier) else {
      Issue.record("a long header was not refused for its length")
      return
    }
    #expect(bytes > TokenLimits.headerBytes)
    #expect(try header(["kid": String(filler.prefix(257))]) == .headerMember(.kid))
    #expect(try header(["kid": String(filler.prefix(256))]) == .key)
  }

  @Test func `header and claims are strict JSON objects`() throws {
    let claims = #"{"iss":"https://issuer.example"}"#
    let header = #"{"alg":"ES256","kid":"test-ES256"}"#
    for bad in [
      "", "{", "[]", "null", "\"x\"", #"{"alg":"ES256","alg":"ES256"}"#,
      #"{"alg":"ES256","\u0061lg":"RS256"}"#, "\u{FEFF}\(header)", #"{"alg":"ES256",}"#,
      #"{'alg':'ES256'}"#, #"{"alg":"\ud800"}"#, "\(header) x",
    ] {
      let token = try issuer.token(headerText: bad, claimsText: claims)
      let expected: TokenRefusal = bad.isEmpty ? .encoding(.header) : .json(.header)
      #expect(refusal(token, verifier) == expected, "\(bad)")
    }
    for bad in [
      "", "{", "[]", "null", #"{"iss":"a","iss":"b"}"#, #"{"iss":"a","sub":NaN}"#,
      #"{"a":\#(String(repeating: "[", count: 64))\#(String(repeating: "]", count: 64))}"#,
      "{\((0...256).map { "\"c\($0)\":1" }.joined(separator: ","))}",
    ] {
      let token = try issuer.token(headerText: header, claimsText: bad)
      #expect(refusal(token, verifier) == .json(.claims), "\(bad.prefix(40))")
    }
  }

  @Test func `extensions that change what is signed are refused`() throws {
    #expect(try header(["crit": ["exp"]]) == .extensionMember(.crit))
    #expect(try header(["crit": [String]()]) == .extensionMember(.crit))
    #expect(try header(["b64": true]) == .extensionMember(.b64))
    #expect(try header(["b64": false, "crit": ["b64"]]) == .extensionMember(.b64))
    #expect(try header(["zip": "DEF"]) == .extensionMember(.zip))
  }

  @Test func `header members have their types`() throws {
    for value in [1, true, [String](), ["a": 1]] as [Any] {
      #expect(try header(["alg": value]) == .headerMember(.alg))
      #expect(try header(["kid": value]) == .headerMember(.kid))
      #expect(try header(["typ": value]) == .headerMember(.typ))
    }
    let token = try issuer.token(headerText: "{}", claimsText: "{}")
    #expect(refusal(token, verifier) == .headerMember(.alg))
  }

  @Test(arguments: ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", "Application/JWT"])
  func `types of access tokens are accepted`(type: String) throws {
    #expect(try header(["typ": type]) == nil)
  }

  @Test(arguments: [
    "dpop+jwt", "logout+jwt", "token-introspection+jwt", "secevent+jwt", "JOSE", "", "at+jwt ",
    "application/application/jwt", "id+jwt", "refresh",
  ])
  func `types of other tokens are refused`(type: String) throws {
    #expect(try header(["typ": type]) == .type)
  }

  @Test func `an issuer may narrow the types`() throws {
    let types = try #require(TokenTypes(only: [ByteSlice(utf8: "at+jwt")]))
    let narrow = try TokenVerifier(issuers: [try issuer.profile(types: types)])
    #expect(refusal(try issuer.token(), narrow) == nil)
    #expect(refusal(try issuer.token(header: ["typ": "JWT"]), narrow) == .type)
    let absent = try issuer.token(
      headerText: #"{"alg":"ES256","kid":"test-ES256"}"#,
      claimsText: #"{"iss":"https://issuer.example"}"#)
    #expect(refusal(absent, narrow) == .type)
    #expect(refusal(absent, verifier) == .claim(.aud))
    for never in ["dpop+jwt", "application/logout+jwt", "ID+JWT"] {
      #expect(TokenTypes(only: [ByteSlice(utf8: never)]) == nil)
    }
  }
}
