import Bytes
import Testing

@testable import Schemas

/// A name that was given up may come back only as what it was, whichever keywords declare it and
/// whatever else is said of all members.
@Suite struct GivenUpNamesTests {
  private func isTaken(
    _ older: String, _ inForce: String, _ candidate: String, _ level: Compatibility
  ) throws -> Bool {
    let texts = [older, inForce, candidate].map { #"{"type":"object",\#($0)}"# }
    let versions = try texts.dropLast().enumerated().map { index, text in
      SchemaRegistration.Version(
        number: UInt32(index + 1), fingerprint: ByteSlice(utf8: text),
        program: try Sample.schema(text))
    }
    let outcome = SchemaRegistration.decide(
      try Sample.schema(texts[2]), fingerprint: ByteSlice(utf8: texts[2]), against: versions,
      terms: .init(level: level, policy: .evolution))
    return outcome == .register(after: 2)
  }

  static let plain = #""properties":{"y":{"type":"string"}}"#
  static let number = #""properties":{"y":{"type":"string"},"x":{"type":"integer"}}"#

  @Test(arguments: [
    (
      #""patternProperties":{"^x":{"type":"string"}}"#,
      #""properties":{"y":{"type":"string"},"x1":{"type":"integer"}}"#
    ),
    (
      #""properties":{"x":{"type":"string"}}"#,
      #""properties":{"y":{"type":"string"}},"patternProperties":{"^x$":{"type":"integer"}}"#
    ),
    (
      #""patternProperties":{"^x":{"type":"string"}}"#,
      #""properties":{"y":{"type":"string"}},"patternProperties":{"^x1":{"type":"integer"}}"#
    ),
    (#""required":["x"]"#, number),
    (#""properties":{"y":{"type":"string"}},"dependentRequired":{"x":["y"]}"#, number),
    (
      #""properties":{"x":{"type":"string"},"y":{"type":"string"}}"#,
      #""properties":{"x":{"type":"string"},"y":{"type":"string"}},"maxProperties":1"#
    ),
  ])
  func `what the older version takes and the candidate refuses is found`(
    older: String, candidate: String
  ) throws {
    #expect(try !isTaken(older, Self.plain, candidate, .backward))
    // Nothing is remembered where nothing was given up.
    #expect(try isTaken(Self.plain, Self.plain, candidate, .backward))
  }

  @Test func `patterns that stay give nothing up`() throws {
    let tags = #","patternProperties":{"^x-":{"type":"string"}}"#
    let older = #""properties":{"old":{"type":"string"}}"# + tags
    #expect(try isTaken(older, Self.plain + tags, Self.number + tags, .backward))
  }

  @Test(arguments: [(5, true), (4, false)])
  func `bounds are no hindrance where the older version keeps them`(
    most: Int, isTaken: Bool
  ) throws {
    func bounded(_ members: String, _ most: Int) -> String {
      #""properties":{\#(members)},"maxProperties":\#(most)"#
    }
    // The other member was retyped before: only the name that comes back counts.
    let older = bounded(#""x":{"type":"string"},"y":{"type":"integer"}"#, 5)
    let inForce = bounded(#""y":{"type":"string"}"#, most)
    let candidate = bounded(#""x":{"type":"string"},"y":{"type":"string"}"#, most)
    #expect(try self.isTaken(older, inForce, candidate, .backward) == isTaken)
  }

  @Test func `what a version only forbids is no name of it`() throws {
    let forbidding = Self.plain + #","not":{"required":["x"]}"#
    let older = #""properties":{"x":{"type":"string"},"y":{"type":"string"}}"#
    #expect(try !isTaken(older, forbidding, Self.number, .backward))
    #expect(try isTaken(forbidding, Self.plain, Self.number, .backward))
  }
}
