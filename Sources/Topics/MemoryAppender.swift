import Bytes
import Events
public import Schemas
import Synchronization
public import Tenancy

/// The stage of one loop before a `MemoryLog`; confined to that loop.
public final class MemoryAppender: TopicAppender {
  private typealias Outcome = Result<[Receipt], AppendFailure>

  /// Events of one call, kept together.
  private struct Staged {
    let events: [ConformingEvent]
    let waiter: Waiter
  }

  private enum Waiter {
    case task(OneShot<Outcome>)
    case observer(AppendObserver)

    func tell(_ outcome: Outcome) {
      switch self {
      case .task(let waiting): waiting.settle(outcome)
      case .observer(let observer): observer.appended(outcome.map { $0[0] })
      }
    }
  }

  private let log: MemoryLog
  private var staged: [Staged] = []
  private var stagedBytes = 0

  init(_ log: MemoryLog) { self.log = log }

  public func open(_ address: TopicAddress, at place: inout TopicPlace?) -> MemoryTopic? {
    log.open(address)
  }

  public func append(
    _ event: ConformingEvent, to topic: MemoryTopic
  ) async throws(AppendFailure) -> Receipt {
    let receipts = try await appendAll([event], to: topic)
    return receipts[0]
  }

  public func append(
    _ event: ConformingEvent, to topic: MemoryTopic, telling observer: AppendObserver
  ) throws(AppendFailure) {
    guard event.address == topic.address else { throw .unknownTopic }
    try stage([event], .observer(observer))
  }

  public func appendAll(
    _ events: [ConformingEvent], to topic: MemoryTopic
  ) async throws(AppendFailure) -> [Receipt] {
    guard let first = events.first, events.allSatisfy({ $0.address == first.address }) else {
      throw .mixedBatch
    }
    guard first.address == topic.address else { throw .unknownTopic }
    let outcome = OneShot<Outcome>()
    try stage(events, .task(outcome))
    return try await outcome.value().get()
  }

  public func flush() {
    // Who is told may stage the next event at once.
    while !staged.isEmpty {
      let batch = staged
      staged = []
      stagedBytes = 0
      let outcomes = log.commit(batch.map(\.events))
      for (staged, outcome) in zip(batch, outcomes) { staged.waiter.tell(outcome) }
    }
  }

  private func stage(_ events: [ConformingEvent], _ waiter: Waiter) throws(AppendFailure) {
    var bytes = 0
    for event in events {
      try event.address.checkAppending()
      bytes += event.draft.cost
    }
    let limits = log.limits
    guard bytes <= limits.commitBytes else { throw .tooLarge(limit: limits.commitBytes) }
    guard stagedBytes + bytes <= limits.stagedBytes else {
      throw .overloaded(retryAfter: .seconds(1))
    }
    staged.append(Staged(events: events, waiter: waiter))
    stagedBytes += bytes
  }
}

/// A topic of a `MemoryLog`, looked up.
public final class MemoryTopic: OpenTopic {
  public let info: TopicInfo
  fileprivate let address: TopicAddress
  private let log: MemoryLog

  fileprivate init(info: TopicInfo, address: TopicAddress, in log: MemoryLog) {
    self.info = info
    self.address = address
    self.log = log
  }

  public var binding: SchemaBinding? { log.binding(of: address) }
}

extension MemoryLog {
  public func open(_ address: TopicAddress) -> MemoryTopic? {
    topic(address).map {
      MemoryTopic(info: $0, address: address, in: self)
    }
  }

  /// Stores what one stage held: each batch wholly or not at all.
  fileprivate func commit(_ batches: [[ConformingEvent]]) -> [Result<[Receipt], AppendFailure>] {
    let (now, started) = (clocks.wall(), clocks.monotonic())
    let (outcomes, grown) = state.withLock { state in
      var outcomes: [Result<[Receipt], AppendFailure>] = []
      var grown: [(Growth, UInt64)] = []
      for batch in batches {
        let outcome = store(batch, in: &state, at: now, durable: started)
        if case .success(let stored) = outcome { grown.append((stored.growth, stored.end)) }
        outcomes.append(outcome.map(\.receipts))
      }
      return (outcomes, grown)
    }
    for (growth, end) in grown { growth.advance(to: end) }
    return outcomes
  }

  private struct Stored {
    var receipts: [Receipt]
    let growth: Growth
    var end: UInt64
  }

  private func store(
    _ batch: [ConformingEvent], in state: inout State, at now: UnixTime, durable: MonotonicTime
  ) -> Result<Stored, AppendFailure> {
    if state.isClosed { return .failure(.closing) }
    let bytes = batch.reduce(0) { $0 + $1.draft.cost }
    guard state.bytes + bytes <= limits.bytes else {
      return .failure(.storageFull(retryAfter: .seconds(30)))
    }
    let key = TopicKey(batch[0].address)
    return withTopic(key, in: &state, or: .unknownTopic) { topic, total in
      var stored = Stored(receipts: [], growth: topic.growth, end: topic.end)
      let publishTime = max(now, topic.lastPublishTime)
      topic.lastPublishTime = publishTime
      for event in batch {
        let id = MessageID(ledger: topic.ledger, entry: topic.end)
        topic.records.append(
          Record(
            id: id, publishTime: publishTime, schemaVersion: event.schemaVersion,
            flags: event.draft.payloadKind == .json ? .jsonPayload : [],
            attributes: Attributes(encoded: event.draft.attributes.encoded.kept),
            key: event.draft.key?.kept, payload: event.draft.payload.kept, durableAt: durable))
        stored.receipts.append(
          Receipt(id: id, publishTime: publishTime, durableAt: durable, commit: .zero))
      }
      topic.bytes += bytes
      total += bytes
      stored.end = topic.end
      return stored
    }
  }

  /// Changes one topic and the log's byte count in place.
  func withTopic<Answer, Failure: Error>(
    _ key: TopicKey, in state: inout State, or unknown: Failure,
    _ body: (inout TopicState, inout Int) -> Answer
  ) -> Result<Answer, Failure> {
    guard let index = state.topics.index(forKey: key) else { return .failure(unknown) }
    var bytes = state.bytes
    defer { state.bytes = bytes }
    return .success(body(&state.topics.values[index], &bytes))
  }
}

extension ByteSlice {
  /// The bytes in storage of their own: what is kept must not hold the receive buffer it came in.
  fileprivate var kept: ByteSlice { ByteSlice(copying: span) }
}
