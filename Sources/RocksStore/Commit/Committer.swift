import Bytes
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
  let observer: StoreObserver
  let acknowledger: Acknowledger
  /// What callers may still do; any thread reads it.
  let condition = Atomic<StoreCondition>(.open)
  /// Memory of the tail after the last commit; any thread reads it.
  let tailBytes = Atomic<Int>(0)

  private var backlog = Backlog()
  /// The commit being made.
  private var draft: CommitDraft
  /// Waiting mutations, oldest first.
  private var mutations: [Mutation] = []
  /// What takes back the changes in memory of the mutation that is tried out; nil in earnest.
  private var undos: [() -> Void]?
  /// Ack chunks put into this commit, so that a deletion can take them back.
  private var ackChunks: Set<AckChunkKey> = []
  /// The buckets, and what is done about them.
  var shelf: BucketShelf
  var sweep: RetentionSweep
  /// The next numbers of what belongs to no tenant.
  var counters: CountersKey.Value
  /// The tenant whose counters this commit changes.
  var changedTenant: (name: Name, tenant: Directory.Tenant)?
  private var pace: Pace
  /// The number of the last commit.
  private var commit: UInt64
  /// What lies in the other column families after it.
  private var extent: StoreExtent
  private var changesCatalogue = false
  /// Topics that this commit deletes.
  var deleted: [TopicState] = []
  /// Whether topics were deleted that the tails' budget may still hold.
  var hasDeleted = false
  private var nextSpaceCheck = MonotonicTime(nanoseconds: 0)
  private var thread: StoreThread?

  init(
    database: Database, catalogue: LoadedCatalogue, sideFile: consuming SideFile, commit: UInt64,
    extent: StoreExtent, _ configuration: StoreConfiguration
  ) {
    self.database = database
    directory = catalogue.directory
    shelf = catalogue.shelf
    counters = catalogue.counters
    sweep = RetentionSweep(configuration.clocks, dropped: catalogue.draining)
    self.commit = commit
    self.extent = extent
    space = SpaceWatch(StorePaths(configuration.path), configuration.limits)
    limits = configuration.limits
    clocks = configuration.clocks
    observer = configuration.observer
    queue = CommitQueue(limits: limits)
    draft = CommitDraft(limits: limits)
    pace = Pace(spacing: limits.commitSpacing, threshold: limits.spacingThreshold)
    acknowledger = Acknowledger(sideFile: sideFile, queue: queue, configuration)
  }

  /// Starts the thread. Once.
  func start() throws(StoreFault) {
    thread = try StoreThread("committer") { [self] in run() }
  }

  /// Commits what is queued, then ends the thread. Blocks; called once.
  func stop() {
    condition.store(.closing, ordering: .relaxed)
    queue.stop()
    thread?.join()
  }

  /// The thread's life.
  private func run() {
    var clock = SyncClock()
    do throws(StoreFault) {
      while let inbox = queue.take(
        backlog: !backlog.isEmpty || !mutations.isEmpty, notBefore: pace.notBefore,
        crowd: pace.crowd, quorum: pace.quorum, wakeAt: min(nextSpaceCheck, sweep.nextStep))
      {
        take(inbox)
        checkSpace()
        try keepHouse()
        try commit(inbox.retentions, &clock)
      }
      try acknowledger.close()
    } catch {
      fail(error)
    }
  }

  /// Takes over what has come. Before anything that can fail: whoever waits for it is then told.
  private func take(_ inbox: CommitQueue.Inbox) {
    backlog.add(inbox.stages)
    draft.changes += inbox.changes
    mutations += inbox.mutations
  }

  private func commit(
    _ retentions: [Name: Retention]?, _ clock: inout SyncClock
  ) throws(StoreFault) {
    draft.started = CommitQueue.now()
    pace.commitStarted(at: draft.started)
    let refused = draft.gather(from: &backlog)
    if refused.events > 0 { queue.lower(refused.events, refused.bytes) }
    // Before what still waits: a look at the topics that was due under the earlier word must not
    // let events go that came after it.
    if let retentions { keep(retentions) }
    // Changes first: a deletion in the same commit then deletes what they wrote.
    for change in draft.changes { write(change) }
    let before = draft.batch.count
    writeMutations()
    if let fault = sweep.fault { throw fault }
    for group in draft.groups where !isBeingDeleted(group.topic) { try roll(group.topic) }
    changesCatalogue = draft.batch.count > before
    draft.clock = clocks.wall()
    draft.writeChunks(at: draft.clock)
    for group in draft.groups where !isBeingDeleted(group.topic) {
      if writeLateUses(of: group.topic) { changesCatalogue = true }
    }
    draft.closeGroups()
    var sync: TimeSpan?
    if draft.batch.count > 0 {
      commit += 1
      putWatermark()
      clock.start()
      try database.write(draft.batch)
      let took = clock.elapsed()
      pace.synced(in: took)
      sync = took
    }
    draft.number = commit
    tailBytes.store(draft.tailBytes, ordering: .relaxed)
    pace.answering(draft.events, inFlight: queue.waitingEvents.load(ordering: .relaxed))
    try acknowledger.acknowledge(draft, sync: sync)
    ackChunks.removeAll(keepingCapacity: true)
    changedTenant = nil
  }

  private func isBeingDeleted(_ topic: TopicState) -> Bool {
    deleted.contains { $0 === topic }
  }

  /// A write failed: nobody knows what of it survives. Nothing is written on this open any more.
  private func fail(_ fault: StoreFault) {
    condition.store(.failed, ordering: .relaxed)
    queue.stop()
    draft.fail()
    backlog.fail(.closing)
    for mutation in mutations { mutation.fail(.closing) }
    while let rest = queue.take(
      backlog: false, notBefore: MonotonicTime(nanoseconds: 0), crowd: 0, quorum: 0,
      wakeAt: .distantFuture)
    {
      for stage in rest.stages { stage.fail(.closing) }
      for mutation in rest.mutations { mutation.fail(.closing) }
      for change in rest.changes { change.settle(.failure(.closing)) }
    }
    observer.failed(fault)
  }

  /// The first look, before `start`. Appends that were stopped stay so over a restart, until there
  /// is as much space as would have let them go on: what the ballast gave is not for events.
  func beginSpaceChecks() {
    if space.wereAppendsStopped, space.look(wasFull: true) == true {
      move(from: .open, to: .storageFull)
      observer.storageFull(space.facts(isFull: true))
    }
    checkSpace()
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
      observer.storageFull(space.facts(isFull: true))
    case .storageFull where space.look(wasFull: true) == false:
      move(from: .storageFull, to: .open)
      observer.storageFull(space.facts(isFull: false))
    default: break
    }
  }

  /// Whether there is space for a bucket, whose making may be what ends a shortage: where its
  /// manifest finds none, RocksDB writes no more.
  var hasRoomForBucket: Bool {
    condition.load(ordering: .relaxed) != .storageFull
      || space.facts(isFull: true).free >= RetentionLimits.bucketRoom
  }
}

