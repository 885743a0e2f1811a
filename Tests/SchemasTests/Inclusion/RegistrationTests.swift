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

  /// Oldest first, the last in force; without a text: one that does not compile any more.
  private typealias Known = [(number: UInt32, text: String?)]

  private func decide(
    _ text: String, _ level: Compatibility, against versions: Known
  ) throws -> SchemaRegistration.Outcome {
    var known: [SchemaRegistration.Version] = []
    for version in versions {
      var program: CompiledSchema?
      if let text = version.text { program = try Sample.schema(text) }
      known.append(
        SchemaRegistration.Version(
          number: version.number, fingerprint: ByteSlice(utf8: version.text ?? "gone"),
          program: program))
    }
    return SchemaRegistration.decide(
      try Sample.schema(text), fingerprint: ByteSlice(utf8: text), against: known,
      terms: .init(level: level, policy: .evolution))
  }

  @Test func `names of a version that was withdrawn are not remembered`() throws {
    let plain = #"{"properties":{"id":{}}}"#
    let priced = #"{"properties":{"id":{},"price":{"type":"string"}}}"#
    let other = #"{"properties":{"id":{},"price":{"type":"number"}}}"#
    for level in [Compatibility.backward, .forward, .full] {
      let steppedBack = try decide(other, level, against: [(2, priced), (1, plain)])
      #expect(steppedBack == .register(after: 1), "\(level)")
      guard case .incompatible = try decide(other, level, against: [(1, priced), (2, plain)])
      else {
        Issue.record("taken under \(level)")
        continue
      }
    }
  }

  @Test func `a name given up of which nothing is proven stays open`() throws {
    func schema(_ members: String) -> String { #"{"properties":{"id":{}\#(members)}}"# }
    let code = #","code":{"type":"string","pattern":"^\\p{Lu}{3}$"}"#
    let other = #","code":{"type":"string","pattern":"^\\p{L}{2}$"}"#
    let versions: Known = [(1, schema(code)), (2, schema(""))]
    for level in [Compatibility.backward, .forward, .full] {
      guard case .undecided(let report) = try decide(schema(other), level, against: versions)
      else {
        Issue.record("decided under \(level)")
        continue
      }
      let open = report.comparisons.filter { $0.verdict.isIncluded == nil }
      #expect(open.map(\.version) == [1])
      #expect(open.first?.verdict.reasons.map(\.reader.pointer) == ["#/properties/code"])
      // As it was, it comes back.
      #expect(try decide(schema(code), level, against: versions) == .register(after: 2))
    }
  }

  @Test func `what else an old version differs in says nothing of a name given up`() throws {
    let first = """
      {"type":"object","properties":{"a":{"type":"string"},"note":{"type":"string"},
      "code":{"type":"string","pattern":"^\\\\p{Lu}{3}$"}}}
      """
    let second = #"{"type":"object","properties":{"a":{"type":"integer"}}}"#
    let versions: Known = [(1, first), (2, second)]
    func candidate(_ member: String) -> String {
      second.replacing(#"{"a":"#, with: #"{\#(member),"a":"#)
    }
    #expect(
      try decide(candidate(#""note":{"type":"string"}"#), .backward, against: versions)
        == .register(after: 2))
    let code = #""code":{"type":"string","pattern":"^\\p{L}{2}$"}"#
    guard case .undecided = try decide(candidate(code), .backward, against: versions) else {
      Issue.record("decided")
      return
    }
  }

  @Test func `an old version that nobody can read may have had any name`() throws {
    let plain = #"{"properties":{"id":{}}}"#
    let versions: Known = [(1, nil), (2, plain)]
    let grown = #"{"properties":{"id":{},"more":{"type":"string"}}}"#
    guard case .undecided(let report) = try decide(grown, .backward, against: versions) else {
      Issue.record("decided")
      return
    }
    #expect(report.comparisons.map(\.version) == [2, 1])
    // Where no name comes, none comes back.
    let told = #"{"title":"told","properties":{"id":{}}}"#
    #expect(try decide(told, .backward, against: versions) == .register(after: 2))
  }

  @Test func `a deleted version is judged when it is put again`() throws {
    let texts = [#"{"type":"string"}"#, #"{"type":"integer"}"#]
    let versions = try texts.enumerated().map { index, text in
      SchemaRegistration.Version(
        number: UInt32(index + 1), fingerprint: ByteSlice(utf8: text), isLive: false,
        program: try Sample.schema(text))
    }
    let outcome = SchemaRegistration.decide(
      try Sample.schema(texts[1]), fingerprint: ByteSlice(utf8: texts[1]), against: versions,
      terms: .init(level: .backwardTransitive, policy: .evolution))
    guard case .incompatible = outcome else {
      Issue.record("taken")
      return
    }
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
