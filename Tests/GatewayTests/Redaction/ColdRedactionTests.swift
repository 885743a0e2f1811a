import Bytes
import Foundation
import HTTPWire
import LogConformance
import Metrics
import Schemas
import Synchronization
import Testing

@testable import Gateway
@testable import Topics

/// Classified data of schemas that are not compiled when an event goes out.
@Suite struct ColdRedactionTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let schemaType = ["Content-Type": "application/schema+json"]
  private let json = ["Content-Type": "application/json"]
  private let schema = #"""
    {"type":"object","properties":{"id":{"type":"integer"},
     "email":{"type":"string","x-classification":"pii.contact","x-redact":"mask:domain"},
     "iban":{"type":"string","x-classification":"pii.bank"}},"required":["id"]}
    """#
  private let payload = #"{"id":1,"email":"ann@x.example","iban":"DE1"}"#
  private let redacted = #"{"id":1,"email":"****@x.example","iban":null}"#

  /// Runs what is asked for at once, and then what happens meanwhile.
  private final class Meanwhile: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ new: @escaping @Sendable () -> Void) { action.withLock { $0 = new } }

    var workers: Workers {
      Workers { [self] work in
        work(.run)
        action.withLock { $0 }?()
        return nil
      }
    }
  }

  /// - Parameter evicts: whether what a worker has compiled is gone when its asker comes to it.
  private func open(
    _ text: String, audit: AuditTrail? = nil, evicts: Bool = false
  ) async throws -> TestGateway {
    let meanwhile = Meanwhile()
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, audit: audit, workers: meanwhile.workers)
    if evicts { meanwhile.set { [unowned gateway] in gateway.cool() } }
    let made = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    #expect(made.status == 201, "\(made.body)")
    try await register(text, gateway)
    return gateway
  }

  private func register(_ text: String, _ gateway: TestGateway, as who: String = "alice")
    async throws
  {
    let answer = try await gateway.send("PUT", "\(topic)/schema", as: who, schemaType, text)
    #expect(answer.status == 201, "\(answer.body)")
  }

  private func publish(_ payload: String, _ gateway: TestGateway) async throws -> Int {
    try await gateway.send("POST", events, json, payload).status
  }

  @Test("is compiled before anything goes out, by every way", arguments: [false, true])
  func waysOut(evicts: Bool) async throws {
    let gateway = try await open(schema, evicts: evicts)
    #expect(try await publish(payload, gateway) == 201)
    let ways: [(String, [String: String])] = [
      ("\(events)?from=earliest", [:]), ("\(events)/1:0", [:]),
      ("\(events)?from=earliest", ["Accept": "text/event-stream"]),
      ("\(events)?from=earliest", ["Accept": "application/x-ndjson"]),
    ]
    for (target, fields) in ways {
      gateway.cool()
      let isStream = !fields.isEmpty
      let answer = try await gateway.send(
        "GET", target, fields, steps: isStream ? 4 : 0, until: isStream ? "data" : nil)
      let text = isStream ? answer.steps.joined() : answer.body
      #expect(text.contains("\"data\":\(redacted)"), "\(text)")
      #expect(answer.fields["jodrell-redacted"] == "pii.bank,pii.contact")
    }
    _ = try await gateway.send(
      "PUT", "\(topic)/subscriptions/s", [:], #"{"initialPosition":"earliest"}"#)
    gateway.cool()
    let received = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/receive", [:], "{}")
    #expect(received.body.contains("\"data\":\(redacted)"), "\(received.body)")
    gateway.cool()
    let all = try await gateway.send("GET", "\(events)?from=earliest", as: "olga")
    #expect(all.body.contains(payload) && gateway.log.programs.bytes == 0)
  }

  @Test("of older versions both count, warm or cold", arguments: [false, true])
  func versions(evicts: Bool) async throws {
    let bare = #"{"type":"object","properties":{"id":{},"email":{}}}"#
    let gateway = try await open(bare, evicts: evicts)
    #expect(try await publish(payload, gateway) == 201)
    try await register(schema.replacing(#","x-classification":"pii.bank""#, with: ""), gateway)
    #expect(try await publish(payload, gateway) == 201)
    try await register(
      schema.replacing(#","x-classification":"pii.contact","x-redact":"mask:domain""#, with: ""),
      gateway, as: "olga")
    #expect(try await publish(payload, gateway) == 201)
    gateway.cool()
    for _ in 0..<2 {
      let poll = try await gateway.send("GET", "\(events)?from=earliest")
      let read = try #require(try poll.json["events"] as? [[String: Any]])
      let data = read.map { $0["data"] as? [String: Any] }
      // The first is of a version that labels nothing, and does not describe the second member.
      #expect(data[0]?["email"] as? String == "ann@x.example" && data[0]?["iban"] == nil)
      #expect(data[1]?["email"] as? String == "****@x.example" && data[1]?["iban"] is NSNull)
      #expect(data[2]?["email"] as? String == "ann@x.example" && data[2]?["iban"] is NSNull)
    }
  }

  @Test("what nobody checked and what broke the schema stays hidden", arguments: [false, true])
  func unchecked(evicts: Bool) async throws {
    let gateway = try await open(schema, evicts: evicts)
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"quarantine"}"#)
    #expect(bound.status < 300)
    gateway.cool()
    #expect(try await publish(#"{"id":"ann@x.example"}"#, gateway) == 202)
    gateway.cool()
    let long = String(repeating: "ann@x.example ", count: 6_000)
    #expect(long.utf8.count > GatewayLimits.eventOnLoop)
    #expect(try await publish(#"{"id":"\#(long)"}"#, gateway) == 202)
    // What is in force where they came from counts beside what they broke.
    try await register(schema.replacing("pii.bank", with: "pii.bank.account"), gateway, as: "olga")
    for (who, sees) in [("alice", false), ("carl", false), ("olga", true)] {
      gateway.cool()
      let read = try await gateway.send(
        "GET", "\(topic)-quarantine/events?from=earliest", as: who)
      #expect(read.body.contains("ann@x.example") == sees)
      let found = try #require(try read.json["events"] as? [[String: Any]])
      #expect(found.count == 2)
      for event in found {
        #expect(event["dataclasses"] as? String == "pii.bank,pii.contact")
      }
      let wanted =
        who == "alice" ? "pii.bank,pii.bank.account,pii.contact" : "pii.bank,pii.bank.account"
      #expect(read.fields["jodrell-redacted"] == (sees ? nil : wanted))
    }
  }

  @Test("a large event is checked on a worker, and redacted like a small one")
  func large() async throws {
    let gateway = try await open(schema)
    let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)
    gateway.cool()
    let event = #"{"id":1,"email":"ann@x.example","iban":"DE1","note":"\#(long)"}"#
    #expect(try await publish(event, gateway) == 201)
    gateway.cool()
    let one = try await gateway.send("GET", "\(events)/1:0?view=data")
    #expect(one.body == redacted, "what is not described is dropped")
    let broken =
      #"{"specversion":"1.0","id":"7","source":"urn:x","type":"t","data":"#
      + "\n" + #"{"id":"one","email":"ann@x.example","note":"\#(long)"}}"#
    let refused = try await gateway.send(
      "POST", events, ["Content-Type": "application/cloudevents+json"], broken)
    let fault = try #require((try refused.json["errors"] as? [[String: Any]])?.first)
    #expect(fault["pointer"] as? String == "/id" && fault["line"] as? Int == 2, "\(fault)")
  }

  @Test("whoever loses its right while a worker checks its event stores nothing")
  func lost() async throws {
    let meanwhile = Meanwhile()
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, workers: meanwhile.workers)
    _ = try await gateway.send("PUT", topic)
    try await register(schema, gateway)
    let less = policy.replacing(#"{publish: ["*/*"]}, "#, with: "")
    let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)
    for body in [payload, #"{"id":1,"note":"\#(long)"}"#] {
      gateway.cool()
      meanwhile.set { [unowned gateway] in try? gateway.take(less) }
      #expect(try await publish(body, gateway) == 403)
      meanwhile.set {}
      try gateway.take(policy)
    }
    let bounds = try await gateway.send("HEAD", events, as: "olga")
    #expect(bounds.fields["jodrell-last"] == nil)
  }

  @Test("to whoever loses its right while a worker compiles for it nothing was delivered")
  func undelivered() async throws {
    let meanwhile = Meanwhile()
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, workers: meanwhile.workers)
    _ = try await gateway.send("PUT", topic)
    try await register(schema, gateway)
    #expect(try await publish(payload, gateway) == 201)
    let path = "\(topic)/subscriptions/s"
    let made = try await gateway.send("PUT", path, [:], #"{"initialPosition":"earliest"}"#)
    #expect(made.status == 201, "\(made.body)")
    gateway.cool()
    let less = policy.replacing(#"{subscribe: ["*/*"]}, "#, with: "")
    meanwhile.set { [unowned gateway] in try? gateway.take(less) }
    let refused = try await gateway.send("POST", "\(path)/receive", [:], "{}")
    #expect(refused.code == "forbidden", "\(refused.body)")
    meanwhile.set {}
    try gateway.take(policy)
    let received = try await gateway.send("POST", "\(path)/receive", [:], "{}")
    let deliveries = try #require(try received.json["deliveries"] as? [[String: Any]])
    #expect(deliveries.map { $0["deliveryCount"] as? Int } == [1])
  }

  @Test("loosening takes an admin, whether the schema in force is compiled or not")
  func loosening() async throws {
    let gateway = try await open(#"{"type":"object"}"#)
    try await register(schema, gateway)
    let other = try await gateway.send("PUT", "\(topic)/schema?subject=other", schemaType, "{}")
    #expect(other.status == 201)
    let looser = schema.replacing(#","x-classification":"pii.bank""#, with: "")
    for (method, path, fields, body) in [
      ("PUT", "\(topic)/schema", schemaType, looser),
      ("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#),
      ("DELETE", "\(topic)/schema", [:], ""),
      (
        "PUT", "\(topic)/schema/binding", [:],
        #"{"rules":[{"when":{"type":"*"},"schema":"other"}]}"#
      ),
      ("DELETE", "/admin/v2/schemas/acme/shop/orders/schema", [:], ""),
    ] as [(String, String, [String: String], String)] {
      gateway.cool()
      let answer = try await gateway.send(method, path, fields, body)
      #expect(answer.status == 403, "\(method) \(path): \(answer.body)")
    }
    gateway.cool()
    let asked = try await gateway.send("POST", "\(topic)/schema/replay", schemaType, "{}")
    #expect(asked.status == 403 && asked.code == "class_required")
  }

  @Test("a replay that looks for classes too long is cut short, and what it has found stays known")
  func replayTime() async throws {
    let meanwhile = Meanwhile()
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, workers: meanwhile.workers)
    for text in [schema, schema.replacing("object", with: "object\",\"title\":\"x")] {
      try await register(text, gateway)
    }
    gateway.cool()
    // The candidate is compiled ahead of the check.
    meanwhile.set { [unowned gateway] in gateway.clock.step(.seconds(61)) }
    let cut = try await gateway.send("POST", "\(topic)/schema/replay", schemaType, "{}")
    #expect(cut.code == "overloaded" && cut.fields["retry-after"] != nil, "\(cut.body)")
    #expect(await gateway.labelBytes > 0)
    gateway.clock.step(.seconds(90))
    // The first is known: time is left for the second.
    let known = try await gateway.send("POST", "\(topic)/schema/replay", schemaType, "{}")
    #expect(known.code == "class_required", "\(known.body)")
  }

  @Test("what a version without labels describes is found out once for all readers of a loop")
  func described() async throws {
    let gateway = try await open(#"{"type":"object","properties":{"id":{},"email":{}}}"#)
    #expect(try await publish(payload, gateway) == 201)
    try await register(schema, gateway)
    let redacted = #"{"id":1,"email":"****@x.example"}"#
    gateway.cool()
    for _ in 0..<3 {
      let one = try await gateway.send("GET", "\(events)/1:0?view=data")
      #expect(one.body == redacted, "\(one.body)")
    }
    let bytes = await gateway.labelBytes
    #expect(bytes > 0)
    // Neither is compiled again.
    gateway.cool()
    let other = try await gateway.send("GET", "\(events)/1:0?view=data")
    #expect(other.body == redacted && gateway.log.programs.bytes == 0)
    #expect(await gateway.labelBytes == bytes)
  }

  @Test("what a loop remembers of labels is bounded in bytes, and everything is shown as before")
  func memory() async throws {
    let gateway = try await open("{}")
    let filler = String(repeating: "x", count: 900_000)
    // Of each of these a megabyte is remembered.
    for version in 1...12 {
      try await register(
        schema.replacing(
          #""type":"object""#,
          with: #""type":"object","title":"\#(version)","description":"\#(filler)""#), gateway)
      #expect(try await publish(payload, gateway) == 201)
    }
    gateway.cool()
    for _ in 0..<2 {
      let page = try await gateway.send("GET", "\(events)?from=earliest")
      #expect(page.body.components(separatedBy: self.redacted).count == 13, "\(page.body)")
      #expect(await gateway.labelBytes <= 8 << 20)
      #expect(await gateway.labelBytes > 4 << 20)
      gateway.cool()
    }
  }

  @Test("the audit log has the classes of a stream's topic", arguments: [false, true])
  func audit(evicts: Bool) async throws {
    let trail = AuditTrail(sample: 0, metrics: AuditMetrics(), wake: {})
    let gateway = try await open(schema, audit: trail, evicts: evicts)
    for who in ["alice", "olga"] {
      gateway.cool()
      _ = try await gateway.send(
        "GET", "\(events)?from=earliest", as: who, ["Accept": "text/event-stream"], steps: 1)
    }
    let entries = trail.drain().map(\.members.text)
    let told = entries.filter { $0.contains(#""classified":["pii.bank","pii.contact"]"#) }
    #expect(told.count == 2, "\(entries)")
  }
}