/// What a mutation may do while its commit is being made. Committer thread only.
extension Committer {
  /// Runs waiting mutations up to and including the first one that writes: the next one then sees
  /// what that one published.
  private func writeMutations() {
    let before = draft.batch.count
    while draft.batch.count == before, !mutations.isEmpty {
      let mutation = mutations.removeFirst()
      draft.applied.append(mutation)
      mutation.apply(self)
    }
  }

  /// A change of the store's own, which nobody waits for.
  func add(_ apply: @escaping @Sendable (Committer) -> Void) {
    mutations.append(Mutation(apply: apply, fail: { _ in }))
  }

  /// The commit's number and what must be found beside it. After the chunks, which count topics on.
  private func putWatermark() {
    extent.events += UInt64(draft.events)
    for topic in deleted { extent.events -= topic.next }
    deleted.removeAll()
    if changesCatalogue {
      extent.catalogue = commit
      put(RevisionKey(), LongNumberValue(commit))
    }
    put(WatermarkKey(), WatermarkKey.Value(commit: commit, clock: draft.clock, extent: extent))
  }

  func put<Key: StoredKey>(_ key: Key, _ value: Key.Value) {
    draft.batch.put(key, value, in: database)
  }

  func delete<Key: StoredKey>(_ key: Key) { draft.batch.delete(key, in: database) }

