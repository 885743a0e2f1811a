import Bytes
import Testing

@testable import Schemas

/// No payload and no schema may cost more than the budget.
@Suite struct BudgetTests {
  @Test func `a recursive union ends with its fuel, also under not`() throws {
    let text =
      ##"{"anyOf":[{"items":{"$ref":"#"},"minItems":9},{"items":{"$ref":"#"},"minItems":8}]}"##
    let schema = try Sample.schema(text)
    let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    let scratch = SchemaScratch()
    #expect(try Sample.check(deep, schema, scratch) == .fuelExhausted)
    #expect(scratch.fuelUsed == SchemaLimits.fuel(bytes: deep.utf8.count))
    let refusal = try #require(schema.validate(ByteSlice(utf8: deep), scratch))
    #expect(refusal == .budgetExceeded)
    // The same under every operator that turns a verdict round.
    for wrapper in [#"{"not":X}"#, #"{"oneOf":[X,true]}"#, #"{"if":X,"then":false,"else":true}"#] {
      let inner = text.replacing("\"$ref\":\"#\"", with: "\"$ref\":\"#/$defs/x\"")
      let wrapped =
        "{\"$defs\":{\"x\":\(inner)},"
        + wrapper.replacing("X", with: "{\"$ref\":\"#/$defs/x\"}").dropFirst()
      #expect(try Sample.check(deep, try Sample.schema(wrapped), scratch) == .fuelExhausted)
    }
  }

  @Test func `unique items cost fuel, however they are chosen`() throws {
    let schema = try Sample.schema(#"{"uniqueItems":true}"#)
    let scratch = SchemaScratch()
    let numbers = (0..<20_000).map(String.init).joined(separator: ",")
    #expect(try Sample.check("[\(numbers)]", schema, scratch) == .valid)
    #expect(scratch.fuelUsed < 100_000)
    #expect(try Sample.check("[\(numbers),19999.0]", schema, scratch) == .invalid)
    let many = (0..<110_000).map(String.init).joined(separator: ",")
    #expect(try Sample.check("[\(many)]", schema, scratch) == .valid)
    let thrice = try Sample.schema(
      #"{"allOf":[{"uniqueItems":true},{"uniqueItems":true,"minItems":1},{"uniqueItems":true,"#
        + #""minItems":2}]}"#)
    #expect(try Sample.check("[\(many)]", thrice, scratch) == .fuelExhausted)
  }

  @Test func `what a check may cost grows with the payload`() {
    #expect(SchemaLimits.fuel(bytes: 0) == SchemaLimits.leastFuel)
    #expect(SchemaLimits.fuel(bytes: 8_192) == SchemaLimits.leastFuel + 4_096)
    #expect(SchemaLimits.fuel(bytes: 65_536) == SchemaLimits.leastFuel + 4_096 + 86_016)
    #expect(SchemaLimits.fuel(bytes: 8 << 20) == SchemaLimits.fuel)
  }

  @Test(arguments: [
    (#"{"anyOf":[@{"maxLength":#}]}"#, "\"" + String(repeating: "é", count: 4_000) + "\""),
    (#"{"anyOf":[@{"pattern":"^(a|b)*c#"}]}"#, "\"" + String(repeating: "ab", count: 400) + "\""),
    (
      #"{"anyOf":[@{"format":"uri-reference","minLength":#}]}"#,
      "\"" + String(repeating: "a", count: 7_000) + "%\""
    ),
    (#"{"anyOf":[@{"multipleOf":1234567890123456789#}]}"#, String(repeating: "7", count: 900)),
    (
      #"{"anyOf":[@{"type":"integer","minimum":#}]}"#,
      "1." + String(repeating: "0", count: 900) + "1"
    ),
    (
      ##"{"anyOf":[@{"maxLength":0,"title":"#"}]}"##,
      "\"" + String(repeating: "\\n", count: 900) + "\""
    ),
  ])
  func `long values cost fuel where many schemas look at them`(
    template: String, payload: String
  ) throws {
    let start = try #require(template.firstIndex(of: "@"))
    let end = try #require(template.lastIndex(of: "]"))
    let branch = template[template.index(after: start)..<end]
    let branches = (1...800).map { branch.replacing("#", with: String($0)) }
    let text = template[..<start] + branches.joined(separator: ",") + template[end...]
    let outcome = try Sample.check(payload, try Sample.schema(String(text)))
    #expect(outcome == .fuelExhausted || outcome == .patternLimit)
  }

  @Test func `the deepest evaluation that limits allow does not overflow the stack`() throws {
    let chain = (0..<30).map { ##""s\##($0)":{"allOf":[{"$ref":"#/$defs/s\##($0 + 1)"}]}"## }
    let schema = try Sample.schema(
      ##"{"$ref":"#/$defs/s0","$defs":{\##(chain.joined(separator: ",")),"##
        + ##""s30":{"items":{"$ref":"#/$defs/s0"}}}}"##)
    let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(try Sample.check(deep, schema) == .fuelExhausted)
    let shallow = String(repeating: "[", count: 10) + String(repeating: "]", count: 10)
    #expect(try Sample.check(shallow, schema) == .valid)
  }

  @Test func `hints that would cost too much are left out, and nothing else`() throws {
    let stem = String(repeating: "a", count: 58)
    let names = (10..<74).map { stem + "\($0)" }
    let properties = names.map { "\"\($0)\":true" }.joined(separator: ",")
    let schema = try Sample.schema(
      #"{"properties":{\#(properties)},"additionalProperties":false}"#)
    let scratch = SchemaScratch()
    for (wanted, isNear) in [(names[0], true), (names[63], false)] {
      // One letter off the name that is meant, and further from all others.
      let name = "z" + wanted.dropFirst()
      let payload = ByteSlice(utf8: #"{"\#(name)":1,"b":1}"#)
      guard case .violations(let violations, _)? = schema.validate(payload, scratch) else {
        Issue.record("taken")
        continue
      }
      #expect(violations.map(\.pointer) == ["/\(name)", "/b"])
      #expect((violations[0].suggestion == wanted) == isNear)
    }
  }

  @Test func `an ordinary event costs little`() throws {
    let scratch = SchemaScratch()
    _ = try Sample.check(
      #"{"a":{"b":[1,2,3]}}"#,
      try Sample.schema(#"{"properties":{"a":{"properties":{"b":{"items":{"type":"integer"}}}}}}"#),
      scratch)
    #expect(scratch.fuelUsed < 20)
  }

  @Test func `a scratch serves one payload after the other`() throws {
    let scratch = SchemaScratch()
    let strings = try Sample.schema(#"{"items":{"enum":["a/b","c"]}}"#)
    let unique = try Sample.schema(#"{"uniqueItems":true}"#)
    for _ in 0..<3 {
      #expect(try Sample.check(#"["a\/b","\u0063"]"#, strings, scratch) == .valid)
      #expect(try Sample.check(#"["a\\b"]"#, strings, scratch) == .invalid)
      #expect(try Sample.check("[1,2,3,4,5,6,7,8,9,9]", unique, scratch) == .invalid)
      #expect(try Sample.check("[1,2,3,4,5,6,7,8,9,0]", unique, scratch) == .valid)
    }
  }
}
