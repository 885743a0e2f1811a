import Foundation
import Testing

@testable import Gateway

@Suite struct DocumentTests {
  static let schemas = "/v1/schemas/acme/shop"
  static let topic = "/v1/topics/acme/shop/orders"
  static let type = ["Content-Type": "application/schema+json"]

  static let address =
    #"{"type":"object","required":["city"],"properties":{"city":{"$ref":"city"}}}"#
  static let city = #"{"type":"string","minLength":2}"#

  /// Puts the documents `common/city` and `common/address`, which refers to it.
  func gateway() async throws -> TestGateway {
    let gateway = try TestGateway()
    for (name, text) in [("city", Self.city), ("address", Self.address)] {
      let answer = try await gateway.send(
        "PUT", "\(Self.schemas)/common/\(name)", Self.type, text)
      #expect(answer.status == 201, "\(answer.body)")
    }
    return gateway
  }

  func uris(_ answer: TestGateway.Answer, _ member: String) throws -> [String] {
    let list = try answer.json[member] as? [[String: Any]] ?? []
    return list.compactMap { $0["uri"] as? String }
  }

  @Test("a document is put, shown, described and listed")
  func life() async throws {
    let gateway = try TestGateway()
    let place = "\(Self.schemas)/common/address"
    let put = try await gateway.send("PUT", place, Self.type, Self.address)
    #expect(put.status == 201)
    #expect(put.fields["location"] == "\(place)?version=1")
    #expect(try put.json["version"] as? Int == 1)
    #expect(try put.json["dialect"] as? String == "2020-12")
    #expect(try uris(put, "unresolved") == ["\(Self.schemas)/common/city"])
    let again = try await gateway.send("PUT", place, Self.type, " " + Self.address)
    #expect(again.status == 200)
    #expect(try again.json["version"] as? Int == 1)
    _ = try await gateway.send("PUT", "\(Self.schemas)/common/city", Self.type, Self.city)

    let shown = try await gateway.send("GET", place)
    #expect(shown.status == 200 && shown.body == Self.address)
    #expect(shown.fields["content-type"] == "application/schema+json")
    #expect(shown.fields["schema-version"] == "1")
    #expect(shown.fields["etag"] == put.fields["etag"])
    let head = try await gateway.send("HEAD", place)
    #expect(head.status == 200 && head.body.isEmpty)

    let told = try await gateway.send("GET", "\(place)?view=description")
    #expect(try uris(told, "unresolved") == [])
    #expect(try uris(told, "references") == ["\(Self.schemas)/common/city"])
    #expect((try told.json["versions"] as? [Any])?.count == 1)

    let page = try await gateway.send("GET", "\(Self.schemas)?limit=1")
    #expect(try page.json["next"] as? String == "common/address")
    #expect(
      page.fields["link"] == "<\(Self.schemas)?limit=1&after=common/address>; rel=\"next\"")
    let rest = try await gateway.send("GET", "\(Self.schemas)?limit=1&after=common/address")
    let names = (try rest.json["documents"] as? [[String: Any]])?.map { $0["name"] as? String }
    #expect(names == ["common/city"] && rest.fields["link"] == nil)
    #expect(try await gateway.send("GET", "/v1/schemas/~/common/city").body == Self.city)
  }

  @Test("versions are immutable, counted, and shown by number")
  func versions() async throws {
    let gateway = try await gateway()
    let place = "\(Self.schemas)/common/city"
    let second = try await gateway.send("PUT", place, Self.type, "true")
    #expect(second.status == 201)
    #expect(try second.json["version"] as? Int == 2)
    #expect(try await gateway.send("GET", "\(place)?version=1").body == Self.city)
    #expect(try await gateway.send("GET", "\(place)?version=2").body == "true")
    #expect(try await gateway.send("GET", place).body == "true")
    #expect(try await gateway.send("GET", "\(place)?version=3").status == 404)
    #expect(try await gateway.send("GET", "\(place)?version=0").status == 400)
  }

  @Test("a topic's schema refers over two levels, and keeps what it was registered with")
  func pinned() async throws {
    let gateway = try await gateway()
    let schema = #"{"properties":{"to":{"$ref":"/v1/schemas/acme/shop/common/address"}}}"#
    let put = try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, schema)
    #expect(put.status == 201, "\(put.body)")
    func publish(_ body: String) async throws -> Int {
      try await gateway.send(
        "POST", "\(Self.topic)/events", ["Content-Type": "application/json"], body
      ).status
    }
    #expect(try await publish(#"{"to":{"city":"Ulm"}}"#) == 201)
    #expect(try await publish(#"{"to":{"city":"U"}}"#) == 422)
    // A later version means nothing to the schema that is bound,
    _ = try await gateway.send("PUT", "\(Self.schemas)/common/city", Self.type, "false")
    #expect(try await publish(#"{"to":{"city":"Ulm"}}"#) == 201)
    // and is another schema when it is registered again.
    _ = try await gateway.send(
      "PUT", "/v1/namespaces/acme/shop", [:], #"{"compatibility":"NONE"}"#)
    let again = try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, schema)
    #expect(again.status == 201, "\(again.body)")
    #expect(try await publish(#"{"to":{"city":"Ulm"}}"#) == 422)
  }

  @Test("references are found by $id, by uri and by path, whatever the host")
  func names() async throws {
    let gateway = try TestGateway()
    let named = try await gateway.send(
      "PUT", "\(Self.schemas)/a", Self.type,
      #"{"$id":"https://x.example/a","type":"integer","$defs":{"p":{"$id":"part","minimum":3}}}"#)
    let identifiers = ["https://x.example/a", "https://x.example/part"]
    #expect(try named.json["identifiers"] as? [String] == identifiers)
    let aliased = try await gateway.send(
      "PUT", "\(Self.schemas)/b?uri=urn:example:b", Self.type, #"{"type":"integer"}"#)
    #expect(try aliased.json["uri"] as? String == "urn:example:b")
    for (index, uri) in [
      "https://x.example/a", "urn:example:b", "/v1/schemas/acme/shop/b", "b",
      "https://events.example/v1/schemas/acme/shop/b", "https://x.example/a#", "b?version=1",
      "https://x.example/part", "https://x.example/a#/$defs/p",
    ].enumerated() {
      let topic = "/v1/topics/acme/shop/t\(index)"
      let put = try await gateway.send(
        "PUT", "\(topic)/schema", Self.type, "{\"$ref\":\"\(uri)\"}")
      #expect(put.status == 201, "\(uri) \(put.body)")
      let no = try await gateway.send(
        "POST", "\(topic)/events", ["Content-Type": "application/json"],
        uri.hasSuffix("p") || uri.hasSuffix("part") ? "2" : "\"2\"")
      #expect(no.status == 422, "\(uri)")
      let yes = try await gateway.send(
        "POST", "\(topic)/events", ["Content-Type": "application/json"], "5")
      #expect(yes.status == 201, "\(uri)")
    }
    // Without a word about it, the URI stays; given empty, it goes.
    let kept = try await gateway.send("PUT", "\(Self.schemas)/b", Self.type, "true")
    #expect(try kept.json["uri"] as? String == "urn:example:b")
    let gone = try await gateway.send("PUT", "\(Self.schemas)/b?uri=", Self.type, "true")
    #expect(gone.status == 201)
    #expect(try gone.json["uri"] is NSNull)
  }

  @Test("only binding refuses what leads nowhere, with the whole list, and loops")
  func unresolved() async throws {
    let gateway = try TestGateway()
    let put = try await gateway.send(
      "PUT", "\(Self.schemas)/a", Self.type,
      #"{"properties":{"x":{"$ref":"no"},"y":{"$ref":"https://never.example/"}}}"#)
    #expect(put.status == 201)
    #expect(
      try uris(put, "unresolved") == ["\(Self.schemas)/no", "https://never.example/"])
    let bound = try await gateway.send(
      "PUT", "\(Self.topic)/schema", Self.type,
      #"{"allOf":[{"$ref":"a"},{"$ref":"gone"}]}"#)
    #expect(bound.status == 422 && bound.code == "schema_invalid", "\(bound.body)")
    let errors = try #require(bound.json["errors"] as? [[String: Any]])
    #expect(errors.count == 3)
    #expect(errors.allSatisfy { $0["code"] as? String == "schema_reference_unresolved" })

    #expect(
      try await gateway.send("PUT", "\(Self.schemas)/b", Self.type, #"{"$ref":"c"}"#).status == 201)
    let loop = try await gateway.send("PUT", "\(Self.schemas)/c", Self.type, #"{"$ref":"b"}"#)
    #expect(loop.status == 201)
    let refused = try await gateway.send(
      "PUT", "\(Self.topic)/schema", Self.type, #"{"$ref":"b"}"#)
    #expect(refused.status == 422, "\(refused.body)")
    // Recursion that reaches into the value is fine.
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/tree", Self.type,
      #"{"type":"object","properties":{"next":{"$ref":"tree"}}}"#)
    let tree = try await gateway.send(
      "PUT", "\(Self.topic)/schema", Self.type, #"{"$ref":"tree"}"#)
    #expect(tree.status == 201, "\(tree.body)")
    // What is wrong in a text itself is refused at once.
    for (body, status) in [
      ("{", 422), ("3", 422), (#"{"type":"number","minimum":"1"}"#, 422),
      (#"{"$schema":"https://x.example/no"}"#, 422), (#"{"pattern":"("}"#, 422),
    ] {
      let answer = try await gateway.send("PUT", "\(Self.schemas)/bad", Self.type, body)
      #expect(answer.status == status, "\(body) \(answer.body)")
    }
    #expect(try await gateway.send("GET", "\(Self.schemas)/bad").status == 404)
  }

  @Test("a stored metaschema of known vocabularies is a dialect")
  func dialect() async throws {
    let gateway = try TestGateway()
    let metaschema = #"""
      {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://x.example/dialect",
      "$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/core":true,
      "https://json-schema.org/draft/2020-12/vocab/applicator":true}}
      """#
    #expect(
      try await gateway.send("PUT", "\(Self.schemas)/dialect", Self.type, metaschema).status == 201)
    let schema = #"""
      {"$schema":"https://x.example/dialect","properties":{"a":{"minimum":5}},
      "additionalProperties":false}
      """#
    #expect(
      try await gateway.send("PUT", "\(Self.schemas)/user", Self.type, schema).status == 201)
    #expect(
      try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, #"{"$ref":"user"}"#).status
        == 201)
    func publish(_ body: String) async throws -> Int {
      try await gateway.send(
        "POST", "\(Self.topic)/events", ["Content-Type": "application/json"], body
      ).status
    }
    // It has no word about numbers.
    #expect(try await publish(#"{"a":1}"#) == 201)
    #expect(try await publish(#"{"b":1}"#) == 422)
    let delete = try await gateway.send("DELETE", "\(Self.schemas)/dialect")
    #expect(delete.status == 409, "\(delete.body)")
  }

  @Test("deleting is refused while somebody refers, and takes two steps")
  func deletion() async throws {
    let gateway = try await gateway()
    let city = "\(Self.schemas)/common/city"
    let refused = try await gateway.send("DELETE", city)
    #expect(refused.status == 409 && refused.code == "document_in_use")
    let referrers = try #require(refused.json["referrers"] as? [[String: Any]])
    #expect(referrers.map { $0["document"] as? String } == ["\(Self.schemas)/common/address"])
    let by = try await gateway.send("GET", "\(city)/referencedby")
    #expect((try by.json["referencedBy"] as? [[String: Any]])?.count == 1)

    _ = try await gateway.send(
      "PUT", "\(Self.topic)/schema", Self.type, #"{"$ref":"common/address"}"#)
    let users = try await gateway.send("GET", "\(city)/referencedby")
    let list = try #require(users.json["referencedBy"] as? [[String: Any]])
    #expect(list.map { $0["topic"] as? String } == [nil, Self.topic])
    #expect(list.last?["refersTo"] as? Int == 1)
    #expect(try await gateway.send("DELETE", "\(Self.schemas)/common/address").status == 409)
    #expect(try await gateway.send("DELETE", Self.topic).status == 204)
    #expect(try await gateway.send("DELETE", "\(Self.schemas)/common/address").status == 204)
    #expect(try await gateway.send("DELETE", "\(city)?permanent=true").code == "document_in_use")
    #expect(try await gateway.send("DELETE", city).status == 204)
    #expect(try await gateway.send("DELETE", city).status == 404)
    #expect(try await gateway.send("GET", city).status == 404)
    #expect(try await gateway.send("GET", "\(city)?deleted=true").body == Self.city)
    let deleted = try await gateway.send("GET", "\(Self.schemas)?deleted=true")
    #expect((try deleted.json["documents"] as? [Any])?.count == 2)
    #expect(try await gateway.send("DELETE", "\(city)?permanent=true").status == 204)
    #expect(try await gateway.send("GET", "\(city)?deleted=true").status == 404)
  }

  @Test("the current version is moved, versions are deprecated and brought back")
  func moving() async throws {
    let gateway = try TestGateway()
    let money = "\(Self.schemas)/money"
    for text in [#"{"type":"string"}"#, #"{"type":"number"}"#] {
      #expect(try await gateway.send("PUT", money, Self.type, text).status == 201)
    }
    func patch(
      _ query: String, _ body: String, _ fields: [String: String] = [:]
    ) async throws -> TestGateway.Answer {
      try await gateway.send("PATCH", money + query, fields, body)
    }
    let tag = try await gateway.send("GET", money).fields["etag"] ?? ""
    #expect(try await patch("", #"{"default":1}"#, ["If-Match": #""x""#]).status == 412)
    let tried = try await patch("?dryRun=true", #"{"default":1}"#)
    #expect(tried.status == 200 && tried.fields["dry-run"] == "true")
    #expect(try await gateway.send("GET", money).fields["schema-version"] == "2")
    let back = try await patch("", #"{"default":1}"#, ["If-Match": tag])
    #expect(try back.status == 200 && back.json["default"] as? Bool == true)
    #expect(try await gateway.send("GET", money).body == #"{"type":"string"}"#)
    #expect(try await patch("", #"{"default":7}"#).status == 404)
    #expect(try await patch("", #"{"state":"active"}"#).code == "bad_parameter")
    #expect(try await patch("?version=1", #"{"state":"deleted"}"#).code == "bad_parameter")

    let deprecated = try await patch("?version=1", #"{"state":"deprecated"}"#)
    #expect(try deprecated.json["state"] as? String == "deprecated")
    let shown = try await gateway.send("GET", money)
    #expect(shown.fields["deprecation"] != nil && shown.fields["schema-state"] == "deprecated")
    #expect(try await gateway.send("DELETE", "\(money)?version=1").status == 204)
    #expect(try await gateway.send("GET", money).fields["schema-version"] == "2")
    #expect(try await patch("", #"{"default":1}"#).code == "schema_absent")
    #expect(try await patch("?version=1", #"{"state":"active"}"#).status == 200)
    #expect(try await patch("", #"{"default":1}"#).status == 200)
    // A name like any other.
    #expect(try await gateway.send("PUT", "\(money)/default", Self.type, "{}").status == 201)
  }

  @Test("the lint of topics' schemas looks at documents too")
  func lint() async throws {
    let gateway = try TestGateway()
    let place = "\(Self.schemas)/odd"
    let refused = try await gateway.send(
      "PUT", "\(place)?lint=strict", Self.type, #"{"tpye":"string"}"#)
    #expect(refused.status == 422 && refused.code == "schema_lint")
    #expect(try await gateway.send("GET", place).status == 404)
    let put = try await gateway.send("PUT", place, Self.type, #"{"tpye":"string"}"#)
    let warning = try #require((put.json["warnings"] as? [[String: Any]])?.first)
    #expect(put.status == 201 && warning["code"] as? String == "keyword.unknown")
  }

  @Test("two documents cannot have one identifier")
  func identifiers() async throws {
    let gateway = try TestGateway()
    let text = #"{"$id":"https://x.example/a"}"#
    #expect(try await gateway.send("PUT", "\(Self.schemas)/a", Self.type, text).status == 201)
    let second = try await gateway.send("PUT", "\(Self.schemas)/b", Self.type, text)
    #expect(second.status == 409 && second.code == "identifier_taken")
    #expect(try second.json["document"] as? String == "a")
    #expect(
      try await gateway.send("PUT", "/v1/schemas/acme/yard/b", Self.type, text).status == 201)
  }

  @Test("a tenant's documents are its own; a namespace's are for those with a grant there")
  func isolation() async throws {
    let gateway = try await gateway()
    let city = "\(Self.schemas)/common/city"
    for subject in ["bob"] {
      #expect(try await gateway.send("GET", city, as: subject).status == 404)
      #expect(try await gateway.send("PUT", city, as: subject, Self.type, "{}").status == 404)
      #expect(try await gateway.send("GET", Self.schemas, as: subject).status == 404)
    }
    #expect(try await gateway.send("GET", city, as: "rita").status == 200)
    #expect(try await gateway.send("PUT", city, as: "rita", Self.type, "{}").status == 403)
    #expect(try await gateway.send("DELETE", city, as: "rita").status == 403)
    #expect(try await gateway.send("GET", "/v1/schemas/acme/yard/x", as: "rita").status == 403)
    #expect(try await gateway.send("GET", city, as: nil).status == 401)
    // Another tenant's documents are not there for references, by whatever name.
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/a", Self.type, #"{"$id":"https://x.example/a"}"#)
    for uri in ["/v1/schemas/acme/shop/common/city", "https://x.example/a"] {
      let put = try await gateway.send(
        "PUT", "/v1/schemas/globex/shop/spy", as: "bob", Self.type, "{\"$ref\":\"\(uri)\"}")
      #expect(put.status == 201)
      #expect(try uris(put, "unresolved") == [uri])
    }
    // Within the tenant a path leads into other namespaces, an identifier does not.
    let other = try await gateway.send(
      "PUT", "/v1/schemas/acme/yard/x", Self.type,
      #"{"allOf":[{"$ref":"../shop/common/address"},{"$ref":"https://x.example/a"}]}"#)
    #expect(try uris(other, "unresolved") == ["https://x.example/a"])
    let bound = try await gateway.send(
      "PUT", "/v1/topics/acme/yard/t/schema", Self.type,
      #"{"$ref":"/v1/schemas/acme/shop/common/address"}"#)
    #expect(bound.status == 201, "\(bound.body)")
    let seen = try await gateway.send("GET", "\(city)/referencedby", as: "rita")
    #expect(try seen.json["hidden"] as? Int == 1, "\(seen.body)")
  }

  @Test("names and parameters are strict")
  func strictness() async throws {
    let gateway = try TestGateway()
    let long = [String](repeating: "a", count: 17).joined(separator: "/")
    for path in [
      "a%2Fb", "a/", "/a", "a//b", "../a", "%2e%2e/a", "a%252e", "%C3%A9",
      String(repeating: "a", count: 129), long, "_a",
    ] {
      let answer = try await gateway.send("PUT", "\(Self.schemas)/\(path)", Self.type, "{}")
      #expect(answer.code == "bad_name" || answer.status == 400, "\(path) \(answer.body)")
    }
    let cases: [(String, String, [String: String], String, Int)] = [
      ("PUT", "a?colour=1", Self.type, "{}", 400), ("PUT", "a?uri=b", Self.type, "{}", 400),
      ("PUT", "a?uri=https://x.example/%23f", Self.type, "{}", 400),
      ("PUT", "a?uri=https://x/v1/schemas/acme/shop/b", Self.type, "{}", 400),
      ("PUT", "a?dryRun=maybe", Self.type, "{}", 400),
      ("PUT", "a", ["Content-Type": "text/x-protobuf"], "{}", 501),
      ("PUT", "a", ["Content-Type": "text/plain"], "{}", 415),
      ("PUT", "a", ["Content-Type": "application/schema+json;formats=assert"], "{}", 415),
      ("GET", "a?view=data", [:], "", 400), ("GET", "a?view=description&bundle=true", [:], "", 400),
      ("POST", "a", [:], "", 405), ("PUT", "a/referencedby", Self.type, "{}", 405),
      ("GET", "a/referencedby", [:], "", 404), ("DELETE", "a", [:], "", 404),
    ]
    for (method, path, fields, body, status) in cases {
      let answer = try await gateway.send(method, "\(Self.schemas)/\(path)", fields, body)
      #expect(answer.status == status, "\(method) \(path) \(answer.body)")
    }
  }

  @Test("a namespace's documents have their bounds")
  func quota() async throws {
    let gateway = try TestGateway()
    let filler = String(repeating: "x", count: 1_000_000)
    for index in 0..<40 {
      let answer = try await gateway.send(
        "PUT", "\(Self.schemas)/big", Self.type, "{\"title\":\"\(index)\(filler)\"}")
      guard answer.status != 201 else { continue }
      #expect(answer.status == 409 && answer.code == "too_many" && index == 33, "\(answer.body)")
      break
    }
    let large = try await gateway.send(
      "PUT", "\(Self.schemas)/big", Self.type, "{\"title\":\"\(filler)\(filler)\"}")
    #expect(large.status == 413)
  }
}
