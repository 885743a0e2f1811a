import Bytes
import Metrics
import Testing

@testable import Gateway

@Suite struct StreamMetricsTests {
  private let events = "/v1/topics/acme/shop/orders/events"
  private let json = ["Content-Type": "application/json"]

  @Test("an open stream counts on where the registry has let go of its topic's numbers")
  func letGo() async throws {
    let gateway = try TestGateway()
    let key = TopicKey(
      tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "shop"),
      topic: ByteSlice(utf8: "orders"))
    _ = try await gateway.send("POST", events, json, "{}")
    async let stream = gateway.send("GET", events, ["Accept": "text/event-stream"], steps: 3)
    try await gateway.untilWaiting(1)
    gateway.metrics.remove(key)
    for number in 0..<2 {
      _ = try await gateway.send("POST", events, json, #"{"n":\#(number)}"#)
      try await gateway.untilStreamed(#""n":\#(number)"#)
    }
    _ = try await stream
    // What went out last is counted with the step after it.
    #expect(gateway.metrics.existing(key)?.deliverySummary?.count == 1)
  }
}
