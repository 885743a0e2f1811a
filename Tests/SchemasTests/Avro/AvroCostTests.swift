import Bytes
import Testing

@testable import Schemas

/// What reading a definition may take, whatever its author makes of it.
@Suite struct AvroCostTests {
  private static func list(_ count: Int, _ make: (Int) -> String) -> String {
    (0..<count).map(make).joined(separator: ",")
  }

  @Test("a record that stands in many unions is not said over again in each of them")
  func nullableRecord() throws {
    let fields = Self.list(2_000) { #"{"name":"f\#($0)","type":"int"}"# }
    let unions = Self.list(1_000) { #"{"name":"b\#($0)","type":["null","R"]}"# }
    let schema = try AvroDefinitionTests.schema(
      #"{"type":"record","name":"T","fields":[{"name":"r","type":["null",{"type":"record","#
        + #""name":"R","fields":[\#(fields)]}]},\#(unions)]}"#)
    #expect(schema.memory < SchemaLimits.programBytes)
    let whole = Self.list(2_000) { #""f\#($0)":1"# }
    for name in ["r", "b0", "b999"] {
      for good in ["null", "{\(whole)}"] {
        #expect(try Sample.check(#"{"\#(name)":\#(good)}"#, schema) == .valid)
      }
      for bad in ["1", "{}"] {
        #expect(try Sample.check(#"{"\#(name)":\#(bad)}"#, schema) == .invalid)
      }
    }
  }

  /// Types, each with a default that takes more steps than there are.
  static let dear: [(type: String, value: String)] = {
    let fields = Self.list(200) { #"{"name":"f\#($0)","type":"int","default":0}"# }
    let objects = Self.list(11_000) { _ in "{}" }
    let fixed = Self.list(200) { #"{"type":"fixed","name":"F\#($0)","size":1}"# }
    let records = Self.list(200) {
      #"{"type":"record","name":"I\#($0)","fields":[{"name":"a","type":"int"}]}"#
    }
    let long = String(repeating: "a", count: 100_000)
    return [
      (
        #"{"type":"array","items":{"type":"record","name":"I","fields":[\#(fields)]}}"#,
        "[\(objects)]"
      ),
      ("[\(fixed)]", #""\#(long)""#), ("[\(records)]", #"{"\#(long)":1}"#),
    ]
  }()

  @Test(
    "a default pays for fields that it has not, and for its texts and names",
    arguments: dear.indices)
  func defaults(number: Int) throws {
    let (type, value) = Self.dear[number]
    let text = AvroDefinitionTests.record(type, #","default":\#(value)"#)
    do throws(SchemaFault) {
      _ = try AvroDefinitionTests.schema(text)
      Issue.record("taken")
    } catch {
      #expect(error.pointer == "#/fields/0/default" && error.reason.code == "schema_limit_exceeded")
    }
    // What is registered already stays readable.
    let kept = try AvroDefinitionTests.schema(text, isNew: false)
    #expect(try Sample.check("{}", kept) == .valid)
  }

  @Test("the symbols of a default are looked up", .timeLimit(.minutes(1)))
  func symbols() throws {
    let count = 40_000
    let symbols = Self.list(count) { #""s\#($0)""# }
    let last = Self.list(count) { _ in #""s\#(count - 1)""# }
    let type = #"{"type":"enum","name":"E","symbols":[\#(symbols)]}"#
    let schema = try AvroDefinitionTests.schema(
      AvroDefinitionTests.record(
        #"{"type":"array","items":\#(type)}"#, #","default":[\#(last)]"#))
    #expect(try Sample.check("{}", schema) == .valid)
  }
}
