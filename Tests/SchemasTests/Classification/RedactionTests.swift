import Bytes
import JSONText
import Tenancy
import Testing

@testable import Schemas

/// What readers get of payloads under labelled schemas.
@Suite struct RedactionTests {
  /// What is left of a payload for a reader of some classes.
  private func left(
    _ payload: String, _ schema: String, _ classes: [String] = [], besides other: String? = nil,
    _ dialect: SchemaDialect = .draft202012
  ) throws -> String {
    func view(_ text: String) throws -> ClassifiedView {
      let set = try ClassSet(classes.map { try #require(ClassLabel(ByteSlice(utf8: $0))) })
      let schema = try Sample.schema(text, dialect)
      return ClassifiedView(try #require(schema.describedValues), for: set)
    }
    switch try Redactor().redact(ByteSlice(utf8: payload), view(schema), other.map(view)) {
    case .none: return payload
    case .replaced(let bytes, let labels):
      _ = try JSONDocument(parsing: bytes)
      #expect(!labels.isEmpty && labels == labels.sorted())
      return bytes.text
    case .withheld, .tooCostly: return "withheld"
    }
  }

  private let person = #"""
    {"type":"object","properties":{
      "id":{"type":"integer"},
      "email":{"type":"string","x-classification":"pii.contact","x-redact":"mask:domain"},
      "card":{"type":"string","x-classification":"pii.card","x-redact":"mask:last4"},
      "ssn":{"x-classification":"pii.secret","x-redact":"drop"},
      "age":{"type":"integer","x-classification":"pii","x-redact":"fixed"},
      "home":{"$ref":"#/$defs/address"}},
     "$defs":{"address":{"x-classification":"pii.contact","type":"object",
      "properties":{"street":{"type":"string"}}}}}
    """#

  @Test("each replacement, and the bytes between stay as they are")
  func replacements() throws {
    let payload =
      #"{ "ssn":"1", "id" : 1.0,"email":"ann@mail.example","card":"4111111111111234", "#
      + #""age":42,"home":{"street":"x"} }"#
    #expect(
      try left(payload, person)
        == #"{ "id" : 1.0,"email":"****@mail.example","card":"****1234", "age":0,"home":null }"#)
    // `pii` is every class within it; `pii.card` is one.
    #expect(try left(payload, person, ["pii"]) == payload)
    #expect(
      try left(payload, person, ["pii.card", "pii.contact", "pii.secret"])
        == payload.replacing(#""age":42"#, with: #""age":0"#))
    #expect(try left(payload, person, ["pii.con", "pi"]) == (try left(payload, person)))
  }

  @Test(
    "masks show no more than they say",
    arguments: [
      (#""ann""#, #""****""#, #""****""#), (#""@""#, #""****""#, #""****""#),
      (#""1234567""#, #""****""#, #""****""#), (#""12345678""#, #""****5678""#, #""****""#),
      (#""a@b@c.d""#, #""****""#, #""****@c.d""#), ("12345678", "0", "0"),
      (#""\u00e4\u00f6\u00fcxy\n\"\\""#, #""****y\n\"\\""#, #""****""#),
      (#""ééééé\ud83d\ude00\ud83d\ude00z""#, #""****é😀😀z""#, #""****""#),
      ("true", "false", "false"), ("[1]", "[]", "[]"), (#"{"a":1}"#, "{}", "{}"),
      ("null", "null", "null"),
    ])
  func masks(_ value: String, _ lastFour: String, _ domain: String) throws {
    for (mode, expected) in [("mask:last4", lastFour), ("mask:domain", domain)] {
      let schema =
        #"{"properties":{"v":{"x-classification":"a","x-redact":"\#(mode)"}}}"#
      #expect(try left(#"{"v":\#(value)}"#, schema) == #"{"v":\#(expected)}"#)
    }
  }

  @Test(
    "every branch counts, matched or not",
    arguments: [
      #""anyOf":[{"type":"integer"},{"properties":{"a":{"x-classification":"x"}}}]"#,
      #""oneOf":[{"required":["z"],"properties":{"a":{"x-classification":"x"}}},{}]"#,
      ##""allOf":[{"properties":{"a":{"$ref":"#/$defs/s"}}}]"##,
      #""if":{"required":["z"]},"then":{"properties":{"a":{"x-classification":"x"}}}"#,
      #""if":{"properties":{"a":{"x-classification":"x"}}}"#,
      #""not":{"properties":{"a":{"x-classification":"x"}}}"#,
      #""dependentSchemas":{"z":{"properties":{"a":{"x-classification":"x"}}}}"#,
      #""patternProperties":{"^a$":{"x-classification":"x"}}"#,
      #""patternProperties":{"(?=a)a":{"x-classification":"x"}}"#,
      #""additionalProperties":{"x-classification":"x"}"#,
      #""unevaluatedProperties":{"x-classification":"x"}"#,
      #""properties":{"a":{"allOf":[{"anyOf":[{},{"x-classification":"x"}]}]}}"#,
      #""properties":{"a":{"contentSchema":{"properties":{"k":{"x-classification":"x"}}}}}"#,
    ])
  func branches(_ keywords: String) throws {
    let schema =
      #"{"x-undeclared":"pass","$defs":{"s":{"x-classification":"x"}},\#(keywords)}"#
    #expect(try left(#"{"a":"secret","b":1}"#, schema).contains("secret") == false)
    #expect(try left(#"{"a":"secret"}"#, schema, ["x"]) == #"{"a":"secret"}"#)
  }

  @Test(
    "items",
    arguments: [
      (#""items":{"x-classification":"x"}"#, "[null,null,null]"),
      (#""prefixItems":[{"type":"integer"},{"x-classification":"x"}]"#, "[1,null,null]"),
      (
        #""prefixItems":[{"x-classification":"x","x-redact":"drop"}],"items":{"type":"integer"}"#,
        "[2,3]"
      ),
      (#""items":{"type":"integer"},"contains":{"x-classification":"x"}"#, "[null,null,null]"),
      (#""unevaluatedItems":{"x-classification":"x","x-redact":"fixed"}"#, "[0,0,0]"),
      (#""items":{"x-classification":"x","x-redact":"drop"}"#, "[]"),
      (#""x-classification":"x""#, "null"), (#""x-classification":"x","x-redact":"drop""#, "null"),
    ])
  func items(_ keywords: String, _ expected: String) throws {
    #expect(try left("[1,2,3]", "{\(keywords)}") == expected)
  }

  @Test("where several labels meet, all of them count, and the strictest replacement")
  func meeting() throws {
    let schema = #"""
      {"properties":{"a":{"x-classification":"x","x-redact":"mask:domain",
       "anyOf":[{"x-classification":"y","x-redact":"mask:last4"}]},
       "b":{"x-classification":"x","allOf":[{"x-classification":"y","x-redact":"drop"}]},
       "c":{"x-classification":"x","properties":{"d":{"x-classification":"y"}}}}}
      """#
    let payload = #"{"a":"12345@678","b":1,"c":{"d":2}}"#
    #expect(try left(payload, schema) == #"{"a":"[redacted]","c":null}"#)
    // The label left over is `y`, with its own replacement.
    #expect(try left(payload, schema, ["x"]) == #"{"a":"****@678","c":{"d":null}}"#)
    #expect(try left(payload, schema, ["x", "y"]) == payload)
  }

  @Test("what no schema describes is hidden from those who lack a class, unless it passes")
  func undeclared() throws {
    let schema = #""properties":{"id":{},"e":{"x-classification":"x"},"free":{"type":"object"}}"#
    let payload = #"{"jane@x":1,"id":1,"typo":"s","e":2,"free":{"k":1},"last":0}"#
    #expect(try left(payload, "{\(schema)}") == #"{"id":1,"e":null,"free":{}}"#)
    #expect(try left(payload, "{\(schema)}", ["x"]) == payload)
    #expect(
      try left(payload, #"{"x-undeclared":"pass",\#(schema)}"#)
        == payload.replacing(#""e":2"#, with: #""e":null"#))
    // Open by `true` describes nothing; by a schema it does.
    #expect(
      try left(#"{"z":1}"#, #"{\#(schema),"additionalProperties":true}"#) == "{}")
    #expect(
      try left(#"{"z":1}"#, #"{\#(schema),"additionalProperties":{"type":"integer"}}"#)
        == #"{"z":1}"#)
  }

  @Test("a text where an object's members are labelled has their labels; null tells nothing")
  func scalars() throws {
    let schema = #"{"properties":{"who":{"properties":{"name":{"x-classification":"x"}}}}}"#
    #expect(try left(#"{"who":"ann"}"#, schema) == #"{"who":null}"#)
    #expect(try left(#"{"who":null}"#, schema) == #"{"who":null}"#)
    #expect(try left(#""ann""#, schema) == "null")
  }

  @Test("an object where an array would hold labelled values has their labels, and the reverse")
  func misplaced() throws {
    for undeclared in ["pass", "redact"] {
      let schema = #"""
        {"x-undeclared":"\#(undeclared)","properties":{
         "list":{"items":{"x-classification":"x"}},
         "whole":{"properties":{"n":{"x-classification":"x"}}},"id":{"type":"integer"}}}
        """#
      let payload = #"{"list":{"n":"s"},"whole":[{"n":"s"}],"id":1}"#
      #expect(try left(payload, schema) == #"{"list":null,"whole":null,"id":1}"#)
      #expect(try left(payload, schema, ["x"]) == payload)
      #expect(
        try left(#"{"list":["s"],"whole":{"n":"s"},"id":1}"#, schema)
          == #"{"list":[null],"whole":{"n":null},"id":1}"#)
    }
    #expect(
      try left(
        #"["s"]"#, #"{"x-undeclared":"pass","additionalProperties":{"x-classification":"x"}}"#)
        == "null")
  }

  @Test("a label of a text's contents is for texts alone")
  func contents() throws {
    let schema =
      #"{"properties":{"a":{"contentSchema":{"properties":{"k":{"x-classification":"x"}}}}}}"#
    #expect(try left(#"{"a":"{\"k\":1}"}"#, schema) == #"{"a":null}"#)
    #expect(try left(#"{"a":17}"#, schema) == #"{"a":17}"#)
  }

  @Test("names that are classified take their object with them")
  func names() throws {
    let schema =
      #"{"properties":{"m":{"type":"object","propertyNames":{"x-classification":"x"},"#
      + #""additionalProperties":{"type":"integer"}}}}"#
    #expect(try left(#"{"m":{"ann@x":1}}"#, schema) == #"{"m":null}"#)
    // A text may be such a name.
    #expect(try left(#"{"m":"ann@x"}"#, schema) == #"{"m":null}"#)
    let both = schema.replacing(#""type":"object""#, with: #""items":{"type":"integer"}"#)
    #expect(try left(#"{"m":["ann@x"]}"#, both) == #"{"m":null}"#)
  }

  @Test("draft-07 ignores what stands beside $ref, but not a label")
  func besideReference() throws {
    let schema =
      ##"{"properties":{"a":{"$ref":"#/definitions/s","x-classification":"x"}},"##
      + #""definitions":{"s":{"type":"string"}}}"#
    #expect(try left(#"{"a":"s"}"#, schema, [], besides: nil, .draft07) == #"{"a":null}"#)
  }

  @Test("a recursive schema, escaped names, and drops at every place")
  func shapes() throws {
    let schema = #"""
      {"$id":"https://x.example/t","properties":{"n\u0061me":{"x-classification":"x",
       "x-redact":"drop"},"kids":{"items":{"$ref":"#"}},"k":{"type":"integer"}}}
      """#
    #expect(
      try left(#"{"name":1,"kids":[{"k":1,"n\u0061me":2},{"name":3,"k":2},{"name":4}]}"#, schema)
        == #"{"kids":[{"k":1},{"k":2},{}]}"#)
    for order in [["a", "k", "b"], ["a", "b", "k"], ["k", "a", "b"], ["a", "b"], ["k"]] {
      let payload = "{" + order.map { #" "\#($0)" : 1 "# }.joined(separator: ",") + "}"
      let text = try left(payload, #"{"properties":{"k":{},"z":{"x-classification":"x"}}}"#)
      let document = try JSONDocument(parsing: ByteSlice(utf8: text))
      #expect(document.root.members.map(\.0.text) == order.filter { $0 == "k" })
    }
  }

  @Test("an older version's events have the labels of both, and what either describes")
  func union() throws {
    let older = #"{"properties":{"id":{},"phone":{"x-classification":"x"}}}"#
    let newer = #"{"properties":{"id":{},"email":{"x-classification":"y"},"new":{}}}"#
    let open = #"{"type":"object"}"#
    let payload = #"{"id":1,"phone":2,"email":3,"new":4,"other":5}"#
    #expect(try left(payload, older, [], besides: newer) == #"{"id":1,"phone":null}"#)
    // The event's own version describes its phone, so only its label hides it.
    #expect(
      try left(payload, older, ["x"], besides: newer)
        == #"{"id":1,"phone":2}"#)
    #expect(try left(payload, older, ["x", "y"], besides: newer) == payload)
    #expect(try left(payload, open, [], besides: newer) == "{}")
    #expect(try left(payload, open, ["y"], besides: newer) == payload)
  }

  @Test("what a later version describes is not shown of earlier events for that")
  func describedLater() throws {
    let earlier = [
      #"{"properties":{"id":{}}}"#,
      #"{"x-undeclared":"pass","properties":{"id":{},"p":{"x-classification":"x"}}}"#,
    ]
    let labelled = #""email":{"x-classification":"y"}"#
    for earlier in earlier {
      for more in [
        #""properties":{\#(labelled)}"#, #""properties":{\#(labelled),"ssn":{}}"#,
        #""properties":{\#(labelled)},"patternProperties":{"":{}}"#,
        #""properties":{\#(labelled)},"additionalProperties":{"type":"string"}"#,
      ] {
        #expect(try left(#"{"id":1,"ssn":"s"}"#, earlier, [], besides: "{\(more)}") == #"{"id":1}"#)
      }
      // Where the default lets pass what is not described, only its labels count.
      let passing = #"{"x-undeclared":"pass","properties":{\#(labelled)}}"#
      #expect(
        try left(#"{"id":1,"ssn":"s","email":"e"}"#, earlier, [], besides: passing)
          == #"{"id":1,"ssn":"s","email":null}"#)
    }
  }

  @Test("what would cost too much, or is no JSON, is withheld")
  func withheld() throws {
    let schema = #"{"patternProperties":{"^(a+)+(?!b)$":{"x-classification":"x"}}}"#
    let name = String(repeating: "a", count: 40) + "!"
    #expect(try left(#"{"\#(name)":1}"#, schema) == "withheld")
    #expect(try left("{", schema) == "withheld")
  }

  @Test(
    "what cannot be meant is refused at registration, and harmless where it is stored",
    arguments: [
      (#"{"x-classification":7}"#, "#/x-classification"),
      (#"{"x-classification":"pii..x"}"#, "#/x-classification"),
      (#"{"x-classification":"pii","x-redact":"hmac"}"#, "#/x-redact"),
      (#"{"x-redact":"null"}"#, "#/x-redact"),
      (#"{"x-undeclared":"sometimes"}"#, "#/x-undeclared"),
      (#"{"properties":{"a":{"x-undeclared":"pass"}}}"#, "#/properties/a/x-undeclared"),
    ])
  func refused(_ text: String, _ pointer: String) throws {
    #expect {
      try CompiledSchema.compile(ByteSlice(utf8: text), isNew: true)
    } throws: { error in (error as? SchemaFault)?.pointer == pointer }
    let stored = try CompiledSchema.compile(ByteSlice(utf8: text))
    #expect(stored.classification?.labels == [.unreadable])
    #expect(stored.classification?.labels(hiddenFrom: .all) == [])
  }

  @Test("a definition in Avro's language has no classes")
  func avro() {
    let text =
      #"{"type":"record","name":"R","fields":[{"name":"a","type":"int","x-classification":"x"}]}"#
    #expect(throws: SchemaFault.self) {
      try CompiledSchema.compile(ByteSlice(utf8: text), as: .pulsarJSON, isNew: true)
    }
    #expect(throws: Never.self) {
      try CompiledSchema.compile(ByteSlice(utf8: text), as: .pulsarJSON)
    }
  }
}
