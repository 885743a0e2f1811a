import Tenancy

/// The grant that a change takes, by what it changes: for the journeys, and for the audit log that
/// has an entry of the attempt before them.
enum Right {
  static let topic = Action.manage
  static let namespace = Action.manage
  static let document = Action.manage
  static let schema = Action.manage
}

extension Route {
  /// The same for what the path names; nil where no grant alone allows a change.
  var right: Action? {
    switch self {
    case .topic(_, .itself): Right.topic
    case .topic(_, .subscription): nil
    case .topic, .pulsarSchema: Right.schema
    case .namespace: Right.namespace
    case .document: Right.document
    default: nil
    }
  }
}
