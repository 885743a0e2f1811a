import Bytes
import Testing

@testable import Schemas

/// All that a comparison does is paid for from one budget, which many comparisons share, and what
/// it answers does not grow with names.
@Suite struct ComparisonBudgetTests {
  private func spent(
    _ text: String, _ policy: EvolutionPolicy, of given: Int
  ) throws -> (verdict: SchemaInclusion.Verdict, spent: Int) {
    let schema = try Sample.schema(text)
    var fuel = given
    let verdict = SchemaInclusion.compare(
      writer: schema, reader: schema, policy: policy, fuel: &fuel)
    return (verdict, given - fuel)
  }

  @Test func `telling which schemas are alike is paid for`() throws {
    let members = (0..<2_000).map { "\"p\($0)\":{\"type\":\"integer\"}" }
    let text = "{\"properties\":{\(members.joined(separator: ","))}}"
    let whole = try spent(text, .strict, of: SchemaLimits.inclusionFuel)
    #expect(whole.verdict == .included && whole.spent > 4_000)
    let little = try spent(text, .strict, of: 1_000)
    #expect(little.verdict.isIncluded == nil && little.verdict.reasons.map(\.rule) == ["undecided"])
    #expect(little.spent >= 1_000)
  }

  @Test func `finding out what a closed writer takes is paid for`() throws {
    let text = #"{"type":"string","pattern":"^(a|b)*a(a|b){8}$"}"#
    let comparison = try spent(text, .evolution, of: SchemaLimits.inclusionFuel)
    #expect(comparison.verdict == .included)
    #expect(comparison.spent > 1_000)
  }

  /// An object of so many texts, one of them of another type.
  private func large(_ count: Int, _ type: String) throws -> CompiledSchema {
    let members = (0..<count).map { number in
      "\"p\(number)\":{\"type\":\"\(number == count / 2 ? type : "string")\"}"
    }
    let required = (0..<count / 4).map { "\"p\($0)\"" }
    return try Sample.schema(
      "{\"type\":\"object\",\"properties\":{\(members.joined(separator: ","))},"
        + "\"required\":[\(required.joined(separator: ","))]}")
  }

  @Test(arguments: EvolutionPolicy.allCases)
  func `a large object that has changed is decided, and its names are paid for`(
    policy: EvolutionPolicy
  ) throws {
    let writer = try large(200, "integer")
    let reader = try large(200, "number")
    var fuel = SchemaLimits.inclusionFuel
    let wider = SchemaInclusion.compare(
      writer: writer, reader: reader, policy: policy, fuel: &fuel)
    #expect(wider == .included)
    // Each of two hundred cases looks at fifty required names.
    #expect(SchemaLimits.inclusionFuel - fuel > 10_000)
    let narrower = SchemaInclusion.compare(writer: reader, reader: writer, policy: policy)
    #expect(narrower.isIncluded == false)
    var little = 5_000
    let open = SchemaInclusion.compare(
      writer: writer, reader: reader, policy: policy, fuel: &little)
    #expect(open.isIncluded == nil && little == 0)
  }

