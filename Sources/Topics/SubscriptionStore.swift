public import Bytes
public import Tenancy

/// How the consumers of a subscription share its events. The raw value is stored.
public enum SubscriptionKind: UInt8, Sendable, Hashable, CaseIterable {
  case exclusive = 0
  case shared = 1
  case failover = 2
  case keyShared = 3
}

/// What the owner of a subscription may choose.
public struct SubscriptionTerms: Sendable, Hashable {
  public var kind: SubscriptionKind
  /// The length of a lease; zero means that leases do not run out.
  public var ackTimeout: TimeSpan
  /// How many events may be out at consumers at once.
  public var maxUnacked: Int

  public init(kind: SubscriptionKind, ackTimeout: TimeSpan, maxUnacked: Int) {
    self.kind = kind
    self.ackTimeout = ackTimeout
    self.maxUnacked = maxUnacked
  }
}

/// Which of a topic's subscriptions. Names are their holder's own: tenants who share a topic take
/// none from one another, and do not learn which are taken.
public struct HeldName: Sendable, Hashable {
  /// The tenant that holds the subscription; nil for the topic's own.
  public let holder: Name?
  public let name: Name

  public init(holder: Name?, name: Name) {
    self.holder = holder
    self.name = name
  }

  /// The caller's own subscription of that name.
  public init(_ name: Name, under address: TopicAddress) {
    self.init(holder: address.holder, name: name)
  }

  /// The same in storage of its own.
  public var detached: HeldName { HeldName(holder: holder?.detached, name: name.detached) }
}

extension HeldName: Comparable {
  /// The topic's own tenant's first, then by holder; in byte order of their names.
  public static func < (left: HeldName, right: HeldName) -> Bool {
    guard left.holder == right.holder else {
      guard let theirs = right.holder else { return false }
      return left.holder.map { $0 < theirs } ?? true
    }
    return left.name < right.name
  }
}

extension TopicAddress {
  /// Who holds the subscriptions that are made under this address; nil for the topic's own tenant.
  public var holder: Name? { isShared ? caller.tenant : nil }

  /// Whether subscriptions of a holder are there for this caller: all of them for the topic's own
  /// tenant, for another only its own.
  public func sees(_ holder: Name?) -> Bool { !isShared || holder == caller.tenant }
}

/// One subscription as the catalogue knows it.
public struct SubscriptionDefinition: Sendable, Hashable {
  public let name: Name
  /// The tenant that holds it, where that is not the topic's own.
  public let holder: Name?
  /// Never given out twice within a topic's life: a subscription made anew under the same name has
  /// another one, and tokens and changes of the old one fit no more.
  public let number: UInt64
  public let terms: SubscriptionTerms
  public let created: UnixTime
  /// The principal that made it, of its holder's tenant; empty where nobody wrote that down.
  public let creator: ByteSlice

  public init(
    name: Name, heldBy holder: Name? = nil, number: UInt64, terms: SubscriptionTerms,
    created: UnixTime, creator: ByteSlice = .empty
  ) {
    self.name = name
    self.holder = holder
    self.number = number
    self.terms = terms
    self.created = created
    self.creator = creator
  }

  public var heldName: HeldName { HeldName(holder: holder, name: name) }
}

/// Which subscription: by name and by number, so that a successor of the same name is not meant.
public struct SubscriptionReference: Sendable, Hashable {
  public let topic: TopicAddress
  public let name: HeldName
  public let number: UInt64

  public init(to definition: SubscriptionDefinition, of topic: TopicAddress) {
    self.topic = topic
    name = definition.heldName
    number = definition.number
  }

  /// Whether it is there for the address's caller; stores ask.
  public var isSeen: Bool { topic.sees(name.holder) }

  /// One of the address's own.
  public init(topic: TopicAddress, name: Name, number: UInt64) {
    self.topic = topic
    self.name = HeldName(name, under: topic)
    self.number = number
  }
}

/// What is stored of a subscription's progress. The chunks' bytes are the `Subscriptions` room's:
/// a store keeps them unread.
public struct SubscriptionState: Sendable, Hashable {
  /// Every entry below is acknowledged.
  public var markDelete: Cursor
  /// How often the subscription was sought; tokens of another epoch fit no more. 0 at first.
  public var epoch: UInt64
  /// Acknowledgements of `chunkSpan` entries each, by `entry / chunkSpan`; absent where none lie
  /// beyond the mark.
  public var chunks: [UInt64: ByteSlice]

  public static let chunkSpan: UInt64 = 4096

  public init(markDelete: Cursor, epoch: UInt64 = 0, chunks: [UInt64: ByteSlice] = [:]) {
    self.markDelete = markDelete
    self.epoch = epoch
    self.chunks = chunks
  }

  /// The state after `change`.
  public mutating func apply(_ change: SubscriptionChange) {
    if change.replacesAll { chunks = [:] }
    markDelete = change.markDelete
    epoch = change.epoch
    for (index, bytes) in change.chunks { chunks[index] = bytes }
  }
}

/// What became of a subscription since the last change: absolute values, so that writing it twice
/// does no harm. Changes of one subscription are staged in the order in which they were made.
public struct SubscriptionChange: Sendable, Hashable {
  public var markDelete: Cursor
  public var epoch: UInt64
  /// Chunks with a new value; nil deletes.
  public var chunks: [UInt64: ByteSlice?]
  /// Whether all other chunks are void (a seek).
  public var replacesAll: Bool

  public init(
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
public protocol SubscriptionStore: Sendable {
  /// The stored state. May block on the disk: callers run it on `Workers`.
  ///
  /// - Parameter expected: the subscription as the caller saw it. A topic made anew gives its
  ///   numbers anew: another one of the same name and number is `changed`.
  func loadState(
    of subscription: SubscriptionReference, expecting expected: Expected<SubscriptionDefinition>
  ) throws(CatalogueFailure) -> SubscriptionState

  /// Queues a change for the next group commit, which starts without waiting for appends, if
  /// somebody waits for the change at once. Never blocks; called under the dispatcher's lock, so
  /// that changes of one subscription keep their order.
  ///
  /// - Parameters:
  ///   - settled: told once the change is durable or has failed; a change for a subscription that
  ///     is gone fails with `unknownSubscription`.
  ///   - isAwaited: whether somebody waits for that, rather than to look at it some time.
  func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?, isAwaited: Bool)
}

extension SubscriptionStore {
  /// The stored state of whatever has the name and number.
  public func loadState(of subscription: SubscriptionReference) throws(CatalogueFailure)
    -> SubscriptionState
  {
    try loadState(of: subscription, expecting: .anything)
  }

  /// The same for whoever waits, where there is something to be told.
  public func stage(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?
  ) {
    stage(change, of: subscription, settled: settled, isAwaited: settled != nil)
  }
}

/// The fate of a staged change.
public typealias ChangeSettlement = OneShot<Result<Void, CatalogueFailure>>