  /// Runs the body of a mutation and takes back everything it wrote and left to be done: what is
  /// left is its answer.
  func tryOut<Result>(
    _ body: () throws(CatalogueFailure) -> Result
  ) throws(CatalogueFailure) -> Result {
    let before = (
      effects: draft.effects.count, deleted: deleted.count, tenant: changedTenant, acks: ackChunks,
      counters: counters
    )
    draft.batch.setSavePoint()
    undos = []
    let outcome: Swift.Result<Result, CatalogueFailure>
    do throws(CatalogueFailure) {
      outcome = .success(try body())
    } catch {
      outcome = .failure(error)
    }
    try reading { () throws(StoreFault) in try draft.batch.rollBack() }
    for undo in undos ?? [] { undo() }
    undos = nil
    draft.effects.removeLast(draft.effects.count - before.effects)
    deleted.removeLast(deleted.count - before.deleted)
    changedTenant = before.tenant
    ackChunks = before.acks
    counters = before.counters
    return try outcome.get()
  }

  /// Before a mutation changes which versions a topic's events name: they change before the commit,
  /// since events of the same commit count.
  func takingBack(usesOf topic: TopicState) {
    let uses = topic.uses
    undos?.append { topic.uses = uses }
  }

  /// Runs on this thread once the commit is durable; never when it fails.
  func afterCommit(_ effect: @escaping () -> Void) { draft.effects.append(effect) }

  /// Puts a subscription's progress into the commit, or answers that there is no such subscription.
  private func write(_ staged: StagedChange) {
    let change = staged.change
    guard staged.subscription.isSeen,
      let topic = directory.topic(TopicPath(staged.subscription.topic)),
      change.markDelete.ledger == topic.ledger,
      topic.facts.withLock({ $0.subscriptions[staged.subscription.name]?.number })
        == staged.subscription.number
    else {
      staged.settle(.failure(.unknownSubscription))
      return
    }
    let subscription = UInt32(truncatingIfNeeded: staged.subscription.number)
    let cursor = CursorKey(topic: topic.number, subscription: subscription)
    if change.replacesAll { voidAckChunks(of: cursor) }
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

  /// The lowest position that this commit gives to a subscription of a topic.
  func lowestPosition(stagedFor topic: TopicState) -> UInt64? {
    draft.changes.lazy.filter { topic.path.isPath(of: $0.subscription.topic) }
      .map(\.change.markDelete.next).min()
  }

  /// Deletes all ack chunks of a subscription, stored ones and those of this commit.
  func voidAckChunks(of cursor: CursorKey) {
    voidAckChunks(prefix: cursor.fields) {
      $0.topic == cursor.topic && $0.subscription == cursor.subscription
    }
  }

  /// The same of all subscriptions of a topic.
  func voidAckChunks(of topic: TopicNumber) {
    voidAckChunks(prefix: topic.bytes) { $0.topic == topic }
  }

  /// One by one, or, where they cannot be read or are many, as a range. What a seek makes void must
  /// not keep it from being stored, since more may be staged behind it. Not always a range: RocksDB
  /// 7.8 sorts all of a memory table's anew after each new one, and beside them can lose sight of a
  /// block that cannot be read (mended in 8.7).
  private func voidAckChunks(prefix: [UInt8], _ isVoid: (AckChunkKey) -> Bool) {
    // What is tried out is taken back: its answer does not depend on what would be deleted.
    if undos != nil { return }
    #if MUTANTS
      if Mutant.chunksKept.isOn { return }
    #endif
    let most = VoidingLimits.keys
    var keys = ackChunks.filter(isVoid)
    do throws(StoreFault) {
      try database.scanKeys(AckChunkKey.self, prefix: prefix, limit: most + 1) { key in
        keys.insert(key)
      }
      if keys.count <= most {
        for key in keys { delete(key) }
        return
      }
    } catch {
      // Unread, then.
    }
    draft.batch.deleteAll(AckChunkKey.self, prefix: prefix, in: database)
  }
}

/// Bounds of how rows are deleted (docs/limits.md).
enum VoidingLimits {
  /// Keys of acknowledgements that one seek or deletion looks for and deletes one by one.
  static let keys = 1024
}
