import Bytes
import Foundation
import HTTPWire
import Schemas
import Synchronization
import Testing

@testable import Gateway
@testable import Topics

/// Schemas that are not compiled when an event comes, and events that are too large for a loop.
@Suite struct ColdSchemaTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let schema = ["Content-Type": "application/schema+json"]
  private let json = ["Content-Type": "application/json"]

  @Test("whoever comes first has it compiled, the others find it")
  func coldPublish() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"integer"}"#)
    #expect(gateway.log.programs.bytes > 0)
    gateway.cool()
    #expect(try await gateway.send("POST", events, json, "1").status == 201)
    #expect(gateway.log.programs.bytes > 0)
    gateway.cool()
    let refused = try await gateway.send("POST", events, json, #""x""#)
    #expect(refused.status == 422 && refused.code == "schema_violation")
    gateway.cool()
    let lines = try await gateway.send(
      "POST", events, ["Content-Type": "application/x-ndjson"], "1\n\"x\"\n2\n")
    #expect(try lines.status == 207 && lines.json["stored"] as? Int == 2)
    gateway.cool()
    let batch = try await gateway.send(
      "POST", "\(events)?atomic=true", ["Content-Type": "application/x-ndjson"], "1\n2\n")
    #expect(batch.status == 201)
    gateway.cool()
    let tried = try await gateway.send("POST", "\(topic)/schema/validate", json, "1")
    #expect(try tried.json["valid"] as? Bool == true)
    gateway.cool()
    let next = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"string"}"#)
    #expect(next.code == "schema_incompatible")
    gateway.cool()
    let grown = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"number"}"#)
    #expect(grown.status == 201)
    let bytes = gateway.log.programs.bytes
    // Only the version in force is kept.
    #expect(try await gateway.send("DELETE", topic).status == 204)
    #expect(bytes > 0 && gateway.log.programs.bytes == 0)
  }

  @Test("a version that a publisher names is compiled when it is named")
  func coldChoice() async throws {
    let gateway = try TestGateway()
    for text in [#"{"$id":"urn:one","type":"integer"}"#, #"{"type":"number"}"#] {
      _ = try await gateway.send("PUT", "\(topic)/schema?subject=a", schema, text)
    }
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[{"when":{"type":"t"},"schema":"a","versions":"*"}]}"#)
    #expect(bound.status == 201)
    func publish(_ version: Int, _ body: String) async throws -> TestGateway.Answer {
      let named = [
        "ce-specversion": "1.0", "ce-id": "1", "ce-source": "urn:x", "ce-type": "t",
        "ce-dataschema": "\(topic)/schemas/\(version)",
      ]
      gateway.cool()
      return try await gateway.send("POST", events, json.merging(named) { $1 }, body)
    }
    let old = try await publish(1, "1")
    #expect(try old.status == 201 && old.json["schemaVersion"] as? Int == 1)
    #expect(try await publish(1, "1.5").code == "schema_violation")
    #expect(try await publish(2, "1.5").status == 201)
    #expect(try await publish(7, "1").code == "dataschema_mismatch")
  }

  @Test("an event of more than 64 KiB has the answers that a small one has")
  func largeEvents() async throws {
    let gateway = try TestGateway()
    let numbers = (0..<20_000).map(String.init).joined(separator: ",")
    #expect(numbers.utf8.count > GatewayLimits.eventOnLoop)
    #expect(try await gateway.send("POST", events, json, "[\(numbers)]").status == 201)
    let rules = #"{"type":"array","items":{"type":"integer"},"uniqueItems":true}"#
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, rules)
    for isCold in [true, false] {
      if isCold { gateway.cool() }
      let taken = try await gateway.send("POST", events, json, "[\(numbers)]")
      #expect(try taken.status == 201 && taken.json["schemaVersion"] as? Int == 1)
      let refused = try await gateway.send("POST", events, json, "[\(numbers),null]")
      #expect(refused.status == 422 && refused.code == "schema_violation")
      #expect(try refused.json["schemaVersion"] as? Int == 1)
    }
    let envelope =
      #"{"specversion":"1.0","id":"7","source":"urn:x","type":"t","data":[\#(numbers)]}"#
    let type = ["Content-Type": "application/cloudevents+json"]
    gateway.cool()
    #expect(try await gateway.send("POST", events, type, envelope).status == 201)
    #expect(
      try await gateway.send("POST", events, type, "[" + envelope).code == "malformed_json")
    #expect(
      try await gateway.send("POST", events, json, "[\(numbers)").code == "malformed_json")
    _ = try await gateway.send("PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"warn"}"#)
    #expect(try await gateway.send("POST", events, json, "[\(numbers),null]").status == 201)
    _ = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"quarantine"}"#)
    #expect(try await gateway.send("POST", events, json, "[\(numbers),null]").status == 202)
  }

  @Test("a batch has each version compiled once, though the cache keeps none")
  func coldBatch() async throws {
    let runs = Counted()
    let cold = Mutex<(@Sendable () -> Void)?>(nil)
    let gateway = try TestGateway(
      workers: Workers { work in
        runs.add()
        work(.run)
        cold.withLock { $0 }?()
        return nil
      })
    for text in [#"{"type":"integer"}"#, #"{"type":"number"}"#] {
      _ = try await gateway.send("PUT", "\(topic)/schema?subject=a", schema, text)
    }
    _ = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[{"when":{"type":"t"},"schema":"a","versions":"*"}]}"#)
    func event(_ number: Int, _ data: String) -> String {
      #"{"specversion":"1.0","id":"\#(number)","source":"urn:x","type":"t","#
        + #""dataschema":"\#(topic)/schemas/\#(number % 2 + 1)","data":\#(data)}"#
    }
    let all = (0..<40).map { event($0, $0 == 20 ? "1.5" : "1") }.joined(separator: ",\n")
    let type = ["Content-Type": "application/cloudevents-batch+json"]
    let warm = try await gateway.send("POST", events, type, "[\(all)]")
    #expect(warm.status == 207)
    gateway.cool()
    cold.withLock { $0 = { [unowned gateway] in gateway.cool() } }
    runs.reset()
    let answer = try await gateway.send("POST", events, type, "[\(all)]")
    #expect(runs.value == 2)
    #expect(try answer.status == 207 && answer.json["stored"] as? Int == 39)
    // With the places of a batch that had not to wait.
    let (faults, known) = (try Self.faults(of: answer), try Self.faults(of: warm))
    #expect(faults == known && faults.count == 1)
  }

  @Test("what is not paid for is not compiled")
  func unpaid() async throws {
    let (runs, workers) = Self.counted()
    let limits = "acme: {limits: {publishRate: 10/s, burst: 1s}}"
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing("acme: {}", with: limits), workers: workers)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"integer"}"#)
    let lines = ["Content-Type": "application/x-ndjson"]
    #expect(
      try await gateway.send("POST", events, lines, String(repeating: "1\n", count: 10)).status
        == 201)
    gateway.cool()
    runs.reset()
    for query in ["", "?atomic=true"] {
      let answer = try await gateway.send("POST", events + query, lines, "1\n1\n")
      #expect(answer.status == 429)
    }
    #expect(try await gateway.send("POST", events, json, "1").status == 429)
    #expect(runs.value == 0)
  }

  @Test("for what the caller's grants do not let pass nothing is compiled")
  func notOwn() async throws {
    let (runs, workers) = Self.counted()
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "allow: [{publish: [\"shop/orders\"]}]}",
        with: "allow: [{publish: [\"shop/orders\"], where: {\"/t\": {eq: \"{tenant}\"}}}]}"),
      workers: workers)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"object"}"#)
    let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)
    let lines = ["Content-Type": "application/x-ndjson"]
    let (own, other) = (#"{"t":"acme","x":"\#(long)"}"#, #"{"t":"globex","x":"\#(long)"}"#)
    gateway.cool()
    runs.reset()
    let refused = try await gateway.send(
      "POST", events, as: "paul", lines, "\(other)\n{\"t\":\"globex\"}\n\(other)\n")
    #expect(refused.status == 422 && refused.body.contains("tenant_mismatch"))
    // Two payloads were looked into.
    #expect(runs.value == 2 && gateway.log.programs.bytes == 0)
    let mixed = try await gateway.send("POST", events, as: "paul", lines, "\(other)\n\(own)\n")
    #expect(try mixed.status == 207 && mixed.json["stored"] as? Int == 1)
    #expect(gateway.log.programs.bytes > 0)
  }

  @Test("a large event among small ones is checked by a worker, with the answers of its place")
  func largeInBatch() async throws {
    let (runs, workers) = Self.counted()
    let gateway = try TestGateway(workers: workers)
    let rules = #"{"type":"array","items":{"type":"integer"}}"#
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, rules)
    let numbers = (0..<20_000).map(String.init).joined(separator: ",")
    let lines = ["Content-Type": "application/x-ndjson"]
    for isCold in [false, true] {
      for path in [events, "\(topic)/schema/validate"] {
        if isCold { gateway.cool() }
        runs.reset()
        let body = "[1]\n[\(numbers),null]\n[\(numbers)]\n[\(numbers)\n[2]\n"
        let answer = try await gateway.send("POST", path, lines, body)
        // Three checks, and what a cold one takes; lines that are stored are looked at before.
        #expect(runs.value == (isCold ? 4 : 3) + (path == events ? 1 : 0))
        let results = try #require(answer.json["results"] as? [[String: Any]])
        let codes = results.map { ($0["error"] as? [String: Any])?["code"] as? String }
        #expect(codes == [nil, "schema_violation", nil, "malformed_json", nil])
        let faults = try Self.faults(of: answer)
        #expect(faults.map { $0["line"] as? Int } == [2, 4])
        #expect(faults.first?["pointer"] as? String == "/20000")
      }
    }
  }

  @Test("a large payload is validated by a worker")
  func largeValidation() async throws {
    let (runs, workers) = Self.counted()
    let gateway = try TestGateway(workers: workers)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"string"}"#)
    let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)
    let envelope = #"{"specversion":"1.0","id":"7","source":"urn:x","type":"t","data":"#
    for (type, body, isValid, most) in [
      ("application/json", #""\#(long)""#, true, 1),
      ("application/json", "[\"\(long)\"]", false, 1),
      ("application/cloudevents+json", envelope + #""\#(long)"}"#, true, 2),
      ("application/cloudevents+json", envelope + #"["\#(long)"]}"#, false, 2),
    ] {
      runs.reset()
      let answer = try await gateway.send(
        "POST", "\(topic)/schema/validate", ["Content-Type": type], body)
      #expect(try answer.status == 200 && answer.json["valid"] as? Bool == isValid)
      #expect(runs.value == most)
      let column = (try answer.json["errors"] as? [[String: Any]])?.first?["column"] as? Int
      #expect(isValid || column == (most == 1 ? 1 : envelope.utf8.count + 1))
    }
  }

  /// Workers that count what they are given.
  private static func counted() -> (Counted, Workers) {
    let runs = Counted()
    return (
      runs,
      Workers { work in
        runs.add()
        work(.run)
        return nil
      }
    )
  }

  /// The errors of all refused events of a batch, in order.
  private static func faults(of answer: TestGateway.Answer) throws -> [NSDictionary] {
    let results = try #require(answer.json["results"] as? [[String: Any]])
    return results.flatMap { result in
      let error = result["error"] as? [String: Any]
      return (error?["errors"] as? [NSDictionary]) ?? []
    }
  }

  @Test("whoever loses its right while a worker checks its event stores nothing")
  func lost() async throws {
    let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
    let workers = Workers { work in
      work(.run)
      meanwhile.withLock { $0 }?()
      return nil
    }
    let gateway = try TestGateway(workers: workers)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"string"}"#)
    let less = TestGateway.settings.replacing(#"allow: [{publish: ["*/*"]}, "#, with: "allow: [")
    let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)
    for body in ["short", long] {
      gateway.cool()
      meanwhile.withLock { $0 = { [unowned gateway] in try? gateway.take(less) } }
      #expect(try await gateway.send("POST", events, json, #""\#(body)""#).status == 403)
      meanwhile.withLock { $0 = nil }
      try gateway.take(TestGateway.settings)
    }
    #expect(try await gateway.send("HEAD", events).fields["jodrell-last"] == nil)
  }
}

/// How often something happened.
private final class Counted: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  func add() { count.withLock { $0 += 1 } }

  func reset() { count.withLock { $0 = 0 } }
}

extension TestGateway {
  /// As after a start, or when the cache has made room.
  nonisolated func cool() {
    log.state.withLock { state in
      for topic in state.topics.values {
        for cell in topic.book.cells.values { cell.release() }
      }
    }
    #expect(log.programs.bytes == 0)
  }
}
