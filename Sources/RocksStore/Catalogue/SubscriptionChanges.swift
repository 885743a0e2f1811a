import Bytes
import Synchronization
public import Tenancy
public import Topics

/// Subscriptions and their progress.
extension RocksTopicLog: SubscriptionStore {
  public func subscription(
    _ name: HeldName, of address: TopicAddress
  ) -> SubscriptionDefinition? {
    guard address.sees(name.holder) else { return nil }
    return committer.directory.topic(TopicPath(address))?.facts.withLock { $0.subscriptions[name] }
  }

  public func subscriptions(of address: TopicAddress) -> [SubscriptionDefinition] {
    let topic = committer.directory.topic(TopicPath(address))
    let definitions = topic?.facts.withLock { Array($0.subscriptions.values) } ?? []
    return definitions.filter { address.sees($0.holder) }.sorted { $0.heldName < $1.heldName }
  }

  public func createSubscription(
    _ name: Name, _ terms: SubscriptionTerms, startingAt start: Cursor, of address: TopicAddress
  ) async throws(CatalogueFailure) -> Made<SubscriptionDefinition> {
    try CatalogueVerb.useSubscriptions.check(address.action)
    let held = HeldName(name, under: address).detached
    let creator = ByteSlice(copying: address.caller.principal.span)
    return try await mutate(growing: true) { committer throws(CatalogueFailure) in
      try committer.createSubscription(
        held, terms, start, by: creator, of: try committer.topic(address))
    }
  }

  public func deleteSubscription(
    _ name: HeldName, of address: TopicAddress,
    expecting expected: Expected<SubscriptionDefinition>
  ) async throws(CatalogueFailure) {
    try CatalogueVerb.useSubscriptions.check(address.action)
    try await mutate { committer throws(CatalogueFailure) in
      let topic = try committer.topic(address)
      var facts = topic.facts.withLock { $0 }
      guard address.sees(name.holder),
        let definition = facts.subscriptions.removeValue(forKey: name)
      else { throw .unknownSubscription }
      try expected.check(definition)
      committer.deleteSubscription(definition, of: topic)
      committer.write(facts, of: topic)
    }
  }

  public func loadState(
    of subscription: SubscriptionReference, expecting expected: Expected<SubscriptionDefinition>
  ) throws(CatalogueFailure) -> SubscriptionState {
    try CatalogueVerb.useSubscriptions.check(subscription.topic.action)
    guard subscription.isSeen,
      let topic = committer.directory.topic(TopicPath(subscription.topic)),
      let definition = topic.facts.withLock({ $0.subscriptions[subscription.name] }),
      definition.number == subscription.number
    else { throw .unknownSubscription }
    try expected.check(definition)
    let cursor = CursorKey(
      topic: topic.number, subscription: UInt32(truncatingIfNeeded: subscription.number))
    do throws(StoreFault) {
      guard let stored = try committer.database.get(cursor) else {
        throw .corruptRecord(family: KeyFamily.cursor.byte)
      }
      var state = SubscriptionState(
        markDelete: Cursor(ledger: stored.ledger, next: stored.next), epoch: stored.epoch)
      try committer.database.scan(AckChunkKey.self, prefix: cursor.fields) { key, value in
        state.chunks[key.chunk] = value.acks
      }
      return state
    } catch .closed {
      throw .closing
    } catch {
      throw .overloaded(retryAfter: .seconds(10))
    }
  }

  public func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?, isAwaited: Bool
  ) {
    let staged = StagedChange(
      change, of: subscription, settled: settled, isAwaited: isAwaited)
    if !committer.queue.push(staged) { settled?.settle(.failure(.closing)) }
  }
}

extension Committer {
  fileprivate func createSubscription(
    _ name: HeldName, _ terms: SubscriptionTerms, _ start: Cursor, by creator: ByteSlice,
    of topic: TopicState
  ) throws(CatalogueFailure) -> Made<SubscriptionDefinition> {
    var facts = topic.facts.withLock { $0 }
    if let existing = facts.subscriptions[name] { return .existing(existing) }
    let (most, countable): (Int, CatalogueFailure.Countable) =
      name.holder == nil
      ? (limits.subscriptionsPerTopic, .subscriptions)
      : (limits.subscriptionsPerPartner, .partnerSubscriptions)
    guard facts.subscriptions.keys.count(where: { $0.holder == name.holder }) < most else {
      throw .tooMany(countable, limit: most)
    }
    let first = topic.tail.withLock { $0.first }
    // A place in an earlier incarnation or a trimmed front means the oldest event there is.
    var next = start.ledger < topic.ledger ? first : max(start.next, first)
    guard start.ledger <= topic.ledger, next <= topic.next else {
      throw .positionAhead(end: Cursor(ledger: topic.ledger, next: topic.next))
    }
    next = min(next, topic.next)
    let cursor = CursorKey(topic: topic.number, subscription: facts.nextSubscription)
    // Where the catalogue has lost its newest rows, the number may have been another's before.
    voidAckChunks(of: cursor)
    let definition = SubscriptionDefinition(
      name: name.name, heldBy: name.holder, number: UInt64(facts.nextSubscription), terms: terms,
      created: clocks.wall(), creator: creator)
    put(
      SubscriptionKey(topic: topic.number, subscription: facts.nextSubscription),
      SubscriptionKey.Value(
        state: .live, created: definition.created, name: name.name.bytes, terms: terms,
        holder: name.holder?.bytes, creator: creator))
    put(
      SubscriptionNameKey(topic: topic.number, name: name.stored),
      NumberValue(facts.nextSubscription))
    put(cursor, CursorKey.Value(ledger: topic.ledger, next: next, epoch: 0))
    facts.nextSubscription += 1
    facts.subscriptions[name] = definition
    write(facts, of: topic)
    return .created(definition)
  }

  /// Deletes a subscription's rows; its number stays taken by the topic's counter.
  func deleteSubscription(_ definition: SubscriptionDefinition, of topic: TopicState) {
    let number = UInt32(truncatingIfNeeded: definition.number)
    voidAckChunks(of: CursorKey(topic: topic.number, subscription: number))
    deleteRows(of: definition, of: topic)
  }

  /// Deletes all of a subscription's rows but its ack chunks.
  func deleteRows(of definition: SubscriptionDefinition, of topic: TopicState) {
    let number = UInt32(truncatingIfNeeded: definition.number)
    delete(CursorKey(topic: topic.number, subscription: number))
    delete(SubscriptionKey(topic: topic.number, subscription: number))
    delete(SubscriptionNameKey(topic: topic.number, name: definition.heldName.stored))
  }
}

extension HeldName {
  /// As it stands in a key: `name`, or `holder/name`; no name holds a slash.
  fileprivate var stored: ByteSlice {
    guard let holder else { return name.bytes }
    var bytes = ByteWriter(capacity: holder.bytes.count + name.bytes.count + 1)
    bytes.append(holder.bytes)
    bytes.append(ASCII.slash)
    bytes.append(name.bytes)
    return bytes.slice
  }
}

extension CursorKey {
  /// The key's fields without the family byte: the prefix of its ack chunks.
  var fields: [UInt8] {
    var writer = ByteWriter(capacity: 12)
    append(to: &writer)
    return writer.bytes
  }
}
