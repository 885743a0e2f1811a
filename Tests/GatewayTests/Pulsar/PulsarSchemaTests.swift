import Bytes
import Foundation
import LogConformance
import Testing

@testable import Gateway

/// Conversations with Pulsar's admin API of schemas, to the byte: what clients such as
/// `pulsar-admin` and the Java client send, and what Pulsar 4 answers.
///
/// They were written down from Pulsar's source and not taken off a wire: paths, statuses and the
/// order of members from `SchemasResource` and `SchemasResourceBase`, bodies from
/// `PostSchemaPayload`, `GetSchemaResponse`, `PostSchemaResponse`, `DeleteSchemaResponse`,
/// `IsCompatibilityResponse`, `LongSchemaVersionResponse` and `ErrorData`. Older brokers answer a
/// registration with 202 where this says 200.
@Suite struct PulsarSchemaTests {
  private static let place = "/admin/v2/schemas/acme/shop/orders"
  private static let events = "/v1/topics/acme/shop/orders/events"
  private static let json = ["Content-Type": "application/json"]

  /// The body of a POST.
  private static func payload(
    _ definition: String, type: String = "JSON", properties: String = "{}"
  ) -> String {
    let text = definition.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return #"{"type":"\#(type)","schema":"\#(text)","properties":\#(properties)}"#
  }

  private static let first =
    #"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}"#
  private static let grown =
    #"{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},"#
    + #"{"name":"note","type":["null","string"],"default":null}]}"#
  private static let retyped =
    #"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}"#

  /// What `GET` says of a version that is registered at the test's instant.
  private static func shown(
    _ version: Int, _ definition: String, at milliseconds: Int64, properties: String = "{}"
  ) -> String {
    let text = definition.replacing("\"", with: "\\\"")
    return #"{"version":\#(version),"type":"JSON","timestamp":\#(milliseconds),"#
      + #""data":"\#(text)","properties":\#(properties)}"#
  }

