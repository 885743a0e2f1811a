import Delivery
import Foundation
import Testing

@testable import Gateway

@Suite("Shares of subscriptions in use") struct SubscriptionShareTests {
  @Test("who has its share in use is told so and may look; another tenant is served")
  func share() async throws {
    var limits = DispatcherLimits()
    limits.subscriptionsPerTenant = 1
    let gateway = try TestGateway(subscriptions: limits)
    let terms = #"{"type":"shared","initialPosition":"earliest","ackTimeout":"0s"}"#
    for (subject, tenant) in [("alice", "acme"), ("bob", "globex")] {
      let topic = "/v1/topics/\(tenant)/shop/orders"
      let json = ["Content-Type": "application/json"]
      _ = try await gateway.send("POST", "\(topic)/events", as: subject, json, "{}")
      for name in ["a", "b"] {
        let made = try await gateway.send(
          "PUT", "\(topic)/subscriptions/\(name)", as: subject, [:], terms)
        #expect(made.status == 201, "\(subject): \(made.body)")
      }
    }
    let own = "/v1/topics/acme/shop/orders/subscriptions"
    let taken = try await gateway.send("POST", "\(own)/a/receive", [:], "{}")
    #expect(try (taken.json["deliveries"] as? [Any])?.count == 1)
    let refused = try await gateway.send("POST", "\(own)/b/receive", [:], "{}")
    #expect(refused.status == 503 && refused.code == "overloaded")
    #expect(refused.fields["retry-after"] == "1")
    #expect(refused.body.contains("a tenant's share is 1 subscriptions"))
    #expect(try await gateway.send("GET", "\(own)/b").json["backlog"] as? Int == 1)
    let others = try await gateway.send(
      "POST", "/v1/topics/globex/shop/orders/subscriptions/b/receive", as: "bob", [:], "{}")
    #expect(try (others.json["deliveries"] as? [Any])?.count == 1)
  }
}
