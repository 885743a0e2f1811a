import Bytes
private import CRocksDB
private import Glibc
import Synchronization
import Tenancy
import Topics

/// The one thread that writes: it takes everything that arrived while its last commit ran, writes
/// one batch with one sync, and answers.
///
/// SAFETY: `@unchecked Sendable` because every unprotected variable is touched by the committer
/// thread only (before `start`, by the opening thread), except `thread`, which the closing thread
/// reads after `start` has set it.
@safe final class Committer: @unchecked Sendable {
  let database: Database
  let directory: Directory
  let queue: CommitQueue
  let limits: StoreLimits
  let clocks: Clocks
  private let space: SpaceWatch
  private let observer: StoreObserver
  /// What callers may still do; any thread reads it.
  let condition = Atomic<StoreCondition>(.open)

  private var sideFile: SideFile
  private var batch = WriteBatch()
  private var draft: CommitDraft
  /// Waiting mutations, oldest first.
  private var mutations: [Mutation] = []
  /// Those that ran for the commit being made.
  private var applied: [Mutation] = []
  private var changes: [StagedChange] = []
  private var effects: [() -> Void] = []
  /// What takes back the changes in memory of the mutation that is tried out; nil in earnest.
  private var undos: [() -> Void]?
  /// Ack chunks put into this commit, so that a deletion can take them back.
  private var ackChunks: Set<AckChunkKey> = []
  /// The tenant whose counters this commit changes.
  var changedTenant: (name: Name, tenant: Directory.Tenant)?
  private var budget: TailBudget
  private var pace: Pace
  /// The number of the last commit.
  private var commit: UInt64
  /// What lies in the other column families after it.
  private var extent: StoreExtent
  private var changesCatalogue = false
  /// Topics that this commit deletes.
  var deleted: [TopicState] = []
  private var nextSpaceCheck = MonotonicTime(nanoseconds: 0)
  private var thread = pthread_t()

  init(
    database: Database, directory: Directory, sideFile: consuming SideFile, commit: UInt64,
    extent: StoreExtent, _ configuration: StoreConfiguration
  ) {
    self.database = database
    self.directory = directory
    self.sideFile = sideFile
    self.commit = commit
    self.extent = extent
    space = SpaceWatch(StorePaths(configuration.path), configuration.limits)
    limits = configuration.limits
    clocks = configuration.clocks
    observer = configuration.observer
    queue = CommitQueue(limits: limits)
    draft = CommitDraft(limits: limits)
    budget = TailBudget(limit: limits.tailBytes)
    pace = Pace(spacing: limits.commitSpacing, threshold: limits.spacingThreshold)
  }

  /// Starts the thread. Once.
  func start() throws(StoreFault) {
    let retained = unsafe Unmanaged.passRetained(self)
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        // SAFETY: the argument is the reference retained above, released here once.
        if let argument = unsafe argument {
          unsafe crocksdb_name_thread("committer")
          unsafe Unmanaged<Committer>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, retained.toOpaque())
    guard code == 0 else {
      unsafe retained.release()
      throw .engine("pthread_create: error \(code)")
    }
  }

  /// Commits what is queued, then ends the thread. Blocks; called once.
  func stop() {
    condition.store(.closing, ordering: .relaxed)
    queue.stop()
    pthread_join(thread, nil)
  }

  /// The thread's life.
  private func run() {
    var clock = SyncClock()
    while let inbox = queue.take(
      backlog: draft.hasBacklog || !mutations.isEmpty, notBefore: pace.notBefore,
      quorum: pace.quorum, wakeAt: nextSpaceCheck)
    {
      checkSpace()
      do throws(StoreFault) {
        try commit(inbox, &clock)
      } catch {
        return fail(error)
      }
    }
    do throws(StoreFault) { try sideFile.sync() } catch { observer.failed(error) }
  }

