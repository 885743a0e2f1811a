import Bytes
import Testing

@testable import Schemas

/// What registration refuses, and where it says the fault is.
@Suite struct CompilationTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let schema: String
    let pointer: String
    let code: String
    let dialect: SchemaDialect

    init(
      _ schema: String, _ pointer: String, _ code: String, _ dialect: SchemaDialect = .draft202012
    ) {
      (self.schema, self.pointer, self.code, self.dialect) = (schema, pointer, code, dialect)
    }

    var testDescription: String { schema }
  }

  static let kinds = [
    Row("{", "#", "schema_malformed"),
    Row(#"{"a":1,"a":2}"#, "#", "schema_malformed"),
    Row("1", "#", "schema_invalid"),
    Row(#"{"type":"int"}"#, "#/type", "schema_invalid"),
    Row(#"{"type":[]}"#, "#/type", "schema_invalid"),
    Row(#"{"type":["null","null"]}"#, "#/type", "schema_invalid"),
    Row(#"{"minLength":-1}"#, "#/minLength", "schema_invalid"),
    Row(#"{"minLength":1.5}"#, "#/minLength", "schema_invalid"),
    Row(
      #"{"properties":{"a/b":{"maxItems":"3"}}}"#, "#/properties/a~1b/maxItems", "schema_invalid"),
    Row(#"{"properties":{"a":1}}"#, "#/properties/a", "schema_invalid"),
    Row(#"{"properties":[]}"#, "#/properties", "schema_invalid"),
    Row(#"{"allOf":[]}"#, "#/allOf", "schema_invalid"),
    Row(#"{"anyOf":[true,3]}"#, "#/anyOf/1", "schema_invalid"),
    Row(#"{"required":["a","a"]}"#, "#/required", "schema_invalid"),
    Row(#"{"required":"a"}"#, "#/required", "schema_invalid"),
    Row(#"{"enum":1}"#, "#/enum", "schema_invalid"),
    Row(#"{"multipleOf":0}"#, "#/multipleOf", "schema_invalid"),
    Row(#"{"minimum":"1"}"#, "#/minimum", "schema_invalid"),
    Row(#"{"exclusiveMinimum":true}"#, "#/exclusiveMinimum", "schema_invalid"),
    Row(#"{"uniqueItems":1}"#, "#/uniqueItems", "schema_invalid"),
    Row(#"{"items":[true]}"#, "#/items", "schema_invalid"),
    Row(#"{"title":1}"#, "#/title", "schema_invalid"),
    Row(#"{"$defs":{"unused":{"minimum":[]}}}"#, "#/$defs/unused/minimum", "schema_invalid"),
    Row(#"{"dependentRequired":{"a":[1]}}"#, "#/dependentRequired/a", "schema_invalid"),
    Row(#"{"$anchor":"1"}"#, "#/$anchor", "schema_invalid"),
    Row(#"{"$id":"x#y"}"#, "#/$id", "schema_invalid"),
    Row(#"{"pattern":"("}"#, "#/pattern", "schema_pattern_invalid"),
    Row(
      #"{"patternProperties":{"\\a":true}}"#, "#/patternProperties/\\a", "schema_pattern_invalid"),
  ]

  static let references = [
    Row(##"{"$ref":"#/$defs/a"}"##, "#/$ref", "schema_reference_unresolved"),
    Row(##"{"$ref":"#a"}"##, "#/$ref", "schema_reference_unresolved"),
    Row(#"{"$ref":"http://a.example/"}"#, "#/$ref", "schema_reference_unresolved"),
    Row(
      #"{"properties":{"a":{"$ref":"b.json"}}}"#, "#/properties/a/$ref",
      "schema_reference_unresolved"),
    Row(##"{"$ref":"#/$defs/%ZZ"}"##, "#/$ref", "schema_reference_unresolved"),
    Row(##"{"$ref":"#"}"##, "#", "schema_reference_loop"),
    Row(
      ##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"allOf":[{"not":{"$ref":"#/$defs/a"}}]}}}"##,
      "#/$defs/a", "schema_reference_loop"),
    Row(
      #"{"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}}"#, "#/$defs/b/$id",
      "schema_identifier_duplicate"),
    Row(
      #"{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}"#, "#/$defs/b/$anchor",
      "schema_identifier_duplicate"),
    Row(#"{"$schema":"http://a.example/"}"#, "#/$schema", "schema_dialect_unknown"),
    Row(#"{"$schema":1}"#, "#/$schema", "schema_invalid"),
    Row(
      #"{"$schema":"https://json-schema.org/draft/2020-12/schema","$defs":{"a":"#
        + #"{"$schema":"http://json-schema.org/draft-07/schema#"}}}"#,
      "#/$defs/a/$schema", "schema_invalid"),
  ]

  @Test(arguments: kinds + references)
  func `is refused at its place`(row: Row) throws {
    do throws(SchemaFault) {
      _ = try Sample.schema(row.schema, row.dialect)
      Issue.record("taken: \(row.schema)")
    } catch {
      #expect(error.pointer == row.pointer)
      #expect(error.reason.code == row.code)
      #expect(!error.reason.message.isEmpty)
    }
  }

  @Test func `all that is wrong is told at once, up to a bound`() throws {
    let text = ##"""
      {"type":"strin","minLength":-1,"maxLength":"a","minimum":"b","required":["a","a"],
       "properties":{"a":5,"b":{"pattern":"(","format":7,"x-error":1},"c":{"$ref":"#/$defs/none"}},
       "patternProperties":{"[":{"enum":{}}},"allOf":[],"anyOf":[true,null],"not":{"$anchor":"1"},
       "dependentRequired":{"a":[1]},"multipleOf":0,"examples":1}
      """##
    let places = [
      "#/type", "#/minLength", "#/maxLength", "#/minimum", "#/required", "#/properties/a",
      "#/properties/b/pattern", "#/properties/b/format", "#/properties/b/x-error",
      "#/properties/c/$ref", "#/patternProperties/[", "#/patternProperties/[/enum", "#/allOf",
      "#/anyOf/1", "#/not/$anchor", "#/dependentRequired/a", "#/multipleOf", "#/examples",
    ]
    let fault = try #require(throws: SchemaFault.self) { try Sample.schema(text) }
    #expect(Set(([fault] + fault.others).map(\.pointer)) == Set(places))
    #expect(fault.others.count == places.count - 1 && !fault.isTruncated)
    let many = (0..<40).map { #""p\#($0)":7"# }.joined(separator: ",")
    let cut = try #require(throws: SchemaFault.self) {
      try Sample.schema(#"{"properties":{\#(many)}}"#)
    }
    #expect(cut.others.count == SchemaLimits.violations - 1 && cut.isTruncated)
    #expect(cut.others.last?.pointer == "#/properties/p31")
  }

  @Test func `references that are none hide none that lead nowhere`() throws {
    var library = SchemaLibrary()
    try library.add(ByteSlice(utf8: #"{"minimum":7}"#), under: ["urn:good"])
    let text = ##"""
      {"maximum":3,"properties":{"a":{"$ref":5},"b":{"$ref":"#/maximum"},"c":{"$ref":"#/maximum"},
       "d":{"$ref":"urn:good#/minimum"},"e":{"$ref":"urn:good"},"f":{"$ref":"#/$defs/none"},
       "g":{"$dynamicRef":"urn:none"},"h":{"$ref":"urn:good#/type"},"i":{"type":"x"}}}
      """##
    let fault = try #require(throws: SchemaFault.self) {
      try CompiledSchema.compile(ByteSlice(utf8: text), library: library)
    }
    let found = [fault] + fault.others
    #expect(
      Set(found.map(\.pointer)) == [
        "#/properties/a/$ref", "#/maximum", "urn:good#/minimum", "#/properties/f/$ref",
        "#/properties/i/type",
      ])
    let unresolved = found.compactMap { fault -> [String]? in
      if case .unresolvedReferences(let list) = fault.reason { list.map(\.uri) } else { nil }
    }
    #expect(unresolved == [["#/$defs/none", "urn:none", "urn:good#/type"]])
  }

  @Test func `names of keywords are no keywords where they name members`() throws {
    let schema = try Sample.schema(
      #"{"properties":{"unevaluatedItems":{"type":"null"},"$ref":true},"enum":[{"$dynamicRef":1},{}]}"#
    )
    #expect(try Sample.check("{}", schema) == .valid)
  }

  @Test func `limits are hard stops`() throws {
    let nested = (0..<70).reduce("true") { inner, _ in #"{"not":\#(inner)}"# }
    #expect(throws: SchemaFault.self) { try Sample.schema(nested) }
    let chain = (0..<70).map { ##""s\##($0)":{"$ref":"#/$defs/s\##($0 + 1)"}"## }
    let text = #"{"$defs":{\#(chain.joined(separator: ",")),"s70":true}}"#
    do throws(SchemaFault) {
      _ = try Sample.schema(text)
      Issue.record("taken")
    } catch { #expect(error.reason.code == "schema_limit_exceeded") }
    let many = (0...SchemaLimits.nodes).map { #""p\#($0)":{}"# }.joined(separator: ",")
    do throws(SchemaFault) {
      _ = try Sample.schema(#"{"properties":{\#(many)}}"#)
      Issue.record("taken")
    } catch {
      #expect(
        error.reason == .limitExceeded(what: "schemas", limit: SchemaLimits.nodes))
    }
    let large = #"{"description":"\#(String(repeating: "x", count: SchemaLimits.sourceBytes))"}"#
    do throws(SchemaFault) {
      _ = try Sample.schema(large)
      Issue.record("taken")
    } catch {
      #expect(error.reason == .limitExceeded(what: "bytes", limit: SchemaLimits.sourceBytes))
    }
  }

  @Test func `warns about what does nothing`() throws {
    let schema = try Sample.schema(
      #"{"format":"phone","x-owner":"a","colour":1,"additionalItems":false,"id":"x"}"#)
    #expect(
      Set(schema.warnings.map(\.pointer)) == ["#/format", "#/colour", "#/additionalItems", "#/id"])
  }

  @Test func `edition and format mode: the text's word, then the caller's, then the default`()
    throws
  {
    let bare = ByteSlice(utf8: "{}")
    #expect(try CompiledSchema.compile(bare).dialect == .draft202012)
    #expect(try CompiledSchema.compile(bare).formats == .annotate)
    #expect(try CompiledSchema.compile(bare, dialect: .draft07).formats == .assert)
    let declared = ByteSlice(utf8: #"{"$schema":"http://json-schema.org/draft-07/schema#"}"#)
    #expect(try CompiledSchema.compile(declared, dialect: .draft202012).dialect == .draft07)
    #expect(try CompiledSchema.compile(declared, formats: .annotate).formats == .annotate)
  }

  @Test func `the fingerprint ignores spelling and nothing else`() throws {
    func fingerprint(_ text: String, _ dialect: SchemaDialect = .draft07) throws -> String {
      try Sample.schema(text, dialect, formats: nil).fingerprint { $0 }.text
    }
    let one = try fingerprint(#"{"type":"string","minLength":1}"#)
    #expect(one.hasPrefix("sha256:"))
    #expect(try fingerprint(" {\"minLength\" : 1.0,\n\"type\":\"str\\u0069ng\"}") == one)
    #expect(try fingerprint(#"{"type":"string","minLength":2}"#) != one)
    #expect(try fingerprint(#"{"type":"string","minLength":1}"#, .draft202012) != one)
  }
}
