import Foundation
import TestSupport
import Testing

/// A bound of memory that the kernel keeps: what the gateway keeps for its readers and its engine
/// fits into it, and where it does not, its end is like any other.
extension EndToEnd {
  @Suite(.enabled(if: MemoryGroup.isPossible, "no right to make a control group"))
  struct MemoryLimits {
    @Test(.timeLimit(.minutes(15)))
    func `more than the memory holds goes through it, and nobody is ended`() async throws {
      let group = try MemoryGroup()
      try group.limit(bytes: 640 << 20)
      try await withGateway(under: group.wrapper) { gateway in
        let token = try await gateway.token()
        // The tail of recent events is full, and memory tables have been written.
        #expect(await gateway.pour(600, into: "large", token: token) == 600)
        #expect(try group.killed() == 0)
        // It has had all of it: what was written needed memory, too, and gave it back.
        #expect(try group.peakBytes() > 600 << 20, "too little load")
        #expect(try await gateway.residentMegabytes() < 560)
        let first = try await gateway.send(
          "GET", "/v1/topics/~/large/events?from=earliest&max=1", token: token)
        #expect(first.status == 200)
        #expect(try await gateway.events(in: "large", token: token) == 600)
        #expect(try await gateway.terminate() == 0)
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `what was acknowledged survives a gateway that the kernel ends for want of memory`()
      async throws
    {
      let group = try MemoryGroup()
      try await withGateway(under: group.wrapper) { gateway in
        let token = try await gateway.token()
        let load = try await VerifiedLoad(on: gateway, connections: 4)
        try group.limit(bytes: (try await gateway.residentMegabytes() + 60) << 20)
        let stored = await gateway.pour(400, into: "large", token: token)
        #expect(try await gateway.exitCode() == 128 + SIGKILL)
        #expect(try group.killed() > 0)
        try group.limit(bytes: 1 << 30)
        try await gateway.start()
        try await load.expectKept(beside: stored, in: "large", by: gateway, token: token)
      }
    }
  }
}
