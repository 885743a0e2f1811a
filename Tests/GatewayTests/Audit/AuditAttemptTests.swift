import Bytes
import Foundation
import HTTPWire
import Metrics
import Testing

@testable import Gateway

/// Where the log is required: what waits for an entry, and what the log says became of it.
@Suite struct AuditAttemptTests {
  private let topic = "/v1/topics/acme/shop/new"
  private let json = ["Content-Type": "application/json"]

  /// Stands in for the keeper, whose disk works or does not, while `body` runs. Returns what was
  /// recorded: outcome and status of each entry.
  private func keeping(
    _ isWritten: Bool = true, limits: String = "",
    _ body: @Sendable (TestGateway) async throws -> Void
  ) async throws -> [[String: Any]] {
    let trail = AuditTrail(sample: 0, isRequired: true, metrics: AuditMetrics(), wake: {})
    let gateway = try TestGateway(
      settings: TestGateway.settings.replacing("acme: {}", with: "acme: {\(limits)}"),
      audit: trail)
    let keeper = Task {
      var entries: [AuditTrail.Entry] = []
      while !Task.isCancelled {
        let drained = trail.drain()
        for entry in drained { entry.settled(isWritten) }
        entries += drained
        await Task.yield()
      }
      return entries + trail.drain()
    }
    defer { keeper.cancel() }
    try await body(gateway)
    keeper.cancel()
    return try await keeper.value.map { entry in
      let object = try JSONSerialization.jsonObject(with: Data("{\(entry.members.text)}".utf8))
      return object as? [String: Any] ?? [:]
    }
  }

  private func outcomes(_ entries: [[String: Any]]) -> [String] {
    entries.map { entry in
      let status = (entry["status"] as? Int).map { " \($0)" } ?? ""
      return "\(entry["outcome"] as? String ?? "none")\(status)"
    }
  }

  @Test("a change waits for its entry and is not made without it")
  func waiting() async throws {
    let (topic, json) = (topic, json)
    let lost = try await keeping(false) { (gateway) async throws in
      let lost = try await gateway.send("PUT", topic, json, "{}")
      #expect(lost.status == 503 && lost.code == "audit_unavailable")
      #expect(lost.fields["retry-after"] != nil)
      #expect(try await gateway.send("GET", topic).status == 404)
    }
    #expect(outcomes(lost) == ["attempt", "fail 503"])
    #expect(lost[0]["principal"] as? String == "alice")
    let made = try await keeping { (gateway) async throws in
      #expect(try await gateway.send("PUT", topic, json, "{}").status == 201)
    }
    #expect(outcomes(made) == ["attempt", "allow 200"])
  }

  @Test("every attempt has an outcome, under the same request")
  func outcomesOfAttempts() async throws {
    let (topic, json) = (topic, json)
    let entries = try await keeping { (gateway) async throws in
      #expect(try await gateway.send("PUT", topic, json, "{").status == 400)
      #expect(try await gateway.send("DELETE", topic).status == 404)
      let fields = json.merging(["If-Match": "\"x\""]) { $1 }
      #expect(try await gateway.send("PUT", topic, fields, "{}").status == 412)
      let management = try await gateway.send(
        "POST", "/v1/revocations", as: nil, json, "{}", listener: .management)
      #expect(management.status == 400)
    }
    #expect(
      outcomes(entries) == [
        "attempt", "fail 400", "attempt", "fail 404", "attempt", "fail 412", "attempt", "fail 400",
      ])
    for index in stride(from: 0, to: entries.count - 1, by: 2) {
      let request = entries[index]["request"] as? String
      #expect(request != nil && request == entries[index + 1]["request"] as? String)
    }
    #expect(entries.last?["reason"] as? String == "bad_parameter")
  }

  @Test("nobody makes the log grow by what they may not do, or what changes nothing")
  func noAttempts() async throws {
    let (topic, json) = (topic, json)
    let denied = try await keeping { (gateway) async throws in
      for subject in ["rita", "mona"] {
        #expect(try await gateway.send("PUT", topic, as: subject, json, "{}").status == 403)
      }
      #expect(try await gateway.send("PUT", topic, as: nil, json, "{}").status == 401)
      #expect(try await gateway.send("PUT", topic, as: "bob", json, "{}").status == 404)
      let path = "/v1/namespaces/acme/shop"
      #expect(try await gateway.send("DELETE", path, as: "mona").status == 403)
    }
    #expect(outcomes(denied) == ["deny 403", "deny 403", "deny 401", "deny 404", "deny 403"])
    let idle = try await keeping { (gateway) async throws in
      #expect(try await gateway.send("POST", topic, json, "{}").status == 405)
      #expect(try await gateway.send("PUT", "\(topic)?dryRun=true", json, "{}").status == 201)
      #expect(try await gateway.send("PUT", "\(topic)?dryRun=maybe", json, "{}").status == 400)
      _ = try await gateway.send("POST", "\(topic)/schema/validate", json, "{}")
      let pulsar = "/admin/v2/schemas/acme/shop/new"
      _ = try await gateway.send("POST", "\(pulsar)/compatibility", json, "{}")
      #expect(try await gateway.send("POST", "/v1/revocations", as: nil, json, "{}").status == 404)
      let events = "/v1/topics/acme/shop/orders/events"
      #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    }
    #expect(!outcomes(idle).contains("attempt"))
  }

  @Test("an attempt is charged to the limits once, and one beyond them is not written")
  func limits() async throws {
    let (topic, json) = (topic, json)
    let entries = try await keeping(limits: "limits: {requests: 2/s}") { (gateway) async throws in
      #expect(try await gateway.send("PUT", topic, json, "{}").status == 201)
      #expect(try await gateway.send("PUT", topic, json, "{}").status == 200)
      for _ in 0..<3 {
        #expect(try await gateway.send("PUT", topic, json, "{}").status == 429)
      }
    }
    #expect(outcomes(entries) == ["attempt", "allow 200", "attempt", "allow 200"])
  }
}
