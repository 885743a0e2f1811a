import Bytes
import Foundation
import Testing
import Topics

@testable import Gateway

/// Rules of the registry at their edges.
@Suite struct RegistryRuleTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let schema = ["Content-Type": "application/schema+json"]
  private let json = ["Content-Type": "application/json"]

  private func first(_ gateway: TestGateway, _ topic: String) async throws -> [String: Any] {
    let read = try await gateway.send("GET", "\(topic)/events?from=earliest")
    return try #require((try read.json["events"] as? [[String: Any]])?.first)
  }

  @Test("what is refused leaves no topic behind")
  func noTopicLeftBehind() async throws {
    let gateway = try TestGateway()
    let lint = try await gateway.send("PUT", "\(topic)/schema?lint=strict", schema, #"{"tpye":1}"#)
    #expect(lint.status == 422 && lint.code == "schema_lint")
    #expect(try await gateway.send("GET", topic).status == 404)
    let binding = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[{"when":{"type":"a"},"schema":"absent"}]}"#)
    #expect(binding.status == 409 && binding.code == "schema_absent")
    #expect(try await gateway.send("GET", topic).status == 404)
    let broken = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":7}"#)
    #expect(broken.status == 422)
    #expect(try await gateway.send("GET", topic).status == 404)
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, "{}").status == 201)
    #expect(try await gateway.send("GET", topic).status == 200)
  }

  @Test("where topics are not made on first use, that is what is said")
  func noTopicMade() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/namespaces/acme/shop", [:], #"{"autoCreate":false}"#)
    let put = try await gateway.send("PUT", "\(topic)/schema?lint=strict", schema, #"{"tpye":1}"#)
    #expect(put.status == 404)
    let binding = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[{"when":{"type":"a"},"schema":"absent"}]}"#)
    #expect(binding.status == 404)
  }

  @Test("a quarantined event keeps the type that it had where it was sent")
  func quarantinedType() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"integer"}"#)
    _ = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"quarantine"}"#)
    let sent = try await gateway.send("POST", events, json, "\"x\"")
    #expect(sent.status == 202)
    #expect(try await first(gateway, "\(topic)-quarantine")["type"] as? String == "shop.orders")
  }

  @Test("'unmatched' without rules is refused: no event would be unmatched")
  func unmatchedWithoutRules() async throws {
    let gateway = try TestGateway()
    for body in [#"{"rules":[],"unmatched":"reject"}"#, #"{"unmatched":"allow"}"#] {
      let put = try await gateway.send("PUT", "\(topic)/schema/binding", [:], body)
      #expect(put.status == 400 && put.code == "bad_parameter", "\(put.body)")
    }
    #expect(try await gateway.send("PUT", "\(topic)/schema/binding", [:], "{}").status == 201)
    let shown = try await gateway.send("GET", "\(topic)/schema/binding")
    #expect(try shown.json["unmatched"] is NSNull)
  }

  @Test("DELETE of all lines with If-Match: * is about whatever is there")
  func deleteWhatIsThere() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema?subject=made", schema, "true")
    let wrong = try await gateway.send("DELETE", "\(topic)/schema", ["If-Match": "\"x\""])
    #expect(wrong.status == 412)
    #expect(
      try await gateway.send("DELETE", "\(topic)/schema", ["If-Match": "*"]).status == 204)
    #expect(
      try await gateway.send("DELETE", "\(topic)/schema", ["If-Match": "*"]).status == 404)
  }

  @Test("numbers are digits without sign and leading zeros")
  func numbers() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, "true")
    for (path, status) in [
      ("schemas/1", 200), ("schemas/01", 404), ("schemas/+1", 404), ("schemas/%2B1", 404),
      ("schemas/0", 404), ("schemas/1.0", 404), ("events?from=earliest&max=5", 200),
      ("events?from=earliest&max=%2B5", 400), ("events?from=earliest&max=05", 400),
      ("events?from=earliest&max=-5", 400),
    ] {
      #expect(try await gateway.send("GET", "\(topic)/\(path)").status == status, "\(path)")
    }
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/01").status == 404)
    let patch = try await gateway.send(
      "PATCH", "\(topic)/schemas/01", [:], #"{"state":"deprecated"}"#)
    #expect(patch.status == 404)
  }

  @Test(
    "dataschema is delivered as the gateway's own URI, or as the absolute $id that was sent",
    arguments: [
      ("/v1/topics/acme/shop/orders/schemas/1", nil),
      ("https://events.example/v1/topics/acme/shop/orders/schemas/1", nil),
      ("https://x.example/order", "https://x.example/order"),
    ] as [(String, String?)])
  func dataschema(_ sent: String, _ delivered: String?) async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send(
      "PUT", "\(topic)/schema", schema, #"{"$id":"https://x.example/order"}"#)
    let fields = json.merging(
      [
        "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t",
        "ce-dataschema": sent, "ce-mine": "7",
      ]) { $1 }
    let answer = try await gateway.send("POST", events, fields, "{}")
    #expect(answer.status == 201, "\(answer.body)")
    let event = try await first(gateway, topic)
    #expect(
      event["dataschema"] as? String
        == delivered ?? "https://events.example/v1/topics/acme/shop/orders/schemas/1")
    #expect(event["mine"] as? String == "7" && event["type"] as? String == "t")
    let padded = fields.merging(["ce-dataschema": "/v1/topics/acme/shop/orders/schemas/01"]) { $1 }
    #expect(
      try await gateway.send("POST", events, padded, "{}").code == "dataschema_mismatch")
  }

  @Test("a dataschema that names another schema is not delivered where that only warns")
  func unverifiedDataschema() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, "true")
    _ = try await gateway.send("PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"warn"}"#)
    let fields = json.merging(
      [
        "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t",
        "ce-dataschema": "https://elsewhere.example/x",
      ]) { $1 }
    #expect(try await gateway.send("POST", events, fields, "{}").status == 201)
    let event = try await first(gateway, topic)
    #expect(
      event["dataschema"] as? String
        == "https://events.example/v1/topics/acme/shop/orders/schemas/1")
    #expect((event["schemaerrors"] as? String)?.contains("dataschema_mismatch") == true)
  }

  @Test("what is registered already may be registered, whatever the level")
  func identical() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"object"}"#)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"ALWAYS_INCOMPATIBLE"}"#)
    let same = try await gateway.send(
      "POST", "\(topic)/schema/check", schema, #"{ "type": "object" }"#)
    #expect(try same.json["compatible"] as? Bool == true)
    #expect(try same.json["identical"] as? Int == 1)
    let other = try await gateway.send("POST", "\(topic)/schema/check", schema, "true")
    #expect(try other.json["compatible"] as? Bool == false)
    #expect(try other.json["identical"] is NSNull)
    let put = try await gateway.send("PUT", "\(topic)/schema", schema, #"{ "type": "object" }"#)
    #expect(put.status == 200)
  }

  @Test("an $id that is no URI reference is refused at its place")
  func identifiers() async throws {
    let gateway = try TestGateway()
    let put = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"$id":"::::"}"#)
    #expect(put.status == 422)
    let error = try #require((try put.json["errors"] as? [[String: Any]])?.first)
    #expect(error["pointer"] as? String == "#/$id")
  }

  @Test("marks have the codes of problems")
  func marks() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send(
      "PUT", "\(topic)/schema", schema, #"{"pattern":"^(a+)+(?!b)$"}"#)
    _ = try await gateway.send("PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"warn"}"#)
    let text = String(repeating: "a", count: 40) + "!"
    #expect(try await gateway.send("POST", events, json, "\"\(text)\"").status == 201)
    let marks = try #require(try await first(gateway, topic)["schemaerrors"] as? String)
    #expect(marks.contains("\"pattern_limit_exceeded\""))
  }

  @Test("enforcement is the binding's, and PUT of a topic says so")
  func enforcement() async throws {
    let gateway = try TestGateway()
    let put = try await gateway.send("PUT", topic, [:], #"{"enforcement":"warn"}"#)
    #expect(put.status == 400 && put.code == "bad_parameter")
    #expect(put.body.contains("schema/binding"))
  }

  @Test("a version that another one has overtaken breaks a condition")
  func overtaken() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    let made = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"title":"1"}"#)
    let tag = try #require(made.fields["etag"])
    // Another one is registered while the body is on its way.
    let late = try await gateway.send(
      "PUT", "\(topic)/schema", schema.merging(["If-Match": tag]) { $1 }, #"{"title":"3"}"#,
      beforeBody: {
        let other = try await gateway.send(
          "PUT", "/v1/topics/acme/shop/orders/schema",
          ["Content-Type": "application/schema+json"], #"{"title":"2"}"#)
        #expect(other.status == 201)
      })
    #expect(late.status == 412 && late.code == "precondition_failed")
  }

  @Test(
    "versions of one topic have room for 16 MiB of text, and old ones beyond 4 MiB are not read")
  func bytes() async throws {
    let gateway = try TestGateway()
    let filler = String(repeating: "x", count: 1_000_000)
    func put(_ number: Int) async throws -> TestGateway.Answer {
      try await gateway.send(
        "PUT", "\(topic)/schema", schema,
        #"{"type":"integer","title":"\#(number)","description":"\#(filler)"}"#)
    }
    for number in 1...6 { #expect(try await put(number).status == 201) }
    // Six would have to be read, and five are.
    let undecided = try await put(7)
    #expect(undecided.status == 409 && undecided.code == "schema_undecided", "\(undecided.status)")
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    for number in 7...16 { #expect(try await put(number).status == 201) }
    let full = try await put(17)
    #expect(full.status == 409 && full.code == "too_many")
  }
}
