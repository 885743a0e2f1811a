/// The bounds that an operator can set, by what they count and whom. Closed, so that each has a
/// counter with a fixed place.
public enum LimitName: UInt8, CaseIterable, Sendable {
  case tenantRequests, principalRequests, namespaceRequests, topicRequests, addressRequests
  case tenantEvents, principalEvents, namespaceEvents, topicEvents, addressEvents
  case tenantBytes, principalBytes, namespaceBytes, topicBytes, addressBytes
  case tenantStreams, principalStreams, namespaceStreams, topicStreams, addressStreams
  case addressTokens
  /// Questions to issuers about opaque tokens, under way at once.
  case addressQuestions
  case tenantStorage, namespaceStorage
  /// The share of a tenant in a gateway that is saturated.
  case tenantShare

  /// The label's value, and the policy's name in `RateLimit` fields.
  public var label: StaticString {
    switch self {
    case .tenantRequests: "tenant-requests"
    case .principalRequests: "principal-requests"
    case .namespaceRequests: "namespace-requests"
    case .topicRequests: "topic-requests"
    case .addressRequests: "address-requests"
    case .tenantEvents: "tenant-events"
    case .principalEvents: "principal-events"
    case .namespaceEvents: "namespace-events"
    case .topicEvents: "topic-events"
    case .addressEvents: "address-events"
    case .tenantBytes: "tenant-bytes"
    case .principalBytes: "principal-bytes"
    case .namespaceBytes: "namespace-bytes"
    case .topicBytes: "topic-bytes"
    case .addressBytes: "address-bytes"
    case .tenantStreams: "tenant-streams"
    case .principalStreams: "principal-streams"
    case .namespaceStreams: "namespace-streams"
    case .topicStreams: "topic-streams"
    case .addressStreams: "address-streams"
    case .addressTokens: "address-refused-tokens"
    case .addressQuestions: "address-introspections"
    case .tenantStorage: "tenant-storage"
    case .namespaceStorage: "namespace-storage"
    case .tenantShare: "tenant-share"
    }
  }
}

/// Requests that a bound has refused.
public final class LimitMetrics: Sendable {
  private let refusals = CounterRow(LimitName.allCases.count)

  public init() {}

  public func refused(_ limit: LimitName) { refusals.add(at: Int(limit.rawValue)) }
  public func refusals(by limit: LimitName) -> UInt64 { refusals[Int(limit.rawValue)] }
}
