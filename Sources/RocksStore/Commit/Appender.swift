import Bytes
import Events
public import Schemas
import Synchronization
public import Tenancy
public import Topics

/// One loop's way to the committer. Each event's record bytes are written straight into the loop's
/// stage; `flush` hands the stage over with one lock, at the end of the loop's turn or before: a
/// commit of what the turn's first requests bring is made while the loop reads its others.
///
/// Confined to its loop.
public final class RocksAppender: TopicAppender {
  /// So many events are handed over without waiting for the end of the turn.
  static let handOver = 16

  /// What was looked up last.
  private struct Opened {
    let topic: TopicState
    /// Kept alive, so that its identity stays its own.
    let address: TopicAddress
    let identity: ObjectIdentifier
  }

  private let committer: Committer
  private var stage: Stage
  /// What is appended to next. For a turn of the loop at most: a topic holds on to its bucket, and
  /// the names of its address are cut from a request's bytes.
  private var latest: Opened?

  init(committer: Committer, answeringBy post: @escaping LoopPost) {
    self.committer = committer
    stage = Stage(post: post)
  }

  /// What was staged and never flushed is still answered.
  deinit { flush() }

  public func open(_ address: TopicAddress, at place: inout TopicPlace?) -> TopicState? {
    var topic: TopicState?
    if let place, place.address.identity == address.identity {
      topic = (place.seat as? DirectorySeat)?.topic
    }
    if topic == nil {
      let found = committer.directory.seat(TopicPath(address))
      place = found.map { TopicPlace($0, of: address) }
      topic = found?.topic
    }
    latest = topic.map { Opened(topic: $0, address: address, identity: address.identity) }
    return topic
  }

  /// Refuses an address that may not be appended to, or is not the topic's: a mix-up of topics must
  /// not cross tenants.
  private func check(_ topic: TopicState, at address: TopicAddress) throws(AppendFailure) {
    try address.checkAppending()
    if latest?.identity == address.identity, latest?.topic === topic { return }
    guard topic.path.isPath(of: address) else { throw .unknownTopic }
  }

  public func append(
    _ event: ConformingEvent, to topic: TopicState
  ) async throws(AppendFailure) -> Receipt {
    let bytes = try accept(event, topic)
    // SAFETY: the stage keeps the continuation until the committer resumes it, exactly once,
    // whatever becomes of the commit.
    let outcome = await unsafe withUnsafeContinuation { waiting in
      unsafe write(event, bytes, of: topic, for: .task(waiting))
    }
    return try outcome.receipt.get()
  }

  public func append(
    _ event: ConformingEvent, to topic: TopicState, telling observer: AppendObserver
  ) throws(AppendFailure) {
    let bytes = try accept(event, topic)
    write(event, bytes, of: topic, for: Stage.Waiter(observer))
  }

  /// - Returns: the length of the event's record.
  @inline(__always)
  private func accept(
    _ event: borrowing ConformingEvent, _ topic: TopicState
  ) throws(AppendFailure) -> Int {
    try check(topic, at: event.address)
    let bytes = EncodedRecord.byteCount(of: event)
    try admit(events: 1, bytes: bytes)
    return bytes
  }

  @inline(__always)
  private func write(
    _ event: borrowing ConformingEvent, _ bytes: Int, of topic: TopicState,
    for waiter: Stage.Waiter
  ) {
    if stage.add(event, bytes, to: topic, for: waiter) >= Self.handOver { flush() }
  }

  public func appendAll(
    _ events: [ConformingEvent], to topic: TopicState
  ) async throws(AppendFailure) -> [Receipt] {
    guard let head = events.first else { throw .mixedBatch }
    try check(topic, at: head.address)
    guard events.allSatisfy({ $0.address == head.address }) else { throw .mixedBatch }
    let bytes = events.reduce(0) { $0 + EncodedRecord.byteCount(of: $1) }
    guard bytes <= committer.limits.batchBytes else {
      throw .tooLarge(limit: committer.limits.batchBytes)
    }
    let version = head.schemaVersion
    var others: [UInt32] = []
    for event in events
    where event.schemaVersion != version && !others.contains(event.schemaVersion) {
      others.append(event.schemaVersion)
    }
    try admit(events: events.count, bytes: bytes)
    let outcome = await unsafe withUnsafeContinuation { waiting in
      let start = stage.byteCount
      for event in events { stage.write(event, EncodedRecord.byteCount(of: event)) }
      unsafe stage.close(
        topic: topic, start: start, events: events.count, version: version,
        otherVersions: others, waiter: .task(waiting))
    }
    let stored = try Self.stored(outcome)
    return events.indices.map { stored.receipt(UInt64($0)) }
  }

  public func flush() {
    latest = nil
    if stage.isEmpty { return }
    if let fresh = committer.queue.exchange(stage) {
      stage = fresh
    } else {
      // The committer has ended or is ending: nothing of this was written.
      committer.queue.lower(stage.events, stage.byteCount)
      stage.fail(.closing)
      stage = Stage(post: stage.post)
    }
  }

  /// Counts an append in, or refuses it.
  private func admit(events: Int, bytes: Int) throws(AppendFailure) {
    switch committer.condition.load(ordering: .relaxed) {
    case .open: break
    case .storageFull: throw .storageFull(retryAfter: .seconds(10))
    case .closing, .failed: throw .closing
    }
    let queue = committer.queue
    // A large batch may exceed the bound when nothing else waits.
    let waiting = queue.waitingEvents.load(ordering: .relaxed)
    guard
      waiting == 0
        || (waiting + events <= committer.limits.queueEvents
          && queue.waitingBytes.load(ordering: .relaxed) + bytes <= committer.limits.queueBytes)
    else {
      queue.refusedEvents.add(events, ordering: .relaxed)
      throw .overloaded(retryAfter: .seconds(1))
    }
    queue.waitingEvents.add(events, ordering: .relaxed)
    queue.waitingBytes.add(bytes, ordering: .relaxed)
  }

  private static func stored(_ outcome: AppendOutcome) throws(AppendFailure)
    -> AppendOutcome.Stored
  {
    switch outcome {
    case .stored(let stored): return stored
    case .failed(let failure): throw failure
    }
  }
}

extension TopicState: OpenTopic {
  public var binding: SchemaBinding? { facts.withLock { $0.binding } }
}
