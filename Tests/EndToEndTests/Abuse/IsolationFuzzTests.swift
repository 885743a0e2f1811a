import Bytes
import Foundation
import TestSupport
import Testing

extension EndToEnd.Isolation {
  /// Seeds of the short form; `JODRELL_ISOLATION=N` takes N of them.
  private static let seeds: Range<UInt64> =
    1..<1
    + (ProcessInfo.processInfo.environment["JODRELL_ISOLATION"].flatMap { UInt64($0) } ?? 2)

  @Test(.timeLimit(.minutes(60)))
  func `no path, field or body that somebody makes up crosses over`() async throws {
    try await Twins.run { twins in
      let before = try await twins.globexView()
      for seed in Self.seeds {
        var inventor = Inventor(seed: seed)
        for number in 0..<600 {
          let attempt = inventor.attempt(token: twins.acme)
          let place = "seed \(seed), number \(number): \(attempt.bytes.text.debugDescription)"
          let answer = try await twins.gateway.exchange(
            attempt.bytes, isHead: attempt.bytes.starts(with: "HEAD ")
          ).answer
          twins.expectNothing(of: answer, place)
          #expect(answer.status != 500 && answer.status != 503, "\(place): \(answer.text)")
        }
        #expect(try await twins.globexView() == before, "seed \(seed)")
      }
    }
  }
}

