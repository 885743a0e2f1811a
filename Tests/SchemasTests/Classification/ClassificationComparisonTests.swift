import Bytes
import JSONText
import Tenancy
import Testing

@testable import Schemas

/// Which changes of a schema show readers more than before.
@Suite struct ClassificationComparisonTests {
  private func loosened(_ older: String, _ newer: String) throws -> [String] {
    let older = try #require(try Sample.schema(older).classification)
    return ClassificationComparison.loosenings(
      from: older, to: try Sample.schema(newer).classification
    ).map { "\($0.place) \($0.label?.description ?? "-")" }
  }

  private func reasons(_ older: String, _ newer: String) throws -> [String] {
    ClassificationComparison.loosenings(
      from: try #require(try Sample.schema(older).classification),
      to: try Sample.schema(newer).classification
    ).map(\.message)
  }

  private static let base =
    #"{"properties":{"id":{},"email":{"x-classification":"pii.contact"}}}"#

  @Test(
    "as strict or stricter",
    arguments: [
      base,
      #"{"properties":{"id":{},"email":{"x-classification":"pii"},"more":{}}}"#,
      #"{"properties":{"id":{},"email":{"x-classification":"pii.contact","x-redact":"drop"}}}"#,
      #"{"properties":{"id":{"x-classification":"b"},"email":{"x-classification":"pii.contact"}}}"#,
      #"{"x-classification":"pii","properties":{"email":{}}}"#,
      ##"{"allOf":[{"$ref":"#/$defs/a"}],"##
        + #""$defs":{"a":{"properties":{"email":{"x-classification":"pii.contact"}}}}}"#,
      #"{"additionalProperties":{"x-classification":"pii.contact"}}"#,
      #"{"patternProperties":{"^e":{"x-classification":"pii.contact"}}}"#,
    ])
  func kept(_ newer: String) throws {
    #expect(try loosened(Self.base, newer) == [])
  }

