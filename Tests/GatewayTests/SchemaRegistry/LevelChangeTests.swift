import Bytes
import Foundation
import HTTPWire
import LogConformance
import Synchronization
import Testing

@testable import Gateway

/// What a change of compatibility finds, and what hinders it from looking.
@Suite struct LevelChangeTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let namespace = "/v1/namespaces/acme/shop"
  private let schema = ["Content-Type": "application/schema+json"]

  private func codes(_ answer: TestGateway.Answer) throws -> [String?] {
    let warnings = try answer.json["warnings"] as? [[String: Any]] ?? []
    return warnings.map { $0["code"] as? String }
  }

  @Test("a change that is made is answered as made, though nobody can look at what it finds")
  func busy() async throws {
    let isBusy = Mutex(false)
    let gateway = try TestGateway(
      workers: Workers { work in
        if isBusy.withLock({ $0 }) { return .full }
        work(.run)
        return nil
      })
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    for text in [#"{"type":"string"}"#, #"{"type":"integer"}"#] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text).status == 201)
    }
    isBusy.withLock { $0 = true }
    let one = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    #expect(try one.status == 200 && codes(one) == ["compatibility.unchecked"], "\(one.body)")
    let shown = try await gateway.send("GET", topic)
    #expect(try shown.json["compatibility"] as? String == "BACKWARD")
    _ = try await gateway.send("PUT", topic, [:], "{}")
    let all = try await gateway.send("PUT", namespace, [:], #"{"compatibility":"FULL"}"#)
    #expect(try all.status == 201 && codes(all) == ["compatibility.unchecked"], "\(all.body)")
    #expect(all.fields["etag"] == (try await gateway.send("GET", namespace)).fields["etag"])
  }

  /// Lets something happen ahead of each piece of work.
  private final class Ahead: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ new: @escaping @Sendable () -> Void) { action.withLock { $0 = new } }

    var workers: Workers {
      Workers { [self] work in
        action.withLock { $0 }?()
        work(.run)
        return nil
      }
    }
  }

  /// A topic whose versions break the level `BACKWARD`.
  private func broken(_ ahead: Ahead) async throws -> TestGateway {
    let gateway = try TestGateway(workers: ahead.workers)
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    for text in [#"{"type":"string"}"#, #"{"type":"integer"}"#] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text).status == 201)
    }
    return gateway
  }

  @Test("a look that took long keeps nobody from the next: a dry run tells what the change tells")
  func trial() async throws {
    let ahead = Ahead()
    let gateway = try await broken(ahead)
    ahead.set { [unowned gateway] in gateway.clock.step(.milliseconds(200)) }
    for query in ["?dryRun=true", ""] {
      let answer = try await gateway.send(
        "PUT", topic + query, [:], #"{"compatibility":"BACKWARD"}"#)
      #expect(try codes(answer) == ["compatibility.unmet"], "\(query): \(answer.body)")
    }
  }

  @Test("its time is over in the midst of a line, too")
  func patience() async throws {
    let ahead = Ahead()
    let gateway = try await broken(ahead)
    ahead.set { [unowned gateway] in gateway.clock.step(.seconds(6)) }
    let answer = try await gateway.send("PUT", topic, [:], #"{"compatibility":"BACKWARD"}"#)
    #expect(try codes(answer) == ["compatibility.unchecked"], "\(answer.body)")
  }

  @Test("a version is held against those before it, if the level is transitive also against newer")
  func withdrawn() async throws {
    let gateway = try TestGateway()
    _ = try await gateway.send("PUT", topic, [:], #"{"compatibility":"NONE"}"#)
    for text in [#"{"type":"string"}"#, #"{"type":"integer"}"#] {
      #expect(try await gateway.send("PUT", "\(topic)/schema", schema, text).status == 201)
    }
    func found(_ body: String) async throws -> [String?] {
      try codes(try await gateway.send("PUT", "\(topic)?dryRun=true", [:], body))
    }
    // Under either policy the one before is read.
    for policy in ["evolution", "strict"] {
      let body = #"{"compatibility":"BACKWARD","compatibilityPolicy":"\#(policy)"}"#
      #expect(try await found(body) == ["compatibility.unmet"], "\(policy)")
    }
    let back = try await gateway.send(
      "PUT", "\(topic)/schema/default", [:], #"{"version":1}"#)
    #expect(back.status == 200, "\(back.body)")
    #expect(try await found(#"{"compatibility":"FULL"}"#).isEmpty)
    #expect(
      try await found(#"{"compatibility":"BACKWARD_TRANSITIVE"}"#) == ["compatibility.unmet"])
  }

  @Test("a namespace's topics are gone through in turns, and only where their level changes")
  func turns() async throws {
    let gateway = try TestGateway()
    let token = try TestGateway.token()
    for number in 0...GatewayLimits.topicsPerPage {
      let made = try await gateway.send(
        "PUT", "/v1/topics/acme/shop/t\(number)", token: token, [:], "{}")
      #expect(made.status == 201)
    }
    let before = await gateway.turns
    for body in [#"{"requireSchema":false}"#, #"{"compatibility":"BACKWARD_TRANSITIVE"}"#] {
      #expect(try await gateway.send("PUT", namespace, [:], body).status < 300)
    }
    #expect(await gateway.turns == before)
    let changed = try await gateway.send("PUT", namespace, [:], #"{"compatibility":"FULL"}"#)
    #expect(try changed.status == 200 && codes(changed).isEmpty)
    #expect(await gateway.turns > before)
  }
}
