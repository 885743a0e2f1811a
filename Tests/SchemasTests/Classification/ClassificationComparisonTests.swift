import Bytes
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
      // Not described any more: hidden from whoever lacks any class of the schema.
      #"{"properties":{"id":{"x-classification":"pii.contact"}}}"#,
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
