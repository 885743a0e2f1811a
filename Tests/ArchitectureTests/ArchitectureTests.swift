import Foundation
import Testing

/// The house keeps its own rules: docs/architecture.md is the table, this is the inspection.
@Suite("Architecture")
struct ArchitectureTests {
  let house: House
  let table: ImportTable

  init() throws {
    house = try House.here.get()
    table = ImportTable(page: try house.text("docs/architecture.md"))
  }

  private func expectNone(_ findings: [Finding], _ place: SourceLocation = #_sourceLocation) {
    let list = findings.map(\.description).joined(separator: "\n")
    #expect(findings.isEmpty, "\(findings.count) findings\n\(list)", sourceLocation: place)
  }

  @Test("every room is in the table, and the table has only rooms that exist")
  func rooms() throws {
    let sources = house.root.appending(path: "Sources").resolvingSymlinksInPath()
    let folders = try FileManager.default.contentsOfDirectory(
      at: sources, includingPropertiesForKeys: [.isDirectoryKey]
    ).filter { $0.hasDirectoryPath }.map(\.lastPathComponent)
    let listed = Set(table.rooms.keys).subtracting(["bench"])
    #expect(listed == Set(folders).subtracting(["Foreign", "Debian"]))
  }

  @Test("Package.swift declares what the table allows, no less and no more")
  func manifest() throws {
    var declared = ImportTable.ofManifest(try house.text("Package.swift"))
    declared["bench"] = declared.removeValue(forKey: "jodrell-bench")
    declared["jodrell-fuzz"] = nil
    declared["jodrell-crash-states"] = nil
    declared["jodrell-schema-driver"] = nil
    declared["jodrell-token-driver"] = nil
    for (room, imports) in declared.sorted(by: { $0.key < $1.key }) {
      #expect(table.rooms[room] == imports, "\(room)")
    }
    #expect(declared.count == table.rooms.count)
  }

  @Test("Sources/README.md tours the rooms in the order of Package.swift")
  func tour() throws {
    let page = try house.text("Sources/README.md")
    let toured = page.matches(of: #/\n\| `(\w+)` \|/#).map { String($0.1) }
    let manifest = try house.text("Package.swift")
    let built = manifest.matches(of: #/\n    room\(\s*"(\w+)"/#).map { String($0.1) }
    #expect(toured == built + ["jodrell"])
  }

  @Test("rooms import only what the table allows; C libraries and Foundation stay at home")
  func imports() { expectNone(house.files.flatMap { Rules.imports($0, table: table) }) }

  @Test("words that have a better replacement are not used")
  func words() { expectNone(house.files.flatMap(Rules.words)) }

  @Test("files, lines and functions fit on a page")
  func shape() { expectNone(house.files.flatMap(Rules.shape)) }

  @Test("what the compiler takes on trust carries its argument")
  func safety() {
    expectNone(house.files.filter { $0.room != "Tests" }.flatMap(Rules.safety))
  }

  @Test("code and pages say what is, not how it came about")
  func traces() throws {
    var findings = house.files.filter { !$0.path.hasPrefix("Tests/ArchitectureTests/") }
      .flatMap { Rules.traces(path: $0.path, lines: $0.lines) }
    // Pages, scripts, C, what packages hold. What fuzzers begin with is data, and mostly no text.
    let others = try house.belongings().filter {
      !$0.hasSuffix(".swift") && !$0.hasPrefix("Tests/Fuzz/corpus/")
    }
    var read: Set<String> = []
    for path in others {
      // Removed and not committed yet, or no text.
      guard let text = try? house.text(path) else { continue }
      read.insert(path)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      findings += Rules.traces(path: path, lines: lines.map(String.init))
    }
    expectNone(findings)
    #expect(
      read.isSuperset(of: [
        "Makefile", "README.md", "CHANGELOG.md", "docs/audit.md", "bench/RESULTS.md",
        "bench/figures.sh", "bench/hostile/flood.py", "Sources/Debian/walk",
        "Tests/Faults/inject.c",
      ]))
  }

  /// What is kept, that is: a person's editor and experiments may leave what they like beside it.
  @Test("the top level holds what it should, and nothing else")
  func topLevel() throws {
    let allowed: Set = [
      "Package.swift", "Sources", "Tests", "schemas", "bench", "docs", "README.md", "CHANGELOG.md",
      "LICENSE", "Makefile", ".ci", ".swift-format", ".gitignore",
    ]
    let found = Set(
      try house.belongings().map { path in String(path.prefix { $0 != "/" }) })
    let strange = found.subtracting(allowed).sorted()
    #expect(strange == [])
    #expect(found.contains("Package.swift"))
  }

  @Test("links between pages lead somewhere")
  func links() throws {
    let pages =
      try House.paths(under: house.root.appending(path: "docs"), ending: "md").map { "docs/\($0)" }
      + ["README.md", "CHANGELOG.md", "Sources/README.md", "bench/README.md"]
    for page in pages {
      let folder = house.root.appending(path: page).deletingLastPathComponent()
      let link = #/\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)/#
      for link in try house.text(page).matches(of: link) {
        let target = folder.appending(path: String(link.1)).standardizedFileURL.path()
        #expect(FileManager.default.fileExists(atPath: target), "\(page) → \(link.1)")
      }
    }
  }
}
