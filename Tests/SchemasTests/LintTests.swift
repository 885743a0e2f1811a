import Bytes
import Testing

@testable import Schemas

@Suite struct LintTests {
  private func codes(_ text: String, _ dialect: SchemaDialect = .draft202012) throws -> [String] {
    let schema = try Sample.schema(text, dialect)
    return SchemaLint.findings(in: schema).map { "\($0.pointer) \($0.code)" }
  }

  @Test(
    "each likely mistake is named where it is",
    arguments: [
      (#"{"type":"object","propertes":{}}"#, "#/propertes keyword.unknown"),
      (#"{"type":"string","minimum":3}"#, "#/minimum keyword.inapplicable"),
      (#"{"minLength":3}"#, "#/minLength type.missing"),
      (#"{"type":"string","minLength":3,"maxLength":2}"#, "#/maxLength bounds.impossible"),
      (
        #"{"type":"number","minimum":3,"exclusiveMaximum":3}"#,
        "#/exclusiveMaximum bounds.impossible"
      ),
      (
        #"{"type":"object","maxProperties":1,"required":["a","b"]}"#,
        "#/maxProperties bounds.impossible"
      ),
      (
        #"{"type":"object","properties":{"id":{}},"required":["ids"]}"#,
        "#/required/0 required.undeclared"
      ),
      (
        #"{"type":"object","properties":{"a":{}},"required":["b"],"additionalProperties":false}"#,
        "#/required/0 required.impossible"
      ),
      (
        #"{"type":"object","allOf":[{"type":"object"}],"additionalProperties":false}"#,
        "#/additionalProperties closed.besideCombinator"
      ),
      (#"{"type":"string","pattern":"[A-Z]+"}"#, "#/pattern pattern.unanchored"),
      (#"{"type":"string","pattern":"^(\\p{L}+ ?)*$"}"#, "#/pattern pattern.costly"),
      (#"{"type":"string","pattern":"^(.*)-\\1\\1$"}"#, "#/pattern pattern.costly"),
      (#"{"type":"string","then":{}}"#, "#/then condition.unreachable"),
      (#"{"type":"string","if":{}}"#, "#/if condition.unreachable"),
      (#"{"type":"array","minContains":1}"#, "#/minContains keyword.unreachable"),
      (#"{"type":"string","enum":["a",1]}"#, "#/enum/1 constant.type"),
      (#"{"type":"integer","const":1.5}"#, "#/const constant.type"),
      (#"{"type":"string","format":"colour"}"#, "#/format format.unknown"),
      (
        #"{"type":"object","properties":{"a/b":{"type":"string","minItems":1}}}"#,
        "#/properties/a~1b/minItems keyword.inapplicable"
      ),
      (
        #"{"type":"array","prefixItems":[{},{"minLength":1}]}"#,
        "#/prefixItems/1/minLength type.missing"
      ),
    ])
  func finds(_ text: String, _ finding: String) throws {
    #expect(try codes(text) == [finding])
  }

  @Test func `what stands beside $ref does nothing in draft-07`() throws {
    let text =
      ##"{"definitions":{"a":{}},"properties":{"x":{"$ref":"#/definitions/a","##
      + ##""type":"string"}},"type":"object"}"##
    #expect(try codes(text, .draft07) == ["#/properties/x/type ref.siblings"])
    #expect(try codes(text) == [])
  }

  @Test(arguments: [
    #"{"type":"string","pattern":"^(a+)+$"}"#, #"{"type":"string","pattern":"^(?=.*b)[^]+$"}"#,
    #"{"type":"string","pattern":"^(\\p{L}+ ?)*$","maxLength":500}"#,
    #"{"type":"string","pattern":"^\\p{L}[\\p{L} ]*$"}"#, #"{"type":"string","pattern":"^a(?=b)"}"#,
  ])
  func `patterns that cost little are none of them`(_ text: String) throws {
    #expect(try codes(text) == [])
  }

  @Test func `a format that is an annotation is told once`() throws {
    let text =
      #"{"type":"array","items":{"type":"string","format":"date"},"contains":{"type":"string","format":"email"}}"#
    let schema = try Sample.schema(text, formats: .annotate)
    #expect(SchemaLint.findings(in: schema).map(\.code) == ["format.annotation"])
  }

  @Test(arguments: [FormatMode.assert, .annotate])
  func `a format that nobody knows is told as such`(_ formats: FormatMode) throws {
    let schema = try Sample.schema(#"{"type":"string","format":"date_time"}"#, formats: formats)
    let findings = SchemaLint.findings(in: schema)
    #expect(findings.map { "\($0.pointer) \($0.code)" } == ["#/format format.unknown"])
    #expect(findings[0].message.hasSuffix("'date-time' is"))
    #expect(!findings[0].message.contains("formats="))
  }

  @Test(
    "sound schemas draw nothing",
    arguments: [
      "true", "{}", #"{"type":["string","null"],"maxLength":3,"x-own":1}"#,
      #"{"type":"object","properties":{"a":{"type":"integer","minimum":1,"maximum":1}},"required":["a"]}"#,
      #"{"type":"object","allOf":[{"required":["a"]}],"properties":{"a":{"const":1}}}"#,
      #"{"enum":["a",1]}"#, #"{"type":"string","pattern":"^ORD-"}"#,
      #"{"type":"object","if":{"properties":{"a":{"const":1}}},"then":{"required":["b"]}}"#,
    ])
  func isQuiet(_ text: String) throws {
    #expect(try codes(text) == [])
  }

  @Test func `the misspelt keyword comes with the one meant, and warnings are bounded`() throws {
    let schema = try Sample.schema(#"{"type":"object","requird":["a"]}"#)
    #expect(SchemaLint.findings(in: schema).first?.message.contains("'required' is") == true)
    let members = (0..<100).map { #""p\#($0)":{"minimum":1}"# }.joined(separator: ",")
    let many = try Sample.schema(#"{"type":"object","properties":{\#(members)}}"#)
    #expect(SchemaLint.findings(in: many).count == SchemaLimits.warnings)
  }
}
