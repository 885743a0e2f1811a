import Authentication
import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

@Suite struct `Claims and instants` {
  let issuer = TestIssuer()
  let verifier: TokenVerifier
  static let now = TestIssuer.now.seconds

  init() throws { verifier = try issuer.verifier() }

  func claims(_ changes: [String: Any]) throws -> TokenRefusal? {
    refusal(try issuer.token(changes), verifier)
  }

  // MARK: Claim × instant

  /// Seconds from now in each date claim (nil: absent) → the refusal; the skew is 30 s.
  static let dates: [(String, exp: Double?, nbf: Double?, iat: Double?, TokenRefusal?)] = [
    ("all usual", 3600, 0, 0, nil),
    ("no exp", nil, nil, nil, .claim(.exp)),
    ("only exp", 1, nil, nil, nil),
    ("expires now", 0, nil, nil, nil),
    ("expired, within the skew", -29, nil, nil, nil),
    ("expired, a fraction within the skew", -29.5, nil, nil, nil),
    ("expired at the skew", -30, nil, nil, .expired),
    ("expired long ago", -86_400, nil, nil, .expired),
    ("valid from the skew on", 3600, 30, nil, nil),
    ("valid after the skew", 3600, 31, nil, .notYetValid),
    ("valid a fraction after the skew", 3600, 30.5, nil, .notYetValid),
    ("issued within the skew", 3600, nil, 30, nil),
    ("issued after the skew", 3600, nil, 31, .issuedAhead),
    ("expired before it was valid", -31, 60, 60, .expired),
    ("never expires, practically", 9e15 - 1_777_863_721, nil, 0, nil),
  ]

