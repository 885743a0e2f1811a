import Foundation
import JSONText
import TestSupport
import Testing

/// A volume that others fill: appends are refused, everything else goes on, and appends come back
/// with the space.
extension EndToEnd {
  @Suite struct FullVolumes {
    @Test(
      .enabled(if: SmallVolume.isPossible(.ext4), "no right to mount a file system"),
      .timeLimit(.minutes(15)))
    func `a full volume refuses appends with 503, and only those, until there is space`()
      async throws
    {
      let volume = try SmallVolume(.ext4, megabytes: 2048)
      let data = volume.path.appending(path: "data")
      try await withGateway(data: data) { gateway in
        let token = try await gateway.token()
        let topic = "/v1/topics/~/filled"
        func publish() async throws -> Answer {
          try await gateway.send("POST", topic + "/events", token: token, body: "{}")
        }
        #expect(try await publish().status == 201)
        let ballast = data.appending(path: "ballast").path()
        #expect(FileManager.default.fileExists(atPath: ballast))

        try volume.fill(leaving: 100 << 20)
        let refused = try await wait(for: 503, publish)
        #expect(try refused.json["code"]?.text == "storage_full")
        #expect(refused.field("retry-after") != nil)
        let batch = try await gateway.send(
          "POST", topic + "/events", token: token, body: "{}\n{}\n", type: "application/x-ndjson")
        #expect(batch.status == 503)
        #expect(batch.field("retry-after") == refused.field("retry-after"))
        #expect(!FileManager.default.fileExists(atPath: ballast))
        #expect(try await gateway.send("GET", "/healthz").status == 200)
        let readiness = try await gateway.send("GET", "/readyz")
        #expect(readiness.status == 503 && readiness.text.contains("\"storage_full\""))
        let read = try await gateway.send(
          "GET", topic + "/events?from=earliest", token: token)
        #expect(read.status == 200)

        // A restart finds the volume as it is.
        try await gateway.killNine()
        try await gateway.start()
        #expect(try await publish().status == 503)

        try volume.empty()
        _ = try await wait(for: 201, publish)
        #expect(FileManager.default.fileExists(atPath: ballast))
        #expect(try await gateway.send("GET", "/readyz").status == 200)
        #expect(try await gateway.terminate() == 0)
      }
    }

    /// Asks until the answer has this status; the marks are looked at once a second.
    private func wait(
      for status: Int, _ ask: () async throws -> Answer
    ) async throws -> Answer {
      for _ in 0..<1_200 {
        let answer = try await ask()
        if answer.status == status { return answer }
        try await Task.sleep(for: .milliseconds(50))
      }
      Issue.record("no \(status) within a minute")
      throw CancellationError()
    }
  }
}
