import HTTPWire
import Metrics

extension Route {
  /// What a request wanted, for the counters.
  func operation(_ method: HTTPMethod) -> Operation {
    switch self {
    case .topic(_, .events): method == .post ? .publish : .read
    case .topic(_, .event): .read
    case .topic(_, .subscription(_, let verb)):
      switch verb {
      case .itself: .administer
      default: .consume
      }
    case .topic, .topics, .namespace, .tenant, .document, .documents, .pulsarSchema,
      .revocations:
      .administer
    case .tickets, .streamToken: .read
    case .whoami, .explain, .health, .readiness, .metrics, .openAPI, .resourceMetadata, .gateway:
      .observe
    }
  }

  /// Whether an administrative call changes something; questions may be POSTs as well.
  func changes(_ method: HTTPMethod) -> Bool {
    switch (self, method) {
    case (_, .get), (_, .head), (_, .options): false
    case (.topic(_, .schemaValidate), _), (.topic(_, .schemaCheck), _),
      (.topic(_, .schemaReplay), _), (.pulsarSchema(_, .compatibility), _),
      (.pulsarSchema(_, .lookup), _):
      false
    default: true
    }
  }

  /// Whether the path answers to a method.
  func answers(to method: HTTPMethod) -> Bool {
    "\(methods)".split(separator: ", ").contains { $0 == "\(method.name)" }
  }
}
