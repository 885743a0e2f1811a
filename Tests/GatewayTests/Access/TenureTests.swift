import Bytes
import Foundation
import HTTPWire
import LogConformance
import Testing

@testable import Gateway

/// Rights that end while a request lasts: its body still arrives, or it waits.
@Suite struct TenureTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]
  private let lines = ["Content-Type": "application/x-ndjson"]

  /// The policy in which paul may no longer publish and rita no longer read.
  private let revoked = TestGateway.settings
    .replacing(#"allow: [{publish: ["shop/orders"]}]"#, with: "allow: [{publish: [a/b]}]")
    .replacing(#"allow: [{subscribe: ["shop/orders"]}]"#, with: "allow: [{subscribe: [a/b]}]")

  private func stored(_ gateway: TestGateway) async throws -> Int? {
    try await gateway.send("GET", topic).json["events"] as? Int
  }

  @Test("an open body stores nothing more once its sender has lost the right to")
  func openBody() async throws {
    let gateway = try TestGateway()
    let answer = try await gateway.send(
      "POST", events, as: "paul", lines,
      pieces: [
        LatePiece("{\"n\":1}\n{\"n\":2}\n"),
        LatePiece("{\"n\":3}\n") { [revoked] in try gateway.take(revoked) },
        LatePiece("{\"n\":4}\n"),
      ])
    #expect(answer.status == 403 && answer.code == "forbidden")
    #expect(try answer.json["stored"] as? Int == 2)
    #expect(try await stored(gateway) == 2)
  }

  @Test("an open body ends with its token, but for the clocks' skew")
  func openBodyOfAnEndedToken() async throws {
    let gateway = try TestGateway()
    let token = try TestGateway.token("paul", lifetime: .seconds(60))
    let answer = try await gateway.send(
      "POST", events, token: token, lines,
      pieces: [
        LatePiece("{\"n\":1}\n"),
        LatePiece("{\"n\":2}\n") { gateway.clock.step(.seconds(70)) },
        LatePiece("{\"n\":3}\n") { gateway.clock.step(.seconds(21)) },
      ])
    #expect(answer.status == 401 && answer.code == "invalid_token")
    #expect(try answer.json["stored"] as? Int == 2)
    #expect(try await stored(gateway) == 2)
  }

  @Test(
    "one event and a batch that come late are held against the rules of then",
    arguments: [
      ("application/json", "{}"), ("application/cloudevents-batch+json", "[]"),
      ("application/x-ndjson", "{}\n"),
    ])
  func lateBodies(type: String, body: String) async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, as: "paul", json, "{}")
    for (subject, code) in [("paul", "forbidden"), ("alice", nil)] {
      try gateway.take(TestGateway.settings)
      let answer = try await gateway.send(
        "POST", events, as: subject, ["Content-Type": type], body,
        beforeBody: { [revoked] in try gateway.take(revoked) })
      if let code { #expect(answer.code == code) } else { #expect(answer.status != 403) }
    }
  }

  @Test("what the new rules ask of payloads holds for the rest of a body")
  func newConditions() async throws {
    let gateway = try TestGateway()
    let bound = TestGateway.settings.replacing(
      #"allow: [{publish: ["shop/orders"]}]"#,
      with: #"allow: [{publish: ["shop/orders"], where: {/tenantId: {eq: "{tenant}"}}}]"#)
    let answer = try await gateway.send(
      "POST", events, as: "paul", lines,
      pieces: [
        LatePiece("{\"n\":1}\n"), LatePiece("{\"n\":2}\n") { try gateway.take(bound) },
      ])
    #expect(answer.status == 207 && answer.body.contains("tenant_mismatch"))
  }

  @Test("administrative calls are held against the rules of when their body has come")
  func administration() async throws {
    let gateway = try TestGateway()
    let narrowed = TestGateway.settings.replacing(
      #", {manage: ["*/*"]}]}"#, with: "]}")
    for (path, body) in [
      (topic, "{}"), ("\(topic)/subscriptions/late", #"{"type":"shared"}"#),
      ("/v1/namespaces/acme/shop", "{}"), ("\(topic)/schema/binding", "{}"),
    ] {
      try gateway.take(TestGateway.settings)
      let answer = try await gateway.send(
        "PUT", path, as: path.contains("subscriptions") ? "rita" : "alice", [:], body,
        beforeBody: { [revoked] in
          try gateway.take(path.contains("subscriptions") ? revoked : narrowed)
        })
      #expect(answer.code == "forbidden", "\(path)")
    }
    #expect(try await gateway.send("GET", topic).status == 404)
  }

  @Test("others' tokens are explained to whoever may still ask when the body has come")
  func explanation() async throws {
    let operators = TestGateway.settings.replacing(
      #"allow: [{subscribe: ["shop/orders"]}]"#, with: #"allow: [{admin: ["*/*"]}]"#)
    let gateway = try TestGateway(settings: operators)
    let paul = try TestGateway.token("paul")
    func ask(_ between: @escaping @Sendable () async throws -> Void) async throws
      -> TestGateway.Answer
    {
      try await gateway.send(
        "POST", "/v1/explain", as: "rita", [:], #"{"token":"\#(paul)"}"#, beforeBody: between)
    }
    #expect(try await ask {}.status == 200)
    #expect(try await ask { try gateway.take(TestGateway.settings) }.code == "forbidden")
    try gateway.take(operators)
    let revoked = try await ask {
      gateway.clock.step(.seconds(1))
      let made = try await gateway.send(
        "POST", "/v1/revocations", as: nil, ["Content-Type": "application/json"],
        #"{"issuer":"test","sub":"rita"}"#, listener: .management)
      #expect(made.status == 201)
    }
    #expect(revoked.status == 401)
  }

  @Test("a waiting read ends when its right does, though nothing comes")
  func waitingRead() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send("GET", "\(events)?wait=60s", as: "rita")
    try await gateway.untilWaiting(1)
    try gateway.take(revoked)
    #expect(try await pending.code == "forbidden")
  }

  @Test("a waiting read ends when its grant's time is over, though nothing comes")
  func waitingReadInTime() async throws {
    let gateway = try TestGateway()
    let until = (gateway.clock.wall + .seconds(30)).rfc3339
    try gateway.take(
      TestGateway.settings.replacing(
        #"allow: [{subscribe: ["shop/orders"]}]"#,
        with: #"allow: [{subscribe: ["shop/orders"], until: "\#(until)"}]"#))
    _ = try await gateway.send("POST", events, json, "{}")
    async let pending = gateway.send("GET", "\(events)?wait=60s", as: "rita")
    try await gateway.untilWaiting(1)
    gateway.clock.step(.seconds(31))
    #expect(try await pending.code == "forbidden")
  }

  @Test("a waiting receive ends when its right does, and takes no lease", arguments: [false, true])
  func waitingReceive(anEventComes: Bool) async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let path = "\(topic)/subscriptions/s"
    #expect(
      try await gateway.send("PUT", path, as: "rita", [:], #"{"type":"shared"}"#).status == 201)
    async let pending = gateway.send(
      "POST", "\(path)/receive", as: "rita", [:], #"{"wait":"60s"}"#)
    try await gateway.untilWaiting(1)
    try gateway.take(revoked)
    if anEventComes { _ = try await gateway.send("POST", events, json, #"{"secret":1}"#) }
    let answer = try await pending
    #expect(answer.code == "forbidden" && !answer.body.contains("secret"))
    if !anEventComes { _ = try await gateway.send("POST", events, json, #"{"secret":1}"#) }
    let next = try await gateway.send("POST", "\(path)/receive", [:], "{}")
    let deliveries = try #require(try next.json["deliveries"] as? [[String: Any]])
    #expect(deliveries.map { $0["deliveryCount"] as? Int } == [1])
  }

  @Test("a stream is not renewed with a token that ends earlier, or has ended")
  func renewal() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let short = try TestGateway.token("rita", lifetime: .seconds(20))
    let token = try TestGateway.token("rita", lifetime: .seconds(100))
    async let pending = gateway.send(
      "GET", events, token: token, ["Accept": "text/event-stream"], steps: 99, until: #""n":1"#)
    try await gateway.untilStreams(1)
    let path = "/v1/streams/\(try #require(await gateway.lastID))/token"
    let earlier = try await gateway.send("POST", path, token: short)
    #expect(earlier.status == 400 && earlier.code == "bad_parameter")
    #expect(try await gateway.send("POST", path, token: token).status == 200)
    // Within the skew a request would still be taken; a stream would be over at once.
    gateway.clock.step(.seconds(30))
    #expect(try await gateway.send("GET", "/v1/whoami", token: short).status == 200)
    #expect(try await gateway.send("POST", path, token: short).code == "invalid_token")
    _ = try await gateway.send("POST", events, json, #"{"n":1}"#)
    #expect(try await pending.steps.joined().contains("jodrell.end") == false)
  }
}
