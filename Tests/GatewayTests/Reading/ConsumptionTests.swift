import Bytes
import Metrics
import Testing

@testable import Gateway

/// `jodrell_consume_total`: how requests to read, follow and consume a topic ended.
@Suite struct ConsumptionTests {
  private let topic = "/v1/topics/acme/shop/parcels"
  private let json = ["Content-Type": "application/json"]
  private let key = TopicKey(
    tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "shop"),
    topic: ByteSlice(utf8: "parcels"))

  private func counts(_ gateway: TestGateway) -> [UInt64] {
    guard let counts = gateway.metrics.existing(key) else { return [] }
    return [.accepted, .forbidden, .notFound].map { counts.consumptions.count(of: $0) }
  }

  @Test func `each end is counted once, with the topic it was about`() async throws {
    let gateway = try TestGateway()
    #expect(try await gateway.send("GET", topic + "/events").status == 404)
    #expect(counts(gateway).isEmpty, "a topic that is not there is not measured")

    _ = try await gateway.send("POST", topic + "/events", json, "{}")
    #expect(counts(gateway) == [0, 0, 0])
    #expect(try await gateway.send("GET", topic + "/events?from=earliest").status == 200)
    // May read another topic of the namespace only.
    let refused = try await gateway.send("GET", topic + "/events", as: "rita")
    #expect([403, 404].contains(refused.status))
    #expect(counts(gateway) == [1, refused.status == 403 ? 1 : 0, refused.status == 404 ? 1 : 0])

    let body = #"{"type":"shared","initialPosition":"earliest","ackTimeout":"30s"}"#
    #expect(try await gateway.send("PUT", topic + "/subscriptions/w", [:], body).status == 201)
    let received = try await gateway.send(
      "POST", topic + "/subscriptions/w/receive", json, #"{"max":1}"#)
    #expect(received.status == 200)
    #expect(counts(gateway)[0] >= 2)

    let before = counts(gateway)
    _ = try await gateway.send("GET", topic)
    let ticket = try await gateway.send(
      "POST", "/v1/tickets", json, #"{"path":"\#(topic)/events"}"#)
    #expect(ticket.status == 201)
    // Nobody has asked whether that topic is there.
    let other = try await gateway.send(
      "POST", "/v1/tickets", json, #"{"path":"/v1/topics/acme/shop/absent/events"}"#)
    #expect(other.status == 201)
    #expect(gateway.metrics.count == 1)
    _ = try await gateway.send("POST", topic + "/events", json, "{}")
    #expect(counts(gateway) == before, "these are no reads")
    #expect(await gateway.remembersNoRequest)
  }
}
