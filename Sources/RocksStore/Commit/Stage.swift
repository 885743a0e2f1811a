import Bytes
import Schemas
import Topics

/// What one loop has to append: record bytes and who waits for them. Filled by one loop, handed to
/// the committer under the queue's lock, emptied by it and handed back.
///
/// SAFETY: `@unchecked Sendable` because it has one owner at a time; ownership passes under the
/// lock of `CommitQueue`.
final class Stage: @unchecked Sendable {
  /// One append: a run of records of one topic in `bytes`.
  struct Entry {
    /// Its place in `topics`.
    let topic: Int
    let start: Int
    let byteCount: Int
    let events: Int
    /// The schema version of its first event.
    let version: UInt32
    /// Those of the others, where they differ.
    let otherVersions: [UInt32]
    let waiter: Waiter
  }

  /// Who waits for an append. The committer hands it on and does not look at it.
  ///
  /// SAFETY: told once: by the commit that took the append, or by whoever refuses what no commit
  /// took. An observer is kept from `init` until it is told, and told on its loop only.
  @safe enum Waiter: @unchecked Sendable {
    case task(UnsafeContinuation<AppendOutcome, Never>)
    case observer(Unmanaged<AppendObserver>)

    init(_ observer: AppendObserver) { self = unsafe .observer(.passRetained(observer)) }

    /// On the waiter's own loop.
    @inline(__always)
    func tell(_ outcome: AppendOutcome) {
      switch self {
      case .task(let continuation): unsafe continuation.resume(returning: outcome)
      case .observer(let observer):
        unsafe observer.takeRetainedValue().appended(outcome.receipt)
      }
    }

    /// On any thread.
    func tell(_ failure: AppendFailure, by post: LoopPost) {
      switch self {
      case .task(let continuation): unsafe continuation.resume(returning: .failed(failure))
      case .observer: post { tell(.failed(failure)) }
      }
    }
  }

  /// The way back to the loop that fills it.
  var post: LoopPost
  var bytes = ByteBuffer()
  private(set) var entries: [Entry] = []
  /// Once for appends that follow each other: to count the references of each append would have the
  /// loop and the committer take a topic's memory from one another.
  private(set) var topics: [TopicState] = []
  private var latest: ObjectIdentifier?
  private(set) var events = 0
  /// What the commit being made has stored of it. Filled by the committer.
  var answers: [Answer] = []

  /// One append that is durable, on its way to whoever waits for it.
  struct Answer: Sendable {
    let waiter: Waiter
    let stored: AppendOutcome.Stored
  }

  init(post: @escaping LoopPost) { self.post = post }

  var isEmpty: Bool { entries.isEmpty }
  var byteCount: Int { bytes.count }

  /// Adds an append of one event.
  ///
  /// - Parameter count: the length of its record.
  /// - Returns: how many events there are now.
  func add(
    _ event: borrowing ConformingEvent, _ count: Int, to topic: TopicState, for waiter: Waiter
  ) -> Int {
    let start = bytes.count
    write(event, count)
    close(topic: topic, start: start, events: 1, version: event.schemaVersion, waiter: waiter)
    return events
  }

  /// Writes one record behind those already there.
  ///
  /// - Parameter count: its length.
  func write(_ event: borrowing ConformingEvent, _ count: Int) {
    let start = bytes.count
    _ = unsafe bytes.appendUnsafe(room: count) { memory in
      var filler = unsafe ByteFiller(memory)
      EncodedRecord.write(event, into: &filler)
      return filler.count
    }
    precondition(bytes.count - start == count, "a record of another length")
  }

  /// Closes an append whose records were written from `start` on.
  func close(
    topic: TopicState, start: Int, events: Int, version: UInt32, otherVersions: [UInt32] = [],
    waiter: Waiter
  ) {
    if latest != ObjectIdentifier(topic) {
      latest = ObjectIdentifier(topic)
      topics.append(topic)
    }
    entries.append(
      Entry(
        topic: topics.count - 1, start: start, byteCount: bytes.count - start, events: events,
        version: version, otherVersions: otherVersions, waiter: waiter))
    self.events += events
  }

  /// Answers for up to all entries will be added: room for them at once.
  func expectAnswers() { answers.reserveCapacity(entries.count) }

  /// Adds the answer to an append.
  ///
  /// - Returns: how many events it is of.
  func answer(_ entry: Int, _ stored: AppendOutcome.Stored) -> Int {
    answers.append(Answer(waiter: entries[entry].waiter, stored: stored))
    return entries[entry].events
  }

  /// Where the records of an append lie in `bytes`.
  func run(of entry: Int) -> (start: Int, byteCount: Int, events: Int) {
    (entries[entry].start, entries[entry].byteCount, entries[entry].events)
  }

  /// Sends the answers to the loop, which gives them out: its tasks then become ready without a
  /// lock, and all of them with one wake-up.
  func giveAnswers() {
    if answers.isEmpty { return }
    let given = answers
    answers = []
    post {
      for answer in given { answer.waiter.tell(.stored(answer.stored)) }
    }
  }

  /// Forgets everything; keeps memory up to 1 MiB for the next turn.
  func reset() {
    bytes.reset(keeping: 1 << 20)
    entries.removeAll(keepingCapacity: true)
    topics.removeAll(keepingCapacity: true)
    latest = nil
    events = 0
  }

  /// Answers everyone from the `index`-th on that their append failed.
  func fail(from index: Int = 0, _ failure: AppendFailure) {
    for entry in entries[index...] { entry.waiter.tell(failure, by: post) }
  }
}

/// What became of one append.
enum AppendOutcome: Sendable {
  case stored(Stored)
  case failed(AppendFailure)

  /// Of an append of one event.
  var receipt: Result<Receipt, AppendFailure> {
    switch self {
    case .stored(let stored): .success(stored.receipt(0))
    case .failed(let failure): .failure(failure)
    }
  }

  struct Stored: Sendable {
    let ledger: UInt64
    /// Sequence of its first event; the others follow.
    let first: UInt64
    let publishTime: UnixTime
    let durableAt: MonotonicTime
    let commit: TimeSpan

    /// Of the event at this place in the append.
    func receipt(_ offset: UInt64) -> Receipt {
      Receipt(
        id: MessageID(ledger: ledger, entry: first + offset), publishTime: publishTime,
        durableAt: durableAt, commit: commit)
    }
  }
}
