import Foundation
import TestSupport
import Testing

/// The kernel as a witness: no answer of success leaves before the disk has the event.
extension EndToEnd {
  @Suite struct Durability {
    private static let strace = "/usr/bin/strace"

    /// Whether this machine lets a process be traced.
    private static func mayTrace() -> Bool {
      guard FileManager.default.isExecutableFile(atPath: strace) else { return false }
      return (try? ChildProgram(strace, ["-f", "-o", "/dev/null", "true"]))?.wait() == 0
    }

    @Test(
      .enabled(if: mayTrace(), "strace is missing, or this machine permits no tracing"),
      .timeLimit(.minutes(15)))
    func `no 2xx leaves before its fdatasync`() async throws {
      let place = try Workplace.directory("trace")
      defer { try? FileManager.default.removeItem(at: place) }
      let file = place.appending(path: "calls")
      let wrapper = [
        Self.strace, "-f", "-y", "-s", "24", "-o", file.path(), "-e",
        "trace=fdatasync,recvfrom,sendto", "-e", "signal=none",
      ]
      try await withGateway(under: wrapper) { gateway in
        let token = try await gateway.token()
        let events = "/v1/topics/~/traced/events"
        for n in 0..<30 {
          #expect(
            try await gateway.send("POST", events, token: token, body: "{\"n\":\(n)}").status == 201
          )
        }
        try await withThrowingTaskGroup(of: Int.self) { group in
          for writer in 0..<8 {
            group.addTask {
              var stored = 0
              for n in 0..<10 {
                let answer = try await gateway.send(
                  "POST", events, token: token, body: "{\"w\":\(writer),\"n\":\(n)}")
                if answer.status == 201 { stored += 1 }
              }
              return stored
            }
          }
          for try await stored in group { #expect(stored == 10) }
        }
        #expect(try await gateway.terminate() == 0)
        let trace = SystemCallTrace(try String(contentsOf: file, encoding: .utf8))
        #expect(trace.answers == 110)
        #expect(trace.syncs >= 31)
        #expect(trace.premature == [])
      }
    }
  }
}

@Suite struct SystemCallTraceTests {
  private let request =
    #"11 recvfrom(9<socket:[1]>, "POST /v1/topics/~/t/events"..., 16384, 0) = 80"#
  private let answer = #"11 sendto(9<socket:[1]>, "HTTP/1.1 201 Created\r\nRe"..., 300, 0) = 300"#
  private let sync = "12 fdatasync(5</d/000004.log>) = 0"

  private func premature(_ lines: String...) -> Int {
    SystemCallTrace(lines.joined(separator: "\n")).premature.count
  }

  @Test func `an answer after its sync is in order`() {
    #expect(premature(request, sync, answer) == 0)
    #expect(
      premature(
        request, "12 fdatasync(5</d/000004.log> <unfinished ...>",
        "12 <... fdatasync resumed>)            = 0", answer) == 0)
  }

  @Test func `an answer without a sync of its own is found`() {
    #expect(premature(sync, request, answer) == 1)
    #expect(premature(request, answer, sync) == 1)
    #expect(premature(request, "12 fdatasync(5</d/MANIFEST-1>) = 0", answer) == 1)
    #expect(premature(request, "12 fdatasync(5</d/000004.log>) = -1 EIO", answer) == 1)
    #expect(
      premature(
        "12 fdatasync(5</d/000004.log> <unfinished ...>", request,
        "12 <... fdatasync resumed>)            = 0", answer) == 1)
    #expect(
      premature(
        request, "12 fdatasync(5</d/000004.log> <unfinished ...>", answer,
        "12 <... fdatasync resumed>)            = 0") == 1)
  }
}
