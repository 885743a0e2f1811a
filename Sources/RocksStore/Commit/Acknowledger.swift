import Bytes
import Synchronization
import Topics

/// What follows a commit's sync: the note in the side file, then what readers see, then the
/// answers. Committer thread only.
final class Acknowledger {
  private var sideFile: SideFile
  private var budget: TailBudget
  private let queue: CommitQueue
  private let clocks: Clocks
  private let committed: @Sendable (CommitFacts) -> Void

  init(
    sideFile: consuming SideFile, queue: CommitQueue, _ configuration: StoreConfiguration
  ) {
    self.sideFile = sideFile
    self.queue = queue
    budget = TailBudget(limit: configuration.limits.tailBytes)
    clocks = configuration.clocks
    committed = configuration.observer.committed
  }

  /// Makes the side file durable; the last thing of an orderly end.
  func close() throws(StoreFault) { try sideFile.sync() }

  /// Lets go of topics that were deleted.
  func forgetDeleted() { budget.forgetDeleted() }

  /// A commit is durable. Fails before anything was shown or answered.
  ///
  /// - Parameter sync: how long log and sync took; nil where there was nothing to write.
  func acknowledge(_ draft: CommitDraft, sync: TimeSpan?) throws(StoreFault) {
    if sync != nil { try sideFile.write(commit: draft.number, clock: draft.clock.nanoseconds) }
    let durableAt = clocks.monotonic()
    let took = CommitQueue.now() - draft.started
    for written in draft.chunks {
      let chunk = written.chunk
      let bytes = chunk.bytesBefore + UInt64(chunk.records.count)
      written.topic.tail.withLock {
        $0.push(Tail.Entry(last: written.last, chunk: chunk, durableAt: durableAt), bytes: bytes)
      }
      budget.add(
        written.topic,
        bytes: ChunkHeader.byteCount + chunk.records.count + TailBudget.overhead)
    }
    for written in draft.chunks { written.topic.growth.advance(to: written.last + 1) }
    for effect in draft.effects { effect() }
    for change in draft.changes { change.settle(.success(())) }
    queue.lower(draft.events, draft.bytes)
    draft.giveAnswers(durableAt: durableAt, took: took)
    if let sync {
      committed(
        CommitFacts(
          number: draft.number, events: draft.events, chunks: draft.chunks.count,
          bytes: draft.bytes, duration: took, sync: sync,
          queued: queue.waitingEvents.load(ordering: .relaxed)))
    }
    queue.recycle(draft.finish())
  }
}
