public import Bytes
public import Topics

/// What a subscription's kind means for who gets which event next. The machine asks these questions
/// and knows no kinds; a further kind answers them differently.
public struct DispatchRules: Sendable, Hashable {
  /// Only one consumer at a time receives; others are told that it is busy.
  public let oneConsumer: Bool
  /// Events that wait for redelivery hold back the newer ones.
  public let keepsOrder: Bool
  /// "Everything up to here" is a way to acknowledge.
  public let cumulative: Bool

  /// Nil for kinds that are not built yet.
  public init?(_ kind: SubscriptionKind) {
    switch kind {
    case .exclusive:
      (oneConsumer, keepsOrder, cumulative) = (true, true, true)
    case .shared:
      (oneConsumer, keepsOrder, cumulative) = (false, false, false)
    case .failover, .keyShared:
      return nil
    }
  }
}

/// Bounds of every subscription, whatever its owner chose.
public enum SubscriptionLimits {
  /// Events out at consumers or waiting for redelivery: ≈ 200 B each in memory.
  public static let maxUnacked = 50_000
  /// What `maxUnacked` is when the owner does not say.
  public static let defaultUnacked = 1_000
  /// Consumers (`ConsumerID`) that hold leases or wait.
  public static let maxConsumers = 1_000
  /// Deliveries of one answer.
  public static let maxDeliveries = 1_000
  /// Longest lease and longest delay: 12 hours.
  public static let longestLease = TimeSpan.seconds(12 * 3_600)
  public static let defaultAckTimeout = TimeSpan.seconds(30)
  /// Chunks beyond the mark-delete position: how far consumers may run ahead of an event that
  /// nobody acknowledges (2²⁸ events).
  public static let maxChunks = 65_536
  /// Acknowledgements that a crash may have lost, in events: so many more than `maxUnacked` may lie
  /// before one that an earlier run gave out, for its token to count.
  public static let lostAcknowledgements = 65_536
}
