import Bytes
import Events
import Testing

@testable import Schemas

@Suite struct BindingTests {
  private func bytes(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }

  private func rule(_ types: [String], _ type: String?) -> Int? {
    EventTypeTable(types.map { bytes($0) }, untyped: bytes("shop.orders"))
      .rule(for: type.map { bytes($0) })
  }

  @Test func `the first rule that fits counts`() {
    let types = ["order.made", "order.*", "order.paid", "pay*", "*"]
    #expect(rule(types, "order.made") == 0)
    #expect(rule(types, "order.paid") == 1)
    #expect(rule(types, "order.") == 1)
    #expect(rule(types, "order") == 4)
    #expect(rule(types, "payment") == 3)
    #expect(rule(types, nil) == 4)
    #expect(rule(["shop.orders"], nil) == 0)
    #expect(rule(["a"], "b") == nil && rule([], "b") == nil && rule(["a*"], nil) == nil)
  }

  @Test func `as many types as are allowed are all found`() {
    let types = (0..<SchemaLimits.bindingRules).map { "com.example.type-\($0)" }
    let table = EventTypeTable(types.map { bytes($0) }, untyped: .empty)
    for (index, type) in types.enumerated() { #expect(table.rule(for: bytes(type)) == index) }
    #expect(table.rule(for: bytes("com.example.type-")) == nil)
  }

  @Test(arguments: [
    ("*", 1, UInt32.max, "*"), ("3", 3, 3, "3"), ("2-5", 2, 5, "2-5"), (">=2", 2, .max, ">=2"),
    ("<=4", 1, 4, "<=4"), ("1-4", 1, 4, "<=4"), ("1", 1, 1, "1"), ("7-7", 7, 7, "7"),
    (">=1", 1, .max, "*"), ("<=1", 1, 1, "1"), ("1-1", 1, 1, "1"),
  ])
  func ranges(_ text: String, _ first: UInt32, _ last: UInt32, _ shortest: String) throws {
    let range = try #require(SchemaVersionRange(parsing: text))
    #expect(range.first == first && range.last == last)
    #expect(range.text == text)
    #expect(SchemaVersionRange(first: first, last: last)?.text == shortest)
  }

  @Test(arguments: ["", "0", "5-2", "-", "1-", ">= 2", "=2", "4294967296", "1.0", "<=0", "a"])
  func noRanges(_ text: String) { #expect(SchemaVersionRange(parsing: text) == nil) }

  @Test func `marks are bounded and hold no values`() throws {
    let properties = (0..<30).map { #""member-\#($0)":{"type":"integer"}"# }
    let schema = try Sample.schema(
      #"{"type":"object","properties":{\#(properties.joined(separator: ","))}}"#)
    let payload = (0..<30).map { #""member-\#($0)":"secret""# }.joined(separator: ",")
    let refusal = try #require(schema.validate(bytes("{\(payload)}"), SchemaScratch()))
    let marks = refusal.marks.text
    #expect(marks.hasPrefix(#"[{"pointer":"/member-0","line":1,"#))
    #expect(marks.contains(##""schemaPointer":"#/properties/member-7/type""##))
    #expect(!marks.contains("member-8"))
    #expect(!marks.contains("secret") && marks.hasSuffix(#"{"pointer":"","code":"truncated"}]"#))
    #expect(marks.utf8.count <= SchemaLimits.markBytes + 40)
  }
}
