package import Bytes
package import Tenancy

/// How the consumers of a subscription share its events. The raw value is stored.
package enum SubscriptionKind: UInt8, Sendable, Hashable, CaseIterable {
  case exclusive = 0
  case shared = 1
  case failover = 2
  case keyShared = 3
}

/// What the owner of a subscription may choose.
package struct SubscriptionTerms: Sendable, Hashable {
  package var kind: SubscriptionKind
  /// The length of a lease; zero means that leases do not run out.
  package var ackTimeout: TimeSpan
  /// How many events may be out at consumers at once.
  package var maxUnacked: Int

  package init(kind: SubscriptionKind, ackTimeout: TimeSpan, maxUnacked: Int) {
    self.kind = kind
    self.ackTimeout = ackTimeout
    self.maxUnacked = maxUnacked
  }
}

/// One subscription as the catalogue knows it.
package struct SubscriptionDefinition: Sendable, Hashable {
  package let name: Name
  /// Never given out twice within a topic's life: a subscription made anew under the same name has
  /// another one, and tokens and changes of the old one fit no more.
  package let number: UInt64
  package let terms: SubscriptionTerms
  package let created: UnixTime

  package init(name: Name, number: UInt64, terms: SubscriptionTerms, created: UnixTime) {
    self.name = name
    self.number = number
    self.terms = terms
    self.created = created
  }
}

/// Which subscription: by name and by number, so that a successor of the same name is not meant.
package struct SubscriptionReference: Sendable, Hashable {
  package let topic: TopicAddress
  package let name: Name
  package let number: UInt64

  package init(topic: TopicAddress, name: Name, number: UInt64) {
    self.topic = topic
    self.name = name
    self.number = number
  }
}

/// What is stored of a subscription's progress. The chunks' bytes are the `Subscriptions` room's:
/// a store keeps them unread.
package struct SubscriptionState: Sendable, Hashable {
  /// Every entry below is acknowledged.
  package var markDelete: Cursor
  /// How often the subscription was sought; tokens of another epoch fit no more. 0 at first.
  package var epoch: UInt64
  /// Acknowledgements of 4096 entries each, by `entry / 4096`; absent where none lie beyond the
  /// mark.
  package var chunks: [UInt64: ByteSlice]

  package init(markDelete: Cursor, epoch: UInt64 = 0, chunks: [UInt64: ByteSlice] = [:]) {
    self.markDelete = markDelete
    self.epoch = epoch
    self.chunks = chunks
  }

  /// The state after `change`.
  package mutating func apply(_ change: SubscriptionChange) {
    if change.replacesAll { chunks = [:] }
    markDelete = change.markDelete
    epoch = change.epoch
    for (index, bytes) in change.chunks { chunks[index] = bytes }
  }
}

/// What became of a subscription since the last change: absolute values, so that writing it twice
/// does no harm. Changes of one subscription are staged in the order in which they were made.
package struct SubscriptionChange: Sendable, Hashable {
  package var markDelete: Cursor
  package var epoch: UInt64
  /// Chunks with a new value; nil deletes.
  package var chunks: [UInt64: ByteSlice?]
  /// Whether all other chunks are void (a seek).
  package var replacesAll: Bool

  package init(
    markDelete: Cursor, epoch: UInt64 = 0, chunks: [UInt64: ByteSlice?] = [:],
    replacesAll: Bool = false
  ) {
    self.markDelete = markDelete
    self.epoch = epoch
    self.chunks = chunks
    self.replacesAll = replacesAll
  }
}

/// Where the progress of subscriptions is kept: with the log, in the same group commit as appends.
package protocol SubscriptionStore: Sendable {
  /// The stored state. May block on the disk: callers run it on `Workers`.
  func loadState(of subscription: SubscriptionReference) throws(CatalogueFailure)
    -> SubscriptionState

  /// Queues a change for the next group commit, which starts without waiting for appends. Never
  /// blocks; called under the dispatcher's lock, so that changes of one subscription keep their
  /// order. `settled`, when given, is told once the change is durable or has failed; a change for a
  /// subscription that is gone fails with `unknownSubscription`.
  func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?)
}

/// The fate of a staged change.
package typealias ChangeSettlement = OneShot<Result<Void, CatalogueFailure>>
