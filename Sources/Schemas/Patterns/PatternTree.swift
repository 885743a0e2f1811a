/// A regular expression of ECMA-262 as a tree: what `PatternParser` reads, and what is rendered for
/// PCRE2 or recognised as one of the shapes that need no engine.
indirect enum PatternTree {
  case sequence([PatternTree])
  case alternatives([PatternTree])
  /// One code point of a set.
  case characters(CharacterSet)
  /// A group; `number` counts capturing groups from 1, nil for `(?:…)`.
  case group(PatternTree, number: Int?)
  case look(PatternTree, behind: Bool, negative: Bool)
  /// `maximum` nil is without bound.
  case repeated(PatternTree, minimum: Int, maximum: Int?, lazy: Bool)
  case start
  case end
  case wordBoundary(negated: Bool)
  case reference(Int)
  case namedReference(String)

  /// Sets and anchors that it has once its repetitions are written out; a million at most.
  var expanded: Int {
    switch self {
    case .sequence(let items), .alternatives(let items):
      min(1_000_000, items.reduce(0) { $0 + $1.expanded })
    case .group(let inner, _), .look(let inner, _, _): inner.expanded
    case .repeated(let inner, let minimum, let maximum, _):
      min(1_000_000, inner.expanded * max(1, maximum ?? minimum + 1))
    case .characters, .start, .end, .wordBoundary, .reference, .namedReference: 1
    }
  }

  /// The entries beyond ASCII of the largest of its sets.
  var largestSet: Int {
    switch self {
    case .sequence(let items), .alternatives(let items): items.map(\.largestSet).max() ?? 0
    case .characters(let set):
      set.properties.count + set.ranges.count { $0.upperBound > 0x7F }
    case .group(let inner, _), .look(let inner, _, _), .repeated(let inner, _, _, _):
      inner.largestSet
    case .start, .end, .wordBoundary, .reference, .namedReference: 0
    }
  }
}

/// A set of code points: ranges, Unicode properties, and whether the whole is turned round.
struct CharacterSet {
  struct Property {
    /// As PCRE2 spells it inside `\p{…}`.
    let name: String
    let negated: Bool
  }

  var ranges: [ClosedRange<UInt32>] = []
  var properties: [Property] = []
  var negated = false

  static let last: UInt32 = 0x10FFFF

  init(ranges: [ClosedRange<UInt32>] = [], negated: Bool = false) {
    self.ranges = ranges
    self.negated = negated
  }

  init(_ codePoint: UInt32) { ranges = [codePoint...codePoint] }

  /// Whether nothing is named: with `negated` it is every code point, else none.
  var isEmpty: Bool { ranges.isEmpty && properties.isEmpty }

  /// The one code point of a literal character, or nil.
  var single: UInt32? {
    guard !negated, properties.isEmpty, ranges.count == 1 else { return nil }
    return ranges[0].lowerBound == ranges[0].upperBound ? ranges[0].lowerBound : nil
  }

  static let digits = [UInt32(0x30)...0x39]
  static let word = [UInt32(0x30)...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
  /// WhiteSpace and LineTerminator of ECMA-262 §12.2 and §12.3.
  static let space = [
    UInt32(0x09)...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A,
    0x2028...0x2029, 0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
  ]
  static let lineTerminators = [UInt32(0x0A)...0x0A, 0x0D...0x0D, 0x2028...0x2029]

  /// The code points outside `ranges`.
  static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var gaps: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
      next = max(next, range.upperBound + 1)
    }
    if next <= last { gaps.append(next...last) }
    return gaps
  }
}

/// Why a `pattern` is not taken.
public enum PatternFault: Error, Equatable, Sendable {
  case tooLong(limit: Int)
  case nestedTooDeep(limit: Int)
  /// A construct that ECMA-262 does not have, at a code-point offset.
  case notECMAScript(what: String, at: Int)
  case unfinished(what: String, at: Int)
  case badRange(at: Int)
  case repeatTooLarge(at: Int, limit: Int)
  case unknownGroup(at: Int)
  case duplicateGroup(name: String)
  case unknownProperty(name: String)
  /// PCRE2 refuses the translation: look-behind without a fixed length, or too large.
  case engine(message: String)

  /// A sentence for the one who registers.
  public var message: String {
    switch self {
    case .tooLong(let limit): "is longer than \(limit) bytes"
    case .nestedTooDeep(let limit): "nests more than \(limit) groups"
    case .notECMAScript(let what, let offset): "has \(what) at \(offset), not ECMA-262"
    case .unfinished(let what, let offset): "has an unfinished \(what) at \(offset)"
    case .badRange(let offset): "has a range in wrong order at \(offset)"
    case .repeatTooLarge(let offset, let limit): "repeats more than \(limit) times at \(offset)"
    case .unknownGroup(let offset): "refers to a group that is not there at \(offset)"
    case .duplicateGroup(let name): "names two groups \(name)"
    case .unknownProperty(let name): "has an unknown Unicode property \(name)"
    case .engine(let message): "cannot be compiled: \(message)"
    }
  }
}
