import Bytes
import Testing

@testable import Schemas

/// Unions told apart by a value: looked up, and of the same meaning as tried one by one.
@Suite struct SelectionTests {
  private static func list(_ count: Int, _ make: (Int) -> String) -> String {
    (0..<count).map(make).joined(separator: ",")
  }

  @Test(
    "thousands of alternatives cost no more than a few",
    arguments: [
      (#"{"anyOf":[#]}"#, #"{"const":"word @"}"#, #""word 2999""#, #""word 3000""#),
      (#"{"oneOf":[#]}"#, #"{"const":@}"#, "2999.0", "3000"),
      (
        #"{"oneOf":[#]}"#, #"{"const":{"n":@,"s":["x"]}}"#, #"{"s":["x"],"n":2.999e3}"#, #"{"n":1}"#
      ),
      (#"{"oneOf":[#]}"#, #"{"enum":["a@",@.5]}"#, "2999.50", #""a3000""#),
      (
        #"{"anyOf":[{"anyOf":[#]},{"type":"null"},{"const":"x"},{"const":"y"}]}"#,
        #"{"const":"@"}"#,
        #""2999""#, #""3000""#
      ),
      (
        #"{"type":"object","oneOf":[#]}"#,
        #"{"required":["n"],"properties":{"v":{"const":1},"n":{"const":@},"p":{"maximum":@}}}"#,
        #"{"v":1,"p":2999,"n":2999}"#, #"{"v":1,"p":2999,"n":2998}"#
      ),
      (
        #"{"oneOf":[#]}"#,
        #"{"type":"object","required":["k"],"properties":{"k":{"enum":["a@","b@"]}}}"#,
        #"{"k":"b2999"}"#, #"{"k":"b3000"}"#
      ),
      (
        #"{"allOf":[#]}"#,
        #"{"if":{"required":["k"],"properties":{"k":{"const":"a@"}}},"then":{"required":["r@"]}}"#,
        #"{"k":"a2999","r2999":1}"#, #"{"k":"a2999","r2998":1}"#
      ),
      (
        #"{"oneOf":[#]}"#,
        #"{"required":["m"],"properties":{"v":{"maximum":@},"m":{"type":"object","required":["k"],"properties":{"n":true,"k":{"const":"a@"}}}}}"#,
        #"{"v":2,"m":{"n":1,"k":"a2999"}}"#, #"{"m":{"k":"a3000"}}"#
      ),
      (
        #"{"$defs":{"m":{"type":"object","required":["a"]}},"anyOf":[#]}"#,
        ##"{"required":["m"],"properties":{"m":{"allOf":[{"$ref":"#/$defs/m"},{"properties":{"a":{"type":"object","required":["k"],"properties":{"k":{"enum":[@,"x@"]}}}}}]}}}"##,
        #"{"m":{"a":{"k":"x2999"}}}"#, #"{"m":{"a":{"k":true}}}"#
      ),
      (
        #"{"allOf":[#]}"#,
        #"{"if":{"required":["m"],"properties":{"m":{"type":"object","required":["k"],"properties":{"k":{"const":@}}}}},"then":{"required":["r@"]}}"#,
        #"{"m":{"k":7},"r7":1}"#, #"{"m":{"k":7}}"#
      ),
    ])
  func large(template: String, branch: String, good: String, bad: String) throws {
    let branches = Self.list(3_000) { branch.replacing("@", with: String($0)) }
    let schema = try Sample.schema(template.replacing("#", with: branches))
    let scratch = SchemaScratch()
    #expect(try Sample.check(good, schema, scratch) == .valid)
    #expect(scratch.fuelUsed < 200)
    #expect(try Sample.check(bad, schema, scratch) == .invalid)
    #expect(scratch.fuelUsed < 200)
  }

  @Test(arguments: [
    // Equal numbers are one value, however they are written.
    (
      #"{"oneOf":[{"const":1},{"const":2},{"const":"1"}]}"#, ["1", "1.0", "10e-1", "2"],
      ["3", "true"]
    ),
    // What stands twice is taken by both, which one-of refuses and any-of does not.
    (#"{"oneOf":[{"const":1},{"const":1.0},{"const":2}]}"#, ["2"], ["1", "1.0"]),
    (#"{"anyOf":[{"const":1},{"const":1.0},{"const":2}]}"#, ["1.0", "2"], ["3"]),
    (
      #"{"oneOf":[{"enum":["a","b"]},{"enum":["b","c"]},{"const":"d"}]}"#, [#""a""#, #""d""#],
      [#""b""#]
    ),
    // Kinds are told apart.
    (
      #"{"oneOf":[{"const":0},{"const":false},{"const":null},{"const":""},{"const":[]},{"const":{}}]}"#,
      ["0", "-0.0", "false", "null", #""""#, "[]", "{}"], ["1", "true", #""0""#, "[0]"]
    ),
    // Alternatives of which nothing is known are tried beside those that are named.
    (
      #"{"oneOf":[{"const":1},{"const":2},{"const":3},{"minimum":3}]}"#, ["1", "2", "4"],
      ["3", "0"]
    ),
    // A member that may be missing, and what is no object.
    (
      #"""
      {"anyOf":[{"properties":{"k":{"const":"a"}},"minProperties":1},{"required":["k"],
       "properties":{"k":{"const":"b"},"x":{"type":"null"}}},{"type":"object","properties":
       {"k":{"const":7}},"required":["k","z"]}]}
      """#,
      [#"{"k":"a"}"#, #"{"y":1}"#, "5", #"{"k":"b","x":null}"#, #"{"k":7.0,"z":1}"#],
      [#"{"k":"b","x":1}"#, "{}", #"{"k":7}"#, #"{"k":"c"}"#]
    ),
    // A conjunction of conditions.
    (
      #"""
      {"allOf":[{"if":{"properties":{"k":{"const":1}}},"then":{"required":["a"]}},
       {"if":{"properties":{"k":{"const":2}}},"then":{"required":["b"]}},
       {"if":{"properties":{"k":{"enum":[2,3]}}},"then":{"maxProperties":2}},{"minProperties":1}]}
      """#,
      [#"{"k":1,"a":1}"#, #"{"k":2,"b":1}"#, #"{"k":4}"#, #"{"a":1,"b":1}"#],
      [#"{"k":1.0}"#, #"{"k":2}"#, #"{"k":3,"b":1,"c":1}"#, "{}", #"{"a":1}"#]
    ),
    (
      #"{"enum":[1,"a",2.50,[1,{"x":2}],null]}"#,
      ["1.0", #""\u0061""#, "2.5", #"[1e0,{"x":2.0}]"#, "null"],
      ["2", #""1""#, "[1]", "false", #"[{"x":2},1]"#]
    ),
  ])
  func `small ones`(text: String, good: [String], bad: [String]) throws {
    let schema = try Sample.schema(text)
    for payload in good {
      #expect(try Sample.check(payload, schema) == .valid, "\(payload) under \(text)")
    }
    for payload in bad {
      #expect(try Sample.check(payload, schema) == .invalid, "\(payload) under \(text)")
    }
  }

  @Test(
    "members are looked for once in a schema, however many ways lead to it",
    arguments: [
      #"{"type":"boolean"}"#, #"{"properties":{"m":{"properties":{"k":{"const":1}}}}}"#,
    ])
  func ways(leaf: String) throws {
    let links = (0..<29).map { number in
      let next = ##"{"$ref":"#/$defs/a\##(number + 1)"}"##
      return #""a\#(number)":{"allOf":[\#(next),\#(next),\#(next),\#(next)]},"#
    }
    let schema = try Sample.schema(
      ##"{"anyOf":[{"$ref":"#/$defs/a0"},{"const":1}],"$defs":{\##(links.joined())"##
        + #""a29":\#(leaf)}}"#)
    #expect(schema.program.selections.isEmpty)
  }

  @Test(
    "a name of more than 256 bytes tells nothing apart", arguments: [(256, 1), (257, 0)])
  func names(length: Int, selections: Int) throws {
    let name = String(repeating: "k", count: length)
    let branches = Self.list(4) {
      #"{"required":["\#(name)"],"properties":{"\#(name)":{"const":\#($0)}}}"#
    }
    let schema = try Sample.schema(#"{"type":"object","anyOf":[\#(branches)]}"#)
    #expect(schema.program.selections.count == selections)
    #expect(try Sample.check(#"{"\#(name)":3}"#, schema) == .valid)
    #expect(try Sample.check(#"{"\#(name)":4}"#, schema) == .invalid)
  }

  @Test func `a large constant is not written out for each of many unions`() throws {
    let zeros = Self.list(150_000) { _ in "0" }
    let unions = Self.list(300) { _ in ##"{"anyOf":[{"$ref":"#/$defs/b"},{"const":1}]}"## }
    let schema = try Sample.schema(
      ##"{"allOf":[\##(unions)],"$defs":{"b":{"const":[\##(zeros)]}}}"##)
    #expect(schema.program.selections.isEmpty)
    #expect(try Sample.check("1", schema) == .valid)
    #expect(try Sample.check("2", schema) == .invalid)
  }

  @Test func `words that many conjunctions ask for are not written out for each`() throws {
    let words = Self.list(5_000) { #""w\#($0)""# }
    let all = Self.list(40) { _ in
      ##"{"allOf":[{"$ref":"#/$defs/c"},{"$ref":"#/$defs/d"}]}"##
    }
    let schema = try Sample.schema(
      ##"{"allOf":[\##(all)],"$defs":{"c":{"if":{"enum":[\##(words)]},"then":{"maxLength":3}},"##
        + #""d":{"if":{"const":0},"then":false}}}"#)
    #expect((1...20).contains(schema.program.selections.count))
    for good in [#""w55""#, #""x5555""#, "1"] {
      #expect(try Sample.check(good, schema) == .valid)
    }
    for bad in [#""w555""#, "0"] { #expect(try Sample.check(bad, schema) == .invalid) }
  }

  @Test func `a constant that is too large leaves the room to other unions`() throws {
    let zeros = Self.list(110_000) { _ in "0" }
    let branches = Self.list(2_000) {
      #"{"required":["kind"],"properties":{"kind":{"const":"k\#($0)"}}}"#
    }
    let schema = try Sample.schema(
      #"{"properties":{"a":{"anyOf":[{"const":[\#(zeros)]},{"const":1}]},"#
        + #""b":{"oneOf":[\#(branches)]}}}"#)
    #expect(schema.program.selections.count == 1)
    #expect(try Sample.check(#"{"a":1,"b":{"kind":"k1999"}}"#, schema) == .valid)
    #expect(try Sample.check(#"{"a":2}"#, schema) == .invalid)
    #expect(try Sample.check(#"{"b":{"kind":"k2000"}}"#, schema) == .invalid)
  }

  @Test func `members that tell nothing apart leave the room to other unions`() throws {
    let zeros = Self.list(1_000) { _ in "0" }
    func branch(_ number: Int) -> String {
      ##"{"required":["v","k"],"properties":{"v":{"$ref":"#/$defs/z"},"##
        + #""k":{"const":\#(number)}}}"#
    }
    let unions = Self.list(90) { #""u\#($0)":{"anyOf":[\#(branch(0)),\#(branch(1))]}"# }
    let schema = try Sample.schema(
      #"{"properties":{\#(unions)},"$defs":{"z":{"const":[\#(zeros)]}}}"#)
    #expect(schema.program.selections.count == 90)
    #expect(try Sample.check(#"{"u89":{"k":1,"v":[\#(zeros)]}}"#, schema) == .valid)
    #expect(try Sample.check(#"{"u89":{"k":2,"v":[\#(zeros)]}}"#, schema) == .invalid)
  }

  @Test func `schemas are asked about members so often and no more`() throws {
    let told = #"{"anyOf":[{"const":1},{"const":2}]}"#
    let kinds =
      #"{"anyOf":[{"required":["k"],"properties":{"k":{"const":1}}},"#
      + #"{"required":["k"],"properties":{"k":{"const":2}}}]}"#
    // Each asks ten thousand schemas about eight members, in vain.
    let unions = Self.list(10) {
      ##""u\##($0)":{"anyOf":[{"properties":{"p\##($0)":{"$ref":"#/$defs/b"}}},"##
        + ##"{"$ref":"#/$defs/g"}]}"##
    }
    let members = Self.list(8) { #""b\#($0)":{"const":\#($0)}"# }
    let all = Self.list(10_000) { _ in "true" }
    let schema = try Sample.schema(
      #"{"properties":{"a":\#(kinds),\#(unions),"y":\#(kinds),"z":\#(told)},"#
        + #""$defs":{"b":{"properties":{\#(members)}},"g":{"allOf":[\#(all)]}}}"#)
    // One that came before, and one that the value itself tells apart.
    #expect(schema.program.selections.count == 2)
    for good in [#"{"a":{"k":2},"y":{"k":1},"z":2}"#, #"{"u9":{"p9":{"b7":7}}}"#] {
      #expect(try Sample.check(good, schema) == .valid)
    }
    for bad in [#"{"a":{"k":3}}"#, #"{"y":{"k":3}}"#, #"{"z":3}"#] {
      #expect(try Sample.check(bad, schema) == .invalid)
    }
  }

  @Test(arguments: 0..<400)
  func `a look-up means what trying every branch means`(seed: Int) throws {
    var random = Dice(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
    let branches = (0..<(2 + random.below(6))).map { _ in Self.branch(&random, depth: 2) }
    let keyword = ["anyOf", "oneOf", "allOf"][random.below(3)]
    func schema(_ branches: [String]) throws -> CompiledSchema {
      try Sample.schema("{\"\(keyword)\":[\(branches.joined(separator: ","))]}")
    }
    // Nothing is known of what stands below two negations.
    let looked = try schema(branches)
    let tried = try schema(branches.map { "{\"not\":{\"not\":\($0)}}" })
    for _ in 0..<40 {
      let payload = Self.payload(&random)
      #expect(
        try Sample.check(payload, looked) == Sample.check(payload, tried),
        "\(payload) under \(keyword) of \(branches)")
    }
  }

  private static let values = [
    "1", "1.0", "2", "\"a\"", "\"b\"", "\"\\u0061\"", "null", "[1]", "{\"k\":1}",
  ]

  private static func branch(_ random: inout Dice, depth: Int) -> String {
    let values = (0..<(1 + random.below(3))).map { _ in Self.values[random.below(Self.values.count)]
    }
    let some =
      random.below(2) == 0
      ? #""const":\#(values[0])"# : #""enum":[\#(values.joined(separator: ","))]"#
    let name = ["k", "l"][random.below(2)]
    if random.below(4) == 0 {
      let inner = branch(&random, depth: depth - 1)
      return [
        #"{"properties":{"m":\#(inner)}}"#, #"{"required":["m"],"properties":{"m":\#(inner)}}"#,
        #"{"type":"object","required":["m"],"properties":{"m":\#(inner),"k":true}}"#,
      ][random.below(3)]
    }
    switch random.below(depth > 0 ? 9 : 5) {
    case 0: return "{\(some)}"
    case 1: return #"{"required":["\#(name)"],"properties":{"\#(name)":{\#(some)}}}"#
    case 2: return #"{"properties":{"\#(name)":{\#(some)}},"minProperties":\#(random.below(3))}"#
    case 3:
      return #"{"type":"object","properties":{"k":{\#(some)},"l":{"const":1}},"required":["l"]}"#
    case 4: return ["{\"type\":\"null\"}", "true", "false", "{\"minimum\":2}"][random.below(4)]
    case 5:
      return
        #"{"anyOf":[\#(branch(&random, depth: depth - 1)),\#(branch(&random, depth: depth - 1))]}"#
    case 6:
      return
        #"{"oneOf":[\#(branch(&random, depth: depth - 1)),\#(branch(&random, depth: depth - 1))]}"#
    case 7:
      return
        #"{"allOf":[\#(branch(&random, depth: depth - 1)),\#(branch(&random, depth: depth - 1))]}"#
    default:
      return
        #"{"if":\#(branch(&random, depth: depth - 1)),"then":\#(branch(&random, depth: depth - 1))}"#
    }
  }

  private static func payload(_ random: inout Dice) -> String {
    func value() -> String { values[random.below(values.count)] }
    if random.below(2) == 0 {
      let inner = [#"{"k":\#(value())}"#, #"{"l":\#(value())}"#, value(), "{}"][random.below(4)]
      return [
        #"{"m":\#(inner)}"#, #"{"k":\#(value()),"m":\#(inner)}"#, #"{"m":{"m":\#(inner)}}"#,
      ][random.below(3)]
    }
    switch random.below(5) {
    case 0: return value()
    case 1: return #"{"k":\#(value())}"#
    case 2: return #"{"l":\#(value()),"k":\#(value())}"#
    case 3: return #"{"l":\#(value()),"m":1}"#
    default: return "{}"
    }
  }

  /// Reproducible randomness (splitmix64).
  struct Dice {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }
  }

  @Test func `what was chosen is explained, and what could have been`() throws {
    func lines(_ payload: String, _ text: String) throws -> [String] {
      try Sample.explain(payload, Sample.schema(text)).violations.map {
        "\($0.pointer) \($0.code) \($0.expected?.text ?? "-") \($0.suggestion ?? "-") \($0.branch?.reason ?? "-")"
      }
    }
    let words = #"{"anyOf":[{"const":"alpha"},{"const":"beta"},{"const":3}]}"#
    #expect(try lines(#""betta""#, words) == [#" union.none ["alpha","beta",3] beta -"#])
    #expect(try lines("4", words) == [#" union.none ["alpha","beta",3] - -"#])
    let numbered = #"""
      {"oneOf":[{"required":["n"],"properties":{"n":{"const":1},"a":{"maximum":2}}},
       {"required":["n"],"properties":{"n":{"const":2}}}]}
      """#
    #expect(try lines(#"{"n":1.0,"a":3}"#, numbered) == ["/a number.too_large 2 - 'n' says so"])
    #expect(try lines(#"{"n":3}"#, numbered) == ["/n union.unknown [1,2] - -"])
    #expect(try lines("{}", numbered) == ["/n property.missing [1,2] - -"])
    let nested = #"""
      {"anyOf":[{"required":["m"],"properties":{"m":{"type":"object","required":["kind"],
       "properties":{"kind":{"const":"card"}}},"a":{"maximum":2}}},
       {"required":["m"],"properties":{"m":{"type":"object","required":["kind"],
       "properties":{"kind":{"const":"cash"}}}}}]}
      """#
    #expect(
      try lines(#"{"m":{"kind":"card"},"a":3}"#, nested) == [
        "/a number.too_large 2 - 'm/kind' is 'card'"
      ])
    #expect(
      try lines(#"{"m":{"kind":"cart"}}"#, nested) == [
        #"/m/kind union.unknown ["card","cash"] card -"#
      ])
    #expect(
      try lines(#"{"m":{}}"#, nested) == [#"/m/kind property.missing ["card","cash"] - -"#])
    #expect(try lines(#"{"m":7}"#, nested) == [#"/m type "object" - -"#])
    #expect(try lines("{}", nested) == [#"/m property.missing ["card","cash"] - -"#])
    #expect(
      try lines("1", #"{"oneOf":[{"const":1},{"const":1.0},{"const":2}]}"#) == [
        " union.many - - -"
      ])
    #expect(try lines("3", #"{"enum":[1,"a",2]}"#) == [#" enum [1,"a",2] - -"#])
    #expect(try lines(#""aa""#, #"{"enum":[1,"ab",2]}"#) == [#" enum [1,"ab",2] - -"#])
  }
}
