import Bytes
import JSONText

/// Names that the version in force has given up and a candidate declares again.
///
/// Values of what they were may still be stored: they may come back only as what takes those, or,
/// forward, as what the older version takes. As expensive as a comparison: off the event loops.
struct GivenUpNames {
  /// The schemas that hold for one value, in each version.
  private struct Place: Hashable {
    let older: [Int]
    let newest: [Int]
    let candidate: [Int]
    let isPlain: Bool
  }

  /// What a place and the candidate lead to.
  private struct Way {
    /// Nil: names that are known by patterns alone.
    let step: DeclaredMembers.Step?
    let older: [Int]
    /// Nil where the version in force does not declare it.
    let newest: [Int]?
    let candidate: [Int]
  }

  /// A member or an item that the version in force does not declare.
  private struct Return {
    /// Schemas of the older version and of the candidate.
    let older: [Int]
    let candidate: [Int]
    /// Whether these alone say what either takes there.
    let isPlain: Bool
  }

  private let candidate: CompiledSchema
  private let standing: SchemaTrace
  private let coming: SchemaTrace

  /// - Parameter newest: the version in force.
  init(of newest: CompiledSchema, in candidate: CompiledSchema) {
    self.candidate = candidate
    standing = SchemaTrace(newest)
    coming = SchemaTrace(candidate)
  }

  /// Whether the candidate declares nothing beyond the version in force, so that nothing can come
  /// back, whatever older versions declared. False, too, where the fuel ends.
  func areNone(_ fuel: inout Int) -> Bool {
    returns(of: nil, candidateReads: true, &fuel)?.isEmpty ?? false
  }

  /// Whether what comes back of an older version is what it was. Excluded with the reasons that
  /// are about that alone; unknown where it is not decided, whatever the two differ in besides.
  func compare(
    with older: CompiledSchema, candidateReads: Bool, _ fuel: inout Int
  ) -> SchemaInclusion.Verdict {
    let trace = SchemaTrace(older)
    guard let places = returns(of: trace, candidateReads: candidateReads, &fuel) else {
      return .unknown(reasons: [
        Self.reason("is too much to compare within the budget", writer: "#", reader: "#")
      ])
    }
    if places.isEmpty { return .included }
    let (writer, reader) = candidateReads ? (older, candidate) : (candidate, older)
    let verdict = SchemaInclusion.compare(
      writer: writer, reader: reader, policy: .evolution, fuel: &fuel)
    switch verdict {
    case .included, .refused: return verdict
    case .excluded(let reasons, let counterexample):
      let about = reasons.filter {
        isAboutReturn($0, of: trace, candidateReads: candidateReads, &fuel)
      }
      if !about.isEmpty { return .excluded(reasons: about, counterexample: counterexample) }
    case .unknown: break
    }
    // What is refused or undecided may be something else, which the version in force answers for.
    let open = undecided(places, of: older, candidateReads: candidateReads, &fuel)
    return open.isEmpty ? .included : .unknown(reasons: open)
  }

  // MARK: - Finding

  /// The outermost places that the candidate and an older version declare, and the version in force
  /// does not; nil where the fuel ends.
  ///
  /// What a reader has broken speaks of a name as well; a writer declares what it keeps.
  ///
  /// - Parameter older: nil: whatever the candidate alone declares.
  private func returns(
    of older: SchemaTrace?, candidateReads: Bool, _ fuel: inout Int
  ) -> [Return]? {
    func place(_ known: [Int], _ kept: [Int], _ schemas: [Int], isPlain: Bool) -> Place {
      Place(
        older: older?.inPlace(known, withNegated: !candidateReads) ?? [],
        newest: standing.inPlace(kept, withNegated: false),
        candidate: coming.inPlace(schemas, withNegated: candidateReads), isPlain: isPlain)
    }
    let start = place([0], [0], [0], isPlain: true)
    var found: [Return] = []
    var seen: Set<Place> = [start]
    var waiting = [start]
    while let at = waiting.popLast() {
      let was = older.map { DeclaredMembers($0, at.older) }
      let stands = DeclaredMembers(standing, at.newest)
      let comes = DeclaredMembers(coming, at.candidate)
      fuel -= (was?.weight ?? 0) + stands.weight + comes.weight
      guard let inside = ways(from: comes, was, stands, &fuel) else { return nil }
      let isPlain =
        at.isPlain && comes.isPlain && was?.isPlain == true && was?.counts == comes.counts
      let reader: DeclaredMembers? = candidateReads ? comes : was
      for way in inside {
        guard let kept = way.newest else {
          // Who must find it refuses more than its schema says.
          let isFree = way.step.map { reader?.requires($0) != true } ?? false
          found.append(
            Return(older: way.older, candidate: way.candidate, isPlain: isPlain && isFree))
          continue
        }
        let next = place(way.older, kept, way.candidate, isPlain: isPlain)
        fuel -= next.older.count + next.newest.count + next.candidate.count
        guard fuel > 0 else { return nil }
        if seen.insert(next).inserted { waiting.append(next) }
      }
    }
    return found
  }

