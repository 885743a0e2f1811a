import Bytes
import JSONText
public import Tenancy

/// A value that readers would see more of under a newer classification than under an older one.
public struct Loosening: Equatable, Sendable {
  /// Where, as `/customer/email`; `*` is any member or item, `~` and a pattern those that fit it.
  public let place: String
  /// The label that the older one has there; nil where it is about what is not described, or could
  /// not be told.
  public let label: ClassLabel?
  /// What has become of it, as a sentence's end.
  public let message: String

  public init(place: String, label: ClassLabel?, message: String) {
    self.place = place
    self.label = label
    self.message = message
  }
}

/// Whether one classification hides at least what another does: at every place that the older one
/// labels, the newer one must have the label, or one that the label is within, with a replacement
/// that leaves no more of the value. A walk over the places of both at once, the shallowest first;
/// what it cannot follow, and what would take too long, counts as loosened. Cold: registration
/// only, on a worker.
public struct ClassificationComparison {
  typealias Labels = SchemaClassification.Labels

  /// What could apply to the same values: with the same of both sides the same follows.
  private struct State: Hashable {
    let older: [Int32]
    let newer: [Int32]
    /// By label of the older one, how strictly the newer one hides it because of the values around:
    /// 0 not at all, else the replacement's number and 1.
    let covered: [UInt8]
  }

  /// A place that is to be compared.
  private struct Visit {
    let older: [Int32]
    let newer: [Int32]
    let covered: [UInt8]
    /// In `trail`.
    let step: Int
    /// Containers around it.
    let depth: Int
  }

  let older: SchemaClassification
  let newer: SchemaClassification
  /// By label of the newer one: those of the older one that are within it.
  private let within: [Labels]
  let matcher = PatternMatcher()
  var fuel: Int
  private var known: Set<State> = []
  /// How the places were come to, each from an earlier one.
  private var trail: [(from: Int, text: String)] = []
  private var visits: [Visit] = []
  private var found: [Loosening] = []
  /// Where values of another kind in place of what is labelled inside would show: told where
  /// nothing else is found.
  private var foundPlain: [Loosening] = []

  /// What a newer classification shows that the older one hides; empty where it is as strict.
  ///
  /// - Parameters:
  ///   - newer: nil for a schema without labels.
  ///   - fuel: what it may cost.
  public static func loosenings(
    from older: SchemaClassification, to newer: SchemaClassification?,
    fuel: Int = SchemaLimits.classificationFuel
  ) -> [Loosening] {
    guard let newer else {
      return older.labels.prefix(SchemaLimits.loosenings).map {
        Loosening(place: "", label: $0, message: "is not there any more")
      }
    }
    var comparison = ClassificationComparison(older, newer, fuel)
    comparison.run()
    return comparison.found.isEmpty ? comparison.foundPlain : comparison.found
  }

  private init(_ older: SchemaClassification, _ newer: SchemaClassification, _ fuel: Int) {
    self.older = older
    self.newer = newer
    self.fuel = fuel
    within = newer.labels.map { label in
      older.labels.indices.reduce(0) {
        older.labels[$1].isWithin(label) ? $0 | 1 << Labels($1) : $0
      }
    }
  }

  private mutating func run() {
    if older.hidesUndeclared, !newer.hidesUndeclared {
      tell(at: -1, nil, "what no schema describes passes")
    }
    let covered = [UInt8](repeating: 0, count: older.labels.count)
    visits = [Visit(older: [0], newer: [0], covered: covered, step: -1, depth: 0)]
    while !visits.isEmpty {
      let now = visits
      visits = []
      for visit in now {
        guard found.count < SchemaLimits.loosenings else { return }
        compare(visit)
        if fuel < 0 {
          return tell(at: visit.step, nil, "cannot be compared: it would take too long")
        }
      }
    }
  }

  private mutating func tell(at step: Int, _ label: ClassLabel?, _ message: String) {
    let new = Loosening(place: place(step), label: label, message: message)
    // The last word is why the comparison ends.
    guard found.count < SchemaLimits.loosenings || fuel < 0, !found.contains(new) else { return }
    found.append(new)
  }

  /// As a text, the end of it where it is long.
  private func place(_ step: Int) -> String {
    var texts: [String] = []
    var step = step
    while step >= 0, texts.count < 64 {
      texts.append("/" + trail[step].text)
      step = trail[step].from
    }
    return texts.reversed().joined()
  }

