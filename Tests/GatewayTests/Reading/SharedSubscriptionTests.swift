import Bytes
import Foundation
import Testing

@testable import Gateway

/// Subscriptions on a topic that its tenant shares with another, and who may delete which.
@Suite("Whose a subscription is") struct SharedSubscriptionTests {
  private let topic = "/v1/topics/acme/shop/orders"
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]
  private let shared = #"{"type":"shared","initialPosition":"earliest"}"#

  /// Acme shares its shop with globex, whose gina reads it and whose gus publishes to it.
  private let settings =
    TestGateway.settings.replacing(
      "tenants: {acme: {}",
      with:
        #"tenants: {acme: {shares: [{with: globex, subscribe: ["shop/*"], publish: ["shop/*"]}]}"#)
      + """

        - {id: globex-reader, issuer: test, when: {"/sub": {eq: gina}}, tenant: globex,
           principal: "{/sub}", allow: [{subscribe: ["shop/*"], of: acme}]}
        - {id: globex-second, issuer: test, when: {"/sub": {eq: greg}}, tenant: globex,
           principal: "{/sub}", allow: [{subscribe: ["shop/*"], of: acme}]}
        - {id: globex-sender, issuer: test, when: {"/sub": {eq: gus}}, tenant: globex,
           principal: "{/sub}", allow: [{publish: ["shop/*"], of: acme}]}
      """

  private func prepared() async throws -> TestGateway {
    let gateway = try TestGateway(settings: settings)
    for number in 0..<3 { _ = try await gateway.send("POST", events, json, "{\"n\":\(number)}") }
    for subject in ["alice", "gina"] {
      let made = try await gateway.send(
        "PUT", "\(topic)/subscriptions/billing", as: subject, [:], shared)
      #expect(made.status == 201, "\(subject): \(made.body)")
    }
    return gateway
  }

  private func receive(_ gateway: TestGateway, as subject: String) async throws -> [String] {
    let answer = try await gateway.send(
      "POST", "\(topic)/subscriptions/billing/receive", as: subject, [:], "{}")
    let deliveries = try #require(try answer.json["deliveries"] as? [[String: Any]])
    return deliveries.compactMap { $0["ackToken"] as? String }
  }

  private func names(_ answer: TestGateway.Answer) throws -> [String] {
    let list = try #require(try answer.json["subscriptions"] as? [[String: Any]])
    return list.map { item in
      let holder = (item["tenant"] as? String).map { "\($0)/" } ?? ""
      return holder + (item["name"] as? String ?? "?")
    }
  }

  @Test("a partner's subscriptions are its own, even by the owner's names")
  func apart() async throws {
    let gateway = try await prepared()
    let path = "\(topic)/subscriptions/billing"
    let theirs = try await receive(gateway, as: "gina")
    #expect(theirs.count == 3)
    let own = try await receive(gateway, as: "alice")
    #expect(own.count == 3, "the owner's are all there still")
    // Tokens of the one settle nothing of the other.
    let crossed = try await gateway.send(
      "POST", "\(path)/acknowledge", as: "gina", [:], #"{"ackTokens":["\#(own[0])"]}"#)
    #expect(try crossed.json["acknowledged"] as? Int == 0)
    let settled = try await gateway.send(
      "POST", "\(path)/acknowledge", as: "gina", [:], #"{"ackTokens":["\#(theirs[0])"]}"#)
    #expect(try settled.json["acknowledged"] as? Int == 1)
    let sought = try await gateway.send(
      "POST", "\(path)/seek", as: "gina", [:], #"{"to":"latest"}"#)
    #expect(sought.status == 200)
    #expect(try await gateway.send("GET", path).json["backlog"] as? Int == 3)
    #expect(try await gateway.send("GET", path, as: "gina").json["backlog"] as? Int == 0)
    #expect(
      try await gateway.send("GET", "\(path)?tenant=acme", as: "gina").code == "not_found")
    #expect(
      try await gateway.send("DELETE", "\(path)?tenant=acme", as: "gina").code == "not_found")
    // Another of the partner's callers uses and ends what is its tenant's.
    #expect(try await gateway.send("DELETE", path, as: "greg").status == 204)
    #expect(try await gateway.send("GET", path, as: "gina").status == 404)
    #expect(try await gateway.send("GET", path).json["backlog"] as? Int == 3)
  }

  @Test("the owner sees a partner's subscriptions with whose they are, and may end them")
  func ownersView() async throws {
    let gateway = try await prepared()
    let list = "\(topic)/subscriptions"
    #expect(try names(try await gateway.send("GET", list)) == ["billing", "globex/billing"])
    #expect(try names(try await gateway.send("GET", topic)) == ["billing", "globex/billing"])
    #expect(try names(try await gateway.send("GET", list, as: "gina")) == ["globex/billing"])
    let path = "\(list)/billing?tenant=globex"
    let seen = try await gateway.send("GET", path)
    #expect(try seen.json["backlog"] as? Int == 3 && seen.json["tenant"] as? String == "globex")
    #expect(try seen.json["createdBy"] == nil, "the partner's callers are its own")
    #expect(
      try await gateway.send("GET", "\(list)/billing", as: "gina").json["createdBy"] as? String
        == "gina")
    #expect(try await gateway.send("DELETE", path, as: "rita").code == "forbidden")
    #expect(try await gateway.send("DELETE", "\(list)/billing?tenant=x%20y").status == 400)
    #expect(try await gateway.send("DELETE", path, as: "mona").status == 204)
    #expect(try names(try await gateway.send("GET", list)) == ["billing"])
  }

  @Test("a partner's subscriptions are bounded, and take no room of the owner's")
  func bound() async throws {
    let gateway = try await prepared()
    for number in 1..<100 {
      #expect(
        try await gateway.send(
          "PUT", "\(topic)/subscriptions/s\(number)", as: "gina", [:], "{}"
        ).status == 201)
    }
    let refused = try await gateway.send(
      "PUT", "\(topic)/subscriptions/more", as: "greg", [:], "{}")
    #expect(refused.status == 409 && refused.code == "too_many")
    #expect(
      try await gateway.send("PUT", "\(topic)/subscriptions/more", [:], "{}").status == 201)
  }

  @Test("of a shared topic a partner is told what it reads anyway and what is its own")
  func statistics() async throws {
    let gateway = try await prepared()
    let owner = try await gateway.send("GET", topic).json
    #expect(owner["publish"] is [String: Any] && owner["outcomes"] is [String: Any])
    let reader = try await gateway.send("GET", topic, as: "gina").json
    #expect(reader["events"] as? Int == 3 && reader["last"] as? String == "1:2")
    for member in ["publish", "delivery", "outcomes"] { #expect(reader[member] == nil) }
    let sender = try await gateway.send("GET", topic, as: "gus").json
    for member in ["publish", "delivery", "outcomes", "events", "bytes", "first", "last"] {
      #expect(sender[member] == nil)
    }
    #expect((sender["subscriptions"] as? [[String: Any]])?.count == 1)
  }

  @Test("at home whoever made a subscription may delete it, and whoever manages any")
  func deleting() async throws {
    let gateway = try await prepared()
    let list = "\(topic)/subscriptions"
    #expect(try await gateway.send("DELETE", "\(list)/billing", as: "rita").code == "forbidden")
    #expect(try await gateway.send("PUT", "\(list)/own", as: "rita", [:], "{}").status == 201)
    #expect(try await gateway.send("DELETE", "\(list)/own", as: "rita").status == 204)
    // Who manages makes, sees and deletes, and reads nothing.
    let made = try await gateway.send("PUT", "\(list)/managed", as: "mona", [:], shared)
    #expect(try made.status == 201 && made.json["backlog"] as? Int == 3)
    #expect(
      try await gateway.send("POST", "\(list)/managed/receive", as: "mona", [:], "{}").code
        == "forbidden")
    #expect(
      try await gateway.send("POST", "\(list)/managed/receive", as: "rita", [:], "{}").status
        == 200)
    #expect(try await gateway.send("DELETE", "\(list)/managed", as: "rita").code == "forbidden")
    #expect(try await gateway.send("DELETE", "\(list)/managed", as: "mona").status == 204)
    #expect(try await gateway.send("GET", list, as: "paul").code == "forbidden")
  }
}
