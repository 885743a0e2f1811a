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
      let enumeration = try await Workplace.run(
        Workplace.programs.appending(path: "jodrell-crash-states"),
        ["run", recorder.path(), "\(Self.states)", "\(UInt64.random(in: 0..<1 << 32))"])
      #expect(enumeration.code == 0, "\(enumeration.output)\(enumeration.errors)")
      #expect(enumeration.output.contains("\(Self.states) crash states of"))
    }
  }
}
