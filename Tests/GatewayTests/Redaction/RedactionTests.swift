import Bytes
import Crypto
import Foundation
import LogConformance
import Metrics
import TestSupport
import Testing
import Topics

@testable import Gateway

/// Classified data on every way out.
@Suite struct RedactionTests {
  static let policy = """
    issuers:
      - {id: test, iss: "https://issuer.example", audiences: [event-gateway],
         algorithms: [RS256, ES256], keys: {file: keys.json}}
    tenants: {acme: {}}
    mappings:
      - {id: all, issuer: test, when: {"/sub": {eq: alice}}, tenant: acme, namespace: shop,
         principal: "{/sub}",
         allow: [{publish: ["*/*"]}, {subscribe: ["*/*"]}, {manage: ["*/*"]}]}
      - {id: contact, issuer: test, when: {"/sub": {eq: carl}}, tenant: acme, namespace: shop,
         principal: "{/sub}", allow: [{subscribe: ["*/*"], classes: CLASSES}]}
      - {id: everything, issuer: test, when: {"/sub": {eq: olga}}, tenant: acme, namespace: shop,
         principal: "{/sub}",
         allow: [{subscribe: ["*/*"], classes: ["*"]}, {manage: ["*/*"]}, {admin: ["*/*"]}]}

    """
  private static func policy(_ classes: String = "[pii.contact]") -> String {
    policy.replacing("CLASSES", with: classes)
  }

  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = #"""
    {"type":"object","properties":{"id":{"type":"integer"},
     "email":{"type":"string","x-classification":"pii.contact","x-redact":"mask:domain"},
     "iban":{"type":"string","x-classification":"pii.bank"}},"required":["id"]}
    """#
  private let payload = #"{"id":1,"email":"ann@x.example","iban":"DE1"}"#

  private func open(_ schema: String? = nil) async throws -> TestGateway {
    let gateway = try TestGateway(settings: Self.policy())
    let made = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    #expect(made.status == 201, "\(made.body)")
    if let schema { try await register(schema, gateway) }
    return gateway
  }

  private func register(_ text: String, _ gateway: TestGateway, as who: String = "alice")
    async throws
  {
    let answer = try await gateway.send(
      "PUT", "\(topic)/schema", as: who, ["Content-Type": "application/schema+json"], text)
    #expect(answer.status == 201, "\(answer.body)")
  }

  private func publish(_ payload: String, _ gateway: TestGateway) async throws -> Int {
    try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/json"], payload
    ).status
  }

  /// The newest events' data as text, and the answer.
  private func read(
    _ gateway: TestGateway, as who: String, _ query: String = "from=earliest",
    of other: String? = nil
  ) async throws -> TestGateway.Answer {
    try await gateway.send("GET", "\(other ?? topic)/events?\(query)", as: who)
  }

  @Test("long-poll, one event, receive, lines and event streams")
  func waysOut() async throws {
    let gateway = try await open(schema)
    #expect(try await publish(payload, gateway) == 201)
    let stranger = #"{"id":1,"email":"****@x.example","iban":null}"#
    let contact = #"{"id":1,"email":"ann@x.example","iban":null}"#
    for (who, data, classes) in [
      ("alice", stranger, "pii.bank,pii.contact"), ("carl", contact, "pii.bank"),
      ("olga", payload, nil),
    ] {
      let poll = try await read(gateway, as: who)
      #expect(poll.body.contains("\"data\":\(data)"), "\(poll.body)")
      #expect(poll.fields["jodrell-redacted"] == classes)
      let event = try #require((poll.json["events"] as? [[String: Any]])?.first)
      #expect(event["redacted"] as? String == classes)
      let bare = try await read(gateway, as: who, "from=earliest&view=data")
      #expect(bare.body.contains("[\(data)]"))
      let one = try await gateway.send("GET", "\(topic)/events/1:0", as: who)
      #expect(one.body.contains("\"data\":\(data)"))
      #expect(one.fields["jodrell-redacted"] == classes)
      let bytes = try await gateway.send("GET", "\(topic)/events/1:0?view=data", as: who)
      #expect(bytes.body == data)
      for type in ["text/event-stream", "application/x-ndjson"] {
        let stream = try await gateway.send(
          "GET", "\(topic)/events?from=earliest", as: who, ["Accept": type], steps: 4,
          until: "data")
        #expect(stream.steps.joined().contains("\"data\":\(data)"), "\(stream.steps)")
        #expect(stream.fields["jodrell-redacted"] == classes)
      }
      let made = try await gateway.send(
        "PUT", "\(topic)/subscriptions/\(who)", as: who, [:], #"{"initialPosition":"earliest"}"#)
      #expect(made.status == 201, "\(made.body)")
      let received = try await gateway.send(
        "POST", "\(topic)/subscriptions/\(who)/receive", as: who, [:], "{}")
      #expect(received.body.contains("\"data\":\(data)"), "\(received.body)")
      #expect(received.fields["jodrell-redacted"] == classes)
    }
  }

  @Test("older events have the labels of both versions; those that nobody checked show nothing")
  func versions() async throws {
    let gateway = try await open()
    #expect(try await publish(payload, gateway) == 201)
    try await register(#"{"type":"object","properties":{"id":{}}}"#, gateway)
    #expect(try await publish(payload, gateway) == 201)
    #expect(try await read(gateway, as: "alice").fields["jodrell-redacted"] == nil)
    try await register(schema, gateway)
    #expect(try await publish(payload, gateway) == 201)
    let poll = try await read(gateway, as: "alice")
    let events = try #require(try poll.json["events"] as? [[String: Any]])
    #expect(events[0]["data"] == nil && events[0]["redacted"] as? String == "pii.bank,pii.contact")
    // What the second's own version does not describe is hidden, though a later one describes it.
    let second = try #require(events[1]["data"] as? [String: Any])
    #expect(second["id"] as? Int == 1 && second.count == 1)
    let third = try #require(events[2]["data"] as? [String: Any])
    #expect(third["email"] as? String == "****@x.example" && third["id"] as? Int == 1)
    let all = try await read(gateway, as: "olga")
    #expect(all.body.components(separatedBy: payload).count == 4)
    let bare = try await gateway.send("GET", "\(topic)/events/1:0?view=data", as: "alice")
    #expect(bare.status == 403 && bare.code == "class_required")
    #expect(try bare.json["classes"] as? [String] == ["pii.bank", "pii.contact"])
  }

  @Test("what breaks a classified schema is shown only to who may see all of it")
  func broken() async throws {
    let gateway = try await open(schema)
    for mode in ["warn", "quarantine"] {
      let bound = try await gateway.send(
        "PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"\#(mode)"}"#)
      #expect(bound.status == 201 || bound.status == 200)
      _ = try await publish(#"{"id":"ann@x.example","jane@x":1}"#, gateway)
    }
    for (place, marker) in [(topic, nil), ("\(topic)-quarantine", "pii.bank,pii.contact")] {
      for (who, sees) in [("alice", false), ("carl", false), ("olga", true)] {
        let answer = try await read(gateway, as: who, of: place)
        #expect(answer.body.contains("ann@x.example") == sees)
        #expect(answer.body.contains("schemaerrors") == sees)
        let event = try #require((answer.json["events"] as? [[String: Any]])?.first)
        #expect(event["dataclasses"] as? String == marker)
        #expect((event["redacted"] == nil) == sees)
      }
    }
  }

  @Test("loosening takes an admin, by whatever way")
  func loosening() async throws {
    let gateway = try await open(#"{"type":"object"}"#)
    try await register(schema, gateway)
    let looser = schema.replacing(#","x-classification":"pii.bank""#, with: "")
    func refused(_ answer: TestGateway.Answer) {
      #expect(answer.status == 403 && answer.code == "classification_loosened", "\(answer.body)")
    }
    let put = try await gateway.send(
      "PUT", "\(topic)/schema", ["Content-Type": "application/schema+json"], looser)
    refused(put)
    let loosened = try #require(try put.json["loosened"] as? [[String: Any]])
    #expect(loosened.first?["place"] as? String == "/iban")
    #expect(loosened.first?["class"] as? String == "pii.bank")
    refused(try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#))
    refused(try await gateway.send("DELETE", "\(topic)/schema"))
    refused(try await gateway.send("DELETE", "\(topic)/schema?subject=default"))
    _ = try await gateway.send(
      "PUT", "\(topic)/schema?subject=other", ["Content-Type": "application/schema+json"], "{}")
    refused(
      try await gateway.send(
        "PUT", "\(topic)/schema/binding", [:],
        #"{"rules":[{"when":{"type":"*"},"schema":"other"}]}"#))
    #expect(
      try await gateway.send(
        "DELETE", "/admin/v2/schemas/acme/shop/orders/schema", as: "alice"
      ).status == 403)
    // The same, or stricter, is anybody's who manages; looser is the admin's.
    try await register(
      schema.replacing("pii.bank\"", with: "pii\""), gateway)
    try await register(looser, gateway, as: "olga")
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/default", as: "olga", [:], #"{"version":1}"#)
        .status == 200)
  }

  @Test("a replay would answer questions about values")
  func replay() async throws {
    let gateway = try await open(schema)
    #expect(try await publish(payload, gateway) == 201)
    let candidate = #"{"properties":{"email":{"const":"ann@x.example"}}}"#
    let asked = try await gateway.send(
      "POST", "\(topic)/schema/replay", ["Content-Type": "application/schema+json"], candidate)
    #expect(asked.status == 403 && asked.code == "class_required")
    // That was a check, too.
    let soon = try await gateway.send(
      "POST", "\(topic)/schema/replay", ["Content-Type": "application/schema+json"], candidate)
    #expect(soon.status == 429, "\(soon.body)")
    gateway.clock.step(.seconds(90))
    let answered = try await gateway.send(
      "POST", "\(topic)/schema/replay", as: "olga", ["Content-Type": "application/schema+json"],
      candidate)
    #expect(answered.status == 200, "\(answered.body)")
  }

  @Test("a stream ends when what its reader may see changes")
  func changed() async throws {
    let gateway = try await open(schema)
    #expect(try await publish(payload, gateway) == 201)
    async let stream = gateway.send(
      "GET", "\(topic)/events?from=earliest", as: "carl", ["Accept": "text/event-stream"],
      steps: 5, until: "jodrell.end")
    try await gateway.untilStreams(1)
    try gateway.take(Self.policy("[pii]"))
    let ended = try await stream
    #expect(ended.steps.last?.contains("grants_changed") == true, "\(ended.steps)")
    let again = try await gateway.send(
      "GET", "\(topic)/events?from=earliest", as: "carl", ["Accept": "text/event-stream"],
      steps: 3, until: "data")
    #expect(again.steps.joined().contains(payload))
  }

  @Test("a renewed token that shows other classes ends the stream, and that is recorded")
  func renewed() async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let policy = Self.policy().replacing(
      #"when: {"/sub": {eq: carl}}"#, with: #"when: {"/level": {eq: "1"}}"#
    ).replacing(#"when: {"/sub": {eq: olga}}"#, with: #"when: {"/level": {eq: "2"}}"#)
    let gateway = try TestGateway(settings: policy, audit: trail)
    let made = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    #expect(made.status == 201, "\(made.body)")
    func token(_ level: String) throws -> String {
      try TestIssuer().token(["sub": "rita", "level": level], algorithm: .rs256).text
    }
    async let stream = gateway.send(
      "GET", "\(topic)/events?from=earliest", token: token("1"), ["Accept": "text/event-stream"],
      steps: 5, until: "jodrell.end")
    try await gateway.untilStreams(1)
    let id = try #require(await gateway.lastID)
    let answer = try await gateway.send("POST", "/v1/streams/\(id)/token", token: token("2"))
    #expect(answer.status == 200, "\(answer.body)")
    let ended = try await stream
    #expect(ended.steps.last?.contains("grants_changed") == true, "\(ended.steps)")
    let ends = trail.drain().map(\.members.text).filter { $0.contains(#""outcome":"end""#) }
    #expect(ends.count == 1 && ends[0].contains("grants_changed"), "\(ends)")
    #expect(await gateway.renewals == 0)
  }

  @Test("a field that would be too long says only that there are some")
  func manyClasses() async throws {
    let long = String(repeating: "x", count: 100)
    let members = (10..<40).map { #""m\#($0)":{"x-classification":"c\#($0).\#(long)"}"# }
    let gateway = try await open(#"{"properties":{\#(members.joined(separator: ","))}}"#)
    #expect(try await publish(#"{"m10":1}"#, gateway) == 201)
    let few = try await read(gateway, as: "alice")
    #expect(few.fields["jodrell-redacted"] == "c10.\(long)")
    let all = (10..<40).map { #""m\#($0)":1"# }.joined(separator: ",")
    #expect(try await publish("{\(all)}", gateway) == 201)
    let many = try await read(gateway, as: "alice")
    #expect(many.fields["jodrell-redacted"] == "*")
    #expect(many.body.contains(#""redacted":"c10.\#(long),c11."#))
  }

  @Test("whoami and explain tell them")
  func told() async throws {
    let gateway = try await open(schema)
    let whoami = try await gateway.send("GET", "/v1/whoami", as: "carl")
    #expect(whoami.body.contains(#""classes":["pii.contact"]"#), "\(whoami.body)")
    for (who, classes) in [("alice", []), ("carl", ["pii.contact"])] {
      let question =
        #"{"token":"\#(try TestGateway.token(who))","subscribe":"acme/shop/orders"}"#
      let explained = try await gateway.send("POST", "/v1/explain", as: "olga", [:], question)
      let request = try explained.json["request"] as? [String: Any]
      #expect(request?["classes"] as? [String] == classes, "\(explained.body)")
    }
    let contract = try await gateway.send("GET", "/openapi.json", as: nil)
    #expect(contract.body.components(separatedBy: #""Jodrell-Redacted":{"#).count == 4)
  }
}
