import Bytes
import Testing

@testable import Schemas

/// Pointers and URIs hold all names on their way: a long name must not come to stand in thousands.
@Suite struct AddressBudgetTests {
  private static let long = String(repeating: "n", count: 50_000)

  static let hostile: [String] = {
    let numbers = (0..<1_000).map { String($0) }
    let members = numbers.map { "\"a\($0)\":{}" }.joined(separator: ",")
    let references = numbers.map { "\"a\($0)\":{\"$ref\":\"#/$defs/a\"}" }
      .joined(separator: ",")
    let parts = numbers.map { "\"a\($0)\":{\"$id\":\"a\($0)\"}" }.joined(separator: ",")
    return [
      "{\"properties\":{\"\(long)\":{\"properties\":{\(members)}}}}",
      "{\"$id\":\"http://a.example/\(long)\",\"$defs\":{\"a\":{}},"
        + "\"properties\":{\(references)}}",
      "{\"$id\":\"http://a.example/\(long)/\",\"$defs\":{\(parts)}}",
    ]
  }()

  @Test(arguments: hostile.indices)
  func `what would come to gigabytes is refused`(number: Int) throws {
    let text = ByteSlice(utf8: Self.hostile[number])
    let fault = try #require(throws: SchemaFault.self) {
      try CompiledSchema.compile(text, isNew: true)
    }
    #expect(fault.reason == Self.reason(SchemaLimits.addressBytes) && fault.pointer == "#")
  }

  private static func reason(_ limit: Int) -> SchemaFaultReason {
    .limitExceeded(what: "bytes of pointers and URIs", limit: limit)
  }

  @Test func `what is kept already may come to more, though not to any number`() throws {
    let most = SchemaLimits.bound(SchemaLimits.addressBytes, isNew: false)
    let text = ByteSlice(utf8: Self.hostile[0])
    for read in [
      { _ = try CompiledSchema.compile(text) }, { _ = try SchemaOutline.read(text) },
    ] as [() throws -> Void] {
      let fault = try #require(throws: SchemaFault.self) { try read() }
      #expect(fault.reason == Self.reason(most))
    }
    let members = (0..<200).map { "\"a\($0)\":{}" }.joined(separator: ",")
    let kept = ByteSlice(utf8: "{\"properties\":{\"\(Self.long)\":{\"properties\":{\(members)}}}}")
    #expect(try CompiledSchema.compile(kept).graph.count == 202)
    #expect(throws: SchemaFault.self) { try CompiledSchema.compile(kept, isNew: true) }
  }

  @Test func `long names by themselves are taken`() throws {
    let members = (0..<20).map { "\"\(Self.long)\($0)\":{}" }.joined(separator: ",")
    let schema = try Sample.schema("{\"properties\":{\(members)}}")
    #expect(schema.graph.count == 21)
  }
}
