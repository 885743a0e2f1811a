import Testing

/// A rule that finds nothing may be a rule that looks at nothing: each is shown something wrong.
@Suite("The rules find what they are for")
struct RulesTests {
  private let table = ImportTable(
    page: """
      # Page

      ## The rooms

      | Room | Duty | May import |
      |---|---|---|
      | `Bytes` | bytes | nothing |
      | `Events` | the envelope | Bytes, JSONText |
      | `Network` | sockets | Bytes |

      ## Threads

      | `loop` | one | Bytes |
      """)

  private func file(_ path: String, _ text: String) -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test func `comments and literals are not code`() {
    let text = ##"""
      let a = "try! // \"x" // fatalError(
      /* one /* two */ still */ let b = 1
      let c = """
        DispatchQueue
        """
      let d = #"a " b"# + e
      """##
    #expect(
      file("Sources/Bytes/A.swift", text).code
        == ["let a = \"\" ", " let b = 1", "let c = \"", "", "\"", "let d = \"\" + e"])
  }

  @Test(arguments: [
    ("Sources/Bytes/A.swift", "import Events"), ("Sources/Events/A.swift", "import Foundation"),
    ("Sources/Events/A.swift", "package import Network"), ("Sources/Bytes/A.swift", "import Glibc"),
    ("Sources/Network/A.swift", "@preconcurrency import CRocksDB"),
    ("Sources/Network/A.swift", "import CLinux"), ("Sources/Nowhere/A.swift", "import Bytes"),
  ])
  func `an import that the table does not allow`(path: String, text: String) {
    #expect(Rules.imports(file(path, text), table: table).map(\.line) == [1])
  }

  @Test(arguments: [
    ("Sources/Events/A.swift", "package import Bytes"),
    ("Sources/Network/A.swift", "private import CLinux"),
    ("Tests/BytesTests/A.swift", "@testable import Bytes"),
  ])
  func `an import that it allows`(path: String, text: String) {
    #expect(Rules.imports(file(path, text), table: table) == [])
  }

  @Test(arguments: [
    "let q = DispatchQueue.main", "try! f()", "fatalError(\"x\")", "print(1)", "a as! B",
    "struct TopicManager {}", "enum StringUtil {}", "Task { await f() }", "Task.detached { }",
    "Task(executorPreference: x) { }", "async let a = f()", "Int.random(in: 0..<3)", "Date()",
  ])
  func `a word with a better replacement`(text: String) {
    #expect(Rules.words(file("Sources/Events/A.swift", text)).count == 1)
  }

  @Test(arguments: [
    "group.addTask { }", "let task: Task<Void, Never>", "// print(1)", "fingerprint(a)",
    "withTaskGroup { }",
  ])
  func `a word that only looks like one`(text: String) {
    #expect(Rules.words(file("Sources/Events/A.swift", text)) == [])
  }

  @Test func `a file, a line and a function too long`() {
    let long = String(repeating: "let a = 1\n", count: 401)
    #expect(Rules.shape(file("Sources/Bytes/A.swift", long)).map(\.line) == [400])
    let wide = "// " + String(repeating: "x", count: 98)
    #expect(Rules.shape(file("Sources/Bytes/A.swift", wide)).map(\.line) == [1])
    let body = String(repeating: "    f()\n", count: 69)
    let function = "struct A {\n  package static func f(\n    a: Int\n  ) {\n\(body)  }\n}\n"
    #expect(Rules.shape(file("Sources/Bytes/A.swift", function)).map(\.line) == [2])
    #expect(Rules.functions(of: file("Sources/Bytes/A.swift", function)).map(\.length) == [73])
  }

  @Test(arguments: [
    "final class A: @unchecked Sendable {}", "unsafe p.pointee = 1",
    "nonisolated(unsafe) var a = 1",
  ])
  func `a promise without its argument`(text: String) {
    #expect(Rules.safety(file("Sources/Bytes/A.swift", text)).count == 1)
    #expect(Rules.safety(file("Sources/Bytes/A.swift", "// SAFETY: x\n" + text)) == [])
  }

  @Test(arguments: [
    "see /home/me/notes", "// TODO: later", "fixes issue 12", "as in issue #3", "a stand-in",
  ])
  func `a trace of the workplace`(text: String) {
    #expect(Rules.traces(path: "a", lines: [text]).count == 1)
  }

  @Test(arguments: ["the events `milestone` and `label`", "mktemp -d /tmp/x.XXXXXX", "issue it"])
  func `what only looks like a trace`(text: String) {
    #expect(Rules.traces(path: "a", lines: [text]) == [])
  }

  @Test func `the manifest's rooms are read with and without imports`() {
    let manifest = """

          room("Network", ["HTTPWire", "CLinux"]),
          room(
            "Gateway",
            [
              "Bytes", "JSONText",
            ]),
          room("Bytes"),
          .executableTarget(
            name: "jodrell",
            dependencies: ["Network"],
      """
    #expect(
      ImportTable.ofManifest(manifest) == [
        "Network": ["HTTPWire", "CLinux"], "Gateway": ["Bytes", "JSONText"], "Bytes": [],
        "jodrell": ["Network"],
      ])
  }
}
