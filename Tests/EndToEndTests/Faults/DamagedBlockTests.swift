import Foundation
import JSONText
import TestSupport
import Testing

/// A block of a table that went bad while the gateway was down.
extension EndToEnd {
  @Suite struct DamagedBlocks {
    @Test func `costs its own events, and everybody who asks is told which`() async throws {
      try await withGateway { gateway in
        let token = try await gateway.token()
        let topics = "/v1/topics/~/"
        var dice = Dice(seed: 5)
        for topic in ["damaged", "sound"] {
          for _ in 0..<4 {
            // A line does not compress and is an event; a hundred are one commit.
            let lines = (0..<100).map { _ in
              "{\"text\":\"" + (0..<12).map { _ in String(dice.next(), radix: 36) }.joined() + "\"}"
            }
            let stored = try await gateway.send(
              "POST", topics + topic + "/events", token: token,
              body: lines.joined(separator: "\n"), type: "application/x-ndjson")
            #expect(stored.status == 201)
          }
        }
        // What a life wrote becomes a table when the next one begins.
        #expect(try await gateway.terminate() == 0)
        try await gateway.start()
        #expect(try await gateway.terminate() == 0)
        let data = gateway.data
        let table = try largestTable(data.appending(path: "rocks"))
        var bytes = try Data(contentsOf: table)
        bytes[10_000] ^= 1
        try bytes.write(to: table)

        let verified = try await Workplace.run(
          Workplace.jodrell, ["inspect", "--verify", "--data", data.path()])
        #expect(verified.code == 8)
        #expect(verified.output.contains("public/default/damaged: events 1:"), "\(verified.output)")
        #expect(!verified.output.contains("public/default/sound: events"))

        try await gateway.start()
        let whole = try await gateway.send(
          "GET", topics + "sound/events?from=earliest&max=1000", token: token)
        #expect(whole.status == 200)
        let broken = try await gateway.send(
          "GET", topics + "damaged/events?from=earliest&max=1000", token: token)
        #expect(broken.status == 500)
        #expect(try broken.json["code"]?.text == "data_corrupt")
        let range = try #require(
          try broken.json["detail"]?.text?.firstMatch(of: #/events 1:(\d+) to 1:(\d+)/#))
        #expect(range.1 == "0")
        let behind = try await gateway.send(
          "GET", topics + "damaged/events?from=1:\(range.2)&max=1000", token: token)
        #expect(behind.status == 200)
        let next = try await gateway.send(
          "POST", topics + "damaged/events", token: token, body: "{}")
        #expect(try next.json["messageId"]?.text == "1:400")
        let metrics = try await gateway.send("GET", "/metrics")
        #expect(
          metrics.text.contains(
            "jodrell_damaged_events{tenant=\"public\",namespace=\"default\",topic=\"damaged\","
              + "first=\"1:0\",last=\"1:\(range.2)\"} "))
        #expect(try await gateway.terminate() == 0)
        // The log is written behind the answers, and to its end when the gateway ends.
        let line = try #require(
          await gateway.logText.split(separator: "\n").first {
            $0.contains("stored events cannot be read")
          })
        #expect(line.contains("\"damaged\"") && line.contains("\"1:\(range.2)\""))
      }
    }

    private func largestTable(_ engine: URL) throws -> URL {
      let files = try FileManager.default.contentsOfDirectory(
        at: engine, includingPropertiesForKeys: [.fileSizeKey])
      return try #require(
        try files.filter { $0.pathExtension == "sst" }.max {
          try $0.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
            < $1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
        })
    }
  }
}
