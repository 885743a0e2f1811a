public import Bytes

/// Whether every value that one schema takes is also taken by another.
///
/// The *writer* is the schema that values were made under, the *reader* the one that is to take
/// them. Pure and bounded by `SchemaLimits.inclusionFuel`: up to a second for hostile schemas, so
/// call it off the event loops. Any thread.
public enum SchemaInclusion {
  /// What a comparison found out.
  public enum Verdict: Equatable, Sendable {
    /// Proven: the reader takes whatever the writer takes.
    case included
    /// Disproven: the engine has seen the writer take the counterexample, a JSON text, and the
    /// reader refuse it. The reasons name places in both; never empty, at most
    /// `SchemaLimits.incompatibilities`.
    case excluded(reasons: [Incompatibility], counterexample: ByteSlice)
    /// Disproven by the rules of the schemas' own language, which name places and no value: Avro's
    /// resolution, and schemas of two languages. Never empty, at most as many.
    case refused(reasons: [Incompatibility])
    /// Neither could be shown within the budget, or the schemas say things that are not decided.
    /// The reasons tell what.
    case unknown(reasons: [Incompatibility])

    /// True and false are proven.
    public var isIncluded: Bool? {
      switch self {
      case .included: true
      case .excluded, .refused: false
      case .unknown: nil
      }
    }

    public var reasons: [Incompatibility] {
      switch self {
      case .included: []
      case .excluded(let reasons, _), .refused(let reasons), .unknown(let reasons): reasons
      }
    }

    public var counterexample: ByteSlice? {
      if case .excluded(_, let counterexample) = self { counterexample } else { nil }
    }
  }

  /// Compares two schemas: those of JSON Schema as sets of values, those of Avro by its rules of
  /// resolution.
  ///
  /// - Parameter policy: how the writer is read; `EvolutionPolicy` says more. Of JSON Schema.
  public static func compare(
    writer: CompiledSchema, reader: CompiledSchema, policy: EvolutionPolicy
  ) -> Verdict {
    var fuel = SchemaLimits.inclusionFuel
    return compare(writer: writer, reader: reader, policy: policy, fuel: &fuel)
  }

  /// Compares within `fuel`, from which what it took is subtracted.
  static func compare(
    writer: CompiledSchema, reader: CompiledSchema, policy: EvolutionPolicy, fuel: inout Int
  ) -> Verdict {
    switch (writer.avro, reader.avro) {
    case (nil, nil):
      return Comparison.verdict(writer: writer, reader: reader, policy: policy, &fuel)
    case (let old?, let new?):
      return AvroResolution.compare(writer: old, reader: new, fuel: &fuel)
    default:
      let root = Incompatibility.Place(pointer: "#")
      return .refused(reasons: [
        Incompatibility(
          rule: "language", message: "must be of the language of the version before",
          writer: root, reader: root)
      ])
    }
  }
}

/// How a writer is read when schemas are compared. The raw value is stored.
public enum EvolutionPolicy: UInt8, CaseIterable, Sendable, Hashable {
  /// As its publishers mean it: objects hold the properties that the schema declares and no others,
  /// unless it says something explicit about others. Optional properties may come and go.
  case evolution = 0
  /// As written: an object may hold any member that the schema does not forbid.
  case strict = 1

  /// The word of the HTTP contract.
  public var name: String { self == .evolution ? "evolution" : "strict" }

  public init?(named name: String) {
    guard let policy = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = policy
  }
}

/// One reason why values of one schema are refused by another.
public struct Incompatibility: Equatable, Sendable {
  /// A place in one of the two schemas.
  public struct Place: Equatable, Sendable {
    /// As `#/properties/id/minLength`; of the nearest schema where nothing is said.
    public let pointer: String
    /// The keyword there; nil where the schema says nothing of the kind.
    public let keyword: String?

    public init(pointer: String, keyword: String? = nil) {
      self.pointer = pointer
      self.keyword = keyword
    }
  }

  /// The keyword of the reader that refuses, or `undecided`, `changed`, `frozen`. Stable across
  /// releases.
  public let rule: String
  /// A sentence without subject: "must be a string".
  public let message: String
  /// JSON pointer into the counterexample; empty where there is none.
  public let instance: String
  public let writer: Place
  public let reader: Place

  public init(
    rule: String, message: String, instance: String = "", writer: Place, reader: Place
  ) {
    self.rule = rule
    self.message = message
    self.instance = instance
    self.writer = writer
    self.reader = reader
  }
}
