import Bytes
public import Metrics
import Synchronization
public import Tenancy
public import Topics

/// Who stores as much as it may. Looked at once a second, from outside: a tenant can go beyond its
/// quota by what it publishes in that time. While nobody is over, a publish pays one atomic load.
public final class StorageQuotas: Sendable {
  private struct Namespace: Hashable {
    let tenant: Name
    let name: Name
  }

  private struct Full {
    /// With the quotas that are used up.
    var tenants: [Name: Int64] = [:]
    var namespaces: [Namespace: Int64] = [:]
    var isEmpty: Bool { tenants.isEmpty && namespaces.isEmpty }
  }

  private let full = Mutex(Full())
  private let hasFull = Atomic<Bool>(false)
  private let metrics: LimitMetrics

  public init(metrics: LimitMetrics) { self.metrics = metrics }

  /// Holds what is stored against the policy. Any thread; costs a walk over all topics, and nothing
  /// when no tenant has a quota.
  public func look(at catalogue: some Catalogue, under policy: TenancyPolicy) {
    var limits: [Name: TenantBounds] = [:]
    for name in policy.tenantNames {
      guard let tenant = policy.tenant(name)?.limits,
        tenant.storage != nil || tenant.storagePerNamespace != nil
      else { continue }
      limits[name] = tenant
    }
    var found = Full()
    if !limits.isEmpty {
      var totals: [Name: UInt64] = [:]
      for used in catalogue.usage() {
        guard let limit = limits[used.tenant] else { continue }
        totals[used.tenant, default: 0] += used.bytes
        guard let most = limit.storagePerNamespace, used.bytes >= UInt64(most) else { continue }
        found.namespaces[Namespace(tenant: used.tenant, name: used.namespace)] = most
      }
      for (tenant, bytes) in totals {
        guard let most = limits[tenant]?.storage, bytes >= UInt64(most) else { continue }
        found.tenants[tenant] = most
      }
    }
    full.withLock { $0 = found }
    hasFull.store(!found.isEmpty, ordering: .releasing)
  }

  /// Refuses what would be stored beyond a quota of the topic's tenant or namespace.
  func check(_ topic: TopicAddress) throws(Refusal) {
    guard hasFull.load(ordering: .relaxed) else { return }
    let found = full.withLock { full -> (LimitName, Int64)? in
      if let most = full.tenants[topic.tenant] { return (.tenantStorage, most) }
      let namespace = Namespace(tenant: topic.tenant, name: topic.namespace)
      return full.namespaces[namespace].map { (.namespaceStorage, $0) }
    }
    guard let (limit, most) = found else { return }
    metrics.refused(limit)
    throw Refusal(quotaUsedUp: limit, most: most)
  }
}
