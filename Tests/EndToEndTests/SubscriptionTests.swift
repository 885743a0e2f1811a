import Bytes
import Foundation
import JSONText
import Testing

/// Competing workers: leases, acknowledgements, redelivery, and a position that outlives the
/// process.
extension EndToEnd {
  @Suite struct Workers {
    private let topic = "/v1/topics/~/jobs"

    private func deliveries(
      _ gateway: GatewayChild, _ token: String, _ subscription: String, consumer: String, max: Int,
      wait: String = "0s"
    ) async throws -> [(token: String, n: Int64, count: Int64)] {
      let answer = try await gateway.send(
        "POST", "\(topic)/subscriptions/\(subscription)/receive", token: token,
        body: #"{"max":\#(max),"wait":"\#(wait)","consumer":"\#(consumer)"}"#)
      try #require(answer.status == 200, "\(answer.text)")
      return try (try #require(try answer.json["deliveries"])).elements.map { delivery in
        (
          try #require(delivery["ackToken"]?.text),
          try #require(delivery["event"]?["data"]?["n"]?.integer),
          try #require(delivery["deliveryCount"]?.integer)
        )
      }
    }

    private func settle(
      _ gateway: GatewayChild, _ token: String, _ verb: String, _ tokens: [String]
    ) async throws -> Answer {
      let list = tokens.map { "\"\($0)\"" }.joined(separator: ",")
      return try await gateway.send(
        "POST", "\(topic)/subscriptions/\(verb)", token: token, body: "{\"ackTokens\":[\(list)]}")
    }

    @Test func `two workers share, one gives back to the other, a restart forgets nothing`()
      async throws
    {
      try await withGateway { gateway in
        let token = try await gateway.token()
        _ = try await gateway.send("PUT", topic, token: token, body: "{}")
        let made = try await gateway.send(
          "PUT", topic + "/subscriptions/team", token: token,
          body: #"{"type":"shared","initialPosition":"earliest","ackTimeout":"1h"}"#)
        #expect(made.status == 201)
        for n in 0..<10 {
          _ = try await gateway.send("POST", topic + "/events", token: token, body: "{\"n\":\(n)}")
        }
        let first = try await deliveries(gateway, token, "team", consumer: "a", max: 5)
        let second = try await deliveries(gateway, token, "team", consumer: "b", max: 100)
        #expect(first.count == 5)
        #expect(Set(first.map(\.n)).isDisjoint(with: second.map(\.n)))
        #expect(Set((first + second).map(\.n)) == Set(0..<10))

        let acked = try await settle(
          gateway, token, "team/acknowledge?durable=true",
          second.map(\.token) + first.prefix(4).map(\.token))
        #expect(try acked.json["acknowledged"]?.integer == 9)
        let released = try await settle(
          gateway, token, "team/release", first.suffix(1).map(\.token))
        #expect(released.status == 200)
        let again = try await deliveries(gateway, token, "team", consumer: "b", max: 10)
        #expect(again.map(\.n) == first.suffix(1).map(\.n))
        #expect(again.map(\.count) == [2])

        try await gateway.killNine()
        try await gateway.start()
        let after = try await deliveries(
          gateway, token, "team", consumer: "c", max: 10, wait: "2s")
        #expect(after.map(\.n) == first.suffix(1).map(\.n))
        let done = try await settle(
          gateway, token, "team/acknowledge", after.map(\.token))
        #expect(try done.json["acknowledged"]?.integer == 1)
        let facts = try await gateway.send("GET", topic + "/subscriptions/team", token: token)
        #expect(try facts.json["backlog"]?.integer == 0)
      }
    }

    @Test func `a lease that ends is given to the next worker`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        _ = try await gateway.send("PUT", topic, token: token, body: "{}")
        _ = try await gateway.send(
          "PUT", topic + "/subscriptions/quick", token: token,
          body: #"{"type":"shared","initialPosition":"earliest","ackTimeout":"300ms"}"#)
        _ = try await gateway.send("POST", topic + "/events", token: token, body: "{\"n\":1}")
        let lost = try await deliveries(gateway, token, "quick", consumer: "dies", max: 1)
        #expect(lost.count == 1)
        let next = try await deliveries(
          gateway, token, "quick", consumer: "lives", max: 1, wait: "5s")
        #expect(next.map(\.count) == [2])
        let late = try await settle(
          gateway, token, "quick/acknowledge", lost.map(\.token))
        #expect(try late.json["acknowledged"]?.integer == 0)
        #expect(try late.json["failed"]?.count == 1)
      }
    }
  }
}
