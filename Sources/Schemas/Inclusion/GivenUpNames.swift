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
      let about = reasons.filter { isAboutReturn($0, trace) }
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
  /// - Parameter older: nil: whatever the candidate alone declares.
  private func returns(
    of older: SchemaTrace?, candidateReads: Bool, _ fuel: inout Int
  ) -> [Return]? {
    let start = Place(
      older: older?.inPlace([0]) ?? [], newest: standing.inPlace([0]),
      candidate: coming.inPlace([0]), isPlain: true)
    var found: [Return] = []
    var seen: Set<Place> = [start]
    var waiting = [start]
    while let at = waiting.popLast() {
      let was = older.map { Inside($0, at.older) }
      let stands = Inside(standing, at.newest)
      let comes = Inside(coming, at.candidate)
      let isPlain = at.isPlain && comes.isPlain && was?.isPlain == true
      let reader: Inside? = candidateReads ? comes : was
      for step in comes.steps(reaching: max(was?.reach ?? 0, stands.reach)) {
        let schemas = comes[step]
        let known = was.map { $0[step] } ?? []
        fuel -= 1 + schemas.count + known.count
        guard fuel > 0 else { return nil }
        if schemas.isEmpty || (older != nil && known.isEmpty) { continue }
        let kept = stands[step]
        if kept.isEmpty {
          let isDemanded = reader?.requires(step) ?? false
          found.append(
            Return(older: known, candidate: schemas, isPlain: isPlain && !isDemanded))
          continue
        }
        let next = Place(
          older: older?.inPlace(known) ?? [], newest: standing.inPlace(kept),
          candidate: coming.inPlace(schemas), isPlain: isPlain)
        fuel -= next.older.count + next.newest.count + next.candidate.count
        if seen.insert(next).inserted { waiting.append(next) }
      }
    }
    return found
  }

  /// Whether a reason lies at or within something that comes back.
  private func isAboutReturn(_ reason: Incompatibility, _ older: SchemaTrace) -> Bool {
    let steps = JSONPointer(parsing: ByteSlice(utf8: reason.instance))?.tokens ?? []
    return steps.indices.contains { last in
      let path = Array(steps[...last])
      return older.declares(path) && !standing.declares(path) && coming.declares(path)
    }
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
      guard let writer = own.first, let reader = others.first else { continue }
      if place.isPlain, own.count == 1, others.count == 1,
        Self.isTaken(writer, by: reader, in: pair, classes, &fuel)
      {
        continue
      }
      reasons.append(
        Self.reason(
          "may refuse what the writer takes there, or may not: this is not decided",
          writer: pair.writer[writer].pointer, reader: pair.reader[reader].pointer))
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
    return found.isEmpty
  }

  private static func reason(
    _ message: String, writer: String, reader: String
  ) -> Incompatibility {
    Incompatibility(
      rule: "undecided", message: message, writer: .cut(writer), reader: .cut(reader))
  }
}

/// What the schemas that hold for one value declare inside it.
private struct Inside {
  /// Items in front that have schemas of their own.
  private(set) var reach = 0
  /// Whether it is a single schema, in which only `properties` and `items` speak of what they name.
  private(set) var isPlain: Bool

  private let trace: SchemaTrace
  private let here: [Int]
  private var named: [ByteSlice: [Int]] = [:]
  private var hasItems = false

  init(_ trace: SchemaTrace, _ here: [Int]) {
    self.trace = trace
    self.here = here
    isPlain = here.count == 1
    for index in here {
      let node = trace.nodes[index]
      if !node.branches.isEmpty { isPlain = false }
      if let rule = node.array {
        hasItems = true
        reach = max(reach, rule.prefix.count)
      }
      guard let rule = node.object else { continue }
      if rule.names != nil || !rule.patterns.isEmpty || !rule.dependentRequired.isEmpty
        || !rule.dependentSchemas.isEmpty
      {
        isPlain = false
      }
      for property in rule.properties {
        named[property.name, default: []].append(property.schema)
      }
    }
  }

  /// The schemas of a member or an item.
  subscript(step: ByteSlice) -> [Int] {
    let members = named[step] ?? []
    return hasItems ? members + here.flatMap { trace.items($0, step) } : members
  }

  /// All steps that it may say something of: names, and places up to the first of those that are
  /// alike here and in schemas that reach as far as `others`.
  func steps(reaching others: Int) -> [ByteSlice] {
    let names = named.keys.sorted()
    guard hasItems else { return names }
    return names + (0...max(reach, others)).map { ByteSlice(utf8: String($0)) }
  }

  func requires(_ name: ByteSlice) -> Bool {
    here.contains { trace.nodes[$0].object?.required.contains(name) == true }
  }
}
