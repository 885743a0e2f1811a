import Bytes
import Foundation
import HTTPWire
import LogConformance
import Schemas
import Synchronization
import Tenancy
import Testing

@testable import Gateway
@testable import Topics

/// What workers do of a schema that is registered or checked, and what has to hold when they have
/// done it.
@Suite struct SchemaWorkTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = ["Content-Type": "application/schema+json"]

  /// Workers that count what they are given, and let something happen behind each piece.
  private final class Watched: Sendable {
    private let state = Mutex<(runs: Int, action: (@Sendable () -> Void)?)>((0, nil))

    var runs: Int { state.withLock { $0.runs } }

    /// Begins to count anew.
    func set(_ action: (@Sendable () -> Void)? = nil) { state.withLock { $0 = (0, action) } }

    var workers: Workers {
      Workers { [self] work in
        work(.run)
        let action = state.withLock { state in
          state.runs += 1
          return state.action
        }
        action?()
        return nil
      }
    }
  }

  private func put(_ gateway: TestGateway, _ text: String) async throws -> TestGateway.Answer {
    try await gateway.send("PUT", "\(topic)/schema", schema, text)
  }

  @Test("whatever the line is like, an answer takes one turn")
  func turns() async throws {
    let watched = Watched()
    let gateway = try TestGateway(workers: watched.workers)
    for number in 0..<50 {
      #expect(try await put(gateway, #"{"type":"integer","title":"\#(number)"}"#).status == 201)
    }
    let wider = #"{"type":"number"}"#
    for (method, path, fields, body) in [
      ("POST", "\(topic)/schema/check", schema, wider), ("PUT", "\(topic)/schema", schema, wider),
      ("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#),
    ] as [(String, String, [String: String], String)] {
      gateway.cool()
      watched.set()
      let answer = try await gateway.send(method, path, fields, body)
      #expect(answer.status < 300, "\(path): \(answer.body)")
      #expect(watched.runs == 1, "\(path)")
    }
  }

  @Test("versions beyond the memory of one comparison are not looked at")
  func memory() async throws {
    let gateway = try TestGateway()
    for title in ["a", "b", "c"] {
      #expect(try await put(gateway, #"{"type":"integer","title":"\#(title)"}"#).status == 201)
    }
    gateway.cool()
    let address = try Proofs().topic("orders", .manage)
    let work = SchemaWork(
      engine: gateway.log, address: address, book: gateway.log.schemaBook(of: address))
    let terms = SchemaRegistration.Terms(level: .backwardTransitive, policy: .evolution)
    func isRead(within memory: Int) throws -> [Bool] {
      try work.versions(of: .topic, terms, memory: memory).map { $0.program != nil }
    }
    #expect(try isRead(within: GatewayLimits.judgedBytes) == [true, true, true])
    #expect(try isRead(within: 1) == [false, false, true])
    #expect(gateway.log.programs.bytes == 0)
  }

  @Test("whoever loses the right while a change is judged makes none")
  func lost() async throws {
    let watched = Watched()
    let gateway = try TestGateway(workers: watched.workers)
    for text in [#"{"type":"integer"}"#, #"{"type":"number"}"#] {
      #expect(try await put(gateway, text).status == 201)
    }
    let pulsar =
      #"{"type":"JSON","schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":"#
      + #"[{\"name\":\"id\",\"type\":\"long\"}]}","properties":{}}"#
    let other = "/admin/v2/schemas/acme/shop/other/schema"
    let less = TestGateway.settings.replacing(#", {manage: ["*/*"]}]}"#, with: "]}")
    let before = try await gateway.send("GET", "\(topic)/schemas").body
    for (method, path, fields, body) in [
      ("PUT", "\(topic)/schema", schema, #"{"type":["number","null"]}"#),
      ("PUT", "\(topic)/schema", schema, #"{"type":"number"}"#),
      ("PUT", "\(topic)/schema/default", [:], #"{"version":1}"#),
      ("PUT", "/v1/schemas/acme/shop/word", schema, #"{"type":"string"}"#),
      ("POST", other, ["Content-Type": "application/json"], pulsar),
    ] as [(String, String, [String: String], String)] {
      gateway.cool()
      watched.set { [unowned gateway] in try? gateway.take(less) }
      let answer = try await gateway.send(method, path, fields, body)
      #expect(answer.status == 403 && watched.runs == 1, "\(method) \(path): \(answer.body)")
      watched.set()
      try gateway.take(TestGateway.settings)
    }
    #expect(try await gateway.send("GET", "\(topic)/schemas").body == before)
    for path in ["/v1/schemas/acme/shop/word", other, "/v1/topics/acme/shop/other"] {
      #expect(try await gateway.send("GET", path).status == 404, "\(path)")
    }
  }

  @Test("a check and a trial are held against the rules of when their body has come")
  func lateBodies() async throws {
    let watched = Watched()
    let gateway = try TestGateway(workers: watched.workers)
    #expect(try await put(gateway, #"{"type":"integer"}"#).status == 201)
    let less = TestGateway.settings.replacing(
      #"allow: [{publish: ["shop/orders"]}]"#, with: "allow: [{publish: [a/b]}]")
    for (path, fields) in [
      ("check", schema), ("validate", ["Content-Type": "application/json"]),
      ("validate?version=1", ["Content-Type": "application/json"]),
    ] {
      gateway.cool()
      watched.set()
      let answer = try await gateway.send(
        "POST", "\(topic)/schema/\(path)", as: "paul", fields, "true",
        beforeBody: { try gateway.take(less) })
      #expect(answer.code == "forbidden", "\(path): \(answer.body)")
      #expect(watched.runs == 0, "nothing is compiled for it")
      try gateway.take(TestGateway.settings)
    }
  }
}
