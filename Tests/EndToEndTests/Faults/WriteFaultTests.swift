import Foundation
import JSONText
import Testing

/// A disk that fails while it is written to: nobody is told of a success that the disk has not
/// confirmed, the process ends and says why, and the next one finds everything acknowledged.
extension EndToEnd {
  @Suite struct WriteFaults {
    /// One way for a write to go wrong.
    struct Fault: Sendable, CustomTestStringConvertible {
      let rule: String
      /// The exit code that follows, or nil where the gateway goes on.
      let code: Int32?
      var testDescription: String { rule }
    }

    private static let faults = [
      Fault(rule: "sync .log 20 EIO", code: 10),
      Fault(rule: "write .log 20 EIO", code: 10),
      Fault(rule: "write .log 20 tear", code: 10),
      Fault(rule: "write acknowledged 20 EIO", code: 10),
      Fault(rule: "write acknowledged 20 short", code: 10),
      Fault(rule: "sync .log 20 ENOSPC", code: 11),
      Fault(rule: "write .log 20+ ENOSPC", code: 11),
      Fault(rule: "write .log 20 short", code: nil),
      Fault(rule: "write .log 20 EINTR", code: nil),
    ]

    @Test(.timeLimit(.minutes(2)), arguments: faults)
    func `what was acknowledged survives a failed write`(_ fault: Fault) async throws {
      try await withFaultyDisk { gateway, disk in
        let load = try await VerifiedLoad(on: gateway, seconds: 3)
        try await Task.sleep(for: .milliseconds(300))
        try disk.arm(fault.rule)
        if let code = fault.code {
          #expect(try await gateway.exitCode() == code)
          try disk.arm()
          try await gateway.start()
        }
        let verdict = try await load.verdict()
        #expect(!disk.fired.isEmpty, "the fault did not happen")
        #expect(verdict.code == 0, "\(verdict.text)")
        #expect(verdict.acknowledged > 100)
        #expect(try await gateway.terminate() == 0)
      }
    }

    @Test func `a failed sync is answered as unknown, never as stored`() async throws {
      try await withFaultyDisk { gateway, disk in
        let token = try await gateway.token()
        let events = "/v1/topics/~/failing/events"
        let first = try await gateway.send("POST", events, token: token, body: "{}")
        #expect(first.status == 201)
        try disk.arm("sync .log 1+ EIO")
        let answer = try await gateway.send("POST", events, token: token, body: "{}")
        #expect(answer.status == 503)
        #expect(try answer.json["code"]?.text == "storage_failed")
        #expect(try await gateway.exitCode() == 10)
        #expect(await gateway.logText.contains("write failed"))
      }
    }
  }
}
