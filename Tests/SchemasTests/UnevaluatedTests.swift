import Testing

@testable import Schemas

/// `unevaluatedProperties` and `unevaluatedItems`: what counts as looked at, keyword by keyword.
@Suite struct UnevaluatedTests {
  typealias Row = KeywordTests.Row

  static let members = [
    Row(
      #"{"properties":{"a":true},"unevaluatedProperties":false}"#, valid: #"{} | {"a":1} | []"#,
      invalid: #"{"b":1} | {"a":1,"b":1}"#),
    Row(
      #"{"patternProperties":{"^x":true},"unevaluatedProperties":{"type":"null"}}"#,
      valid: #"{"x1":1,"y":null}"#, invalid: #"{"y":1}"#),
    Row(
      #"{"allOf":[{"properties":{"a":true}},{"allOf":[{"properties":{"b":true}}]}],"#
        + #""unevaluatedProperties":false}"#, valid: #"{"a":1,"b":1}"#, invalid: #"{"c":1}"#),
    Row(
      #"{"anyOf":[{"required":["a"],"properties":{"a":true}},"#
        + #"{"required":["b"],"properties":{"b":true}}],"unevaluatedProperties":false}"#,
      valid: #"{"a":1} | {"b":1} | {"a":1,"b":1}"#, invalid: #"{"a":1,"c":1} | {}"#),
    Row(
      #"{"oneOf":[{"properties":{"k":{"const":"a"},"a":true},"required":["k"],"type":"object"},"#
        + #"{"properties":{"k":{"const":"b"},"b":true},"required":["k"],"type":"object"}],"#
        + #""unevaluatedProperties":false}"#,
      valid: #"{"k":"a","a":1} | {"b":1,"k":"b"}"#, invalid: #"{"k":"a","b":1}"#),
    Row(
      #"{"if":{"properties":{"a":{"const":1}},"required":["a"]},"then":{"properties":{"b":true}},"#
        + #""else":{"properties":{"c":true}},"unevaluatedProperties":false}"#,
      valid: #"{"a":1,"b":1} | {"c":1} | {"a":1}"#,
      invalid: #"{"a":1,"c":1} | {"a":2} | {"a":2,"b":1}"#),
    Row(
      #"{"if":{"properties":{"a":true}},"unevaluatedProperties":false}"#, valid: #"{"a":1}"#,
      invalid: #"{"b":1}"#),
    Row(
      #"{"not":{"not":{"properties":{"a":true}}},"unevaluatedProperties":false}"#, valid: "{}",
      invalid: #"{"a":1}"#),
    Row(
      #"{"dependentSchemas":{"a":{"properties":{"b":true}}},"properties":{"a":true},"#
        + #""unevaluatedProperties":false}"#, valid: #"{"a":1,"b":1}"#, invalid: #"{"b":1}"#),
    Row(
      #"{"allOf":[{"unevaluatedProperties":true}],"unevaluatedProperties":false}"#,
      valid: #"{"a":1}"#),
    Row(
      #"{"allOf":[{"properties":{"a":true},"unevaluatedProperties":false}],"properties":{"b":true}}"#,
      valid: #"{"a":1}"#, invalid: #"{"b":1}"#),
    Row(
      #"{"additionalProperties":{"type":"null"},"unevaluatedProperties":false}"#,
      valid: #"{"a":null}"#, invalid: #"{"a":1}"#),
    Row(
      ##"{"$ref":"#/$defs/a","unevaluatedProperties":false,"##
        + ##""$defs":{"a":{"properties":{"a":{"$ref":"#"}}}}}"##,
      valid: #"{"a":{"a":{}}}"#, invalid: #"{"a":{"a":{"b":1}}} | {"b":1}"#),
    Row(
      #"{"properties":{"\u0061":true},"unevaluatedProperties":false}"#, valid: #"{"\u0061":1}"#,
      invalid: #"{"\u0062":1}"#),
  ]

  static let items = [
    Row(
      #"{"prefixItems":[true,true],"unevaluatedItems":false}"#, valid: "[] | [1] | [1,2] | {}",
      invalid: "[1,2,3]"),
    Row(
      #"{"allOf":[{"prefixItems":[true]}],"unevaluatedItems":{"type":"null"}}"#,
      valid: "[1] | [1,null]", invalid: "[1,2]"),
    Row(
      #"{"contains":{"type":"string"},"unevaluatedItems":{"type":"null"}}"#,
      valid: #"["a"] | [null,"a",null]"#, invalid: #"["a",1] | [null]"#),
    Row(#"{"items":{"type":"null"},"unevaluatedItems":false}"#, valid: "[null,null]"),
    Row(
      #"{"anyOf":[{"prefixItems":[{"const":1},true]},{"prefixItems":[{"const":2}]}],"#
        + #""unevaluatedItems":false}"#, valid: "[1,5] | [2]", invalid: "[2,5] | [1,2,3]"),
    Row(
      #"{"if":{"contains":{"const":"a"}},"then":{"if":{"contains":{"const":"b"}}},"#
        + #""unevaluatedItems":false}"#, valid: #"[] | ["a"] | ["a","b","a"]"#,
      invalid: #"["b"] | ["a","c"]"#),
    Row(
      #"{"unevaluatedItems":{"unevaluatedItems":false,"prefixItems":[true]}}"#,
      valid: "[[1],[2]]", invalid: "[[1],[2,3]]"),
    Row(
      #"{"properties":{"a":{"prefixItems":[true],"unevaluatedItems":false}},"#
        + #""unevaluatedProperties":false}"#, valid: #"{"a":[1]}"#,
      invalid: #"{"a":[1,2]} | {"b":[]}"#),
  ]

  @Test(arguments: members + items)
  func `takes and refuses`(row: Row) throws {
    let schema = try Sample.schema(row.schema)
    for payload in row.valid { #expect(try Sample.check(payload, schema) == .valid, "\(payload)") }
    for payload in row.invalid {
      #expect(try Sample.check(payload, schema) == .invalid, "\(payload)")
      let codes = try Sample.explain(payload, schema).violations.map(\.code)
      #expect(!codes.isEmpty && !codes.contains(.schema), "\(payload)")
    }
  }

  @Test func `large values use many words of marks, and give them back`() throws {
    let scratch = SchemaScratch()
    let schema = try Sample.schema(
      #"{"patternProperties":{"^k":true},"unevaluatedProperties":{"unevaluatedItems":false}}"#)
    let names = (0..<300).map { #""k\#($0)":0"# }.joined(separator: ",")
    #expect(try Sample.check(#"{\#(names),"x":[]}"#, schema, scratch) == .valid)
    #expect(try Sample.check(#"{\#(names),"x":[1]}"#, schema, scratch) == .invalid)
    #expect(scratch.evaluated.open(0) == 0)
  }

  @Test func `schemas that do not ask lay nothing out for it`() throws {
    let schema = try Sample.schema(#"{"if":{"properties":{"a":true}},"type":"object"}"#)
    #expect(schema.program.branches.isEmpty)
  }
}
