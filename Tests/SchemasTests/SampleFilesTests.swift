import Bytes
import Foundation
import Testing

@testable import Schemas

/// The schemas and events that come with the product, in `schemas`.
@Suite struct SampleFilesTests {
  private static let folder = URL(
    filePath: #filePath.replacing("Tests/SchemasTests/SampleFilesTests.swift", with: "schemas"))

  private func schema(_ name: String) throws -> CompiledSchema {
    let file = Self.folder.appending(path: "public/default/\(name).schema.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    return try CompiledSchema.compile(ByteSlice(utf8: text))
  }

  private func event(_ name: String) throws -> String {
    try String(contentsOf: Self.folder.appending(path: "examples/\(name).json"), encoding: .utf8)
  }

  @Test(arguments: ["customers", "orders", "payments", "telemetry"])
  func `a sample takes its good event and refuses its bad one`(_ name: String) throws {
    let schema = try schema(name)
    #expect(try Sample.check(event("\(name).valid"), schema) == .valid)
    #expect(try Sample.check(event("\(name).bad"), schema) == .invalid)
  }

  @Test func `an order without a status is not taken for one that was cancelled`() throws {
    let schema = try schema("orders")
    #expect(SchemaLint.findings(in: schema).map(\.pointer) == [])
    let found = try Sample.explain(#"{"orderId":"ord_7f3k9q2m4x"}"#, schema)
    #expect(
      found.violations.map(\.pointer) == ["/status", "/placedAt", "/customer", "/items", "/total"])
    let good = try event("orders.valid")
    for (status, isGood) in [("shipped", true), ("cancelled", false)] {
      let order = good.replacing("\"placed\"", with: "\"\(status)\"")
      #expect(try Sample.check(order, schema) == (isGood ? .valid : .invalid))
    }
  }
}
