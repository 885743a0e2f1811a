public import Bytes
import Events
import Schemas
import Synchronization
public import Tenancy

/// The log in memory: the reference for what the promises mean, and an engine for tests and trials.
///
/// Everything lies behind one lock that is never held across a suspension; what it calls outside
/// the room (growth, settlements) it calls after unlocking. Nothing survives the process.
public final class MemoryLog: TopicLog, Catalogue, SubscriptionStore {
  struct State {
    var topics: [TopicKey: TopicState] = [:]
    var policies: [NamespaceKey: NamespacePolicy] = [:]
    var shelves: [NamespaceKey: DocumentShelf] = [:]
    var nextDocument: UInt32 = 1
    var nextLedger: UInt64 = 1
    var bytes = 0
    var isClosed = false
  }

  let clocks: Clocks
  let limits: MemoryLimits
  let programs: ProgramCache
  let state: Mutex<State>

  public init(clocks: Clocks, limits: MemoryLimits = MemoryLimits()) {
    self.clocks = clocks
    self.limits = limits
    programs = ProgramCache()
    state = Mutex(State())
  }

  /// A copy of all that there is: what is changed there is changed nowhere else.
  public var trial: MemoryLog { MemoryLog(copying: self) }

  private init(copying log: MemoryLog) {
    clocks = log.clocks
    limits = log.limits
    programs = log.programs
    var copy = log.state.withLock { $0 }
    for index in copy.topics.values.indices {
      copy.topics.values[index].growth = Growth(end: copy.topics.values[index].end)
    }
    state = Mutex(copy)
  }

  /// Refuses everything from now on and wakes everybody who waits.
  public func close() {
    let growths = state.withLock { state in
      state.isClosed = true
      return state.topics.values.map(\.growth)
    }
    for growth in growths { growth.close() }
  }

  // MARK: - Reading

  /// Needs no way back to the loop: what it stores is stored at once, in `flush`.
  public func makeAppender(answeringBy post: @escaping LoopPost) -> MemoryAppender {
    MemoryAppender(self)
  }

  public func tail(of topic: TopicAddress, from cursor: Cursor, budget: ByteBudget)
    throws(ReadFailure) -> TailRead
  {
    try topic.checkReading()
    return try read(topic) { (state: inout TopicState) throws(ReadFailure) in
      let gap = try state.gap(at: cursor)
      let start = gap?.earliest ?? cursor
      if start.next < state.tailStart(limits) { return .behind }
      return .page(state.page(from: start, budget: budget, gap: gap, fromTail: true))
    }
  }

  public func readStored(_ topic: TopicAddress, from cursor: Cursor, budget: ByteBudget)
    throws(ReadFailure) -> Page
  {
    try topic.checkReading()
    return try read(topic) { (state: inout TopicState) throws(ReadFailure) in
      let gap = try state.gap(at: cursor)
      return state.page(
        from: gap?.earliest ?? cursor, budget: budget, gap: gap, fromTail: false)
    }
  }

  public func resolve(_ start: StartPosition, in topic: TopicAddress) throws(ReadFailure)
    -> ResolvedStart
  {
    try topic.checkPlacing()
    return try read(topic) { (state: inout TopicState) throws(ReadFailure) in
      switch start {
      case .earliest: return .at(state.bounds.earliest)
      case .latest: return .at(state.bounds.latest)
      case .after(let cursor):
        if let gap = try state.gap(at: cursor) { return .gap(gap) }
        return .at(cursor)
      case .from(let instant): return .lookUp(instant)
      }
    }
  }

  public func locate(_ instant: UnixTime, in topic: TopicAddress) throws(ReadFailure) -> Cursor {
    try topic.checkPlacing()
    return try read(topic) { (state: inout TopicState) throws(ReadFailure) in
      let index = state.records.firstIndex { $0.publishTime >= instant } ?? state.records.count
      return Cursor(ledger: state.ledger, next: state.first + UInt64(index))
    }
  }

  public func growth(of topic: TopicAddress) throws(ReadFailure) -> Growth {
    try topic.checkPlacing()
    return try read(topic) { (state: inout TopicState) throws(ReadFailure) in state.growth }
  }

  public func bounds(of topic: TopicAddress) throws(ReadFailure) -> TopicBounds {
    try read(topic) { (state: inout TopicState) throws(ReadFailure) in state.bounds }
  }

