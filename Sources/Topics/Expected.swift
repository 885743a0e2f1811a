public import Tenancy

/// What a mutation takes for granted; when something else is the case, it is refused as `changed`.
public enum Expected<Value: Sendable & Hashable>: Sendable, Hashable {
  case anything
  case exactly(Value)

  /// Refuses unless `holds` says that the value which the caller looked at is still the one there.
  public func check(_ holds: (Value) -> Bool) throws(CatalogueFailure) {
    guard case .exactly(let value) = self else { return }
    guard holds(value) else { throw .changed }
  }

  public func check(_ now: Value) throws(CatalogueFailure) { try check { $0 == now } }
}

extension TopicInfo {
  /// Whether this is the same topic with the same configuration.
  public func isConfigured(as other: TopicInfo) -> Bool {
    ledger == other.ledger && configuration == other.configuration
  }
}

/// Mutations that take nothing for granted.
extension Catalogue {
  public func configureTopic(_ address: TopicAddress, _ configuration: TopicConfiguration)
    async throws(CatalogueFailure) -> TopicInfo
  {
    try await configureTopic(address, configuration, expecting: .anything)
  }

  public func deleteTopic(_ address: TopicAddress) async throws(CatalogueFailure) {
    try await deleteTopic(address, expecting: .anything)
  }

  public func setPolicy(_ policy: NamespacePolicy, of namespace: NamespaceAddress)
    async throws(CatalogueFailure)
  {
    try await setPolicy(policy, of: namespace, expecting: .anything)
  }

  public func removePolicy(of namespace: NamespaceAddress) async throws(CatalogueFailure) {
    try await removePolicy(of: namespace, expecting: .anything)
  }

  public func deleteSubscription(_ name: Name, of address: TopicAddress)
    async throws(CatalogueFailure)
  {
    try await deleteSubscription(
      HeldName(name, under: address), of: address, expecting: .anything)
  }
}

/// The address's own subscriptions.
extension Catalogue {
  public func subscription(_ name: Name, of address: TopicAddress) -> SubscriptionDefinition? {
    subscription(HeldName(name, under: address), of: address)
  }
}
