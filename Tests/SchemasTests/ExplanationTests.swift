import Bytes
import JSONText
import Testing

@testable import Schemas

@Suite struct ExplanationTests {
  private func lines(_ payload: String, _ schema: String) throws -> [String] {
    try Sample.explain(payload, try Sample.schema(schema)).violations.map {
      "\($0.pointer) \($0.code) \($0.schemaPointer)"
    }
  }

  static let order = #"""
    {"type":"object","required":["id","total"],"additionalProperties":false,
     "properties":{"id":{"type":"string","minLength":3},"currency":{"enum":["EUR","USD"]},
     "total":{"$ref":"#/$defs/money"},"tags":{"items":{"maxLength":2},"uniqueItems":true}},
     "$defs":{"money":{"type":"number","minimum":0}}}
    """#

  @Test func `names every fault at its place, in the payload and in the schema`() throws {
    #expect(
      try lines(
        #"{"id":"a","currancy":"EUR","total":-1,"tags":["abc","x","x"]}"#, Self.order) == [
          "/id string.too_short #/properties/id/minLength",
          "/currancy property.unknown #/additionalProperties",
          "/total number.too_small #/$defs/money/minimum",
          "/tags/0 string.too_long #/properties/tags/items/maxLength",
          "/tags array.duplicate #/properties/tags/uniqueItems",
        ])
    #expect(
      try lines(#"{"id":1}"#, Self.order) == [
        "/id type #/properties/id/type", "/total property.missing #/required",
      ])
  }

  @Test func `tells type and length, bound and what was probably meant, never the value`() throws {
    let schema = try Sample.schema(Self.order)
    let found = try Sample.explain(
      #"{"id":"se","currancy":1,"total":-77.5,"currency":"ERU"}"#, schema
    ).violations
    #expect(found.map(\.actualType) == ["string", "integer", "number", "string"])
    #expect(found.map(\.actualLength) == [2, nil, nil, 3])
    #expect(found.map { $0.expected?.text } == ["3", nil, "0", #"["EUR","USD"]"#])
    // The member is there already, so it cannot have been meant.
    #expect(found.map(\.suggestion) == [nil, nil, nil, "EUR"])
    #expect(found.allSatisfy { !$0.message.contains("77") && !$0.message.contains("ERU") })
    let misspelt = try Sample.explain(#"{"id":"abc","total":1,"Currancy":"EUR"}"#, schema)
    #expect(misspelt.violations.map(\.suggestion) == ["currency"])
  }

  @Test func `escapes pointers and cuts them`() throws {
    let schema = #"{"additionalProperties":{"type":"null"}}"#
    #expect(
      try lines(#"{"a/b~\u0063":1}"#, schema) == ["/a~1b~0c type #/additionalProperties/type"])
    let long = String(repeating: "é", count: 300)
    let pointer = try Sample.explain("{\"\(long)\":1}", try Sample.schema(schema))
      .violations[0].pointer
    #expect(pointer.utf8.count <= SchemaLimits.pointerBytes)
    #expect(pointer.hasSuffix("é…"))
  }

  @Test(arguments: [500, 3_000])
  func `the fault of a late row is found`(rows: Int) throws {
    let schema = #"""
      {"properties":{"rows":{"items":{"properties":{"id":{"type":"integer"},"name":{"maxLength":9}}}}}}
      """#
    let good = (0..<rows).map { #"{"id":\#($0),"name":"row"}"# }.joined(separator: ",")
    #expect(
      try lines(#"{"rows":[\#(good),{"id":1.5,"name":"row"}]}"#, schema) == [
        "/rows/\(rows)/id type #/properties/rows/items/properties/id/type"
      ])
  }

  @Test func `stops at the limit and says so`() throws {
    let schema = try Sample.schema(#"{"items":{"type":"null"}}"#)
    func explain(_ count: Int) throws -> Explanation {
      try Sample.explain("[\(repeatElement("1", count: count).joined(separator: ","))]", schema)
    }
    let exactly = try explain(SchemaLimits.violations)
    #expect(exactly.violations.count == SchemaLimits.violations && !exactly.truncated)
    let more = try explain(SchemaLimits.violations + 1)
    #expect(more.violations.count == SchemaLimits.violations && more.truncated)
  }

  static let pets = #"""
    {"oneOf":[
     {"type":"object","required":["kind","bark"],"properties":{"kind":{"const":"dog"},"bark":{"type":"string"}}},
     {"type":"object","required":["kind","lives"],"properties":{"kind":{"enum":["cat","lion"]},"lives":{"maximum":9}}}]}
    """#

  @Test func `a discriminator says which branch was meant`() throws {
    let schema = try Sample.schema(Self.pets)
    #expect(try Sample.check(#"{"kind":"lion","lives":9}"#, schema) == .valid)
    #expect(try Sample.check(#"{"lives":1,"k\u0069nd":"c\u0061t"}"#, schema) == .valid)
    #expect(
      try lines(#"{"kind":"cat","lives":10}"#, Self.pets) == [
        "/lives number.too_large #/oneOf/1/properties/lives/maximum"
      ])
    #expect(try lines(#"{"kind":"dgo"}"#, Self.pets) == ["/kind union.unknown #/oneOf"])
    #expect(try lines(#"{"bark":"a"}"#, Self.pets) == ["/kind property.missing #/oneOf"])
    #expect(try lines("1", Self.pets) == [" type #/oneOf"])
    let unknown = try Sample.explain(#"{"kind":"lino"}"#, schema).violations[0]
    #expect(unknown.expected?.text == #"["dog","cat","lion"]"#)
    #expect(unknown.suggestion == "lion")
  }

  @Test func `without one the branch that fits best is explained`() throws {
    #expect(
      try lines(#""a""#, #"{"anyOf":[{"type":"null"},{"type":"string","minLength":2}]}"#) == [
        " string.too_short #/anyOf/1/minLength"
      ])
    #expect(
      try lines("1", #"{"anyOf":[{"type":"null"},{"type":"string"}]}"#) == [" type #/anyOf"])
    #expect(
      try lines(#""a""#, #"{"anyOf":[{"minLength":2},{"pattern":"b"}]}"#) == [
        " union.none #/anyOf"
      ])
    #expect(
      try lines("5", #"{"oneOf":[{"type":"integer"},{"minimum":2}]}"#) == [" union.many #/oneOf"])
    let optionalKind = #"""
      {"anyOf":[{"properties":{"v":{"const":1},"a":{"type":"null"},"b":{"type":"null"}}},
       {"properties":{"v":{"const":2},"a":{"type":"string"}}}]}
      """#
    #expect(
      try lines(#"{"v":1,"a":3,"b":4}"#, optionalKind) == [
        "/a type #/anyOf/0/properties/a/type", "/b type #/anyOf/0/properties/b/type",
      ])
  }

  @Test func `conditions and exclusions are explained`() throws {
    #expect(
      try lines(
        #"{"a":1}"#, #"{"if":{"required":["a"]},"then":{"required":["b"]}}"#) == [
          "/b property.missing #/then/required"
        ])
    #expect(try lines("1", #"{"not":{"type":"integer"}}"#) == [" not #/not"])
    #expect(
      try lines(#"{"a":1}"#, #"{"properties":{"a":false}}"#) == ["/a forbidden #/properties/a"])
    #expect(
      try lines(#"{"a":1}"#, #"{"dependentRequired":{"a":["b","c"]}}"#) == [
        "/b property.missing #/dependentRequired/a", "/c property.missing #/dependentRequired/a",
      ])
    #expect(
      try lines(#"{"abc":1}"#, #"{"propertyNames":{"maxLength":2}}"#) == [
        "/abc property.name #/propertyNames/maxLength"
      ])
  }

  @Test func `a name is told like a value, with its own rule, type and length`() throws {
    let schema = try Sample.schema(
      #"""
      {"propertyNames":{"allOf":[{"maxLength":6},{"enum":["red","green"]}]},"x-error":{"type":"x"}}
      """#)
    let payload = "{\"red\":1,\n \"gren\":{},\"lilablau\":2}"
    let found = try Sample.explain(payload, schema).violations
    #expect(
      found.map { "\($0.pointer) \($0.keyword) \($0.schemaPointer)" } == [
        "/gren propertyNames #/propertyNames/allOf/1/enum",
        "/lilablau propertyNames #/propertyNames/allOf/0/maxLength",
        "/lilablau propertyNames #/propertyNames/allOf/1/enum",
      ])
    #expect(found.map(\.actualType) == ["string", "string", "string"])
    #expect(found.map(\.actualLength) == [4, 8, 8])
    #expect(
      found.map { $0.expected?.text } == [#"["red","green"]"#, "6", #"["red","green"]"#])
    #expect(found.map(\.suggestion) == ["green", nil, nil])
    #expect(found[0].message == "has a name that must be one of the allowed values")
    #expect(found[0].line == 2 && found[0].column == 2)
    let own = try Sample.schema(
      #"{"x-error":{"propertyNames":"two letters"},"propertyNames":{"maxLength":2}}"#)
    #expect(try Sample.explain(#"{"abc":1}"#, own).violations.map(\.message) == ["two letters"])
  }

  @Test func `a member that another asks for is told with the other's name`() throws {
    let schema = try Sample.schema(#"{"dependentRequired":{"a/b":["c"]}}"#)
    let found = try Sample.explain(#"{"a/b":1}"#, schema).violations
    #expect(found.map(\.schemaPointer) == ["#/dependentRequired/a~1b"])
    #expect(found.map(\.message) == ["is required where 'a/b' is"])
    for dialect in [SchemaDialect.draft07, .draft202012] {
      let plain = try Sample.schema(#"{"dependencies":{"a":["c"]}}"#, dialect)
      let found = try Sample.explain(#"{"a":1}"#, plain).violations
      #expect(found.map(\.schemaPointer) == ["#/dependencies/a"])
      #expect(found.map(\.keyword) == ["dependencies"])
    }
  }

  @Test func `the schema false, a tag that is missing, an impossible bound say what they are`()
    throws
  {
    let never = try Sample.explain(
      #"{"a":1}"#, try Sample.schema(#"{"properties":{"a":false}}"#)
    ).violations[0]
    #expect(never.keyword == "false" && never.schemaPointer == "#/properties/a")
    #expect(never.message == "is not allowed here: its schema is false")
    let untagged = try Sample.explain(#"{"bark":"a"}"#, try Sample.schema(Self.pets)).violations[0]
    #expect(untagged.expected?.text == #"["dog","cat","lion"]"#)
    #expect(untagged.message == "is required: it tells the 2 alternatives apart")
    let endless = try Sample.explain(
      #""a""#, try Sample.schema(#"{"minLength":1e400}"#)
    ).violations[0]
    #expect(endless.expected == nil && !endless.message.contains("2147483647"))
  }

  @Test func `of an array that lacks an item the nearest one is told`() throws {
    let schema = try Sample.schema(
      #"""
      {"contains":{"type":"object","required":["sku","qty"],"properties":{"qty":{"minimum":1}}}}
      """#)
    func message(_ payload: String) throws -> String {
      try Sample.explain(payload, schema).violations[0].message
    }
    let plain = "must have at least 1 of the items that the schema asks for"
    #expect(
      try message(#"["secret",{"qty":0},{"sku":1,"qty":0}]"#)
        == plain + "; item 2 comes nearest, where /2/qty must be at least 1")
    #expect(try message(#"[1,2]"#) == plain)
    #expect(try message(#"[{"sku":1},{"sku":2}]"#) == plain)
    #expect(try message("[]") == plain)
  }

  @Test func `tells line and column, of what is missing those of the object`() throws {
    let payload = "{\"é\":[1,\n  \"x\"],\"id\":7,\n \"o\" : { } }"
    let schema = #"""
      {"required":["gone"],"properties":{"é":{"items":{"type":"integer"}},"id":{"type":"string"},
       "o":{"required":["x"]}}}
      """#
    let found = try Sample.explain(payload, try Sample.schema(schema)).violations
    #expect(
      found.map { "\($0.pointer) \($0.line):\($0.column)" } == [
        "/é/1 2:3", "/id 2:13", "/o/x 3:8", "/gone 1:1",
      ])
  }

  @Test func `names the branch of a union that was taken to be meant, and why`() throws {
    let schema = try Sample.schema(Self.pets)
    let chosen = try Sample.explain(#"{"kind":"cat","lives":10}"#, schema).violations[0]
    #expect(chosen.branch == UnionBranch(schemaPointer: "#/oneOf/1", reason: "'kind' is 'cat'"))
    let ways = try Sample.schema(
      #"""
      {"properties":{"pay":{"oneOf":[
       {"required":["card"],"properties":{"card":{"type":"string"}}},
       {"required":["iban"],"properties":{"iban":{"type":"string"}}}]}}}
      """#)
    let fitting = try Sample.explain(#"{"pay":{"iban":5}}"#, ways).violations
    #expect(fitting.map(\.pointer) == ["/pay/iban"])
    #expect(fitting[0].branch?.schemaPointer == "#/properties/pay/oneOf/1")
    #expect(fitting[0].branch?.reason == "it fits best of 2 alternatives")
    #expect(try Sample.explain("1", try Sample.schema(Self.pets)).violations[0].branch == nil)
  }

  @Test func `the author's own words take the place of ours`() throws {
    let schema = try Sample.schema(
      #"""
      {"required":["id"],"x-error":{"required":"every order has a number"},
       "properties":{"id":{"type":"string","minLength":2,"x-error":"AB and a number"},
       "n":{"maximum":9,"x-error":{"minimum":"is unused"}}}}
      """#)
    func messages(_ payload: String) throws -> [String] {
      try Sample.explain(payload, schema).violations.map { "\($0.code) \($0.message)" }
    }
    #expect(
      try messages(#"{"n":10}"#) == [
        "number.too_large must be at most 9", "property.missing every order has a number",
      ])
    #expect(try messages(#"{"id":"A"}"#) == ["string.too_short AB and a number"])
    #expect(throws: SchemaFault.self) { try Sample.schema(#"{"x-error":[]}"#) }
    #expect(throws: SchemaFault.self) { try Sample.schema(#"{"x-error":{"type":1}}"#) }
  }

  @Test func `a pattern at its limit is told apart, with its place`() throws {
    let schema = try Sample.schema(#"{"properties":{"a":{"pattern":"^(a+)+(?!b)$"}}}"#)
    let hostile = "{\"a\":\"\(String(repeating: "a", count: 60))!\"}"
    guard
      case .patternLimit(let place?) = schema.validate(
        ByteSlice(utf8: hostile), SchemaScratch())
    else {
      Issue.record("not at the limit")
      return
    }
    #expect(place.pointer == "/a" && place.schemaPointer == "#/properties/a/pattern")
    #expect(place.code == .patternLimit && place.actualLength == 61)
  }

  @Test func `a pattern that the explanation cannot pay for has met no limit`() throws {
    let schema = try Sample.schema(#"{"properties":{"a":{"pattern":"^(?:[ab]{8})*(?!e)[cd]$"}}}"#)
    let scratch = SchemaScratch()
    let payload =
      "{\"a\":\"\(String(repeating: "a", count: 36_000))\","
      + "\"b\":\"\(String(repeating: "b", count: 24_000))\"}"
    let slice = ByteSlice(utf8: payload)
    try scratch.parser.parse(slice)
    #expect(schema.accepts(scratch.parser, scratch) == .invalid)
    // Asking whether the value is fine and the closer look have half of the explanation's each.
    let half = SchemaLimits.explanationFuel(bytes: slice.count, tokens: 5) / 2
    #expect(scratch.fuelUsed > half)
    let explanation = schema.explain(scratch.parser, scratch)
    #expect(explanation.truncated)
    #expect(!explanation.violations.contains { $0.code == .patternLimit })
  }

  @Test func `names of codes are different and stay`() {
    let names = ViolationCode.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.contains("format.date-time") && names.contains("union.unknown"))
  }

  @Test func `what no keyword has looked at is told with the name that was meant`() throws {
    let schema = try Sample.schema(
      #"""
      {"allOf":[{"$ref":"#/$defs/base"}],"properties":{"total":true},"unevaluatedProperties":false,
       "$defs":{"base":{"properties":{"currency":true}}}}
      """#)
    let found = try Sample.explain(#"{"total":1,"currancy":2}"#, schema).violations
    #expect(found.map(\.pointer) == ["/currancy"] && found.map(\.suggestion) == ["currency"])
    #expect(found.map(\.code) == [.unknownProperty])
  }

  @Test func `a misspelt member is told beside what else is wrong`() throws {
    let schema = #"""
      {"required":["currency"],"properties":{"currency":true,"total":{"type":"integer"}},
       "unevaluatedProperties":false}
      """#
    let found = try Sample.explain(
      #"{"currancy":"EUR","total":"x"}"#, try Sample.schema(schema)
    ).violations
    #expect(found.map(\.pointer) == ["/total", "/currency", "/currancy"])
    #expect(found.map(\.code) == [.type, .missing, .unknownProperty])
    #expect(found.map(\.suggestion) == [nil, nil, "currency"])
    // A branch that does not count yet may know the member: then nothing is said of it.
    let choice = #"""
      {"anyOf":[{"required":["a","x"],"properties":{"a":true,"x":true}},
       {"required":["b","y"],"properties":{"b":true,"y":true}}],
       "if":{"required":["z"]},"then":{"properties":{"z":true}},"unevaluatedProperties":false}
      """#
    let open = try Sample.explain(#"{"a":1,"z":1,"q":1}"#, try Sample.schema(choice)).violations
    #expect(open.map(\.pointer) == ["/x", "/q"])
    let items = #"""
      {"maxItems":1,"prefixItems":[true],"unevaluatedItems":false}
      """#
    #expect(
      try lines("[1,2]", items) == [
        " array.too_long #/maxItems", "/1 array.unexpected #/unevaluatedItems",
      ])
  }
}