/// Makes up requests of acme's that would like to be about globex.
private struct Inventor {
  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed) }

  private static let templates = [
    "/v1/topics/T/N/P", "/v1/topics/T/N/P/events", "/v1/topics/T/N/P/events?from=earliest",
    "/v1/topics/T/N/P/events/1:0", "/v1/topics/T/N/P/subscriptions",
    "/v1/topics/T/N/P/subscriptions/workers", "/v1/topics/T/N/P/subscriptions/workers/receive",
    "/v1/topics/T/N/P/subscriptions/workers/acknowledge", "/v1/topics/T/N/P/schema",
    "/v1/topics/T/N/P/schemas/1", "/v1/topics/T/N/P/schema/binding",
    "/v1/topics/T/N/P/schema/replay", "/v1/topics/T/N", "/v1/topics/~/P", "/v1/topics/~/P/events",
    "/v1/topics/~", "/v1/namespaces/T/N", "/v1/namespaces/~", "/v1/tenants/T",
    "/v1/schemas/T/N", "/v1/schemas/T/N/common/address",
    "/v1/schemas/T/N/common/address?bundle=true",
    "/v1/schemas/~/common/address/referencedby", "/v1/tickets", "/v1/explain", "/v1/whoami",
    "/metrics", "/admin/v2/schemas/T/N/P/schema", "/admin/v2/schemas/T/N/P/schemas",
    "/v1/streams/00000000000000000001/token",
  ]

  private static let tenants = ["globex", "globex", "acme", "~", "acme/../globex", "acme%2Fglobex"]

  private static let bits = [
    "/", "//", "/./", "/../", "..", "%2e%2e", "%2E%2e/", "%2f", "%2F", "%5c", "%00", "%25", "%252e",
    "%c0%ae", "%c0%af", "%e0%80%af", "%f0%80%80%af", "%ff", "%", "%zz", "%u002f", "~", "%7e", ";",
    ";globex", "?", "?tenant=globex", "&tenant=globex", "#", "%23", "%3f", "*", "+", "%20",
    "%0d%0a",
    "globex", "Globex", "globe\u{FF38}", "\u{212A}", "e\u{301}", "\u{0}", "\u{7F}", "\u{2024}",
    "\\",
    "|", "'", "\"", "{", "%CC%81", ":", "@globex", "1:0", "-1", "18446744073709551616",
  ]

  private static let fields = [
    "Host: globex.example", "X-Forwarded-Host: globex", "X-Tenant: globex",
    "Jodrell-Tenant: globex",
    "X-Original-URL: /v1/topics/globex/shop/orders", "X-Rewrite-URL: /v1/topics/globex/shop/orders",
    "X-HTTP-Method-Override: DELETE", "Last-Event-ID: 1:3", "Last-Event-ID: globex",
    "If-Match: *", "If-None-Match: *", "If-Match: \"globex\"", "Origin: https://globex.example",
    "Range: bytes=0-9", "Accept: */*", "Accept: application/json;view=globex",
    "ce-specversion: 1.0", "ce-source: urn:globex",
    "ce-dataschema: /v1/schemas/globex/shop/common/address",
    "ce-authid: eve-", "Event-Key: globex", "Expected-Last: 1:6", "Cookie: tenant=globex",
    "Authorization: Bearer x", "X-API-Key: globex", "Forwarded: for=globex", "Via: globex",
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "Prefer: return=minimal",
    "Referer: /v1/topics/globex/shop/orders", "Content-Location: /v1/topics/globex/shop/orders",
  ]

  private static let bodies = [
    "{}", "[]", "null", #"{"note":"x","n":1}"#, #"{"tenant":"globex"}"#,
    #"{"path":"/v1/topics/globex/shop/orders/events"}"#, #"{"publish":"globex/shop/orders"}"#,
    #"{"subscribe":"~/../globex/shop/orders"}"#,
    #"{"$ref":"/v1/schemas/globex/shop/common/address"}"#,
    #"{"$ref":"https://events.example/v1/schemas/globex/shop/common/address"}"#,
    #"{"$ref":"../../globex/shop/common/address"}"#,
    #"{"$schema":"/v1/schemas/globex/shop/common/address"}"#,
    #"{"rules":[{"type":"*","subject":"globex"}]}"#, #"{"to":"1:5"}"#, #"{"upTo":"1:6"}"#,
    #"{"ackTokens":["1:0","globex"]}"#, #"{"max":10,"consumer":"globex"}"#, #"{"version":1}"#,
    #"{"deadLetter":{"maxDeliveries":1,"topic":"globex/shop/orders"}}"#,
    #"{"type":"shared","deadLetter":{"maxDeliveries":1,"topic":"../../globex/shop/orders"}}"#,
    #"{"specversion":"1.0","id":"1","source":"s","type":"t","dataschema":"/v1/schemas/globex/shop/common/address","data":{}}"#,
    "{\"note\":\"x\"}\n{\"n\":1}\n", "\u{0}", "globex",
  ]

  private static let types = [
    "application/json", "application/schema+json", "application/x-ndjson",
    "application/cloudevents+json", "application/cloudevents-batch+json", "text/plain",
  ]

  mutating func attempt(token: String) -> Attempt {
    var method = [
      "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "PATCH", "OPTIONS",
    ][
      dice.below(10)]
    if dice.below(40) == 0 { method = "TRACE" }
    let lines = (0..<dice.below(3)).map { _ in Self.fields[dice.below(Self.fields.count)] }
    let hasBody = ["POST", "PUT", "PATCH"].contains(method)
    let body = hasBody ? Self.bodies[dice.below(Self.bodies.count)] : nil
    return .call(
      method, target(), token, lines, body: body, type: Self.types[dice.below(Self.types.count)])
  }

  private mutating func target() -> String {
    var target = Self.templates[dice.below(Self.templates.count)]
    target.replace("T", with: Self.tenants[dice.below(Self.tenants.count)])
    target.replace("N", with: "shop")
    target.replace("P", with: "orders")
    for _ in 0..<dice.below(4) {
      let offset = dice.below(target.count + 1)
      let place = target.index(target.startIndex, offsetBy: offset)
      switch dice.below(5) {
      case 0:
        // One character in another spelling.
        guard place < target.endIndex, let byte = target[place].utf8.first else { continue }
        let code = String(byte, radix: 16, uppercase: dice.below(2) == 0)
        let escape = (byte < 16 ? "%0" : "%") + code
        target.replaceSubrange(
          place...place, with: dice.below(4) == 0 ? "%25" + escape.dropFirst() : escape)
      case 1:
        guard place < target.endIndex else { continue }
        target.remove(at: place)
      default:
        target.insert(contentsOf: Self.bits[dice.below(Self.bits.count)], at: place)
      }
    }
    return target
  }
}
