import Bytes
import JSONText
import TestSupport
import Testing

@testable import Schemas

/// Which definition reads what was written under which.
@Suite struct AvroResolutionTests {
  private static func verdict(
    writer: String, reader: String
  ) throws(SchemaFault) -> SchemaInclusion.Verdict {
    SchemaInclusion.compare(
      writer: try AvroDefinitionTests.schema(AvroDefinitionTests.record(writer)),
      reader: try AvroDefinitionTests.schema(AvroDefinitionTests.record(reader)),
      policy: .evolution)
  }

  @Test(
    "promotions, unions, enums and fixed",
    arguments: [
      (#""int""#, #""long""#, true), (#""long""#, #""int""#, false),
      (#""int""#, #""double""#, true), (#""double""#, #""float""#, false),
      (#""string""#, #""bytes""#, true), (#""bytes""#, #""string""#, true),
      (#""string""#, #"["null","string"]"#, true), (#"["null","string"]"#, #""string""#, false),
      (#"["int","string"]"#, #"["string","long"]"#, true),
      (#"["int","boolean"]"#, #"["string","long"]"#, false),
      (#"{"type":"array","items":"int"}"#, #"{"type":"array","items":"long"}"#, true),
      (#"{"type":"map","values":"long"}"#, #"{"type":"map","values":"int"}"#, false),
      (#"{"type":"array","items":"int"}"#, #"{"type":"map","values":"int"}"#, false),
      (
        #"{"type":"enum","name":"E","symbols":["a"]}"#,
        #"{"type":"enum","name":"E","symbols":["b","a"]}"#, true
      ),
      (
        #"{"type":"enum","name":"E","symbols":["a","b"]}"#,
        #"{"type":"enum","name":"E","symbols":["a"]}"#, false
      ),
      (
        #"{"type":"enum","name":"E","symbols":["a","b"]}"#,
        #"{"type":"enum","name":"E","symbols":["a"],"default":"a"}"#, true
      ),
      (
        #"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"F","size":3}"#, false
      ),
      (
        #"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"x.F","size":2}"#, true
      ),
      (
        #"{"type":"fixed","name":"F","size":2}"#,
        #"{"type":"fixed","name":"G","aliases":["F"],"size":2}"#, true
      ),
      (#"{"type":"fixed","name":"F","size":2}"#, #"{"type":"fixed","name":"G","size":2}"#, false),
    ])
  func types(_ writer: String, _ reader: String, _ reads: Bool) throws {
    let verdict = try Self.verdict(writer: writer, reader: reader)
    #expect(verdict.isIncluded == reads)
    #expect(verdict.reasons.isEmpty == reads && verdict.counterexample == nil)
  }

  @Test("two decimals have the same digits; one and what lies beneath it read one another")
  func decimals() throws {
    func decimal(_ type: String, _ precision: Int, _ scale: Int) -> String {
      #"{\#(type),"logicalType":"decimal","precision":\#(precision),"scale":\#(scale)}"#
    }
    for type in [#""type":"bytes""#, #""type":"fixed","name":"F","size":8"#] {
      let money = decimal(type, 9, 2)
      for same in [money, "{\(type)}"] {
        #expect(try Self.verdict(writer: money, reader: same) == .included)
        #expect(try Self.verdict(writer: same, reader: money) == .included)
      }
      for other in [decimal(type, 9, 4), decimal(type, 12, 2)] {
        for (writer, reader) in [(money, other), (other, money)] {
          let verdict = try Self.verdict(writer: writer, reader: reader)
          #expect(verdict.isIncluded == false && verdict.reasons.map(\.rule) == ["logicalType"])
        }
        let either = try Self.verdict(writer: money, reader: #"["null",\#(other)]"#)
        #expect(either.isIncluded == false && either.reasons.map(\.rule) == ["union"])
      }
    }
  }

  @Test("fields come with a default, go at will, and are renamed by an alias")
  func fields() throws {
    func verdict(_ writer: String, _ reader: String) throws -> SchemaInclusion.Verdict {
      let schemas = try [writer, reader].map {
        try AvroDefinitionTests.schema(#"{"type":"record","name":"R","fields":[\#($0)]}"#)
      }
      return SchemaInclusion.compare(writer: schemas[0], reader: schemas[1], policy: .strict)
    }
    let a = #"{"name":"a","type":"int"}"#
    #expect(try verdict(a, "") == .included)
    #expect(try verdict("", #"{"name":"a","type":"int","default":0}"#) == .included)
    #expect(try verdict(a, #"{"name":"b","type":"int","aliases":["a"]}"#) == .included)
    let refused = try verdict("", a)
    guard case .refused(let reasons) = refused else {
      Issue.record("\(refused)")
      return
    }
    #expect(reasons.map(\.rule) == ["default"])
    #expect(reasons[0].reader.pointer == "#/fields/0" && reasons[0].writer.pointer == "#")
  }

  @Test("types that contain themselves are compared, and what failed once is not trusted later")
  func recursion() throws {
    func list(_ value: String) -> String {
      """
      {"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},
      {"name":"value","type":\(value)}]}
      """
    }
    func isRead(_ writer: String, _ reader: String) throws -> Bool? {
      SchemaInclusion.compare(
        writer: try AvroDefinitionTests.schema(writer),
        reader: try AvroDefinitionTests.schema(reader), policy: .evolution
      ).isIncluded
    }
    #expect(try isRead(list(#""int""#), list(#""long""#)) == true)
    #expect(try isRead(list(#""long""#), list(#""int""#)) == false)
  }

  @Test("what was found not to be readable is not looked at again for each field")
  func repeated() throws {
    // Each record holds the one before it twice.
    func doubled(_ ground: String) -> String {
      let fields = (0..<40).map { number in
        let inner = number == 0 ? ground : "R\(number - 1)"
        return #"{"name":"f\#(number)","type":{"type":"record","name":"R\#(number)","fields":["#
          + #"{"name":"a","type":"\#(inner)"},{"name":"b","type":"\#(inner)"}]}}"#
      }
      return #"{"type":"record","name":"Root","fields":[\#(fields.joined(separator: ","))]}"#
    }
    let verdict = SchemaInclusion.compare(
      writer: try AvroDefinitionTests.schema(doubled("string")),
      reader: try AvroDefinitionTests.schema(doubled("int")), policy: .evolution)
    #expect(verdict.isIncluded == false)
    #expect(Set(verdict.reasons.map(\.rule)) == ["type"])
  }

  @Test("definitions too deep to compare are neither yes nor no")
  func deep() throws {
    // Each record holds the one before it; the two sides share the last field alone, so that
    // nothing on the way is known when it is compared.
    func chain(_ side: String) -> String {
      let fields = (0..<1_000).map { number in
        let inner = number == 0 ? "" : #"{"name":"inner","type":"R\#(number - 1)"}"#
        let type = #"{"type":"record","name":"R\#(number)","fields":[\#(inner)]}"#
        return number == 999
          ? #"{"name":"last","type":\#(type)}"#
          : #"{"name":"\#(side)\#(number)","type":["null",\#(type)],"default":null}"#
      }
      return #"{"type":"record","name":"Root","fields":[\#(fields.joined(separator: ","))]}"#
    }
    let verdict = SchemaInclusion.compare(
      writer: try AvroDefinitionTests.schema(chain("a")),
      reader: try AvroDefinitionTests.schema(chain("b")), policy: .evolution)
    #expect(verdict.isIncluded == nil && verdict.reasons.map(\.rule) == ["undecided"])
  }

  @Test("schemas of two languages do not follow one another")
  func languages() throws {
    let avro = try AvroDefinitionTests.schema(AvroDefinitionTests.record(#""int""#))
    let json = try Sample.schema("true")
    for (writer, reader) in [(avro, json), (json, avro)] {
      let verdict = SchemaInclusion.compare(writer: writer, reader: reader, policy: .evolution)
      #expect(verdict.isIncluded == false && verdict.reasons.map(\.rule) == ["language"])
    }
  }

  @Test(
    "published pairs are decided as Avro's own checker decides them",
    .enabled(if: ConformanceData.isThere, "JODRELL_CONFORMANCE_DATA is not set"))
  func published() throws {
    let pairs = try JSONDocument(
      parsing: ByteSlice(try ConformanceData.file("schema-compat/avro/avro-pairs.json"))
    ).root
    var compared = 0
    for pair in pairs.elements {
      guard let reader = pair["reader"]?.raw.text, let writer = pair["writer"]?.raw.text,
        let label = pair["readerCanReadWriter"]?.bool
      else { continue }
      // Definitions here are records: other types are wrapped on both sides.
      func definition(_ text: String) throws(SchemaFault) -> CompiledSchema {
        try AvroDefinitionTests.schema(
          #"{"type":"record","name":"Wrapped","fields":[{"name":"f","type":\#(text)}]}"#)
      }
      let verdict = SchemaInclusion.compare(
        writer: try definition(writer), reader: try definition(reader), policy: .evolution)
      #expect(verdict.isIncluded == label, "\(writer) read as \(reader): \(verdict)")
      compared += 1
    }
    #expect(compared == 131)
  }
}