  @Test func `names of all versions are paid for where given-up ones are looked for`() throws {
    let newest = try large(1_000, "integer")
    let candidate = try Sample.schema(#"{"properties":{"p0":{"type":"string"}}}"#)
    let names = GivenUpNames(of: newest, in: candidate)
    var fuel = 10_000
    #expect(names.areNone(&fuel))
    #expect(fuel < 9_000)
    var little = 1_000
    #expect(!names.areNone(&little))
  }

  @Test func `without a budget nothing is compared`() throws {
    let comparison = try spent(#"{"type":"string"}"#, .evolution, of: 0)
    #expect(comparison.verdict.isIncluded == nil && comparison.spent == 0)
  }

  @Test func `pointers in reasons are short`() throws {
    let name = String(repeating: "n", count: 120)
    func nested(_ type: String) throws -> CompiledSchema {
      let inner = (0..<2).reduce(#"{"type":"\#(type)"}"#) { inner, _ in
        #"{"type":"object","required":["\#(name)"],"properties":{"\#(name)":\#(inner)}}"#
      }
      return try Sample.schema(inner)
    }
    let excluded = SchemaInclusion.compare(
      writer: try nested("number"), reader: try nested("integer"), policy: .strict)
    #expect(excluded.isIncluded == false)
    let long = String(repeating: "n", count: 300)
    let undecided = SchemaInclusion.compare(
      writer: try Sample.schema(#"{"type":"string","pattern":"^a\\b"}"#),
      reader: try Sample.schema(
        ##"{"$ref":"#/$defs/\##(long)","$defs":{"\##(long)":{"pattern":"^a($|[^b])"}}}"##),
      policy: .strict)
    #expect(undecided.isIncluded == nil)
    for reason in excluded.reasons + undecided.reasons {
      #expect(reason.writer.pointer.utf8.count <= SchemaLimits.pointerBytes)
      #expect(reason.reader.pointer.utf8.count <= SchemaLimits.pointerBytes)
    }
  }

  /// A schema with definitions that each ask for the next one four times, down to `ground`.
  private func doubling(_ members: String, _ ground: String) throws -> CompiledSchema {
    var definitions = (0..<25).map { index in
      let next = ##"{"$ref":"#/$defs/a\##(index + 1)"}"##
      return "\"a\(index)\":{\"allOf\":[\(next),\(next),\(next),\(next)]}"
    }
    definitions.append("\"a25\":\(ground)")
    return try Sample.schema(
      "{\(members),\"$defs\":{\(definitions.joined(separator: ","))}}")
  }

  @Test func `what applies to a known value in many ways is asked once`() throws {
    let boolean = try Sample.schema(#"{"type":"boolean"}"#)
    let start = ##""$ref":"#/$defs/a0""##
    let wide = try doubling(start, #"{"type":"boolean"}"#)
    #expect(SchemaInclusion.compare(writer: boolean, reader: wide, policy: .strict) == .included)
    let narrow = try doubling(start, #"{"const":true}"#)
    let refused = SchemaInclusion.compare(writer: boolean, reader: narrow, policy: .strict)
    #expect(refused.counterexample == ByteSlice(utf8: "false"))
    let named = try doubling(
      ##""required":["n"],"propertyNames":{"$ref":"#/$defs/a0"}"##, #"{"maxLength":3}"#)
    // The engine tries every way, and does not come to an end of it.
    let reader = try Sample.schema(#"{"properties":{"n":{"type":"integer"}}}"#)
    let open = SchemaInclusion.compare(writer: named, reader: reader, policy: .strict)
    #expect(open.isIncluded == nil)
  }

  private func words(_ count: Int) throws -> CompiledSchema {
    let list = (0..<count).map { "\"w\($0)\"" }
    return try Sample.schema("{\"enum\":[\(list.joined(separator: ","))]}")
  }

  @Test(.timeLimit(.minutes(1)))
  func `a long enum that has a word more is decided`() throws {
    let few = try words(40_000)
    let more = try words(40_001)
    for policy in EvolutionPolicy.allCases {
      #expect(SchemaInclusion.compare(writer: few, reader: more, policy: policy) == .included)
      let refused = SchemaInclusion.compare(writer: more, reader: few, policy: policy)
      #expect(refused.counterexample == ByteSlice(utf8: "\"w40000\""))
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `any string is held against a long enum`() throws {
    let string = try Sample.schema(#"{"type":"string"}"#)
    let verdict = SchemaInclusion.compare(
      writer: string, reader: try words(100_000), policy: .strict)
    #expect(verdict.isIncluded == false)
  }

  @Test func `explanations are paid for, and end where they say nothing new`() throws {
    let branches = (0..<150).map { #"{"required":["k"],"properties":{"k":{"const":\#($0)}}}"# }
    let writer = try Sample.schema(
      "{\"type\":\"object\",\"anyOf\":[\(branches.joined(separator: ","))]}")
    let reader = try Sample.schema(#"{"required":["z"]}"#)
    var fuel = SchemaLimits.inclusionFuel
    let verdict = SchemaInclusion.compare(
      writer: writer, reader: reader, policy: .strict, fuel: &fuel)
    #expect(verdict.reasons.map(\.rule) == ["required"])
    let spent = SchemaLimits.inclusionFuel - fuel
    // 64 of them beside the first; the search itself takes some thousands.
    #expect(spent > 64_000 && spent < 140_000, "\(spent)")
  }

  @Test func `wherever the fuel ends, that proves nothing`() throws {
    let writer = try Sample.schema(
      #"{"type":"object","propertyNames":{"minLength":3,"maxLength":3},"minProperties":1}"#)
    let reader = try Sample.schema(#"{"additionalProperties":{"type":"integer"}}"#)
    let pair = SchemaPair(writer: writer.graph, reader: reader.graph)
    var given = SchemaLimits.inclusionFuel
    let classes = SchemaClasses(pair, fuel: &given)
    let goal = [Literal(.writer, 0, isKept: true), Literal(.reader, 0, isKept: false)]
    for fuel in 0...1_000 {
      let search = InclusionSearch(pair, classes, closing: true, fuel: fuel)
      let isProven = search.values(goal).isEmpty
      #expect(!isProven, "with \(fuel)")
    }
  }
}
