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

/// Compiled schemas between those who change schemas and those who publish.
@Suite struct SharedProgramTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = ["Content-Type": "application/schema+json"]
  private let json = ["Content-Type": "application/json"]

  /// Workers that keep what they are given while they are told to.
  private final class HeldWorkers: Sendable {
    private let held = Mutex<(isHolding: Bool, works: [Workers.Work])>((false, []))
    private let pieces = Mutex(0)

    /// What has come since they were told to hold.
    var count: Int { pieces.withLock { $0 } }

    var workers: Workers {
      Workers { [self] work in
        pieces.withLock { $0 += 1 }
        let isHeld = held.withLock { held in
          if held.isHolding { held.works.append(work) }
          return held.isHolding
        }
        if !isHeld { work(.run) }
        return nil
      }
    }

    func hold() {
      pieces.withLock { $0 = 0 }
      held.withLock { $0.isHolding = true }
    }

    /// Waits for the first piece of work, and holds no further ones.
    func untilHeld() async throws {
      while held.withLock({ $0.works.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
      held.withLock { $0.isHolding = false }
    }

    func run() {
      let works = held.withLock { held in
        defer { held.works = [] }
        return held.works
      }
      for work in works { work(.run) }
    }
  }

  @Test("a topic that moves on leaves others the program that it shared with them")
  func shared() async throws {
    let gateway = try TestGateway()
    let other = "/v1/topics/globex/shop/orders"
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"integer"}"#)
    _ = try await gateway.send(
      "PUT", "\(other)/schema", as: "bob", schema, #"{"type":"integer"}"#)
    let moved = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"number"}"#)
    #expect(moved.status == 201)
    let programs = gateway.log.state.withLock { state in
      state.topics.values.map { $0.book.program(of: 1) != nil }
    }
    #expect(programs == [true, true])
    #expect(
      try await gateway.send("POST", "\(other)/events", as: "bob", json, "1").status == 201)
  }

  @Test("what refers to documents is the topic's own, and gives its room back")
  func own() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send(
      "PUT", "/v1/schemas/acme/shop/count", schema, #"{"type":"integer"}"#)
    for text in [#"{"$ref":"count"}"#, #"{"type":"number"}"#] {
      let put = try await gateway.send("PUT", "\(topic)/schema", schema, text)
      #expect(put.status == 201, "\(put.body)")
    }
    let programs = gateway.log.state.withLock { state in
      state.topics.values.map { [$0.book.program(of: 1) != nil, $0.book.program(of: 2) != nil] }
    }
    #expect(programs == [[false, true]])
  }

  @Test("an event that names no schema is checked against the one in force when its turn comes")
  func movedOn() async throws {
    let held = HeldWorkers()
    let gateway = try TestGateway(workers: held.workers)
    for (line, text) in [("a", #"{"type":"integer"}"#), ("b", #"{"type":"boolean"}"#)] {
      _ = try await gateway.send("PUT", "\(topic)/schema?subject=\(line)", schema, text)
    }
    let rules = ["a", "b"].map { #"{"when":{"type":"\#($0)"},"schema":"\#($0)"}"# }
    let bound = try await gateway.send(
      "PUT", "\(topic)/schema/binding", [:], #"{"rules":[\#(rules.joined(separator: ","))]}"#)
    #expect(bound.status == 201)
    gateway.cool()
    held.hold()
    let batch = [("a", "1"), ("b", "true")].map {
      #"{"specversion":"1.0","id":"\#($0)","source":"/s","type":"\#($0)","data":\#($1)}"#
    }
    async let answer = gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/cloudevents-batch+json"],
      "[\(batch.joined(separator: ","))]")
    // While the first event's schema is compiled, the second one's is replaced and deleted.
    try await held.untilHeld()
    let address = try Proofs().topic("orders", .manage)
    let book = gateway.log.schemaBook(of: address)
    let line = try #require(book.version(2)?.subject)
    _ = try await gateway.log.registerSchema(
      Proofs().schema(#"{"type":["boolean","null"]}"#, subject: line), for: address,
      at: book.revision)
    try await gateway.log.editSchemas(of: address, .setState(version: 2, .deleted), at: nil)
    held.run()
    let stored = try await answer
    #expect(stored.status == 201, "\(stored.body)")
  }

  @Test("a version that several wait for at the same time takes one turn")
  func oneTurn() async throws {
    let held = HeldWorkers()
    let gateway = try TestGateway(workers: held.workers)
    _ = try await gateway.send("PUT", "\(topic)/schema", schema, #"{"type":"integer"}"#)
    gateway.cool()
    held.hold()
    async let one = gateway.send("POST", "\(topic)/events", json, "1")
    async let two = gateway.send("POST", "\(topic)/events", json, "2")
    async let broken = gateway.send("POST", "\(topic)/events", json, #""x""#)
    while await gateway.awaitingPrograms < 3 { try await Task.sleep(for: .milliseconds(1)) }
    try await held.untilHeld()
    held.run()
    #expect(try await one.status == 201)
    #expect(try await two.status == 201)
    #expect(try await broken.code == "schema_violation")
    #expect(held.count == 1)
  }
}
