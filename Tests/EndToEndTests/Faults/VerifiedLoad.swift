import Bytes
import Foundation
import JSONText
import Testing

/// Publishers that write down every answer, and the comparison of the log with what they wrote:
/// `jodrell-bench verify` on one topic of one gateway.
struct VerifiedLoad: ~Copyable {
  /// What the comparison found.
  struct Verdict: Sendable {
    let code: Int32
    let acknowledged: Int
    let text: String
  }

  private let place: URL
  private let process: Process
  private let common: [String]

  /// Starts to publish; ends by itself after `seconds`.
  init(on gateway: GatewayChild, seconds: Int, connections: Int = 8) async throws {
    let place = try Workplace.directory("journal")
    let common = [
      "--url", await gateway.url, "--topic", "public/default/verified", "--token",
      try await gateway.token(), "--journal", place.appending(path: "journal").path(),
    ]
    let process = Process()
    process.executableURL = Workplace.bench
    process.arguments =
      ["verify", "run"] + common
      + [
        "--connections", "\(connections)", "--duration", "\(seconds)s", "--through-restarts",
        "--patience", "60s", "--no-check", "--quiet",
      ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try Workplace.handle(place.appending(path: "errors"))
    try process.run()
    (self.place, self.common, self.process) = (place, common, process)
  }

  deinit {
    if process.isRunning { process.terminate() }
    try? FileManager.default.removeItem(at: place)
  }

  /// Waits until it has ended and compares: nothing acknowledged may be missing, changed, doubled
  /// or out of order.
  func verdict() async throws -> Verdict {
    while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
    let told = try String(contentsOf: place.appending(path: "errors"), encoding: .utf8)
    #expect(process.terminationStatus == 0, "\(told)")
    let check = try await Workplace.run(
      Workplace.bench, ["verify", "check", "--json", "--quiet"] + common)
    let found = try? JSONDocument(parsing: ByteSlice(utf8: check.output)).root
    return Verdict(
      code: check.code, acknowledged: Int(found?["acknowledged"]?.integer ?? 0),
      text: check.output + check.errors)
  }
}
