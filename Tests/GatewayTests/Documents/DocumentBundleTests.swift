import Testing

@testable import Gateway

extension DocumentTests {
  @Test("references that lead nowhere yet hide nothing that is wrong with the text itself")
  func faults() async throws {
    let gateway = try TestGateway()
    let place = "\(Self.schemas)/odd"
    let absent = #"{"$ref":"absent","properties":{"a":{"type":"string"}}}"#
    #expect(try await gateway.send("PUT", place, Self.type, absent).status == 201)
    for text in [
      absent.replacing(#""string""#, with: "7"),
      #"{"properties":{"a":{"$ref":"absent"},"b":{"pattern":"("}}}"#,
    ] {
      let put = try await gateway.send("PUT", place, Self.type, text)
      #expect(put.status == 422, "\(put.body)")
    }
  }

  @Test("a bundle needs nobody and means the same")
  func bundle() async throws {
    let gateway = try await gateway()
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/person", Self.type,
      ##"""
      {"$id":"https://x.example/person","$ref":"#/$defs/named","properties":{
      "home":{"$ref":"/v1/schemas/acme/shop/common/address"},
      "boss":{"$ref":"person"},"code":{"$ref":"https://old.example/code#/definitions/c"}},
      "$defs":{"named":{"required":["name"]}}}
      """##)
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/old/code?uri=https://old.example/code",
      ["Content-Type": "application/schema+json;version=draft-07"],
      ##"""
      {"$ref":"#/definitions/c",
      "definitions":{"c":{"minimum":3,"items":[{"type":"integer"}]}}}
      """##
    )
    let schema = #"{"items":{"$ref":"https://x.example/person"},"type":"array"}"#
    let put = try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, schema)
    #expect(put.status == 201, "\(put.body)")

    var bundles: [String] = []
    for path in ["\(Self.topic)/schema?bundle=true", "\(Self.schemas)/person?bundle=true"] {
      let answer = try await gateway.send("GET", path)
      #expect(answer.status == 200, "\(answer.body)")
      #expect(answer.fields["etag"] != nil)
      bundles.append(answer.body)
    }
    let old = try await gateway.send(
      "PUT", "\(Self.schemas)/old/all",
      ["Content-Type": "application/schema+json;version=draft-07"],
      #"{"$ref":"../common/city"}"#)
    #expect(try uris(old, "unresolved") == [])
    let wrapped = try await gateway.send("GET", "\(Self.schemas)/old/all?bundle=true")
    let again = try await gateway.send(
      "PUT", "/v1/topics/globex/shop/cities/schema", as: "bob", Self.type, wrapped.body)
    #expect(again.status == 201, "\(wrapped.body) \(again.body)")
    for (payload, valid) in [("\"Ulm\"", true), ("\"U\"", false)] {
      let answer = try await gateway.send(
        "POST", "/v1/topics/globex/shop/cities/schema/validate", as: "bob",
        ["Content-Type": "application/json"], payload)
      #expect(try answer.json["valid"] as? Bool == valid, "\(wrapped.body)")
    }
    // Another tenant has none of the documents.
    let alone = try await gateway.send(
      "PUT", "/v1/topics/globex/shop/orders/schema", as: "bob", Self.type, bundles[0])
    #expect(alone.status == 201, "\(alone.body)\n\(bundles[0])")
    let named = try await gateway.send(
      "PUT", "/v1/schemas/globex/shop/person", as: "bob", Self.type, bundles[1])
    #expect(named.status == 201, "\(named.body)\n\(bundles[1])")
    #expect(try uris(named, "unresolved") == [], "\(bundles[1])")
    for payload in [
      "[]", "{}", "[{}]", #"[{"name":1}]"#, #"[{"name":1,"home":{}}]"#,
      #"[{"name":1,"home":{"city":"U"}}]"#, #"[{"name":1,"home":{"city":"Ulm"}}]"#,
      #"[{"name":1,"boss":{}}]"#, #"[{"name":1,"boss":{"name":2,"home":{"city":"x"}}}]"#,
      #"[{"name":1,"code":2}]"#, #"[{"name":1,"code":4}]"#, #"[{"name":1,"code":["a"]}]"#,
      #"[{"name":1,"code":[1]}]"#,
    ] {
      let fields = ["Content-Type": "application/json"]
      let here = try await gateway.send("POST", "\(Self.topic)/schema/validate", fields, payload)
      let there = try await gateway.send(
        "POST", "/v1/topics/globex/shop/orders/schema/validate", as: "bob", fields, payload)
      #expect(here.status == 200)
      #expect(
        try here.json["valid"] as? Bool == there.json["valid"] as? Bool,
        "\(payload) \(here.body) \(there.body)")
    }
  }

  @Test("every version's bundle means what it meant, and its caller may keep it")
  func bundleOfVersions() async throws {
    let gateway = try await gateway()
    _ = try await gateway.send(
      "PUT", "/v1/namespaces/acme/shop", [:], #"{"compatibility":"NONE"}"#)
    let schema = #"{"$ref":"/v1/schemas/acme/shop/common/city"}"#
    #expect(try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, schema).status == 201)
    // The document and the default go on; what version 1 meant stays.
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/common/city", Self.type, #"{"type":"integer"}"#)
    #expect(
      try await gateway.send("PUT", "\(Self.topic)/schema", Self.type, schema + " ").status == 201)
    let old = try await gateway.send("GET", "\(Self.topic)/schemas/1?bundle=true")
    let same = try await gateway.send("GET", "\(Self.topic)/schema?version=1&bundle=true")
    #expect(old.status == 200 && same.body == old.body, "\(old.body) \(same.body)")
    #expect(try await verdicts(gateway, old.body, ["\"Ulm\"", "1"]) == [true, false])
    let new = try await gateway.send("GET", "\(Self.topic)/schemas/2?bundle=true")
    #expect(try await verdicts(gateway, new.body, ["\"Ulm\"", "1"]) == [false, true])
    let text = try await gateway.send("GET", "\(Self.topic)/schemas/1")
    #expect(
      text.fields["link"] == "<\(Self.topic)/schemas/1?bundle=true>; rel=\"alternate\"")
    for answer in [old, same, new, text] {
      #expect(answer.fields["cache-control"] == "private, max-age=3600, immutable")
      #expect(answer.fields["vary"] == "Authorization, X-API-Key, Jodrell-Tenant")
      #expect(answer.fields["etag"]?.hasPrefix("\"") == true)
    }
    let tag = try #require(old.fields["etag"])
    let kept = try await gateway.send(
      "GET", "\(Self.topic)/schemas/1?bundle=true", ["If-None-Match": tag])
    #expect(kept.status == 304 && kept.fields["cache-control"]?.hasPrefix("private") == true)
    // What moves is not kept, and neither is a refusal.
    for path in ["schema", "schema?bundle=true", "schemas", "schemas/9", "schemas/1?bundle=x"] {
      let answer = try await gateway.send("GET", "\(Self.topic)/\(path)")
      #expect(answer.fields["cache-control"] == "no-store", "\(path)")
    }
    let broken = try await gateway.send(
      "GET", "\(Self.topic)/schemas/1", ["If-Match": "\"other\""])
    #expect(broken.status == 412 && broken.fields["cache-control"] == "no-store")
    #expect(
      try await gateway.send("GET", "\(Self.topic)/schema?version=1&subject=x").status == 404)
  }

  /// The answers of a bundle, put into another tenant, to payloads.
  private func verdicts(
    _ gateway: TestGateway, _ bundle: String, _ payloads: [String]
  ) async throws -> [Bool?] {
    let topic = "/v1/topics/globex/shop/bundled"
    _ = try await gateway.send(
      "PUT", "/v1/namespaces/globex/shop", as: "bob", [:], #"{"compatibility":"NONE"}"#)
    let put = try await gateway.send("PUT", "\(topic)/schema", as: "bob", Self.type, bundle)
    #expect(put.status == 201 || put.status == 200, "\(put.body)\n\(bundle)")
    var verdicts: [Bool?] = []
    for payload in payloads {
      let answer = try await gateway.send(
        "POST", "\(topic)/schema/validate", as: "bob", ["Content-Type": "application/json"],
        payload)
      verdicts.append(try answer.json["valid"] as? Bool)
    }
    return verdicts
  }

  @Test("a document with an $id of its own is referred to by path, by anchor and by part")
  func ownIdentifierByPath() async throws {
    let gateway = try TestGateway()
    let put = try await gateway.send(
      "PUT", "\(Self.schemas)/common/money", Self.type,
      ##"""
      {"$id":"https://x.example/money","type":"integer","$defs":{
      "small":{"$anchor":"small","maximum":9},"part":{"$id":"part","minimum":5}}}
      """##)
    #expect(put.status == 201)
    let path = "/v1/schemas/acme/shop/common/money"
    for (reference, verdicts) in [
      (path, [true, true, false]), ("\(path)#small", [false, true, true]),
      ("\(path)#/$defs/part", [true, false, true]),
      ("https://x.example/part", [true, false, true]),
    ] as [(String, [Bool])] {
      let topic = "/v1/topics/acme/shop/t\(verdicts.map { $0 ? "1" : "0" }.joined())"
      let bound = try await gateway.send(
        "PUT", "\(topic)/schema", Self.type, "{\"$ref\":\"\(reference)\"}")
      #expect(bound.status == 201, "\(reference) \(bound.body)")
      let bundle = try await gateway.send("GET", "\(topic)/schema?bundle=true")
      #expect(
        try await self.verdicts(gateway, bundle.body, ["10", "4", "\"x\""]) == verdicts,
        "\(reference) \(bundle.body)")
    }
  }

  @Test("a part with a relative $id is found where no document lies, and stands in the bundle")
  func relativeParts() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send(
      "PUT", "\(Self.schemas)/common/all", Self.type,
      ##"{"$defs":{"p":{"$id":"part","minimum":5,"$defs":{"q":{"maximum":9}}}},"$ref":"part"}"##)
    for (index, reference) in ["common/part", "common/all", "common/part#/$defs/q"].enumerated() {
      let topic = "/v1/topics/acme/shop/r\(index)"
      let bound = try await gateway.send(
        "PUT", "\(topic)/schema", Self.type, "{\"$ref\":\"\(reference)\"}")
      #expect(bound.status == 201, "\(bound.body)")
      let bundle = try await gateway.send("GET", "\(topic)/schema?bundle=true")
      #expect(
        try await verdicts(gateway, bundle.body, ["4", "10"])
          == (index < 2 ? [false, true] : [true, false]), "\(bundle.body)")
    }
    // A document at that place is what a path means.
    _ = try await gateway.send("PUT", "\(Self.schemas)/common/part", Self.type, "false")
    _ = try await gateway.send(
      "PUT", "/v1/topics/acme/shop/r9/schema", Self.type, #"{"$ref":"common/part"}"#)
    let bundle = try await gateway.send("GET", "/v1/topics/acme/shop/r9/schema?bundle=true")
    #expect(try await verdicts(gateway, bundle.body, ["10"]) == [false])
  }

  @Test("documents of two namespaces with one $id keep their own meaning, also in a bundle")
  func sameIdentifierTwice() async throws {
    let gateway = try TestGateway()
    for (namespace, bound) in [("shop", "maximum"), ("yard", "minimum")] {
      let put = try await gateway.send(
        "PUT", "/v1/schemas/acme/\(namespace)/limit", Self.type,
        ##"""
        {"$id":"https://x.example/limit","allOf":[{"$ref":"#/$defs/own"},{"$ref":"in"}],"$defs":{
        "own":{"\##(bound)":5,"$anchor":"own"},
        "in":{"$id":"in","not":{"const":"\##(namespace)"}}}}
        """##)
      #expect(put.status == 201, "\(put.body)")
    }
    let bound = try await gateway.send(
      "PUT", "\(Self.topic)/schema", Self.type,
      ##"""
      {"properties":{"a":{"$ref":"/v1/schemas/acme/shop/limit"},
      "b":{"$ref":"/v1/schemas/acme/yard/limit"},"c":{"$ref":"/v1/schemas/acme/yard/limit#own"}}}
      """##)
    #expect(bound.status == 201, "\(bound.body)")
    let payloads = [
      #"{"a":4}"#, #"{"a":6}"#, #"{"b":4}"#, #"{"b":6}"#, #"{"c":4}"#, #"{"a":"yard"}"#,
      #"{"a":"shop"}"#, #"{"b":"shop"}"#, #"{"b":"yard"}"#,
    ]
    let expected: [Bool?] = [true, false, false, true, false, true, false, true, false]
    for (payload, valid) in zip(payloads, expected) {
      let answer = try await gateway.send(
        "POST", "\(Self.topic)/schema/validate", ["Content-Type": "application/json"], payload)
      #expect(try answer.json["valid"] as? Bool == valid, "\(payload)")
    }
    let bundle = try await gateway.send("GET", "\(Self.topic)/schema?bundle=true")
    #expect(bundle.status == 200)
    #expect(try await verdicts(gateway, bundle.body, payloads) == expected, "\(bundle.body)")
  }

  @Test("a bundle is a document like any other, in another namespace of the tenant too")
  func bundleElsewhere() async throws {
    let gateway = try await gateway()
    let bundle = try await gateway.send("GET", "\(Self.schemas)/common/address?bundle=true")
    let put = try await gateway.send(
      "PUT", "/v1/schemas/acme/yard/address", Self.type, bundle.body)
    #expect(put.status == 201, "\(put.body)")
    #expect(try uris(put, "unresolved") == [])
    // The place that it names is still what lies there.
    let city = "https://events.example/v1/schemas/acme/shop/common/city"
    _ = try await gateway.send("PUT", "\(Self.schemas)/common/city", Self.type, "false")
    let bound = try await gateway.send(
      "PUT", "/v1/topics/acme/yard/t/schema", Self.type,
      #"{"properties":{"a":{"$ref":"/v1/schemas/acme/yard/address"},"c":{"$ref":"\#(city)"}}}"#)
    #expect(bound.status == 201, "\(bound.body)")
    for (payload, valid) in [
      (#"{"a":{"city":"Ulm"}}"#, true), (#"{"a":{"city":"U"}}"#, false), (#"{"c":"Ulm"}"#, false),
    ] {
      let answer = try await gateway.send(
        "POST", "/v1/topics/acme/yard/t/schema/validate", ["Content-Type": "application/json"],
        payload)
      #expect(try answer.json["valid"] as? Bool == valid, "\(payload)")
    }
  }
}
