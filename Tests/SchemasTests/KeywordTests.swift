import Bytes
import JSONText
import Testing

@testable import Schemas

/// Each keyword with what it takes and what it refuses. Payloads are separated by " | ".
@Suite struct KeywordTests {
  struct Row: CustomTestStringConvertible, Sendable {
    let schema: String
    let valid: [String]
    let invalid: [String]
    let dialect: SchemaDialect

    init(
      _ schema: String, valid: String, invalid: String = "", _ dialect: SchemaDialect = .draft202012
    ) {
      self.schema = schema
      self.valid = valid.split(separator: " | ").map(String.init)
      self.invalid = invalid.split(separator: " | ").map(String.init)
      self.dialect = dialect
    }

    var testDescription: String { schema }
  }

  static let anyKind = [
    Row("true", valid: #"null | 1 | "a" | [] | {}"#),
    Row("false", valid: "", invalid: #"null | 1 | "a" | [] | {}"#),
    Row("{}", valid: "null | 1"),
    Row(#"{"type":"integer"}"#, valid: "1 | -0 | 1.0 | 1e2", invalid: "1.5 | 1e-1"),
    Row(#"{"type":["string","null"]}"#, valid: #"null | """#, invalid: "0 | false | []"),
    Row(#"{"type":"number"}"#, valid: "1 | 1.5 | 1e999999", invalid: #""1" | true"#),
    Row(#"{"const":1}"#, valid: "1 | 1.0 | 10e-1", invalid: "true | 2 | \"1\""),
    Row(#"{"const":false}"#, valid: "false", invalid: "0 | null | true"),
    Row(
      #"{"const":{"a":[1,{"b":2}],"c":null}}"#, valid: #"{"c":null,"a":[1.0,{"b":2}]}"#,
      invalid: #"{"a":[1,{"b":2}]} | {"a":[1,{"b":2}],"c":null,"d":0} | {"a":[{"b":2},1],"c":null}"#
    ),
    Row(#"{"const":"\u0061/b"}"#, valid: #""a/b" | "a\/b" | "\u0061/b""#, invalid: #""a\\/b""#),
    Row(
      #"{"enum":["a","b",null,true]}"#, valid: #""a" | null | true"#, invalid: #""c" | false | 0"#),
    Row(#"{"enum":[1,"1",[1]]}"#, valid: #"1 | 1.00 | "1" | [1]"#, invalid: "2 | [\"1\"] | []"),
    Row(#"{"enum":[]}"#, valid: "", invalid: "null | 1"),
    Row(#"{"not":{"type":"string"}}"#, valid: "1", invalid: #""a""#),
    Row(#"{"allOf":[{"minimum":2},{"maximum":4}]}"#, valid: "2 | 3 | \"x\"", invalid: "1 | 5"),
    Row(#"{"anyOf":[{"minimum":9},{"maximum":1}]}"#, valid: "9 | 1", invalid: "5"),
    Row(#"{"oneOf":[{"minimum":2},{"maximum":4}]}"#, valid: "1 | 5", invalid: "2 | 3 | 4"),
    Row(
      #"{"if":{"minimum":10},"then":{"multipleOf":10},"else":{"multipleOf":3}}"#,
      valid: "20 | 9", invalid: "15 | 5"),
    Row(#"{"then":false,"else":false}"#, valid: "1"),
  ]

  static let scalars = [
    Row(
      #"{"minLength":2,"maxLength":3}"#, valid: #""ab" | "äöü" | "😀😀" | "\ud83d\ude00x" | 1"#,
      invalid: #""a" | "😀" | "abcd" | "\u0061" | "äöüß""#),
    Row(#"{"pattern":"^a+$"}"#, valid: #""aa" | "\u0061" | 1"#, invalid: #""ab" | """#),
    Row(
      #"{"format":"uuid"}"#, valid: #""2EB8AA08-AA98-11EA-B4AA-73B441D16380""#, invalid: #""2eb8""#),
    Row(#"{"minimum":1.5}"#, valid: "1.5 | 2 | 1e30", invalid: "1.4999999999999999999 | 1 | -1e30"),
    Row(#"{"exclusiveMinimum":1}"#, valid: "2 | 1.00000000000000000001", invalid: "1 | 1.0 | 0"),
    Row(#"{"maximum":9007199254740993}"#, valid: "9007199254740993", invalid: "9007199254740994"),
    Row(
      #"{"maximum":9223372036854775807}"#, valid: "9223372036854775807",
      invalid: "9223372036854775808 | 1e19"),
    Row(#"{"exclusiveMaximum":10}"#, valid: "9.9 | -5", invalid: "10 | 1e1 | 11"),
    Row(#"{"minimum":-5,"maximum":5}"#, valid: "-5 | 0 | -0 | 5", invalid: "-6 | 6 | -5.1"),
    Row(
      #"{"minimum":-2,"maximum":9223372036854775806}"#,
      valid: "-2.0 | -1.99 | -0.0 | 1.5e0 | 0.0000000000000001",
      invalid: "-2.0000000000001 | -3.5 | -2.1e0"),
    Row(#"{"exclusiveMinimum":0}"#, valid: "0.5 | 0.1e1", invalid: "0.0 | -0.5"),
    Row(#"{"multipleOf":0.01}"#, valid: "50.38 | 4.35 | 0 | 1e300", invalid: "50.385 | 1e-3"),
    Row(#"{"multipleOf":7}"#, valid: "0 | -14 | 7.0", invalid: "8 | 7.5"),
    Row(#"{"maximum":123456789012345678901234567890}"#, valid: "1", invalid: "1e30"),
  ]

  static let arrays = [
    Row(#"{"minItems":1,"maxItems":2}"#, valid: "[1] | [1,2] | 1", invalid: "[] | [1,2,3]"),
    Row(#"{"items":{"type":"string"}}"#, valid: #"[] | ["a"]"#, invalid: #"["a",1]"#),
    Row(
      #"{"prefixItems":[{"type":"string"},{"type":"null"}],"items":{"type":"boolean"}}"#,
      valid: #"[] | ["a"] | ["a",null,true,false]"#, invalid: #"[1] | ["a",null,1]"#),
    Row(
      #"{"items":[{"type":"string"}],"additionalItems":false}"#, valid: #"[] | ["a"]"#,
      invalid: #"[1] | ["a","b"]"#, .draft07),
    Row(#"{"contains":{"const":1}}"#, valid: "[0,1] | {}", invalid: "[] | [0]"),
    Row(
      #"{"contains":{"const":1},"minContains":2,"maxContains":3}"#,
      valid: "[1,1] | [1,0,1,1]", invalid: "[1] | [1,1,1,1]"),
    Row(#"{"contains":{"const":1},"minContains":0}"#, valid: "[] | [0]"),
    Row(#"{"contains":{"const":1},"minContains":2}"#, valid: "[1]", invalid: "[0]", .draft07),
    Row(
      #"{"uniqueItems":true}"#,
      valid: #"[] | [1] | [1,true,"1",[1],{"a":1}] | [0,false,null,""] | [1,2,3,4,5,6,7,8,9,10]"#,
      invalid: #"[1,1.0] | [{"a":1,"b":2},{"b":2,"a":1.0}] | ["a","\u0061"] | "#
        + #"[1,2,3,4,5,6,7,8,9,10,10e-1] | [1,2,3,4,5,6,7,8,9,{"a":[]},{"\u0061":[]}]"#),
  ]

  static let objects = [
    Row(#"{"required":["a","b"]}"#, valid: #"{"a":1,"b":1} | []"#, invalid: #"{} | {"a":1}"#),
    Row(
      #"{"required":["\u0061b"]}"#, valid: #"{"ab":1} | {"\u0061b":1}"#, invalid: #"{"abc":1}"#),
    Row(
      #"{"properties":{"a":{"type":"null"}},"additionalProperties":false}"#,
      valid: #"{} | {"a":null}"#, invalid: #"{"a":1} | {"b":1} | {"\u0062":1}"#),
    Row(
      #"{"properties":{"a":true},"patternProperties":{"^x":{"type":"null"}},"#
        + #""additionalProperties":{"type":"string"}}"#,
      valid: #"{"a":1,"xy":null,"b":""}"#, invalid: #"{"xy":1} | {"b":1} | {"\u0078":1}"#),
    Row(#"{"propertyNames":{"maxLength":2}}"#, valid: #"{"ab":1}"#, invalid: #"{"abc":1}"#),
    Row(
      #"{"minProperties":1,"maxProperties":2}"#, valid: #"{"a":1} | {"a":1,"b":1}"#,
      invalid: #"{} | {"a":1,"b":1,"c":1}"#),
    Row(
      #"{"dependentRequired":{"a":["b"]}}"#, valid: #"{} | {"b":1} | {"a":1,"b":1}"#,
      invalid: #"{"a":1}"#),
    Row(
      #"{"dependentSchemas":{"a":{"maxProperties":1}}}"#, valid: #"{"a":1} | {"b":1,"c":1}"#,
      invalid: #"{"a":1,"b":1}"#),
    Row(
      #"{"dependencies":{"a":["b"],"c":{"maxProperties":1}}}"#,
      valid: #"{"c":1} | {"a":1,"b":2}"#, invalid: #"{"a":1} | {"c":1,"b":1}"#, .draft07),
    Row(
      ##"{"properties":{"a":{"$ref":"#"},"v":{"type":"integer"}},"additionalProperties":false}"##,
      valid: #"{"a":{"a":{"v":1}}}"#, invalid: #"{"a":{"a":{"v":""}}} | {"a":{"b":1}}"#),
    Row(
      ##"{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"null"}}}"##, valid: "null", invalid: "1"),
    Row(
      ##"{"$ref":"#here","$defs":{"x":{"$anchor":"here","type":"null"}}}"##, valid: "null",
      invalid: "1"),
    Row(
      #"{"$id":"https://a.example/x/y","$ref":"z#/$defs/q","#
        + #""$defs":{"z":{"$id":"z","$defs":{"q":{"type":"null"}}}}}"#, valid: "null",
      invalid: "1"),
    Row(##"{"$ref":"#/d","d":{"type":"null"},"type":"string"}"##, valid: "null", .draft07),
  ]

  @Test(arguments: anyKind + scalars + arrays + objects)
  func `keeps the table`(row: Row) throws {
    let schema = try Sample.schema(row.schema, row.dialect)
    let scratch = SchemaScratch()
    for payload in row.valid {
      #expect(try Sample.check(payload, schema, scratch) == .valid, "\(payload)")
    }
    for payload in row.invalid {
      #expect(try Sample.check(payload, schema, scratch) == .invalid, "\(payload)")
      let explanation = schema.explain(scratch.parser, scratch)
      #expect(explanation.violations.first?.code != .schema, "\(payload) is not explained")
    }
  }

  @Test func `more required members than a machine word has bits`() throws {
    let names = (0..<150).map { "member_number_\($0)" }
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    let schema = try Sample.schema("{\"required\":[\(list)]}")
    let all = names.map { "\"\($0)\":1" }
    #expect(
      try Sample.check("{\(all.joined(separator: ",")),\"other\":2}", schema) == .valid)
    for missing in [0, 1, 63, 64, 65, 149] {
      var some = all
      some.remove(at: missing)
      let payload = "{\(some.joined(separator: ","))}"
      #expect(try Sample.check(payload, schema) == .invalid)
      #expect(
        try Sample.explain(payload, schema).violations.map(\.pointer) == ["/\(names[missing])"])
    }
  }

  @Test func `the flags of tokens have the bits that the evaluator reads`() throws {
    let scratch = SchemaScratch()
    try scratch.parser.parse(.init(utf8: #"["\u0061","ä",1.5,"a",1]"#))
    let tokens = (1...5).map { scratch.parser.tokens[$0] }
    #expect(tokens.map(\.isEscaped) == [true, false, false, false, false])
    #expect(tokens.map(\.isBeyondASCII) == [false, true, false, false, false])
    #expect(tokens.map(\.hasFraction) == [false, false, true, false, false])
  }
}
