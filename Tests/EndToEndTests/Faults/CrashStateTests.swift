import Foundation
import Testing

/// Every disk that a power cut could leave: recorded, made and opened by `jodrell-crash-states`.
extension EndToEnd {
  @Suite struct CrashStates {
    /// `JODRELL_CRASH_STATES` says otherwise.
    private static let states =
      ProcessInfo.processInfo.environment["JODRELL_CRASH_STATES"].flatMap { Int($0) } ?? 200

    @Test(.timeLimit(.minutes(15)))
    func `whatever a crash leaves opens, with everything acknowledged`() async throws {
      let recorder = try await Workplace.library(from: "Tests/CrashStates/record.c")
      let program = Workplace.programs.appending(path: "jodrell-crash-states")
      // In halves, each of a workload of its own, since each takes one processor.
      let (half, seed) = (Self.states / 2, UInt64.random(in: 0..<1 << 32))
      func enumerate(_ seed: UInt64) async throws {
        let found = try await Workplace.run(
          program, ["run", recorder.path(), "\(half)", "\(seed)"])
        #expect(found.code == 0, "\(found.output)\(found.errors)")
        #expect(found.output.contains("\(half) crash states of"))
      }
      async let one: Void = enumerate(seed)
      async let other: Void = enumerate(seed + 1 << 32)
      _ = try await (one, other)
    }
  }
}
