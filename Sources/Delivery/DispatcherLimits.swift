/// What all subscriptions in memory may take together, and of it those of one tenant, so that no
/// tenant's consumers keep those of others from being served.
public struct DispatcherLimits: Sendable {
  /// Subscriptions in memory: ≈ 2 KiB each while idle.
  public var subscriptions = 20_000
  /// Of these, those that one tenant holds: half.
  public var subscriptionsPerTenant = 10_000
  /// Events that are delivered and not acknowledged: ≈ 200 B each, 1 GB in all.
  public var unacked = 5_000_000
  /// Of these, those of one tenant's subscriptions: half.
  public var unackedPerTenant = 2_500_000

  public init() {}
}
