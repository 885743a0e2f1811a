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
    return url.path(percentEncoded: false)
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

  @Test("files that end in .avsc are Avro record definitions")
  func definitions() throws {
    defer { try? FileManager.default.removeItem(at: place) }
    func definition(_ name: String, _ fields: String) throws -> String {
      try file(name, #"{"type":"record","name":"R","fields":[\#(fields)]}"#)
    }
    let old = try definition("old.avsc", #"{"name":"id","type":"int"}"#)
    let new = try definition("new.avsc", #"{"name":"id","type":"long"}"#)
    let good = try file("good.json", #"{"id":3000000000}"#)
    #expect(run("check", old, new, "--strict") == .done)
    #expect(run("check", try definition("bad.avsc", #"{"name":"id"}"#)) == .failed)
    #expect(run("validate", new, good) == .done)
    #expect(run("validate", old, good) == .failed)
    #expect(run("diff", old, new) == .done)
    #expect(run("diff", old, new, "--level", "FULL") == .failed)
  }

  @Test("--json --quiet prints what is wrong, and nothing of what is good")
  func quiet() async throws {
    defer { try? FileManager.default.removeItem(at: place) }
    let good = try file("good.json", #"{"type":"object"}"#)
    let odd = try file("odd.json", #"{"tpye":"object"}"#)
    let bad = try file("bad.json", #"{"type":"objekt"}"#)
    let narrower = try file("narrower.json", #"{"type":"object","required":["n"]}"#)
    let list = try file("list.json", "[]")
    for words in [["check", good], ["diff", good, good], ["validate", good, odd]] {
      let told = try await Program.run(["schema"] + words + ["--json"])
      #expect(told.code == 0 && !told.output.isEmpty, "\(words)")
      let quiet = try await Program.run(["schema"] + words + ["--json", "--quiet"])
      #expect(quiet.code == 0 && quiet.output.isEmpty, "\(words): \(quiet.output)")
    }
    for (words, lines) in [
      (["check", good, odd, bad], 2), (["diff", good, narrower], 1), (["validate", good, list], 2),
    ] {
      let quiet = try await Program.run(["schema"] + words + ["--json", "--quiet"])
      #expect(quiet.code == 1, "\(words)")
      #expect(quiet.output.split(separator: "\n").count == lines, "\(quiet.output)")
    }
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

  @Test("schemas find other files by path and by identifier, only where they are named")
  func references() throws {
    defer { try? FileManager.default.removeItem(at: place) }
    let shared = try file("money one.json", #"{"type":"number"}"#)
    let named = try file("named.json", #"{"$id":"https://example.org/n","minimum":0}"#)
    let schema = try file(
      "s.json",
      #"{"allOf":[{"$ref":"money%20one.json"},{"$ref":"https://example.org/n"}]}"#)
    let good = try file("good", "1")
    let bad = try file("bad", "-1")
    #expect(run("check", schema) == .failed)
    #expect(run("check", schema, "--ref", shared) == .failed)
    #expect(run("check", schema, "--ref", "\(shared),\(named)") == .done)
    #expect(run("validate", schema, good, "--ref", place.path()) == .done)
    #expect(run("validate", schema, bad, "--ref", place.path()) == .failed)
    #expect(run("check", schema, "--ref", shared + ".absent") == .failed)
  }

  @Test("diff decides as registration does")
  func diff() throws {
    defer { try? FileManager.default.removeItem(at: place) }
    let first = try file("1.json", #"{"properties":{"n":{"type":"integer"}}}"#)
    let wider = try file("2.json", #"{"properties":{"n":{"type":"number"}}}"#)
    let narrower = try file("3.json", #"{"properties":{"n":{"type":"integer","minimum":0}}}"#)
    #expect(run("diff", first, wider) == .done)
    #expect(run("diff", first, first) == .done)
    #expect(run("diff", first, narrower) == .failed)
    #expect(run("diff", first, narrower, "--level", "FORWARD") == .done)
    #expect(run("diff", first, wider, narrower, "--level", "NONE") == .done)
    #expect(run("diff", first, wider, "--level", "ALWAYS_INCOMPATIBLE") == .failed)
    #expect(run("diff", first, wider, "--level", "SIDEWAYS") == .usage)
    #expect(run("diff", first, wider, "--policy", "lax") == .usage)
    #expect(run("diff", first) == .usage)
    #expect(run("check", first, "--level", "FULL") == .usage)
  }
}
