import Bytes
import JSONText
import TestSupport
import Testing

@testable import Schemas

/// Published pairs of schemas: every verdict against the label of the collection, under the policy
/// `strict`, because the labels know no other. docs/compatibility.md has the reason of each
/// disagreement that is listed here. Where the exact inclusion check of another implementation has
/// an answer, ours is the same.
@Suite(.enabled(if: ConformanceData.isThere, "JODRELL_CONFORMANCE_DATA is not set"))
struct CompatibilityCorpusTests {
  struct Tally {
    var yes = 0
    var no = 0
    var open = 0
    /// Pairs that do not compile: keywords of draft-04 with another meaning today.
    var refused = 0
    /// Decided otherwise than labelled, by name.
    var disagreements: [String: Int] = [:]
    /// Decided otherwise than by the other implementation.
    var disputed: [String] = []
  }

  private func corpus(_ path: String) throws -> JSONNode {
    try JSONDocument(parsing: ByteSlice(try ConformanceData.file("schema-compat/" + path))).root
  }

  /// Both sides are read as draft-07, whatever they name: the collections do so as well.
  private func compiled(_ node: JSONNode?) -> CompiledSchema? {
    guard let node else { return nil }
    let text = node.raw.text
      .replacing("json-schema.org/draft-04/", with: "json-schema.org/draft-07/")
      .replacing("json-schema.org/draft-06/", with: "json-schema.org/draft-07/")
    return try? CompiledSchema.compile(ByteSlice(utf8: text), dialect: .draft07)
  }

  private func compare(
    _ writer: JSONNode?, _ reader: JSONNode?, _ name: String, label: Bool, covers: String?,
    into tally: inout Tally
  ) {
    guard let writer = compiled(writer), let reader = compiled(reader) else {
      tally.refused += 1
      return
    }
    let verdict = SchemaInclusion.compare(writer: writer, reader: reader, policy: .strict)
    guard let isIncluded = verdict.isIncluded else {
      tally.open += 1
      return
    }
    if isIncluded { tally.yes += 1 } else { tally.no += 1 }
    if isIncluded != label { tally.disagreements[name, default: 0] += 1 }
    if let covers, covers == "yes" || covers == "no", (covers == "yes") != isIncluded {
      tally.disputed.append(name)
    }
  }

  @Test func `pairs of jsonsubschema`() throws {
    var tally = Tally()
    for pair in try corpus("jsonsubschema/jsonsubschema-pairs.json").elements {
      compare(
        pair["sub"], pair["super"], pair["test"]?.text ?? "",
        label: pair["isSubschema"]?.bool == true, covers: pair["covers_d7"]?.text, into: &tally)
    }
    #expect(tally.disputed == [])
    #expect(
      tally.disagreements == [
        "test_numeric.TestCompositeNumericSubtype.test_all_all_3": 1,
        "test_object.TestObjectSubtype.test_tricky1": 1,
        "test_object.TestObjectSubtype.test_tricky2": 1,
        "test_object.TestObjectSubtype.test_tricky3": 1,
        "test_object.TestObjectSubtype.test_tricky4": 1,
      ])
    #expect(tally.refused == 36)
    #expect(tally.yes + tally.no >= 522)
  }

  @Test func `pairs of Karapace`() throws {
    var tally = Tally()
    for pair in try corpus("karapace/karapace-jsonschema-pairs.json").elements {
      compare(
        pair["writer"], pair["reader"], pair["test"]?.text ?? "",
        label: pair["readerCanReadWriter"]?.bool == true, covers: pair["covers_d7"]?.text,
        into: &tally)
    }
    #expect(tally.disputed == [])
    #expect(
      tally.disagreements == [
        "test_array_and_tuples_are_incompatible": 1,
        "test_boolean_schemas_are_backward_compatible": 1,
        "test_extra_field_with_closed_model_is_incompatible": 1,
        "test_object_properties": 1,
        "test_pattern_properties": 1,
        "test_property_names": 1,
        "test_schema_restrict_attributes_is_incompatible": 1,
        "test_true_and_false_schemas": 7,
        "test_true_schema_is_compatible_with_object": 59,
      ])
    #expect(tally.refused == 0)
    #expect(tally.open == 0)
  }

  @Test func `pairs of Apicurio, both ways`() throws {
    var tally = Tally()
    let second = Array(try corpus("apicurio/covers-d7.json").elements)
    let pairs = try corpus("apicurio/jsonschema-compatibility-test-data.json")["tests"]
    for (index, pair) in try #require(pairs).elements.enumerated() {
      let name = pair["id"]?.text ?? ""
      let label = pair["compatibility"]?.text ?? ""
      compare(
        pair["original"], pair["updated"], name, label: label != "none",
        covers: second[index]["updated_covers_original"]?.text, into: &tally)
      compare(
        pair["updated"], pair["original"], name + " (forward)", label: label == "both",
        covers: second[index]["original_covers_updated"]?.text, into: &tally)
    }
    #expect(tally.disputed == [])
    #expect(
      tally.disagreements == [
        "String: pattern 1 (forward)": 1,
        "String: pattern 2": 1,
        "String: pattern 2 (forward)": 1,
        "Const": 1,
        "Const (forward)": 1,
        "String: contentEncoding 3": 1,
        "String: contentMediaType 2 (forward)": 1,
        "String: contentMediaType 3": 1,
        "String: contentMediaType 3 (forward)": 1,
        "Complex: anyOf 1 (forward)": 1,
        "Complex: oneOf 1": 1,
        "Complex: oneOf 1 (forward)": 1,
        "Complex: oneOf 3": 1,
        "Conditional: if": 1,
        "Conditional: if (forward)": 1,
        "Conditional: then (forward)": 1,
        "Conditional: else (forward)": 1,
      ])
    #expect(tally.refused == 8)
    #expect(tally.open == 0)
  }
}
