import Foundation
import Testing

@testable import jodrell

/// `jodrell schema` on files: exit codes and what it refuses to be asked.
@Suite("The schema command")
struct SchemaCommandTests {
  private let place = FileManager.default.temporaryDirectory
    .appending(path: "jodrell-schema-\(UUID().uuidString.prefix(8))")

  private func file(_ name: String, _ text: String) throws -> String {
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let url = place.appending(path: name)
    try Data(text.utf8).write(to: url)
    return url.path()
  }

  private func run(_ words: String...) -> ExitCode {
    do throws(CommandFault) {
      return try SchemaCommand.run(Arguments(words + ["--quiet"]))
    } catch {
      return error.code
    }
  }

  @Test("check tells good schemas from bad ones, and warnings from faults when asked to")
  func check() throws {
    defer { try? FileManager.default.removeItem(at: place) }
    let good = try file("good.json", #"{"type":"object"}"#)
    let odd = try file("odd.json", #"{"tpye":"object"}"#)
    let bad = try file("bad.json", #"{"type":"objekt"}"#)
    #expect(run("check", good, odd) == .done)
    #expect(run("check", good, odd, "--strict") == .failed)
    #expect(run("check", good, bad) == .failed)
    #expect(run("check", good + ".absent") == .failed)
    #expect(run("check", good, "--dialect", "draft-04") == .usage)
    #expect(run("check") == .usage)
    #expect(run("check", good, "--lines") == .usage)
    #expect(run("mend", good) == .usage)
    #expect(run() == .usage)
  }

  @Test("validate takes payloads one by one or line by line")
  func validate() throws {
    defer { try? FileManager.default.removeItem(at: place) }
    let schema = try file("s.json", #"{"required":["n"],"properties":{"n":{"format":"date"}}}"#)
    let good = try file("good.json", #"{"n":"2026-03-14"}"#)
    let bad = try file("bad.json", #"{"n":"yesterday"}"#)
    let lines = try file("lines.ndjson", "{\"n\":1}\n\n{\"n\":2}")
    #expect(run("validate", schema, good) == .done)
    #expect(run("validate", schema, good, bad) == .done)
    #expect(run("validate", schema, good, bad, "--formats", "assert") == .failed)
    #expect(run("validate", schema, lines) == .failed)
    #expect(run("validate", schema, lines, "--lines") == .done)
    #expect(run("validate", good + ".absent", good) == .failed)
    #expect(run("validate", schema, good, "--strict") == .usage)
    #expect(run("validate") == .usage)
  }
}
