import Bytes
import Synchronization
public import Tenancy

extension MemoryLog {
  public func subscription(
    _ name: HeldName, of address: TopicAddress
  ) -> SubscriptionDefinition? {
    guard address.sees(name.holder) else { return nil }
    return state.withLock { $0.topics[TopicKey(address)]?.subscriptions[name]?.definition }
  }

  public func subscriptions(of address: TopicAddress) -> [SubscriptionDefinition] {
    let all = state.withLock { state in
      state.topics[TopicKey(address)]?.subscriptions.values.map(\.definition) ?? []
    }
    return all.filter { address.sees($0.holder) }.sorted { $0.heldName < $1.heldName }
  }

  public func createSubscription(
    _ name: Name, _ terms: SubscriptionTerms, startingAt start: Cursor, of address: TopicAddress
  ) async throws(CatalogueFailure) -> Made<SubscriptionDefinition> {
    try CatalogueVerb.useSubscriptions.check(address.action)
    let now = clocks.wall()
    let held = HeldName(name, under: address).detached
    return try changeTopic(address) {
      (topic: inout TopicState) throws(CatalogueFailure) -> Made<SubscriptionDefinition> in
      if let existing = topic.subscriptions[held] { return .existing(existing.definition) }
      guard start.ledger == topic.ledger, start.next <= topic.end else {
        throw .positionAhead(end: topic.bounds.latest)
      }
      let (most, countable): (Int, CatalogueFailure.Countable) =
        held.holder == nil
        ? (limits.subscriptionsPerTopic, .subscriptions)
        : (limits.subscriptionsPerPartner, .partnerSubscriptions)
      guard topic.subscriptions.keys.count(where: { $0.holder == held.holder }) < most else {
        throw .tooMany(countable, limit: most)
      }
      let definition = SubscriptionDefinition(
        name: held.name, heldBy: held.holder, number: topic.nextSubscription, terms: terms,
        created: now, creator: ByteSlice(copying: address.caller.principal.span))
      topic.nextSubscription += 1
      topic.subscriptions[held] = TopicState.SubscriptionEntry(
        definition: definition, state: SubscriptionState(markDelete: start))
      return .created(definition)
    }
  }

  public func deleteSubscription(
    _ name: HeldName, of address: TopicAddress,
    expecting expected: Expected<SubscriptionDefinition>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.useSubscriptions.check(address.action)
    try changeTopic(address) { (topic: inout TopicState) throws(CatalogueFailure) in
      guard address.sees(name.holder), let entry = topic.subscriptions[name] else {
        throw .unknownSubscription
      }
      try expected.check(entry.definition)
      topic.subscriptions[name] = nil
    }
  }

  public func loadState(
    of subscription: SubscriptionReference, expecting expected: Expected<SubscriptionDefinition>
  ) throws(CatalogueFailure) -> SubscriptionState {
    try CatalogueVerb.useSubscriptions.check(subscription.topic.action)
    return try changeTopic(subscription.topic) {
      (topic: inout TopicState) throws(CatalogueFailure) in
      guard subscription.isSeen, let entry = topic.subscriptions[subscription.name],
        entry.definition.number == subscription.number
      else { throw .unknownSubscription }
      try expected.check(entry.definition)
      return entry.state
    }
  }

  public func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?, isAwaited: Bool
  ) {
    let outcome: Result<Void, CatalogueFailure>
    do {
      try CatalogueVerb.useSubscriptions.check(subscription.topic.action)
      try changeTopic(subscription.topic) { (topic: inout TopicState) throws(CatalogueFailure) in
        guard subscription.isSeen, let entry = topic.subscriptions[subscription.name],
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
