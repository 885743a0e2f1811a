import Foundation

/// What is done with bodies, fields and names that are written somewhere: cases 24, 25, 29 to 31,
/// 36, 37, 43 to 45 and 50 of docs/abuse.md.
enum ContentAbuses {
  static func cases(_ ground: AbuseGround) throws -> [AbuseCase] {
    let mallory = try ground.token()
    return attributes(mallory) + bombs(mallory) + schemas(mallory) + injections(mallory)
      + (try claims(ground)) + doors(mallory)
  }

  private static func attributes(_ token: String) -> [AbuseCase] {
    let spoofed = [
      "ce-specversion: 1.0", "ce-id: 1", "ce-source: urn:me", "ce-type: t", "ce-authid: root",
      "ce-authtype: system", "ce-authissuer: https://evil.example", "ce-service: payroll",
      "ce-requestid: 1", "ce-messageid: 9:9", "ce-publishtime: 1970-01-01T00:00:00Z",
      "ce-schemaversion: 7", "X-Consumer-ID: root", "X-Consumer-Username: root",
      "X-Authenticated-Groups: admins", "jodrell-principal: root",
    ]
    return [
      AbuseCase(
        25, "a sender's own authid", .publish(token, spoofed, to: "acme/shop/spoofed"), 201),
      AbuseCase(
        50, "Idempotency-Key", .publish(token, ["Idempotency-Key: \"k\""]), 501, "not_supported"),
      AbuseCase(
        50, "Producer-Id",
        .publish(token, ["Producer-Id: p", "Producer-Epoch: 1", "Producer-Seq: 1"]), 501,
        "not_supported"),
    ]
  }

