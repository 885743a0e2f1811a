import Bytes
import TestSupport
import Testing

@testable import Schemas

/// What is read as an Avro record definition, and what payloads it takes.
@Suite struct AvroDefinitionTests {
  static func schema(
    _ text: String, isNew: Bool = true
  ) throws(SchemaFault) -> CompiledSchema {
    try CompiledSchema.compile(ByteSlice(utf8: text), as: .pulsarJSON, isNew: isNew)
  }

  /// A record with one field.
  static func record(_ type: String, _ more: String = "") -> String {
    #"{"type":"record","name":"R","fields":[{"name":"f","type":\#(type)\#(more)}]}"#
  }

  @Test(
    "each type takes what producers write for it",
    arguments: [
      (#""null""#, ["null"], ["1", #""null""#]),
      (#""boolean""#, ["true", "false"], ["1", #""true""#, "null"]),
      (#""int""#, ["0", "-2147483648", "2147483647", "1.0"], ["2147483648", "1.5", #""1""#]),
      (
        #""long""#, ["9223372036854775807", "-9223372036854775808"],
        ["9223372036854775808", "-9223372036854775809", "0.5"]
      ),
      (#""float""#, ["1.5", "3", #""NaN""#, #""-Infinity""#], [#""1.5""#, "null", "true"]),
      (#""double""#, ["1e300"], [#""nan""#, "[]"]),
      (#""string""#, [#""""#, #""é""#], ["1", "null"]),
      (#""bytes""#, [#""AAEC""#], ["[0,1]", "1"]),
      (#"{"type":"array","items":"int"}"#, ["[]", "[1,2]"], ["[1.5]", "{}", "null"]),
      (#"{"type":"map","values":"boolean"}"#, ["{}", #"{"a":true}"#], [#"{"a":1}"#, "[]"]),
      (
        #"{"type":"enum","name":"E","symbols":["RED","GREEN"]}"#,
        [#""RED""#, #""GREEN""#, "0", "2"],
        [#""red""#, #""BLUE""#, "1.5", "null", "3", "-1", "99"]
      ),
      (#"{"type":"fixed","name":"F","size":2}"#, [#""ab""#], ["1"]),
      (#"["null","string"]"#, ["null", #""x""#], ["1", "{}"]),
      (
        #"["null",{"type":"enum","name":"E","symbols":["A"]}]"#, ["null", #""A""#], [#""B""#, "[]"]
      ),
      (#"["int","string",{"type":"array","items":"int"}]"#, ["1", #""x""#, "[1]"], ["1.5", "{}"]),
      (#"["int","double"]"#, ["1", "1.5"], ["true"]), ("[]", [], ["null", "1"]),
      (#"{"type":"bytes","logicalType":"decimal","precision":4}"#, ["1.25", #""AQ==""#], ["true"]),
      (
        #"{"type":"string","logicalType":"uuid"}"#, [#""8ab6b5ea-27dd-4bb2-a2c2-4c43b4cce9b4""#],
        [#""x""#]
      ),
      (#"{"type":"long","logicalType":"timestamp-millis"}"#, ["1700000000.5", "1"], [#""now""#]),
      (#"{"type":"int","logicalType":"date"}"#, ["19000"], ["1.5", #""2024-01-01""#]),
    ])
  func types(_ type: String, _ good: [String], _ bad: [String]) throws {
    let schema = try Self.schema(Self.record(type))
    // The same in JSON Schema takes the same payloads.
    let same = try CompiledSchema.compile(
      try AvroJSONSchema.text(of: ByteSlice(utf8: Self.record(type))), formats: .assert, isNew: true
    )
    for value in good {
      #expect(try Sample.check(#"{"f":\#(value)}"#, schema) == .valid, "\(value)")
      #expect(try Sample.check(#"{"f":\#(value)}"#, same) == .valid, "\(value)")
    }
    for payload in ["{}", #"{"f":null}"#, #"{"g":1}"#, "[]"] {
      #expect(try Sample.check(payload, same) == Sample.check(payload, schema), "\(payload)")
    }
    for value in bad {
      #expect(try Sample.check(#"{"f":\#(value)}"#, same) == .invalid, "\(value)")
      #expect(try Sample.check(#"{"f":\#(value)}"#, schema) == .invalid, "\(value)")
      let violations = try Sample.explain(#"{"f":\#(value)}"#, schema).violations
      #expect(violations.allSatisfy { $0.schemaPointer.hasPrefix("#/fields/0/type") })
    }
  }

  @Test("an enum is no union: what is wrong with it is told of itself")
  func enumeration() throws {
    let schema = try Self.schema(
      Self.record(#"{"type":"enum","name":"E","symbols":["RED","GREEN"]}"#))
    for (value, code, expected) in [
      (#""GREN""#, ViolationCode.enumeration, #"["RED","GREEN"]"#), ("99", .tooLarge, "2"),
      ("null", .type, #"["integer","string"]"#),
    ] {
      let found = try Sample.explain(#"{"f":\#(value)}"#, schema).violations
      #expect(found.map(\.code) == [code])
      #expect(found.map { $0.expected?.text } == [expected])
      #expect(found.allSatisfy { $0.branch == nil && $0.schemaPointer == "#/fields/0/type" })
    }
  }

  @Test("a field may be missing where it may be null or has a default; others are not minded")
  func missing() throws {
    let schema = try Self.schema(
      """
      {"type":"record","name":"R","fields":[{"name":"must","type":"int"},
      {"name":"may","type":["null","int"]},{"name":"has","type":"int","default":3}]}
      """)
    #expect(try Sample.check(#"{"must":1}"#, schema) == .valid)
    #expect(try Sample.check(#"{"must":1,"may":null,"has":2,"more":[]}"#, schema) == .valid)
    for payload in ["{}", #"{"must":null}"#, #"{"must":1,"has":null}"#, "[]", "null"] {
      #expect(try Sample.check(payload, schema) == .invalid, "\(payload)")
    }
    let violation = try #require(try Sample.explain("{}", schema).violations.first)
    #expect(violation.pointer == "/must" && violation.keyword == "required")
    #expect(violation.schemaPointer == "#")
  }

  @Test("named types refer to themselves and to one another by name and namespace")
  func names() throws {
    let tree = try Self.schema(
      """
      {"type":"record","name":"Tree","namespace":"a.b","fields":[
      {"name":"left","type":["null","Tree"]},{"name":"right","type":["null","a.b.Tree"]},
      {"name":"leaf","type":["null",{"type":"record","name":"c.Leaf","fields":[
      {"name":"n","type":"int"},{"name":"again","type":["null","Leaf"]}]}]},
      {"name":"other","type":["null","c.Leaf"]}]}
      """)
    #expect(try Sample.check(#"{"left":{"right":{"leaf":{"n":1}}}}"#, tree) == .valid)
    #expect(try Sample.check(#"{"left":{"right":{"leaf":{"n":"1"}}}}"#, tree) == .invalid)
    #expect(try Sample.check(#"{"other":{"n":1,"again":{"n":2}}}"#, tree) == .valid)
  }

  @Test("what Pulsar's Python client makes is taken, definition and payload")
  func pythonClient() throws {
    let schema = try Self.schema(
      """
      {
       "type": "record",
       "name": "Order",
       "fields": [
        {"name": "id", "type": "long"},
        {"name": "items", "type": ["null", {"type": "array", "items": {"type": "record",
         "name": "Item", "fields": [{"name": "sku", "type": "string"},
         {"name": "qty", "type": ["null", "int"]}]}}]},
        {"name": "colour", "type": ["null", {"type": "enum", "name": "Colour",
         "symbols": ["red", "green"]}]},
        {"name": "price", "default": 1.5, "type": ["null", "double"]}
       ]
      }
      """)
    let payload = """
      {"id": 5, "items": [{"sku": "a", "qty": 1}], "colour": 1, "price": 1.5}
      """
    #expect(try Sample.check(payload, schema) == .valid)
    #expect(try Sample.check(payload.replacing(#""a""#, with: "7"), schema) == .invalid)
  }

  @Test(
    "what is no definition is refused at its place",
    arguments: [
      (#"{"type":"object"}"#, "#"), (#""string""#, "#"), ("[]", "#"),
      (#"{"type":"record","name":"R"}"#, "#/fields"),
      (#"{"type":"record","name":"1R","fields":[]}"#, "#/name"),
      (#"{"type":"record","name":"int","fields":[]}"#, "#/name"),
      (#"{"type":"record","name":"R","namespace":"a..b","fields":[]}"#, "#/namespace"),
      (#"{"type":"record","name":"R","fields":[1]}"#, "#/fields/0"),
      (#"{"type":"record","name":"R","fields":[{"type":"int"}]}"#, "#/fields/0/name"),
      (#"{"type":"record","name":"R","fields":[{"name":"a"}]}"#, "#/fields/0/type"),
      (
        #"{"type":"record","name":"R","fields":"#
          + #"[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
        "#/fields/1/name"
      ),
      (record(#""Unknown""#), "#/fields/0/type"), (record("7"), "#/fields/0/type"),
      // The sign for kelvin is a K to Unicode.
      (
        #"{"type":"record","name":"K","fields":[{"name":"f","type":"\u212a"}]}"#,
        "#/fields/0/type"
      ),
      (record(#"["int","int"]"#), "#/fields/0/type/1"),
      (record(#"["int",["string"]]"#), "#/fields/0/type/1"),
      (record(#"{"type":"array"}"#), "#/fields/0/type/items"),
      (record(#"{"type":{"type":"int"}}"#), "#/fields/0/type/type"),
      (record(#"{"type":"enum","name":"E","symbols":[]}"#), "#/fields/0/type/symbols"),
      (record(#"{"type":"enum","name":"E","symbols":["a","a"]}"#), "#/fields/0/type/symbols/1"),
      (
        record(#"{"type":"enum","name":"E","symbols":["a"],"default":"b"}"#),
        "#/fields/0/type/default"
      ),
      (record(#"{"type":"fixed","name":"F","size":-1}"#), "#/fields/0/type/size"),
      (record(#"{"type":"record","name":"R","fields":[]}"#), "#/fields/0/type/name"),
      (record(#""int""#, #","default":"x""#), "#/fields/0/default"),
      (record(#""int""#, #","default":2147483648"#), "#/fields/0/default"),
      (record(#"{"type":"array","items":"int"}"#, #","default":[1,"a"]"#), "#/fields/0/default"),
      (
        record(#"{"type":"enum","name":"E","symbols":["a"]}"#, #","default":"b""#),
        "#/fields/0/default"
      ),
      (
        record(
          #"{"type":"record","name":"I","fields":[{"name":"a","type":"int"}]}"#,
          #","default":{"b":1}"#),
        "#/fields/0/default"
      ),
      (record(#""int""#, #","order":"up""#), "#/fields/0/order"),
      (record(#""int""#, #","aliases":"x""#), "#/fields/0/aliases"),
      ("{", "#"),
    ])
  func refused(_ text: String, _ pointer: String) throws {
    do throws(SchemaFault) {
      _ = try Self.schema(text)
      Issue.record("taken: \(text)")
    } catch {
      #expect(error.pointer == pointer)
    }
  }

  @Test("limits hold, and a logical type that does not fit is ignored with a warning")
  func limits() throws {
    let schema = try Self.schema(Self.record(#"{"type":"int","logicalType":"uuid"}"#))
    #expect(schema.warnings.map(\.pointer) == ["#/fields/0/type/logicalType"])
    #expect(SchemaLint.findings(in: schema).map(\.code) == ["keyword.ignored"])
    let many = (0...SchemaLimits.nodes).map { #"{"name":"f\#($0)","type":"int"}"# }
    #expect(throws: SchemaFault.self) {
      try Self.schema(
        #"{"type":"record","name":"R","fields":[\#(many.joined(separator: ","))]}"#)
    }
  }

  static let multiplied: [String] = {
    let numbers = (0..<1_000).map { String($0) }
    func fields(_ type: (String) -> String) -> String {
      let all = numbers.map { #"{"name":"f\#($0)","type":\#(type($0))}"# }
      return #""fields":[\#(all.joined(separator: ","))]"#
    }
    let aliases = numbers.map { _ in #""a""# }.joined(separator: ",")
    return [
      #""aliases":[\#(aliases)],"fields":[]"#,
      fields { #"{"type":"fixed","name":"F\#($0)","size":1}"# }, fields { _ in #""R""# },
    ]
  }()

  @Test("a long namespace does not come to stand in many names", arguments: multiplied.indices)
  func namespaces(number: Int) throws {
    let space = String(repeating: "a", count: 500_000)
    let text = ByteSlice(
      utf8: #"{"type":"record","name":"R","namespace":"\#(space)",\#(Self.multiplied[number])}"#)
    for isNew in [true, false] {
      let fault = try #require(throws: SchemaFault.self) {
        try CompiledSchema.compile(text, as: .pulsarJSON, isNew: isNew)
      }
      let most = SchemaLimits.bound(SchemaLimits.addressBytes, isNew: isNew)
      #expect(fault.reason == .limitExceeded(what: "bytes of full names", limit: most))
    }
  }

  @Test("a decimal has its digits; one that has none is what lies beneath")
  func decimals() throws {
    func decimal(_ more: String, _ type: String = #""type":"bytes""#) throws -> CompiledSchema {
      try Self.schema(Self.record(#"{\#(type),"logicalType":"decimal"\#(more)}"#))
    }
    let valid = try decimal(#","precision":4,"scale":2"#)
    #expect(valid.warnings.isEmpty)
    #expect(try decimal(#","scale":2,"precision":4"#).identity == valid.identity)
    let whole = try decimal(#","precision":4"#)
    #expect(try decimal(#","precision":4,"scale":0"#).identity == whole.identity)
    #expect(whole.identity != valid.identity)
    for other in [#","precision":5,"scale":2"#, #","precision":4,"scale":3"#] {
      #expect(try decimal(other).identity != valid.identity)
    }
    let bytes = try Self.schema(Self.record(#""bytes""#))
    for more in [
      "", #","precision":0"#, #","precision":-1"#, #","precision":"4""#, #","precision":2.5"#,
      #","precision":4,"scale":5"#, #","precision":4,"scale":-1"#, #","precision":4,"scale":"1""#,
    ] {
      let invalid = try decimal(more)
      #expect(invalid.identity == bytes.identity, "\(more)")
      #expect(invalid.warnings.map(\.pointer) == ["#/fields/0/type/logicalType"], "\(more)")
      #expect(try Sample.check(#"{"f":1.25}"#, invalid) == .invalid, "\(more)")
    }
    // Two bytes hold 32767 at the most: four digits.
    let fixed = #""type":"fixed","name":"F","size":2"#
    #expect(try decimal(#","precision":4"#, fixed).warnings.isEmpty)
    #expect(try decimal(#","precision":5"#, fixed).warnings.count == 1)
  }

  @Test("a default that unions make hard to check ends with a fault")
  func hostileDefault() throws {
    // Every level of the value may be any of the records, and the innermost is none of them.
    let inner = (1..<16).map {
      #"{"type":"record","name":"R\#($0)","fields":[{"name":"f","type":"R0"}]}"#
    }
    let types = inner.joined(separator: ",")
    let value =
      String(repeating: #"{"f":"#, count: 40) + "1" + String(repeating: "}", count: 40)
    let text =
      #"{"type":"record","name":"R0","fields":[{"name":"f","type":[\#(types)],"#
      + #""default":\#(value)}]}"#
    do throws(SchemaFault) {
      _ = try Self.schema(text)
      Issue.record("taken")
    } catch {
      #expect(error.pointer == "#/fields/0/default" && error.reason.code == "schema_limit_exceeded")
    }
  }

  @Test("texts cut anywhere and with single bytes changed are read or refused, never worse")
  func damaged() throws {
    let text = Array(
      """
      {"type":"record","name":"a.R","fields":[{"name":"e","type":["null",{"type":"enum","name":"E",
      "symbols":["A","B"]}],"default":null},{"name":"m","type":{"type":"map","values":"R"}}]}
      """.utf8)
    var dice = Dice(seed: 7)
    for length in text.indices {
      #expect(throws: SchemaFault.self) {
        try CompiledSchema.compile(ByteSlice(text[..<length]), as: .pulsarJSON)
      }
    }
    for _ in 0..<2_000 {
      var bytes = text
      for _ in 0..<(1 + Int(dice.next() % 3)) {
        bytes[Int(dice.next() % UInt64(bytes.count))] = text[Int(dice.next() % UInt64(text.count))]
      }
      if let schema = try? CompiledSchema.compile(ByteSlice(bytes), as: .pulsarJSON) {
        _ = try Sample.check(#"{"e":"A","m":{"x":{"m":{}}}}"#, schema)
        #expect(
          SchemaInclusion.compare(writer: schema, reader: schema, policy: .evolution) == .included)
      }
    }
  }

  @Test("spellings that mean the same share an identity; what readers see does not")
  func identity() throws {
    func identity(_ text: String) throws -> ByteSlice { try Self.schema(text).identity }
    let plain = try identity(
      #"{"type":"record","name":"a.R","fields":[{"name":"f","type":"int","default":1}]}"#)
    #expect(
      try identity(
        """
        {"name": "R", "namespace": "a", "doc": "x", "type": "record", "mine": 1,
         "fields": [{"doc": "y", "type": {"type": "int"}, "name": "f", "default": 1.0}]}
        """) == plain)
    for other in [
      #"{"type":"record","name":"R","fields":[{"name":"f","type":"int","default":1}]}"#,
      #"{"type":"record","name":"a.R","fields":[{"name":"f","type":"int"}]}"#,
      #"{"type":"record","name":"a.R","fields":[{"name":"f","type":"long","default":1}]}"#,
      #"{"type":"record","name":"a.R","aliases":["Q"],"fields":"#
        + #"[{"name":"f","type":"int","default":1}]}"#,
    ] {
      #expect(try identity(other) != plain)
    }
  }
}
