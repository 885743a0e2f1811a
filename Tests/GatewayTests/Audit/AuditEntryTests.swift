import Bytes
import Foundation
import HTTPWire
import LogConformance
import Metrics
import Testing

@testable import Gateway

/// Whom an entry names, what counts as a change, and how much strangers may have recorded.
@Suite struct AuditEntryTests {
  private let topic = "/v1/topics/acme/shop/new"
  private let json = ["Content-Type": "application/json"]
  private let schema = ["Content-Type": "application/schema+json"]

  /// The entries as JSON objects.
  private func read(_ trail: AuditTrail) throws -> [[String: Any]] {
    try trail.drain().map { entry in
      let object = try JSONSerialization.jsonObject(with: Data("{\(entry.members.text)}".utf8))
      return object as? [String: Any] ?? [:]
    }
  }

  private func trail(sample: Int = 0) -> AuditTrail {
    AuditTrail(sample: sample, metrics: AuditMetrics(), wake: {})
  }

  @Test("who comes with a token past its end, within the clocks' skew, is told all the same")
  func withinSkew() async throws {
    let trail = trail()
    let gateway = try TestGateway(audit: trail)
    #expect(try await gateway.send("PUT", topic, json, "{}").status == 201)
    let token = try TestGateway.token(lifetime: .seconds(60))
    let stranger = try TestGateway.token("stranger", lifetime: .seconds(60))
    gateway.clock.step(.seconds(70))
    _ = try read(trail)
    #expect(try await gateway.send("DELETE", topic, token: token).status == 204)
    #expect(try await gateway.send("GET", topic, token: stranger).code == "no_tenant")
    let told = try read(trail)
    #expect(told.map { $0["outcome"] as? String } == ["allow", "deny"])
    #expect(told.map { $0["tenant"] as? String } == ["acme", nil])
    #expect(told.map { $0["principal"] as? String } == ["alice", nil])
    #expect(told.map { $0["subject"] as? String } == ["alice", "stranger"])
    #expect(told.allSatisfy { $0["issuer"] as? String == "test" && $0["token"] is String })
  }

  @Test("who has asked is told as the policy saw it that let the request in")
  func renamed() async throws {
    let trail = trail()
    let gateway = try TestGateway(audit: trail)
    let renamed = TestGateway.settings.replacing(
      #"principal: "{/sub}", service: till"#, with: #"principal: "new:{/sub}", service: till"#)
    let made = try await gateway.send(
      "PUT", topic, json, "{}", beforeBody: { try gateway.take(renamed) })
    #expect(made.status == 201)
    #expect(try await gateway.send("DELETE", topic).status == 204)
    let told = try read(trail)
    #expect(told.map { $0["principal"] as? String } == ["alice", "new:alice"])
    #expect(told.map { $0["policy"] as? Int } == [1, 2])
  }

  @Test("whoever loses its right while its body comes is denied by the policy of that moment")
  func lost() async throws {
    let trail = trail()
    let gateway = try TestGateway(audit: trail)
    let without = TestGateway.settings.replacing(#"{eq: alice}"#, with: #"{eq: nobody}"#)
    let refused = try await gateway.send(
      "PUT", topic, json, "{}", beforeBody: { try gateway.take(without) })
    #expect(refused.code == "no_tenant")
    let told = try #require(try read(trail).last)
    #expect(told["outcome"] as? String == "deny" && told["policy"] as? Int == 2)
    #expect(told["principal"] as? String == "alice")
  }

  @Test("what changes nothing is among the samples, a dry run as such, and OPTIONS nowhere")
  func samples() async throws {
    for sample in [0, 1] {
      let trail = trail(sample: sample)
      let gateway = try TestGateway(audit: trail)
      #expect(try await gateway.send("PUT", topic, json, "{}").status == 201)
      _ = try read(trail)
      let registry = "/v1/topics/globex/shop/orders/schema?override=true&dryRun=true"
      for (method, path, subject, fields, body) in [
        ("PUT", "\(topic)?dryRun=true", "alice", json, "{}"),
        ("DELETE", "\(topic)?dryRun=true", "alice", [:], ""),
        ("PUT", registry, "bob", schema, "true"),
        ("POST", "\(topic)/schema/validate", "alice", json, "{}"),
        ("POST", "\(topic)/schema/check", "alice", schema, "true"),
        ("OPTIONS", topic, nil, [:], ""), ("OPTIONS", "\(topic)/events", nil, [:], ""),
      ] as [(String, String, String?, [String: String], String)] {
        let answer = try await gateway.send(method, path, as: subject, fields, body)
        #expect((200..<300).contains(answer.status), "\(method) \(path) \(answer.body)")
      }
      let told = try read(trail)
      let trials: [Bool?] = sample == 0 ? [] : [true, true, true, nil, nil]
      #expect(told.map { $0["dryRun"] as? Bool } == trials)
      #expect(told.allSatisfy { $0["override"] == nil && $0["principal"] is String })
      // What was tried, in earnest.
      #expect(try await gateway.send("DELETE", topic).status == 204)
      let gone = try #require(try read(trail).last)
      #expect(gone["method"] as? String == "DELETE" && gone["dryRun"] == nil)
    }
  }

  @Test("what strangers have recorded is bounded, and how much is left out is told")
  func strangers() async throws {
    let trail = trail()
    let gateway = try TestGateway(audit: trail)
    let most = AuditLimits.strangersPerNetwork
    for _ in 0..<(most + 5) {
      #expect(try await gateway.send("GET", "/v1/whoami", as: nil).status == 401)
    }
    #expect(trail.drain().count == most)
    // Who is known is told all the same, and so is a stranger from somewhere else.
    #expect(try await gateway.send("PUT", topic, as: "rita", json, "{}").status == 403)
    let elsewhere = try await gateway.send("GET", "/v1/whoami", as: nil, from: "192.0.2.9")
    #expect(elsewhere.status == 401)
    gateway.clock.step(.seconds(61))
    #expect(try await gateway.send("GET", "/v1/whoami", as: nil).status == 401)
    let told = try read(trail)
    #expect(told.map { $0["status"] as? Int } == [403, 401, 401])
    #expect(told.map { $0["more"] as? Int } == [nil, 5, nil])
  }

  @Test("a network counts as one, and all together have a bound of their own")
  func networks() {
    let bound = StrangerBound()
    let now = MonotonicTime(nanoseconds: 1)
    func letIn(_ peer: String) -> Int? { bound.letIn(ByteSlice(utf8: peer), at: now) }
    for host in 0..<AuditLimits.strangersPerNetwork { #expect(letIn("2001:db8::\(host)") == 0) }
    #expect(letIn("2001:db8::ffff") == nil)
    #expect(letIn("2001:db8:0:1::1") == 1)
    var count = AuditLimits.strangersPerNetwork + 1
    for network in 0..<20 {
      for _ in 0..<AuditLimits.strangersPerNetwork where letIn("192.0.2.\(network)") != nil {
        count += 1
      }
    }
    #expect(count == AuditLimits.strangers)
    let later = now + AuditLimits.strangerSpan
    #expect(bound.letIn(ByteSlice(utf8: "2001:db8::1"), at: later) != nil)
  }
}