  /// What the candidate and an older version both declare inside a value; nil where the fuel ends.
  ///
  /// - Parameter was: nil: whatever the candidate alone declares.
  private func ways(
    from comes: DeclaredMembers, _ was: DeclaredMembers?, _ stands: DeclaredMembers,
    _ fuel: inout Int
  ) -> [Way]? {
    var ways: [Way] = []
    for step in comes.steps(besides: [was, stands].compactMap(\.self)) {
      guard fuel > 0 else { return nil }
      guard let schemas = comes.schemas(of: step, &fuel) else { continue }
      var known: [Int] = []
      if let was {
        guard let schemas = was.schemas(of: step, &fuel) else { continue }
        known = schemas
      }
      let kept = stands.schemas(of: step, isCertain: true, &fuel)
      ways.append(Way(step: step, older: known, newest: kept, candidate: schemas))
    }
    // Of names that nobody spells out there may be some for any two patterns.
    for pattern in comes.patterns {
      for other in was?.patterns ?? [pattern] {
        guard fuel > 0 else { return nil }
        let both = pattern == other ? [pattern] : [pattern, other]
        ways.append(
          Way(
            step: nil, older: was?.schemas(fitting: both, &fuel) ?? [],
            newest: stands.schemas(fitting: both, &fuel),
            candidate: comes.schemas(fitting: both, &fuel) ?? []))
      }
    }
    return fuel > 0 ? ways : nil
  }

  /// Whether a reason lies at or within something that comes back; false where the fuel ends.
  private func isAboutReturn(
    _ reason: Incompatibility, of older: SchemaTrace, candidateReads: Bool, _ fuel: inout Int
  ) -> Bool {
    var known = [0]
    var kept = [0]
    var schemas = [0]
    for token in JSONPointer(parsing: ByteSlice(utf8: reason.instance))?.tokens ?? [] {
      let was = DeclaredMembers(older, older.inPlace(known, withNegated: !candidateReads))
      let stands = DeclaredMembers(standing, standing.inPlace(kept, withNegated: false))
      let comes = DeclaredMembers(coming, coming.inPlace(schemas, withNegated: candidateReads))
      fuel -= was.weight + stands.weight + comes.weight
      guard fuel > 0, let before = was.schemas(at: token, &fuel),
        let after = comes.schemas(at: token, &fuel)
      else { return false }
      guard let between = stands.schemas(at: token, isCertain: true, &fuel) else { return true }
      (known, kept, schemas) = (before, between, after)
    }
    return false
  }

  // MARK: - Deciding

  /// Those places of which it is not proven that the reader takes what the writer takes there, as
  /// reasons.
  private func undecided(
    _ places: [Return], of older: CompiledSchema, candidateReads: Bool, _ fuel: inout Int
  ) -> [Incompatibility] {
    let pair =
      candidateReads
      ? SchemaPair(writer: older.graph, reader: candidate.graph)
      : SchemaPair(writer: candidate.graph, reader: older.graph)
    let classes = SchemaClasses(pair, fuel: &fuel)
    var reasons: [Incompatibility] = []
    for place in places where reasons.count < SchemaLimits.incompatibilities {
      let (own, others) =
        candidateReads ? (place.older, place.candidate) : (place.candidate, place.older)
      if place.isPlain, own.count == 1, others.count == 1,
        Self.isTaken(own[0], by: others[0], in: pair, classes, &fuel)
      {
        continue
      }
      reasons.append(
        Self.reason(
          "may refuse what the writer takes there, or may not: this is not decided",
          writer: own.first.map { pair.writer[$0].pointer } ?? "#",
          reader: others.first.map { pair.reader[$0].pointer } ?? "#"))
    }
    return reasons
  }

  /// Whether a schema of the reader takes all that one of the writer takes: proven, or false.
  private static func isTaken(
    _ writer: Int, by reader: Int, in pair: SchemaPair, _ classes: SchemaClasses,
    _ fuel: inout Int
  ) -> Bool {
    let kept = Literal(.writer, writer, isKept: true)
    var search = InclusionSearch(pair, classes, closing: true, fuel: fuel)
    // A writer that takes nothing when its objects are closed means other members as well.
    if search.values([kept]).isEmpty {
      search = InclusionSearch(pair, classes, closing: false, fuel: max(0, search.fuel))
    }
    let found = search.values([kept, Literal(.reader, reader, isKept: false)])
    fuel = max(0, search.fuel)
    return found.isEmpty && search.fuel >= 0
  }

  private static func reason(
    _ message: String, writer: String, reader: String
  ) -> Incompatibility {
    Incompatibility(
      rule: "undecided", message: message, writer: .cut(writer), reader: .cut(reader))
  }
}
