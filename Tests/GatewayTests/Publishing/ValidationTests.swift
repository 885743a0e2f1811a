import Foundation
import Testing

@testable import Gateway

/// What `schema/validate` says is what publishing would say.
@Suite struct ValidationTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]
  private let structured = ["Content-Type": "application/cloudevents+json"]
  private let batch = ["Content-Type": "application/cloudevents-batch+json"]
  private let lines = ["Content-Type": "application/x-ndjson"]

  private func open(_ binding: String? = nil) async throws -> TestGateway {
    let gateway = try TestGateway()
    for (subject, member) in [("made", "a"), ("paid", "b"), ("default", "c")] {
      let put = try await gateway.send(
        "PUT", "\(topic)/schema?subject=\(subject)", [:],
        #"{"type":"object","properties":{"\#(member)":{"type":"integer"}},"required":["\#(member)"]}"#
      )
      #expect(put.status == 201)
    }
    if let binding {
      let put = try await gateway.send("PUT", "\(topic)/schema/binding", [:], binding)
      #expect(put.status == 201, "\(put.body)")
    }
    return gateway
  }

  private let rules =
    #"{"rules":[{"when":{"type":"order.made"},"schema":"made"},"#
    + #"{"when":{"type":"order.*"},"schema":"paid","enforcement":"quarantine"}]}"#

  private func event(_ type: String, _ data: String, _ more: String = "") -> String {
    #"{"specversion":"1.0","id":"1","source":"/s","type":"\#(type)",\#(more)"data":\#(data)}"#
  }

  @Test("every mode has the same answer in both places")
  func agreement() async throws {
    let gateway = try await open(rules)
    let binary = { (type: String) in
      json.merging(["ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": type]) {
        $1
      }
    }
    for (fields, body) in [
      (json, #"{"a":1}"#), (binary("order.made"), #"{"a":1}"#), (binary("order.made"), #"{"b":1}"#),
      (binary("order.paid"), #"{"b":1}"#), (binary("other"), "{}"), (binary("order.made"), "{"),
      (["Content-Type": "text/plain"], "x"), ([:], "{}"),
      (structured, event("order.made", #"{"a":1}"#)),
      (structured, event("order.made", #"{"a":"x"}"#)), (structured, "{}"), (structured, "[]"),
      (structured, event("order.made", #"{"a":1}"#, #""dataschema":"urn:x","#)),
      (["Content-Type": "application/cloudevents+xml"], "<x/>"), (batch, "{}"), (batch, "[]"),
      (json.merging(["Content-Encoding": "gzip"]) { $1 }, "{}"),
      (lines.merging(["ce-type": "order.made"]) { $1 }, "{}"),
    ] as [([String: String], String)] {
      let tried = try await gateway.send("POST", "\(topic)/schema/validate", fields, body)
      let published = try await gateway.send("POST", "\(topic)/events", fields, body)
      if tried.status == 200 {
        let isValid = try tried.json["valid"] as? Bool
        #expect(published.status == (isValid == true ? 201 : 422), "\(fields) \(body)")
        guard isValid == false else { continue }
        #expect(try tried.json["errors"] as? NSArray == published.json["errors"] as? NSArray)
        #expect(
          try tried.json["schemaVersion"] as? Int == published.json["schemaVersion"] as? Int)
      } else {
        #expect(tried.status == published.status, "\(fields) \(body) \(tried.body)")
        #expect(tried.code == published.code)
        #expect(try tried.json["errors"] as? NSArray == published.json["errors"] as? NSArray)
      }
    }
    // Nothing of what was only tried is stored.
    let read = try await gateway.send("GET", "\(topic)/events?from=earliest")
    #expect((try read.json["events"] as? [Any])?.count == 3)
  }

  @Test("a batch is answered event by event, and nothing is quarantined")
  func batches() async throws {
    let gateway = try await open(rules)
    let body =
      "[\(event("order.made", #"{"a":1}"#)),\(event("order.x", #"{"b":""}"#)),\(event("z", "{}"))]"
    let tried = try await gateway.send("POST", "\(topic)/schema/validate", batch, body)
    #expect(tried.status == 200)
    #expect(try tried.json["valid"] as? Bool == false)
    #expect(try tried.json["checked"] as? Int == 3 && tried.json["refused"] as? Int == 2)
    let results = try #require(try tried.json["results"] as? [[String: Any]])
    #expect(results.map { $0["valid"] as? Bool } == [true, false, false])
    #expect(results[0]["schemaVersion"] as? Int == 1)
    let problems = results.compactMap { $0["error"] as? [String: Any] }
    #expect(problems.map { $0["code"] as? String } == ["schema_violation", "unknown_event_type"])
    let one = try await gateway.send(
      "POST", "\(topic)/schema/validate", structured, event("order.x", #"{"b":""}"#))
    #expect(try one.json["valid"] as? Bool == false)
    #expect(try one.json["enforcement"] as? String == "quarantine")
    let rows = try await gateway.send(
      "POST", "\(topic)/schema/validate?type=order.made", lines, "{\"a\":1}\n\n{\"a\":\n")
    let malformed = try #require((try rows.json["results"] as? [[String: Any]])?.last)
    let problem = try #require(malformed["error"] as? [String: Any])
    #expect(problem["code"] as? String == "malformed_json")
    let place = try #require((problem["errors"] as? [[String: Any]])?.first)
    #expect(place["line"] as? Int == 3 && place["offset"] as? Int == 14)
    let good = try await gateway.send(
      "POST", "\(topic)/schema/validate?type=order.made", lines, "{\"a\":1}\n{\"a\":2}\n")
    #expect(try good.json["valid"] as? Bool == true)
    #expect(try await gateway.send("GET", "\(topic)-quarantine").status == 404)
  }

  @Test("a version or a line may be asked for, whatever the binding says")
  func chosen() async throws {
    let gateway = try await open(rules)
    for (query, valid, version) in [
      ("version=1", false, 1), ("version=2", true, 2), ("subject=paid", true, 2),
      ("subject=default", false, 3), ("subject=paid&version=2", true, 2),
      ("type=order.made", false, 1), ("type=order.y", true, 2),
    ] {
      let tried = try await gateway.send(
        "POST", "\(topic)/schema/validate?\(query)", json, #"{"b":1}"#)
      #expect(try tried.json["valid"] as? Bool == valid, "\(query) \(tried.body)")
      #expect(try tried.json["schemaVersion"] as? Int == version)
    }
    for query in ["version=9", "subject=none", "subject=made&version=2"] {
      let tried = try await gateway.send("POST", "\(topic)/schema/validate?\(query)", json, "{}")
      #expect(tried.status == 404, "\(query)")
    }
    // An event's own type counts before the query's.
    let own = try await gateway.send(
      "POST", "\(topic)/schema/validate?type=order.made", structured, event("order.y", #"{"b":1}"#))
    #expect(try own.json["valid"] as? Bool == true)
  }

  @Test("a topic without a schema takes anything that is JSON; one that is not there is not found")
  func withoutSchema() async throws {
    let gateway = try TestGateway()
    let path = "/v1/topics/acme/shop/plain"
    #expect(try await gateway.send("POST", "\(path)/schema/validate", json, "{}").status == 404)
    _ = try await gateway.send("PUT", path)
    let free = try await gateway.send("POST", "\(path)/schema/validate", json, "{}")
    #expect(free.status == 200)
    #expect(try free.json["valid"] as? Bool == true && free.json["schemaVersion"] is NSNull)
    #expect(try await gateway.send("POST", "\(path)/schema/validate", json, "{").status == 400)
    _ = try await gateway.send("PUT", path, [:], #"{"requireSchema":true}"#)
    let needed = try await gateway.send("POST", "\(path)/schema/validate", json, "{}")
    #expect(needed.status == 409 && needed.code == "schema_required")
  }
}
