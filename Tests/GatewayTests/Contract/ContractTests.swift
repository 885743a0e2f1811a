import Bytes
import Foundation
import HTTPWire
import Testing

@testable import Gateway

@Suite struct ContractTests {
  @Test(
    "the OpenAPI document lists what the routes answer to",
    arguments: OpenAPIDocument.paths.map { "\($0.template)" })
  func openAPI(_ template: String) throws {
    let path = try #require(OpenAPIDocument.paths.first { "\($0.template)" == template })
    let sample = OpenAPIDocument.parameters(of: path.template).reduce(template) { text, name in
      text.replacingOccurrences(
        of: "{\(name)}",
        with: name == "version" ? "1" : name == "stream" ? "0123456789abcdef0123" : "x")
    }
    let route = try Route(ByteSlice(utf8: sample))
    let answered = Set("\(route.methods)".split(separator: ", ").map { $0.lowercased() })
      .subtracting(["head", "options"])
    let listed = Set(path.operations.map { "\($0.method)" }).subtracting(["head"])
    #expect(listed == answered)
  }

  @Test("the OpenAPI document is JSON")
  func json() throws {
    let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.array))
    #expect((object as? [String: Any])?["openapi"] as? String == "3.1.0")
  }

  @Test("what the OpenAPI document refers to is in it; JSON bodies but payloads are described")
  func references() throws {
    let text = OpenAPIDocument.text.text
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let components = try #require(object?["components"] as? [String: [String: Any]])
    for match in text.matches(of: #/"#\/components\/([a-zA-Z]+)\/([A-Za-z0-9]+)"/#) {
      #expect(components[String(match.1)]?[String(match.2)] != nil, "\(match.0)")
    }
    for operation in OpenAPIDocument.paths.flatMap(\.operations) {
      let takesJSONAlone = operation.body.map { "\($0)" } == ["application/json"]
      #expect((operation.takes != nil) == takesJSONAlone, "\(operation.id)")
      for field in operation.fields {
        #expect(OpenAPIDocument.field("\(field)", of: operation).description.utf8CodeUnitCount > 0)
      }
    }
  }

  @Test(
    "members that the OpenAPI document has of bodies are known, and no others",
    arguments: OpenAPIDocument.paths.flatMap { path in
      path.operations.filter { $0.takes != nil && "\($0.takes ?? "")" != "PulsarPost" }
        .map { ("\(path.template)", "\($0.method)".uppercased(), "\($0.takes ?? "")") }
    })
  func bodies(_ template: String, _ method: String, _ schema: String) async throws {
    let gateway = try TestGateway()
    let schemaType = ["Content-Type": "application/schema+json"]
    let topic = "/v1/topics/acme/shop/x"
    _ = try await gateway.send("PUT", "\(topic)/schema", schemaType, "{}")
    _ = try await gateway.send("PUT", "\(topic)/subscriptions/x", [:], "{}")
    _ = try await gateway.send("PUT", "/v1/schemas/acme/shop/x", schemaType, "{}")
    let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.array))
    let components = (object as? [String: Any])?["components"] as? [String: [String: Any]]
    let shape = try #require(components?["schemas"]?[schema] as? [String: Any])
    let members = try #require(shape["properties"] as? [String: Any])
    let values = ["tenant": "acme", "namespace": "shop", "version": "1"]
    let known = try #require(OpenAPIDocument.paths.first { "\($0.template)" == template })
    let path = OpenAPIDocument.parameters(of: known.template).reduce(template) {
      $0.replacingOccurrences(of: "{\($1)}", with: values[$1] ?? "x")
    }
    let listener = template == "/v1/revocations" ? ListenerKind.management : .open
    let fields = ["Content-Type": "application/json"]
    for name in members.keys {
      let told = try await gateway.send(
        method, path, fields, "{\"\(name)\":\"x\"}", listener: listener)
      #expect(told.status < 500 && told.code != "unknown_parameter", "\(name) \(told.body)")
    }
    // Refused as unknown, or because something else is missing: never taken.
    let odd = try await gateway.send(method, path, fields, #"{"zzz":1}"#, listener: listener)
    #expect(odd.code?.hasSuffix("_parameter") == true, "\(odd.body)")
  }

  @Test(
    "paths that name nothing are 404, bad names 400",
    arguments: [
      ("/v1/topics/acme/shop/or%2Fders/events", "bad_name"),
      ("/v1/topics/acme/../x/events", "bad_name"),
      ("/v1/topics/acme/shop/%C3%A9/events", "bad_name"),
      ("/v1/topics/acme/shop//events", "bad_name"),
      ("/v1/topics/acme/shop/orders/event", "not_found"), ("/v1", "not_found"), ("/", "not_found"),
      ("/v1/topics/acme/shop/orders/events/", "not_found"), ("/metrics/", "not_found"),
      ("/v1/topics/acme/shop/%2e%2e/events", "bad_name"),
      ("/v1/topics/acme/shop/a%00/events", "bad_name"),
    ])
  func paths(_ path: String, _ code: String) async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("GET", path).code == code)
  }

  @Test("what is not asked for is refused, never ignored")
  func strictness() async throws {
    let gateway = try TestGateway()
    let events = "/v1/topics/acme/shop/orders/events"
    let cases: [(String, String, [String: String], String, Int, String)] = [
      ("GET", "/v1/topics/acme/shop/absent/events", [:], "", 404, "not_found"),
      ("GET", "\(events)?limit=3", [:], "", 400, "unknown_parameter"),
      ("GET", "\(events)?max=0", [:], "", 400, "bad_parameter"),
      ("GET", "\(events)?max=1001", [:], "", 400, "bad_parameter"),
      ("GET", "\(events)?wait=61s", [:], "", 400, "bad_parameter"),
      ("GET", "\(events)?from=1&from=2", [:], "", 400, "bad_parameter"),
      ("GET", "\(events)?from=yesterday", [:], "", 400, "bad_cursor"),
      ("GET", "\(events)?view=%FF", [:], "", 400, "bad_parameter"),
      ("GET", events, ["Accept": "image/png"], "", 406, "not_acceptable"),
      (
        "GET", events, ["Accept": "application/cloudevents-batch+json"], "", 406, "not_acceptable"
      ),
      ("GET", events, ["Prefer": "wait=soon"], "", 400, "bad_header"),
      ("POST", "/v1/tickets", [:], #"{"path":"\#(events)?from=earliest"}"#, 400, "bad_parameter"),
      ("POST", "/v1/tickets", [:], #"{"path":"http://gateway\#(events)"}"#, 400, "bad_parameter"),
      ("POST", "/v1/tickets", [:], #"{"path":"/v1/whoami"}"#, 400, "bad_parameter"),
      ("POST", "/v1/tickets", [:], #"{"path":"/v1/topics/~/a%20b/events"}"#, 400, "bad_name"),
      ("GET", events, ["Last-Event-ID": "x"], "", 400, "bad_cursor"),
      ("GET", events, ["Last-Event-ID": "1:0", "last-event-id": "1:1"], "", 400, "bad_header"),
      ("PATCH", events, [:], "", 405, "method_not_allowed"),
      ("POST", events, ["Idempotency-Key": "\"a\""], "{}", 501, "not_supported"),
      ("POST", events, ["Producer-Id": "p"], "{}", 501, "not_supported"),
      ("POST", events, ["Expected-Last": "1:0"], "{}", 501, "not_supported"),
      ("POST", events, ["Deliver-After": "5s"], "{}", 501, "not_supported"),
      ("POST", events, ["Prefer": "respond-async"], "{}", 501, "not_supported"),
      ("POST", events, ["Prefer": "Respond-Async;x=1"], "{}", 501, "not_supported"),
      ("POST", events, ["Content-Encoding": "gzip"], "{}", 501, "not_supported"),
      ("POST", "\(events)?atomic=true", [:], "{}", 400, "bad_parameter"),
      ("PUT", "/v1/topics/acme/shop/orders", [:], #"{"compatibility":"X"}"#, 400, "bad_parameter"),
      ("PUT", "/v1/topics/acme/shop/orders", [:], #"{"ttl":"1d"}"#, 501, "not_supported"),
      ("PUT", "/v1/topics/acme/shop/orders", [:], #"{"retention":7}"#, 400, "bad_parameter"),
      (
        "PUT", "/v1/topics/acme/shop/orders", [:], #"{"retention":{"age":"week"}}"#, 400,
        "bad_parameter"
      ),
      (
        "PUT", "/v1/topics/acme/shop/orders", [:], #"{"retention":{"bytes":-1}}"#, 400,
        "bad_parameter"
      ),
      (
        "PUT", "/v1/namespaces/acme/shop", [:], #"{"retention":{"days":1}}"#, 400,
        "unknown_parameter"
      ),
      ("PUT", "/v1/topics/acme/shop/orders", [:], #"{"colour":1}"#, 400, "unknown_parameter"),
      ("PUT", "/v1/topics/acme/shop/orders", [:], "{", 400, "malformed_json"),
      ("PUT", "/v1/topics/acme/shop/orders", [:], "[]", 400, "bad_parameter"),
    ]
    for (method, target, fields, body, status, code) in cases {
      let answer = try await gateway.send(method, target, fields, body)
      #expect(answer.status == status && answer.code == code, "\(method) \(target) \(answer.body)")
      #expect(answer.fields["content-type"] == "application/problem+json")
      #expect(answer.fields["request-id"] == (try answer.json["instance"] as? String))
    }
  }

  @Test(
    "calls about the gateway itself take no parameters either",
    arguments: [
      "/healthz", "/readyz", "/openapi.json", "/.well-known/oauth-protected-resource",
    ])
  func openCalls(_ path: String) async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("GET", path, as: nil).status == 200)
    let odd = try await gateway.send("GET", "\(path)?pretty=1", as: nil)
    #expect(odd.status == 400 && odd.code == "unknown_parameter")
  }

  @Test("where a batch is refused as a whole, the document has its results beside a problem")
  func batchRefusals() throws {
    let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.text.array))
    let paths = (object as? [String: Any])?["paths"] as? [String: [String: Any]]
    let publish = paths?["/v1/topics/{tenant}/{namespace}/{topic}/events"]?["post"]
    let responses = (publish as? [String: Any])?["responses"] as? [String: [String: Any]]
    for (status, name) in [
      ("422", "Rejected"), ("429", "Rejected"), ("503", "Rejected"), ("400", "Problem"),
      ("413", "Problem"),
    ] {
      let response = responses?[status]?["$ref"] as? String
      #expect(response == "#/components/responses/\(name)", "\(status)")
    }
  }

  @Test("OPTIONS tells the methods and needs no token")
  func options() async throws {
    let gateway = try TestGateway()
    let answer = try await gateway.send("OPTIONS", "/v1/topics/~/orders/events", as: nil)
    #expect(answer.status == 204)
    #expect(answer.fields["allow"] == "GET, HEAD, POST, OPTIONS")
    let all = try await gateway.send("OPTIONS", "*", as: nil)
    #expect(all.status == 204)
    #expect(all.fields["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
  }
}
