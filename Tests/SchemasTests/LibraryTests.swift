import Bytes
import Testing

@testable import Schemas

/// References between documents.
@Suite struct LibraryTests {
  private static func library(
    _ documents: [String: String], dialect: SchemaDialect? = nil
  ) throws(SchemaFault) -> SchemaLibrary {
    var library = SchemaLibrary()
    for (uri, text) in documents.sorted(by: { $0.key < $1.key }) {
      try library.add(ByteSlice(utf8: text), under: [uri], dialect: dialect)
    }
    return library
  }

  private static func compile(
    _ text: String, base: String = "", _ library: SchemaLibrary = SchemaLibrary()
  ) throws(SchemaFault) -> CompiledSchema {
    try CompiledSchema.compile(ByteSlice(utf8: text), base: base, library: library)
  }

  @Test func `a document is found by its URI, its $id and the $id of a part`() throws {
    let library = try Self.library([
      "https://s.example/money": ##"""
      {"$id":"https://id.example/money","type":"integer",
       "$defs":{"part":{"$id":"euro","maximum":9,"$anchor":"self"},"x":{"minimum":5}}}
      """##
    ])
    for (reference, valid, invalid) in [
      ("https://s.example/money", "1", "\"1\""), ("https://id.example/money", "1", "\"1\""),
      ("https://id.example/euro", "9", "10"), ("https://id.example/euro#self", "9", "10"),
      ("https://s.example/money#/$defs/x", "5", "4"),
    ] {
      let schema = try Self.compile(##"{"$ref":"\##(reference)"}"##, library)
      #expect(try Sample.check(valid, schema) == .valid)
      #expect(try Sample.check(invalid, schema) == .invalid, "\(reference)")
      #expect(schema.documents.map(\.uri) == ["https://s.example/money"])
    }
  }

  @Test func `documents refer to one another, also in a circle and relative to a base`() throws {
    let library = try Self.library([
      "https://s.example/a/tree": ##"{"properties":{"next":{"$ref":"../b/leaf"}}}"##,
      "https://s.example/b/leaf":
        ##"{"type":"object","properties":{"up":{"$ref":"/a/tree"},"n":{"type":"null"}}}"##,
      "https://s.example/unused": ##"{"$ref":"nowhere"}"##,
    ])
    let schema = try Self.compile(
      ##"{"$ref":"tree"}"##, base: "https://s.example/a/topic", library)
    #expect(try Sample.check(#"{"next":{"up":{"next":{"n":null}}}}"#, schema) == .valid)
    #expect(try Sample.check(#"{"next":{"up":{"next":{"n":1}}}}"#, schema) == .invalid)
    #expect(
      schema.documents.map(\.uri) == ["https://s.example/a/tree", "https://s.example/b/leaf"])
    let explanation = try Sample.explain(#"{"next":{"n":1}}"#, schema)
    #expect(
      explanation.violations.map(\.schemaPointer) == ["https://s.example/b/leaf#/properties/n/type"]
    )
  }

  @Test func `one fault names every reference that leads nowhere`() throws {
    let library = try Self.library([
      "https://s.example/a": ##"{"$defs":{"bad":{"$ref":"gone"}},"$ref":"#/$defs/bad"}"##
    ])
    do throws(SchemaFault) {
      _ = try Self.compile(
        ##"{"allOf":[{"$ref":"https://s.example/a"},{"$ref":"#/$defs/no"},{"$ref":"#nor"}]}"##,
        library)
      Issue.record("taken")
    } catch {
      guard case .unresolvedReferences(let references) = error.reason else {
        Issue.record("\(error)")
        return
      }
      #expect(
        references.map(\.pointer) == [
          "#/allOf/1/$ref", "#/allOf/2/$ref", "https://s.example/a#/$defs/bad/$ref",
        ])
      #expect(references.map(\.uri) == ["#/$defs/no", "#nor", "https://s.example/gone"])
      #expect(error.reason.message.hasSuffix("which are not there"))
    }
  }

  @Test func `what only an unused part of another document needs is not asked for`() throws {
    let library = try Self.library([
      "https://s.example/a":
        ##"{"$defs":{"good":{"type":"null"},"bad":{"$ref":"gone","pattern":"("}}}"##
    ])
    let schema = try Self.compile(
      ##"{"$ref":"https://s.example/a#/$defs/good"}"##, library)
    #expect(try Sample.check("null", schema) == .valid)
  }

  @Test func `a later document of the same URI replaces the earlier one`() throws {
    var library = try Self.library(["https://s.example/a": ##"{"type":"null"}"##])
    let before = library
    try library.add(ByteSlice(utf8: ##"{"type":"string"}"##), under: ["https://s.example/a#"])
    let text = ##"{"$ref":"https://s.example/a"}"##
    #expect(try Sample.check("null", try Self.compile(text, before)) == .valid)
    #expect(try Sample.check("null", try Self.compile(text, library)) == .invalid)
    #expect(
      try Self.compile(text, before).identity != (try Self.compile(text, library).identity))
  }

  @Test func `editions may refer to one another`() throws {
    var library = SchemaLibrary()
    try library.add(
      ByteSlice(utf8: ##"{"items":[{"type":"null"}],"prefixItems":[false]}"##),
      under: ["https://s.example/old"], dialect: .draft07)
    let schema = try Self.compile(
      ##"{"prefixItems":[true,{"type":"string"}],"$ref":"https://s.example/old"}"##, library)
    #expect(try Sample.check(#"[null,"a"]"#, schema) == .valid)
    #expect(try Sample.check(#"[1,"a"]"#, schema) == .invalid)
    #expect(try Sample.check(#"[null,1]"#, schema) == .invalid)
    let inside = try Self.compile(
      ##"""
      {"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"old","$defs":{"old":
      {"$id":"old","$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"null"}]}}}
      """##)
    #expect(try Sample.check("[null,1]", inside) == .valid)
    #expect(try Sample.check("[1]", inside) == .invalid)
  }

  @Test(arguments: [
    (##"{"$ref":"http://json-schema.org/draft-07/schema#"}"##, #"{"type":7}"#),
    (##"{"$ref":"https://json-schema.org/draft/2020-12/schema"}"##, #"{"allOf":[{"type":7}]}"#),
    (##"{"$ref":"https://json-schema.org/draft/2020-12/meta/validation"}"##, #"{"type":7}"#),
  ])
  func `the metaschemas are in every library`(schema: String, invalid: String) throws {
    let schema = try Self.compile(schema)
    #expect(schema.documents == [])
    #expect(try Sample.check(invalid, schema) == .invalid)
    for text in [#"{"type":"null"}"#, "true", #"{"properties":{"a":{"minimum":1}}}"#] {
      #expect(try Sample.check(text, schema) == .valid)
    }
  }

  @Test func `the metaschemas keep themselves`() throws {
    for (uri, document) in Metaschemas.documents {
      let name = document.dialect?.uri ?? ""
      let schema = try Self.compile(##"{"$ref":"\##(name)"}"##)
      #expect(try Sample.check(document.text.text, schema) == .valid, "\(uri)")
    }
  }

  @Test func `a metaschema with known vocabularies is a dialect`() throws {
    let core = "https://json-schema.org/draft/2020-12/vocab/core"
    let applicator = "https://json-schema.org/draft/2020-12/vocab/applicator"
    let assertion = "https://json-schema.org/draft/2020-12/vocab/format-assertion"
    let library = try Self.library([
      "https://m.example/bare": #"{"$vocabulary":{"\#(core)":true,"\#(applicator)":true}}"#,
      "https://m.example/formats":
        #"{"$vocabulary":{"\#(core)":true,"\#(assertion)":false,"https://other.example":false}}"#,
      "https://m.example/strange": #"{"$vocabulary":{"https://other.example":true}}"#,
      "https://m.example/none": "{}",
    ])
    let bare = try Self.compile(
      #"{"$schema":"https://m.example/bare","minimum":3,"properties":{"a":false}}"#, library)
    #expect(try Sample.check("1", bare) == .valid)
    #expect(try Sample.check(#"{"a":1}"#, bare) == .invalid)
    #expect(bare.warnings.map(\.pointer) == ["#/minimum"])
    let formats = try Self.compile(
      #"{"$schema":"https://m.example/formats","format":"ipv4","type":"null"}"#, library)
    #expect(formats.formats == .assert)
    #expect(try Sample.check(#""1.2.3.4""#, formats) == .valid)
    #expect(try Sample.check(#""1.2.3""#, formats) == .invalid)
    for name in ["strange", "none", "absent"] {
      do throws(SchemaFault) {
        _ = try Self.compile(#"{"$schema":"https://m.example/\#(name)"}"#, library)
        Issue.record("taken: \(name)")
      } catch { #expect(error.reason.code == "schema_dialect_unknown") }
    }
  }

  @Test func `a text that is registered must keep the metaschema of its dialect`() throws {
    let vocabulary = "https://json-schema.org/draft/2020-12/vocab/"
    let library = try Self.library([
      "https://m.example/titled": """
      {"$id":"https://m.example/titled","$dynamicAnchor":"meta",
       "$vocabulary":{"\(vocabulary)core":true,"\(vocabulary)applicator":true,
                      "\(vocabulary)validation":true,"\(vocabulary)meta-data":true},
       "allOf":[{"$ref":"https://json-schema.org/draft/2020-12/schema"}],
       "if":{"type":"object"},"then":{"required":["title"],"properties":{"title":{"minLength":3}}}}
      """
    ])
    let head = #""$schema":"https://m.example/titled""#
    let kept = #"{\#(head),"title":"all","properties":{"a":{"title":"one","type":"null"}}}"#
    #expect(fault(of: kept, library, isNew: true) == nil)
    let rows = [
      (#"{\#(head)}"#, "#/title"), (#"{\#(head),"title":"x"}"#, "#/title"),
      (#"{\#(head),"title":"all","properties":{"a":{"type":"null"}}}"#, "#/properties/a/title"),
      (#"{"$defs":{"a":{"$id":"https://x.example/a",\#(head)}}}"#, "#/$defs/a/title"),
    ]
    for (text, pointer) in rows {
      let fault = fault(of: text, library, isNew: true)
      #expect(fault?.pointer == pointer, "\(text)")
      #expect(fault?.reason.code == "schema_invalid")
      #expect(fault?.reason.message.contains("https://m.example/titled") == true)
      // What was taken before is not asked again.
      #expect(self.fault(of: text, library, isNew: false) == nil)
    }
  }

  private func fault(of text: String, _ library: SchemaLibrary, isNew: Bool) -> SchemaFault? {
    do throws(SchemaFault) {
      _ = try CompiledSchema.compile(ByteSlice(utf8: text), library: library, isNew: isNew)
      return nil
    } catch { return error }
  }

  @Test func `an outline tells names and references without resolving them`() throws {
    let outline = try SchemaOutline.read(
      ByteSlice(
        utf8: ##"""
          {"$id":"https://s.example/a","$defs":{"b":{"$id":"b/c","$ref":"d#/x"}},
           "properties":{"p":{"$ref":"#/$defs/b"},"q":{"$dynamicRef":"https://o.example/x#y"}},
           "enum":[{"$ref":"no"}]}
          """##), base: "https://base.example/t")
    #expect(
      outline.identifiers == [
        "https://base.example/t", "https://s.example/a", "https://s.example/b/c",
      ])
    #expect(
      outline.references.map(\.uri) == ["https://s.example/b/d#/x", "https://o.example/x#y"])
    #expect(outline.references.map(\.pointer) == ["#/$defs/b/$ref", "#/properties/q/$dynamicRef"])
    #expect(outline.dialect == .draft202012)
  }

  @Test func `documents have bounds`() throws {
    var library = SchemaLibrary()
    let filler = String(repeating: " ", count: SchemaLimits.sourceBytes - 40)
    for number in 0..<6 {
      try library.add(
        ByteSlice(utf8: ##"{"$ref":"d\##(number + 1)"}"## + filler),
        under: ["https://s.example/d\(number)"])
    }
    try library.add(ByteSlice(utf8: "true"), under: ["https://s.example/d6"])
    do throws(SchemaFault) {
      _ = try Self.compile(##"{"$ref":"https://s.example/d0"}"##, library)
      Issue.record("taken")
    } catch { #expect(error.reason.code == "schema_limit_exceeded") }
    #expect(throws: Never.self) {
      try Self.compile(##"{"$ref":"https://s.example/d4"}"##, library)
    }
  }
}
