public import Bytes
public import Subscriptions
public import Topics

/// What a consumer asks for.
public struct ReceiveCall: Sendable {
  /// The name by which the caller tells its own workers apart; any bytes, at most 128.
  public var consumer: ByteSlice
  public var max: Int
  /// By `Record.cost`; at least one event is handed out.
  public var bytes: Int
  public var deadline: MonotonicTime
  /// When the caller's token ends: waiting ends there as well.
  public var expires: UnixTime

  public init(
    consumer: ByteSlice, max: Int, bytes: Int = 1 << 20, deadline: MonotonicTime,
    expires: UnixTime
  ) {
    self.consumer = consumer
    self.max = Swift.min(max, SubscriptionLimits.maxDeliveries)
    self.bytes = bytes
    self.deadline = deadline
    self.expires = expires
  }
}

/// One event in a consumer's hands.
public struct DeliveredEvent: Sendable {
  public let record: Record
  public let token: ByteSlice
  public let count: UInt32
  /// By the wall clock; nil when the lease does not run out.
  public let leaseUntil: UnixTime?
  /// As the subscription knows it, to be taken back.
  let delivery: Delivery
}

/// Why a call on a subscription came to nothing.
public enum DispatchFailure: Error, Sendable, Hashable {
  case refused(ReceiveRefusal)
  case cumulative(CumulativeFault)
  case read(ReadFailure)
  case store(CatalogueFailure)
  /// The subscription or its topic was deleted, or the gateway stops.
  case gone
  /// The caller has lost its right while it waited.
  case withdrawn
  /// This kind of subscription is not built yet.
  case notSupported(SubscriptionKind)
  /// What is stored of the subscription cannot be read.
  case corrupt(AckSetFault)
  /// As many subscriptions are in use as memory is kept for.
  case tooManyInUse(limit: Int)
  /// As many subscriptions of one tenant are in use as are its share of that.
  case tooManyOfTenantInUse(limit: Int)
  /// The workers' queue is full.
  case overloaded(retryAfter: TimeSpan)
}
