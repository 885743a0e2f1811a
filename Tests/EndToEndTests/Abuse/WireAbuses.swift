import Foundation

/// What is done below HTTP's meaning: cases 27 and 28 of docs/abuse.md.
enum WireAbuses {
  static func cases(_ ground: AbuseGround) throws -> [AbuseCase] {
    let mallory = try ground.token()
    return heads(mallory) + framings(mallory)
  }

  private static func heads(_ token: String) -> [AbuseCase] {
    let kibibyte = String(repeating: "x", count: 1024)
    return [
      AbuseCase(
        27, "101 fields",
        .call("GET", "/v1/whoami", token, (0..<101).map { "X-\($0): y" }), 431,
        "headers_too_large", isFinal: true),
      AbuseCase(
        27, "33 KiB of fields",
        .call("GET", "/v1/whoami", token, (0..<33).map { "X-\($0): \(kibibyte)" }), 431,
        "headers_too_large", isFinal: true),
      AbuseCase(
        27, "a field of 9 KiB",
        .call("GET", "/v1/whoami", token, ["X: " + String(repeating: kibibyte, count: 9)]), 431,
        "headers_too_large", isFinal: true),
      AbuseCase(
        27, "a target of 9 KiB",
        .call("GET", "/v1/topics/" + String(repeating: kibibyte, count: 9), token), 414,
        "uri_too_long", isFinal: true),
    ]
  }

  /// Each is followed by a request that a reader who frames otherwise would answer.
  private static func framings(_ token: String) -> [AbuseCase] {
    let hidden = "GET /v1/whoami HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
    var cases: [AbuseCase] = []
    for (name, fields) in [
      ("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
      ("coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
      ("two lengths", "Content-Length: 0\r\nContent-Length: 5"),
      ("two equal lengths", "Content-Length: 0\r\nContent-Length: 0"),
      ("a list of lengths", "Content-Length: 0, 0"), ("a signed length", "Content-Length: +0"),
      ("a length of 2⁶⁴", "Content-Length: 18446744073709551616"),
      ("a space before the colon", "Transfer-Encoding : chunked"),
      ("a folded field", "X: y\r\n Transfer-Encoding: chunked"),
      ("a bare line feed", "X: y\nTransfer-Encoding: chunked"),
      ("a bare carriage return", "X: y\rTransfer-Encoding: chunked"),
      ("a NUL", "X: y\u{0}z"), ("two hosts", "Host: b"),
      ("a vertical tab", "Transfer-Encoding:\u{B}chunked"),
    ] {
      cases.append(
        AbuseCase(
          28, name,
          .raw(
            ["POST /v1/topics/~/orders/events HTTP/1.1", "Host: a", fields],
            body: "0\r\n\r\n" + hidden), 400, "bad_request", isFinal: true))
    }
    for coding in [
      "chunked, identity", "identity", "gzip, chunked", "xchunked", "chunked, chunked",
    ] {
      cases.append(
        AbuseCase(
          28, "the coding \(coding)",
          .raw(
            [
              "POST /v1/topics/~/orders/events HTTP/1.1", "Host: a", "Transfer-Encoding: \(coding)",
            ], body: "0\r\n\r\n" + hidden), 501, "not_supported", isFinal: true))
    }
    for (name, body) in [
      ("an extension with a bare line feed", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
      ("a size in other digits", "0x5\r\nhello\r\n0\r\n\r\n"), ("a signed size", "-5\r\nhello\r\n"),
      ("a size that overflows", "ffffffffffffffff5\r\nhello\r\n0\r\n\r\n"),
      ("a chunk without its end", "5\r\nhelloXX0\r\n\r\n"),
    ] {
      cases.append(
        AbuseCase(
          28, name,
          .raw(
            [
              "POST /v1/topics/~/orders/events HTTP/1.1", "Host: a",
              "Authorization: Bearer \(token)", "Content-Type: text/plain",
              "Transfer-Encoding: chunked",
            ], body: body + hidden), 400, "bad_request", isFinal: true))
    }
    for (name, line) in [
      ("no version", "GET /v1/whoami"), ("two spaces", "GET  /v1/whoami HTTP/1.1"),
      ("an unknown version", "GET /v1/whoami HTTP/1.15"),
    ] {
      cases.append(
        AbuseCase(28, name, .raw([line, "Host: a"]), 400, "bad_request", isFinal: true))
    }
    cases.append(
      AbuseCase(
        28, "no host", .raw(["GET /v1/whoami HTTP/1.1"]), 400, "bad_request", isFinal: true))
    return cases
  }
}
