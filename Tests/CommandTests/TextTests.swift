import Bytes
import Foundation
import RocksStore
import Testing

@testable import jodrell

@Suite("What commands write")
struct TextTests {
  @Test("a table's columns are as wide as their widest cell, and no cell moves the cursor")
  func table() {
    var table = Table([("name", .left), ("n", .right), ("", .left)])
    table.add(["a", "10", "x"])
    table.add(["long\u{1B}[2J", "7", ""])
    let expected = """
      name            n
      a              10  x
      long\\u{1b}[2J   7

      """
    #expect(table.text(Ink(isOn: false)) == expected)
  }

  @Test(
    "JSON becomes one line; strings stay",
    arguments: [
      ("{\n  \"a b\" : [ 1,\r\n\t2 ]\n}", "{\"a b\":[1,2]}"),
      (#"{"quote\" ": " \\" }"#, #"{"quote\" ":" \\"}"#), (" 1\n", "1"),
    ])
  func compact(_ json: String, _ expected: String) {
    #expect(compactText(of: ByteSlice(utf8: json)) == expected)
  }

  @Test("a refusal is told with its faults and their places")
  func problem() {
    let body = ByteSlice(
      utf8: #"{"title":"Schema violation","status":422,"detail":"2 problems","errors":["#
        + #"{"pointer":"/total","message":"is required"},"#
        + #"{"pointer":"/totals","message":"is not known","suggestion":"total"}]}"#)
    let problem = ProblemText(status: 422, body: body)
    #expect(problem.summary == "422 Schema violation: 2 problems")
    #expect(
      problem.faults == [
        "/total is required", "/totals is not known (did you mean 'total'?)",
      ])
    #expect(ProblemText(status: 502, body: ByteSlice(utf8: "<html>")).summary == "502")
  }

  @Test("numbers are as long as they mean something")
  func figures() {
    #expect(
      [0.0612, 1.2345, 13.07, 204.4].map(\.milliseconds)
        == ["0.061 ms", "1.23 ms", "13.1 ms", "204 ms"])
    #expect(
      [0, 1023, 1536, 5 << 20, 3 << 40].map(Figures.bytes)
        == ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3072.0 GiB"])
  }

  @Test("help fits a terminal, and every command has an example and a chapter in docs/cli.md")
  func help() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/cli.md"), encoding: .utf8)
    for command in Command.allCases {
      #expect(command.help.contains("Example"), "\(command)")
      #expect(command.help.split(separator: "\n").allSatisfy { $0.count <= 100 }, "\(command)")
      #expect(HelpText.overview.contains("jodrell \(command.rawValue)"), "\(command)")
      #expect(page.contains("\n## \(command.rawValue)\n"), "\(command)")
    }
  }

  @Test("docs/cli.md lists every exit code, and faults of the store have the promised ones")
  func exitCodes() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "docs/cli.md"), encoding: .utf8)
    for code in ExitCode.allCases { #expect(page.contains("\n| \(code.rawValue) | ")) }
    let faults: [(StoreFault, ExitCode)] = [
      (.alreadyOpen(path: "p"), .storeInUse),
      (.acknowledgedDataMissing(recovered: 1, acknowledged: 2), .acknowledgedDataMissing),
      (.acknowledgementsUnreadable(recovered: 1), .acknowledgedDataMissing),
      (
        .tablesMissing(commit: 1, events: 2, found: 1, isCatalogueWhole: true),
        .acknowledgedDataMissing
      ),
      (.newerFormat(needed: 2, supported: 1), .newerStore), (.corruptFile("x"), .damagedStore),
      (.noSpace("x"), .storeUnavailable), (.noStore(path: "p"), .storeUnavailable),
    ]
    for (fault, code) in faults { #expect(CommandFault(fault, data: "d").code == code) }
    let missing = CommandFault(
      .acknowledgedDataMissing(recovered: 41, acknowledged: 42), data: "d")
    #expect(missing.message.contains("--accept-loss 41"))
  }
}
