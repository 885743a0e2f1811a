import Bytes
import Synchronization
public import Tenancy

extension MemoryLog {
  public func subscription(_ name: Name, of address: TopicAddress) -> SubscriptionDefinition? {
    state.withLock { $0.topics[TopicKey(address)]?.subscriptions[name]?.definition }
  }

  public func subscriptions(of address: TopicAddress) -> [SubscriptionDefinition] {
    let all = state.withLock { state in
      state.topics[TopicKey(address)]?.subscriptions.values.map(\.definition) ?? []
    }
    return all.sorted { $0.name < $1.name }
  }

  public func createSubscription(
    _ name: Name, _ terms: SubscriptionTerms, startingAt start: Cursor, of address: TopicAddress
  ) async throws(CatalogueFailure) -> Made<SubscriptionDefinition> {
    try CatalogueVerb.useSubscriptions.check(address.action)
    let now = clocks.wall()
    return try changeTopic(address) {
      (topic: inout TopicState) throws(CatalogueFailure) -> Made<SubscriptionDefinition> in
      if let existing = topic.subscriptions[name] { return .existing(existing.definition) }
      guard start.ledger == topic.ledger, start.next <= topic.end else {
        throw .positionAhead(end: topic.bounds.latest)
      }
      let limit = limits.subscriptionsPerTopic
      guard topic.subscriptions.count < limit else {
        throw .tooMany(.subscriptions, limit: limit)
      }
      let definition = SubscriptionDefinition(
        name: name.detached, number: topic.nextSubscription, terms: terms, created: now)
      topic.nextSubscription += 1
      topic.subscriptions[definition.name] = TopicState.SubscriptionEntry(
        definition: definition, state: SubscriptionState(markDelete: start))
      return .created(definition)
    }
  }

  public func deleteSubscription(
    _ name: Name, of address: TopicAddress, expecting expected: Expected<SubscriptionDefinition>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.useSubscriptions.check(address.action)
    try changeTopic(address) { (topic: inout TopicState) throws(CatalogueFailure) in
      guard let entry = topic.subscriptions[name] else { throw .unknownSubscription }
      try expected.check(entry.definition)
      topic.subscriptions[name] = nil
    }
  }

  public func loadState(of subscription: SubscriptionReference) throws(CatalogueFailure)
    -> SubscriptionState
  {
    try CatalogueVerb.useSubscriptions.check(subscription.topic.action)
    return try changeTopic(subscription.topic) {
      (topic: inout TopicState) throws(CatalogueFailure) in
      guard let entry = topic.subscriptions[subscription.name],
        entry.definition.number == subscription.number
      else { throw .unknownSubscription }
      return entry.state
    }
  }

  public func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?
  ) {
    let outcome: Result<Void, CatalogueFailure>
    do {
      try CatalogueVerb.useSubscriptions.check(subscription.topic.action)
      try changeTopic(subscription.topic) { (topic: inout TopicState) throws(CatalogueFailure) in
        guard let entry = topic.subscriptions[subscription.name],
          entry.definition.number == subscription.number,
          change.markDelete.ledger == topic.ledger
        else { throw .unknownSubscription }
        topic.subscriptions[subscription.name]?.state.apply(change)
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    settled?.settle(outcome)
  }
}
