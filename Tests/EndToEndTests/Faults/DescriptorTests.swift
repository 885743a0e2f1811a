import Foundation
import JSONText
import Testing

/// More clients than descriptors: they are refused, and the log never misses one.
extension EndToEnd {
  @Suite struct Descriptors {
    @Test(.timeLimit(.minutes(15)))
    func `a flood of connections takes no descriptor from the log`() async throws {
      let wrapper = ["/bin/sh", "-c", "ulimit -n 256; exec \"$0\" \"$@\""]
      try await withGateway(under: wrapper) { gateway in
        let token = try await gateway.token()
        let load = try await VerifiedLoad(on: gateway, connections: 4)
        try await gateway.holds(200, in: "verified", token: token)
        // They say nothing: only those that are turned away get something to read.
        let flood = SilentSockets(port: await gateway.port, count: 400)
        let end = ContinuousClock().now + .seconds(600)
        while flood.answered() <= 200, ContinuousClock().now < end {
          try await Task.sleep(for: .milliseconds(10))
        }
        let open = try FileManager.default.contentsOfDirectory(
          atPath: "/proc/\(await gateway.pid)/fd")
        #expect(open.count < 240, "\(open.count) descriptors")
        #expect(flood.answered() > 200)
        flood.end()
        load.end()
        let verdict = try await load.verdict()
        #expect(verdict.code == 0, "\(verdict.text)")
        #expect(verdict.acknowledged > 100)
        #expect(
          try await gateway.send(
            "POST", "/v1/topics/~/after/events", token: token, body: "{}"
          ).status == 201)
        #expect(try await gateway.terminate() == 0)
        // Opening has enough of them, too.
        try await gateway.start()
        #expect(try await gateway.terminate() == 0)
      }
    }
  }
}
