import Bytes
import Foundation
import LogConformance
import Testing

@testable import Gateway

@Suite struct IdentityTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  @Test("no token, a bad one and an expired one are 401 with a challenge")
  func tokens() async throws {
    let gateway = try TestGateway()
    let none = try await gateway.send("GET", events, as: nil)
    #expect(none.status == 401 && none.code == "missing_token")
    #expect(
      none.fields["www-authenticate"]
        == "Bearer realm=\"jodrell\", resource_metadata="
        + "\"https://events.example/.well-known/oauth-protected-resource\""
        + ", DPoP realm=\"jodrell\", algs=\"ES256 EdDSA PS256 RS256\"")
    let bad = try await gateway.send("GET", events, token: "a.b.c")
    #expect(bad.status == 401 && bad.code == "invalid_token")
    #expect(bad.fields["www-authenticate"]?.contains("error=\"invalid_token\"") == true)
    let token = try TestGateway.token()
    gateway.clock.step(.seconds(3700))
    let expired = try await gateway.send("GET", events, token: token)
    #expect(expired.status == 401 && expired.body.contains("has expired"))
    #expect(try await gateway.send("GET", events, as: "stranger").status == 401)
  }

  @Test("a caller without a mapping, and one without the grant, are 403")
  func grants() async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("GET", events, as: "stranger").code == "no_tenant")
    let denied = try await gateway.send("POST", events, as: "rita", json, "{}")
    #expect(denied.status == 403 && denied.code == "forbidden")
    #expect(denied.fields["www-authenticate"]?.contains("insufficient_scope") == true)
    let other = "/v1/topics/acme/shop/unheard-of/events"
    #expect(try await gateway.send("POST", other, as: "rita", json, "{}").code == "forbidden")
  }

  @Test("a neighbour's topic is as absent as one that does not exist")
  func neighbours() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, #"{"secret":"canary"}"#)
    for (method, path) in [
      ("GET", events), ("POST", events), ("HEAD", events), ("GET", "\(events)/1:0"),
      ("GET", "/v1/topics/acme/shop/orders"), ("DELETE", "/v1/topics/acme/shop/orders"),
      ("GET", "/v1/topics/acme/shop/orders/schema"), ("GET", "/v1/topics/acme/shop"),
      ("PUT", "/v1/topics/acme/shop/orders/subscriptions/s"), ("GET", "/v1/tenants/acme"),
      ("GET", "/v1/namespaces/acme/shop"),
    ] {
      let theirs = try await gateway.send(method, path, as: "bob", json, "{}")
      let absent = try await gateway.send(
        method, path.replacingOccurrences(of: "acme", with: "nobody"), as: "bob", json, "{}")
      #expect(theirs.status == 404 && absent.status == 404, "\(method) \(path)")
      #expect(!theirs.body.contains("canary"))
      if method != "HEAD" { #expect(theirs.code == absent.code) }
    }
    // `~` is the caller's own: another topic of the same name.
    _ = try await gateway.send("POST", "/v1/topics/~/orders/events", as: "bob", json, "{}")
    let own = try await gateway.send("GET", "/v1/topics/~/orders/events?from=earliest", as: "bob")
    #expect(own.status == 200 && !own.body.contains("canary"))
  }

  @Test("a missing grant shows in the topic's numbers")
  func permissionMismatch() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await gateway.send("POST", events, as: "rita", json, "{}")
    let topic = try await gateway.send("GET", "/v1/topics/acme/shop/orders")
    #expect(try topic.json["outcomes"] as? [String: Int] == ["accepted": 1, "forbidden": 1])
  }

  @Test("metrics are hidden from callers without admin, and show admins their own tenant")
  func metrics() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    _ = try await gateway.send("POST", "/v1/topics/~/mine/events", as: "bob", json, "{}")
    #expect(try await gateway.send("GET", "/metrics", as: nil).status == 404)
    #expect(try await gateway.send("GET", "/metrics").status == 404)
    let seen = try await gateway.send("GET", "/metrics", as: "bob")
    #expect(seen.status == 200 && seen.body.contains("topic=\"mine\""))
    #expect(!seen.body.contains("acme"))
  }

  @Test("a ticket opens its one stream, again after a break, and ends the first")
  func tickets() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
    #expect(made.status == 201)
    let ticket = try #require(try made.json["ticket"] as? String)
    let accept = ["Accept": "text/event-stream"]
    let target = "\(events)?from=earliest&ticket=\(ticket)"
    let first = try await gateway.send("GET", target, as: nil, accept, steps: 2)
    #expect(first.status == 200 && first.steps.last?.contains("id: 1:0") == true)
    gateway.clock.step(.seconds(60))
    #expect(try await gateway.send("GET", target, as: nil, accept, steps: 2).status == 200)
    let other = "/v1/topics/acme/shop/other/events?ticket=\(ticket)"
    #expect(try await gateway.send("GET", other, as: nil, accept).code == "invalid_ticket")
    gateway.clock.step(.seconds(3600))
    #expect(try await gateway.send("GET", target, as: nil, accept).code == "invalid_ticket")
  }

  @Test("a ticket is no token for anything but its stream, and stays good for that")
  func ticketsForStreams() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
    let ticket = try #require(try made.json["ticket"] as? String)
    let target = "\(events)?from=earliest&ticket=\(ticket)"
    for accept in ["application/json", "*/*"] {
      let answer = try await gateway.send("GET", target, as: nil, ["Accept": accept])
      #expect(answer.status == 401 && answer.code == "invalid_ticket")
    }
    for accept in ["text/event-stream", "application/x-ndjson"] {
      let answer = try await gateway.send("GET", target, as: nil, ["Accept": accept], steps: 2)
      #expect(answer.steps.last?.contains("1:0") == true)
    }
  }

  @Test("beside a ticket there is neither a token nor, where those are taken, an API key")
  func ticketsAlone() async throws {
    let digest = String(repeating: "0f", count: 32)
    let keys = """

        - {id: tills, apiKeys: [{id: till-7, sha256: "\(digest)", expires: "2100-01-01T00:00:00Z"}]}
      tenants: {acme
      """
    let strict = try TestGateway(
      settings: TestGateway.settings.replacing("\ntenants: {acme", with: keys))
    let accept = ["Accept": "text/event-stream"]
    let plain = try TestGateway()
    for (gateway, status) in [(strict, 400), (plain, 200)] {
      _ = try await gateway.send("POST", events, json, "{}")
      let made = try await gateway.send("POST", "/v1/tickets", [:], #"{"path":"\#(events)"}"#)
      let ticket = try #require(try made.json["ticket"] as? String)
      let target = "\(events)?from=earliest&ticket=\(ticket)"
      let both = try await gateway.send("GET", target, accept, steps: 2)
      #expect(both.status == 400 && both.code == "bad_header")
      let keyed = try await gateway.send(
        "GET", target, as: nil, accept.merging(["X-API-Key": "x"]) { $1 }, steps: 2)
      #expect(keyed.status == status)
    }
  }

  @Test("an unused ticket ends after half a minute; strangers get none")
  func staleTickets() async throws {
    let gateway = try TestGateway()
    let body = #"{"path":"\#(events)"}"#
    #expect(try await gateway.send("POST", "/v1/tickets", as: "bob", [:], body).status == 404)
    let made = try await gateway.send("POST", "/v1/tickets", [:], body)
    let ticket = try #require(try made.json["ticket"] as? String)
    gateway.clock.step(.seconds(31))
    let target = "\(events)?ticket=\(ticket)"
    #expect(try await gateway.send("GET", target, as: nil).code == "invalid_ticket")
  }

  @Test("a stream ends at the token's own end with a problem document")
  func expiry() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let token = try TestGateway.token(lifetime: .seconds(60))
    async let pending = gateway.send(
      "GET", events, token: token, ["Accept": "text/event-stream"], steps: 3)
    try await gateway.untilWaiting(1)
    gateway.clock.step(.seconds(61))
    _ = try await gateway.send("POST", events, json, "{}")
    let steps = try await pending.steps
    #expect(steps.last?.hasPrefix("event: jodrell.end\ndata: {") == true)
    #expect(steps.last?.contains("has expired") == true)
  }
}
