/// What a caller may be allowed to do. None implies another.
public enum Action: UInt8, Sendable, CaseIterable {
  /// Append events.
  case publish
  /// Read events and use subscriptions.
  case subscribe
  /// Create, change and delete topics, schemas, subscriptions and policies of a namespace.
  case manage
  /// See and govern the tenant as a whole: its policy, its metrics.
  case admin

  /// Its bit in a set of actions.
  var bit: UInt8 { 1 << rawValue }

  /// The word of the configuration file and of answers.
  public var word: StaticString {
    switch self {
    case .publish: "publish"
    case .subscribe: "subscribe"
    case .manage: "manage"
    case .admin: "admin"
    }
  }
}
