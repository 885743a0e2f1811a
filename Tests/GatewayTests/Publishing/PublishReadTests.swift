import Bytes
import Foundation
import Testing
import Topics

@testable import Gateway

@Suite struct PublishReadTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  @Test("an event is stored, answered with its place, and read back as a CloudEvent")
  func roundTrip() async throws {
    let gateway = try TestGateway()
    let stored = try await gateway.send("POST", events, json, #"{"qty":2}"#)
    #expect(stored.status == 201)
    #expect(stored.fields["location"] == "\(events)/1:0")
    #expect(try stored.json["messageId"] as? String == "1:0")
    #expect(stored.fields["server-timing"]?.hasPrefix("auth;dur=") == true)

    let read = try await gateway.send("GET", "\(events)?from=earliest")
    let found = try #require((try read.json["events"] as? [[String: Any]])?.first)
    #expect(found["specversion"] as? String == "1.0")
    #expect(found["source"] as? String == "urn:jodrell:acme:alice")
    #expect(found["type"] as? String == "shop.orders")
    #expect(found["authid"] as? String == "alice")
    #expect(found["service"] as? String == "till")
    #expect((found["data"] as? [String: Int])?["qty"] == 2)
    #expect(try read.json["next"] as? String == "1:0")
    #expect(try read.json["upToDate"] as? Bool == true)
  }

  @Test("what is refused makes no topic; the first event that is stored does")
  func firstEvent() async throws {
    let gateway = try TestGateway()
    let topic = "/v1/topics/acme/shop/orders"
    let batch = ["Content-Type": "application/cloudevents-batch+json"]
    let lines = ["Content-Type": "application/x-ndjson"]
    let refused: [([String: String], String, String)] = [
      (json, "", "{"), (json, "", String(repeating: "[", count: 2_000)),
      (json, "?atomic=true", "{}"),
      (["Content-Type": "application/cloudevents+json"], "", #"{"specversion":"2.0"}"#),
      (batch, "", #"[{"specversion":"1.0","data":{}},"#), (batch, "", "[{}]"),
      (batch, "?atomic=true", #"[{"specversion":"1.0","data":{}},{}]"#),
      (lines, "", "{\n[\n"), (lines, "?atomic=true", "{}\n{\n"), (lines, "", "\n\n"),
    ]
    for (fields, query, body) in refused {
      let answer = try await gateway.send("POST", events + query, fields, body)
      #expect((400..<500).contains(answer.status), "\(body) \(answer.body)")
      #expect(try await gateway.send("GET", topic).status == 404, "\(body)")
    }
    let mixed = try await gateway.send("POST", events, lines, "{\n{}\n")
    #expect(mixed.status == 207, "\(mixed.body)")
    #expect(try await gateway.send("GET", topic).json["events"] as? Int == 1)
    let other = "/v1/topics/acme/shop/invoices"
    let some = try await gateway.send(
      "POST", "\(other)/events", batch, #"[{},{"specversion":"1.0","data":{}}]"#)
    #expect(some.status == 207, "\(some.body)")
    #expect(try await gateway.send("GET", other).json["events"] as? Int == 1)
  }

  @Test(
    "a topic made while the body is on its way has its own say",
    arguments: [
      #"{"requireSchema":true}"#, "{}",
    ])
  func madeMeanwhile(configuration: String) async throws {
    let bodies = [
      ("application/json", "1"), ("application/x-ndjson", "1\n2\n"),
      ("application/cloudevents-batch+json", #"[{"specversion":"1.0","data":1}]"#),
    ]
    for (media, body) in bodies {
      let gateway = try TestGateway()
      let answer = try await gateway.send(
        "POST", events, ["Content-Type": media], body,
        beforeBody: {
          let made = try await gateway.send(
            "PUT", "/v1/topics/acme/shop/orders", ["Content-Type": "application/json"],
            configuration)
          #expect(made.status == 201)
        })
      let stored = try await gateway.send("GET", "/v1/topics/acme/shop/orders").json["events"]
      if configuration == "{}" {
        #expect((200..<300).contains(answer.status), "\(media) \(answer.body)")
        #expect(stored as? Int != 0)
      } else {
        #expect(!(200..<207).contains(answer.status), "\(media) \(answer.body)")
        #expect(stored as? Int == 0, "\(media)")
      }
    }
  }

  @Test("the stored bytes are the sent bytes, whatever they are")
  func exactBytes() async throws {
    let gateway = try TestGateway()
    let text = "{ \"a\" :\n 1.00 ,\"b\":\"\\u00e9\" }"
    _ = try await gateway.send("POST", events, json, text)
    _ = try await gateway.send("POST", events, ["Content-Type": "text/plain"], "hello\nworld")
    let first = try await gateway.send("GET", "\(events)/1:0?view=data")
    #expect(first.body == text && first.fields["content-type"] == "application/json")
    let second = try await gateway.send("GET", "\(events)/1:1?view=data")
    #expect(second.body == "hello\nworld" && second.fields["content-type"] == "text/plain")
    #expect(try await gateway.send("GET", "\(events)/1:2").status == 404)
    #expect(try await gateway.send("GET", "\(events)/x").code == "bad_cursor")
  }

  @Test("names that only the gateway writes cannot be forged")
  func stamps() async throws {
    let gateway = try TestGateway()
    let fields = [
      "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "e1",
      "ce-source": "/till", "ce-type": "sale", "ce-authid": "mallory", "ce-messageid": "9:9",
    ]
    _ = try await gateway.send("POST", events, fields, "{}")
    let read = try await gateway.send("GET", "\(events)?from=earliest")
    let found = try #require((try read.json["events"] as? [[String: Any]])?.first)
    #expect(found["authid"] as? String == "alice")
    #expect(found["messageid"] as? String == "1:0")
    #expect(found["id"] as? String == "e1")
    #expect(found["type"] as? String == "sale")
  }

  @Test("the types of the gateway's own events are refused in every mode")
  func reservedTypes() async throws {
    let gateway = try TestGateway()
    let binary = json.merging(["ce-specversion": "1.0", "ce-type": "jodrell.end"]) { $1 }
    let structured = ["Content-Type": "application/cloudevents+json"]
    let event = #"{"specversion":"1.0","type":"jodrell.challenge","data":{"renew":"/x"}}"#
    for (fields, body) in [(binary, "{}"), (structured, event)] {
      let answer = try await gateway.send("POST", events, fields, body)
      #expect(answer.status == 400 && answer.code == "malformed_event", "\(answer.body)")
      let error = try #require((try answer.json["errors"] as? [[String: Any]])?.first)
      #expect(error["code"] as? String == "event.attribute_value")
      #expect(error["pointer"] as? String == "/type")
    }
    let batch = ["Content-Type": "application/cloudevents-batch+json"]
    let mixed = try await gateway.send(
      "POST", events, batch, #"[\#(event),{"specversion":"1.0","type":"t","data":1}]"#)
    #expect(mixed.status == 207, "\(mixed.body)")
    let results = try #require(try mixed.json["results"] as? [[String: Any]])
    #expect(results.map { $0["status"] as? Int } == [400, 201])
  }

  @Test("a batch has a result for each event; atomic means all or none")
  func batches() async throws {
    let gateway = try TestGateway()
    let lines = "{\"a\":1}\n{\"a\":}\n\n{\"a\":3}\n"
    let ndjson = ["Content-Type": "application/x-ndjson"]
    let mixed = try await gateway.send("POST", events, ndjson, lines)
    #expect(mixed.status == 207)
    #expect(try mixed.json["stored"] as? Int == 2)
    let results = try #require(try mixed.json["results"] as? [[String: Any]])
    #expect(results.map { $0["status"] as? Int } == [201, 400, 201])

    let atomic = try await gateway.send("POST", "\(events)?atomic=true", ndjson, lines)
    #expect(atomic.status == 422)
    let aborted = try #require(try atomic.json["results"] as? [[String: Any]])
    #expect(aborted.map { $0["status"] as? Int } == [424, 400, 424])
    #expect(try await gateway.send("HEAD", events).fields["jodrell-last"] == "1:1")

    let batch = ["Content-Type": "application/cloudevents-batch+json"]
    let events = """
      [{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"x":1}},
       {"specversion":"1.0","id":"2","source":"/s","type":"t","data_base64":"AAE="}]
      """
    let stored = try await gateway.send(
      "POST", self.events, batch.merging(["Prefer": "return=minimal"]) { $1 }, events)
    #expect(stored.status == 201)
    #expect(try stored.json["stored"] as? Int == 2)
    #expect(try stored.json["results"] == nil)
    #expect(try await gateway.send("POST", self.events, batch, "[]").code == "malformed_event")
  }

  @Test(
    "lines that a worker has judged have the results and numbers of the loop's", arguments: [0, 1])
  func linesAside(_ part: Int) async throws {
    let gateway = try TestGateway()
    let ndjson = ["Content-Type": "application/x-ndjson"]
    _ = try await gateway.send(
      "PUT", "\(events.dropLast("/events".count))/schema",
      ["Content-Type": "application/schema+json"], #"{"properties":{"a":{"type":"string"}}}"#)
    let good = #"{"a":"\#(String(repeating: "x", count: 400))"}"#
    // Above and below the size from which a worker is asked.
    let block = Array(repeating: good, count: part == 0 ? 60 : 10)
    let lines = block + ["", #"{"a":1}"#, "", "{"] + block
    let text = lines.joined(separator: "\r\n")
    #expect((text.utf8.count > GatewayLimits.linesOnLoop) == (part == 0))
    let expected =
      Array(repeating: 201, count: block.count) + [422, 400]
      + Array(repeating: 201, count: block.count)
    let mixed = try await gateway.send("POST", events, ndjson, text)
    #expect(mixed.status == 207, "\(mixed.body)")
    let results = try #require(try mixed.json["results"] as? [[String: Any]])
    #expect(results.map { $0["status"] as? Int } == expected)
    for line in [block.count + 2, block.count + 4] {
      #expect(mixed.body.contains("\"line\":\(line)"), "\(line)")
    }
    let atomic = try await gateway.send("POST", "\(events)?atomic=true", ndjson, text)
    #expect(atomic.status == 422)
    let all = block.joined(separator: "\n")
    #expect(try await gateway.send("POST", "\(events)?atomic=true", ndjson, all).status == 201)
    // More blank lines than a batch has events.
    let blank = String(repeating: "\n", count: 40_000) + good
    let sparse = try await gateway.send("POST", events, ndjson, blank)
    #expect(try sparse.status == 201 && sparse.json["stored"] as? Int == 1)
  }

  @Test("an event stream resumes behind the id it was given")
  func stream() async throws {
    let gateway = try TestGateway()
    for index in 0..<3 { _ = try await gateway.send("POST", events, json, "{\"n\":\(index)}") }
    let accept = ["Accept": "text/event-stream", "Last-Event-ID": "1:0"]
    let answer = try await gateway.send("GET", "\(events)?view=data", accept, steps: 2)
    #expect(answer.fields["content-type"] == "text/event-stream")
    #expect(answer.steps.first == "retry: 2000\nid: 1:0\n\n")
    #expect(
      answer.steps.last == "id: 1:1\ndata: {\"n\":1}\n\nid: 1:2\ndata: {\"n\":2}\n\n")
  }

  @Test("positions beyond the end, and gone ones, are told apart")
  func positions() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    #expect(try await gateway.send("GET", "\(events)?from=1:7").code == "position_ahead")
    #expect(try await gateway.send("DELETE", "/v1/topics/acme/shop/orders").status == 204)
    _ = try await gateway.send("POST", events, json, "{}")
    let gone = try await gateway.send("GET", "\(events)?from=1:0")
    #expect(gone.status == 410 && gone.code == "position_gone")
    #expect((try gone.json["gap"] as? [String: Any])?["cause"] as? String == "recreated")
  }

  @Test("a wait that is cut short is answered like one that brought nothing")
  func cutShort() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", events, json, "{}")
    let topic = "/v1/topics/acme/shop/orders"
    let made = try await gateway.send("PUT", "\(topic)/subscriptions/s", [:], "{}")
    #expect(made.status == 201)
    let events = events
    // As the end of the gateway does it: whether before the wait or in it is the same.
    let read = Task { try await gateway.send("GET", "\(events)?from=1:0&wait=30s") }
    let received = Task {
      try await gateway.send("POST", "\(topic)/subscriptions/s/receive", [:], #"{"wait":"30s"}"#)
    }
    read.cancel()
    received.cancel()
    let page = try await read.value
    #expect(page.status == 200)
    #expect(page.body == #"{"events":[],"next":"1:0","upToDate":true}"#)
    let deliveries = try await received.value
    #expect(deliveries.status == 200 && deliveries.body == #"{"deliveries":[]}"#)
  }

  @Test("a schema guards its topic")
  func schema() async throws {
    let gateway = try TestGateway()
    let topic = "/v1/topics/acme/shop/orders"
    let schema = ["Content-Type": "application/schema+json"]
    let text = #"{"type":"object","required":["qty"],"properties":{"qty":{"minimum":1}}}"#
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text).status == 201)
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text + " ").status == 200)
    #expect(
      try await gateway.send("PUT", "\(topic)/schema", schema, #"{"required":["id"]}"#).code
        == "schema_incompatible")
    #expect(
      try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":7}"#).code
        == "schema_invalid")
    #expect(try await gateway.send("GET", "\(topic)/schemas/1").body == text)

    let bad = try await gateway.send("POST", events, json, #"{"qty":0}"#)
    #expect(bad.status == 422 && bad.code == "schema_violation")
    let first = try #require((try bad.json["errors"] as? [[String: Any]])?.first)
    #expect(first["pointer"] as? String == "/qty")
    #expect(first["schemaPointer"] as? String == "#/properties/qty/minimum")
    #expect(
      try await gateway.send("POST", events, ["Content-Type": "text/plain"], "x").status == 415)
    let good = try await gateway.send("POST", events, json, #"{"qty":1}"#)
    #expect(try good.json["schemaVersion"] as? Int == 1)
    let tried = try await gateway.send("POST", "\(topic)/schema/validate", json, #"{"qty":0}"#)
    #expect(try tried.json["valid"] as? Bool == false)

    let policy = "/v1/namespaces/acme/shop"
    #expect(
      try await gateway.send("PUT", policy, [:], #"{"compatibility":"NONE","requireSchema":true}"#)
        .status == 201)
    #expect(
      try await gateway.send("PUT", "\(topic)/schema", schema, #"{"required":["id"]}"#).status
        == 201)
    #expect(
      try await gateway.send("POST", "/v1/topics/acme/shop/other/events", json, "{}").code
        == "schema_required")
  }
}
