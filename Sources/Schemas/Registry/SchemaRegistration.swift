public import Bytes

/// The registry's rules: pure, told what is in force, saying what a registration comes to.
///
/// Comparisons take up to a second each for hostile schemas: decide off the event loops.
public enum SchemaRegistration {
  /// A version that is kept, compiled.
  public struct Version: Sendable {
    public let number: UInt32
    /// From `CompiledSchema.fingerprint`.
    public let fingerprint: ByteSlice
    /// The documents that it was registered with.
    public let references: [SchemaPin]
    /// Whether it is not softly deleted; one that is has to be judged like any other text.
    public let isLive: Bool
    public let reading: Reading

    /// What is known of a version.
    public enum Reading: Sendable {
      case program(CompiledSchema)
      /// Its text does not compile any more: then nothing is known of it.
      case doesNotCompile
      /// Newer versions have used `SchemaLimits.comparedBytes` up.
      case tooMuch
      /// Not in force, and the terms look at nothing else.
      case notAsked
    }

    public init(
      number: UInt32, fingerprint: ByteSlice, references: [SchemaPin] = [], isLive: Bool = true,
      reading: Reading
    ) {
      self.number = number
      self.fingerprint = fingerprint
      self.references = references
      self.isLive = isLive
      self.reading = reading
    }

    public init(
      number: UInt32, fingerprint: ByteSlice, references: [SchemaPin] = [], isLive: Bool = true,
      program: CompiledSchema?
    ) {
      self.init(
        number: number, fingerprint: fingerprint, references: references, isLive: isLive,
        reading: program.map { .program($0) } ?? .doesNotCompile)
    }

    public var program: CompiledSchema? {
      if case .program(let program) = reading { program } else { nil }
    }

    /// Whether `reader` takes what was made under this version.
    public func verdict(
      asReadBy reader: CompiledSchema, _ policy: EvolutionPolicy
    ) -> SchemaInclusion.Verdict {
      var fuel = SchemaLimits.inclusionFuel
      return verdict(asReadBy: reader, policy, &fuel)
    }

    fileprivate func verdict(
      asReadBy reader: CompiledSchema, _ policy: EvolutionPolicy, _ fuel: inout Int
    ) -> SchemaInclusion.Verdict {
      guard let program else { return unreadable }
      return SchemaInclusion.compare(writer: program, reader: reader, policy: policy, fuel: &fuel)
    }

    /// Whether this version takes what is made under `writer`.
    fileprivate func verdict(
      reading writer: CompiledSchema, _ policy: EvolutionPolicy, _ fuel: inout Int
    ) -> SchemaInclusion.Verdict {
      guard let program else { return unreadable }
      return SchemaInclusion.compare(writer: writer, reader: program, policy: policy, fuel: &fuel)
    }

    fileprivate var unreadable: SchemaInclusion.Verdict {
      let root = Incompatibility.Place(pointer: "#")
      let message =
        if case .tooMuch = reading {
          "cannot be compared: newer versions have more text than one comparison reads"
        } else {
          "cannot be compared: a version kept does not compile any more"
        }
      return .unknown(reasons: [
        Incompatibility(
          rule: "undecided", message: message,
          writer: root, reader: root)
      ])
    }
  }

  /// What a topic asks of a changed schema.
  public struct Terms: Sendable, Hashable {
    public let level: Compatibility
    public let policy: EvolutionPolicy

    public init(level: Compatibility, policy: EvolutionPolicy) {
      self.level = level
      self.policy = policy
    }

    /// Whether versions beside the one in force have a say: all of them for transitive levels,
    /// their names for the others under `evolution`.
    public var looksBehindNewest: Bool {
      level.isTransitive
        || policy == .evolution && (level.looksBackward || level.looksForward)
    }
  }

  public enum Outcome: Equatable, Sendable {
    /// Register as the version after this one; 0 where the topic has none in force.
    case register(after: UInt32)
    /// The same schema with the same documents is in force already, as this version.
    case identical(version: UInt32)
    /// Refused, 409: the report says no.
    case incompatible(CompatibilityReport)
    /// Refused, 409, unless somebody answers for it: the report says neither yes nor no.
    case undecided(CompatibilityReport)
  }

