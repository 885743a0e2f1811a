import Foundation
import JSONText
import Testing

/// A disk that is slow or hangs: publishers wait or are told to come back, nobody else notices.
extension EndToEnd {
  @Suite struct SlowDisks {
    private static let isLong = ProcessInfo.processInfo.environment["JODRELL_FAULTS"] == "long"

    @Test(.timeLimit(.minutes(15)), arguments: isLong ? [1, 5, 50, 500] : [5, 500])
    func `a slow disk makes publishing slow and nothing else`(milliseconds: Int) async throws {
      try await withFaultyDisk { gateway, disk in
        try disk.arm("sync .log 1+ \(milliseconds)")
        let load = try await VerifiedLoad(on: gateway, seconds: 4, connections: 32)
        let took = try await gateway.promptly { () async throws -> [Duration] in
          let clock = ContinuousClock()
          var took: [Duration] = []
          for _ in 0..<20 {
            let began = clock.now
            #expect(try await gateway.send("GET", "/healthz").status == 200)
            took.append(clock.now - began)
            try await Task.sleep(for: .milliseconds(50))
          }
          return took
        }
        // Whoever waits for the disk waits for half of its time on average.
        let median = took.sorted()[took.count / 2]
        #expect(median < .milliseconds(200), "healthz took \(took)")
        let verdict = try await load.verdict()
        #expect(verdict.code == 0, "\(verdict.text)")
        // Whoever waits for one sync waits with all others: the slower, the more at once.
        #expect(verdict.acknowledged > 32)
        #expect(try await gateway.terminate() == 0)
      }
    }

    @Test(.timeLimit(.minutes(15)))
    func `a disk that hangs: the queue fills, the rest is shed, all is answered afterwards`()
      async throws
    {
      try await withFaultyDisk { gateway, disk in
        let token = try await gateway.token()
        let events = "/v1/topics/~/stuck/events"
        _ = try await gateway.send("POST", events, token: token, body: "{}")
        let seconds = Self.isLong ? 60 : 10
        try disk.arm("sync .log 1 \(seconds * 1000)")
        let before = try await gateway.residentMegabytes()
        let clock = ContinuousClock()
        let began = clock.now
        // Each has ten thousand events, the queue takes fifty thousand.
        let one = #"{"specversion":"1.0","id":"i","source":"/s","type":"t","data":{}}"#
        let body = "[" + Array(repeating: one, count: 10_000).joined(separator: ",") + "]"
        let stored = try await gateway.promptly { () async throws -> Int in
          try await withThrowingTaskGroup(of: (stored: Int, shed: Int).self) { group in
            for _ in 0..<12 {
              group.addTask {
                let answer = try await gateway.send(
                  "POST", events + "?atomic=true", token: token, body: body,
                  type: "application/cloudevents-batch+json")
                if answer.status == 503 {
                  #expect(try answer.json["code"]?.text == "overloaded")
                  #expect(answer.field("retry-after") != nil)
                  return (0, 1)
                }
                return (Int(try answer.json["stored"]?.integer ?? 0), 0)
              }
            }
            // Until all of them have been read, the loops have work to do.
            try await Task.sleep(for: .seconds(3))
            while clock.now - began < .seconds(seconds - 4) {
              #expect(try await gateway.send("GET", "/healthz").status == 200)
              #expect(clock.now - began < .seconds(seconds), "the answer waited for the disk")
              try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await gateway.residentMegabytes() < before + 200)
            var (stored, shed) = (0, 0)
            for try await answer in group {
              stored += answer.stored
              shed += answer.shed
            }
            #expect(shed > 0, "nothing was shed")
            #expect(clock.now - began < .seconds(seconds + 20))
            return stored
          }
        }
        #expect(stored > 0 && stored <= 60_000, "\(stored) stored")
        // What was answered as stored is there, and not one more.
        let topic = try await gateway.send("GET", "/v1/topics/~/stuck", token: token)
        #expect(try topic.json["events"]?.integer == Int64(stored + 1), "\(topic.text)")
        #expect(try await gateway.terminate() == 0)
      }
    }
  }
}

extension GatewayChild {
  /// Memory of the process, as the kernel counts it.
  func residentMegabytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 1024
  }
}
