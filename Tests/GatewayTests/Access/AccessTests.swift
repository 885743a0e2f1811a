import Bytes
import Crypto
import Foundation
import HTTPWire
import LogConformance
import TestSupport
import Testing

@testable import Gateway

/// The policy changes while the gateway runs: requests, waiting calls and streams.
@Suite struct AccessTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]
  private let stream = ["Accept": "text/event-stream"]

  /// The policy of `TestGateway` with one text replaced.
  private func settings(_ old: String, _ new: String) throws -> String {
    try #require(TestGateway.settings.contains(old))
    return TestGateway.settings.replacingOccurrences(of: old, with: new)
  }

  @Test("a request is decided by the policy in force, and tokens stay known")
  func swap() async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("POST", events, as: "paul", json, "{}").status == 201)
    try gateway.take(settings(#"allow: [{publish: ["shop/orders"]}]"#, "allow: [{publish: [a/b]}]"))
    #expect(try await gateway.send("POST", events, as: "paul", json, "{}").code == "forbidden")
    try gateway.take(TestGateway.settings)
    #expect(try await gateway.send("POST", events, as: "paul", json, "{}").status == 201)
    #expect(await gateway.cacheMisses == 1)
  }

  @Test("a stream whose grant is taken away ends at once, with a problem document")
  func withdrawn() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send("GET", events, as: "rita", stream, steps: 99)
    try await gateway.untilStreams(1)
    try gateway.take(
      settings(#"allow: [{subscribe: ["shop/orders"]}]"#, "allow: [{subscribe: [a/b]}]"))
    let steps = try await pending.steps
    #expect(steps.last?.hasPrefix("event: jodrell.end\ndata: {") == true)
    #expect(steps.last?.contains(#""code":"forbidden""#) == true)
    try await gateway.untilStreams(0)
  }

  @Test("a stream whose grant stays goes on")
  func kept() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send(
      "GET", events, as: "rita", stream, steps: 99, until: "after")
    try await gateway.untilStreams(1)
    try gateway.take(settings("globex: {}", "globex: {}, initech: {}"))
    try await gateway.untilReviewed(1)
    _ = try await gateway.send("POST", events, json, #"{"after":true}"#)
    #expect(try await pending.steps.last?.contains(#"{"after":true}"#) == true)
  }

  @Test("a waiting long-poll gives nothing to a caller who has lost its grant")
  func poll() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send("GET", "\(events)?wait=60s", as: "rita")
    try await gateway.untilWaiting(1)
    try gateway.take(
      settings(#"allow: [{subscribe: ["shop/orders"]}]"#, "allow: [{subscribe: [a/b]}]"))
    _ = try await gateway.send("POST", events, json, #"{"secret":1}"#)
    let answer = try await pending
    #expect(answer.code == "forbidden" && !answer.body.contains("secret"))
  }

  @Test("a stream is asked for another token and goes on with it")
  func renewal() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let short = try TestGateway.token("rita", lifetime: .seconds(100))
    async let pending = gateway.send(
      "GET", events, token: short, stream, steps: 99, until: #""n":2"#)
    try await gateway.untilStreams(1)
    let id = try #require(await gateway.lastID)
    // Four fifths of its life are over.
    gateway.clock.step(.seconds(81))
    _ = try await gateway.send("POST", events, json, #"{"n":1}"#)
    try await gateway.untilStreamed("jodrell.challenge")
    let path = "/v1/streams/\(id)/token"
    #expect(try await gateway.send("POST", path, as: "bob").code == "not_found")
    #expect(try await gateway.send("POST", path, as: "paul").code == "not_found")
    #expect(try await gateway.send("POST", path, as: nil).status == 401)
    let renewed = try await gateway.send("POST", path, as: "rita")
    #expect(renewed.status == 200)
    #expect(try renewed.json["renew"] as? String == path)
    // Its loop takes the token at the end of a turn.
    try await gateway.untilRenewed(1)
    gateway.clock.step(.seconds(60))
    _ = try await gateway.send("POST", events, json, #"{"n":2}"#)
    let steps = try await pending.steps.joined()
    #expect(steps.contains("event: jodrell.challenge\ndata: {\"stream\":\"\(id)\""))
    #expect(steps.contains(#"{"n":2}"#) && !steps.contains("jodrell.end"))
    #expect(try await gateway.send("POST", path, as: "rita").code == "not_found")
  }

  @Test("a token of the same caller that does not grant the stream is told so")
  func renewalWithoutGrant() async throws {
    func mapping(_ scope: String, _ grants: String) -> String {
      """
        - {id: \(scope), issuer: test, when: {"/sub": {eq: rita}, "/scope": {eq: \(scope)}},
           tenant: acme, namespace: shop, principal: "{/sub}", allow: [\(grants)]}

      """
    }
    let head = try #require(TestGateway.settings.firstRange(of: "  - {id: acme-all"))
    let gateway = try TestGateway(
      settings: TestGateway.settings[..<head.lowerBound]
        + mapping("read", #"{subscribe: ["shop/orders"]}"#)
        + mapping("write", #"{publish: ["shop/orders"]}"#))
    func token(_ scope: String) throws -> String {
      try TestIssuer().token(
        ["sub": "rita", "scope": scope], algorithm: .rs256, lifetime: .seconds(3600)
      ).text
    }
    let (reader, writer) = (try token("read"), try token("write"))
    _ = try await gateway.send("POST", events, token: writer, json, "{}")
    async let pending = gateway.send(
      "GET", events, token: reader, stream, steps: 99, until: #""n":1"#)
    try await gateway.untilStreams(1)
    let path = "/v1/streams/\(try #require(await gateway.lastID))/token"
    let refused = try await gateway.send("POST", path, token: writer)
    #expect(refused.status == 403 && refused.code == "forbidden")
    #expect(try await gateway.send("POST", path, token: reader).status == 200)
    _ = try await gateway.send("POST", events, token: writer, json, #"{"n":1}"#)
    #expect(try await pending.steps.joined().contains(#"{"n":1}"#))
  }

  @Test("a stream ends when its grant does, though nothing has changed")
  func timeBox() async throws {
    let gateway = try TestGateway()
    let until = (gateway.clock.wall + .seconds(30)).rfc3339
    try gateway.take(
      settings(
        #"allow: [{subscribe: ["shop/orders"]}]"#,
        #"allow: [{subscribe: ["shop/orders"], until: "\#(until)"}]"#))
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send("GET", "\(events)?wait=60s", as: "rita")
    try await gateway.untilWaiting(1)
    gateway.clock.step(.seconds(31))
    _ = try await gateway.send("POST", events, json, "{}")
    #expect(try await pending.code == "forbidden")
    #expect(try await gateway.send("GET", events, as: "rita").code == "forbidden")
  }

  @Test("where ties what is published to the caller; batches event by event")
  func payloads() async throws {
    let gateway = try TestGateway()
    try gateway.take(
      settings(
        #"allow: [{publish: ["shop/orders"]}]"#,
        #"allow: [{publish: ["shop/orders"], where: {/tenantId: {eq: "{tenant}"}}}]"#))
    let own = #"{"tenantId":"acme"}"#
    let other = #"{"tenantId":"globex"}"#
    #expect(try await gateway.send("POST", events, as: "paul", json, own).status == 201)
    let refused = try await gateway.send("POST", events, as: "paul", json, other)
    #expect(refused.status == 403 && refused.code == "tenant_mismatch")
    let text = ["Content-Type": "text/plain"]
    #expect(try await gateway.send("POST", events, as: "paul", text, own).code == nil)
    let mixed = try await gateway.send(
      "POST", events, as: "paul", ["Content-Type": "application/x-ndjson"],
      "\(own)\n\(other)\n\(own)\n")
    #expect(mixed.status == 207 && mixed.body.contains("tenant_mismatch"))
    #expect(try mixed.json["stored"] as? Int == 2)
  }

  @Test("what a payload must say is explained in one valid document")
  func explainPayload() async throws {
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "allow: [{publish: [\"shop/orders\"]}]}",
        with: "allow: [{publish: [\"shop/orders\"], where: {\"/t\": {eq: \"{tenant}\"}}}]}"))
    for (payload, word, allowed) in [
      (#","payload":{"t":"acme"}"#, "taken", true), ("", "depends", true),
      (#","payload":{"t":"globex"}"#, "refused", false),
    ] {
      let answer = try await gateway.send(
        "POST", "/v1/explain", as: "paul", [:], #"{"publish":"~/orders"\#(payload)}"#)
      let request = try #require(try answer.json["request"] as? [String: Any], "\(answer.body)")
      #expect(request["payload"] as? String == word && request["allowed"] as? Bool == allowed)
      #expect(request["code"] as? String == (allowed ? nil : "tenant_mismatch"))
    }
  }

  @Test("explain tells which mapping and rule decide")
  func explain() async throws {
    let gateway = try TestGateway()
    let own = try await gateway.send(
      "POST", "/v1/explain", as: "rita", [:], #"{"publish":"acme/shop/orders"}"#)
    #expect(own.status == 200)
    let answer = try own.json
    let request = try #require(answer["request"] as? [String: Any])
    #expect(request["allowed"] as? Bool == false && request["code"] as? String == "forbidden")
    #expect(answer["principal"] as? String == "rita" && answer["status"] as? Int == 403)
    let rules = try #require(answer["mappings"] as? [[String: Any]])
    #expect(rules.filter { $0["outcome"] as? String == "matched" }.count == 1)
    #expect(rules.first?["claim"] as? String == "/sub")
    let allowed = try await gateway.send(
      "POST", "/v1/explain", as: "rita", [:], #"{"subscribe":"~/orders"}"#)
    #expect(
      (try allowed.json["request"] as? [String: Any])?["rule"] as? String == "acme-reader")
  }

  @Test("others' tokens are for operators, and of their own tenant")
  func explainOthers() async throws {
    let gateway = try TestGateway()
    let rita = try TestGateway.token("rita")
    let bob2 = try TestGateway.token("bob")
    let body = #"{"token":"\#(rita)"}"#
    #expect(
      try await gateway.send("POST", "/v1/explain", as: "mona", [:], body).code == "forbidden")
    #expect(try await gateway.send("POST", "/v1/explain", as: "bob", [:], body).code == "not_found")
    let same = try await gateway.send(
      "POST", "/v1/explain", as: "bob", [:], #"{"token":"\#(bob2)"}"#)
    #expect(same.status == 200)
    let management = try await gateway.send(
      "POST", "/v1/explain", as: nil, [:], #"{"token":"a.b.c"}"#, listener: .management)
    #expect(management.status == 200)
    let token = try #require(try management.json["token"] as? [String: Any])
    #expect(token["accepted"] as? Bool == false && token["reason"] is String)
  }

  @Test("a bad token that is asked about counts as one that is sent")
  func triedOut() async throws {
    let gateway = try TestGateway(
      settings: TestGateway.settings + "\nlimits: {perAddress: {refusedTokens: 1/m}}")
    let body = #"{"token":"a.b.c"}"#
    let first = try await gateway.send("POST", "/v1/explain", as: "bob", [:], body)
    #expect(first.status == 404)
    let next = try await gateway.send("POST", "/v1/explain", as: "bob", [:], body)
    #expect(next.status == 429 && next.code == "auth_rate_limited")
  }

  @Test("the field Jodrell-Tenant chooses among a caller's tenants where the path names none")
  func chosenByField() async throws {
    let both = """
      {id: both, issuer: test, when: {"/sub": {eq: alice}}, tenant: globex, select: header,
           namespace: depot, principal: "g:{/sub}", allow: [{publish: ["*/*"]}]}
        - {id: globex-all,
      """
    let gateway = try TestGateway(
      settings: settings("{id: globex-all,", both)
        .replacing("{id: acme-all,", with: "{id: acme-all, select: header,"))
    let home = "/v1/topics/~/orders/events"
    #expect(try await gateway.send("POST", home, json, "{}").code == "ambiguous_tenant")
    for (tenant, namespace) in [("acme", "shop"), ("globex", "depot")] {
      let fields = json.merging(["Jodrell-Tenant": tenant]) { $1 }
      #expect(try await gateway.send("POST", home, fields, "{}").status == 201)
      let who = try await gateway.send("GET", "/v1/whoami", fields).json
      #expect(who["tenant"] as? String == tenant && who["namespace"] as? String == namespace)
    }
    func refused(_ tenant: String, _ path: String, as subject: String = "alice") async throws
      -> String?
    {
      try await gateway.send(
        "POST", path, as: subject, json.merging(["Jodrell-Tenant": tenant]) { $1 }, "{}"
      ).code
    }
    #expect(try await refused("initech", home) == "not_found")
    #expect(try await refused("globex", home, as: "rita") == "not_found")
    #expect(try await refused("globex", events) == "bad_header")
    #expect(try await refused("a b", home) == "bad_header")
    let told = try await gateway.send(
      "POST", "/v1/explain", json.merging(["Jodrell-Tenant": "globex"]) { $1 },
      #"{"publish":"~/orders"}"#
    ).json
    #expect(told["tenant"] as? String == "globex" && told["status"] as? Int == 200)
  }

  @Test("explain tells what is left of each rate and which schema is checked")
  func surroundings() async throws {
    let gateway = try TestGateway(
      settings: settings(
        "acme: {}", "acme: {limits: {requests: 10/s, perTopic: {publishRate: 5/s}}}")
        + "\nlimits: {perAddress: {publishBytes: 1KiB/s}}")
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    _ = try await gateway.send("PUT", "\(events.dropLast(7))/schema", json, "{}")
    let told = try await gateway.send(
      "POST", "/v1/explain", [:], #"{"publish":"~/orders"}"#
    ).json
    let limits = try #require(told["limits"] as? [[String: Any]])
    let left = Dictionary(
      uniqueKeysWithValues: limits.map { ($0["limit"] as? String ?? "", $0["left"] as? Int) })
    #expect(left == ["tenant-requests": 7, "topic-events": 4, "address-bytes": 1022])
    let schemas = try #require(told["schemas"] as? [[String: Any]])
    #expect(schemas.map { $0["version"] as? Int } == [1])
    let short = try await gateway.send("POST", "/v1/explain", [:], "{}").json
    #expect((short["limits"] as? [[String: Any]])?.count == 1 && short["schemas"] == nil)
  }

  @Test("bytes and events of an address are bounded, whoever sends them")
  func addressRates() async throws {
    let gateway = try TestGateway(
      settings: TestGateway.settings + "\nlimits: {perAddress: {publishRate: 2/s}}")
    for subject in ["alice", "paul"] {
      #expect(try await gateway.send("POST", events, as: subject, json, "{}").status == 201)
    }
    let refused = try await gateway.send("POST", events, json, "{}")
    #expect(refused.status == 429 && refused.body.contains("address-events"))
    let other = try await gateway.send("POST", events, json, "{}", from: "192.0.2.2")
    #expect(other.status == 201)
  }

  @Test("bad tokens of an address are bounded where nothing is said")
  func refusedTokens() async throws {
    let gateway = try TestGateway()
    gateway.clock.step(.seconds(100))
    #expect(try await gateway.send("GET", "/v1/whoami").status == 200)
    for _ in 0..<1_000 {
      #expect(try await gateway.send("GET", "/v1/whoami", token: "a.b.c").status == 401)
    }
    let refused = try await gateway.send("GET", "/v1/whoami", token: "a.b.c")
    #expect(refused.status == 429 && refused.code == "auth_rate_limited")
    #expect(try await gateway.send("GET", "/v1/whoami").status == 200, "it is known")
  }

  @Test("on the operators' listener nobody has to prove possession of a bound token")
  func explainBound() async throws {
    let gateway = try TestGateway()
    let bound = try TestIssuer().token(
      ["sub": "rita", "cnf": ["jkt": String(repeating: "A", count: 43)]], algorithm: .rs256
    ).text
    let body = #"{"token":"\#(bound)","subscribe":"acme/shop/orders"}"#
    let told = try await gateway.send(
      "POST", "/v1/explain", as: nil, [:], body, listener: .management
    ).json
    let token = try #require(told["token"] as? [String: Any])
    #expect(token["accepted"] as? Bool == true && token["bound"] as? Bool == true)
    #expect(told["status"] as? Int == 200)
    #expect(try await gateway.send("GET", "/v1/whoami", token: bound).status == 401)
  }

  @Test("whoami shows times, conditions and other tenants' topics")
  func whoami() async throws {
    let gateway = try TestGateway()
    try gateway.take(
      settings("globex: {}", #"globex: {shares: [{with: acme, subscribe: ["*/*"]}]}"#)
        .replacingOccurrences(
          of: #"allow: [{subscribe: ["shop/orders"]}]"#,
          with: #"allow: [{subscribe: ["a/*"], of: globex, until: "2030-01-01T00:00:00Z"}]"#))
    let answer = try await gateway.send("GET", "/v1/whoami", as: "rita")
    let grants = try #require(try answer.json["grants"] as? [[String: Any]])
    #expect(grants.first?["of"] as? String == "globex")
    #expect(grants.first?["pattern"] as? String == "a/*")
    #expect(grants.first?["until"] as? String == "2030-01-01T00:00:00.000Z")
  }
}