  private func read<Found: Sendable>(
    _ topic: TopicAddress, _ body: (inout TopicState) throws(ReadFailure) -> Found
  ) throws(ReadFailure) -> Found {
    try state.withLock { (state: inout sending State) throws(ReadFailure) -> Found in
      if state.isClosed { throw .closing }
      guard let index = state.topics.index(forKey: TopicKey(topic)) else { throw .unknownTopic }
      return try body(&state.topics.values[index])
    }
  }
}

/// How much a `MemoryLog` holds.
public struct MemoryLimits: Sendable {
  /// Stored bytes of all topics together; beyond it appends are refused as `storageFull`.
  public var bytes = 1 << 30
  /// How many of a topic's newest records count as its tail; older ones are read with `readStored`.
  public var tailRecords = 10_000
  public var topics = 100_000
  /// Of the topic's own tenant.
  public var subscriptionsPerTopic = 1_000
  /// Of each other tenant that the topic is shared with.
  public var subscriptionsPerPartner = 100
  public var schemaVersions = 1_000
  /// What one commit may hold, in bytes.
  public var commitBytes = 8 << 20
  /// What may wait in one appender's stage, in bytes; beyond it appends are refused as
  /// `overloaded`.
  public var stagedBytes = 32 << 20

  public init() {}
}

/// A topic by its three names, in storage of their own.
struct TopicKey: Hashable {
  let tenant: Name
  let namespace: Name
  let topic: Name

  init(_ address: TopicAddress) {
    tenant = address.tenant
    namespace = address.namespace
    topic = address.topic
  }

  private init(tenant: Name, namespace: Name, topic: Name) {
    self.tenant = tenant
    self.namespace = namespace
    self.topic = topic
  }

  var detached: TopicKey {
    TopicKey(tenant: tenant.detached, namespace: namespace.detached, topic: topic.detached)
  }

  func lies(in namespace: NamespaceAddress) -> Bool {
    tenant == namespace.tenant && self.namespace == namespace.namespace
  }
}

struct NamespaceKey: Hashable {
  let tenant: Name
  let namespace: Name

  init(_ address: NamespaceAddress) {
    tenant = address.tenant.detached
    namespace = address.namespace.detached
  }
}

/// One topic with all that hangs on it.
struct TopicState {
  let name: Name
  let ledger: UInt64
  let created: UnixTime
  var growth = Growth(end: 0)
  var configuration: TopicConfiguration
  /// The kept events; the first one is entry `first`.
  var records: [Record] = []
  var first: UInt64 = 0
  var bytes = 0
  var lastPublishTime = UnixTime(nanoseconds: .min)
  var lastTrimmed: UnixTime?
  var book = SchemaBook.empty
  /// Made of the book.
  var binding: SchemaBinding?
  var subscriptions: [HeldName: SubscriptionEntry] = [:]
  var nextSubscription: UInt64 = 1

  struct SubscriptionEntry {
    let definition: SubscriptionDefinition
    var state: SubscriptionState
  }

  var end: UInt64 { first + UInt64(records.count) }

  var bounds: TopicBounds {
    TopicBounds(ledger: ledger, first: first, end: end, bytes: UInt64(bytes))
  }

  var info: TopicInfo {
    TopicInfo(
      name: name, ledger: ledger, configuration: configuration, created: created,
      schemaVersion: book.defaults[.topic] ?? 0)
  }

  func gap(at cursor: Cursor) throws(ReadFailure) -> Gap? {
    try bounds.gap(at: cursor, until: lastTrimmed)
  }

  func tailStart(_ limits: MemoryLimits) -> UInt64 {
    max(first, end - min(end, UInt64(limits.tailRecords)))
  }

  func page(from cursor: Cursor, budget: ByteBudget, gap: Gap?, fromTail: Bool) -> Page {
    var found: [Record] = []
    var used = 0
    for record in records.dropFirst(Int(cursor.next - first)) {
      guard budget.admits(cost: record.cost, after: found.count, bytes: used) else { break }
      used += record.cost
      found.append(fromTail ? record : record.withoutDurableAt)
    }
    return Page(
      records: found, next: Cursor(ledger: ledger, next: cursor.next + UInt64(found.count)),
      end: end, gap: gap)
  }
}

extension Record {
  /// As a record looks that was read back from disk.
  fileprivate var withoutDurableAt: Record {
    Record(
      id: id, publishTime: publishTime, schemaVersion: schemaVersion, flags: flags,
      attributes: attributes, key: key, payload: payload, durableAt: nil)
  }
}
