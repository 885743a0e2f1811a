import Bytes
import Synchronization
public import Tenancy
public import Topics

extension RocksTopicLog {
  /// How many chunks are taken from a tail under its lock at once.
  private static let chunksAtOnce = 64

  public func tail(
    of address: TopicAddress, from cursor: Cursor, budget: ByteBudget
  ) throws(ReadFailure) -> TailRead {
    let topic = try readable(address)
    let front = try topic.tail.withLock { tail throws(ReadFailure) in
      try ReadFront(cursor, topic.ledger, tail)
    }
    var collector = PageCollector(topic.ledger, front, budget)
    while !collector.isFull, collector.next < front.end {
      let entries = topic.tail.withLock { tail in
        collector.next < tail.firstInMemory
          ? [] : Array(tail.chunks(from: collector.next, limit: Self.chunksAtOnce))
      }
      if entries.isEmpty { break }
      for entry in entries where !collector.isFull && entry.first < front.end {
        do throws(ChunkFault) {
          try collector.take(entry.chunk, last: entry.last, durableAt: entry.durableAt)
        } catch {
          throw .corrupt(ledger: topic.ledger, first: entry.first, last: entry.last)
        }
      }
    }
    if collector.records.isEmpty, front.start < front.end { return .behind }
    return .page(collector.page)
  }

  public func growth(of address: TopicAddress) throws(ReadFailure) -> Growth {
    try placeable(address).growth
  }

  public func bounds(of address: TopicAddress) throws(ReadFailure) -> TopicBounds {
    let topic = try known(address)
    return topic.tail.withLock { $0.bounds(topic.ledger) }
  }

  public func resolve(
    _ start: StartPosition, in address: TopicAddress
  ) throws(ReadFailure) -> ResolvedStart {
    let topic = try placeable(address)
    return try topic.tail.withLock { tail throws(ReadFailure) in
      switch start {
      case .earliest: return .at(Cursor(ledger: topic.ledger, next: tail.first))
      case .latest: return .at(Cursor(ledger: topic.ledger, next: tail.end))
      case .after(let cursor):
        let front = try ReadFront(cursor, topic.ledger, tail)
        return front.gap.map(ResolvedStart.gap) ?? .at(cursor)
      case .from(let instant):
        if tail.first == tail.end { return .at(Cursor(ledger: topic.ledger, next: tail.end)) }
        guard let entry = tail.locate(instant) else { return .lookUp(instant) }
        return .at(Cursor(ledger: topic.ledger, next: max(entry, tail.first)))
      }
    }
  }

  /// The topic behind an address that was granted for reading.
  func readable(_ address: TopicAddress) throws(ReadFailure) -> TopicState {
    try address.checkReading()
    return try known(address)
  }

  /// The topic behind an address that was granted for finding places.
  func placeable(_ address: TopicAddress) throws(ReadFailure) -> TopicState {
    try address.checkPlacing()
    return try known(address)
  }

  /// The topic behind any address.
  private func known(_ address: TopicAddress) throws(ReadFailure) -> TopicState {
    if committer.condition.load(ordering: .relaxed) == .closing { throw .closing }
    guard let topic = committer.directory.topic(TopicPath(address)) else { throw .unknownTopic }
    return topic
  }
}

/// Where a read starts and how far it may go.
struct ReadFront {
  let start: UInt64
  let end: UInt64
  let gap: Gap?

  /// Places `cursor` in a topic of this ledger.
  init(_ cursor: Cursor, _ ledger: UInt64, _ tail: borrowing Tail) throws(ReadFailure) {
    let bounds = tail.bounds(ledger)
    end = bounds.end
    gap = try bounds.gap(at: cursor, until: tail.trimmedUntil)
    start = gap == nil ? cursor.next : bounds.first
  }
}

/// Collects records from chunks until a budget is used up.
struct PageCollector {
  private(set) var records: [Record] = []
  /// The entry to be read next.
  private(set) var next: UInt64
  private(set) var isFull = false
  private var bytes = 0
  private let ledger: UInt64
  private let front: ReadFront
  private let budget: ByteBudget

  init(_ ledger: UInt64, _ front: ReadFront, _ budget: ByteBudget) {
    self.ledger = ledger
    self.front = front
    self.budget = budget
    next = front.start
  }

  /// Takes what the chunk holds from `next` on; the chunk holds `next`.
  mutating func take(
    _ chunk: Chunk, last: UInt64, durableAt: MonotonicTime?
  ) throws(ChunkFault) {
    let first = chunk.first(last: last)
    guard first <= next, next <= last else { throw .misplaced }
    try chunk.forEach(skipping: Int(next - first)) { index, encoded in
      let record = encoded.record(
        id: MessageID(ledger: ledger, entry: first + UInt64(index)),
        publishTime: chunk.baseTime, durableAt: durableAt)
      let cost = record.cost
      guard budget.admits(cost: cost, after: records.count, bytes: bytes) else {
        isFull = true
        return false
      }
      records.append(record)
      bytes += cost
      next += 1
      return true
    }
    if records.count >= budget.records || bytes >= budget.bytes { isFull = true }
  }

  var page: Page {
    Page(
      records: records, next: Cursor(ledger: ledger, next: next), end: front.end, gap: front.gap)
  }
}
