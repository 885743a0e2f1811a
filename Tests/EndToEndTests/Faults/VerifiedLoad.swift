import Bytes
import Foundation
import JSONText
import TestSupport
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
  private let load: ChildProgram
  private let common: [String]

  /// Starts to publish; ends by itself after `seconds`.
  init(on gateway: GatewayChild, seconds: Int, connections: Int = 8) async throws {
    let place = try Workplace.directory("journal")
    let common = [
      "--url", await gateway.url, "--topic", "public/default/verified", "--token",
      try await gateway.token(), "--journal", place.appending(path: "journal").path(),
    ]
    let load = try ChildProgram(
      Workplace.bench.path(),
      ["verify", "run"] + common
        + [
          "--connections", "\(connections)", "--duration", "\(seconds)s", "--through-restarts",
          "--patience", "60s", "--no-check", "--quiet",
        ], errors: place.appending(path: "errors"))
    (self.place, self.common, self.load) = (place, common, load)
  }

  deinit {
    load.signal(SIGTERM)
    try? FileManager.default.removeItem(at: place)
  }

  /// Waits until it has ended and compares: nothing acknowledged may be missing, changed, doubled
  /// or out of order.
  func verdict() async throws -> Verdict {
    let code = try await load.ended()
    let told = try String(contentsOf: place.appending(path: "errors"), encoding: .utf8)
    #expect(code == 0, "\(told)")
    let check = try await Workplace.run(
      Workplace.bench, ["verify", "check", "--json", "--quiet"] + common)
    let found = try? JSONDocument(parsing: ByteSlice(utf8: check.output)).root
    return Verdict(
      code: check.code, acknowledged: Int(found?["acknowledged"]?.integer ?? 0),
      text: check.output + check.errors)
  }
}
