import Authentication
import Bytes
import Crypto
import Foundation
import TestSupport

/// What is done with tokens: cases 1 to 4, 8 to 12, 23 and 40 of docs/abuse.md.
enum TokenAbuses {
  static func cases(_ ground: AbuseGround) throws -> [AbuseCase] {
    try algorithms(ground) + keys(ground) + kinds(ground) + claims(ground) + forms(ground)
  }

  /// A token whose last part is another.
  private static func signed(_ token: String, _ signature: String) -> String {
    token.split(separator: ".").prefix(2).joined(separator: ".") + "." + signature
  }

  private static func algorithms(_ ground: AbuseGround) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for name in ["none", "None", "NonE", "NONE", "nOnE"] {
      let token = try ground.token(header: ["alg": name])
      cases.append(.refused(1, "alg \(name)", token, reason: "alg_not_allowed"))
      cases.append(
        .refused(
          1, "alg \(name), unsigned", signed(token, ""), reason: "alg_not_allowed"))
    }
    let good = try ground.token()
    cases.append(.refused(1, "without its signature", signed(good, ""), reason: "signature"))
    let zeros = Base64.encode(ByteSlice([UInt8](repeating: 0, count: 64)), as: .url)
    cases.append(.refused(1, "a signature of zeros", signed(good, zeros), reason: "signature"))

