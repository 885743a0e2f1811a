import Bytes
import Foundation
import Testing

@testable import Gateway

/// What a binding that only warns or quarantines does not take all the same.
@Suite struct LenientBindingTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let schema = ["Content-Type": "application/schema+json"]

  /// Of an event that names a schema which its topic does not take.
  private func named(_ schema: String = "urn:x") -> [String: String] {
    [
      "Content-Type": "application/json", "ce-specversion": "1.0", "ce-id": "1",
      "ce-source": "/s", "ce-type": "t", "ce-dataschema": schema,
    ]
  }

  /// Too long for a loop.
  private let long = String(repeating: "x", count: GatewayLimits.eventOnLoop)

  private func gateway(
    _ enforcement: String, settings: String = TestGateway.settings
  ) async throws -> TestGateway {
    let gateway = try TestGateway(settings: settings)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":["object","array"]}"#)
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:], #"{"enforcement":"\#(enforcement)"}"#)
    #expect(bound.status == 201)
    return gateway
  }

  @Test(
    "what a grant asks of payloads holds whatever schema an event names, and however long it is",
    arguments: ["warn", "quarantine"])
  func grants(_ enforcement: String) async throws {
    let gateway = try await gateway(
      enforcement,
      settings: TestGateway.settings.replacing(
        #"allow: [{publish: ["shop/orders"]}]"#,
        with: #"allow: [{publish: ["shop/orders"], where: {/tenantId: {eq: "{tenant}"}}}]"#))
    let taken = enforcement == "warn" ? 201 : 202
    for more in ["", long] {
      func payload(_ tenant: String) -> String { #"{"tenantId":"\#(tenant)","more":"\#(more)"}"# }
      for isCold in [false, true] {
        if isCold { gateway.cool() }
        let foreign = try await gateway.send(
          "POST", events, as: "paul", named(), payload("globex"))
        #expect(foreign.status == 403 && foreign.code == "tenant_mismatch", "\(foreign.body)")
        let own = try await gateway.send("POST", events, as: "paul", named(), payload("acme"))
        #expect(own.status == taken, "\(own.body)")
      }
      let batch = ["globex", "acme"].map {
        #"{"specversion":"1.0","id":"\#($0)","source":"/s","type":"t","dataschema":"urn:x","#
          + #""data":\#(payload($0))}"#
      }
      let answer = try await gateway.send(
        "POST", events, as: "paul", ["Content-Type": "application/cloudevents-batch+json"],
        "[\(batch.joined(separator: ","))]")
      let results = try #require(answer.json["results"] as? [[String: Any]])
      #expect(results.map { $0["status"] as? Int } == [403, taken], "\(answer.body)")
    }
  }

  @Test(
    "text that is no JSON is not taken for JSON whatever schema an event names",
    arguments: ["warn", "quarantine", "enforce"])
  func text(_ enforcement: String) async throws {
    let gateway = try await gateway(enforcement)
    for body in ["1},{\"forged\":true", "[\"\(long)\""] {
      for name in ["urn:x", "\(topic)/schemas/9"] {
        for isCold in [false, true] {
          if isCold { gateway.cool() }
          let answer = try await gateway.send("POST", events, named(name), body)
          #expect(answer.status == 400 && answer.code == "malformed_json", "\(answer.body)")
        }
      }
    }
    let shown = try await gateway.send("GET", topic)
    #expect(try shown.json["events"] as? Int == 0)
    // What says that it is something else may be anything.
    let fields = named().merging(["Content-Type": "text/plain"]) { $1 }
    let other = try await gateway.send("POST", events, fields, "1},{")
    #expect(other.status == ["warn": 201, "quarantine": 202][enforcement, default: 422])
  }

  @Test("a long event that names a strange schema has the default one compiled for it")
  func cold() async throws {
    let gateway = try await gateway("warn")
    for name in ["urn:x", "\(topic)/schemas/9"] {
      gateway.cool()
      let answer = try await gateway.send("POST", events, named(name), "[\"\(long)\"]")
      #expect(answer.status == 201, "\(answer.body)")
    }
  }
}
