import Bytes

/// Tries patterns that no single pass decides on long texts of their own characters, which often
/// are texts that fit: does one of them cost more than an event may?
struct PatternTrial {
  private let matcher = PatternMatcher()
  /// Patterns of one schema that are still looked at, each for some tenths of a millisecond.
  private var left = 200

  /// Bytes of the texts.
  static let length = 8_000
  /// Characters that texts are made of.
  private static let mostSamples = 8

  /// Whether matching `source` may end at its limit.
  ///
  /// - Parameter longest: code points of the texts that it meets, if they are bounded.
  mutating func isCostly(_ source: String, longest: Int64?) -> Bool {
    guard left > 0, let (tree, _) = try? PatternParser.parse(source) else { return false }
    left -= 1
    guard let pattern = try? Pattern(source), pattern.shape == nil, pattern.table == nil else {
      return false
    }
    var samples: [Unicode.Scalar] = []
    Self.collect(tree, into: &samples)
    var units = samples.map { String($0) }
    if units.count > 1 { units.append(units.joined()) }
    for unit in units {
      let fitting = longest.map { Int($0) / unit.unicodeScalars.count } ?? .max
      let text = String(repeating: unit, count: min(Self.length / unit.utf8.count, fitting))
      var fuel = SchemaLimits.fuel(bytes: Self.length, tokens: 1)
      let bytes = ByteSlice(utf8: text)
      if matcher.verdict(pattern, on: bytes.span, fuel: &fuel) == .limit { return true }
    }
    return false
  }

  /// A character of each set.
  private static func collect(_ tree: PatternTree, into samples: inout [Unicode.Scalar]) {
    guard samples.count < mostSamples else { return }
    switch tree {
    case .sequence(let parts), .alternatives(let parts):
      for part in parts { collect(part, into: &samples) }
    case .characters(let set):
      let known = set.negated || !set.properties.isEmpty ? nil : set.ranges.first?.lowerBound
      let sample = known.flatMap { Unicode.Scalar($0) } ?? "a"
      if !samples.contains(sample) { samples.append(sample) }
    case .group(let inner, _), .look(let inner, _, _), .repeated(let inner, _, _, _):
      collect(inner, into: &samples)
    case .start, .end, .wordBoundary, .reference, .namedReference: break
    }
  }
}