  private mutating func compare(_ visit: Visit) {
    guard let olderPlaces = older.closure(visit.older, &fuel),
      let newerPlaces = newer.closure(visit.newer, &fuel)
    else { return }
    var covered = visit.covered
    for number in newerPlaces {
      for mark in newer.nodes[Int(number)].marks where mark.kind == nil { cover(mark, &covered) }
    }
    let state = State(older: olderPlaces, newer: newerPlaces, covered: covered)
    guard known.insert(state).inserted else { return }
    for number in olderPlaces {
      for mark in older.nodes[Int(number)].marks {
        check(mark, covers(of: mark.kind, newerPlaces, covered), at: visit.step)
      }
    }
    for kind in [JSONKind.number, .object, .array] {
      check(kind, olderPlaces, newerPlaces, covered, at: visit.step)
    }
    // Deeper payloads are no JSON that a reader without all classes gets.
    guard visit.depth < JSONLimits.payload.maxDepth else { return }
    let steps = steps(olderPlaces, newerPlaces)
    let weight = older.weight(olderPlaces) + newer.weight(newerPlaces)
    for step in steps {
      fuel &-= weight
      guard fuel >= 0, found.count < SchemaLimits.loosenings else { return }
      follow(step, visit, olderPlaces, newerPlaces, covered)
    }
  }

  /// Puts what lies on a way in line, if the older one labels anything there. What the newer one
  /// does not describe there is not hidden for that: events of other versions may describe it.
  private mutating func follow(
    _ step: Step, _ visit: Visit, _ olderPlaces: [Int32], _ newerPlaces: [Int32], _ covered: [UInt8]
  ) {
    let number = trail.count
    guard let olderWay = way(step, of: older, { older, _ in older }, olderPlaces),
      let newerWay = way(step, of: newer, { _, newer in newer }, newerPlaces)
    else {
      guard fuel >= 0 else { return }
      trail.append((visit.step, step.text(older)))
      return tell(at: number, nil, "cannot be compared: a pattern that cannot be followed")
    }
    let olderInside = older.inside(olderPlaces, of: olderWay)
    guard olderInside.contains(where: { older.nodes[Int($0)].reach != 0 }) else { return }
    let newerInside = newer.inside(newerPlaces, of: newerWay)
    fuel &-= 2 * (olderInside.count + newerInside.count + covered.count)
    trail.append((visit.step, step.text(older)))
    visits.append(
      Visit(
        older: olderInside, newer: newerInside, covered: covered, step: number,
        depth: visit.depth + 1))
  }

  private func cover(_ mark: SchemaClassification.Mark, _ covered: inout [UInt8]) {
    let labels = olderLabels(within: mark.labels)
    for index in covered.indices where labels >> Labels(index) & 1 == 1 {
      covered[index] = max(covered[index], mark.replacement.rawValue + 1)
    }
  }

  /// The same for values of a kind, which the newer one may have marks of their own for.
  private func covers(
    of kind: JSONKind?, _ newerPlaces: [Int32], _ covered: [UInt8]
  ) -> [UInt8] {
    guard let kind else { return covered }
    var covered = covered
    for number in newerPlaces {
      for mark in newer.nodes[Int(number)].marks where mark.kind == kind { cover(mark, &covered) }
    }
    return covered
  }

  private func olderLabels(within labels: Labels) -> Labels {
    var all: Labels = 0
    for (number, inner) in within.enumerated() where labels >> Labels(number) & 1 == 1 {
      all |= inner
    }
    return all
  }

  private mutating func check(
    _ mark: SchemaClassification.Mark, _ covered: [UInt8], at step: Int
  ) {
    for index in covered.indices where mark.labels >> Labels(index) & 1 == 1 {
      if covered[index] == 0 {
        tell(at: step, older.labels[index], "is not there any more")
      } else if !mark.replacement.isKept(by: covered[index] - 1) {
        tell(at: step, older.labels[index], "is replaced by something that shows more")
      }
    }
  }

  /// Of what the older one labels inside a value, those of another kind in its place have the
  /// labels.
  private mutating func check(
    _ kind: JSONKind, _ olderPlaces: [Int32], _ newerPlaces: [Int32], _ covered: [UInt8],
    at step: Int
  ) {
    let misplaced = older.below(olderPlaces).misplaced(in: kind)
    if misplaced == 0 { return }
    let kept = olderLabels(within: newer.below(newerPlaces).misplaced(in: kind))
    let covered = covers(of: kind, newerPlaces, covered)
    let name = kind == .number ? "a text or number" : kind == .object ? "an object" : "an array"
    for index in covered.indices
    where misplaced >> Labels(index) & 1 == 1 && kept >> Labels(index) & 1 == 0 {
      guard covered[index] <= Replacement.fixed.rawValue else { continue }
      guard foundPlain.count < SchemaLimits.loosenings else { return }
      foundPlain.append(
        Loosening(
          place: place(step), label: older.labels[index],
          message: "is not there any more for \(name) in this place"))
    }
  }
}

extension Replacement {
  /// Whether the replacement of a number shows no more than this one.
  func isKept(by number: UInt8) -> Bool {
    guard let other = Replacement(rawValue: number) else { return false }
    return other == self || other > self && other >= .fixed
  }
}
