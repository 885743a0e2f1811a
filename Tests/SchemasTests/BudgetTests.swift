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
    #expect(scratch.fuelUsed == SchemaLimits.fuel(bytes: deep.utf8.count, tokens: 40))
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
    #expect(SchemaLimits.fuel(bytes: 0, tokens: 1) == SchemaLimits.leastFuel)
    #expect(SchemaLimits.fuel(bytes: 8_192, tokens: 800) == SchemaLimits.leastFuel + 324)
    #expect(SchemaLimits.fuel(bytes: 8_192, tokens: 1) == SchemaLimits.leastFuel + 1_024)
    #expect(SchemaLimits.fuel(bytes: 65_536, tokens: 1) == SchemaLimits.leastFuel + 87_040)
    #expect(SchemaLimits.fuel(bytes: 8 << 20, tokens: 1) == SchemaLimits.fuel)
    // A look at each token it always has.
    for bytes in stride(from: 2, through: 1 << 20, by: 1_022) {
      let tokens = bytes / 2
      #expect(SchemaLimits.fuel(bytes: bytes, tokens: tokens) >= min(tokens + 8, SchemaLimits.fuel))
    }
  }

  @Test(
    arguments: [
      #"{"items":{"type":"integer"}}"#, #"{"items":{"type":"integer","minimum":0,"maximum":9}}"#,
      #"{"type":"array","items":{"type":["number","null"]},"maxItems":5000}"#,
    ])
  func `eight KiB of nothing but digits are looked at`(_ text: String) throws {
    let digits = (0..<4_095).map { String($0 % 10) }.joined(separator: ",")
    let schema = try Sample.schema(text)
    #expect(try Sample.check("[\(digits)]", schema) == .valid)
    #expect(try Sample.check("[\(digits.dropLast())[]]", schema) == .invalid)
    #expect(try Sample.check("[\(digits.dropLast(2)),\"a\"]", schema) == .invalid)
  }

  @Test func `eight KiB of different numbers are found to be different`() throws {
    let schema = try Sample.schema(#"{"items":{"type":"integer"},"uniqueItems":true}"#)
    let numbers = (0..<1_850).map(String.init).joined(separator: ",")
    #expect(try Sample.check("[\(numbers)]", schema) == .valid)
    #expect(try Sample.check("[\(numbers),-7]", schema) == .valid)
    #expect(try Sample.check("[\(numbers),7]", schema) == .invalid)
    let fewer = (0..<1_000).map(String.init).joined(separator: ",")
    for same in ["7.0", "-0", "0.0", "-0e5", "7e0", "70e-1", "0.9e3", "7.000000000000000000000000"]
    {
      #expect(try Sample.check("[\(fewer),\(same)]", schema) == .invalid, "\(same)")
    }
    for other in [
      "-7", "7e3", "-1e0", "1e18", "7000000000000000000000.0", "1e9223372036854775807",
      "-1e9223372036854775806", "10.5e9223372036854775807",
      "1e18446744073709551615",
    ] {
      #expect(try Sample.check("[\(fewer),\(other)]", schema) == .valid, "\(other)")
    }
  }

  @Test(
    "a pattern pays for what it does, whatever the engine counts itself",
    arguments: [
      "(?:(?=a+)a)*[bc]", "(?:x?x?a?)*(?!d)[bc]", "^(.*)\\\\1\\\\1[xy]$",
      "^(?:.*.*)*(?!d)[bc]$", "a+[a-c]+(?!d)[bc]$",
      "(?:(?<=a)a|a)*[bc]", "^(?:[ab]{1,3}){1,50}(?!d)[cd]$", "(?:a(?:a(?:a)?)?)*(?!d)[bc]",
      "a{250,}(?!d)[bc]", "a{250,999}?(?!d)[bc]",
    ])
  func patterns(_ pattern: String) throws {
    let schema = try Sample.schema(#"{"pattern":"\#(pattern)"}"#)
    let scratch = SchemaScratch()
    for length in [300, 2_000, 8_000, 60_000] {
      let text = "\"" + String(repeating: "a", count: length) + "\""
      let outcome = try Sample.check(text, schema, scratch)
      #expect(outcome == .patternLimit || length == 300)
      #expect(scratch.fuelUsed <= SchemaLimits.fuel(bytes: length + 2, tokens: 1))
    }
  }

  @Test(
    "a regular pattern is decided in one pass, however often it could be tried",
    arguments: [
      "^(a+)+[bc]$", "(?:x?x?a?)*[bc]", "^(?:.*.*)*[bc]$", "a+[a-c]+[bc]$", "a{30,}[bc]",
      "(?:[ab]{1,3}){1,9}[cd]$", "(?:a(?:a(?:a)?)?)*[bc]", "^(?!.*[bc]).*d$",
      "^((?!aa|c).)*$",
    ])
  func tables(_ pattern: String) throws {
    let schema = try Sample.schema(#"{"pattern":"\#(pattern)"}"#)
    let scratch = SchemaScratch()
    for length in [300, 2_000, 8_000, 60_000, 300_000] {
      let text = "\"" + String(repeating: "a", count: length) + "\""
      #expect(try Sample.check(text, schema, scratch) == .invalid)
      #expect(scratch.fuelUsed <= length / 2 + 200)
    }
  }

  @Test(
    "ordinary patterns look at texts of eight KiB",
    arguments: [
      (#"^(\\w+\\s?)*$"#, "lorem ipsum ", "!"), (#"^(?:[a-z]+ ?)+$"#, "lorem ipsum ", "!"),
      (#"^(\\d+)(,\\s*\\d+)*$"#, "1234, ", ""), (#"^(?!.*<script).*$"#, "lorem", "<script"),
      (#"^((?!<script)[^])*$"#, "lorem\\n", "<script>"),
      (#"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"#, "QUJD", "="),
      (#"^([^\\n]*\\n)*$"#, "lorem\\n", "x"), (#"^/([^/]+/)*$"#, "/lorem", ""),
      (#"^(?=.*[0-9])(?=.*[A-Z]).+$"#, "A1lorem", "\\n"),
      (#"^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$"#, "a", "@lorem"),
      (#"^(?:日本|ä)+$"#, "日本ä", "é"), (#"^[ぁ-んァ-ヶー一-龠々 ]+$"#, "これは日本語の文章 ", "a"),
      (#"^(?:[а-яё]+ ?)+$"#, "ёлка в лесу ", "!"), (#"^[^\\s]+$"#, "😀😀", " "),
    ])
  func ordinary(_ pattern: String, _ unit: String, _ bad: String) throws {
    let schema = try Sample.schema(#"{"pattern":"\#(pattern)"}"#)
    for size in [8_000, 60_000] {
      let text = String(repeating: unit, count: size / unit.utf8.count)
      let good =
        switch unit {
        case "1234, ": text + "1"
        case "/lorem": text + "/"
        case "a": text + "@b.c"
        default: text
        }
      #expect(try Sample.check("\"\(good)\"", schema) == .valid, "\(pattern)")
      #expect(try Sample.check("\"\(text)\(bad)\"", schema) == .invalid, "\(pattern)")
    }
  }

  @Test(
    "names that look alike cost no more than others",
    arguments: ["12345678", "a name of more than four and twenty bytes "])
  func alikeNames(lead: String) throws {
    let known = (0..<5_000).map { "\(lead)\(100_000 + $0)12345678" }
    let properties = known.map { "\"\($0)\":{\"type\":\"integer\"}" }
    let schema = try Sample.schema(#"{"properties":{\#(properties.joined(separator: ","))}}"#)
    let scratch = SchemaScratch()
    // All of them are found, and others are not.
    let few = known.prefix(100).map { "\"\($0)\":1" }.joined(separator: ",")
    #expect(try Sample.check("{\(few)}", schema, scratch) == .valid)
    #expect(scratch.fuelUsed < 600 + 100 * (lead.utf8.count / 8))
    for name in known.indices where name % 500 == 0 {
      #expect(try Sample.check("{\"\(known[name])\":\"\"}", schema) == .invalid)
    }
    let others = (0..<150).map { "\"\(lead)x\(10_000 + $0)12345678\":\"\"" }
    let strange = "{\(others.joined(separator: ","))}"
    #expect(try Sample.check(strange, schema, scratch) == .valid)
    #expect(scratch.fuelUsed < 900 + 150 * (lead.utf8.count / 8))
  }

  @Test func `a harmless pattern looks at texts of eight KiB`() throws {
    let letters = try Sample.schema(#"{"pattern":"^[\\p{L}\\p{N} '-]*$"}"#)
    let text = String(repeating: "é", count: 4_000)
    #expect(try Sample.check("\"\(text)\"", letters) == .valid)
    #expect(try Sample.check("\"\(text.prefix(1_000))!\"", letters) == .invalid)
  }

  @Test func `each link of a chain that is looked at costs fuel`() throws {
    let links = "abcdefghijklmnopqrstuvwxyz".map { "\($0)?" }.joined()
    let schema = try Sample.schema(#"{"pattern":"^\#(links)$"}"#)
    let scratch = SchemaScratch()
    #expect(try Sample.check(#""z""#, schema, scratch) == .valid)
    #expect(scratch.fuelUsed >= 26)
    let returning = try Sample.schema(#"{"pattern":"^(a[b]?[c]?[d]?[e]?[f]?[g]?[h]?)*$"}"#)
    let text = String(repeating: "a", count: 8_000)
    #expect(try Sample.check("\"\(text)\"", returning, scratch) == .fuelExhausted)
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
