/// What a changed schema must keep to. The raw value is stored; none is ever given a new meaning.
///
/// *Backward* holds where the new schema takes what was made under the old one, *forward* where the
/// old one takes what is made under the new one. The transitive levels ask it of every version that
/// is kept, the others of the newest alone.
public enum Compatibility: UInt8, Sendable, Hashable, CaseIterable {
  /// Every retained event stays valid under the current schema.
  case backwardTransitive = 0
  /// Nothing.
  case none = 1
  case backward = 2
  case forward = 3
  case forwardTransitive = 4
  case full = 5
  case fullTransitive = 6
  /// Pulsar's frozen topic: no change is taken.
  case alwaysIncompatible = 7
  /// Nothing either, in Pulsar's word: what is shown is what was put.
  case alwaysCompatible = 8

  /// The word of the HTTP contract.
  public var word: StaticString {
    switch self {
    case .backwardTransitive: "BACKWARD_TRANSITIVE"
    case .none: "NONE"
    case .backward: "BACKWARD"
    case .forward: "FORWARD"
    case .forwardTransitive: "FORWARD_TRANSITIVE"
    case .full: "FULL"
    case .fullTransitive: "FULL_TRANSITIVE"
    case .alwaysIncompatible: "ALWAYS_INCOMPATIBLE"
    case .alwaysCompatible: "ALWAYS_COMPATIBLE"
    }
  }

  /// The level of a word.
  public init?(word: String) {
    guard let level = Self.allCases.first(where: { "\($0.word)" == word }) else { return nil }
    self = level
  }

  /// Whether the new schema must take what was made under old ones.
  public var looksBackward: Bool {
    switch self {
    case .backward, .backwardTransitive, .full, .fullTransitive: true
    case .none, .forward, .forwardTransitive, .alwaysIncompatible, .alwaysCompatible: false
    }
  }

  /// Whether old schemas must take what is made under the new one.
  public var looksForward: Bool {
    switch self {
    case .forward, .forwardTransitive, .full, .fullTransitive: true
    case .none, .backward, .backwardTransitive, .alwaysIncompatible, .alwaysCompatible: false
    }
  }

  /// Whether every version counts and not the newest alone.
  public var isTransitive: Bool {
    switch self {
    case .backwardTransitive, .forwardTransitive, .fullTransitive: true
    case .none, .backward, .forward, .full, .alwaysIncompatible, .alwaysCompatible: false
    }
  }
}
