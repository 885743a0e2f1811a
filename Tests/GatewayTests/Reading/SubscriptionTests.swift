import Bytes
import Foundation
import JSONText
import LogConformance
import Tenancy
import Testing
import Topics

@testable import Gateway

@Suite struct SubscriptionTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let json = ["Content-Type": "application/json"]

  private func prepared(_ type: String, events: Int = 4) async throws -> TestGateway {
    let gateway = try TestGateway()
    for index in 0..<events {
      _ = try await gateway.send("POST", "\(topic)/events", json, "{\"n\":\(index)}")
    }
    let made = try await gateway.send(
      "PUT", "\(topic)/subscriptions/s", [:],
      #"{"type":"\#(type)","initialPosition":"earliest","ackTimeout":"30s"}"#)
    #expect(made.status == 201)
    return gateway
  }

  private func receive(_ gateway: TestGateway, _ consumer: String, max: Int = 10) async throws
    -> [[String: Any]]
  {
    let answer = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/receive", [:],
      #"{"consumer":"\#(consumer)","max":\#(max)}"#)
    return try answer.json["deliveries"] as? [[String: Any]] ?? []
  }

  private func ids(_ deliveries: [[String: Any]]) -> [String] {
    deliveries.compactMap { ($0["event"] as? [String: Any])?["messageid"] as? String }
  }

  @Test("workers share, acknowledge, and what one leaves comes back to the other")
  func shared() async throws {
    let gateway = try await prepared("shared")
    let first = try await receive(gateway, "a", max: 2)
    let second = try await receive(gateway, "b", max: 2)
    #expect(ids(first) == ["1:0", "1:1"] && ids(second) == ["1:2", "1:3"])
    let tokens = first.compactMap { $0["ackToken"] as? String }
    let acknowledged = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/acknowledge?durable=true", [:],
      #"{"ackTokens":["\#(tokens[0])","nonsense"]}"#)
    #expect(try acknowledged.json["acknowledged"] as? Int == 1)
    let failed = try #require(try acknowledged.json["failed"] as? [[String: Any]])
    #expect((failed.first?["error"] as? [String: Any])?["code"] as? String == "bad_ack_token")
    gateway.clock.step(.seconds(31))
    let again = try await receive(gateway, "b")
    #expect(ids(again) == ["1:1", "1:2", "1:3"])
    #expect(again.allSatisfy { $0["deliveryCount"] as? Int == 2 })
    let facts = try await gateway.send("GET", "\(topic)/subscriptions/s")
    #expect(try facts.json["backlog"] as? Int == 3)
    #expect(try facts.json["unacked"] as? Int == 3)
  }

  @Test("released events come back at once, extended leases last")
  func releaseAndExtend() async throws {
    let gateway = try await prepared("shared", events: 2)
    let taken = try await receive(gateway, "a")
    let tokens = taken.compactMap { $0["ackToken"] as? String }
    let released = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/release", [:], #"{"ackTokens":["\#(tokens[0])"]}"#)
    #expect(try released.json["released"] as? Int == 1)
    let extended = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/extend", [:],
      #"{"ackTokens":["\#(tokens[1])"],"lease":"120s"}"#)
    #expect(try extended.json["extended"] as? Int == 1)
    let shorter = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/extend", [:],
      #"{"ackTokens":["\#(tokens[1])"],"lease":"1s"}"#)
    #expect(try shorter.json["extended"] as? Int == 1, "it lasts at least so long")
    let none = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/extend", [:],
      #"{"ackTokens":["\#(tokens[1])"],"lease":"0s"}"#)
    #expect(none.status == 400 && none.code == "bad_parameter")
    #expect(ids(try await receive(gateway, "b")) == ["1:0"])
    gateway.clock.step(.seconds(60))
    #expect(ids(try await receive(gateway, "b")) == ["1:0"])
  }

  @Test("an exclusive subscription has one consumer and acknowledges up to a place")
  func exclusive() async throws {
    let gateway = try await prepared("exclusive")
    #expect(ids(try await receive(gateway, "a", max: 3)).count == 3)
    let busy = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/receive", [:], #"{"consumer":"b"}"#)
    #expect(busy.status == 409 && busy.code == "subscription_busy")
    #expect(busy.fields["retry-after"] == "1")
    let upTo = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/acknowledge", [:], #"{"upTo":"1:2"}"#)
    #expect(try upTo.json["acknowledged"] as? Int == 3)
    #expect(ids(try await receive(gateway, "b")) == ["1:3"])
  }

  @Test("an exclusive subscription is one principal's at a time, named or not")
  func exclusivePrincipal() async throws {
    let gateway = try await prepared("exclusive")
    let path = "\(topic)/subscriptions/s"
    let taken = try await gateway.send("POST", "\(path)/receive", [:], #"{"max":1}"#)
    #expect(ids(try taken.json["deliveries"] as? [[String: Any]] ?? []) == ["1:0"])
    for name in ["", #""consumer":"anonymous""#] {
      let other = try await gateway.send("POST", "\(path)/receive", as: "rita", [:], "{\(name)}")
      #expect(other.status == 409 && other.code == "subscription_busy")
    }
    let own = try await gateway.send("POST", "\(path)/receive", [:], #"{"max":1}"#)
    #expect(ids(try own.json["deliveries"] as? [[String: Any]] ?? []) == ["1:1"])
    // Whoever may subscribe may acknowledge, as a worker's successor does.
    let settled = try await gateway.send(
      "POST", "\(path)/acknowledge", as: "rita", [:], #"{"upTo":"1:1"}"#)
    #expect(try settled.json["acknowledged"] as? Int == 2)
    let next = try await gateway.send("POST", "\(path)/receive", as: "rita", [:], "{}")
    #expect(ids(try next.json["deliveries"] as? [[String: Any]] ?? []) == ["1:2", "1:3"])
  }

  @Test("a second worker stands by until the place is free, or its wait is over")
  func standby() async throws {
    let gateway = try await prepared("exclusive")
    #expect(ids(try await receive(gateway, "a", max: 3)).count == 3)
    func standBy() async throws -> TestGateway.Answer {
      async let answer = gateway.send(
        "POST", "\(topic)/subscriptions/s/receive", as: "rita", [:], #"{"wait":"20s"}"#)
      try await gateway.untilWaiting(1)
      gateway.clock.step(.seconds(20))
      return try await answer
    }
    let early = try await standBy()
    #expect(early.code == "subscription_busy" && early.fields["retry-after"] == "1")
    let late = try await standBy()
    #expect(ids(try late.json["deliveries"] as? [[String: Any]] ?? []).count == 4)
  }

  @Test("seek moves the position; the same terms find the subscription, others conflict")
  func seekAndTerms() async throws {
    let gateway = try await prepared("shared")
    let tokens = try await receive(gateway, "a", max: 1).compactMap { $0["ackToken"] as? String }
    let sought = try await gateway.send(
      "POST", "\(topic)/subscriptions/s/seek", [:], #"{"to":"1:2"}"#)
    #expect(try sought.json["position"] as? String == "1:2")
    #expect(ids(try await receive(gateway, "a")) == ["1:3"])
    let path = "\(topic)/subscriptions/s"
    let late = try await gateway.send(
      "POST", "\(path)/acknowledge", [:], #"{"ackTokens":["\#(tokens[0])"]}"#)
    let failed = try #require(try late.json["failed"] as? [[String: Any]])
    let error = failed.first?["error"] as? [String: Any]
    #expect(error?["detail"] as? String == "the subscription was moved by a seek since")
    #expect(try await gateway.send("PUT", path, [:], #"{"type":"shared"}"#).status == 200)
    #expect(
      try await gateway.send("PUT", path, [:], #"{"type":"exclusive"}"#).code
        == "subscription_conflict")
    #expect(try await gateway.send("PUT", path, [:], #"{"type":"key_shared"}"#).status == 501)
    #expect(try await gateway.send("DELETE", path).status == 204)
    #expect(try await gateway.send("GET", path).status == 404)
  }

  @Test("an instant in the future is no position, one a little ahead is")
  func future() async throws {
    let gateway = try await prepared("shared")
    let soon = JSONWriter.text { $0.instant(gateway.clock.wall + .seconds(50)) }.text
      .replacingOccurrences(of: "\"", with: "")
    for (instant, status) in [("2200-01-01T00:00:00Z", 409), (soon, 200)] {
      let answers = [
        try await gateway.send("GET", "\(topic)/events?from=\(instant)"),
        try await gateway.send(
          "GET", "\(topic)/events?from=\(instant)", ["Accept": "text/event-stream"]),
        try await gateway.send(
          "POST", "\(topic)/subscriptions/s/seek", [:], #"{"to":"\#(instant)"}"#),
        try await gateway.send(
          "PUT", "\(topic)/subscriptions/s", [:],
          #"{"type":"shared","initialPosition":"\#(instant)"}"#),
      ]
      for answer in answers {
        #expect(answer.status == status)
        #expect(answer.status == 200 || answer.code == "position_ahead")
      }
    }
    // Events may be of a time ahead of the clock, where it has been set back.
    let wall = gateway.clock.wall
    gateway.clock.set(wall: wall + .seconds(600))
    _ = try await gateway.send("POST", "\(topic)/events", json, "{}")
    gateway.clock.set(wall: wall)
    let stored = try await gateway.send("GET", "\(topic)/events/1:4")
    let time = try #require(try stored.json["publishtime"] as? String)
    let page = try await gateway.send("GET", "\(topic)/events?from=\(time)")
    #expect(page.status == 200)
    #expect((try page.json["events"] as? [Any])?.count == 1)
  }

  @Test("what is deleted is what was looked at, and not what has come in its place")
  func deletionOfAnother() async throws {
    let log = MemoryLog(clocks: SteppedClock().clocks)
    let address = try Proofs().topic("orders", .subscribe)
    _ = try await log.createTopic(
      try Proofs().topic("orders", .publish), TopicConfiguration())
    let name = try Proofs().name("billing")
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .seconds(30), maxUnacked: 10)
    let start = try log.bounds(of: address).latest
    func make() async throws -> SubscriptionDefinition {
      try await log.createSubscription(name, terms, startingAt: start, of: address).thing
    }
    let first = try await make()
    try await log.deleteSubscription(name, of: address)
    let second = try await make()
    let gone = await #expect(throws: Refusal.self) {
      try await log.deleteSubscription(first, of: address, isConditional: false)
    }
    #expect(gone?.code == .notFound)
    await #expect(throws: CatalogueFailure.changed) {
      try await log.deleteSubscription(first, of: address, isConditional: true)
    }
    #expect(log.subscription(name, of: address) == second)
    try await log.deleteSubscription(second, of: address, isConditional: false)
    #expect(log.subscription(name, of: address) == nil)
  }

  @Test("reading moves no subscription")
  func readingIsSafe() async throws {
    let gateway = try await prepared("shared")
    _ = try await gateway.send("GET", "\(topic)/events?from=earliest")
    let facts = try await gateway.send("GET", "\(topic)/subscriptions/s")
    #expect(try facts.json["backlog"] as? Int == 4)
  }
}
