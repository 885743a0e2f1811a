import Foundation
import HTTPWire
import Synchronization
import Testing

@testable import Gateway

/// What redacting takes of a loop's turns, and what workers do of it.
@Suite struct RedactionTurnTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let schema = #"""
    {"type":"object","properties":{"iban":{"type":"string","x-classification":"pii.bank"},
     "items":{"items":{"properties":{"a":{},"b":{},"c":{}}}},"note":{}}}
    """#

  private final class Jobs: Sendable {
    private let count = Atomic(0)
    var done: Int { count.load(ordering: .relaxed) }

    var workers: Workers {
      Workers { [self] work in
        count.add(1, ordering: .relaxed)
        work(.run)
        return nil
      }
    }
  }

  private func open(_ jobs: Jobs = Jobs()) async throws -> TestGateway {
    let policy = RedactionTests.policy.replacing("CLASSES", with: "[pii.contact]")
    let gateway = try TestGateway(settings: policy, workers: jobs.workers)
    let made = try await gateway.send(
      "PUT", "\(topic)/schema", ["Content-Type": "application/schema+json"], schema)
    #expect(made.status == 201, "\(made.body)")
    return gateway
  }

  private func publish(_ body: String, _ gateway: TestGateway, _ type: String = "application/json")
    async throws
  {
    let answer = try await gateway.send(
      "POST", "\(topic)/events", ["Content-Type": type], body)
    #expect(answer.status == 201 || answer.status == 207, "\(answer.body)")
  }

  @Test("a page that takes more than a turn is worked out in several")
  func turns() async throws {
    let gateway = try await open()
    let items = Array(repeating: #"{"a":1,"b":2,"c":3}"#, count: 80).joined(separator: ",")
    let event = #"{"iban":"DE1secret","items":[\#(items)]}"#
    let lines = Array(repeating: event, count: 100).joined(separator: "\n")
    try await publish(lines, gateway, "application/x-ndjson")
    let all = try await gateway.send("GET", "\(topic)/events?from=earliest&max=1000", as: "olga")
    #expect(all.body.components(separatedBy: "DE1secret").count == 101)
    #expect(await gateway.redactionTurns == 0)
    let page = try await gateway.send("GET", "\(topic)/events?from=earliest&max=1000")
    #expect(page.body.components(separatedBy: #""iban":null"#).count == 101)
    #expect(!page.body.contains("DE1secret") && !page.body.contains(#""redacted":"*""#))
    #expect(await gateway.redactionTurns > 2)
    let stream = try await gateway.send(
      "GET", "\(topic)/events?from=earliest", ["Accept": "text/event-stream"], steps: 30,
      until: "1:99")
    #expect(stream.steps.joined().components(separatedBy: #""iban":null"#).count == 101)
  }

  @Test(
    "a large event is a worker's, once for all who may see the same", arguments: [70_000, 9_000])
  func aside(bytes: Int) async throws {
    let jobs = Jobs()
    let gateway = try await open(jobs)
    let numbers = Array(repeating: #"{"a":1}"#, count: bytes / 8).joined(separator: ",")
    try await publish(#"{"iban":"DE1secret","items":[\#(numbers)]}"#, gateway)
    let before = jobs.done
    for _ in 0..<3 {
      let one = try await gateway.send("GET", "\(topic)/events/1:0?view=data")
      #expect(one.body.hasPrefix(#"{"iban":null,"items":[{"a":1}"#))
    }
    for _ in 0..<2 {
      let stream = try await gateway.send(
        "GET", "\(topic)/events?from=earliest", ["Accept": "application/x-ndjson"], steps: 3,
        until: "data")
      #expect(stream.steps.joined().contains(#""data":{"iban":null"#))
    }
    #expect(jobs.done == before + 1)
    let other = try await gateway.send("GET", "\(topic)/events/1:0?view=data", as: "carl")
    #expect(other.body.hasPrefix(#"{"iban":null"#))
    #expect(jobs.done == before + 2)
  }

  @Test("what is too much for a worker, too, is withheld and told")
  func withheld() async throws {
    let gateway = try await open()
    let branches = (0..<300).map { #"{"properties":{"n\#($0)":{}}}"# }.joined(separator: ",")
    let wide = schema.replacing(
      #""note":{}"#, with: #""note":{"additionalProperties":{"anyOf":[\#(branches)]}}"#)
    let made = try await gateway.send(
      "PUT", "\(topic)/schema", ["Content-Type": "application/schema+json"], wide)
    #expect(made.status == 201, "\(made.body)")
    let members = (0..<5_000).map { #""k\#($0)":1"# }.joined(separator: ",")
    try await publish(#"{"iban":"DE1secret","note":{\#(members)}}"#, gateway)
    let page = try await gateway.send("GET", "\(topic)/events?from=earliest")
    #expect(page.body.contains(#""redacted":"pii.bank""#), "\(page.body.prefix(300))")
    #expect(!page.body.contains("data\":") && !page.body.contains("k17"))
    let bare = try await gateway.send("GET", "\(topic)/events/1:0?view=data")
    #expect(bare.status == 403 && bare.code == "class_required", "\(bare.body)")
    let all = try await gateway.send("GET", "\(topic)/events/1:0?view=data", as: "olga")
    #expect(all.body.contains("DE1secret"))
  }
}
