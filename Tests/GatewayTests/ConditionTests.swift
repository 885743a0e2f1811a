import Foundation
import Testing
import Topics

@testable import Gateway

@Suite struct ConditionTests {
  /// What can be changed, and two bodies for it.
  struct Thing: Sendable, CustomTestStringConvertible {
    let path: String
    let first: String
    let second: String
    var type = "application/json"
    var testDescription: String { path }
  }

  static let things = [
    Thing(
      path: "/v1/topics/acme/shop/t", first: #"{"requireSchema":true}"#,
      second: #"{"requireSchema":false}"#),
    Thing(
      path: "/v1/namespaces/acme/yard", first: #"{"requireSchema":true}"#,
      second: #"{"autoCreate":true}"#),
    Thing(
      path: "/v1/schemas/acme/shop/a/b", first: #"{"type":"object"}"#, second: "true",
      type: "application/schema+json"),
    Thing(
      path: "/v1/topics/acme/shop/orders/schema", first: #"{"type":"object"}"#, second: "true",
      type: "application/schema+json"),
    Thing(
      path: "/v1/topics/acme/shop/orders/subscriptions/billing", first: #"{"type":"shared"}"#,
      second: #"{"type":"exclusive"}"#),
  ]

  private func gateway() async throws -> TestGateway {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "/v1/topics/acme/shop/orders")
    _ = try await gateway.send(
      "PUT", "/v1/namespaces/acme/shop", [:], #"{"compatibility":"NONE"}"#)
    return gateway
  }

  @Test("a change of what is not what it was is refused, others pass", arguments: things)
  func mutations(_ thing: Thing) async throws {
    let gateway = try await gateway()
    func put(_ body: String, _ fields: [String: String]) async throws -> TestGateway.Answer {
      try await gateway.send(
        "PUT", thing.path, fields.merging(["Content-Type": thing.type]) { a, _ in a }, body)
    }
    let absent = try await put(thing.first, ["If-Match": "\"x\""])
    #expect(absent.status == 412 && absent.code == "precondition_failed", "\(absent.body)")
    #expect(try await gateway.send("GET", thing.path).fields["schema-version"] == nil)
    let made = try await put(thing.first, ["If-None-Match": "*"])
    #expect(made.status == 201, "\(made.body)")
    let tag = try #require(made.fields["etag"])
    #expect(tag.wholeMatch(of: #/"[0-9a-f]{32}"/#) != nil)
    #expect(try await put(thing.second, ["If-None-Match": "*"]).status == 412)
    #expect(try await put(thing.second, ["If-Match": "\"x\", W/\(tag)"]).status == 412)

    let shown = try await gateway.send("GET", thing.path)
    #expect(shown.status == 200 && shown.fields["etag"] == tag, "\(shown.body)")
    for tags in [tag, "\"x\", \(tag)", "W/\(tag)", "*"] {
      let answer = try await gateway.send("GET", thing.path, ["If-None-Match": tags])
      #expect(answer.status == 304 && answer.body.isEmpty, "\(tags)")
      #expect(answer.fields["etag"] == tag)
    }
    #expect(try await gateway.send("GET", thing.path, ["If-None-Match": "\"x\""]).status == 200)
    #expect(try await gateway.send("GET", thing.path, ["If-Match": "\"x\""]).status == 412)
    #expect(try await gateway.send("HEAD", thing.path, ["If-Match": tag]).status == 200)

    let same = try await put(thing.first, ["If-Match": tag])
    #expect(same.status == 200 && same.fields["etag"] == tag, "\(same.body)")
    if !thing.path.contains("subscriptions") {
      let changed = try await put(thing.second, ["If-Match": "\"x\", \(tag)"])
      #expect([200, 201].contains(changed.status), "\(changed.body)")
      #expect(changed.fields["etag"] != tag)
      #expect(try await put(thing.first, ["If-Match": tag]).status == 412)
    }
    #expect(try await gateway.send("DELETE", thing.path, ["If-Match": "\"x\""]).status == 412)
    let now = try await gateway.send("GET", thing.path)
    let gone = try await gateway.send(
      "DELETE", thing.path, ["If-Match": try #require(now.fields["etag"])])
    #expect(gone.status == 204, "\(gone.body)")
    for malformed in ["x", "\"x", "\"x\" \"y", "*, \"x\"", "W/"] {
      let answer = try await gateway.send("DELETE", thing.path, ["If-Match": malformed])
      #expect(answer.status == 400 && answer.code == "bad_header", "\(malformed)")
    }
  }

  @Test("a dry run answers as it would in earnest, and changes nothing", arguments: things)
  func trials(_ thing: Thing) async throws {
    let gateway = try await gateway()
    let type = ["Content-Type": thing.type]
    func stable(_ answer: TestGateway.Answer) -> String {
      answer.body.replacing(#/"(instance|position)":"[^"]*"/#, with: "")
    }
    func both(_ method: String, _ body: String, _ path: String) async throws {
      let tried = try await gateway.send(method, "\(path)?dryRun=true", type, body)
      let before = try await gateway.send("GET", thing.path)
      let real = try await gateway.send(method, path, type, body)
      #expect(tried.status == real.status, "\(method) \(tried.body) \(real.body)")
      #expect(stable(tried) == stable(real), "\(method) \(body)")
      #expect(tried.fields["etag"] == real.fields["etag"])
      #expect(tried.fields["location"] == real.fields["location"])
      if real.status < 300 { #expect(tried.fields["dry-run"] == "true") }
      #expect(real.fields["dry-run"] == nil)
      if real.status == 201, !thing.path.contains("namespaces"), body == thing.first {
        #expect(before.status == 404)
      }
      if method == "DELETE", real.status == 204 { #expect(before.status == 200) }
    }
    for body in [thing.first, thing.first, thing.second, "[", #"{"colour":3}"#] {
      try await both("PUT", body, thing.path)
    }
    try await both("DELETE", "", thing.path)
    try await both("DELETE", "", thing.path)
  }

  @Test("a dry run makes no topic, whatever would come into being on the way")
  func nothing() async throws {
    let gateway = try TestGateway()
    let answer = try await gateway.send(
      "PUT", "/v1/topics/acme/shop/fresh/schema?dryRun=true",
      ["Content-Type": "application/schema+json"], "{}")
    #expect(answer.status == 201, "\(answer.body)")
    #expect(try answer.json["version"] as? Int == 1)
    #expect(try await gateway.send("GET", "/v1/topics/acme/shop/fresh").status == 404)
  }

  @Test("versions, defaults and bindings of schemas have conditions and dry runs too")
  func schemas() async throws {
    let gateway = try await gateway()
    let topic = "/v1/topics/acme/shop/orders"
    let type = ["Content-Type": "application/schema+json"]
    for text in [#"{"type":"object"}"#, "true"] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", type, text).status == 201)
    }
    func version() async throws -> String? {
      try await gateway.send("GET", "\(topic)/schema").fields["schema-version"]
    }
    let tag = try #require(
      try await gateway.send("GET", "\(topic)/schema/default").fields["etag"])
    let back = #"{"version":1}"#
    func rollBack(_ query: String, _ fields: [String: String]) async throws -> Int {
      try await gateway.send("PUT", "\(topic)/schema/default\(query)", fields, back).status
    }
    #expect(try await rollBack("", ["If-Match": "\"x\""]) == 412)
    #expect(try await rollBack("?dryRun=true", ["If-Match": tag]) == 200)
    #expect(try await version() == "2")
    #expect(try await rollBack("", ["If-Match": tag]) == 200)
    #expect(try await version() == "1")
    #expect(try await rollBack("", ["If-Match": tag]) == 412)

    let second = "\(topic)/schemas/2"
    let old = try #require(try await gateway.send("GET", second).fields["etag"])
    let deprecate = #"{"state":"deprecated"}"#
    let tried = try await gateway.send("PATCH", "\(second)?dryRun=true", [:], deprecate)
    #expect(tried.status == 200)
    #expect(try tried.json["state"] as? String == "deprecated")
    #expect(try await gateway.send("GET", second).fields["schema-state"] == "active")
    #expect(
      try await gateway.send("PATCH", second, ["If-Match": old], deprecate).status == 200)
    #expect(try await gateway.send("DELETE", second, ["If-Match": old]).status == 412)
    #expect(try await gateway.send("DELETE", "\(second)?dryRun=true").status == 204)
    #expect(try await gateway.send("GET", second).fields["schema-state"] == "deprecated")
    #expect(try await gateway.send("DELETE", second).status == 204)

    let binding = "\(topic)/schema/binding"
    let warn = #"{"enforcement":"warn"}"#
    let before = try await gateway.send("GET", binding)
    #expect(try await gateway.send("PUT", "\(binding)?dryRun=true", [:], warn).status == 201)
    #expect(try await gateway.send("GET", binding).fields["etag"] == before.fields["etag"])
    #expect(
      try await gateway.send("PUT", binding, ["If-None-Match": "*"], warn).status == 201)
    #expect(
      try await gateway.send("PUT", binding, ["If-None-Match": "*"], warn).status == 412)
    let stale = try #require(before.fields["etag"])
    #expect(try await gateway.send("DELETE", binding, ["If-Match": stale]).status == 412)
    #expect(try await gateway.send("DELETE", "\(binding)?dryRun=true").status == 204)
    #expect(try await gateway.send("DELETE", binding).status == 204)
    #expect(try await gateway.send("DELETE", binding).status == 404)
  }
}
