import Testing

@testable import Gateway

extension DocumentTests {
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
}
