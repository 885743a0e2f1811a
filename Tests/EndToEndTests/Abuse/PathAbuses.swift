import Foundation

/// What is done with paths, cursors and names: cases 16 to 22 of docs/abuse.md. Mallory is acme's,
/// the topic `globex/shop/orders` is there.
enum PathAbuses {
  static func cases(_ ground: AbuseGround) throws -> [AbuseCase] {
    let mallory = try ground.token()
    return try crossings(mallory) + names(mallory) + prefixes(mallory) + probes(ground, mallory)
      + positions(mallory)
  }

  private static func get(
    _ number: Int, _ path: String, _ token: String, _ status: Int, _ code: String,
    reason: String? = nil
  ) -> AbuseCase {
    AbuseCase(number, path, .call("GET", path, token), status, code, reason: reason)
  }

  private static func crossings(_ token: String) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for path in [
      "acme/../globex/shop/orders", "acme/%2e%2e/globex/shop/orders", "acme/.%2E/globex/shop",
      "acme%2F..%2Fglobex/shop/orders", "acme%2fglobex/shop/orders",
      "acme%5C..%5Cglobex/shop/orders",
      "acme//globex/shop/orders", "/globex/shop/orders", "acme/shop/;globex", "acme;x/shop/orders",
      "acme%00/shop/orders", "globex%00/shop/orders", "acme/shop/orders%00", "./globex/shop/orders",
      "%2e/globex/shop", "acme/shop/..", ".globex/shop/orders", "globex%20/shop/orders",
      "~globex/shop/orders", "~%2Fglobex/shop/orders", "acme/shop/orders%2F..%2F..%2Fglobex",
    ] {
      for rest in ["", "/events?from=earliest"] {
        cases.append(get(16, "/v1/topics/\(path)\(rest)", token, 400, "bad_name"))
      }
    }
    // Dots behind a name are part of it: of a tenant that nobody has declared.
    cases.append(
      get(16, "/v1/topics/globex./shop/orders", token, 404, "not_found", reason: "not_found"))
    cases.append(
      get(16, "/v1/topics/acme/shop/orders/../../../globex", token, 404, "not_found"))
    cases.append(get(16, "/v1/topics/acme/shop/orders/events/%2e%2e", token, 400, "bad_cursor"))
    for path in [
      "/v1/namespaces/acme/..", "/v1/tenants/..", "/v1/tenants/acme%2Fglobex", "/v1/tenants/%00",
      "/v1/schemas/acme/shop/../../globex/shop/a", "/v1/schemas/acme/shop/a%2F..%2Fb",
      "/v1/topics/acme/shop/orders/subscriptions/..",
      "/v1/topics/acme/shop/orders/subscriptions/%2e%2e%2fx",
    ] {
      cases.append(get(16, path, token, 400, "bad_name"))
    }
    for path in [
      "/v1/../v1/topics/globex/shop/orders", "//v1/topics/globex/shop/orders",
      "/v1//topics/globex/shop/orders", "/V1/topics/globex/shop/orders", "/v1/topics;/globex/shop",
      "/v1/%74opics/globex/shop/orders",
    ] {
      cases.append(get(16, path, token, 404, "not_found"))
    }
    return cases
  }

  private static func names(_ token: String) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for path in [
      "%252e%252e/globex/shop", "acme%252Fglobex/shop/orders", "%c0%ae%c0%ae/globex/shop",
      "globe%c1%b8/shop/orders", "%e0%80%ae/globex/shop", "globex%f8%80%80%80%ae/shop/orders",
      "globex%ff/shop/orders",
    ] {
      cases.append(get(17, "/v1/topics/\(path)", token, 400, "bad_name"))
    }
    for path in [
      "globe%7/shop/orders", "globe%zz/shop/orders", "%/globex/shop", "globex%/shop/orders",
      "globe%u0078/shop/orders",
    ] {
      cases.append(
        AbuseCase(
          17, path, .call("GET", "/v1/topics/\(path)", token), 400, "bad_request", isFinal: true))
    }
    for (name, path) in [
      ("a Cyrillic o", "gl%D0%BEbex/shop/orders"), ("a full-width g", "%EF%BD%87lobex/shop/orders"),
      ("composed", "caf%C3%A9/shop/orders"), ("decomposed", "cafe%CC%81/shop/orders"),
      ("a combining mark behind the slash", "acme/%CC%81globex/orders"),
      ("a Kelvin sign", "acme/%E2%84%AAeys/orders"), ("a zero-width joiner", "globex%E2%80%8D/s/o"),
      ("a soft hyphen", "glo%C2%ADbex/shop/orders"), ("a line feed", "globex%0A/shop/orders"),
    ] {
      cases.append(
        AbuseCase(18, name, .call("GET", "/v1/topics/\(path)", token), 400, "bad_name"))
    }
    for path in ["GLOBEX/shop/orders", "Globex/shop/orders", "Acme/shop/orders"] {
      cases.append(
        get(18, "/v1/topics/\(path)", token, 404, "not_found", reason: "not_found"))
    }
    cases.append(
      AbuseCase(
        18, "bytes that are no ASCII",
        .raw(["GET /v1/topics/caf\u{E9}/shop/x HTTP/1.1", "Host: a"]),
        400, "bad_request", isFinal: true))
    return cases
  }

  /// What one name ends with is what the next begins with.
  private static func prefixes(_ token: String) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for topic in ["acme/a/b.c", "acme/a.b/c", "acme/team1/x", "acme/team10/x"] {
      cases.append(
        AbuseCase(
          19, "an event for \(topic)",
          .publish(token, body: "{\"only\":\"\(topic)\"}", to: topic), 201))
    }
    cases.append(
      AbuseCase(
        19, "team1 goes", .call("DELETE", "/v1/topics/acme/team1/x", token), 204))
    cases.append(
      AbuseCase(
        19, "team10 stays",
        .call("GET", "/v1/topics/acme/team10/x/events/1:0?view=data", token), 200))
    cases.append(
      AbuseCase(
        19, "a/b.c has one event", .call("GET", "/v1/topics/acme/a/b.c/events/1:1", token), 404,
        "not_found"))
    return cases
  }

  private static func probes(_ ground: AbuseGround, _ token: String) throws -> [AbuseCase] {
    var cases: [AbuseCase] = []
    for topic in ["globex/shop/orders", "globex/shop/nothing", "nobody/shop/orders"] {
      for (method, rest, body) in [
        ("GET", "", nil), ("GET", "/events?from=earliest", nil), ("GET", "/events/1:0", nil),
        ("HEAD", "/events", nil), ("POST", "/events", "{}"), ("DELETE", "", nil),
        ("PUT", "", "{}"), ("GET", "/schema", nil), ("GET", "/subscriptions", nil),
        ("PUT", "/subscriptions/s", "{}"), ("POST", "/subscriptions/s/receive", "{}"),
      ] as [(String, String, String?)] {
        let isHead = method == "HEAD"
        cases.append(
          AbuseCase(
            21, "\(method) \(topic)\(rest)",
            .call(method, "/v1/topics/\(topic)\(rest)", token, body: body), 404,
            isHead ? nil : "not_found", reason: "not_found"))
      }
    }
    for path in ["/v1/tenants/globex", "/v1/namespaces/globex/shop", "/v1/topics/globex/shop"] {
      cases.append(get(21, path, token, 404, "not_found", reason: "not_found"))
    }
    let claim = try ground.token(["tenant": "nobody"])
    cases.append(
      AbuseCase(
        21, "a tenant that is not declared", .publish(claim), 403, "no_tenant",
        challenge: "insufficient_scope", reason: "no_tenant"))
    return cases
  }

  private static func positions(_ token: String) throws -> [AbuseCase] {
    let events = "/v1/topics/acme/shop/orders/events"
    var cases: [AbuseCase] = []
    for cursor in [
      "-1", "-1:0", "1:-2", "1:18446744073709551616", "18446744073709551616:0", "1:0:0:0:0:0:0",
      "1:0x", "1", "%00", "1:0%0a", "..", "globex/shop/orders",
      String(repeating: "9", count: 4_000),
    ] {
      cases.append(
        AbuseCase(
          22, "from=\(cursor.prefix(40))", .call("GET", "\(events)?from=\(cursor)", token), 400,
          "bad_cursor"))
    }
    for id in ["-1", "1:18446744073709551616", "1:0, 1:1", "x"] {
      cases.append(
        AbuseCase(
          22, "Last-Event-ID \(id)", .call("GET", events, token, ["Last-Event-ID: \(id)"]), 400,
          "bad_cursor"))
    }
    // Positions are no secrets: those of another topic only say how far one has come.
    for position in ["1:9223372036854775807", "1:4294967296"] {
      cases.append(
        AbuseCase(
          20, "far ahead, from=\(position)", .call("GET", "\(events)?from=\(position)", token), 409,
          "position_ahead"))
    }
    return cases
  }
}
