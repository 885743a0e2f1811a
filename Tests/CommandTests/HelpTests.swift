import Bytes
import Foundation
import TestSupport
import Testing

@testable import jodrell

/// `--help`, docs/cli.md and the service say what the code does. Manual pages and completions are
/// made of `--help`, so that they are right when it is.
@Suite("Help")
struct HelpTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  @Test("a command's help lists the options that its code takes, and no others")
  func options() throws {
    for command in Command.allCases {
      let name = command.rawValue.capitalized
      let file =
        switch command {
        case .serve: "Serve/ServeOptions.swift"
        case .demo: "Demo/DemoCommand.swift"
        default: "Commands/\(name)Command.swift"
        }
      var code = try text("Sources/jodrell/\(file)")
      if code.contains("ClientOptions(") {
        code += try text("Sources/jodrell/Client/ClientOptions.swift")
      }
      let taken = Set(code.matches(of: #/"(--?[a-z][a-z-]*)"/#).map { String($0.1) })
      let listed = Set(command.help.matches(of: #/\n +(--?[a-z][a-z-]*)/#).map { String($0.1) })
      #expect(!taken.isEmpty, "\(command)")
      #expect(taken.symmetricDifference(listed).sorted() == [], "\(command)")
    }
  }

  @Test("the overview and docs/cli.md list every command")
  func commands() throws {
    let names = Set(Command.allCases.map(\.rawValue))
    let listed = HelpText.overview.matches(of: #/\n  jodrell ([a-z]+) /#).map { String($0.1) }
    #expect(Set(listed) == names)
    let page = try text("docs/cli.md").matches(of: #/\n\| \[`(\w+)`\]/#).map { String($0.1) }
    #expect(Set(page) == names)
  }

  @Test("the overview and docs/cli.md list every exit code")
  func exitCodes() throws {
    let codes = Set(ExitCode.allCases.map(\.rawValue))
    let paragraph = try #require(HelpText.overview.split(separator: "Exit codes:").last)
    let listed = paragraph.matches(of: #/(?:^|;)\s(\d+)\s/#).compactMap { Int32($0.1) }
    #expect(Set(listed) == codes)
    let page = try text("docs/cli.md").matches(of: #/\n\| (\d+) \|/#).compactMap { Int32($0.1) }
    #expect(Set(page) == codes)
  }

  @Test("help that cannot be written is a failure, also of serve", arguments: ["serve", "tail"])
  func lost(command: String) async throws {
    let full = try await ChildProgram.run(
      "/bin/sh", ["-c", #"exec "$0" "$@" > /dev/full"#, Program.jodrell, command, "--help"])
    #expect(full.code == 1)
    #expect(full.errors.contains("standard output: No space left on device"))
  }

  @Test("the service is not started again where that cannot help, and has the time to drain")
  func service() throws {
    let unit = try text("Sources/Debian/jodrell.service")
    let final = try #require(unit.firstMatch(of: #/\nRestartPreventExitStatus=(.+)/#)).1
    let hopeless: [ExitCode] = [
      .badSettings, .acknowledgedDataMissing, .newerStore, .damagedStore, .usage,
    ]
    #expect(final.split(separator: " ").map { Int32($0) } == hopeless.map(\.rawValue))
    let patience = try #require(unit.firstMatch(of: #/\nTimeoutStopSec=(\d+s)/#)).1
    let span = try #require(TimeSpan(parsing: ByteSlice(utf8: String(patience))))
    #expect(span > GatewayProcess.drainTime)
    let start = try #require(unit.firstMatch(of: #/\nExecStart=\/usr\/bin\/jodrell serve (.+)/#))
    let words = start.1.split(separator: " ").map(String.init)
    #expect(try ServeOptions(Arguments(words)).file == "/etc/jodrell/jodrell.yaml")
  }
}