  @Test(
    "looser",
    arguments: [
      (base, "{}", " pii.contact"),
      // Events of a version before may describe it.
      (base, #"{"properties":{"id":{"x-classification":"pii.contact"}}}"#, "/email pii.contact"),
      (base, #"{"properties":{"email":{},"id":{"x-classification":"x"}}}"#, "/email pii.contact"),
      (
        base, #"{"properties":{"email":{"x-classification":"pii.contact.x"}}}"#,
        "/email pii.contact"
      ),
      (
        base, #"{"properties":{"email":{"x-classification":"pii.contact","x-redact":"fixed"}}}"#,
        "/email pii.contact"
      ),
      (
        base, #"{"x-undeclared":"pass","properties":{"email":{"x-classification":"pii.contact"}}}"#,
        " -"
      ),
      (
        #"{"additionalProperties":{"x-classification":"x"}}"#,
        #"{"properties":{"nick":{}},"additionalProperties":{"x-classification":"x"}}"#, "/nick x"
      ),
      (
        #"{"additionalProperties":{"x-classification":"x"}}"#,
        #"{"patternProperties":{"^n":{}},"additionalProperties":{"x-classification":"x"}}"#, "/* x"
      ),
      (
        #"{"patternProperties":{"^n":{"x-classification":"x"}}}"#,
        #"{"patternProperties":{"^m":{"x-classification":"x"}},"#
          + #""additionalProperties":{"type":"string"}}"#,
        "/~^n x"
      ),
      (
        #"{"items":{"x-classification":"x"}}"#,
        #"{"prefixItems":[{"type":"string"}],"items":{"x-classification":"x"}}"#, "/0 x"
      ),
      (
        #"{"properties":{"a":{"anyOf":[{"type":"null"},"#
          + #"{"properties":{"b":{"x-classification":"x"}}}]}}}"#,
        #"{"properties":{"a":{"properties":{"b":{}}},"z":{"x-classification":"x"}}}"#, "/a/b x"
      ),
    ])
  func looser(_ older: String, _ newer: String, _ place: String) throws {
    let found = try loosened(older, newer)
    #expect(found.contains(place) || found.contains { place == "/0 x" && $0 == "/* x" }, "\(found)")
  }

  @Test("a pattern that cannot be followed is no yes, on either side")
  func patterns() throws {
    let name = String(repeating: "a", count: 40) + "!"
    let named = #"{"properties":{"\#(name)":{"x-classification":"x"}}}"#
    let hostile = #"{"patternProperties":{"^(a+)+(?!b)$":{"x-classification":"x"}}}"#
    let both =
      #"{"properties":{"\#(name)":{"type":"string"}},"#
      + #""patternProperties":{"^(a+)+(?!b)$":{"x-classification":"x"}}}"#
    for (older, newer) in [(named, hostile), (both, hostile), (both, both), (hostile, both)] {
      #expect(try reasons(older, newer).contains { $0.hasPrefix("cannot be compared: a pattern") })
    }
  }

  @Test("a name that fits several patterns is described by all of them")
  func several() throws {
    // `ab` fits both of the newer one's, and its `k` is described by the second without a label.
    let older =
      #"{"patternProperties":{"^a":{"properties":{"k":{"x-classification":"x"}}}}}"#
    let newer =
      #"{"patternProperties":{"^a":{"properties":{"n":{"x-classification":"x"}}},"#
      + #""b$":{"properties":{"k":{"type":"string"}}}}}"#
    #expect(try loosened(older, newer) != [])
  }

  @Test("what is about texts or objects alone does not stand for a label of any value")
  func kinds() throws {
    let contents = #"{"properties":{"a":{"contentSchema":{"x-classification":"x"}}}}"#
    let names = #"{"properties":{"a":{"propertyNames":{"x-classification":"x"}}}}"#
    let any = #"{"properties":{"a":{"x-classification":"x"}}}"#
    for special in [contents, names] {
      #expect(try loosened(any, special) == ["/a x"])
      #expect(try loosened(special, any) == [])
      #expect(try loosened(special, special) == [])
    }
    #expect(try loosened(contents, names) == ["/a x"])
    #expect(try loosened(names, contents) == ["/a x"])
  }

  @Test("texts and other containers in place of what is labelled inside keep its label")
  func plain() throws {
    let older = #"{"properties":{"who":{"properties":{"name":{"x-classification":"x"}}}}}"#
    let newer =
      #"{"properties":{"who":{"properties":{}},"other":{"x-classification":"x"}}}"#
    #expect(try loosened(older, newer) == ["/who/name x"])
    #expect(try loosened(older, older) == [])
    let list = #"{"x-undeclared":"pass","properties":{"who":{"items":{"x-classification":"x"}}}}"#
    let both = list.replacing(#""items""#, with: #""properties":{"n":{}},"items""#)
    #expect(try loosened(list, both) == [])
    #expect(
      try reasons(both.replacing(#""n":{}"#, with: #""n":{"x-classification":"x"}"#), list)
        == ["is not there any more"])
  }

  @Test("what would take too long is said to be, whatever makes it long")
  func bounds() throws {
    let names = (0..<2_000).map { #""n\#($0)":{"x-classification":"x"}"# }
    let many = #"{"properties":{\#(names.joined(separator: ","))}}"#
    let patterns = (0..<900).map { #""^p\#($0)[a-z]":{"x-classification":"x"}"# }
    let fitting = #"{"patternProperties":{\#(patterns.joined(separator: ","))}}"#
    let others = fitting.replacing("[a-z]", with: "[a-y]")
    for (older, newer) in [(many, fitting), (fitting, others)] {
      let from = try #require(try Sample.schema(older).classification)
      let to = try #require(try Sample.schema(newer).classification)
      let found = ClassificationComparison.loosenings(from: from, to: to, fuel: 20_000)
      #expect(found.last?.message == "cannot be compared: it would take too long")
    }
    // Each pair of places is another state.
    func rings(_ first: Int, _ second: Int) -> String {
      func ring(_ name: String, _ count: Int) -> [String] {
        (0..<count).map { index in
          ##""\##(name)\##(index)":{"properties":{"v\##(index)":{"x-classification":"x"},"##
            + ##""n":{"$ref":"#/$defs/\##(name)\##((index + 1) % count)"}}}"##
        }
      }
      return ##"{"$defs":{"## + (ring("a", first) + ring("b", second)).joined(separator: ",")
        + ##"},"allOf":[{"$ref":"#/$defs/a0"},{"$ref":"#/$defs/b0"}]}"##
    }
    #expect(try loosened(rings(499, 503), rings(509, 521)) == [])
    let same = try #require(try Sample.schema(many).classification)
    let cut = ClassificationComparison.loosenings(from: same, to: same, fuel: 2_000)
    #expect(cut.map(\.message) == ["cannot be compared: it would take too long"])
    #expect(ClassificationComparison.loosenings(from: same, to: same) == [])
  }

  @Test("no deeper than payloads are")
  func depth() throws {
    func chain(_ length: Int, _ end: String) -> String {
      let steps = (0..<length).map {
        ##""d\##($0)":{"properties":{"n":{"$ref":"#/$defs/d\##($0 + 1)"}}}"##
      }
      return ##"{"$ref":"#/$defs/d0","$defs":{"##
        + (steps + [#""d\#(length)":\#(end)"#]).joined(separator: ",")
        + #"},"properties":{"x":{"x-classification":"x"}}}"#
    }
    let most = JSONLimits.payload.maxDepth
    for (length, isLoosened) in [(3, true), (most, true), (most + 1, false)] {
      // What is deeper still has its label where a text stands in place of the objects around it.
      let found = try reasons(
        chain(length, #"{"x-classification":"x"}"#), chain(length, #"{"type":"string"}"#))
      #expect(found.contains("is not there any more") == isLoosened, "\(length): \(found)")
      #expect(!found.isEmpty)
    }
  }

  @Test("recursion ends, and what cannot be followed counts as loosened")
  func recursion() throws {
    let tree =
      ##"{"properties":{"v":{"x-classification":"x"},"l":{"$ref":"#"},"##
      + ##""r":{"items":{"$ref":"#"}}}}"##
    #expect(try loosened(tree, tree) == [])
    #expect(
      try loosened(tree, tree.replacing(#""v":{"x-classification":"x"}"#, with: #""v":{}"#)) != [])
  }
}
