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
}
