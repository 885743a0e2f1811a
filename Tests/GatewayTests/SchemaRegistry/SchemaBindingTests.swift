import Bytes
import Foundation
import Testing
import Topics

@testable import Gateway

/// Which events are checked against what, and what becomes of those that fail.
@Suite struct SchemaBindingTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]
  private let dead = "/v1/topics/acme/shop/orders-quarantine"

  private func open(_ binding: String) async throws -> TestGateway {
    let gateway = try TestGateway()
    for (subject, member) in [("made", "a"), ("paid", "b")] {
      let answer = try await gateway.send(
        "PUT", "\(topic)/schema?subject=\(subject)", [:],
        #"{"type":"object","properties":{"\#(member)":{"type":"integer"}},"required":["\#(member)"]}"#
      )
      #expect(answer.status == 201)
    }
    let answer = try await gateway.send("PUT", "\(topic)/schema/binding", [:], binding)
    #expect(answer.status == 201, "\(answer.body)")
    return gateway
  }

  private func publish(
    _ gateway: TestGateway, _ type: String?, _ payload: String
  ) async throws -> TestGateway.Answer {
    var fields = ["Content-Type": "application/json"]
    if let type {
      fields["ce-specversion"] = "1.0"
      fields["ce-id"] = "e"
      fields["ce-source"] = "/s"
      fields["ce-type"] = type
    }
    return try await gateway.send("POST", "\(topic)/events", fields, payload)
  }

  private func events(_ gateway: TestGateway, _ topic: String) async throws -> [[String: Any]] {
    let read = try await gateway.send("GET", "\(topic)/events?from=earliest")
    return try read.json["events"] as? [[String: Any]] ?? []
  }

  @Test("the type chooses the schema; unknown types are told the known ones")
  func types() async throws {
    let gateway = try await open(
      #"{"rules":[{"when":{"type":"order.made"},"schema":"made"},"#
        + #"{"when":{"type":"order.*"},"schema":"paid"}]}"#)
    let made = try await publish(gateway, "order.made", #"{"a":1}"#)
    #expect(try made.json["schemaVersion"] as? Int == 1)
    let paid = try await publish(gateway, "order.paid", #"{"b":1}"#)
    #expect(try paid.json["schemaVersion"] as? Int == 2)
    #expect(try await publish(gateway, "order.made", #"{"b":1}"#).code == "schema_violation")
    for type in ["other", nil] {
      let unknown = try await publish(gateway, type, #"{"a":1}"#)
      #expect(unknown.status == 422 && unknown.code == "unknown_event_type")
      #expect(try unknown.json["types"] as? [String] == ["order.made", "order.*"])
    }
    let verdict = try await gateway.send(
      "POST", "\(topic)/schema/validate?type=order.x", json, #"{"b":"x"}"#)
    #expect(try verdict.json["valid"] as? Bool == false)
    #expect(try verdict.json["schemaVersion"] as? Int == 2)
    let other = try await gateway.send(
      "POST", "\(topic)/schema/validate?version=1", json, #"{"a":1}"#)
    #expect(try other.json["valid"] as? Bool == true)
    // A line that a rule names cannot go.
    let bound = try await gateway.send("DELETE", "\(topic)/schema?subject=made")
    #expect(bound.status == 409 && bound.code == "schema_in_use")
    #expect(try await gateway.send("DELETE", "\(topic)/schema/binding").status == 204)
    #expect(try await publish(gateway, "other", #"{"z":1}"#).status == 201)
  }

  @Test("the binding is shown as it was set, with where it leads")
  func shown() async throws {
    let gateway = try await open(
      #"{"rules":[{"when":{"type":"a.*"},"schema":"made","versions":"1-3","enforcement":"warn"}],"#
        + #""unmatched":"allow","enforcement":"quarantine","quarantine":"dead"}"#)
    let shown = try await gateway.send("GET", "\(topic)/schema/binding").json
    let rule = try #require((shown["rules"] as? [[String: Any]])?.first)
    #expect(rule["schema"] as? String == "made" && rule["default"] as? Int == 1)
    #expect(rule["versions"] as? String == "1-3" && rule["enforcement"] as? String == "warn")
    #expect(shown["unmatched"] as? String == "allow" && shown["quarantine"] as? String == "dead")
    #expect(try await publish(gateway, "z", "[1]").status == 201)
    _ = try await gateway.send("PUT", topic, [:], #"{"requireSchema":true}"#)
    #expect(try await publish(gateway, "z", "[1]").code == "schema_required")
    #expect(try await publish(gateway, "a.b", #"{"a":1}"#).status == 201)
    #expect(try await gateway.send("GET", "\(topic)/schema/binding", as: "rita").status == 200)
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/binding", as: "rita", [:], "{}").status == 403)
  }

  @Test(
    "what cannot be meant is refused",
    arguments: [
      (#"{"rules":[{"when":{"type":"a*b"},"schema":"made"}]}"#, 400),
      (#"{"rules":[{"when":{},"schema":"made"}]}"#, 400),
      (#"{"rules":[{"when":{"type":"a"},"schema":"absent"}]}"#, 409),
      (#"{"rules":[{"when":{"type":"a"},"schema":"made","versions":"x"}]}"#, 400),
      (
        #"{"rules":[{"when":{"type":"a*"},"schema":"made"},{"when":{"type":"ab"},"schema":"paid"}]}"#,
        400
      ),
      (#"{"enforcement":"sometimes"}"#, 400), (#"{"unmatched":1}"#, 400),
      (#"{"quarantine":"orders","enforcement":"quarantine"}"#, 400),
      (#"{"colour":1}"#, 400), (#"{"rules":{}}"#, 400),
    ])
  func refused(_ binding: String, _ status: Int) async throws {
    let gateway = try await open("{}")
    let answer = try await gateway.send("PUT", "\(topic)/schema/binding", [:], binding)
    #expect(answer.status == status, "\(answer.body)")
    #expect(try await gateway.send("GET", "\(topic)/schema/binding").json["revision"] as? Int == 3)
  }

  @Test("warn stores, marks and counts")
  func warns() async throws {
    let gateway = try await open(
      #"{"rules":[{"when":{"type":"*"},"schema":"made"}],"enforcement":"warn"}"#)
    #expect(try await publish(gateway, nil, #"{"a":1}"#).status == 201)
    let marked = try await publish(gateway, nil, #"{"a":"secret"}"#)
    #expect(marked.status == 201)
    #expect(try await publish(gateway, nil, "{").status == 400)
    let found = try await events(gateway, topic)
    #expect(found.map { $0["schemaversion"] as? Int } == [1, 1])
    #expect(found[0]["schemaerrors"] == nil)
    let errors = try #require(found[1]["schemaerrors"] as? String)
    #expect(errors.contains("\"/a\"") && !errors.contains("secret"))
    let outcomes = try await gateway.send("GET", topic).json["outcomes"] as? [String: Int]
    #expect(outcomes?["schema_warned"] == 1 && outcomes?["accepted"] == 1)
    // A publisher cannot write the mark itself.
    let forged = try await gateway.send(
      "POST", "\(topic)/events",
      [
        "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "1",
        "ce-source": "/s", "ce-type": "t", "ce-schemaerrors": "[]",
      ], #"{"a":1}"#)
    #expect(forged.status == 201)
    #expect(try await events(gateway, topic)[2]["schemaerrors"] == nil)
  }

  @Test("quarantine stores elsewhere, once, and says where")
  func quarantines() async throws {
    let gateway = try await open(
      #"{"rules":[{"when":{"type":"*"},"schema":"made"}],"enforcement":"quarantine"}"#)
    let sent = try await publish(gateway, "t", #"{"a":"secret"}"#)
    #expect(sent.status == 202)
    #expect(sent.fields["location"] == "\(dead)/events/2:0")
    #expect(try sent.json["topic"] as? String == "acme/shop/orders-quarantine")
    #expect(!sent.body.contains("secret"))
    #expect(try await events(gateway, topic).isEmpty)
    let kept = try #require(try await events(gateway, dead).first)
    #expect((kept["data"] as? [String: String]) == ["a": "secret"])
    #expect(kept["quarantinedfrom"] as? String == "acme/shop/orders")
    #expect(kept["failedschema"] as? String == "https://events.example\(topic)/schemas/1")
    #expect(kept["type"] as? String == "t" && kept["schemaversion"] == nil)
    // What is kept is all that a refusal would have said, and what the sender was told.
    let told = try #require(sent.json["errors"] as? [[String: Any]])
    let marks = try #require(kept["schemaerrors"] as? String)
    let errors = try JSONSerialization.jsonObject(with: Data(marks.utf8)) as? [[String: Any]]
    #expect(errors as NSArray? == told as NSArray)
    #expect(told.first?["pointer"] as? String == "/a")
    #expect(told.first?["schemaPointer"] as? String == "#/properties/a/type")
    #expect(told.first?["expected"] as? String == "integer")
    #expect((told.first?["actual"] as? [String: Any])?["length"] as? Int == 6)

    let ndjson = ["Content-Type": "application/x-ndjson"]
    let lines = "{\"a\":1}\n{\"a\":\"x\"}\n{\n{\"a\":2}\n{\"a\":\"y\"}\n"
    let mixed = try await gateway.send("POST", "\(topic)/events", ndjson, lines)
    #expect(mixed.status == 207)
    #expect(try mixed.json["stored"] as? Int == 2 && mixed.json["quarantined"] as? Int == 2)
    let results = try #require(try mixed.json["results"] as? [[String: Any]])
    #expect(results.map { $0["status"] as? Int } == [201, 202, 400, 201, 202])
    #expect(try await events(gateway, topic).count == 2)
    #expect(try await events(gateway, dead).count == 3)
    let all = try await gateway.send("POST", "\(topic)/events", ndjson, "{\"a\":\"x\"}\n{}\n")
    #expect(all.status == 202)
    // One topic or nowhere.
    let atomic = try await gateway.send(
      "POST", "\(topic)/events?atomic=true", ndjson, "{\"a\":1}\n{\"a\":\"x\"}\n")
    #expect(atomic.status == 422)
    #expect(try await events(gateway, topic).count == 2)
    #expect(try await events(gateway, dead).count == 5)
    let outcomes = try await gateway.send("GET", topic).json["outcomes"] as? [String: Int]
    #expect(outcomes?["quarantined"] == 5 && outcomes?["accepted"] == 2)
  }

  @Test("whoever sends events to a quarantine topic must manage it")
  func quarantineNeedsManage() async throws {
    let gateway = try await open("{}")
    let terms = #"{"enforcement":"quarantine"}"#
    let refused = try await gateway.send("PUT", "\(topic)/schema/binding", as: "mona", [:], terms)
    #expect(refused.status == 403)
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/binding", as: "mona", [:], "{}").status == 200)
    #expect(try await gateway.send("PUT", "\(topic)/schema/binding", [:], terms).status == 200)
    // Publishers need nothing for it.
    #expect(
      try await gateway.send("PUT", "\(topic)/schema", [:], #"{"type":"array"}"#).status == 201)
    let sent = try await gateway.send(
      "POST", "\(topic)/events", as: "paul", ["Content-Type": "application/json"], "{}")
    #expect(sent.status == 202)
    let long = String(repeating: "x", count: 120)
    let path = "/v1/topics/acme/shop/\(long)/schema/binding"
    #expect(try await gateway.send("PUT", path, [:], terms).status == 400)
    let named = try await gateway.send(
      "PUT", path, [:], #"{"enforcement":"quarantine","quarantine":"dead"}"#)
    #expect(named.status == 201)
  }
}
