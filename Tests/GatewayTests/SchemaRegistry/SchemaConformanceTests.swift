import Bytes
import Foundation
import JSONText
import TestSupport
import Testing

/// The official JSON Schema test suite over HTTP: each schema is put on a topic of its own, each
/// instance validated there. Documents that the suite refers to are stored as schema documents.
@Suite(.enabled(if: ConformanceData.isThere, "JODRELL_CONFORMANCE_DATA is not set"))
struct SchemaConformanceTests {
  private struct Tally {
    var right = 0
    var wrong: [String] = []
    /// Tests whose schema refers to a document that is not stored.
    var unresolved = 0
    var topics = 0
  }

  private static let suite = (ConformanceData.folder ?? "") + "/json-schema-test-suite"

  private static func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(suite)/tests/\(folder)")
      .filter { $0.hasSuffix(".json") }.sorted().map { "\(folder)/\($0)" }
  }

  private static func run(
    _ file: String, version: String, formats: String, _ gateway: TestGateway, _ token: String,
    into tally: inout Tally
  ) async throws {
    let data = try ConformanceData.file("json-schema-test-suite/tests/" + file)
    let type = ["Content-Type": "application/schema+json;version=\(version);formats=\(formats)"]
    for group in try JSONDocument(parsing: ByteSlice(data)).root.elements {
      tally.topics += 1
      let topic = "/v1/topics/acme/shop/\(version)-\(tally.topics)"
      let tests = try #require(group["tests"])
      let schema = try #require(group["schema"]?.raw.text)
      let title = "\(file): \(group["description"]?.text ?? "")"
      let put = try await gateway.send("PUT", topic + "/schema", token: token, type, schema)
      guard put.status == 201 else {
        let unresolved = ["schema_reference_unresolved", "schema_dialect_unknown"]
        if unresolved.contains(where: { put.body.contains($0) }) {
          tally.unresolved += tests.count
        } else {
          tally.wrong.append("\(title): \(put.status) \(put.body)")
        }
        continue
      }
      for test in tests.elements {
        let answer = try await gateway.send(
          "POST", topic + "/schema/validate", token: token,
          ["Content-Type": "application/json"], try #require(test["data"]?.raw.text))
        if answer.status == 200, try answer.json["valid"] as? Bool == test["valid"]?.bool {
          tally.right += 1
        } else {
          tally.wrong.append("\(title) / \(test["description"]?.text ?? ""): \(answer.body)")
        }
      }
    }
  }

  /// Stores the suite's documents; false where the gateway takes none.
  private static func storeRemotes(
    _ version: String, _ gateway: TestGateway, _ token: String
  ) async throws -> Bool {
    let folder = suite + "/remotes"
    let all = (FileManager.default.enumerator(atPath: folder)?.allObjects ?? [])
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }.sorted()
    for file in all {
      let own = file.hasPrefix("draft7/") ? "draft-07" : version
      let text = try ConformanceData.file("json-schema-test-suite/remotes/" + file)
      let put = try await gateway.send(
        "PUT", "/v1/schemas/acme/shop/\(file)?uri=http://localhost:1234/\(file)", token: token,
        ["Content-Type": "application/schema+json;version=\(own)"],
        String(decoding: text, as: UTF8.self))
      if put.status == 501 { return false }
    }
    return true
  }

  @Test(arguments: [("draft7", "draft-07"), ("draft2020-12", "2020-12")])
  func `every test over HTTP`(folder: String, version: String) async throws {
    let gateway = try TestGateway()
    let token = try TestGateway.token()
    let hasDocuments = try await Self.storeRemotes(version, gateway, token)
    var tally = Tally()
    for file in try Self.files(in: folder) {
      try await Self.run(
        file, version: version, formats: "annotate", gateway, token, into: &tally)
    }
    for file in try Self.files(in: folder + "/optional") {
      let formats = file.contains("content") || file.contains("format") ? "assert" : "annotate"
      try await Self.run(
        file, version: version, formats: formats, gateway, token, into: &tally)
    }
    for file in try Self.files(in: folder + "/optional/format") {
      try await Self.run(
        file, version: version, formats: "assert", gateway, token, into: &tally)
    }
    #expect(tally.wrong == [])
    // What refers to 2019-09; without stored documents all that refers to any.
    let otherEditions = folder == "draft7" ? 2 : 1
    #expect(hasDocuments ? tally.unresolved == otherEditions : tally.unresolved < 60)
    let tests = folder == "draft7" ? 927 + 118 + 676 : 1299 + 162 + 764
    #expect(tally.right + tally.unresolved == tests)
  }
}
