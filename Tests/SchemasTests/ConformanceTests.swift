import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Schemas

/// The official JSON Schema test suite and real webhooks: every verdict right, or the schema
/// refused for a named reason, never a wrong verdict.
@Suite(.enabled(if: ConformanceData.isThere, "JODRELL_CONFORMANCE_DATA is not set"))
struct ConformanceTests {
  struct Tally: Equatable {
    var right = 0
    var wrong: [String] = []
    /// Tests whose schema was refused, by file and reason.
    var refused: [String: Int] = [:]
  }

  /// The suite's documents elsewhere, as far as their dialects are known.
  static let remotes: SchemaLibrary = {
    var library = SchemaLibrary()
    guard let root = ConformanceData.folder else { return library }
    let folder = root + "/json-schema-test-suite/remotes"
    let files = (FileManager.default.enumerator(atPath: folder)?.allObjects ?? [])
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }.sorted()
    for file in files {
      let dialect: SchemaDialect? = file.hasPrefix("draft7/") ? .draft07 : nil
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(file)") else { continue }
      try? library.add(
        ByteSlice(data), under: ["http://localhost:1234/" + file], dialect: dialect)
    }
    return library
  }()

  /// Runs one file of the suite.
  static func run(
    _ file: String, folder: String, dialect: SchemaDialect, formats: FormatMode,
    into tally: inout Tally
  ) throws {
    let root = try #require(ConformanceData.folder)
    let path = "\(root)/json-schema-test-suite/tests/\(folder)/\(file)"
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let scratch = SchemaScratch()
    for group in try JSONDocument(parsing: ByteSlice(data)).root.elements {
      let title = "\(folder)/\(file): \(group["description"]?.text ?? "")"
      let tests = try #require(group["tests"])
      let source = try #require(group["schema"]?.raw)
      let schema: CompiledSchema
      do throws(SchemaFault) {
        schema = try CompiledSchema.compile(
          source, dialect: dialect, formats: formats, library: remotes)
      } catch {
        switch error.reason {
        case .unresolvedReferences, .unknownDialect:
          tally.refused["\(file) \(error.reason.code)", default: 0] += tests.count
        default:
          tally.wrong.append("\(title): refused at \(error.pointer): \(error.reason.message)")
        }
        continue
      }
      for test in tests.elements {
        try scratch.parser.parse(try #require(test["data"]?.raw))
        let expected: CheckResult = test["valid"]?.bool == true ? .valid : .invalid
        let result = schema.accepts(scratch.parser, scratch)
        if result == expected {
          tally.right += 1
        } else {
          tally.wrong.append("\(title) / \(test["description"]?.text ?? ""): \(result)")
        }
        if result == .invalid {
          let explanation = schema.explain(scratch.parser, scratch)
          if explanation.violations.contains(where: { $0.code == "schema" }) {
            tally.wrong.append("\(title) / \(test["description"]?.text ?? ""): unexplained")
          }
        }
      }
    }
  }

  static func files(in folder: String) throws -> [String] {
    let root = try #require(ConformanceData.folder)
    let path = "\(root)/json-schema-test-suite/tests/\(folder)"
    return try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(".json") }.sorted()
  }

  @Test(arguments: SchemaDialect.allCases)
  func `every required test is right`(dialect: SchemaDialect) throws {
    let folder = dialect == .draft07 ? "draft7" : "draft2020-12"
    var tally = Tally()
    for file in try Self.files(in: folder) {
      try Self.run(file, folder: folder, dialect: dialect, formats: .annotate, into: &tally)
    }
    #expect(tally.wrong == [])
    #expect(tally.refused == [:])
    #expect(tally.right == (dialect == .draft07 ? 927 : 1299))
  }

  @Test(arguments: SchemaDialect.allCases)
  func `formats and optional files`(dialect: SchemaDialect) throws {
    let folder = dialect == .draft07 ? "draft7" : "draft2020-12"
    var tally = Tally()
    for format in StringFormat.allCases where dialect != .draft07 || format != .uuid {
      try Self.run(
        format.name + ".json", folder: folder + "/optional/format", dialect: dialect,
        formats: .assert, into: &tally)
    }
    var optional = [
      "bignum.json", "ecmascript-regex.json", "float-overflow.json", "id.json",
      "non-bmp-regex.json", "unknownKeyword.json",
    ]
    if dialect == .draft202012 {
      optional += [
        "anchor.json", "dependencies-compatibility.json", "no-schema.json",
        "refOfUnknownKeyword.json",
      ]
    }
    for file in optional {
      try Self.run(
        file, folder: folder + "/optional", dialect: dialect, formats: .annotate, into: &tally)
    }
    #expect(tally.wrong == [])
    #expect(tally.refused == [:])
    #expect(tally.right == (dialect == .draft07 ? 444 : 528))
  }

  @Test func `real webhooks keep their schemas, but for the two that do not`() throws {
    let root = try #require(ConformanceData.folder) + "/github-webhooks"
    let scratch = SchemaScratch()
    var refused: [String] = []
    var payloads = 0
    let types = try FileManager.default.contentsOfDirectory(atPath: root + "/topic-schemas")
    #expect(types.count == 36)
    for name in types {
      let schema = try CompiledSchema.compile(
        ByteSlice(Data(contentsOf: URL(fileURLWithPath: "\(root)/topic-schemas/\(name)"))))
      let type = String(name.dropLast(".schema.json".count))
      let folder = "\(root)/payloads/\(type)"
      guard FileManager.default.fileExists(atPath: folder) else { continue }
      for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
        payloads += 1
        try scratch.parser.parse(
          ByteSlice(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))))
        guard schema.accepts(scratch.parser, scratch) != .valid else { continue }
        refused.append("\(type)/\(file)")
        let explanation = schema.explain(scratch.parser, scratch)
        #expect(explanation.violations.first?.pointer.hasPrefix("/") == true)
      }
    }
    #expect(payloads == 178)
    #expect(
      refused.sorted() == [
        "check_run/rerequested.payload.json",
        "check_run/rerequested.with-organization.payload.json",
      ])
  }
}
