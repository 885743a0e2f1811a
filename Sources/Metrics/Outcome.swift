public import Bytes

/// How a request, or one event of a batch, ended: every good end and every reason for a no. The set
/// is closed, so that each outcome is a counter with a fixed place and never a label made of text.
public enum Outcome: UInt8, CaseIterable, Sendable {
  /// Stored, delivered, acknowledged: done as asked.
  case accepted
  case malformed
  case unauthenticated
  case forbidden
  case notFound
  case mediaType
  case tooLarge
  case schemaRequired
  case schemaViolation
  case schemaBudget
  /// Stored although it breaks its schema, which is not enforced.
  case schemaWarned
  /// Broke its schema and was stored in the quarantine topic instead.
  case quarantined
  case conflict
  case precondition
  case rateLimited
  case overloaded
  case storageFull
  case storageFailed
  case notSupported
  /// The client took too long, or was too slow.
  case timedOut
  case draining
  case internalFault

  /// The label's value.
  public var label: StaticString {
    switch self {
    case .accepted: "accepted"
    case .malformed: "malformed"
    case .unauthenticated: "unauthenticated"
    case .forbidden: "forbidden"
    case .notFound: "not_found"
    case .mediaType: "media_type"
    case .tooLarge: "too_large"
    case .schemaRequired: "schema_required"
    case .schemaViolation: "schema_violation"
    case .schemaBudget: "schema_budget"
    case .schemaWarned: "schema_warned"
    case .quarantined: "quarantined"
    case .conflict: "conflict"
    case .precondition: "precondition"
    case .rateLimited: "rate_limited"
    case .overloaded: "overloaded"
    case .storageFull: "storage_full"
    case .storageFailed: "storage_failed"
    case .notSupported: "not_supported"
    case .timedOut: "timed_out"
    case .draining: "draining"
    case .internalFault: "internal_fault"
    }
  }
}

/// What a request wanted, as far as its method and path tell.
public enum Operation: UInt8, CaseIterable, Sendable {
  case publish
  case read
  /// Receive, acknowledge, release and the rest of a durable subscription's verbs.
  case consume
  case administer
  case observe
  /// Nothing the gateway has: an unknown path, or a request too broken to tell.
  case unknown

  public var label: StaticString {
    switch self {
    case .publish: "publish"
    case .read: "read"
    case .consume: "consume"
    case .administer: "administer"
    case .observe: "observe"
    case .unknown: "unknown"
    }
  }
}

/// One counter per outcome, and the time spent on those that were refused.
public struct OutcomeCounts: ~Copyable, Sendable {
  private let counts = CounterRow(Outcome.allCases.count)
  private let spent = CounterRow(Outcome.allCases.count)

  public init() {}

  /// Counts `times` ends of one kind; `taking` is the time from receipt to the answer, per end.
  public func count(_ outcome: Outcome, times: Int = 1, taking: TimeSpan = .zero) {
    guard times > 0 else { return }
    counts.add(UInt64(times), at: Int(outcome.rawValue))
    guard taking.nanoseconds > 0 else { return }
    spent.add(UInt64(taking.nanoseconds) &* UInt64(times), at: Int(outcome.rawValue))
  }

  public func count(of outcome: Outcome) -> UInt64 { counts[Int(outcome.rawValue)] }

  /// The nanoseconds that ends of this kind took together, as far as callers told.
  public func nanoseconds(of outcome: Outcome) -> UInt64 { spent[Int(outcome.rawValue)] }

  var total: UInt64 { counts.values.reduce(0, &+) }
  var snapshot: OutcomeSnapshot { OutcomeSnapshot(counts: counts.values, spent: spent.values) }
}

/// Outcome counts at one time.
struct OutcomeSnapshot: Sendable, Equatable {
  private(set) var counts = [UInt64](repeating: 0, count: Outcome.allCases.count)
  private(set) var spent = [UInt64](repeating: 0, count: Outcome.allCases.count)

  mutating func merge(_ other: OutcomeSnapshot) {
    for index in counts.indices {
      counts[index] &+= other.counts[index]
      spent[index] &+= other.spent[index]
    }
  }

  mutating func subtract(_ earlier: OutcomeSnapshot) {
    for index in counts.indices {
      counts[index] &-= earlier.counts[index]
      spent[index] &-= earlier.spent[index]
    }
  }
}
