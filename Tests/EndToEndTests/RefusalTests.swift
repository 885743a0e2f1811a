import Bytes
import Foundation
import JSONText
import Testing

/// Every no is one problem document that says which rule, where, and whether a retry helps.
extension EndToEnd {
  @Suite struct Refusals {
    @Test func `garbage never enters a topic with a schema`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let topic = "/v1/topics/~/stock"
        let schema = """
          {"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
           "required":["sku"],"properties":{"sku":{"type":"string"},
           "items":{"type":"array","items":{"properties":{"qty":{"minimum":1}}}}}}
          """
        let put = try await gateway.send(
          "PUT", topic + "/schema", token: token, body: schema, type: "application/schema+json")
        #expect(put.status == 201)
        #expect(try put.json["version"]?.integer == 1)

        let bad = try await gateway.send(
          "POST", topic + "/events", token: token, body: #"{"items":[{"qty":0}]}"#)
        #expect(bad.status == 422)
        #expect(bad.field("content-type") == "application/problem+json")
        #expect(try bad.json["code"]?.text == "schema_violation")
        #expect(try bad.json["retryable"]?.bool == false)
        #expect(try bad.json["instance"]?.text == bad.field("request-id"))
        let errors = try #require(try bad.json["errors"]?.elements.map(\.self))
        #expect(errors.contains { $0["pointer"]?.text == "/items/0/qty" })
        #expect(errors.contains { $0["keyword"]?.text == "required" })

        let good = try await gateway.send(
          "POST", topic + "/events", token: token, body: #"{"sku":"A","items":[{"qty":1}]}"#)
        #expect(good.status == 201)
        #expect(try good.json["schemaVersion"]?.integer == 1)
        let page = try await gateway.send(
          "GET", topic + "/events?from=earliest&view=data", token: token)
        #expect(try page.json["events"]?.count == 1)
      }
    }

    @Test func `another tenant's topic and an absent one give the same 404`() async throws {
      try await withGateway(["--tenants", "acme,globex"]) { gateway in
        let acme = try await gateway.token(tenant: "acme")
        let globex = try await gateway.token(tenant: "globex")
        let topic = "/v1/topics/acme/default/payroll"
        #expect(
          try await gateway.send("POST", topic + "/events", token: acme, body: "{}").status == 201)
        for (method, path, body) in [
          ("GET", "/events?from=earliest", nil), ("POST", "/events", "{}"), ("GET", "", nil),
          ("GET", "/schema", nil), ("PUT", "/subscriptions/s", "{}"), ("DELETE", "", nil),
          ("GET", "/events/1:0", nil),
        ] as [(StaticString, String, String?)] {
          let there = try await gateway.send(method, topic + path, token: globex, body: body)
          let nowhere = try await gateway.send(
            method, "/v1/topics/acme/default/nothing" + path, token: globex, body: body)
          #expect(there.status == 404, "\(method) \(path)")
          #expect(
            Self.anonymous(there) == Self.anonymous(nowhere), "\(method) \(path) tells them apart")
        }
        let own = try await gateway.send("GET", "/v1/topics/globex/default", token: globex)
        #expect(!own.text.contains("payroll"))
      }
    }

    /// An answer without what differs between any two requests.
    private static func anonymous(_ answer: Answer) -> String {
      answer.text.replacing(answer.field("request-id") ?? "-", with: "")
    }

    @Test func `no token, a token of nobody's and a missing grant are told apart`() async throws {
      try await withGateway { gateway in
        let reader = try await gateway.token(allow: "subscribe")
        let events = "/v1/topics/~/t/events"
        let none = try await gateway.send("POST", events, body: "{}")
        #expect(none.status == 401)
        #expect(none.field("www-authenticate")?.hasPrefix("Bearer") == true)
        let forged = try await gateway.send(
          "POST", events, token: String(reader.dropLast(6)) + "AAAAAA", body: "{}")
        #expect(forged.status == 401)
        #expect(forged.field("www-authenticate")?.contains("invalid_token") == true)
        let denied = try await gateway.send("POST", events, token: reader, body: "{}")
        #expect(denied.status == 403)
        #expect(denied.field("www-authenticate")?.contains("insufficient_scope") == true)
        #expect(try denied.json["code"]?.text == "forbidden")
      }
    }

    @Test func `what is not built yet is refused, never ignored`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let events = "/v1/topics/~/t/events"
        let later = try await gateway.send(
          "POST", events, token: token, fields: [("Deliver-After", "5s")], body: "{}")
        #expect(later.status == 501)
        #expect(try later.json["code"]?.text == "not_supported")
        let unknown = try await gateway.send(
          "GET", events + "?form=earliest", token: token)
        #expect(unknown.status == 400)
        #expect(try unknown.json["code"]?.text == "unknown_parameter")
      }
    }
  }
}
