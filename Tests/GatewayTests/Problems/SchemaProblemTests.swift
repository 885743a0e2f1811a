import Bytes
import Foundation
import Schemas
import Testing

@testable import Gateway

/// What a refused payload's problem document says.
@Suite struct SchemaProblemTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]
  private let lines = ["Content-Type": "application/x-ndjson"]
  private let batch = ["Content-Type": "application/cloudevents-batch+json"]

  private func gateway(_ schema: String) async throws -> TestGateway {
    let gateway = try TestGateway()
    let type = ["Content-Type": "application/schema+json"]
    let put = try await gateway.send("PUT", "\(topic)/schema", type, schema)
    #expect(put.status == 201, "\(put.body)")
    return gateway
  }

  private func errors(_ problem: [String: Any]) -> [[String: Any]] {
    problem["errors"] as? [[String: Any]] ?? []
  }

  private let order = #"""
    {"type":"object","additionalProperties":false,"required":["id"],
     "properties":{"id":{"type":"string","maxLength":4},"currency":{"enum":["EUR","USD"]}}}
    """#

  @Test("place, rule, code, type and length, suggestion, and the schema; never the value")
  func body() async throws {
    let gateway = try await gateway(order)
    let secret = "4111111111111111"
    let answer = try await gateway.send(
      "POST", "\(topic)/events", json, "{\"id\":\n\"\(secret)\",\"currancy\":\"\(secret)\"}")
    #expect(answer.status == 422 && answer.code == "schema_violation")
    #expect(!answer.body.contains(secret))
    let problem = try answer.json
    #expect(
      problem["detail"] as? String == "2 problems; first: /id must be at most 4 characters long")
    #expect(problem["topic"] as? String == "acme/shop/orders")
    #expect(problem["schema"] as? String == "acme/shop/orders/1")
    #expect(problem["schemaUrl"] as? String == "\(topic)/schemas/1")
    #expect(problem["schemaVersion"] as? Int == 1)
    let first = try #require(errors(problem).first)
    #expect(first["pointer"] as? String == "/id")
    #expect(first["line"] as? Int == 2 && first["column"] as? Int == 1)
    #expect(first["keyword"] as? String == "maxLength")
    #expect(first["schemaPointer"] as? String == "#/properties/id/maxLength")
    #expect(first["code"] as? String == "string.too_long")
    #expect(first["expected"] as? Int == 4)
    #expect(first["event"] == nil)
    let actual = try #require(first["actual"] as? [String: Any])
    #expect(actual["type"] as? String == "string" && actual["length"] as? Int == 16)
    #expect(errors(problem).last?["suggestion"] as? String == "currency")
  }

  @Test("a schema that is wrong in several places is told all of them")
  func wrongSchema() async throws {
    let gateway = try TestGateway()
    for (schema, pointers) in [
      (
        #"{"type":"objekt","properties":{"a":{"$ref":"urn:x"},"b":{"$ref":"urn:y"}}}"#,
        ["#/type", "#/properties/a/$ref", "#/properties/b/$ref"]
      ),
      // Without its parts nobody has asked for the documents.
      (
        #"{"type":"objekt","properties":{"a":{"$ref":"urn:x"},"b":1,"c":{"minLength":"1"}}}"#,
        ["#/type", "#/properties/b", "#/properties/c/minLength"]
      ),
    ] {
      let answer = try await gateway.send(
        "PUT", "\(topic)/schema", ["Content-Type": "application/schema+json"], schema)
      #expect(answer.status == 422 && answer.code == "schema_invalid")
      let problem = try answer.json
      #expect(Set(errors(problem).compactMap { $0["pointer"] as? String }) == Set(pointers))
      #expect((problem["detail"] as? String)?.hasPrefix("3 problems; first: #/") == true)
    }
  }

  @Test("in lines each refusal has its event and the body's line")
  func linesOfABody() async throws {
    let gateway = try await gateway(order)
    let body = "{\"id\":\"a\"}\n\n{\"id\":\"b\"}\n  {\"id\":1}\n{\"id\":\"c\",}\n"
    let answer = try await gateway.send("POST", "\(topic)/events", lines, body)
    #expect(answer.status == 207)
    let results = try #require(try answer.json["results"] as? [[String: Any]])
    #expect(results.map { $0["status"] as? Int } == [201, 201, 422, 400])
    let broken = try #require(results[2]["error"] as? [String: Any])
    #expect(broken["detail"] as? String == "event 2, line 4: /id must be string")
    #expect(errors(broken).first?["event"] as? Int == 2)
    #expect(errors(broken).first?["line"] as? Int == 4)
    #expect(errors(broken).first?["column"] as? Int == 9)
    let malformed = try #require(results[3]["error"] as? [String: Any])
    #expect(
      malformed["detail"] as? String
        == "event 3, line 5: unexpected character in line 5, column 11 (byte 44); "
        + "expected a member name in double quotes")
    #expect(errors(malformed).first?["code"] as? String == "json.unexpected_character")
    #expect(errors(malformed).first?["offset"] as? Int == 44)
    #expect(errors(malformed).first?["event"] as? Int == 3)
  }

  @Test("a batch that is malformed says in which event, where, and what was expected")
  func malformedBatch() async throws {
    let gateway = try await gateway(order)
    let event = #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"id":"a"}}"#
    let answer = try await gateway.send(
      "POST", "\(topic)/events", batch, "[\(event),\n{\"data\":{\"id\" 1}}]")
    #expect(answer.status == 400 && answer.code == "malformed_json")
    let error = try #require(errors(try answer.json).first)
    #expect(error["event"] as? Int == 1 && error["pointer"] as? String == "/1/data/id")
    #expect(error["line"] as? Int == 2 && error["column"] as? Int == 15)
    #expect(error["expected"] as? String == "':'")

    let twice = try await gateway.send(
      "POST", "\(topic)/events", batch, #"[{"data":{"id":"a","i\u0064":"b"}}]"#)
    #expect(twice.code == "malformed_json")
    let duplicate = try #require(errors(try twice.json).first)
    #expect(duplicate["code"] as? String == "json.duplicate_member")
    #expect(duplicate["pointer"] as? String == "/0/data/id" && duplicate["event"] as? Int == 0)
  }

  @Test("places are the body's, also of a payload that is a part of it")
  func placesInTheBody() async throws {
    let gateway = try await gateway(order)
    let head = #"{"specversion":"1.0","id":"é","source":"/s","type":"t","#
    let event = head + "\n \"data\": {\"id\":\n1}}"
    let structured = ["Content-Type": "application/cloudevents+json"]
    let one = try await gateway.send("POST", "\(topic)/events", structured, event)
    let error = try #require(errors(try one.json).first)
    #expect(error["pointer"] as? String == "/id")
    #expect(error["line"] as? Int == 3 && error["column"] as? Int == 1)
    let flat = event.replacingOccurrences(of: "\n", with: "")
    let two = try await gateway.send("POST", "\(topic)/events", structured, flat)
    let column = flat.count - 2
    #expect(errors(try two.json).first?["column"] as? Int == column)
    let all = try await gateway.send(
      "POST", "\(topic)/events", batch, "[\(flat),\n\(event),\(event)]")
    let results = try #require(try all.json["results"] as? [[String: Any]])
    let places = results.compactMap { $0["error"] as? [String: Any] }.compactMap {
      errors($0).first
    }
    #expect(places.map { $0["line"] as? Int } == [1, 4, 6])
    #expect(places.map { $0["column"] as? Int } == [column + 1, 1, 1])
    #expect(places.map { $0["event"] as? Int } == [0, 1, 2])
  }

  @Test("an event that is at fault itself is told by member and code, in batches with its number")
  func eventFaults() async throws {
    let gateway = try await gateway(order)
    func event(_ members: String) -> String {
      #"{"specversion":"1.0","id":"1","source":"/s","type":"t",\#(members)"data":{"id":"a"}}"#
    }
    let answer = try await gateway.send(
      "POST", "\(topic)/events", batch,
      "[\(event("")),\(event("\"Bad-Name\":1,")),\(event("\"time\":\"now\",")),{},"
        + "\(event("\"dataschema\":\"urn:x\","))]")
    let results = try #require(try answer.json["results"] as? [[String: Any]])
    let found = results.compactMap { ($0["error"] as? [String: Any]).flatMap { errors($0).first } }
    #expect(found.map { $0["event"] as? Int } == [1, 2, 3, 4])
    let pointers = found.map { $0["pointer"] as? String }
    #expect(pointers == ["/Bad-Name", "/time", "/specversion", "/dataschema"])
    #expect(
      found.map { $0["code"] as? String } == [
        "event.attribute_name", "event.attribute_value", "event.attribute_missing",
        "event.dataschema_mismatch",
      ])
    let text = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "text/plain"], "x")
    #expect(text.status == 415)
    #expect(errors(try text.json).first?["pointer"] as? String == "/datacontenttype")
  }

  @Test("a document stays within 8 KiB, a batch's errors within 1 MiB")
  func bounds() async throws {
    let gateway = try await gateway(#"{"additionalProperties":{"type":"null"}}"#)
    let name = String(repeating: "\\u0001", count: 300)
    let members = (0..<40).map { "\"\($0)\(name)\":1" }.joined(separator: ",")
    let answer = try await gateway.send("POST", "\(topic)/events", json, "{\(members)}")
    #expect(answer.status == 422 && answer.body.utf8.count <= GatewayLimits.problemBytes)
    #expect(try answer.json["truncated"] as? Bool == true)
    #expect(!errors(try answer.json).isEmpty)

    let line = "{" + (0..<40).map { "\"\($0)\":1" }.joined(separator: ",") + "}\n"
    let many = try await gateway.send(
      "POST", "\(topic)/events", lines, String(repeating: line, count: 2_000))
    #expect(many.status == 422)
    #expect(many.body.utf8.count < 3 << 20)
    let results = try #require(try many.json["results"] as? [[String: Any]])
    #expect(results.count == 2_000)
    let last = try #require(results.last?["error"] as? [String: Any])
    #expect(last["truncated"] as? Bool == true && errors(last).isEmpty)
    #expect((last["detail"] as? String)?.hasPrefix("event 1999, line 2000: ") == true)
  }

  @Test("a budget and a pattern's limit have codes of their own")
  func budgets() async throws {
    // Each item is looked at sixty times.
    let bounds = (1...60).map { "{\"items\":{\"minimum\":-\($0)}}" }.joined(separator: ",")
    let gateway = try await gateway(
      "{\"properties\":{\"p\":{\"pattern\":\"^(a+)+(?!b)$\"},\"u\":{\"allOf\":[\(bounds)]}}}")
    let hostile = "{\"p\":\"\(String(repeating: "a", count: 40))!\"}"
    let pattern = try await gateway.send("POST", "\(topic)/events", json, hostile)
    #expect(pattern.status == 422 && pattern.code == "pattern_limit_exceeded")
    #expect(errors(try pattern.json).first?["pointer"] as? String == "/p")
    let numbers = (0..<1_000).map(String.init).joined(separator: ",")
    let budget = try await gateway.send("POST", "\(topic)/events", json, "{\"u\":[\(numbers)]}")
    #expect(budget.status == 422 && budget.code == "validation_budget_exceeded")
  }

  @Test("every problem has a detail", arguments: ProblemCode.allCases)
  func details(_ code: ProblemCode) throws {
    let document = Refusal(code).document(instance: nil)
    let object = try JSONSerialization.jsonObject(with: Data(document.array))
    #expect(((object as? [String: Any])?["detail"] as? String)?.isEmpty == false)
  }
}
