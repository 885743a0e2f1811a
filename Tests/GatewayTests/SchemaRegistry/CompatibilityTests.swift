import Bytes
import Foundation
import Testing

@testable import Gateway

/// Which schema may follow which, over the HTTP contract.
struct CompatibilityTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = ["Content-Type": "application/schema+json"]
  private let first = #"{"type":"object","properties":{"a":{"type":"string"}}}"#
  private let grown = """
    {"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}}
    """
  private let retyped = #"{"type":"object","properties":{"a":{"type":"integer"}}}"#

  @Test func `optional properties come and go, and a retyped one is refused with its reason`()
    async throws
  {
    let gateway = try TestGateway()
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, first).status == 201)
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, grown).status == 201)
    let refused = try await gateway.send("PUT", "\(topic)/schema", schema, retyped)
    #expect(refused.status == 409 && refused.code == "schema_incompatible")
    #expect(try refused.json["level"] as? String == "BACKWARD_TRANSITIVE")
    let reason = try #require((try refused.json["reasons"] as? [[String: Any]])?.first)
    #expect(reason["pointer"] as? String == "#/properties/a/type")
    #expect(reason["rule"] as? String == "type")
    #expect(reason["version"] as? Int == 2)
    #expect(reason["direction"] as? String == "backward")
    #expect((reason["writer"] as? [String: Any])?["pointer"] as? String == "#/properties/a/type")
    let example = try #require(try refused.json["counterexample"] as? [String: Any])
    #expect(example["a"] is String)
  }

  @Test func `a check says the same and registers nothing`() async throws {
    let gateway = try TestGateway()
    let check = "\(topic)/schema/check"
    let fresh = try await gateway.send("POST", check, schema, first)
    #expect(fresh.status == 200)
    #expect(try fresh.json["compatible"] as? Bool == true)
    #expect(try fresh.json["publishers"] is NSNull)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, first)
    let good = try await gateway.send("POST", check, schema, grown)
    #expect(try good.json["compatible"] as? Bool == true)
    #expect(try good.json["versions"] as? [Int] == [1])
    #expect(try good.json["counterexample"] is NSNull)
    let bad = try await gateway.send("POST", check, schema, retyped)
    #expect(try bad.json["compatible"] as? Bool == false)
    #expect(try bad.json["policy"] as? String == "evolution")
    let publishers = try #require(try bad.json["publishers"] as? [String: Any])
    #expect(publishers["refused"] as? Bool == true && publishers["version"] as? Int == 1)
    #expect(publishers["mayName"] as? Bool == false)
    for (versions, mayName) in [(">=2", false), ("*", true)] {
      let rules =
        #"{"rules":[{"when":{"type":"*"},"schema":"default","versions":"\#(versions)"}]}"#
      _ = try await gateway.send("PUT", "\(topic)/schema/binding", [:], rules)
      let bound = try await gateway.send("POST", check, schema, retyped)
      let publishers = try #require(try bound.json["publishers"] as? [String: Any])
      #expect(publishers["mayName"] as? Bool == mayName)
    }
    let list = try await gateway.send("GET", "\(topic)/schemas")
    #expect((try list.json["schemas"] as? [Any])?.count == 1)
    #expect(try await gateway.send("POST", check, schema, #"{"type":7}"#).code == "schema_invalid")
    #expect(try await gateway.send("POST", check, as: "rita", schema, first).status == 403)
  }

  @Test func `a deleted version has no publishers, though its events are kept`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, first)
    let json = ["Content-Type": "application/json"]
    #expect(try await gateway.send("POST", "\(topic)/events", json, "{}").status == 201)
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 204)
    let check = "\(topic)/schema/check"
    let checked = try await gateway.send("POST", check, schema, retyped)
    #expect(try checked.json["publishers"] is NSNull, "\(checked.body)")
    // Its events are still to be read.
    #expect(try checked.json["compatible"] as? Bool == false)
  }

  @Test func `a change of level says which versions in force do not keep to it`() async throws {
    let gateway = try TestGateway()
    func warnings(_ answer: TestGateway.Answer) throws -> [[String: Any]]? {
      try answer.json["warnings"] as? [[String: Any]]
    }
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, first)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, retyped)
    let tried = try await gateway.send(
      "PUT", "\(topic)?dryRun=true", [:], #"{"compatibility":"BACKWARD"}"#)
    let made = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    for answer in [tried, made] {
      let found = try #require(try warnings(answer))
      #expect(answer.status == 200 && found.count == 1)
      #expect(found[0]["code"] as? String == "compatibility.unmet")
      #expect(found[0]["version"] as? Int == 2 && found[0]["subject"] as? String == "default")
      #expect(
        (found[0]["message"] as? String)?.hasPrefix(
          "version 2 of 'default' does not keep to BACKWARD beside version 1; first: #/") == true)
    }
    // What stays as it is was told before, and what asks for nothing has nothing to tell.
    for level in ["BACKWARD", "NONE", "ALWAYS_INCOMPATIBLE"] {
      let same = try await gateway.send("PUT", topic, [:], #"{"compatibility":"\#(level)"}"#)
      #expect(try same.status == 200 && warnings(same) == nil, "\(level)")
    }
    // The namespace's level is that of topics which have none of their own.
    let namespace = "/v1/namespaces/acme/shop"
    let forward = #"{"compatibility":"FORWARD"}"#
    #expect(try await warnings(gateway.send("PUT", namespace, [:], forward)) == nil)
    _ = try await gateway.send("PUT", namespace, [:], #"{"compatibility":"NONE"}"#)
    _ = try await gateway.send("PUT", topic, [:], "{}")
    let all = try await gateway.send("PUT", namespace, [:], forward)
    #expect(try warnings(all)?.first?["topic"] as? String == "acme/shop/orders")
    let shown = try await gateway.send("GET", namespace)
    #expect(shown.fields["etag"] == all.fields["etag"] && shown.fields["etag"] != nil)
  }

  @Test func `level and policy are of the topic before the namespace`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, first)
    #expect(
      try await gateway.send(
        "PUT", "/v1/namespaces/acme/shop", [:],
        #"{"compatibility":"FULL","compatibilityPolicy":"strict"}"#
      ).status == 201)
    let shown = try await gateway.send("GET", "/v1/namespaces/acme/shop")
    #expect(try shown.json["compatibility"] as? String == "FULL")
    #expect(try shown.json["compatibilityPolicy"] as? String == "strict")
    #expect(
      try await gateway.send("PUT", "\(topic)/schema", schema, grown).code == "schema_incompatible")
    let own = try await gateway.send("PUT", topic, [:], #"{"compatibilityPolicy":"evolution"}"#)
    #expect(try own.json["compatibilityPolicy"] as? String == "evolution")
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, grown).status == 201)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"ALWAYS_INCOMPATIBLE"}"#)
    let frozen = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"object"}"#)
    #expect(frozen.code == "schema_incompatible")
    #expect((try frozen.json["reasons"] as? [[String: Any]])?.first?["rule"] as? String == "frozen")
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, grown).status == 200)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"ALWAYS_COMPATIBLE"}"#)
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, retyped).status == 201)
    #expect(
      try await gateway.send("PUT", topic, as: "rita", [:], #"{"compatibility":"NONE"}"#).status
        == 403)
  }

  @Test func `a name given up comes back only as what it was`() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    for text in [grown, first] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text).status == 201)
    }
    let other = """
      {"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}
      """
    let refused = try await gateway.send("PUT", "\(topic)/schema", schema, other)
    #expect(refused.code == "schema_incompatible")
    let reason = try #require((try refused.json["reasons"] as? [[String: Any]])?.first)
    #expect(reason["pointer"] as? String == "#/properties/b/type")
    #expect(reason["version"] as? Int == 1)
    let wider = other.replacing(#""b":{"type":"string"}"#, with: #""b":{"type":"number"}"#)
    #expect(try await gateway.send("PUT", "\(topic)/schema", schema, wider).status == 201)
  }

  @Test func `a name given up of which nothing is proven waits for an operator`() async throws {
    let gateway = try TestGateway()
    let words = "/v1/topics/globex/shop/words"
    let put = "\(words)/schema"
    _ = try await gateway.send("PUT", words, as: "bob", [:], #"{"compatibility":"BACKWARD"}"#)
    for text in [
      #"{"properties":{"id":{},"code":{"type":"string","pattern":"^\\p{Lu}{3}$"}}}"#,
      #"{"properties":{"id":{}}}"#,
    ] {
      #expect(try await gateway.send("PUT", put, as: "bob", schema, text).status == 201)
    }
    let other = #"{"properties":{"id":{},"code":{"type":"string","pattern":"^\\p{L}{2}$"}}}"#
    let refused = try await gateway.send("PUT", put, as: "bob", schema, other)
    #expect(refused.status == 409 && refused.code == "schema_undecided", "\(refused.body)")
    let reason = try #require((try refused.json["reasons"] as? [[String: Any]])?.first)
    #expect(reason["pointer"] as? String == "#/properties/code")
    #expect(reason["version"] as? Int == 1)
    let forced = try await gateway.send("PUT", put + "?override=true", as: "bob", schema, other)
    #expect(forced.status == 201, "\(forced.body)")
  }

  @Test func `what is undecided waits for an operator`() async throws {
    let gateway = try TestGateway()
    let ahead = #"{"type":"string","pattern":"^a\\b"}"#
    let plain = #"{"type":"string","pattern":"^a($|[^b])"}"#
    let own = "/v1/topics/globex/shop/words"
    for (path, subject) in [(topic, "alice"), (own, "bob")] {
      let put = "\(path)/schema"
      #expect(try await gateway.send("PUT", put, as: subject, schema, ahead).status == 201)
      let refused = try await gateway.send("PUT", put, as: subject, schema, plain)
      #expect(refused.status == 409 && refused.code == "schema_undecided")
      let asked = try await gateway.send("POST", put + "/check", as: subject, schema, plain)
      #expect(try asked.json["compatible"] is NSNull)
      let forced = try await gateway.send(
        "PUT", put + "?override=true", as: subject, schema, plain)
      #expect(forced.status == (subject == "bob" ? 201 : 403), "\(forced.body)")
    }
    // Who answered for it stays with the version.
    let list = try await gateway.send("GET", "\(own)/schemas", as: "bob")
    let versions = try #require(try list.json["schemas"] as? [[String: Any]])
    #expect(versions.map { $0["overridden"] as? Bool } == [nil, true])
    #expect(versions.last?["author"] as? String == "bob")
    // A proven no is not a matter of belief.
    let wrong = #"{"type":"string","pattern":"^b"}"#
    #expect(
      try await gateway.send("PUT", "\(own)/schema?override=true", as: "bob", schema, wrong).code
        == "schema_incompatible")
  }
}
