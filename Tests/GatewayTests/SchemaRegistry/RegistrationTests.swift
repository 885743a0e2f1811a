import Bytes
import Foundation
import HTTPWire
import Synchronization
import Testing

@testable import Gateway
@testable import Topics

/// What a new version is judged by, and what stands in its way.
@Suite struct RegistrationTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let schema = ["Content-Type": "application/schema+json"]
  private let json = ["Content-Type": "application/json"]

  private func put(
    _ gateway: TestGateway, _ text: String, _ query: String = ""
  ) async throws -> TestGateway.Answer {
    try await gateway.send("PUT", "\(topic)/schema\(query)", schema, text)
  }

  @Test("a schema is not got rid of by deleting it while events are kept")
  func deletedCount() async throws {
    let gateway = try TestGateway()
    #expect(try await put(gateway, #"{"type":"object"}"#).status == 201)
    #expect(try await gateway.send("POST", events, json, "{}").status == 201)
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 204)
    let refused = try await put(gateway, #"{"type":"array"}"#)
    #expect(refused.status == 409 && refused.code == "schema_incompatible")
    let check = try await gateway.send(
      "POST", "\(topic)/schema/check", schema, #"{"type":"array"}"#)
    #expect(try check.json["compatible"] as? Bool == false)
    #expect(try check.json["versions"] as? [Int] == [1])
    #expect(try await put(gateway, #"{"type":["object","null"]}"#).status == 201)
    // A version that no event was checked against does not count once it is deleted.
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 204)
    #expect(try await put(gateway, #"{"type":"object"}"#).status == 201)
  }

  @Test("a version that was deleted is judged when it is put again, as a check judges it")
  func deletedAgain() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    let integer = #"{"type":"integer"}"#
    for (text, event) in [(#"{"type":"string"}"#, "\"a\""), (integer, "1")] {
      #expect(try await put(gateway, text).status == 201)
      #expect(try await gateway.send("POST", events, json, event).status == 201)
    }
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD_TRANSITIVE"}"#)
    // As long as it is live, it is no change.
    #expect(try await put(gateway, integer).status == 200)
    #expect(try await gateway.send("DELETE", "\(topic)/schema").status == 204)
    let check = try await gateway.send("POST", "\(topic)/schema/check", schema, integer)
    #expect(try check.json["compatible"] as? Bool == false)
    let refused = try await put(gateway, integer)
    #expect(refused.status == 409 && refused.code == "schema_incompatible", "\(refused.body)")
  }

  @Test("what a withdrawn version declared is not remembered")
  func withdrawn() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    for text in [
      #"{"properties":{"id":{}}}"#, #"{"properties":{"id":{},"price":{"type":"string"}}}"#,
    ] {
      #expect(try await put(gateway, text).status == 201)
    }
    _ = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    let stored = try await put(gateway, #"{"properties":{"id":{},"price":{"type":"number"}}}"#)
    #expect(try stored.status == 201 && stored.json["version"] as? Int == 3, "\(stored.body)")
  }

  @Test("after a step back the level looks at the version in force")
  func afterStepBack() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    _ = try await put(gateway, #"{"type":"string"}"#)
    _ = try await put(gateway, #"{"type":"integer"}"#)
    _ = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    let wider = #"{"type":["string","null"]}"#
    let check = try await gateway.send("POST", "\(topic)/schema/check", schema, wider)
    #expect(try check.json["compatible"] as? Bool == true)
    #expect((try check.json["publishers"] as? [String: Any])?["version"] as? Int == 1)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD_TRANSITIVE"}"#)
    #expect(try await put(gateway, wider).code == "schema_incompatible")
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    let stored = try await put(gateway, wider)
    #expect(try stored.status == 201 && stored.json["version"] as? Int == 3)
  }

  @Test("a step back while a schema is judged lets it be judged again")
  func steppedBack() async throws {
    let meanwhile = Mutex<(@Sendable () -> Void)?>(nil)
    let runs = Mutex(0)
    let workers = Workers { work in
      work(.run)
      // Compiled, looked over and compared: only then.
      if runs.withLock({ runs in
        runs += 1
        return runs == 1
      }) {
        meanwhile.withLock { $0 }?()
      }
      return nil
    }
    for condition in [[:], ["If-Match": "*"]] as [[String: String]] {
      meanwhile.withLock { $0 = nil }
      let gateway = try TestGateway(workers: workers)
      _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
      _ = try await put(gateway, #"{"type":"string"}"#)
      _ = try await put(gateway, #"{"type":"integer"}"#)
      _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
      meanwhile.withLock { $0 = { [unowned gateway] in gateway.stepBack(to: 1) } }
      runs.withLock { $0 = 0 }
      let answer = try await gateway.send(
        "PUT", "\(topic)/schema", schema.merging(condition) { $1 }, #"{"type":"number"}"#)
      #expect(answer.status == 409 && answer.code == "schema_incompatible")
      #expect(
        try #require(answer.json["reasons"] as? [[String: Any]]).first?["version"] as? Int == 1)
      #expect(gateway.log.state.withLock { $0.topics.values.first?.book.versions.count } == 2)
    }
  }

  @Test("registrations at the same time are all taken, each judged by those before it")
  func atTheSameTime() async throws {
    let gateway = try TestGateway()
    let answers = try await withThrowingTaskGroup(of: TestGateway.Answer.self) { group in
      for number in 0..<16 {
        group.addTask {
          try await put(gateway, #"{"type":"object","properties":{"p\#(number)":{}}}"#)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0.status == 201 })
    let versions = try answers.map { try $0.json["version"] as? Int ?? 0 }
    #expect(versions.sorted() == Array(1...16))
  }

  @Test("what documents mean is not shared by those who have the same texts")
  func documentsOfOthers() async throws {
    let gateway = try TestGateway()
    // Of draft-07 what stands beside a reference counts for nothing.
    let text = ##"{"definitions":{"any":true},"$ref":"#/definitions/any","type":"string"}"##
    let draft07 = ["Content-Type": "application/schema+json;version=draft-07"]
    let user = #"{"$ref":"https://x.example/word"}"#
    for (tenant, subject, type) in [("acme", "alice", draft07), ("globex", "bob", schema)] {
      let document = try await gateway.send(
        "PUT", "/v1/schemas/\(tenant)/shop/word?uri=https://x.example/word", as: subject, type, text
      )
      #expect(document.status == 201)
      let registered = try await gateway.send(
        "PUT", "/v1/topics/\(tenant)/shop/orders/schema", as: subject, schema, user)
      #expect(registered.status == 201)
    }
    gateway.cool()
    for (tenant, subject, status) in [("acme", "alice", 201), ("globex", "bob", 422)] {
      let answer = try await gateway.send(
        "POST", "/v1/topics/\(tenant)/shop/orders/events", as: subject, json, "1")
      #expect(answer.status == status)
    }
    // The same text again, with a document that has become narrower.
    let narrower = try await gateway.send(
      "PUT", "/v1/schemas/acme/shop/word?uri=https://x.example/word", schema, text)
    #expect(try narrower.json["version"] as? Int == 2)
    let refused = try await put(gateway, user)
    #expect(refused.status == 409 && refused.code == "schema_incompatible")
  }

  @Test("where rules name lines, a schema says which one it is for")
  func lineIsNamed() async throws {
    let gateway = try TestGateway()
    #expect(try await put(gateway, #"{"type":"object"}"#, "?subject=made").status == 201)
    let rules = #"{"rules":[{"when":{"type":"a"},"schema":"made"}]}"#
    #expect(
      try await gateway.send("PUT", "\(topic)/schema/binding", [:], rules).status == 201)
    let vague = try await put(gateway, #"{"type":"array"}"#)
    #expect(vague.status == 400 && vague.code == "bad_parameter")
    #expect(try #require(try vague.json["detail"] as? String).contains("'made'"))
    let check = "\(topic)/schema/check"
    #expect(
      try await gateway.send("POST", check, schema, #"{"type":"array"}"#).code
        == "bad_parameter")
    let meant = try await gateway.send(
      "POST", check + "?subject=made", schema, #"{"type":"array"}"#)
    #expect(try meant.json["compatible"] as? Bool == false)
    // On purpose it may be done, ahead of a rule.
    #expect(try await put(gateway, #"{"type":"array"}"#, "?subject=default").status == 201)
    let both =
      #"{"rules":[{"when":{"type":"a"},"schema":"made"},"#
      + #"{"when":{"type":"*"},"schema":"default"}]}"#
    #expect(try await gateway.send("PUT", "\(topic)/schema/binding", [:], both).status == 200)
    #expect(try await put(gateway, #"{"type":["array","null"]}"#).status == 201)
  }

  @Test("what is missing has another code than what is in use")
  func absent() async throws {
    let gateway = try TestGateway()
    _ = try await put(gateway, #"{"type":"object"}"#)
    _ = try await put(gateway, #"{"type":["object","null"]}"#)
    let rule = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:],
      #"{"rules":[{"when":{"type":"a"},"schema":"absent"}]}"#)
    #expect(rule.status == 409 && rule.code == "schema_absent")
    #expect(try await gateway.send("DELETE", "\(topic)/schemas/1").status == 204)
    let gone = try await gateway.send("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    #expect(gone.status == 409 && gone.code == "schema_absent")
  }

  @Test("a body in a coding is refused wherever it is sent")
  func codings() async throws {
    let gateway = try TestGateway()
    let packed = ["Content-Encoding": "gzip"]
    for (method, path) in [
      ("PUT", "\(topic)/schema"), ("POST", "\(topic)/schema/check"), ("PUT", topic),
      ("POST", "\(topic)/schema/validate"), ("PUT", "\(topic)/schema/binding"),
      ("PUT", "/v1/schemas/acme/shop/money"), ("POST", events),
      ("PUT", "/v1/namespaces/acme/shop"), ("POST", "/admin/v2/schemas/acme/shop/orders/schema"),
    ] {
      let refused = try await gateway.send(method, path, packed, "true")
      #expect(refused.status == 501 && refused.fields["accept-encoding"] == "identity", "\(path)")
    }
    #expect(
      try await gateway.send(
        "PUT", "\(topic)/schema", schema.merging(["Content-Encoding": "identity"]) { $1 }, "true"
      ).status == 201)
  }
}

extension TestGateway {
  /// Moves the default of the only topic's line, as another call does.
  fileprivate nonisolated func stepBack(to version: UInt32) {
    log.state.withLock { state in
      for key in state.topics.keys {
        _ = try? state.topics[key]?.book.apply(
          .setDefault(version: version), at: nil, now: UnixTime(seconds: 0),
          mayBeNamed: { _ in true })
      }
    }
  }
}
