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

    @Test(.timeLimit(.minutes(15)), arguments: faults)
    func `what was acknowledged survives a failed write`(_ fault: Fault) async throws {
      try await withFaultyDisk { gateway, disk in
        let token = try await gateway.token()
        let load = try await VerifiedLoad(on: gateway)
        try await gateway.holds(100, in: "verified", token: token)
        try disk.arm(fault.rule)
        if let code = fault.code {
          #expect(try await gateway.exitCode() == code)
          try disk.arm()
          try await gateway.start()
        }
        // So many that each connection has got an answer behind the fault, too.
        let before = try await gateway.events(in: "verified", token: token)
        try await gateway.holds(before + 200, in: "verified", token: token)
        load.end()
        let verdict = try await load.verdict()
        #expect(!disk.fired.isEmpty, "the fault did not happen")
        #expect(verdict.code == 0, "\(verdict.text)")
        #expect(verdict.acknowledged > 200)
        #expect(try await gateway.terminate() == 0)
      }
    }

    private static let fileFaults = [
      Fault(rule: "write .sst 1 EIO", code: 10),
      Fault(rule: "write .sst 1 ENOSPC", code: 11),
      Fault(rule: "sync MANIFEST 1 EIO", code: 10),
    ]
    private static let moreFileFaults = [
      Fault(rule: "sync .sst 1 EIO", code: 10),
      Fault(rule: "make .sst 1 EIO", code: 10),
      Fault(rule: "write MANIFEST 1 EIO", code: 10),
      Fault(rule: "make .log 1 EMFILE", code: 10),
    ]
    private static let isLong = ProcessInfo.processInfo.environment["JODRELL_FAULTS"] == "long"

    /// A full memory table becomes a table while it serves; what fails then is not the log, where
    /// everything acknowledged still is.
    @Test(.timeLimit(.minutes(15)), arguments: fileFaults + (isLong ? moreFileFaults : []))
    func `what was acknowledged survives a table that cannot be written`(_ fault: Fault)
      async throws
    {
      try await withFaultyDisk { gateway, disk in
        let token = try await gateway.token()
        let load = try await VerifiedLoad(on: gateway, connections: 4)
        try disk.arm(fault.rule)
        let stored = await gateway.pour(400, into: "large", token: token)
        #expect(try await gateway.exitCode() == fault.code)
        #expect(!disk.fired.isEmpty, "the fault did not happen")
        try disk.arm()
        try await gateway.start()
        try await load.expectKept(beside: stored, in: "large", by: gateway, token: token)
      }
    }

    @Test func `a bucket that cannot be made ends the gateway like any write that fails`()
      async throws
    {
      try await withFaultyDisk { gateway, disk in
        let token = try await gateway.token()
        let topic = "/v1/topics/~/bounded"
        let retention = #"{"retention":{"age":"1h"}}"#
        #expect(try await gateway.send("PUT", topic, token: token, body: retention).status == 201)
        try disk.arm("sync MANIFEST 1 EIO")
        let answer = try await gateway.send("POST", "\(topic)/events", token: token, body: "{}")
        #expect(answer.status == 503)
        #expect(try await gateway.exitCode() == 10)
        #expect(!disk.fired.isEmpty, "the fault did not happen")
        try disk.arm()
        try await gateway.start()
        let again = try await gateway.send("POST", "\(topic)/events", token: token, body: "{}")
        #expect(again.status == 201)
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
