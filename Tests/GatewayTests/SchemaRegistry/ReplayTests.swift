import Bytes
import Foundation
import LogConformance
import Testing

@testable import Gateway

/// A candidate over stored events.
@Suite struct ReplayTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]
  private let schema = ["Content-Type": "application/schema+json"]

  private func rows(_ report: [String: Any], _ name: String) throws -> [[String: Any]] {
    try #require(report[name] as? [[String: Any]])
  }

  @Test("tells the share by rule, field and producer, with samples, and what was skipped")
  func report() async throws {
    let gateway = try TestGateway()
    for index in 0..<20 {
      let source = ["ce-specversion": "1.0", "ce-id": "\(index)", "ce-type": "t"]
      let fields = json.merging(source) { $1 }
        .merging(["ce-source": index % 2 == 0 ? "/even" : "/odd"]) { $1 }
      let quantities = (0..<3).map { "{\"qty\":\($0 == 1 && index >= 15 ? 0 : 1)}" }
      let sent = try await gateway.send(
        "POST", "\(topic)/events", fields,
        "{\"id\":\"\(index)\",\"items\":[\(quantities.joined(separator: ","))]}")
      #expect(sent.status == 201)
    }
    _ = try await gateway.send("POST", "\(topic)/events", ["Content-Type": "text/plain"], "x")
    let candidate = #"""
      {"properties":{"id":{"maxLength":1},
       "items":{"items":{"properties":{"qty":{"minimum":1}}}}}}
      """#
    let answer = try await gateway.send("POST", "\(topic)/schema/replay", schema, candidate)
    #expect(answer.status == 200, "\(answer.body)")
    let report = try answer.json
    #expect(report["checked"] as? Int == 20 && report["refused"] as? Int == 10)
    #expect(report["percent"] as? Double == 50)
    #expect(report["complete"] as? Bool == true)
    #expect(report["from"] as? String == "1:0" && report["next"] as? String == "1:20")
    #expect((report["skipped"] as? [String: Int])?["notJSON"] == 1)
    let rules = try rows(report, "rules")
    #expect(rules.map { $0["keyword"] as? String } == ["maxLength", "minimum"])
    #expect(rules.map { $0["refused"] as? Int } == [10, 5])
    #expect(rules.map { $0["percent"] as? Double } == [50, 25])
    #expect(rules[1]["samples"] as? [String] == ["1:15", "1:16", "1:17", "1:18", "1:19"])
    let fields = try rows(report, "fields")
    #expect(fields.map { $0["pointer"] as? String } == ["/id", "/items/*/qty"])
    let producers = try rows(report, "producers")
    #expect(Set(producers.map { $0["source"] as? String }) == ["/even", "/odd"])
    #expect(producers.allSatisfy { $0["refused"] as? Int == 5 && $0["checked"] as? Int == 10 })
    #expect(producers.allSatisfy { $0["principal"] as? String == "alice" })
    #expect(producers.allSatisfy { $0["service"] as? String == "till" })
    #expect(try rows(report, "schemaVersions").count == 1)
    // Nothing was registered.
    #expect(try await gateway.send("GET", "\(topic)/schema").status == 404)
  }

  @Test("looks at the newest so many, of one type if asked; an empty topic has none")
  func choice() async throws {
    let gateway = try TestGateway()
    for index in 0..<6 {
      let type = index % 2 == 0 ? "order.made" : "cart.left"
      let fields = json.merging([
        "ce-specversion": "1.0", "ce-id": "\(index)", "ce-source": "/s", "ce-type": type,
      ]) { $1 }
      _ = try await gateway.send("POST", "\(topic)/events", fields, "{\"n\":\(index)}")
    }
    let two = try await gateway.send(
      "POST", "\(topic)/schema/replay?last=2", schema, #"{"required":["m"]}"#)
    #expect(try two.json["checked"] as? Int == 2)
    #expect(try rows(try two.json, "rules")[0]["samples"] as? [String] == ["1:4", "1:5"])
    gateway.clock.step(.seconds(2))
    let orders = try await gateway.send(
      "POST", "\(topic)/schema/replay?type=order.*", schema, "true")
    #expect(try orders.json["checked"] as? Int == 3)
    #expect((try orders.json["skipped"] as? [String: Int])?["otherType"] == 3)
    gateway.clock.step(.seconds(2))
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/empty", [:], "{}")
    let none = try await gateway.send(
      "POST", "/v1/topics/acme/shop/empty/schema/replay", schema, "false")
    #expect(try none.json["checked"] as? Int == 0 && none.json["complete"] as? Bool == true)
  }

  @Test("a tenant has one check at a time, so has a topic, and both have a pause after it")
  func pauses() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", "\(topic)/events", json, "1")
    func replay() async throws -> TestGateway.Answer {
      try await gateway.send("POST", "\(topic)/schema/replay", schema, "true")
    }
    #expect(try await replay().status == 200)
    let soon = try await replay()
    #expect(soon.status == 429 && soon.code == "rate_limited")
    #expect(soon.fields["retry-after"] == "1")
    gateway.clock.step(.seconds(1))
    #expect(try await replay().status == 200)

    let desk = ReplayDesk()
    func name(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }
    let start = gateway.clock.monotonic
    func enter(_ topic: String, of tenant: String, after seconds: Int64 = 0) -> TimeSpan? {
      desk.enter(name(topic), of: name(tenant), at: start + .seconds(seconds))
    }
    func leave(_ topic: String, of tenant: String, from first: Int64, to last: Int64) {
      desk.leave(
        name(topic), of: name(tenant), from: start + .seconds(first), at: start + .seconds(last))
    }
    #expect(enter("a/x", of: "a") == nil)
    #expect(enter("a/y", of: "a") != nil)
    #expect(enter("a/x", of: "d") != nil)
    #expect(enter("b/x", of: "b") == nil)
    #expect(enter("c/x", of: "c") != nil, "two run at once")
    leave("a/x", of: "a", from: 0, to: 5)
    #expect(enter("c/x", of: "c", after: 5) == nil)
    leave("c/x", of: "c", from: 5, to: 5)
    #expect(enter("a/y", of: "a", after: 9) == .seconds(1))
    #expect(enter("a/x", of: "d", after: 9) == .seconds(1))
    #expect(enter("a/y", of: "a", after: 10) == nil)
  }

  @Test("wants the right to register and the right to read, and a schema")
  func refusals() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", "\(topic)/events", json, "1")
    let replay = "\(topic)/schema/replay"
    #expect(try await gateway.send("POST", replay, as: "rita", schema, "true").status == 403)
    #expect(try await gateway.send("POST", replay, as: "bob", schema, "true").status == 404)
    #expect(
      try await gateway.send("POST", replay, schema, #"{"type":7}"#).code == "schema_invalid")
    let zero = try await gateway.send("POST", replay + "?last=0", schema, "true")
    #expect(zero.code == "bad_parameter")
    #expect(try await gateway.send("POST", replay + "?frist=1", schema, "true").status == 400)
    let absent = "/v1/topics/acme/shop/absent/schema/replay"
    #expect(try await gateway.send("POST", absent, schema, "true").status == 404)
  }

  @Test("ends when its caller hangs up, and gives its place back")
  func hangUp() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", "\(topic)/events", json, "1")
    let (topic, schema) = (topic, schema)
    let caller = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await gateway.send("POST", "\(topic)/schema/replay", schema, "true")
    }
    caller.cancel()
    #expect(try await caller.value.code == "draining")
    gateway.clock.step(.seconds(1))
    #expect(try await gateway.send("POST", "\(topic)/schema/replay", schema, "true").status == 200)
  }
}
