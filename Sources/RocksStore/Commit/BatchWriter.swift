import Bytes
private import Glibc
import Synchronization

/// The thread that writes commits, each with one sync, and answers them, so that the committer can
/// make the next one meanwhile. There is never more than one commit that is written and not synced.
///
/// Under little load it only waits: the committer then writes by itself, which saves the hand-over.
///
/// SAFETY: `@unchecked Sendable` because what varies is touched only between locking and unlocking
/// `mutex`, and `thread` by the committer thread alone; the three pthread objects live in memory of
/// their own from `init` to `deinit` and are never moved.
@safe final class BatchWriter: @unchecked Sendable {
  /// What the committer paces itself by.
  struct Finished {
    var sync: TimeSpan
    /// Events that were waiting or in a commit just before the answers.
    var inFlight: Int
  }

  private let database: Database
  private let acknowledger: Acknowledger
  private let queue: CommitQueue
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let arrived: UnsafeMutablePointer<pthread_cond_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var thread: StoreThread?

  /// A commit that is made and waits.
  private var next: CommitDraft?
  private var isWriting = false
  private var isStopped = false
  private var committerWaits = false
  private var spare: [CommitDraft] = []
  private var finished: Finished?
  private var fault: StoreFault?

  init(database: Database, acknowledger: Acknowledger, queue: CommitQueue) {
    self.database = database
    self.acknowledger = acknowledger
    self.queue = queue
    unsafe mutex = .allocate(capacity: 1)
    unsafe arrived = .allocate(capacity: 1)
    unsafe moved = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    unsafe pthread_cond_init(arrived, nil)
    unsafe pthread_cond_init(moved, nil)
  }

  deinit {
    unsafe pthread_cond_destroy(moved)
    unsafe pthread_cond_destroy(arrived)
    unsafe pthread_mutex_destroy(mutex)
    unsafe moved.deallocate()
    unsafe arrived.deallocate()
    unsafe mutex.deallocate()
  }

  /// Starts the thread. Once.
  func start() throws(StoreFault) {
    thread = try StoreThread("writer") { [self] in run() }
  }

  /// Writes what waits, then ends the thread. Committer thread; a second call does nothing.
  func stop() {
    locked {
      isStopped = true
      unsafe pthread_cond_signal(arrived)
    }
    thread?.join()
    thread = nil
  }

  /// Why the thread has ended, if a write failed. What it had taken has been answered.
  var failure: StoreFault? { locked { fault } }

  /// Takes over a commit that is made; there is room for it. Committer thread. Fails, and takes
  /// nothing, after a write that failed.
  func push(_ draft: CommitDraft) throws(StoreFault) {
    let met = locked {
      if fault == nil {
        next = draft
        unsafe pthread_cond_signal(arrived)
      }
      return fault
    }
    if let met { throw met }
  }

  /// Waits until a commit may be pushed, and tells whether none is being written, and what has been
  /// finished since the last call. Committer thread.
  func awaitRoom() throws(StoreFault) -> (isIdle: Bool, finished: Finished?) {
    try wait { next == nil }
    return locked {
      defer { finished = nil }
      return (!isWriting, finished)
    }
  }

  /// Waits until everything is durable and answered. Committer thread, which may then write and use
  /// the acknowledger until its next `push`.
  func awaitIdle() throws(StoreFault) { try wait { next == nil && !isWriting } }

  /// An empty draft that served before.
  func spareDraft() -> CommitDraft? { locked { spare.popLast() } }

  /// Writes a commit and returns once it is durable; tells how long log and sync took, nil where
  /// there was nothing to write. This thread, or the committer's while this one is idle.
  func write(_ draft: CommitDraft, _ clock: inout SyncClock) throws(StoreFault) -> TimeSpan? {
    guard draft.batch.count > 0 else { return nil }
    clock.start()
    try database.write(draft.batch)
    return clock.elapsed()
  }

  /// The thread's life.
  private func run() {
    var clock = SyncClock()
    while let draft = take() {
      do throws(StoreFault) {
        let sync = try write(draft, &clock)
        let inFlight = queue.waitingEvents.load(ordering: .relaxed)
        if let sync { locked { finished = Finished(sync: sync, inFlight: inFlight) } }
        try acknowledger.acknowledge(draft, sync: sync)
      } catch {
        return fail(error, draft)
      }
      locked {
        isWriting = false
        // Two are at work, one waits.
        if spare.count < 3 { spare.append(draft) }
        if committerWaits { unsafe pthread_cond_signal(moved) }
      }
    }
  }

  private func take() -> CommitDraft? {
    locked {
      while next == nil {
        if isStopped { return nil }
        unsafe pthread_cond_wait(arrived, mutex)
      }
      defer { next = nil }
      isWriting = true
      if committerWaits { unsafe pthread_cond_signal(moved) }
      return next
    }
  }

  private func fail(_ fault: StoreFault, _ draft: CommitDraft) {
    let waiting = locked {
      self.fault = fault
      defer { next = nil }
      return next
    }
    draft.fail()
    waiting?.fail()
    // The committer waits for this one or for work; it tells the others.
    locked {
      isWriting = false
      unsafe pthread_cond_signal(moved)
    }
    queue.stop()
  }

  private func wait(until holds: () -> Bool) throws(StoreFault) {
    let met = locked {
      committerWaits = true
      while fault == nil ? !holds() : isWriting { unsafe pthread_cond_wait(moved, mutex) }
      committerWaits = false
      return fault
    }
    if let met { throw met }
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }
}
