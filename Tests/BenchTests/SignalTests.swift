import Bytes
import Foundation
import Glibc
import JSONText
import Synchronization
import TestSupport
import Testing

/// The program itself: a signal to the process of the tests would end all their runs.
@Suite("Signals", .serialized)
struct SignalTests {
  private static let program = BuiltPrograms.folder.appending(path: "jodrell-bench").path()

  /// Runs the program, and ends it when `body` has not.
  ///
  /// - Parameter ignoresHangup: whether SIGHUP is ignored where it starts, as `nohup` does it.
  /// - Returns: what it has printed.
  private func withProgram(
    _ words: [String], ignoresHangup: Bool = false, _ body: (ChildProgram) async throws -> Void
  ) async throws -> String {
    let output = FileManager.default.temporaryDirectory
      .appending(path: "jodrell-signal-\(UInt64.random(in: 0...UInt64.max))")
    defer { try? FileManager.default.removeItem(at: output) }
    let setting = ignoresHangup ? "--ignore-signal=HUP" : "--default-signal=HUP"
    let child = try ChildProgram("env", [setting, Self.program] + words, output: output)
    defer { child.signal(SIGKILL) }
    try await body(child)
    return try String(contentsOf: output, encoding: .utf8)
  }

  /// Waits until it holds; a program that has ended before is a failure.
  private func waits(for child: ChildProgram, until holds: () -> Bool) async throws {
    while !holds() {
      try #require(child.isRunning)
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test("workers that are told to end remove their subscription and report; nohup keeps them up")
  func ends() async throws {
    let words = [
      "workers", "--topic", "a/b/c", "--workers", "2", "--publish-rate", "200", "--duration", "10m",
      "--quiet", "--json",
    ]
    try await ToyGateway.running { url, log in
      let report = try await withProgram(words + ["--url", url], ignoresHangup: true) { child in
        try await waits(for: child) { log.handedOut.load(ordering: .relaxed) > 20 }
        child.signal(SIGHUP)
        // Beyond what could be under way when that came.
        let far = log.handedOut.load(ordering: .relaxed) + 200
        try await waits(for: child) { log.handedOut.load(ordering: .relaxed) > far }
        child.signal(SIGTERM)
        let code = try await child.ended()
        #expect(code < 128)
      }
      #expect(log.removals.load(ordering: .relaxed) == 1)
      let told = try JSONDocument(parsing: ByteSlice(utf8: report)).root
      #expect(told["acknowledged"]?.integer.map { $0 > 0 } == true, "\(report)")
    }
  }

  @Test("a hangup ends a run as the others do where nobody wants it ignored")
  func hangup() async throws {
    let words = ["publish", "--topic", "a/b/c", "--rate", "50", "--duration", "10m", "--quiet"]
    try await ToyGateway.running { url, log in
      let report = try await withProgram(words + ["--json", "--url", url]) { child in
        try await waits(for: child) { log.count > 5 }
        child.signal(SIGHUP)
        let code = try await child.ended()
        #expect(code < 128)
      }
      #expect(report.contains("requests"))
    }
  }

  @Test("another signal ends the process at once")
  func second() async throws {
    let words = ["publish", "--topic", "a/b/c", "--connections", "1", "--duration", "10m"]
    try await ToyGateway.running(.neverAnswersFromSeventh) { url, log in
      _ = try await withProgram(words + ["--quiet", "--url", url]) { child in
        // Its answer does not come, and is waited for when the run is over.
        try await waits(for: child) { log.isHolding.load(ordering: .relaxed) }
        while child.isRunning {
          // Two that come together are one.
          child.signal(SIGINT)
          try await Task.sleep(for: .milliseconds(20))
        }
        #expect(child.exitCode == 128 + SIGINT)
      }
    }
  }
}
