import Bytes
import Testing

@testable import Schemas

/// What registering comes to under every level, for one chain of changes.
struct RegistrationTests {
  private let texts = [
    #"{"type":"object","properties":{"a":{"type":"integer"},"old":{"type":"string"}}}"#,
    #"{"type":"object","properties":{"a":{"type":"integer"}}}"#,
  ]
  /// Takes more than the newest, and gives `old` another type.
  private let wider = """
    {"type":"object","properties":{"a":{"type":"number"},"old":{"type":"integer"}}}
    """
  /// Takes less than the newest.
  private let narrower = #"{"type":"object","properties":{"a":{"type":"integer","minimum":1}}}"#

  private func outcome(
    _ text: String, _ level: Compatibility, _ policy: EvolutionPolicy = .evolution
  ) throws -> SchemaRegistration.Outcome {
    let versions = try texts.enumerated().map { index, text in
      SchemaRegistration.Version(
        number: UInt32(index + 1), fingerprint: ByteSlice(utf8: text),
        program: try Sample.schema(text))
    }
    return SchemaRegistration.decide(
      try Sample.schema(text), fingerprint: ByteSlice(utf8: text), against: versions,
      terms: .init(level: level, policy: policy))
  }

  private func isTaken(_ text: String, _ level: Compatibility) throws -> Bool {
    try outcome(text, level) == .register(after: 2)
  }

  @Test func `the first is taken, the same one is known`() throws {
    for level in Compatibility.allCases {
      let terms = SchemaRegistration.Terms(level: level, policy: .strict)
      let first = SchemaRegistration.decide(
        try Sample.schema(texts[0]), fingerprint: .empty, against: [], terms: terms)
      #expect(first == .register(after: 0))
      #expect(try outcome(texts[1], level) == .identical(version: 2))
    }
  }

  @Test func `the same text with other documents is judged`() throws {
    func pin(_ version: UInt32) -> SchemaPin {
      SchemaPin(uri: ByteSlice(utf8: "urn:a"), document: ByteSlice(utf8: "s/a"), version: version)
    }
    let inForce = SchemaRegistration.Version(
      number: 1, fingerprint: .empty, references: [pin(1)],
      program: try Sample.schema(#"{"type":"integer"}"#))
    func outcome(_ text: String, _ version: UInt32) throws -> SchemaRegistration.Outcome {
      SchemaRegistration.decide(
        try Sample.schema(text), fingerprint: .empty, references: [pin(version)],
        against: [inForce], terms: .init(level: .backward, policy: .strict))
    }
    #expect(try outcome(#"{"type":"integer"}"#, 1) == .identical(version: 1))
    #expect(try outcome(#"{"type":"number"}"#, 2) == .register(after: 1))
    guard case .incompatible = try outcome(#"{"type":"string"}"#, 2) else {
      Issue.record("taken")
      return
    }
  }

  @Test func `each level asks its own question`() throws {
    let takesNarrower: Set<Compatibility> = [
      .none, .alwaysCompatible, .forward, .forwardTransitive,
    ]
    for level in Compatibility.allCases {
      #expect(try isTaken(narrower, level) == takesNarrower.contains(level), "\(level)")
      // The name that was given up stands in the way of all who look back.
      let takesAll = level == .none || level == .alwaysCompatible
      #expect(try isTaken(wider, level) == takesAll, "\(level)")
    }
    let plain = #"{"type":"object","properties":{"a":{"type":"number"}}}"#
    let takesPlain: Set<Compatibility> = [
      .none, .alwaysCompatible, .backward, .backwardTransitive,
    ]
    for level in Compatibility.allCases {
      #expect(try isTaken(plain, level) == takesPlain.contains(level), "\(level)")
    }
  }

  @Test func `a name given up is remembered under evolution alone`() throws {
    guard case .incompatible(let report) = try outcome(wider, .backward) else {
      Issue.record("taken")
      return
    }
    #expect(report.comparisons.map(\.version) == [2, 1])
    #expect(report.comparisons.last?.verdict.reasons.map(\.instance) == ["/old"])
    let strict = #"{"type":"object","properties":{"a":{"type":"number"},"old":{}}}"#
    #expect(try outcome(strict, .backward, .strict) == .register(after: 2))
  }

  @Test func `a version that does not compile any more leaves it open`() throws {
    let broken = SchemaRegistration.Version(
      number: 1, fingerprint: ByteSlice(utf8: "x"), program: nil)
    let outcome = SchemaRegistration.decide(
      try Sample.schema("true"), fingerprint: ByteSlice(utf8: "y"), against: [broken],
      terms: .init(level: .backward, policy: .strict))
    guard case .undecided(let report) = outcome else {
      Issue.record("decided")
      return
    }
    #expect(report.isCompatible == nil)
  }

  @Test func `words, Pulsar's among them, name the levels`() {
    for level in Compatibility.allCases {
      #expect(Compatibility(word: "\(level.word)") == level)
    }
    #expect(Compatibility(word: "ALWAYS_COMPATIBLE") == .alwaysCompatible)
    #expect(Compatibility(word: "full") == nil)
    #expect(Compatibility.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 7, 8])
  }
}