  private func commit(_ inbox: CommitQueue.Inbox, _ clock: inout SyncClock) throws(StoreFault) {
    let started = CommitQueue.now()
    pace.commitStarted(at: started)
    let refused = draft.gather(inbox.stages)
    changes += inbox.changes
    mutations += inbox.mutations
    // Changes first: a deletion in the same commit then deletes what they wrote.
    for change in changes { try write(change) }
    writeMutations()
    let now = clocks.wall()
    draft.writeChunks(into: &batch, at: now)
    for group in draft.groups { writeLateUses(of: group.topic) }
    if batch.count > 0 {
      commit += 1
      putWatermark(at: now)
      clock.start()
      try database.write(batch)
      let sync = clock.elapsed()
      pace.synced(in: sync)
      try sideFile.write(commit: commit, clock: now.nanoseconds)
      publish(started, sync)
    } else {
      publish(started, nil)
    }
    if refused.events > 0 { lowerQueue(refused.events, refused.bytes) }
    batch.clear()
    ackChunks.removeAll(keepingCapacity: true)
    changedTenant = nil
    applied.removeAll(keepingCapacity: true)
    queue.recycle(draft.finish())
  }

  /// Everything is durable: shows it to readers, then answers.
  private func publish(_ started: MonotonicTime, _ sync: TimeSpan?) {
    let durableAt = clocks.monotonic()
    let duration = CommitQueue.now() - started
    for written in draft.chunks {
      let chunk = draft.chunk(written)
      let bytes = written.bytesBefore + UInt64(chunk.records.count)
      written.topic.tail.withLock {
        $0.push(Tail.Entry(last: written.last, chunk: chunk, durableAt: durableAt), bytes: bytes)
      }
      budget.add(written.topic, bytes: written.range.count + TailBudget.overhead)
    }
    for written in draft.chunks { written.topic.growth.advance(to: written.last + 1) }
    for effect in effects { effect() }
    effects.removeAll(keepingCapacity: true)
    for change in changes { change.settle(.success(())) }
    changes.removeAll(keepingCapacity: true)
    pace.answering(inFlight: queue.waitingEvents.load(ordering: .relaxed))
    lowerQueue(draft.events, draft.bytes)
    for group in draft.groups {
      var first = group.first
      var next = group.head
      while next >= 0 {
        let entry = draft.entry(next)
        let stored = AppendOutcome.Stored(
          first: first, publishTime: group.publishTime, durableAt: durableAt, commit: duration)
        unsafe draft.stages[draft.taken[next].stage].answers.append(
          Stage.Answer(waiting: entry.waiting, stored: stored))
        first += UInt64(entry.events)
        next = draft.taken[next].next
      }
    }
    for stage in draft.stages { stage.giveAnswers() }
    guard let sync else { return }
    observer.committed(
      CommitFacts(
        number: commit, events: draft.events, chunks: draft.chunks.count, bytes: draft.bytes,
        duration: duration, sync: sync,
        queued: queue.waitingEvents.load(ordering: .relaxed)))
  }

  private func lowerQueue(_ events: Int, _ bytes: Int) {
    queue.waitingEvents.subtract(events, ordering: .relaxed)
    queue.waitingBytes.subtract(bytes, ordering: .relaxed)
  }

  /// A write failed: nobody knows what of it survives. Nothing is written on this open any more.
  private func fail(_ fault: StoreFault) {
    condition.store(.failed, ordering: .relaxed)
    queue.stop()
    for group in draft.groups {
      var next = group.head
      while next >= 0 {
        unsafe draft.entry(next).waiting.resume(returning: .failed(.outcomeUnknown))
        next = draft.taken[next].next
      }
    }
    draft.failBacklog(.closing)
    for change in changes { change.settle(.failure(.outcomeUnknown)) }
    for mutation in applied { mutation.fail(.outcomeUnknown) }
    for mutation in mutations { mutation.fail(.closing) }
    while let rest = queue.take(
      backlog: false, notBefore: pace.notBefore, quorum: 0, wakeAt: .distantFuture)
    {
      for stage in rest.stages { stage.fail(.closing) }
      for mutation in rest.mutations { mutation.fail(.closing) }
      for change in rest.changes { change.settle(.failure(.closing)) }
    }
    observer.failed(fault)
  }

  /// Stops appends at the low mark and takes them in again above it. By the opening thread before
  /// the committer's starts, then by that.
  func checkSpace() {
    let now = CommitQueue.now()
    guard now >= nextSpaceCheck else { return }
    nextSpaceCheck = now + limits.spaceCheckEvery
    switch condition.load(ordering: .relaxed) {
    case .open where space.look(wasFull: false) == true:
      move(from: .open, to: .storageFull)
      observer.storageFull(true)
    case .storageFull where space.look(wasFull: true) == false:
      move(from: .storageFull, to: .open)
      observer.storageFull(false)
    default: break
    }
  }
}

