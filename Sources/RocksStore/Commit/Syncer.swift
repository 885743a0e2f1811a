import Bytes
private import Glibc
import Synchronization

/// The thread that makes written commits durable, so that the committer can write the next one
/// meanwhile: one sync for all that were written before it began, then their answers.
///
/// Under little load it only waits: the committer then syncs by itself, which saves the hand-over.
///
/// SAFETY: `@unchecked Sendable` because what varies is touched only between locking and unlocking
/// `mutex`, and `thread` by the committer thread alone; the three pthread objects live in memory of
/// their own from `init` to `deinit` and are never moved.
@safe final class Syncer: @unchecked Sendable {
  /// What the committer paces itself by.
  struct Finished {
    var sync: TimeSpan
    /// Events that were waiting or in a commit just before the answers.
    var inFlight: Int
  }

  /// So many commits may be written that no sync has begun for; the committer waits while there are
  /// as many. What they hold is bounded by the queue's limits anyway.
  static let lineLimit = 8

  private let database: Database
  private let acknowledger: Acknowledger
  private let queue: CommitQueue
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let arrived: UnsafeMutablePointer<pthread_cond_t>
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  private var thread: StoreThread?

  private var line: [CommitDraft] = []
  private var isSyncing = false
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
    thread = try StoreThread("syncer") { [self] in run() }
  }

  /// Makes durable what is in line, then ends the thread. Committer thread, once.
  func stop() {
    locked {
      isStopped = true
      unsafe pthread_cond_signal(arrived)
    }
    thread?.join()
  }

  /// Why the thread has ended, if a sync failed. What was in line has been answered.
  var failure: StoreFault? { locked { fault } }

  /// Takes over a commit that is written and not synced. Committer thread. Fails, and takes
  /// nothing, after a sync that failed.
  func push(_ draft: CommitDraft) throws(StoreFault) {
    let met = locked {
      if fault == nil {
        line.append(draft)
        if line.count == 1 { unsafe pthread_cond_signal(arrived) }
      }
      return fault
    }
    if let met { throw met }
  }

  /// Waits until the line has room, and tells whether nothing is in it or being synced, and what
  /// has been finished since the last call. Committer thread.
  func awaitRoom() throws(StoreFault) -> (isIdle: Bool, finished: Finished?) {
    try wait { line.count < Self.lineLimit }
    return locked {
      defer { finished = nil }
      return (line.isEmpty && !isSyncing, finished)
    }
  }

  /// Waits until everything is durable and answered. Committer thread, which may then use the
  /// acknowledger until its next `push`.
  func awaitIdle() throws(StoreFault) { try wait { line.isEmpty && !isSyncing } }

  /// An empty draft that served before.
  func spareDraft() -> CommitDraft? { locked { spare.popLast() } }

  /// Takes an empty draft back.
  func recycle(_ draft: CommitDraft) { locked { keep(draft) } }

  private func keep(_ draft: CommitDraft) {
    if spare.count < 2 * Self.lineLimit { spare.append(draft) }
  }

  /// The thread's life.
  private func run() {
    while let drafts = take() {
      let began = CommitQueue.now()
      var next = 0
      do throws(StoreFault) {
        try database.syncLog()
        let sync = CommitQueue.now() - began
        let inFlight = queue.waitingEvents.load(ordering: .relaxed)
        locked { finished = Finished(sync: sync, inFlight: inFlight) }
        while next < drafts.count {
          try acknowledger.acknowledge(drafts[next], sync: next == 0 ? sync : nil)
          next += 1
        }
        done(drafts)
      } catch {
        return fail(error, drafts[next...])
      }
    }
  }

  private func take() -> [CommitDraft]? {
    locked {
      while line.isEmpty {
        if isStopped { return nil }
        unsafe pthread_cond_wait(arrived, mutex)
      }
      defer { line = [] }
      isSyncing = true
      if committerWaits { unsafe pthread_cond_signal(moved) }
      return line
    }
  }

  private func done(_ drafts: [CommitDraft]) {
    locked {
      isSyncing = false
      for draft in drafts { keep(draft) }
      if committerWaits { unsafe pthread_cond_signal(moved) }
    }
  }

  private func fail(_ fault: StoreFault, _ drafts: ArraySlice<CommitDraft>) {
    let written = locked {
      self.fault = fault
      defer { line = [] }
      return line
    }
    for draft in drafts { draft.fail() }
    for draft in written { draft.fail() }
    // The committer waits for this one or for work; it tells the others.
    locked {
      isSyncing = false
      unsafe pthread_cond_signal(moved)
    }
    queue.stop()
  }

  private func wait(until holds: () -> Bool) throws(StoreFault) {
    let met = locked {
      committerWaits = true
      while fault == nil ? !holds() : isSyncing { unsafe pthread_cond_wait(moved, mutex) }
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
