import Bytes
import Crypto
import Foundation
import LogConformance
import Metrics
import Testing

@testable import Gateway

/// What the operator bounds: rates, streams, storage; and how a caller is told.
@Suite struct BoundTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  private func gateway(_ limits: String, more: String = "") throws -> TestGateway {
    try TestGateway(
      settings: TestGateway.settings.replacingOccurrences(
        of: "acme: {}", with: "acme: {limits: {\(limits)}}") + more)
  }

  @Test("beyond a rate 429 names the bound and says when to come back")
  func rate() async throws {
    let gateway = try gateway("publishRate: 2/s")
    for _ in 0..<2 {
      #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    }
    let refused = try await gateway.send("POST", events, json, "{}")
    #expect(refused.status == 429 && refused.code == "rate_limited")
    #expect(try refused.json["limit"] as? String == "tenant-events")
    #expect(refused.fields["retry-after"] == "1")
    #expect(refused.fields["ratelimit-policy"] == #""tenant-events";q=2;w=1"#)
    #expect(refused.fields["ratelimit"] == #""tenant-events";r=0;t=1"#)
    // Reading goes on, and so does everybody else.
    #expect(try await gateway.send("GET", events).status == 200)
    let others = "/v1/topics/~/orders/events"
    #expect(try await gateway.send("POST", others, as: "bob", json, "{}").status == 201)
    gateway.clock.step(.milliseconds(500))
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
  }

  @Test("the bound that waits longest is named, and one that refuses charges no other")
  func binding() async throws {
    let gateway = try gateway(
      "publishRate: 100/s, perPrincipal: {publishRate: 1/m, burst: 1m}, "
        + "perTopic: {publishRate: 1/s}")
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    let refused = try await gateway.send("POST", events, json, "{}")
    #expect(try refused.json["limit"] as? String == "principal-events")
    // Another principal meets the topic's bound, which the refused request has not eaten up.
    let paul = try await gateway.send("POST", events, as: "paul", json, "{}")
    #expect(try paul.json["limit"] as? String == "topic-events")
    gateway.clock.step(.seconds(1))
    #expect(try await gateway.send("POST", events, as: "paul", json, "{}").status == 201)
  }

  @Test("bytes count, and a batch is worth its events")
  func sizes() async throws {
    let bytes = try gateway("publishBytes: 1KiB/s")
    let large = "\"\(String(repeating: "x", count: 2_000))\""
    #expect(try await bytes.send("POST", events, json, large).status == 201)
    let refused = try await bytes.send("POST", events, json, "{}")
    #expect(refused.fields["ratelimit-policy"] == #""tenant-bytes";q=1024;qu="content-bytes";w=1"#)
    let batch = try gateway("publishRate: 5/s")
    let lines = String(repeating: "{}\n", count: 20)
    let type = ["Content-Type": "application/x-ndjson"]
    #expect(try await batch.send("POST", events, type, lines).status == 201)
    #expect(try await batch.send("POST", events, json, "{}").status == 429)
    batch.clock.step(.seconds(4))
    #expect(try await batch.send("POST", events, json, "{}").status == 201)
  }

  @Test("requests are bounded per tenant, principal and address")
  func requests() async throws {
    let gateway = try gateway(
      "perPrincipal: {requests: 3/s}", more: "\nlimits: {perAddress: {requests: 5/s}}")
    for _ in 0..<3 { #expect(try await gateway.send("GET", "/v1/whoami").status == 200) }
    let refused = try await gateway.send("GET", "/v1/whoami")
    #expect(try refused.json["limit"] as? String == "principal-requests")
    for _ in 0..<2 { #expect(try await gateway.send("GET", "/v1/whoami", as: "bob").status == 200) }
    let address = try await gateway.send("GET", "/v1/whoami", as: "bob")
    #expect(try address.json["limit"] as? String == "address-requests")
    #expect(
      try await gateway.send("GET", "/v1/whoami", as: "bob", from: "192.0.2.2").status == 200)
  }

  @Test("requests are bounded per topic, whoever comes; who may not come takes nothing of them")
  func topicRequests() async throws {
    let gateway = try gateway("perTopic: {requests: 2/s}")
    let other = "/v1/topics/acme/shop/others/events"
    #expect(try await gateway.send("GET", events, as: "paul").status == 403)
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    #expect(try await gateway.send("GET", events, as: "rita").status == 200)
    for (method, subject) in [("POST", "paul"), ("GET", "rita"), ("HEAD", "alice")] {
      let refused = try await gateway.send(method, events, as: subject, json, "{}")
      #expect(refused.status == 429)
      #expect(refused.fields["ratelimit-policy"] == #""topic-requests";q=2;w=1"#)
    }
    #expect(try await gateway.send("POST", other, json, "{}").status == 201)
    let told = try await gateway.send(
      "POST", "/v1/explain", as: "rita", [:], #"{"subscribe":"~/orders"}"#
    ).json
    let limits = try #require(told["limits"] as? [[String: Any]])
    #expect(limits.map { $0["limit"] as? String } == ["topic-requests"])
    #expect(limits.map { $0["left"] as? Int } == [0])
    gateway.clock.step(.seconds(1))
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
  }

  @Test("streams are bounded per topic, whoever reads")
  func topicStreams() async throws {
    let gateway = try gateway("perTopic: {streams: 1}")
    let other = "/v1/topics/acme/shop/others/events"
    for path in [events, other] { _ = try await gateway.send("POST", path, json, "{}") }
    let accept = ["Accept": "text/event-stream"]
    let token = try TestGateway.token("rita", lifetime: .seconds(60))
    async let first = gateway.send("GET", events, token: token, accept, steps: 9)
    try await gateway.untilStreams(1)
    let second = try await gateway.send("GET", events, accept)
    #expect(second.status == 429 && second.code == "too_many_streams")
    #expect(second.fields["ratelimit-policy"] == #""topic-streams";q=1;qu="concurrent-requests""#)
    #expect(try await gateway.send("GET", other, accept, steps: 1).status == 200)
    gateway.clock.step(.seconds(61))
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await first
  }

  @Test("refused tokens are bounded per address; good callers there do not pay")
  func refusedTokens() async throws {
    let gateway = try gateway("", more: "\nlimits: {perAddress: {refusedTokens: 2/s}}")
    #expect(try await gateway.send("GET", "/v1/whoami").status == 200)
    for _ in 0..<2 {
      #expect(try await gateway.send("GET", "/v1/whoami", token: "a.b.c").status == 401)
    }
    let refused = try await gateway.send("GET", "/v1/whoami", token: "a.b.d")
    #expect(refused.code == "auth_rate_limited")
    #expect(try await gateway.send("GET", "/v1/whoami").status == 200)
    #expect(
      try await gateway.send("GET", "/v1/whoami", token: "a.b.c", from: "192.0.2.9").status == 401)
    // A loop that knows nobody: a clock that steps back makes this one such.
    for _ in 0..<2 {
      gateway.clock.set(wall: gateway.clock.wall + .seconds(-2))
      #expect(try await gateway.send("GET", "/v1/whoami").status == 200, "another loop knew it")
    }
    #expect(
      try await gateway.send("GET", "/v1/whoami", as: "rita").code == "auth_rate_limited")
  }

  @Test("a flood of refused tokens leaves no debt to whoever shares the address")
  func refusedFlood() async throws {
    let gateway = try gateway("", more: "\nlimits: {perAddress: {refusedTokens: 2/s}}")
    // Refused for want of a proof, before anybody asks whether the address may go on.
    for _ in 0..<50 {
      let answer = try await gateway.send(
        "GET", "/v1/whoami", as: nil, ["Authorization": "DPoP x"])
      #expect(answer.status == 401)
    }
    #expect(try await gateway.send("GET", "/v1/whoami").code == "auth_rate_limited")
    gateway.clock.step(.seconds(1))
    #expect(try await gateway.send("GET", "/v1/whoami").status == 200)
  }

  @Test("that a token was accepted is worth one look")
  func acceptedTokens() {
    let tokens = AcceptedTokens()
    let (one, other) = (Digest.sha256(ByteSlice(utf8: "a")), Digest.sha256(ByteSlice(utf8: "b")))
    #expect(!tokens.take(one))
    tokens.note(one)
    #expect(!tokens.take(other))
    #expect(tokens.take(one))
    #expect(!tokens.take(one))
  }

  @Test("as many streams as are allowed; one that ends makes room")
  func streams() async throws {
    let gateway = try gateway("streams: 2, perPrincipal: {streams: 1}")
    _ = try await gateway.send("POST", events, json, "{}")
    let accept = ["Accept": "text/event-stream"]
    let token = try TestGateway.token("rita", lifetime: .seconds(60))
    async let first = gateway.send("GET", events, token: token, accept, steps: 9)
    try await gateway.untilStreams(1)
    let second = try await gateway.send("GET", events, as: "rita", accept)
    #expect(second.status == 429 && second.code == "too_many_streams")
    #expect(
      second.fields["ratelimit-policy"] == #""principal-streams";q=1;qu="concurrent-requests""#)
    gateway.clock.step(.seconds(61))
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await first
    try await gateway.untilStreams(0)
    #expect(try await gateway.send("GET", events, as: "rita", accept, steps: 1).status == 200)
  }

  @Test("streams of an address are those of its network")
  func addressStreams() async throws {
    let gateway = try gateway("", more: "\nlimits: {perAddress: {streams: 1}}")
    _ = try await gateway.send("POST", events, json, "{}")
    let accept = ["Accept": "text/event-stream"]
    let token = try TestGateway.token("rita", lifetime: .seconds(60))
    async let first = gateway.send(
      "GET", events, token: token, accept, steps: 9, from: "2001:db8::1")
    try await gateway.untilStreams(1)
    let second = try await gateway.send("GET", events, accept, from: "2001:db8::2")
    #expect(second.status == 429)
    #expect(try second.json["limit"] as? String == "address-streams")
    let other = try await gateway.send("GET", events, accept, steps: 1, from: "2001:db8:0:1::1")
    #expect(other.status == 200)
    gateway.clock.step(.seconds(61))
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await first
  }

  @Test("opening a stream by ticket is a request of the one who asked for the ticket")
  func ticketRequests() async throws {
    let gateway = try gateway("requests: 3/m, burst: 1m")
    _ = try await gateway.send("POST", events, json, "{}")
    let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
    let ticket = try #require(try made.json["ticket"] as? String)
    let target = "\(events)?from=earliest&ticket=\(ticket)"
    let accept = ["Accept": "text/event-stream"]
    #expect(try await gateway.send("GET", target, as: nil, accept, steps: 2).status == 200)
    let refused = try await gateway.send("GET", target, as: nil, accept, steps: 2)
    #expect(refused.status == 429)
    #expect(try refused.json["limit"] as? String == "tenant-requests")
  }

  @Test("a ticket's next stream has the place of the one that it ends")
  func ticketStreams() async throws {
    let gateway = try gateway("streams: 1")
    _ = try await gateway.send("POST", events, json, "{}")
    let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
    let ticket = try #require(try made.json["ticket"] as? String)
    let target = "\(events)?ticket=\(ticket)"
    let accept = ["Accept": "text/event-stream"]
    async let first = gateway.send("GET", target, as: nil, accept, steps: 9)
    try await gateway.untilStreams(1)
    let other = try await gateway.send("GET", events, accept)
    #expect(other.status == 429)
    let second = try await gateway.send("GET", target, as: nil, accept, steps: 1)
    #expect(second.status == 200)
    let ended = try await first
    #expect(ended.steps.last?.contains("invalid_ticket") == true)
  }

  @Test("a ticket whose stream is refused leaves the one before open")
  func refusedTicketStream() async throws {
    let gateway = try gateway("", more: "\nlimits: {perAddress: {streams: 1}}")
    _ = try await gateway.send("POST", events, json, "{}")
    let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
    let ticket = try #require(try made.json["ticket"] as? String)
    let target = "\(events)?ticket=\(ticket)"
    let accept = ["Accept": "text/event-stream"]
    async let first = gateway.send(
      "GET", target, as: nil, accept, steps: 9, until: "specversion")
    async let other = gateway.send(
      "GET", events, accept, steps: 9, until: "specversion", from: "192.0.2.9")
    try await gateway.untilStreams(2)
    let refused = try await gateway.send("GET", target, as: nil, accept, from: "192.0.2.9")
    #expect(refused.status == 429)
    // One that is ended would say so first.
    _ = try await gateway.send("POST", events, json, "{}")
    let kept = try await first
    #expect(kept.steps.last?.contains("specversion") == true)
    _ = try await other
  }

  @Test("the bytes of a batch that is refused as a whole count")
  func refusedBatches() async throws {
    let type = ["Content-Type": "application/x-ndjson"]
    let array = ["Content-Type": "application/cloudevents-batch+json"]
    for (fields, character) in [(type, "\n"), (array, "x")] {
      let body = String(repeating: character, count: 4_000)
      let gateway = try gateway("publishBytes: 1KiB/s")
      let refused = try await gateway.send("POST", "\(events)?atomic=true", fields, body)
      #expect(refused.status == 400)
      #expect(try await gateway.send("POST", events, json, "{}").status == 429)
    }
    let gateway = try gateway("publishBytes: 1KiB/s")
    let tooMany = String(repeating: "1\n", count: GatewayLimits.batchEvents + 1)
    #expect(try await gateway.send("POST", events, type, tooMany).status == 413)
    #expect(try await gateway.send("POST", events, json, "{}").status == 429)
  }

  @Test("what bounds a namespace counts for all its topics, whoever comes, and for no other")
  func namespaces() async throws {
    let gateway = try gateway("perNamespace: {publishRate: 2/s, streams: 1}")
    let more = "/v1/topics/acme/shop/invoices/events"
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    #expect(try await gateway.send("POST", more, json, "{}").status == 201)
    let refused = try await gateway.send("POST", events, as: "paul", json, "{}")
    #expect(try refused.json["limit"] as? String == "namespace-events")
    #expect(refused.fields["ratelimit-policy"] == #""namespace-events";q=2;w=1"#)
    let elsewhere = "/v1/topics/acme/other/orders/events"
    #expect(try await gateway.send("POST", elsewhere, json, "{}").status == 201)
    let accept = ["Accept": "text/event-stream"]
    let token = try TestGateway.token("rita", lifetime: .seconds(60))
    async let first = gateway.send("GET", events, token: token, accept, steps: 9)
    try await gateway.untilStreams(1)
    let second = try await gateway.send("GET", more, accept)
    #expect(second.status == 429)
    #expect(try second.json["limit"] as? String == "namespace-streams")
    let free = try await gateway.send("GET", elsewhere, accept, steps: 1)
    #expect(free.status == 200)
    gateway.clock.step(.seconds(61))
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await first
    let slow = try self.gateway("perNamespace: {requests: 1/m}")
    #expect(try await slow.send("GET", events).status == 404)
    let asked = try await slow.send("GET", more)
    #expect(try asked.json["limit"] as? String == "namespace-requests")
    #expect(try await slow.send("GET", elsewhere).status == 404)
  }

  @Test("what holds for a topic is told, whoever says it, and follows a change of the policy")
  func effective() async throws {
    let gateway = try gateway("perTopic: {publishRate: 10/s}")
    let topic = "/v1/topics/acme/shop/orders"
    func effective(_ path: String = topic) async throws -> [String: Any] {
      let told = try await gateway.send("GET", path)
      return try #require(try told.json["effective"] as? [String: Any])
    }
    #expect(try await gateway.send("PUT", topic, json, "{}").status == 201)
    let first = try await effective()
    #expect((first["retention"] as? [String: Any])?.isEmpty == true)
    #expect(first["compatibility"] as? String == "BACKWARD_TRANSITIVE")
    let limits = try #require(first["limits"] as? [String: [String: Any]])
    #expect(limits["perTopic"]?["publishRate"] as? String == "10/s")
    #expect(limits["perNamespace"]?.isEmpty == true)
    let policy = TestGateway.settings.replacingOccurrences(
      of: "acme: {}",
      with: "acme: {namespaceDefaults: {retention: {age: 7d, bytes: 1KiB}, "
        + "requireSchema: true, limits: {publishBytes: 1MiB/m, streams: 3, storage: 1GB}}}")
    try gateway.take(policy)
    let second = try await effective()
    let kept = try #require(second["retention"] as? [String: Any])
    #expect(kept["age"] as? String == "7d" && kept["bytes"] as? Int == 1_024)
    #expect(second["requireSchema"] as? Bool == true)
    let bounds = try #require(second["limits"] as? [String: [String: Any]])["perNamespace"]
    #expect(bounds?["publishBytes"] as? String == "1048576/m")
    #expect(bounds?["streams"] as? Int == 3 && bounds?["storage"] as? Int == 1_000_000_000)
    // The namespace says more than the tenant, the topic more than the namespace.
    let namespace = "/v1/namespaces/acme/shop"
    let inherited = try await gateway.send("GET", namespace)
    #expect((try inherited.json["retention"] as? [String: Any])?["age"] as? String == "7d")
    let put = try await gateway.send("PUT", namespace, json, #"{"retention":{"age":"1d"}}"#)
    #expect(put.status == 201)
    #expect((try await effective()["retention"] as? [String: Any])?["age"] as? String == "1d")
    _ = try await gateway.send("PUT", topic, json, #"{"retention":{}}"#)
    #expect((try await effective()["retention"] as? [String: Any])?.isEmpty == true)
    let tenant = try await gateway.send("GET", "/v1/tenants/acme")
    let defaults = try #require(try tenant.json["namespaceDefaults"] as? [String: Any])
    #expect((defaults["retention"] as? [String: Any])?["age"] as? String == "7d")
    #expect((defaults["limits"] as? [String: Any])?["streams"] as? Int == 3)
  }

  @Test("a quota that is used up refuses what would be stored, and only that")
  func quota() async throws {
    let gateway = try gateway("perNamespace: {storage: 1B}")
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    await gateway.lookAtStorage()
    let refused = try await gateway.send("POST", events, json, "{}")
    #expect(refused.status == 429 && refused.code == "quota_exceeded")
    #expect(try refused.json["limit"] as? String == "namespace-storage")
    #expect(try await gateway.send("GET", events).status == 200)
    let other = "/v1/topics/acme/other/orders/events"
    #expect(try await gateway.send("POST", other, json, "{}").status == 201)
    _ = try await gateway.send("DELETE", "/v1/topics/acme/shop/orders")
    await gateway.lookAtStorage()
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
  }
}