/// What a mutation may do while its commit is being made. Committer thread only.
extension Committer {
  /// Runs waiting mutations up to and including the first one that writes: the next one then sees
  /// what that one published.
  private func writeMutations() {
    let before = batch.count
    while batch.count == before, !mutations.isEmpty {
      let mutation = mutations.removeFirst()
      applied.append(mutation)
      mutation.apply(self)
    }
    changesCatalogue = batch.count > before
  }

  /// The commit's number and what must be found beside it. After the chunks, which count topics on.
  private func putWatermark(at now: UnixTime) {
    extent.events += UInt64(draft.events)
    for topic in deleted { extent.events -= topic.next }
    deleted.removeAll()
    if changesCatalogue {
      extent.catalogue = commit
      put(RevisionKey(), LongNumberValue(commit))
    }
    put(WatermarkKey(), WatermarkKey.Value(commit: commit, clock: now, extent: extent))
  }

  func put<Key: StoredKey>(_ key: Key, _ value: Key.Value) { batch.put(key, value, in: database) }

  func delete<Key: StoredKey>(_ key: Key) { batch.delete(key, in: database) }

  /// Runs the body of a mutation and takes back everything it wrote and left to be done: what is
  /// left is its answer.
  func tryOut<Result>(
    _ body: () throws(CatalogueFailure) -> Result
  ) throws(CatalogueFailure) -> Result {
    let before = (
      effects: effects.count, deleted: deleted.count, tenant: changedTenant, acks: ackChunks
    )
    batch.setSavePoint()
    undos = []
    let outcome: Swift.Result<Result, CatalogueFailure>
    do throws(CatalogueFailure) {
      outcome = .success(try body())
    } catch {
      outcome = .failure(error)
    }
    try reading { () throws(StoreFault) in try batch.rollBack() }
    for undo in undos ?? [] { undo() }
    undos = nil
    effects.removeLast(effects.count - before.effects)
    deleted.removeLast(deleted.count - before.deleted)
    changedTenant = before.tenant
    ackChunks = before.acks
    return try outcome.get()
  }

  /// Before a mutation changes which versions a topic's events name: they change before the commit,
  /// since events of the same commit count.
  func takingBack(usesOf topic: TopicState) {
    let uses = topic.uses
    undos?.append { topic.uses = uses }
  }

  /// Runs on this thread once the commit is durable; never when it fails.
  func afterCommit(_ effect: @escaping () -> Void) { effects.append(effect) }

  /// Puts a subscription's progress into the commit, or answers that there is no such subscription.
  private func write(_ staged: StagedChange) throws(StoreFault) {
    let change = staged.change
    guard let topic = directory.topic(TopicPath(staged.subscription.topic)),
      change.markDelete.ledger == topic.ledger,
      topic.facts.withLock({ $0.subscriptions[staged.subscription.name]?.number })
        == staged.subscription.number
    else {
      staged.settle(.failure(.unknownSubscription))
      return
    }
    let subscription = UInt32(truncatingIfNeeded: staged.subscription.number)
    let cursor = CursorKey(topic: topic.number, subscription: subscription)
    if change.replacesAll { try deleteAckChunks(of: cursor) }
    put(
      cursor,
      CursorKey.Value(ledger: topic.ledger, next: change.markDelete.next, epoch: change.epoch))
    for (index, acks) in change.chunks {
      let key = AckChunkKey(topic: topic.number, subscription: subscription, chunk: index)
      if let acks {
        put(key, AckChunkKey.Value(acks))
        ackChunks.insert(key)
      } else {
        delete(key)
      }
    }
  }

  /// Deletes all ack chunks of a subscription, stored ones and those of this commit.
  func deleteAckChunks(of cursor: CursorKey) throws(StoreFault) {
    try database.scan(AckChunkKey.self, prefix: cursor.fields) { key, _ in delete(key) }
    for key in ackChunks where key.topic == cursor.topic && key.subscription == cursor.subscription
    {
      delete(key)
    }
  }
}