  @Test(arguments: dates.indices)
  func `dates against the clock`(index: Int) throws {
    let (name, exp, nbf, iat, expected) = Self.dates[index]
    func date(_ offset: Double?) -> Any { offset.map { Double(Self.now) + $0 } ?? NSNull() }
    #expect(
      try claims(["exp": date(exp), "nbf": date(nbf), "iat": date(iat)]) == expected, "\(name)")
  }

  @Test func `dates must be numbers in range`() throws {
    let spoiled: [Any] = [
      "1777867321", NSNumber(value: true), [1], ["a": 1], -1, -0.5, 1e30, 9_007_199_254_740_993,
    ]
    for value in spoiled {
      #expect(try claims(["exp": value]) == .claim(.exp), "\(value)")
      #expect(try claims(["nbf": value]) == .claim(.nbf), "\(value)")
      #expect(try claims(["iat": value]) == .claim(.iat), "\(value)")
    }
    for text in ["1e1000000000", "-0", "0", "1e-5", "null", "\"\""] {
      let token = try issuer.token(
        headerText: #"{"alg":"ES256","kid":"test-ES256"}"#,
        claimsText: #"{"iss":"https://issuer.example","aud":"event-gateway","exp":\#(text)}"#)
      let expected: TokenRefusal = ["-0", "0", "1e-5"].contains(text) ? .expired : .claim(.exp)
      #expect(refusal(token, verifier) == expected, "\(text)")
    }
  }

  @Test func `numbers may be written in every way`() throws {
    for text in ["1777867321", "1777867321.0", "1.777867321e9", "17778673210e-1"] {
      let token = try issuer.token(
        headerText: #"{"alg":"ES256","kid":"test-ES256"}"#,
        claimsText: #"{"iss":"https://issuer.example","aud":"event-gateway","exp":\#(text)}"#)
      let verified = try verifier.verify(token, at: TestIssuer.now)
      #expect(verified.expires == UnixTime(seconds: 1_777_867_321), "\(text)")
    }
  }

  @Test func `the longest lifetime is inclusive and needs iat`() throws {
    let bounded = try TokenVerifier(issuers: [try issuer.profile(maxLifetime: .seconds(3600))])
    #expect(refusal(try issuer.token(lifetime: .seconds(3600)), bounded) == nil)
    #expect(refusal(try issuer.token(lifetime: .seconds(3601)), bounded) == .lifetime)
    #expect(refusal(try issuer.token(["iat": NSNull()]), bounded) == .claim(.iat))
  }

  @Test func `the skew is the issuer's`() throws {
    let exact = try TokenVerifier(issuers: [try issuer.profile(clockSkew: .zero)])
    let token = try issuer.token(lifetime: .seconds(60))
    #expect(refusal(token, exact, at: TestIssuer.now + .seconds(59)) == nil)
    #expect(refusal(token, exact, at: TestIssuer.now + .seconds(60)) == .expired)
    #expect(refusal(token, exact, at: TestIssuer.now - .seconds(1)) == .issuedAhead)
  }

  // MARK: Audience and kind

  @Test func `one configured audience must be there, byte for byte`() throws {
    let accepted: [Any] = ["event-gateway", ["event-gateway"], ["account", "event-gateway"]]
    for value in accepted { #expect(try claims(["aud": value]) == nil, "\(value)") }
    let foreign: [Any] = [
      "event-gatewa", "event-gateway2", "Event-Gateway", "", [String](), ["account"],
      "account event-gateway",
    ]
    for value in foreign { #expect(try claims(["aud": value]) == .audience, "\(value)") }
    let malformed: [Any] = [
      NSNull(), 1, true, ["a": 1], ["event-gateway", 1], [["event-gateway"]],
    ]
    for value in malformed { #expect(try claims(["aud": value]) == .claim(.aud), "\(value)") }
  }

  @Test func `tokens for other purposes are refused`() throws {
    let others: [[String: Any]] = [
      ["typ": "ID"], ["typ": "Refresh"], ["typ": "Offline"], ["typ": "Logout"], ["at_hash": "x"],
      ["c_hash": "x"], ["token_use": "id"], ["token_use": "ID"],
      ["events": ["http://schemas.openid.net/event/backchannel-logout": [String: Any]()]],
    ]
    for other in others { #expect(try claims(other) == .notForAccess, "\(other)") }
    #expect(try claims(["typ": "Bearer", "token_use": "access"]) == nil)
  }

  @Test func `tokens bound in a way that is not known are refused`() throws {
    #expect(try claims(["cnf": ["jkt": "x"]]) == .bound)
    #expect(try claims(["cnf": ["x5t#S256": "x"]]) == .bound)
    #expect(try claims(["cnf": [String: Any]()]) == .bound)
  }

  @Test func `subject and token id are texts when they are there`() throws {
    for value in [1, true, ["a"]] as [Any] {
      #expect(try claims(["sub": value]) == .claim(.sub))
      #expect(try claims(["jti": value]) == .claim(.jti))
    }
    let bare = try issuer.token(["sub": NSNull(), "jti": NSNull(), "iat": NSNull()])
    let verified = try verifier.verify(bare, at: TestIssuer.now)
    #expect(verified.subject == nil && verified.tokenID == nil && verified.issuedAt == nil)
  }

  @Test func `the issuer's further conditions hold`() throws {
    let pointer = try #require(JSONPointer(parsing: ByteSlice(utf8: "/typ")))
    let other = try #require(JSONPointer(parsing: ByteSlice(utf8: "/ver")))
    let profile = try issuer.profile(requirements: [
      ClaimCondition(at: other, [.exists(true)]),
      ClaimCondition(at: pointer, [.equals(.text(ByteSlice(utf8: "Bearer")))]),
    ])
    let strict = try TokenVerifier(issuers: [profile])
    #expect(refusal(try issuer.token(["typ": "Bearer", "ver": 1]), strict) == nil)
    #expect(refusal(try issuer.token(["typ": "bearer", "ver": 1]), strict) == .requirement(1))
    #expect(refusal(try issuer.token(["typ": "Bearer"]), strict) == .requirement(0))
  }

  @Test func `the client is told about expiry only`() {
    #expect(TokenRefusal.expired.isExpired)
    let others: [TokenRefusal] = [.signature, .notYetValid, .issuer, .key, .lifetime]
    for other in others { #expect(!other.isExpired) }
  }
}
