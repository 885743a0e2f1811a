import Bytes
import Foundation
import HTTPWire
import LogConformance
import Synchronization
import Tenancy
import Testing

@testable import Gateway
@testable import Topics

/// Classified data while schemas change: of open streams, in quarantine, and between a check and
/// the change that it is about.
@Suite struct RedactionChangeTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let quarantine = "/v1/topics/acme/shop/orders-quarantine"
  private let schemaType = ["Content-Type": "application/schema+json"]
  private let plain = #"{"type":"object","properties":{"id":{"type":"integer"},"email":{}}}"#
  private let labelled = #"""
    {"type":"object","properties":{"id":{"type":"integer"},
     "email":{"x-classification":"pii.contact"}}}
    """#
  private let payload = #"{"id":1,"email":"ann@x.example"}"#

  /// Runs something once ahead of the next piece of work.
  private final class Interlude: Sendable {
    private let action = Mutex<(@Sendable () async -> Void)?>(nil)

    func set(_ new: @escaping @Sendable () async -> Void) { action.withLock { $0 = new } }

    var workers: Workers {
      Workers { [self] work in
        guard let action = action.withLock({ action in exchange(&action, with: nil) }) else {
          work(.run)
          return nil
        }
        Task {
          await action()
          work(.run)
        }
        return nil
      }
    }
  }

  private func open(_ interlude: Interlude = Interlude()) async throws -> TestGateway {
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, workers: interlude.workers)
    try await change("PUT", topic, gateway, #"{"compatibility":"NONE"}"#)
    return gateway
  }

  private func change(
    _ method: String, _ path: String, as who: String = "alice", _ gateway: TestGateway,
    _ body: String = "", _ fields: [String: String] = [:]
  ) async throws {
    let answer = try await gateway.send(method, path, as: who, fields, body)
    #expect(answer.status < 300, "\(method) \(path): \(answer.body)")
  }

  private func register(
    _ text: String, _ gateway: TestGateway, as who: String = "alice", _ query: String = ""
  ) async throws {
    try await change("PUT", "\(topic)/schema\(query)", as: who, gateway, text, schemaType)
  }

  private func publish(_ payload: String, _ gateway: TestGateway) async throws -> Int {
    try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": "application/json"], payload
    ).status
  }

  /// What is read from the beginning, with the header.
  private func read(_ gateway: TestGateway, _ who: String, of place: String) async throws
    -> TestGateway.Answer
  {
    try await gateway.send("GET", "\(place)/events?from=earliest", as: who)
  }

  // MARK: - Open streams

  /// A stream from the beginning, to its end or another word.
  private func follow(
    _ gateway: TestGateway, steps: Int = 50, until word: String = "jodrell.end"
  ) async throws -> TestGateway.Answer {
    try await gateway.send(
      "GET", "\(topic)/events?from=earliest", ["Accept": "text/event-stream"], steps: steps,
      until: word)
  }

  /// Takes the right to read away from those who have open streams.
  private func endStreams(of gateway: TestGateway) throws {
    try gateway.take(
      RedactionTests.policy.replacing("CLASSES", with: "[x]").replacing(
        #"{subscribe: ["*/*"]}, {manage"#, with: "{manage"))
  }

  @Test("a reader who joins others gets nothing from before the topic's first schema")
  func firstSchema() async throws {
    let gateway = try await open()
    #expect(try await publish(payload, gateway) == 201)
    async let other = follow(gateway)
    async let another = follow(gateway)
    try await gateway.untilStreams(2)
    try await gateway.untilWaiting(1)
    try await gateway.untilStreamed("ann@x.example", times: 2)
    try await register(labelled, gateway)
    #expect(try await publish(payload, gateway) == 201)
    let late = try await follow(gateway, steps: 4, until: "data")
    #expect(late.fields["jodrell-redacted"] == "pii.contact")
    #expect(!late.steps.joined().contains("ann@x.example"), "\(late.steps)")
    try endStreams(of: gateway)
    for stream in try await [other, another] {
      // What came before the schema was shown; what came behind it is not.
      #expect(stream.steps.joined().components(separatedBy: "ann@x.example").count == 2)
    }
  }

  @Test("a new default of a line that nothing is bound to is noticed, too")
  func unbound() async throws {
    let gateway = try await open()
    try await register(plain, gateway, "?subject=other")
    try await change(
      "PUT", "\(topic)/schema/binding", gateway,
      #"{"rules":[{"when":{"type":"*"},"schema":"other"}]}"#)
    #expect(try await publish(payload, gateway) == 201)
    try await change("PUT", "\(topic)/schema/binding", gateway, "{}")
    let address = try Proofs().topic("orders", .subscribe)
    #expect(gateway.log.binding(of: address) == nil)
    async let other = follow(gateway)
    async let another = follow(gateway)
    try await gateway.untilStreams(2)
    try await gateway.untilWaiting(1)
    try await register(labelled, gateway, "?subject=other")
    #expect(gateway.log.binding(of: address) == nil)
    let late = try await follow(gateway, steps: 4, until: "data")
    #expect(late.steps.joined().contains(#""data":{"id":1,"email":null}"#), "\(late.steps)")
    try endStreams(of: gateway)
    #expect(try await [other, another].count == 2)
  }

  @Test("labels that come while a reader waits for others to be compiled count")
  func meanwhile() async throws {
    let interlude = Interlude()
    let gateway = try await open(interlude)
    try await register(labelled, gateway)
    #expect(try await publish(payload, gateway) == 201)
    gateway.cool()
    let stricter = labelled.replacing(
      #""type":"integer""#, with: #""type":"integer","x-classification":"pii.number""#)
    let address = try Proofs().topic("orders", .manage)
    let schema = try Proofs().schema(stricter)
    interlude.set {
      let book = gateway.log.schemaBook(of: address)
      _ = try? await gateway.log.registerSchema(schema, for: address, at: book.revision)
    }
    let stream = try await follow(gateway, steps: 4, until: "data")
    #expect(stream.steps.joined().contains(#""data":{"id":null,"email":null}"#), "\(stream.steps)")
  }

  // MARK: - Quarantine

  private func quarantined() async throws -> TestGateway {
    let gateway = try await open()
    try await register(plain, gateway)
    try await change(
      "PUT", "\(topic)/schema/binding", gateway, #"{"enforcement":"quarantine"}"#)
    #expect(try await publish(#"{"id":"x","email":"ann@x.example"}"#, gateway) == 202)
    #expect(try await read(gateway, "alice", of: quarantine).body.contains("ann@x.example"))
    gateway.clock.step(.seconds(1))
    try await register(labelled, gateway)
    return gateway
  }

  private func isHidden(_ gateway: TestGateway) async throws {
    for (who, sees) in [("alice", false), ("olga", true)] {
      let answer = try await read(gateway, who, of: quarantine)
      #expect(answer.body.contains("ann@x.example") == sees, "\(answer.body)")
    }
  }

  @Test("removing the version that an event broke shows it to nobody")
  func removed() async throws {
    let gateway = try await quarantined()
    try await isHidden(gateway)
    try await change("DELETE", "\(topic)/schemas/1", gateway)
    try await isHidden(gateway)
    try await change("DELETE", "\(topic)/schemas/1?permanent=true", gateway)
    try await isHidden(gateway)
    #expect(!(try await read(gateway, "carl", of: quarantine).body.contains("ann@x.example")))
  }

  @Test("nor does making the topic anew, under versions of the same number")
  func anew() async throws {
    let gateway = try await quarantined()
    try await change("DELETE", topic, gateway)
    try await isHidden(gateway)
    gateway.clock.step(.seconds(1))
    try await change("PUT", topic, gateway)
    try await register(plain, gateway)
    try await isHidden(gateway)
  }

  @Test("a replay over a quarantine topic takes the right to read it")
  func replay() async throws {
    let gateway = try await quarantined()
    let ask = #"{"properties":{"email":{"const":"ann@x.example"}}}"#
    for (who, checked, hidden) in [("alice", 0, 1), ("olga", 1, 0)] {
      gateway.clock.step(.seconds(90))
      let answer = try await gateway.send(
        "POST", "\(quarantine)/schema/replay", as: who, schemaType, ask)
      #expect(answer.status == 200, "\(answer.body)")
      #expect(try answer.json["checked"] as? Int == checked, "\(answer.body)")
      let skipped = try answer.json["skipped"] as? [String: Any]
      #expect(skipped?["classified"] as? Int ?? 0 == hidden, "\(answer.body)")
    }
  }

  // MARK: - Races

  @Test(
    "a loosening is judged by the default that there is when it is made", arguments: [true, false])
  func raced(registers: Bool) async throws {
    let interlude = Interlude()
    let gateway = try await open(interlude)
    let stricter = labelled.replacing(
      #""type":"integer""#, with: #""type":"integer","x-classification":"pii.number""#)
    try await register(labelled, gateway)
    try await register(stricter, gateway)
    try await register(
      labelled.replacing("object", with: "object\",\"title\":\"x"), gateway, as: "olga")
    // 1 and 3 label the same; meanwhile 2, which labels more, is made the default.
    let path = "\(topic)/schema/default"
    let candidate = labelled.replacing("object", with: "object\",\"title\":\"y")
    interlude.set {
      _ = try? await gateway.send("PUT", path, as: "olga", [:], #"{"version":2}"#)
    }
    let answer =
      registers
      ? try await gateway.send("PUT", "\(topic)/schema", schemaType, candidate)
      : try await gateway.send("PUT", path, [:], #"{"version":1}"#)
    #expect(answer.status == 403 && answer.code == "classification_loosened", "\(answer.body)")
    let now = try await gateway.send("GET", path)
    #expect(try now.json["version"] as? Int == 2)
  }
}