    // The published key as a secret, in each form that somebody may have it.
    for algorithm in [SignatureAlgorithm.rs256, .es256] {
      let set = try TestIssuer.keySet([algorithm])
      let object = try JSONSerialization.jsonObject(with: Data(set.array)) as? [String: Any] ?? [:]
      let key = (object["keys"] as? [[String: Any]] ?? [])[0]
      let text = try JSONSerialization.data(withJSONObject: key, options: .sortedKeys)
      for secret in [set, ByteSlice(Array(text))] {
        let header = ["alg": "HS256", "kid": TestIssuer.keyID(algorithm), "typ": "at+jwt"]
        let forged = try forge(ground, header, secret)
        cases.append(
          .refused(
            2, "HS256 over the public \(algorithm.name) key", forged, reason: "alg_key_mismatch"))
      }
    }
    let crossed = try ground.token(
      header: ["alg": "RS256", "kid": TestIssuer.keyID(.es256)], algorithm: .rs256)
    cases.append(.refused(2, "RS256 of an ES256 key", crossed, reason: "alg_key_mismatch"))
    let costly = try ground.token(header: ["alg": "ES512", "kid": "test-ES512"])
    cases.append(
      .refused(40, "a costly algorithm nobody asked for", costly, reason: "alg_not_allowed"))
    return cases
  }

  /// A token with a mallory's claims, signed by HS256 over `secret`.
  private static func forge(
    _ ground: AbuseGround, _ header: [String: String], _ secret: ByteSlice
  ) throws -> String {
    let claims = try ground.token().split(separator: ".")[1]
    let text = try JSONSerialization.data(withJSONObject: header, options: .sortedKeys)
    let input = Base64.encode(ByteSlice(Array(text)), as: .url) + "." + claims
    let key = try SecretKey(secret, for: .hs256)
    let code = key.code(over: ByteSlice(utf8: input)) ?? .empty
    return input + "." + Base64.encode(code, as: .url)
  }

  private static func keys(_ ground: AbuseGround) throws -> [AbuseCase] {
    let mine = try PrivateKey.generate(.es256)
    let jwk: [String: Any] =
      try JSONSerialization.jsonObject(
        with: Data(try Prover.jwk(of: mine).array)) as? [String: Any] ?? [:]
    let trap = ground.neighbour.url + "/trap"
    var cases: [AbuseCase] = []
    for (name, members) in [
      ("jwk", ["jwk": jwk]), ("jku", ["jku": trap]), ("x5u", ["x5u": trap]),
      ("x5c", ["x5c": ["MIIB"]]), ("all of them", ["jwk": jwk, "jku": trap, "x5u": trap]),
    ] as [(String, [String: Any])] {
      var header: [String: Any] = ["alg": "ES256", "typ": "at+jwt", "kid": "test-ES256"]
      header.merge(members) { $1 }
      let text = try JSONSerialization.data(withJSONObject: header, options: .sortedKeys)
      let claims = try ground.token().split(separator: ".")[1]
      let token = try TokenMinter(mine, keyID: nil).mint(
        header: ByteSlice(Array(text)),
        claims: Base64.decode(ByteSlice(utf8: String(claims)), as: .url) ?? .empty)
      cases.append(.refused(3, "a key brought along: \(name)", token.text, reason: "signature"))
    }
    for kid in [
      "../../../../dev/null", "' OR '1'='1", "test-ES256\u{0}", "test-es256", " test-ES256",
      "file:///dev/null", ground.neighbour.url + "/trap", "", "\u{1B}[31m",
    ] {
      let token = try ground.token(header: ["kid": kid])
      cases.append(.refused(4, "kid \(kid.debugDescription)", token, reason: "key_unknown"))
    }
    let long = String(repeating: "k", count: 257)
    cases.append(
      .refused(4, "a long kid", try ground.token(header: ["kid": long]), reason: "header"))
    let longer = String(repeating: "k", count: 3_000)
    cases.append(
      .refused(4, "a longer kid", try ground.token(header: ["kid": longer]), reason: "too_large"))
    let longest = try ground.token(header: ["kid": String(repeating: "k", count: 10_240)])
    cases.append(
      AbuseCase(
        4, "a kid of 10 KiB", .publish(longest), 431, "headers_too_large", isFinal: true))
    cases.append(
      .refused(4, "a kid that is no text", try ground.token(header: ["kid": 7]), reason: "header"))
    return cases
  }

  private static func kinds(_ ground: AbuseGround) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for type in [
      "dpop+jwt", "application/logout+jwt", "id_token+jwt", "refresh+jwt", "secevent+jwt", "at",
    ] {
      cases.append(
        .refused(8, "typ \(type)", try ground.token(header: ["typ": type]), reason: "typ"))
    }
    for (name, claims) in [
      ("an ID token", ["at_hash": "x", "nonce": "n"]), ("a refresh token", ["typ": "Refresh"]),
      ("an ID token of Keycloak's kind", ["typ": "ID"]), ("of Cognito's", ["token_use": "id"]),
      ("a logout token", ["events": ["http://schemas.openid.net/event/backchannel-logout": [:]]]),
    ] as [(String, [String: Any])] {
      cases.append(.refused(8, name, try ground.token(claims), reason: "token_kind"))
    }
    return cases
  }

  private static func claims(_ ground: AbuseGround) throws -> [AbuseCase] {
    let hour = AbuseGround.now.seconds + 3600
    var cases: [AbuseCase] = []
    for (name, claims, reason) in [
      ("another audience", ["aud": "another"], "aud"),
      ("an audience that only begins alike", ["aud": "event-gateway.evil.example"], "aud"),
      ("no audience in the list", ["aud": [String]()], "aud"),
      ("another issuer with the same kid", ["iss": "https://evil.example"], "iss"),
      ("an issuer but for a slash", ["iss": ground.issuer.iss + "/"], "iss"),
    ] as [(String, [String: Any], String)] {
      cases.append(.refused(9, name, try ground.token(claims), reason: reason))
    }
    for (name, value, reason) in [
      ("a text", "\(hour)", "claim"), ("below zero", -1, "claim"), ("NaN", "NaN", "claim"),
      ("absent", NSNull(), "claim"), ("long ago", 1, "expired"), ("a list", [hour], "claim"),
    ] as [(String, Any, String)] {
      cases.append(
        .refused(10, "exp is \(name)", try ground.token(["exp": value]), reason: reason))
    }
    let common =
      "\"iss\":\"\(ground.issuer.iss)\",\"aud\":\"\(ground.issuer.audience)\","
      + "\"tenant\":\"acme\",\"sub\":\"mallory\""
    func token(_ members: String, header: String? = nil) throws -> String {
      try ground.issuer.token(
        headerText: header ?? #"{"alg":"ES256","typ":"at+jwt","kid":"test-ES256"}"#,
        claimsText: "{\(common),\(members)}"
      ).text
    }
    cases.append(
      .refused(10, "exp is 1e30", try token("\"exp\":1e30"), reason: "claim"))
    cases.append(
      .refused(10, "exp is 1e999", try token("\"exp\":1e999"), reason: "claim"))
    cases.append(
      AbuseCase(10, "exp is fractional", .publish(try token("\"exp\":\(hour).25")), 201))
    for (name, members, header) in [
      ("sub twice", "\"sub\":\"eve\",\"exp\":\(hour)", nil),
      ("aud twice", "\"aud\":\"x\",\"exp\":\(hour)", nil),
      ("sub twice, once escaped", "\"\\u0073ub\":\"eve\",\"exp\":\(hour)", nil),
      ("half a surrogate", "\"x\":\"\\ud800\",\"exp\":\(hour)", nil),
      (
        "alg twice", "\"exp\":\(hour)",
        #"{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"test-ES256"}"#
      ),
      (
        "a byte order mark", "\"exp\":\(hour)",
        "\u{FEFF}" + #"{"alg":"ES256","typ":"at+jwt","kid":"test-ES256"}"#
      ),
    ] as [(String, String, String?)] {
      cases.append(.refused(11, name, try token(members, header: header), reason: "json_strict"))
    }
    let wide = "{\(common),\"exp\":\(hour)}".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    let utf16 = try TestIssuer.minter(.es256).mint(
      header: ByteSlice(utf8: #"{"alg":"ES256","typ":"at+jwt","kid":"test-ES256"}"#),
      claims: ByteSlice(wide))
    cases.append(.refused(11, "UTF-16", utf16.text, reason: "json_strict"))
    for (name, confirmation) in [
      ("to a certificate", ["x5t#S256": String(repeating: "A", count: 43)]),
      ("to a key", ["jkt": String(repeating: "A", count: 43)]),
      ("in a way that is not known", ["kid": "x"]),
    ] {
      cases.append(
        .refused(
          12, "bound \(name), sent by a bearer", try ground.token(["cnf": confirmation]),
          reason: "cnf_mismatch"))
    }
    return cases
  }

  private static func forms(_ ground: AbuseGround) throws -> [AbuseCase] {
    let good = try ground.token(["jti": "remembered"])
    let parts = good.split(separator: ".").map(String.init)
    let other = try ground.token(["jti": "other"]).split(separator: ".").map(String.init)
    // The last character of 64 bytes has four bits that must be zero.
    let tail = String(parts[2].dropLast()) + (parts[2].hasSuffix("A") ? "B" : "A")
    let encrypted = good + "." + parts[0] + "." + parts[1]
    var cases = [
      AbuseCase(23, "a good token, which is now remembered", .publish(good), 201),
      .refused(
        23, "its claims under another signature", parts[0] + "." + parts[1] + "." + other[2],
        reason: "signature"),
      .refused(
        23, "its signature over other claims", parts[0] + "." + other[1] + "." + parts[2],
        reason: "signature"),
      .refused(
        23, "its signature, one unused bit set",
        parts[0] + "." + parts[1] + "." + tail,
        reason: tail.hasSuffix("B") ? "encoding" : "signature"
      ),
      .refused(39, "an encrypted token", encrypted, reason: "not_compact"),
      .refused(39, "no token at all", "opaque", reason: "not_compact"),
      AbuseCase(
        39, "two credentials",
        .call(
          "POST", "/v1/topics/~/orders/events", good, ["Authorization: Bearer \(good)"],
          body: "{}"), 400, "bad_header"),
      AbuseCase(
        39, "another scheme", .publish(nil, ["Authorization: Basic YTpi"]), 401, "missing_token",
        challenge: "Bearer realm=", reason: "missing_token"),
      AbuseCase(
        39, "a token in the query",
        .call("GET", "/v1/topics/~/orders/events?access_token=\(good)"), 400,
        "unknown_parameter"),
    ]
    for (name, member) in [("crit", ["exp"]), ("b64", false), ("zip", "DEF")]
      as [(String, Any)]
    {
      cases.append(
        .refused(39, name, try ground.token(header: [name: member]), reason: "extension"))
    }
    return cases
  }
}
