import Bytes
import Testing

@testable import Schemas

/// `$dynamicRef` and `$dynamicAnchor`: who is meant depends on the way by which a schema was met.
@Suite struct DynamicReferenceTests {
  /// A list whose items are left to whoever refers to it; by default anything.
  private static let list = ##"""
    {"$id":"list","type":"array","items":{"$dynamicRef":"#item"},
     "$defs":{"item":{"$dynamicAnchor":"item"}}}
    """##

  private static func schema(_ text: String) throws -> CompiledSchema { try Sample.schema(text) }

  @Test func `lists that many scopes meet are counted for each of them`() throws {
    let name = String(repeating: "n", count: 96)
    let names = (1_000..<3_000).map { "\"\(name)\($0)\"" }.joined(separator: ",")
    let parts = (0..<25).map {
      ##"{"$id":"a\##($0)","$dynamicAnchor":"n","$ref":"/#/$defs/x"}"##
    }
    let text = ByteSlice(
      utf8: ##"""
        {"$id":"http://s.example/","allOf":[\##(parts.joined(separator: ","))],
         "$defs":{"x":{"required":[\##(names)]},"y":{"$dynamicRef":"a0#n"}}}
        """##)
    let fault = try #require(throws: SchemaFault.self) {
      try CompiledSchema.compile(text, isNew: true)
    }
    #expect(
      fault.reason
        == .limitExceeded(
          what: "bytes of schemas in further dynamic scopes", limit: SchemaLimits.scopedBytes))
    #expect(fault.pointer == "#/$defs/x")
    // What is kept already may have more.
    let kept = try CompiledSchema.compile(text)
    #expect(kept.graph.filter { $0.pointer == "#/$defs/x" }.count == 25)
  }

  @Test func `the outermost bearer of the name is meant`() throws {
    let schema = try Self.schema(
      ##"""
      {"$id":"https://s.example/root","properties":{
       "words":{"$ref":"words"},"numbers":{"$ref":"numbers"},"any":{"$ref":"list"}},
       "$defs":{"list":\##(Self.list),
       "words":{"$id":"words","$ref":"list",
        "$defs":{"item":{"$dynamicAnchor":"item","type":"string"}}},
       "numbers":{"$id":"numbers","$ref":"list",
        "$defs":{"item":{"$dynamicAnchor":"item","type":"number"}}}}}
      """##)
    for (payload, expected) in [
      (#"{"words":["a"],"numbers":[1],"any":[null,"a",1]}"#, CheckResult.valid),
      (#"{"words":[1]}"#, .invalid), (#"{"numbers":["a"]}"#, .invalid),
    ] {
      #expect(try Sample.check(payload, schema) == expected, "\(payload)")
    }
    // One list, met in three scopes.
    #expect(schema.program.nodes.count < 24)
  }

  @Test func `a recursive schema is extended at every depth`() throws {
    let schema = try Self.schema(
      ##"""
      {"$id":"https://s.example/strict","$dynamicAnchor":"node","$ref":"tree",
       "unevaluatedProperties":false,"$defs":{"tree":{"$id":"tree","$dynamicAnchor":"node",
        "properties":{"data":true,"children":{"items":{"$dynamicRef":"#node"}}}}}}
      """##)
    #expect(try Sample.check(#"{"children":[{"data":1,"children":[{}]}]}"#, schema) == .valid)
    let bad = #"{"children":[{"children":[{"daat":1}]}]}"#
    #expect(try Sample.check(bad, schema) == .invalid)
    let explanation = try Sample.explain(bad, schema)
    #expect(explanation.violations.map(\.pointer) == ["/children/0/children/0/daat"])
    #expect(explanation.violations.map(\.keyword) == ["unevaluatedProperties"])
  }

  @Test func `without a dynamic anchor at its first target it is a plain reference`() throws {
    let schema = try Self.schema(
      ##"""
      {"$id":"https://s.example/root","$ref":"list","$defs":{
       "item":{"$dynamicAnchor":"item","type":"string"},
       "list":{"$id":"list","items":{"$dynamicRef":"#item"},
        "$defs":{"item":{"$anchor":"item","type":"number"}}}}}
      """##)
    #expect(try Sample.check("[1]", schema) == .valid)
    #expect(try Sample.check(#"["a"]"#, schema) == .invalid)
    let pointer = try Self.schema(
      ##"""
      {"$id":"https://s.example/root","$ref":"list","$defs":{
       "item":{"$dynamicAnchor":"item","type":"string"},
       "list":{"$id":"list","items":{"$dynamicRef":"#/$defs/item"},
        "$defs":{"item":{"$dynamicAnchor":"item","type":"number"}}}}}
      """##)
    #expect(try Sample.check("[1]", pointer) == .valid)
  }

  @Test func `a loop that only one way makes is refused`() throws {
    let text = ##"""
      {"$id":"https://s.example/root","$dynamicAnchor":"a","$ref":"b",
       "$defs":{"b":{"$id":"b","$dynamicAnchor":"a","not":{"$dynamicRef":"#a"}}}}
      """##
    do throws(SchemaFault) {
      _ = try Sample.schema(text)
      Issue.record("taken")
    } catch { #expect(error.reason == .referenceLoop) }
  }

  @Test func `scopes are bounded`() throws {
    let parts = (0...SchemaLimits.dynamicNames).map {
      ##""d\##($0)":{"$dynamicAnchor":"a\##($0)","items":{"$dynamicRef":"#a\##($0)"}}"##
    }
    do throws(SchemaFault) {
      _ = try Sample.schema(##"{"$defs":{\##(parts.joined(separator: ","))}}"##)
      Issue.record("taken")
    } catch {
      #expect(
        error.reason == .limitExceeded(what: "dynamic names", limit: SchemaLimits.dynamicNames))
    }
    // Four hundred resources that name one another in turn: as many scopes as nodes allow.
    let many = (0..<400).map {
      ##""d\##($0)":{"$id":"https://s.example/\##($0)","$dynamicAnchor":"a\##($0 % 60)","##
        + ##""properties":{"p":{"$ref":"https://s.example/\##(($0 * 7 + 1) % 400)"},"##
        + ##""q":{"$ref":"https://s.example/\##(($0 * 11 + 3) % 400)"},"##
        + ##""r":{"$dynamicRef":"#a\##($0 % 60)"}}}"##
    }
    do throws(SchemaFault) {
      _ = try Sample.schema(
        ##"{"$ref":"https://s.example/0","$defs":{\##(many.joined(separator: ","))}}"##)
      Issue.record("taken")
    } catch { #expect(error.reason.code == "schema_limit_exceeded") }
  }
}
