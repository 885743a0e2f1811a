import Bytes
import Foundation
import Testing

@testable import Gateway

/// What a caller can make the gateway say or do is bounded by what it sends.
@Suite struct BoundedRefusalTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = ["Content-Type": "application/schema+json"]

  private func bind(_ gateway: TestGateway, types: [String]) async throws {
    let made = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"object"}"#)
    #expect(made.status == 201)
    let rules = types.map { #"{"when":{"type":"\#($0)"},"schema":"default"}"# }
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[\#(rules.joined(separator: ","))],"unmatched":"reject"}"#)
    #expect(bound.status == 201, "\(bound.body)")
  }

  @Test("an unknown type is told the known ones as far as a document has room")
  func types() async throws {
    let gateway = try TestGateway()
    try await bind(gateway, types: (0..<64).map { "t\($0)." + String(repeating: "x", count: 240) })
    let one = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/json"], "{}")
    #expect(one.status == 422 && one.code == "unknown_event_type")
    #expect(one.body.utf8.count <= GatewayLimits.problemBytes)
    #expect(try one.json["truncated"] as? Bool == true)
    #expect((try one.json["types"] as? [String])?.isEmpty == false)

    let lines = String(repeating: "1\n", count: 5_000)
    let many = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/x-ndjson"], lines)
    #expect(many.status == 422)
    #expect(many.body.utf8.count < 5 << 20, "\(many.body.utf8.count) bytes")
  }

  @Test("warnings that refuse a schema have room in one document")
  func warnings() async throws {
    let gateway = try TestGateway()
    let words = (0..<40).map { #""\#(String(repeating: "k", count: 2_000))\#($0)":1"# }
    let answer = try await gateway.send(
      "PUT", "\(topic)/schema?lint=strict", schema, "{\(words.joined(separator: ","))}")
    #expect(answer.status == 422 && answer.code == "schema_lint")
    #expect(answer.body.utf8.count <= GatewayLimits.problemBytes)
  }

  @Test("a binding's tag is of its content, not of how often it was changed")
  func bindingTag() async throws {
    let gateway = try TestGateway()
    try await bind(gateway, types: ["a.b"])
    let first = try await gateway.send("GET", "\(topic)/schema/binding")
    #expect(try await gateway.send("DELETE", topic).status == 204)
    try await bind(gateway, types: ["c.d"])
    let second = try await gateway.send("GET", "\(topic)/schema/binding")
    let tag = try #require(first.fields["etag"] ?? first.fields["ETag"])
    #expect(tag != (second.fields["etag"] ?? second.fields["ETag"]))
    let again = try await gateway.send("GET", "\(topic)/schema/binding", ["If-None-Match": tag])
    #expect(again.status == 200)
  }

  @Test("a part of a document may be named like a place of another namespace, and is not it")
  func identifiers() async throws {
    let gateway = try TestGateway()
    let answer = try await gateway.send(
      "PUT", "/v1/schemas/acme/shop/evil", schema,
      #"{"$defs":{"x":{"$id":"/v1/schemas/acme/other/city","type":"null"}}}"#)
    #expect(answer.status == 201, "\(answer.body)")
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema", schema,
      #"{"allOf":[{"$ref":"/v1/schemas/acme/shop/evil"},{"$ref":"/v1/schemas/acme/other/city"}]}"#)
    #expect(bound.status == 422, "\(bound.body)")
    #expect(bound.body.contains("schema_reference_unresolved"))
    let own = try await gateway.send(
      "PUT", "/v1/schemas/acme/shop/good", schema, #"{"$defs":{"x":{"$id":"part"}}}"#)
    #expect(own.status == 201, "\(own.body)")
  }

  @Test("one comparison runs at a time, and none waits for the one before it")
  func desk() {
    let desk = ReplayDesk(atOnce: 1, pause: .zero)
    let start = MonotonicTime(nanoseconds: 1_000_000_000)
    let (a, b) = (ByteSlice(utf8: "a"), ByteSlice(utf8: "b"))
    #expect(desk.enter(a, of: a, at: start) == nil)
    #expect(desk.enter(b, of: b, at: start) != nil)
    desk.leave(a, of: a, from: start, at: start + .milliseconds(5))
    #expect(desk.enter(a, of: a, at: start + .milliseconds(5)) == nil)
    desk.leave(a, of: a, from: start, at: start + .seconds(2))
    #expect(desk.enter(a, of: a, at: start + .seconds(2)) == nil)
    #expect(desk.enter(b, of: b, at: start + .seconds(2)) != nil)
  }
}
