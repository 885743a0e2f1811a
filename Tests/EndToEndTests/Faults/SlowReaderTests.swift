import Bytes
import Foundation
import JSONText
import Testing

/// Readers that open a stream and then read nothing: they cost what their sockets hold, and nobody
/// else waits for them.
extension EndToEnd {
  @Suite struct SlowReaders {
    private static let isLong = ProcessInfo.processInfo.environment["JODRELL_FAULTS"] == "long"

    @Test(.timeLimit(.minutes(15)))
    func `a hundred readers that read nothing cost little, and hold nobody up`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let events = "/v1/topics/~/crowd/events"
        #expect(try await gateway.send("POST", events, token: token, body: "{}").status == 201)
        let asleep = SilentSockets(
          port: await gateway.port, count: 100,
          request: "GET \(events) HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
            + "Authorization: Bearer \(token)\r\n\r\n", room: 4096)
        defer { asleep.end() }
        #expect(try await gateway.shows("\njodrell_streams_open 100\n"))
        let before = try await gateway.residentMegabytes()

        let (number, filler) = (100, String(repeating: "x", count: 50_000))
        async let read = gateway.follow(
          events + "?from=earliest", token: token, count: number + 1, patience: .seconds(60))
        for index in 0..<number {
          let answer = try await gateway.send(
            "POST", events, token: token, body: "{\"n\":\(index),\"x\":\"\(filler)\"}")
          #expect(answer.status == 201)
        }
        let awake = try await read
        #expect(awake.count == number + 1)
        for (index, event) in awake.dropFirst().enumerated() {
          #expect(event.data.contains("\"n\":\(index),"))
        }
        // 5 MB in the tail and in a memory table; for each sleeper they would be half a gigabyte.
        #expect(try await gateway.residentMegabytes() < before + 100)
        if Self.isLong {
          // After 30 s without a byte they are let go, and counted.
          #expect(try await gateway.shows("\njodrell_streams_stalled_total 100\n"))
          #expect(try await gateway.shows("\njodrell_streams_open 0\n"))
        }
        #expect(try await gateway.terminate() == 0)
      }
    }
  }
}

extension GatewayChild {
  /// Waits until its metrics say `words`; whether they did within ten minutes.
  func shows(_ words: String) async throws -> Bool {
    let end = ContinuousClock().now + .seconds(600)
    while ContinuousClock().now < end {
      if try await send("GET", "/metrics").text.contains(words) { return true }
      try await Task.sleep(for: .milliseconds(20))
    }
    return false
  }
}