  @Test("changes take conditions and dry runs, as in /v1")
  func conditions() async throws {
    let gateway = try TestGateway()
    let schema = "\(Self.place)/schema"
    func post(
      _ definition: String, _ fields: [String: String] = [:], _ query: String = ""
    ) async throws -> TestGateway.Answer {
      try await gateway.send(
        "POST", schema + query, Self.json.merging(fields) { $1 }, Self.payload(definition))
    }
    let tried = try await post(Self.first, [:], "?dryRun=true")
    #expect(tried.status == 200 && tried.fields["dry-run"] == "true")
    #expect(try await gateway.send("GET", schema).status == 404)
    let stored = try await post(Self.first, ["If-None-Match": "*"])
    let tag = try #require(stored.fields["etag"])
    #expect(stored.status == 200)
    #expect(try await gateway.send("GET", schema).fields["etag"] == tag)
    #expect(try await gateway.send("GET", schema, ["If-None-Match": tag]).status == 304)
    for definition in [Self.first, Self.grown] {
      let refused = try await post(definition, ["If-Match": #""nope""#])
      #expect(refused.status == 412 && refused.body.hasPrefix(#"{"reason":"#))
    }
    #expect(try await post(Self.grown, ["If-Match": tag], "?dryRun=true").fields["etag"] != tag)
    #expect(try await gateway.send("DELETE", schema, ["If-Match": #""nope""#]).status == 412)
    let gone = try await gateway.send("DELETE", "\(schema)?dryRun=true", ["If-Match": tag])
    #expect(gone.status == 200 && gone.fields["dry-run"] == "true")
    #expect(try await gateway.send("GET", schema).fields["etag"] == tag)
    #expect(try await gateway.send("DELETE", schema, ["If-Match": tag]).status == 200)
    #expect(try await gateway.send("GET", schema).status == 404)
  }

  @Test("who asks too often is told of the bound in the same fields as in /v1")
  func limits() async throws {
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing(
        "acme: {}", with: "acme: {limits: {requests: 1/m}}"))
    #expect(try await gateway.send("GET", "\(Self.place)/schema").status == 404)
    let refused = try await gateway.send("GET", "\(Self.place)/schema")
    #expect(refused.status == 429 && refused.body.hasPrefix(#"{"reason":"#))
    #expect(refused.fields["retry-after"] != nil)
    #expect(refused.fields["ratelimit-policy"] == #""tenant-requests";q=1;w=60"#)
    #expect(refused.fields["ratelimit"]?.hasPrefix(#""tenant-requests";r=0"#) == true)
  }

  @Test("register, look up, list, delete, register again")
  func conversation() async throws {
    let gateway = try TestGateway()
    let now = gateway.clock.wall.nanoseconds / 1_000_000
    let properties = #"{"__alwaysAllowNull":"true","__jsr310ConversionEnabled":"false"}"#
    let given = #"{"__jsr310ConversionEnabled":"false","__alwaysAllowNull":"true"}"#
    let exchanges: [(String, String, String, Int, String)] = [
      ("GET", "schema", "", 404, #"{"reason":"Schema not found"}"#),
      ("GET", "schemas", "", 200, #"{"getSchemaResponses":[]}"#),
      ("POST", "version", Self.payload(Self.first), 200, #"{"version":-1}"#),
      (
        "POST", "compatibility", Self.payload(Self.first), 202,
        #"{"compatibility":true,"schemaCompatibilityStrategy":"BACKWARD_TRANSITIVE"}"#
      ),
      (
        "POST", "schema", Self.payload(Self.first, properties: given), 200,
        #"{"version":{"version":0}}"#
      ),
      ("POST", "schema", Self.payload(Self.first), 200, #"{"version":{"version":0}}"#),
      ("POST", "schema", Self.payload(" " + Self.first), 200, #"{"version":{"version":0}}"#),
      ("GET", "schema", "", 200, Self.shown(0, Self.first, at: now, properties: properties)),
      (
        "POST", "schema?authoritative=false", Self.payload(Self.grown), 200,
        #"{"version":{"version":1}}"#
      ),
      ("GET", "schema?authoritative=false", "", 200, Self.shown(1, Self.grown, at: now)),
      ("GET", "schema/0", "", 200, Self.shown(0, Self.first, at: now, properties: properties)),
      ("GET", "schema/1", "", 200, Self.shown(1, Self.grown, at: now)),
      ("GET", "schema/2", "", 404, #"{"reason":"Schema not found"}"#),
      ("GET", "schema/-1", "", 400, #"{"reason":"'-1' is no version"}"#),
      ("GET", "schema/01", "", 400, #"{"reason":"'01' is no version"}"#),
      (
        "GET", "schemas", "", 200,
        #"{"getSchemaResponses":["#
          + Self.shown(0, Self.first, at: now, properties: properties) + ","
          + Self.shown(1, Self.grown, at: now) + "]}"
      ),
      ("POST", "version", Self.payload(Self.grown), 200, #"{"version":1}"#),
      (
        "POST", "compatibility", Self.payload(Self.retyped), 202,
        #"{"compatibility":false,"schemaCompatibilityStrategy":"BACKWARD_TRANSITIVE"}"#
      ),
      (
        "POST", "schema", Self.payload(Self.retyped), 409,
        #"{"reason":"the schema does not keep to BACKWARD_TRANSITIVE; first: "#
          + #"#/fields/0/type must be a type that reads long"}"#
      ),
      ("DELETE", "schema", "", 200, #"{"version":2}"#),
      ("GET", "schema", "", 404, #"{"reason":"Schema not found"}"#),
      ("GET", "schemas", "", 200, #"{"getSchemaResponses":[]}"#),
      ("GET", "schema/1", "", 200, Self.shown(1, Self.grown, at: now)),
      ("GET", "schema/2", "", 404, #"{"reason":"Schema not found"}"#),
      ("POST", "version", Self.payload(Self.grown), 200, #"{"version":-1}"#),
      ("POST", "schema", Self.payload(Self.retyped), 200, #"{"version":{"version":3}}"#),
      ("GET", "schema", "", 200, Self.shown(3, Self.retyped, at: now)),
      ("DELETE", "schema?authoritative=false&force=false", "", 200, #"{"version":4}"#),
      ("DELETE", "schema", "", 404, #"{"reason":"Schema not found"}"#),
    ]
    for (method, path, body, status, answer) in exchanges {
      let got = try await gateway.send(
        method, "\(Self.place)/\(path)", body.isEmpty ? [:] : Self.json, body)
      #expect(got.status == status && got.body == answer, "\(method) \(path): \(got.body)")
      #expect(got.fields["content-type"] == "application/json")
    }
  }

  @Test("a deletion for good waits for the events that name what is deleted")
  func force() async throws {
    let gateway = try TestGateway()
    let schema = "\(Self.place)/schema"
    _ = try await gateway.send("POST", schema, Self.json, Self.payload(Self.first))
    #expect(
      try await gateway.send("POST", Self.events, Self.json, #"{"id":1}"#).status == 201)
    let kept = try await gateway.send("DELETE", "\(schema)?force=true")
    #expect(kept.status == 409 && kept.body.hasPrefix(#"{"reason":"#))
    #expect(try await gateway.send("GET", schema).status == 200)
    let free = "/admin/v2/schemas/acme/shop/free/schema"
    let stored = try await gateway.send("POST", free, Self.json, Self.payload(Self.first))
    let tag = try #require(stored.fields["etag"])
    let wrong = ["If-Match": #""nope""#]
    #expect(try await gateway.send("DELETE", "\(free)?force=true", wrong).status == 412)
    let tried = try await gateway.send("DELETE", "\(free)?force=true&dryRun=true")
    #expect(tried.status == 200 && tried.body == #"{"version":-1}"#)
    #expect(try await gateway.send("GET", free).status == 200)
    #expect(
      try await gateway.send("DELETE", "\(free)?force=true", ["If-Match": tag]).status == 200)
    let list = try await gateway.send("GET", "/v1/topics/acme/shop/free/schemas?deleted=true")
    #expect((try list.json["schemas"] as? [Any])?.isEmpty == true)
    #expect(try await gateway.send("GET", "\(free)/0").status == 404)
    // As Pulsar has it where there is nothing; the numbers go on.
    let again = try await gateway.send("DELETE", "\(free)?force=true")
    #expect(again.status == 200 && again.body == #"{"version":-1}"#)
    let next = try await gateway.send("POST", free, Self.json, Self.payload(Self.first))
    #expect(next.body == #"{"version":{"version":1}}"#)
    #expect(
      try await gateway.send("DELETE", "/admin/v2/schemas/acme/shop/none/schema?force=true").status
        == 404)
  }

  @Test(
    "what is refused is refused in Pulsar's words",
    arguments: [
      ("POST", "schema", "{", 400, ""), ("POST", "schema", "{}", 400, ""),
      ("POST", "schema", #"{"type":"JSON","schema":{}}"#, 400, ""),
      (
        "POST", "schema", payload("{}"), 422,
        #"{"reason":"Invalid schema definition data for JSON schema: "#
          + #"# must be an Avro record definition"}"#
      ),
      ("POST", "compatibility", payload("{}"), 422, ""), ("POST", "version", payload("7"), 422, ""),
      (
        "POST", "schema", payload("", type: "AVRO"), 501,
        #"{"reason":"schemas of type AVRO are not supported yet"}"#
      ),
      ("POST", "schema", payload("", type: "BYTES"), 406, ""),
      (
        "POST", "schema", payload("", type: "XML"), 422, #"{"reason":"'XML' is no type of schema"}"#
      ),
      ("POST", "schema", payload(first, properties: #"{"a":1}"#), 400, ""),
      ("PUT", "schema", "", 405, ""), ("GET", "compatibility", "", 405, ""),
      ("GET", "nothing", "", 404, ""), ("GET", "schema?colour=1", "", 400, ""),
      ("DELETE", "schema", "", 404, #"{"reason":"Schema not found"}"#),
    ])
  func refusals(
    _ method: String, _ path: String, _ body: String, _ status: Int, _ text: String
  ) async throws {
    let gateway = try TestGateway()
    let answer = try await gateway.send(method, "\(Self.place)/\(path)", Self.json, body)
    #expect(answer.status == status, "\(answer.body)")
    #expect(answer.fields["content-type"] == "application/json")
    #expect(try answer.json.keys.sorted() == ["reason"])
    if !text.isEmpty { #expect(answer.body == text) }
    #expect(try await gateway.send("GET", "/v1/topics/acme/shop/orders").status == 404)
  }

  @Test("the same tokens and grants count as everywhere")
  func grants() async throws {
    let gateway = try TestGateway()
    let post = Self.payload(Self.first)
    func status(_ method: String, _ path: String, as subject: String?) async throws -> Int {
      try await gateway.send(
        method, "\(Self.place)/\(path)", as: subject, Self.json, method == "POST" ? post : ""
      ).status
    }
    let missing = try await gateway.send("GET", "\(Self.place)/schema", as: nil)
    #expect(missing.status == 401 && missing.fields["www-authenticate"] != nil)
    #expect(try await status("POST", "schema", as: "rita") == 403)
    #expect(try await status("POST", "schema", as: "paul") == 403)
    #expect(try await status("POST", "schema", as: "bob") == 404)
    #expect(try await status("POST", "schema", as: "mona") == 200)
    for subject in ["rita", "paul", "mona"] {
      #expect(try await status("GET", "schema", as: subject) == 200)
      #expect(try await status("POST", "version", as: subject) == 200)
    }
    #expect(try await status("POST", "compatibility", as: "rita") == 403)
    #expect(try await status("DELETE", "schema", as: "rita") == 403)
    #expect(try await status("GET", "schema", as: "bob") == 404)
    let bad = try await gateway.send("GET", "/admin/v2/schemas/acme/shop/a%20b/schema")
    #expect(bad.status == 412)
    #expect(bad.body == #"{"reason":"the topic in the path is not a name"}"#)
    // Pulsar's partitions share their topic's schema.
    let part = try await gateway.send("GET", "\(Self.place)-partition-7/schema")
    #expect(part.status == 200)
  }

  @Test("events are checked by it, and /v1 shows it with its type")
  func events() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("POST", "\(Self.place)/schema", Self.json, Self.payload(Self.first))
    let good = try await gateway.send("POST", Self.events, Self.json, #"{"id":1,"more":true}"#)
    #expect(good.status == 201)
    #expect(try good.json["schemaVersion"] as? Int == 1)
    let bad = try await gateway.send("POST", Self.events, Self.json, #"{"id":"1"}"#)
    #expect(bad.status == 422)
    let error = try #require((try bad.json["errors"] as? [[String: Any]])?.first)
    #expect(error["pointer"] as? String == "/id" && error["code"] as? String == "type")
    #expect(error["schemaPointer"] as? String == "#/fields/0/type")
    #expect(
      try await gateway.send("POST", Self.events, ["Content-Type": "text/plain"], "x").status
        == 415)

    let topic = "/v1/topics/acme/shop/orders"
    let text = try await gateway.send("GET", "\(topic)/schema")
    #expect(text.fields["content-type"] == "application/vnd.apache.avro+json")
    #expect(text.body == Self.first)
    #expect(try await gateway.send("GET", "\(topic)/schema?bundle=true").body == Self.first)
    let list = try await gateway.send("GET", "\(topic)/schemas").json
    let version = try #require((list["schemas"] as? [[String: Any]])?.first)
    #expect(version["type"] as? String == "PULSAR_JSON" && version["version"] as? Int == 1)
    #expect(version["dialect"] == nil)

    // The same registry from the other side: a dry run, a registration, a check, a replay.
    let avro = ["Content-Type": "application/vnd.apache.avro+json"]
    let check = try await gateway.send("POST", "\(topic)/schema/check", avro, Self.retyped)
    #expect(try check.json["compatible"] as? Bool == false)
    let reason = try #require((try check.json["reasons"] as? [[String: Any]])?.first)
    #expect(
      reason["pointer"] as? String == "#/fields/0/type" && reason["rule"] as? String == "type")
    let put = try await gateway.send("PUT", "\(topic)/schema", avro, Self.grown)
    #expect(put.status == 201, "\(put.body)")
    #expect(
      try await gateway.send("GET", "\(Self.place)/schemas").body.contains(#""version":1,"#))
    let replay = try await gateway.send("POST", "\(topic)/schema/replay", avro, Self.retyped)
    #expect(try replay.json["refused"] as? Int == 1)
    #expect(
      try await gateway.send("PUT", "/v1/schemas/acme/shop/a", avro, Self.first).status == 415)
  }

  @Test("a JSON Schema is none of Pulsar's, and is not followed by one")
  func languages() async throws {
    let gateway = try TestGateway()
    let topic = "/v1/topics/acme/shop/orders"
    _ = try await gateway.send("PUT", "\(topic)/schema", [:], "true")
    let shown = try await gateway.send("GET", "\(Self.place)/schema")
    #expect(shown.status == 404 && shown.body.contains("JSON Schema"))
    #expect(
      try await gateway.send("GET", "\(Self.place)/schemas").body == #"{"getSchemaResponses":[]}"#)
    let post = Self.payload(Self.first)
    let refused = try await gateway.send("POST", "\(Self.place)/schema", Self.json, post)
    #expect(refused.status == 409)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"ALWAYS_COMPATIBLE"}"#)
    let taken = try await gateway.send("POST", "\(Self.place)/schema", Self.json, post)
    #expect(taken.body == #"{"version":{"version":1}}"#)
    let said = try await gateway.send("POST", "\(Self.place)/compatibility", Self.json, post)
    #expect(
      said.body
        == #"{"compatibility":true,"schemaCompatibilityStrategy":"ALWAYS_COMPATIBLE"}"#)
  }
}
