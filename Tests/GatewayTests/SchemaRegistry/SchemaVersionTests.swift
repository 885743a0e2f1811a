import Bytes
import Foundation
import LogConformance
import Testing
import Topics

@testable import Gateway

/// Versions of a topic's schema: registered, moved, deprecated, deleted.
@Suite struct SchemaVersionTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]
  private let one = #"{"type":"object","required":["a"]}"#
  private let two = #"{"type":"object","required":["b"]}"#

  private func open() async throws -> TestGateway {
    let gateway = try TestGateway(isDevelopment: true)
    _ = try await gateway.send(
      "PUT", "/v1/namespaces/acme/shop", [:], #"{"compatibility":"NONE"}"#)
    for schema in [one, two] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", [:], schema).status == 201)
    }
    return gateway
  }

  private func publish(
    _ gateway: TestGateway, _ payload: String, _ fields: [String: String] = [:]
  ) async throws -> TestGateway.Answer {
    try await gateway.send(
      "POST", "\(topic)/events", fields.merging(json) { own, _ in own }, payload)
  }

  @Test("the default moves back and forth, and publishing follows it")
  func rollback() async throws {
    let gateway = try await open()
    #expect(try await publish(gateway, #"{"a":1}"#).status == 422)
    let back = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    #expect(back.status == 200)
    #expect(try back.json["default"] as? Bool == true)
    let stored = try await publish(gateway, #"{"a":1}"#)
    #expect(try stored.json["schemaVersion"] as? Int == 1)
    #expect(try await gateway.send("GET", "\(topic)/schema").body == one)
    // Registering what is there already moves nothing.
    let again = try await gateway.send("PUT", "\(topic)/schema", [:], two)
    #expect(again.status == 200)
    #expect(try again.json["version"] as? Int == 2)
    #expect(try again.json["default"] as? Bool == false)
    #expect(try await publish(gateway, #"{"a":1}"#).status == 201)
    let list = try await gateway.send("GET", "\(topic)/schemas").json
    #expect((list["defaults"] as? [String: Int]) == ["default": 1])
    let schemas = try #require(list["schemas"] as? [[String: Any]])
    #expect(schemas.map { $0["default"] as? Bool } == [true, false])
    #expect(schemas.map { $0["author"] as? String } == ["alice", "alice"])
    for (body, status) in [
      (#"{"version":9}"#, 404), (#"{"version":0}"#, 400), (#"{}"#, 400), (#"{"v":1}"#, 400),
    ] {
      #expect(
        try await gateway.send("PUT", "\(topic)/schema/default", [:], body).status == status)
    }
  }

  @Test("a deprecated version tells its publishers, and is counted")
  func deprecation() async throws {
    let gateway = try await open()
    let patched = try await gateway.send(
      "PATCH", "\(topic)/schemas/2", [:], #"{"state":"deprecated"}"#)
    #expect(try patched.json["state"] as? String == "deprecated")
    let stored = try await publish(gateway, #"{"b":1}"#)
    #expect(stored.status == 201)
    let since = gateway.clock.wall.nanoseconds / 1_000_000_000
    #expect(stored.fields["deprecation"] == "@\(since)")
    #expect(stored.fields["link"] == "<\(topic)/schemas>; rel=\"deprecation\"")
    let lines = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/x-ndjson"],
      "{\"b\":1}\n{\"b\":2}\n")
    #expect(lines.status == 201 && lines.fields["deprecation"] == "@\(since)")
    let metrics = try await gateway.send("GET", "/metrics", as: nil).body
    #expect(metrics.contains("\njodrell_publish_deprecated_total{"))
    let counted = metrics.split(separator: "\n").first {
      $0.hasPrefix("jodrell_publish_deprecated_total{")
    }
    #expect(counted?.hasSuffix("} 3") == true)
    _ = try await gateway.send("PATCH", "\(topic)/schemas/2", [:], #"{"state":"active"}"#)
    #expect(try await publish(gateway, #"{"b":1}"#).fields["deprecation"] == nil)
    for (body, status) in [(#"{"state":"deleted"}"#, 400), ("{}", 400)] {
      #expect(try await gateway.send("PATCH", "\(topic)/schemas/2", [:], body).status == status)
    }
    #expect(
      try await gateway.send("PATCH", "\(topic)/schemas/7", [:], #"{"state":"active"}"#).status
        == 404)
  }

  @Test("a deprecation says why and until when, and the list shows it")
  func notice() async throws {
    let gateway = try await open()
    let body = #"{"state":"deprecated","reason":"use 3","sunset":"2031-05-06T07:08:09Z"}"#
    let before = try await gateway.send("GET", "\(topic)/schemas/2").fields["etag"]
    let patched = try await gateway.send("PATCH", "\(topic)/schemas/2", [:], body)
    #expect(patched.status == 200 && patched.fields["etag"] != before)
    let list = try await gateway.send("GET", "\(topic)/schemas")
    let version = try #require((try list.json["schemas"] as? [[String: Any]])?.last)
    #expect(version["reason"] as? String == "use 3")
    #expect((version["sunset"] as? String)?.hasPrefix("2031-05-06T07:08:09") == true)
    let stored = try await publish(gateway, #"{"b":1}"#)
    #expect(stored.fields["sunset"] == "Tue, 06 May 2031 07:08:09 GMT")
    let other = try await gateway.send(
      "PATCH", "\(topic)/schemas/2", [:], #"{"state":"deprecated","reason":"use 4"}"#)
    #expect(other.fields["etag"] != patched.fields["etag"])
    #expect(try await publish(gateway, #"{"b":1}"#).fields["sunset"] == nil)
    for body in [
      #"{"state":"active","reason":"x"}"#, #"{"state":"deprecated","sunset":"soon"}"#,
      "{\"state\":\"deprecated\",\"reason\":\"\(String(repeating: "x", count: 513))\"}",
    ] {
      #expect(try await gateway.send("PATCH", "\(topic)/schemas/2", [:], body).status == 400)
    }
    let active = try await gateway.send(
      "PATCH", "\(topic)/schemas/2", [:], #"{"state":"active"}"#)
    #expect(try active.json["reason"] == nil)
  }

  @Test("the list comes in pages")
  func pages() async throws {
    let gateway = try await open()
    _ = try await gateway.send("PUT", "\(topic)/schema?subject=other", [:], one)
    var path = "\(topic)/schemas?limit=1"
    var seen: [Int] = []
    while true {
      let page = try await gateway.send("GET", path)
      let list = try #require(try page.json["schemas"] as? [[String: Any]])
      #expect(list.count == 1)
      seen += list.compactMap { $0["version"] as? Int }
      guard let link = page.fields["link"] else { break }
      path = String(link.dropFirst().prefix { $0 != ">" })
    }
    #expect(seen == [1, 2, 3])
    let own = try await gateway.send("GET", "\(topic)/schemas?limit=1&subject=default&after=1")
    #expect(own.fields["link"] == nil)
    #expect((try own.json["schemas"] as? [[String: Any]])?.first?["version"] as? Int == 2)
    #expect(try await gateway.send("GET", "\(topic)/schemas?limit=0").status == 400)
  }

  @Test("deletion is soft first; for good only when nothing can name the version")
  func deletion() async throws {
    let gateway = try await open()
    _ = try await publish(gateway, #"{"b":1}"#)
    let inUse = try await gateway.send("DELETE", "\(topic)/schemas/2")
    #expect(inUse.status == 409 && inUse.code == "schema_in_use")
    _ = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    #expect(
      try await gateway.send("DELETE", "\(topic)/schemas/2?permanent=true").code == "schema_in_use")
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/2").status == 204)
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/2").status == 404)
    let text = try await gateway.send("GET", "\(topic)/schemas/2")
    #expect(text.body == two && text.fields["schema-state"] == "deleted")
    #expect(
      (try await gateway.send("GET", "\(topic)/schemas").json["schemas"] as? [Any])?.count == 1)
    #expect(
      (try await gateway.send("GET", "\(topic)/schemas?deleted=true").json["schemas"] as? [Any])?
        .count == 2)
    // An event that names it is kept.
    let refused = try await gateway.send("DELETE", "\(topic)/schemas/2?permanent=true")
    #expect(refused.status == 409 && refused.code == "schema_in_use")
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":2}"#).status == 409
    )
    // Brought back, and deleted without any event that names it.
    _ = try await gateway.send("PATCH", "\(topic)/schemas/2", [:], #"{"state":"active"}"#)
    _ = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":2}"#)
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/1").status == 204)
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/1?permanent=true").status == 204)
    #expect(try await gateway.send("GET", "\(topic)/schemas/1").status == 404)
    // Its number is not given out again.
    let next = try await gateway.send("PUT", "\(topic)/schema", [:], one)
    #expect(try next.json["version"] as? Int == 3)
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 204)
    #expect(try await publish(gateway, "{}").status == 201)
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 404)
  }

  @Test("dataschema is shown when absent, verified when sent")
  func dataschema() async throws {
    let gateway = try await open()
    _ = try await publish(gateway, #"{"b":1}"#)
    let read = try await gateway.send("GET", "\(topic)/events?from=earliest")
    let event = try #require((try read.json["events"] as? [[String: Any]])?.first)
    let uri = "https://events.example\(topic)/schemas/2"
    #expect(event["dataschema"] as? String == uri && event["schemaversion"] as? Int == 2)

    func fields(_ schema: String) -> [String: String] {
      [
        "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t",
        "ce-dataschema": schema,
      ]
    }
    for named in [uri, "\(topic)/schemas/2"] {
      #expect(try await publish(gateway, #"{"b":1}"#, fields(named)).status == 201, "\(named)")
    }
    for named in [
      "https://events.example\(topic)/schemas/1", "\(topic)/schemas/02x", "urn:x",
      "https://other.example\(topic)/schemas/2", "\(topic)/schemas/99999999999",
    ] {
      let refused = try await publish(gateway, #"{"b":1}"#, fields(named))
      #expect(refused.status == 422 && refused.code == "dataschema_mismatch", "\(named)")
      #expect(try refused.json["accepted"] as? [Int] == [2])
    }
    // A version that the binding accepts is chosen by it, alone and in a batch.
    let binding = #"{"rules":[{"when":{"type":"*"},"schema":"default","versions":">=1"}]}"#
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/binding", [:], binding).status == 201)
    let chosen = try await publish(gateway, #"{"a":1}"#, fields("\(topic)/schemas/1"))
    #expect(try chosen.json["schemaVersion"] as? Int == 1)
    #expect(try await publish(gateway, #"{"b":1}"#, fields("\(topic)/schemas/1")).status == 422)
    let batch = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/cloudevents-batch+json"],
      #"[{"specversion":"1.0","id":"1","source":"/s","type":"t","dataschema":"\#(topic)/schemas/1","#
        + #""data":{"a":1}},{"specversion":"1.0","id":"2","source":"/s","type":"t","data":{"b":1}}]"#
    )
    #expect(batch.status == 201)
    let last = try await gateway.send("GET", "\(topic)/events/1:4")
    #expect(try last.json["schemaversion"] as? Int == 1)
  }

  @Test("warnings come with the answer; strict refuses")
  func lint() async throws {
    let gateway = try TestGateway()
    let text = #"{"type":"object","requird":["a"]}"#
    let strict = try await gateway.send("PUT", "\(topic)/schema?lint=strict", [:], text)
    #expect(strict.status == 422 && strict.code == "schema_lint")
    let found = try #require(try strict.json["warnings"] as? [[String: String]])
    #expect(found.first?["pointer"] == "#/requird" && found.first?["code"] == "keyword.unknown")
    let lax = try await gateway.send("PUT", "\(topic)/schema", [:], text)
    #expect(lax.status == 201)
    #expect((try lax.json["warnings"] as? [Any])?.count == 1)
    #expect(try await gateway.send("PUT", "\(topic)/schema?lint=off", [:], text).status == 400)
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/binding", [:], #"{"lint":"strict"}"#).status
        == 201)
    #expect(try await gateway.send("PUT", "\(topic)/schema", [:], text).code == "schema_lint")
  }
}