  private static func bombs(_ token: String) -> [AbuseCase] {
    let mebibyte = 1 << 20
    let deep = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
    let nested = String(repeating: "{\"a\":", count: 100_000)
    let members = "{" + (0..<200_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}"
    var cases: [AbuseCase] = []
    for (name, body) in [
      ("65 deep", deep), ("100,000 deep", nested),
      ("a number of 2,000 digits", "{\"n\":\(String(repeating: "9", count: 2_000))}"),
      ("a member twice", #"{"a":1,"a":2}"#), ("half a surrogate", #"{"a":"\ud800"}"#),
      ("cut off", #"{"a":"#), ("NaN", #"{"a":NaN}"#), ("two values", "{} {}"),
      ("a byte order mark", "\u{FEFF}{}"),
    ] {
      cases.append(
        AbuseCase(30, name, .publish(token, body: body), 400, "malformed_json"))
    }
    cases.append(
      AbuseCase(
        30, "200,000 members", .publish(token, body: members),
        members.utf8.count > mebibyte ? 413 : 201,
        members.utf8.count > mebibyte ? "too_large" : nil))
    cases.append(
      AbuseCase(
        30, "a million values",
        .publish(token, body: "[" + String(repeating: "0,", count: 600_000) + "0]"), 413,
        "too_large"))
    let long = String(repeating: "a", count: mebibyte)
    cases.append(
      AbuseCase(29, "an event too long", .publish(token, body: "\"\(long)\""), 413, "too_large"))
    cases.append(
      AbuseCase(
        29, "an announced body of a terabyte",
        .call(
          "POST", "/v1/topics/~/orders/events", token,
          ["Content-Type: application/json", "Content-Length: 1099511627776"]), 413, "too_large",
        isFinal: true))
    let chunk = "10000\r\n" + String(repeating: "a", count: 0x10000) + "\r\n"
    cases.append(
      AbuseCase(
        29, "chunks without an end",
        .raw(
          [
            "POST /v1/topics/~/orders/events HTTP/1.1", "Host: a", "Authorization: Bearer \(token)",
            "Content-Type: text/plain", "Transfer-Encoding: chunked",
          ], body: String(repeating: chunk, count: 40)), 413, "too_large", isFinal: true))
    for coding in ["gzip", "zstd", "br"] {
      cases.append(
        AbuseCase(
          29, "packed by \(coding)", .publish(token, ["Content-Encoding: \(coding)"]), 501,
          "not_supported"))
    }
    return cases
  }

  private static func schemas(_ token: String) -> [AbuseCase] {
    func put(_ name: String, _ schema: String) -> AbuseCase {
      AbuseCase(
        31, name,
        .call(
          "PUT", "/v1/topics/acme/shop/bombs/schema", token, body: schema,
          type: "application/schema+json"), 422, "schema_invalid")
    }
    let depth =
      String(repeating: #"{"not":"#, count: 70) + "true" + String(repeating: "}", count: 70)
    let groups = String(repeating: "(", count: 60) + "a" + String(repeating: ")", count: 60)
    func doubled(_ index: Int) -> String {
      "\"d\(index)\":{\"allOf\":[{\"$ref\":\"#/$defs/d\(index + 1)\"},"
        + "{\"$ref\":\"#/$defs/d\(index + 1)\"}]}"
    }
    let exponential =
      ##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#/$defs/d0","$defs":{"##
      + (0..<20).map(doubled).joined(separator: ",") + #","d20":{"minimum":0}}}"#
    let events = "/v1/topics/acme/shop"
    return [
      put("a loop of references", ##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}"##),
      put("a reference into the network", #"{"$ref":"http://169.254.169.254/latest"}"#),
      put("a reference to a file", #"{"$ref":"file:///etc/passwd"}"#),
      put("a pattern too long", #"{"pattern":"\#(String(repeating: "a", count: 2_000))"}"#),
      put("a pattern nested too deeply", #"{"pattern":"\#(groups)"}"#),
      put("schemas nested too deeply", depth),
      AbuseCase(
        31, "a pattern that backtracks",
        .call(
          "PUT", "\(events)/slow/schema", token, body: #"{"pattern":"^(a|a|aa)+(?!b)$"}"#,
          type: "application/schema+json"), 201),
      AbuseCase(
        31, "a text that it takes forever on",
        .publish(
          token, body: "\"" + String(repeating: "a", count: 40) + "!\"", to: "acme/shop/slow"), 422,
        "pattern_limit_exceeded"),
      AbuseCase(
        31, "allOf that doubles twenty times",
        .call(
          "PUT", "\(events)/doubled/schema", token, body: exponential,
          type: "application/schema+json"), 201),
      AbuseCase(
        31, "what it is asked about", .publish(token, body: "1", to: "acme/shop/doubled"), 422,
        "validation_budget_exceeded"),
    ]
  }

  private static func injections(_ token: String) -> [AbuseCase] {
    func structured(_ name: String, _ member: String) -> AbuseCase {
      AbuseCase(
        37, name,
        .publish(
          token,
          body: #"{"specversion":"1.0","id":"1","source":"s","type":"t",\#(member),"data":1}"#,
          type: "application/cloudevents+json", to: "acme/shop/injected"), 400)
    }
    return [
      AbuseCase(
        36, "ANSI and line ends in the path",
        .call("GET", "/v1/topics/globex/shop/%1B%5B31m%0D%0A%22%7D", token), 400, "bad_name"),
      AbuseCase(
        36, "a User-Agent that would break out",
        .call(
          "GET", "/v1/topics/globex/shop/orders", token,
          ["User-Agent: \",\"outcome\":\"allow", "X-Forwarded-For: \"}"]), 404, "not_found",
        reason: "not_found"),
      AbuseCase(
        36, "a path that would break out",
        .call("GET", "/v1/topics/globex/shop/orders?x=\",\"outcome\":\"allow", token), 400,
        "bad_request", isFinal: true),
      structured("a type with line ends", #""subject":"a\nevent: evil""#),
      structured("an extension with NUL", #""ext":"a\u0000b""#),
      AbuseCase(
        37, "a type with an escaped line end in a field",
        .publish(
          token,
          ["ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: a%0Aevent: evil"],
          to: "acme/shop/injected"), 400, "malformed_event"),
      AbuseCase(
        37, "the type of what a stream says itself",
        .publish(
          token,
          ["ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: jodrell.end"],
          to: "acme/shop/injected"), 400, "malformed_event"),
      AbuseCase(
        37, "a payload that looks like frames",
        .publish(
          token, body: "a\r\nid: 9:9\n\nevent: evil\rdata: x\n\n", type: "text/plain",
          to: "acme/shop/injected"), 201),
    ]
  }

  /// Claims that would be patterns, paths or lines if anybody read them as such.
  private static func claims(_ ground: AbuseGround) throws -> [AbuseCase] {
    try [
      (41, "*"), (41, "acme*"), (41, "../globex"), (41, "acme/globex"), (41, "{/sub}"),
      (41, ""), (36, "acme\n"), (18, "ACME"),
    ].map { number, tenant in
      AbuseCase(
        number, "the claim tenant is \(tenant.debugDescription)",
        .publish(try ground.token(tenant: tenant)), 403, "no_tenant",
        challenge: "insufficient_scope", reason: "no_tenant")
    } + [
      AbuseCase(
        36, "a principal with line ends and escapes",
        .publish(
          try ground.token(["sub": "x\n\u{1B}[31m\",\"outcome\":\"allow"])), 403, "no_tenant",
        challenge: "insufficient_scope", reason: "no_tenant")
    ]
  }

  private static func doors(_ token: String) -> [AbuseCase] {
    let body = #"{"issuer":"remote","sub":"alice"}"#
    return [
      AbuseCase(
        43, "revoking at the public door", .call("POST", "/v1/revocations", token, body: body), 404,
        "not_found"),
      AbuseCase(43, "its list", .call("GET", "/v1/revocations", token), 404, "not_found"),
      AbuseCase(
        43, "metrics", .call("GET", "/metrics", token), 404, "not_found", reason: "not_found"),
      AbuseCase(
        43, "metrics without a token", .call("GET", "/metrics"), 404, "not_found",
        reason: "missing_token"),
      AbuseCase(
        43, "somebody else's token explained",
        .call("POST", "/v1/explain", token, body: #"{"token":"a.b.c"}"#), 403, "forbidden",
        challenge: "insufficient_scope", reason: "forbidden"),
      AbuseCase(
        44, "a page of elsewhere",
        .call("GET", "/v1/whoami", token, ["Origin: https://evil.example"]), 200),
      AbuseCase(
        44, "a page whose origin only begins alike",
        .call("GET", "/v1/whoami", token, ["Origin: https://app.example.evil.example"]), 200),
      AbuseCase(
        44, "a page without an origin", .call("GET", "/v1/whoami", token, ["Origin: null"]), 200),
      AbuseCase(
        44, "its preflight",
        .call(
          "OPTIONS", "/v1/topics/~/orders/events", nil,
          ["Origin: https://evil.example", "Access-Control-Request-Method: POST"]), 204),
      AbuseCase(
        45, "another host",
        .raw([
          "POST /v1/topics/~/orders/events HTTP/1.1", "Host: evil.example",
          "X-Forwarded-Host: evil.example", "X-Forwarded-For: 10.0.0.1",
          "X-Forwarded-Proto: http", "Forwarded: for=10.0.0.1;host=evil.example",
          "X-Original-URL: /v1/topics/globex/shop/orders",
          "X-HTTP-Method-Override: DELETE", "X-Jodrell-Tenant: globex", "Content-Length: 0",
        ]), 401, "missing_token",
        challenge:
          "resource_metadata=\"https://events.example/.well-known/oauth-protected-resource\"",
        reason: "missing_token"),
    ]
  }
}
