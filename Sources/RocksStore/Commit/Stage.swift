import Bytes
import Topics

/// What one loop has to append: record bytes and who waits for them. Filled by one loop, handed to
/// the committer under the queue's lock, emptied by it and handed back.
///
/// SAFETY: `@unchecked Sendable` because it has one owner at a time; ownership passes under the
/// lock of `CommitQueue`.
final class Stage: @unchecked Sendable {
  /// One append: a run of records of one topic in `bytes`.
  ///
  /// SAFETY: the continuation is resumed once: by the commit that took the append, or by whoever
  /// refuses what no commit took.
  @safe struct Entry {
    let topic: TopicState
    let start: Int
    let byteCount: Int
    let events: Int
    /// The schema version of its first event.
    let version: UInt32
    /// Those of the others, where they differ.
    let otherVersions: [UInt32]
    let waiting: UnsafeContinuation<AppendOutcome, Never>
  }

  /// The way back to the loop that fills it.
  var post: LoopPost
  var bytes = ByteBuffer()
  private(set) var entries: [Entry] = []
  private(set) var events = 0
  /// What the commit being made has stored of it. Filled by the committer.
  var answers: [Answer] = []

  /// One append that is durable, on its way to whoever waits for it.
  ///
  /// SAFETY: the continuation of an `Entry`, resumed by `giveAnswers` alone.
  @safe struct Answer: Sendable {
    let waiting: UnsafeContinuation<AppendOutcome, Never>
    let stored: AppendOutcome.Stored
  }

  init(post: @escaping LoopPost) { self.post = post }

  var isEmpty: Bool { entries.isEmpty }
  var byteCount: Int { bytes.count }

  /// Writes one record behind those already there.
  func write(_ record: EncodedRecord) {
    let count = record.byteCount
    _ = unsafe bytes.appendUnsafe(room: count) { memory in
      var filler = unsafe ByteFiller(memory)
      record.write(into: &filler)
      return filler.count
    }
  }

  /// Closes an append whose records were written from `start` on.
  func close(
    topic: TopicState, start: Int, events: Int, version: UInt32, otherVersions: [UInt32] = [],
    waiting: UnsafeContinuation<AppendOutcome, Never>
  ) {
    unsafe entries.append(
      Entry(
        topic: topic, start: start, byteCount: bytes.count - start, events: events,
        version: version, otherVersions: otherVersions, waiting: waiting))
    self.events += events
  }

  /// Answers for up to all entries will be added: room for them at once.
  func expectAnswers() { answers.reserveCapacity(entries.count) }

  /// Sends the answers to the loop, which gives them out: its tasks then become ready without a
  /// lock, and all of them with one wake-up.
  func giveAnswers() {
    if answers.isEmpty { return }
    let given = answers
    answers = []
    post {
      for answer in given { unsafe answer.waiting.resume(returning: .stored(answer.stored)) }
    }
  }

  /// Forgets everything; keeps memory up to 1 MiB for the next turn.
  func reset() {
    bytes.reset(keeping: 1 << 20)
    entries.removeAll(keepingCapacity: true)
    events = 0
  }

  /// Answers everyone from the `index`-th on that their append failed.
  func fail(from index: Int = 0, _ failure: AppendFailure) {
    for entry in entries[index...] { unsafe entry.waiting.resume(returning: .failed(failure)) }
  }
}

/// What became of one append.
enum AppendOutcome: Sendable {
  case stored(Stored)
  case failed(AppendFailure)

  struct Stored: Sendable {
    /// Sequence of its first event; the others follow.
    let first: UInt64
    let publishTime: UnixTime
    let durableAt: MonotonicTime
    let commit: TimeSpan
  }
}