  /// Decides about a candidate.
  ///
  /// - Parameters:
  ///   - fingerprint: the candidate's, from `CompiledSchema.fingerprint`.
  ///   - references: the documents that the candidate would be registered with.
  ///   - versions: those that count, oldest first; the last is in force, or the newest where none
  ///     is live.
  public static func decide(
    _ candidate: CompiledSchema, fingerprint: ByteSlice, references: [SchemaPin] = [],
    against versions: [Version], terms: Terms
  ) -> Outcome {
    guard let inForce = versions.last else { return .register(after: 0) }
    if inForce.isLive, inForce.fingerprint == fingerprint, inForce.references == references {
      return .identical(version: inForce.number)
    }
    let report = CompatibilityReport(candidate, against: versions, terms: terms)
    switch report.isCompatible {
    case true?: return .register(after: inForce.number)
    case false?: return .incompatible(report)
    case nil: return .undecided(report)
    }
  }
}

/// How a candidate stands to the versions of a topic under its terms.
public struct CompatibilityReport: Equatable, Sendable {
  public enum Direction: Equatable, Sendable {
    /// The candidate reads what the version wrote.
    case backward
    /// The version reads what the candidate writes.
    case forward

    public var name: String { self == .backward ? "backward" : "forward" }
  }

  /// One comparison.
  public struct Comparison: Equatable, Sendable {
    public let version: UInt32
    public let direction: Direction
    public let verdict: SchemaInclusion.Verdict
  }

  public let terms: SchemaRegistration.Terms
  /// Newest version first.
  public private(set) var comparisons: [Comparison] = []

  /// True and false are proven; nil is neither.
  public var isCompatible: Bool? {
    if terms.level == .alwaysIncompatible { return comparisons.isEmpty }
    var isCertain = true
    for comparison in comparisons {
      switch comparison.verdict.isIncluded {
      case true?: continue
      case false?: return false
      case nil: isCertain = false
      }
    }
    return isCertain ? true : nil
  }

  /// Whether the candidate takes what was made under a version; nil where that was not asked.
  public func backward(to version: UInt32) -> SchemaInclusion.Verdict? {
    guard terms.level != .alwaysIncompatible else { return nil }
    return comparisons.first { $0.version == version && $0.direction == .backward }?.verdict
  }

  /// Compares a candidate with the versions that the level names. Stops at the first version that
  /// it may not follow.
  public init(
    _ candidate: CompiledSchema, against versions: [SchemaRegistration.Version],
    terms: SchemaRegistration.Terms
  ) {
    self.terms = terms
    guard let newest = versions.last else { return }
    if terms.level == .alwaysIncompatible {
      let root = Incompatibility.Place(pointer: "#")
      let frozen = Incompatibility(
        rule: "frozen", message: "is not taken: the topic's schema may not change", writer: root,
        reader: root)
      comparisons.append(
        Comparison(
          version: newest.number, direction: .backward, verdict: .unknown(reasons: [frozen])))
      return
    }
    // One budget for all versions: the newest are compared first.
    var fuel = SchemaLimits.inclusionFuel
    let compared = terms.level.isTransitive ? versions.reversed() : [newest]
    for version in compared {
      if terms.level.looksBackward {
        add(version, .backward, version.verdict(asReadBy: candidate, terms.policy, &fuel))
      }
      if terms.level.looksForward {
        add(version, .forward, version.verdict(reading: candidate, terms.policy, &fuel))
      }
      if isCompatible == false { return }
    }
    let looks = terms.level.looksBackward || terms.level.looksForward
    if looks, terms.policy == .evolution, !terms.level.isTransitive, candidate.type == .json {
      remember(candidate, versions, &fuel)
    }
  }

  private mutating func add(
    _ version: SchemaRegistration.Version, _ direction: Direction,
    _ verdict: SchemaInclusion.Verdict
  ) {
    comparisons.append(Comparison(version: version.number, direction: direction, verdict: verdict))
  }

  /// Names that an older version had and the one in force has not may come back only as what they
  /// were: their old values may still be stored. What is newer than the one in force was withdrawn
  /// and has no say.
  private mutating func remember(
    _ candidate: CompiledSchema, _ versions: [SchemaRegistration.Version], _ fuel: inout Int
  ) {
    guard let inForce = versions.last, let program = inForce.program else { return }
    let names = GivenUpNames(of: program, in: candidate)
    if names.areNone(&fuel) { return }
    let isBackward = terms.level.looksBackward
    for version in versions.dropLast().reversed() where version.number < inForce.number {
      var verdict = version.unreadable
      if let older = version.program {
        guard older.type == .json else { continue }
        verdict = names.compare(with: older, candidateReads: isBackward, &fuel)
      }
      if verdict == .included { continue }
      add(version, isBackward ? .backward : .forward, verdict)
      if isCompatible == false { return }
    }
  }
}
