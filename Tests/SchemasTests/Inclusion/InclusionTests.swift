import Bytes
import Testing

@testable import Schemas

/// Pairs whose answer is known: what each keyword does to inclusion, and what the policy makes of
/// members that nobody declares.
struct InclusionTests {
  private func verdict(
    _ writer: String, _ reader: String, _ policy: EvolutionPolicy = .strict
  ) throws -> SchemaInclusion.Verdict {
    SchemaInclusion.compare(
      writer: try Sample.schema(writer), reader: try Sample.schema(reader), policy: policy)
  }

  @Test(arguments: [
    (#"{"type":"integer"}"#, #"{"type":"number"}"#),
    (#"{"type":"integer","minimum":1,"maximum":3}"#, #"{"enum":[1,2,3]}"#),
    (#"{"type":"integer","multipleOf":6}"#, #"{"multipleOf":0.3}"#),
    (#"{"const":1e1000000000}"#, #"{"minimum":5}"#),
    (#"{"type":"number","exclusiveMinimum":1e400}"#, #"{"minimum":1e399}"#),
    (#"{"type":"string","pattern":"^a{3}$"}"#, #"{"pattern":"a","minLength":2,"maxLength":3}"#),
    (#"{"type":"string","pattern":"^(ab|cd)$"}"#, #"{"enum":["ab","cd"]}"#),
    (#"{"type":"string"}"#, #"{"pattern":"[a-z]*"}"#),
    (#"{"pattern":"(?=x)y"}"#, #"{"pattern":"(?=x)y"}"#),
    (#"{"type":"string","pattern":"^(?!x-)[a-z]"}"#, #"{"pattern":"^(?!x-)"}"#),
    (#"{"type":"string","pattern":"^(?=ab)"}"#, #"{"pattern":"^a"}"#),
    (
      #"{"patternProperties":{"^x-":{},"^(?!x-)":{"type":"string"}}}"#,
      #"{"properties":{"a":{"type":"string"}},"patternProperties":{"^b":{"type":"string"}}}"#
    ),
    (#"{"type":"string","format":"uuid"}"#, #"{"minLength":36,"maxLength":36}"#),
    (#"{"type":"string","format":"uri"}"#, #"{"format":"uri-reference"}"#),
    (#"{"type":"boolean"}"#, #"{"enum":[true,false,null]}"#),
    (#"{"type":["boolean","null"]}"#, #"{"anyOf":[{"const":true},{"enum":[false,null]}]}"#),
    (#"{"type":"array","items":{"type":"boolean"},"uniqueItems":true}"#, #"{"maxItems":2}"#),
    (#"{"type":"array","contains":{"const":1},"minContains":2}"#, #"{"minItems":2}"#),
    (#"{"prefixItems":[{"type":"string"}],"items":false}"#, #"{"maxItems":1}"#),
    (
      #"{"type":"object","properties":{"k":{"enum":["a","b"]}},"required":["k"]}"#,
      #"{"oneOf":[{"properties":{"k":{"const":"a"}}},{"properties":{"k":{"const":"b"}}}]}"#
    ),
    (#"{"type":"object","maxProperties":0}"#, #"{"const":{}}"#),
    (#"{"not":{"type":"string"}}"#, #"{"type":["object","array","number","boolean","null"]}"#),
    (#"{"type":"object","propertyNames":{"pattern":"^x"}}"#, #"{"not":{"required":["a"]}}"#),
    (
      ##"{"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##,
      ##"{"$defs":{"m":{"properties":{"next":{"$ref":"#/$defs/m"}}}},"$ref":"#/$defs/m"}"##
    ),
    // No finite value needs itself.
    (
      ##"{"$defs":{"n":{"type":"object","required":["n"],"properties":{"n":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##,
      "false"
    ),
    (
      #"{"if":{"properties":{"k":{"const":1}}},"then":{"required":["a"]}}"#,
      #"{"anyOf":[{"required":["a"]},{"not":{"properties":{"k":{"const":1}}}}]}"#
    ),
    (
      #"{"properties":{"a":{"type":"string"}},"unevaluatedProperties":false}"#,
      #"{"properties":{"a":{}},"additionalProperties":false}"#
    ),
  ])
  func included(writer: String, reader: String) throws {
    #expect(try verdict(writer, reader) == .included)
  }

  @Test(arguments: [
    (#"{"type":"number"}"#, #"{"type":"integer"}"#, "type"),
    (#"{"type":"integer"}"#, #"{"minimum":1e1000000000}"#, "minimum"),
    (#"{"type":"number","minimum":0}"#, #"{"exclusiveMinimum":0}"#, "exclusiveMinimum"),
    (#"{"type":"integer","multipleOf":2}"#, #"{"multipleOf":4}"#, "multipleOf"),
    (#"{"type":"string","minLength":3}"#, #"{"maxLength":3}"#, "maxLength"),
    (#"{"type":"string","pattern":"^a*$"}"#, #"{"pattern":"^(aa)*$"}"#, "pattern"),
    (#"{"type":"string","format":"date"}"#, #"{"format":"date-time"}"#, "format"),
    (#"{"type":"array"}"#, #"{"uniqueItems":true}"#, "uniqueItems"),
    (#"{"type":"array","minItems":3}"#, #"{"contains":{"type":"string"}}"#, "contains"),
    (#"{"prefixItems":[{},{"type":"string"}]}"#, #"{"items":{"type":"string"}}"#, "type"),
    (#"{"type":"object"}"#, #"{"required":["a"]}"#, "required"),
    (#"{"type":"object"}"#, #"{"additionalProperties":false}"#, "additionalProperties"),
    (#"{"type":"object","minProperties":2}"#, #"{"maxProperties":2}"#, "maxProperties"),
    (#"{"enum":["a","b","c"]}"#, #"{"enum":["a","b"]}"#, "enum"),
    (#"{"type":["string","null"]}"#, #"{"not":{"type":"null"}}"#, "not"),
    (#"{"dependentRequired":{"a":["b"]}}"#, #"{"dependentRequired":{"a":["c"]}}"#, ""),
  ])
  func excluded(writer: String, reader: String, rule: String) throws {
    guard case .excluded(let reasons, let text) = try verdict(writer, reader) else {
      Issue.record("not excluded")
      return
    }
    #expect(rule.isEmpty || reasons.contains { $0.rule == rule })
    #expect(try Sample.check(text.text, Sample.schema(writer)) == .valid)
    #expect(try Sample.check(text.text, Sample.schema(reader)) == .invalid)
  }

  @Test func `every broken property has its reason, with both places`() throws {
    let writer = #"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}}}"#
    let reader = #"{"properties":{"a":{"type":"integer"},"b":{"maximum":7}},"required":["c"]}"#
    let reasons = try verdict(writer, reader, .evolution).reasons
    #expect(reasons.map(\.rule).sorted() == ["maximum", "required", "type"])
    let type = try #require(reasons.first { $0.rule == "type" })
    #expect(type.reader == .init(pointer: "#/properties/a/type", keyword: "type"))
    #expect(type.writer == .init(pointer: "#/properties/a/type", keyword: "type"))
    #expect(type.instance == "/a")
    let maximum = try #require(reasons.first { $0.rule == "maximum" })
    #expect(maximum.writer == .init(pointer: "#/properties/b"))
  }

  @Test func `under evolution optional properties come and go`() throws {
    let one = #"{"type":"object","properties":{"a":{"type":"string"}}}"#
    let two = #"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#
    #expect(try verdict(one, two, .strict).isIncluded == false)
    #expect(try verdict(one, two, .evolution) == .included)
    #expect(try verdict(two, one, .evolution) == .included)
    // But not as something else, nor into a closed reader, nor as required.
    let retyped = #"{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}"#
    #expect(try verdict(two, retyped, .evolution).isIncluded == false)
    let closed = #"{"properties":{"a":{"type":"string"}},"additionalProperties":false}"#
    #expect(try verdict(two, closed, .evolution).isIncluded == false)
    let required = #"{"properties":{"b":{}},"required":["b"]}"#
    #expect(try verdict(two, required, .evolution).isIncluded == false)
  }

  @Test func `an explicit schema of other members is honoured`() throws {
    let open = #"{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}"#
    let reader = #"{"properties":{"a":{},"b":{"type":"string"}}}"#
    #expect(try verdict(open, reader, .evolution).isIncluded == false)
    let map = #"{"type":"object"}"#
    #expect(try verdict(map, reader, .evolution).isIncluded == false)
  }

  @Test func `names that are only asked for leave a map what it is`() throws {
    let reader = #"{"properties":{"b":{"type":"integer"}}}"#
    let map = #"{"type":"object","required":["a"]}"#
    #expect(try verdict(map, reader, .evolution).isIncluded == false)
    // Beside properties they are names like those.
    let object = #"{"type":"object","required":["a"],"properties":{"x":{}}}"#
    #expect(try verdict(object, reader, .evolution) == .included)
  }

  @Test func `names that many branches ask for may be there together`() throws {
    let branches = ["a", "b", "c", "d", "e"].map { #"{"required":["\#($0)"]}"# }
    let writer = """
      {"type":"object","properties":{"x":{}},"anyOf":[\(branches.joined(separator: ","))]}
      """
    let reader = #"{"not":{"required":["a","b"]}}"#
    #expect(try verdict(writer, reader, .evolution).isIncluded == false)
  }

  @Test(arguments: [#"{"required":["@"]}"#, #"{"required":["@"],"properties":{"@":{}}}"#])
  func `names of branches that need not hold are not counted as declared`(branch: String) throws {
    let branches = ["a", "b", "c", "d", "e"].map { branch.replacing("@", with: $0) }
    func writer(_ least: Int) -> String {
      #"{"type":"object","minProperties":\#(least),"properties":{"x":{}},"#
        + #""anyOf":[\#(branches.joined(separator: ","))]}"#
    }
    // An object of one branch has two members that are declared.
    let reader = #"{"properties":{"z":{"type":"integer"}}}"#
    #expect(try verdict(writer(6), reader, .evolution).isIncluded == false)
    #expect(try verdict(writer(2), reader, .evolution) == .included)
  }

  @Test func `what many branches share is gone through once`() throws {
    let names = (0..<4_000).map { #""n\#($0)""# }.joined(separator: ",")
    let branches = Array(repeating: ##"{"$ref":"#/$defs/g"}"##, count: 1_000)
    let writer = try Sample.schema(
      #"{"anyOf":[\#(branches.joined(separator: ","))],"$defs":{"g":{"required":[\#(names)]}}}"#)
    guard case .any(let schemas)? = writer.graph[0].branches.first else {
      Issue.record("no union")
      return
    }
    let declared = Evaluated.declared(byAnyOf: schemas, writer.graph)
    #expect(declared.names.count == 4_000 && !declared.takesOthers)
    #expect((5_000...7_000).contains(declared.weight))
  }

  @Test(arguments: [
    (
      #"{"type":"object","maxProperties":1,"additionalProperties":{"type":"string"}}"#,
      #"{"patternProperties":{"^a":{"type":"integer"}}}"#, #"{"propertyNames":{"maxLength":3}}"#
    ),
    (
      #"{"type":"object","minProperties":1,"maxProperties":1,"propertyNames":{"minLength":1}}"#,
      #"{"propertyNames":{"minLength":2}}"#, #"{"propertyNames":{"pattern":"^[^z]"}}"#
    ),
  ])
  func `one member may break what several branches ask of names`(
    writer: String, one: String, other: String
  ) throws {
    for branches in [[one, other], [other, one]] {
      let reader = #"{"anyOf":[\#(branches.joined(separator: ","))]}"#
      #expect(try verdict(writer, reader).isIncluded == false)
    }
  }

  @Test func `branches of a union declare members of their own`() throws {
    let writer = """
      {"oneOf":[{"properties":{"k":{"const":"a"},"x":{}},"required":["k"]},
      {"properties":{"k":{"const":"b"},"y":{}},"required":["k"]}]}
      """
    let grown = """
      {"oneOf":[{"properties":{"k":{"const":"a"},"x":{},"y":{"type":"string"}},"required":["k"]},
      {"properties":{"k":{"const":"b"},"y":{}},"required":["k"]}]}
      """
    #expect(try verdict(writer, grown, .evolution) == .included)
    let narrowed = writer.replacing(#""y":{}"#, with: #""y":{"type":"string"}"#)
    #expect(try verdict(writer, narrowed, .evolution).isIncluded == false)
  }

  @Test func `deep schemas are compared to their ground`() throws {
    func nested(_ depth: Int, _ ground: String) -> String {
      (0..<depth).reduce(ground) { inner, _ in
        #"{"type":"object","required":["n"],"allOf":[{"anyOf":[{"properties":{"n":\#(inner)}}]}]}"#
      }
    }
    // As deep as JSON text may be; through references, values go deeper than schemas.
    let deep = try verdict(nested(10, #"{"type":"string"}"#), nested(10, #"{"maxLength":2}"#))
    #expect(deep.isIncluded == false)
    let chain = (0..<60).map { index in
      ##""d\##(index)":{"required":["n"],"properties":{"n":{"$ref":"#/$defs/d\##(index + 1)"}}}"##
    }.joined(separator: ",")
    func chained(_ ground: String) -> String {
      ##"{"$ref":"#/$defs/d0","$defs":{\##(chain),"d60":\##(ground)}}"##
    }
    let wide = try verdict(chained(#"{"type":"integer"}"#), chained(#"{"type":"number"}"#))
    #expect(wide.isIncluded != false)
    let narrow = try verdict(chained(#"{"type":"number"}"#), chained(#"{"type":"integer"}"#))
    #expect(narrow.isIncluded != true)
  }

  @Test func `hostile pairs end within the budget`() throws {
    let branch = (0..<12).map {
      #"{"properties":{"p\#($0)":{"pattern":"^(a|b)*a(a|b){\#($0)}$"}}}"#
    }
    let any = #"{"anyOf":[\#(branch.joined(separator: ","))]}"#
    let all = #"{"allOf":[\#(branch.map { #"{"not":\#($0)}"# }.joined(separator: ","))]}"#
    for (writer, reader) in [(any, all), (all, any), (any, any)] {
      _ = try verdict(writer, reader)
    }
    let wide = (0..<40).map { #""p\#($0)":{"type":"string"}"# }.joined(separator: ",")
    let one = #"{"properties":{\#(wide)},"minProperties":20}"#
    #expect(try verdict(one, one, .strict) == .included)
  }
}
