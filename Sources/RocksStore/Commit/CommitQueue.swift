import Bytes
private import Glibc
import Synchronization
import Tenancy
import Topics

/// What waits for the committer. Loops push whole stages, anyone pushes mutations and changes; the
/// one committer thread takes.
///
/// SAFETY: `@unchecked Sendable` because `inbox`, `sleep` and `spare` are touched only between
/// locking and unlocking `mutex`; the two pthread objects live in memory of their own from `init`
/// to `deinit` and are never moved.
@safe final class CommitQueue: @unchecked Sendable {
  /// What the committer takes at once.
  struct Inbox {
    var stages: [Stage] = []
    var mutations: [Mutation] = []
    /// What tenants say of retention from this commit on, where that has changed.
    var retentions: [Name: Retention]?
    /// One per subscription, however many are staged: bounded by subscriptions, not by requests.
    private(set) var changes: [StagedChange] = []
    /// Whether somebody waits for one of the changes.
    private(set) var isUrgent = false
    private var places: [Place: Int] = [:]

    /// Whose changes become one. A topic made anew gives its numbers anew: what is late for a
    /// subscription of the one before must neither end in its successor's nor take that along.
    private struct Place: Hashable {
      let subscription: SubscriptionReference
      let ledger: UInt64
    }

    mutating func add(_ change: StagedChange) {
      isUrgent = isUrgent || change.isAwaited
      let place = Place(subscription: change.subscription, ledger: change.change.markDelete.ledger)
      if let index = places[place] {
        changes[index].merge(change)
      } else {
        places[place] = changes.count
        changes.append(change)
      }
    }

    var isEmpty: Bool {
      stages.isEmpty && mutations.isEmpty && changes.isEmpty && retentions == nil
    }
  }

  private enum Sleep { case awake, idle, pacing }

  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let arrived: UnsafeMutablePointer<pthread_cond_t>
  private var inbox = Inbox()
  private var sleep = Sleep.awake
  /// While the committer paces itself: so many waiting events end the pause.
  private var quorum = 0
  private var isStopped = false
  private var spare: [Stage] = []
  /// Appends staged or waiting, in events and in record bytes. Raised by loops, lowered by whoever
  /// answers.
  let waitingEvents = Atomic<Int>(0)
  let waitingBytes = Atomic<Int>(0)
  /// Events that found no room.
  let refusedEvents = Atomic<Int>(0)
  private let limits: StoreLimits

  init(limits: StoreLimits) {
    self.limits = limits
    unsafe mutex = .allocate(capacity: 1)
    unsafe arrived = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(arrived, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(arrived)
    unsafe pthread_mutex_destroy(mutex)
    unsafe arrived.deallocate()
    unsafe mutex.deallocate()
  }

  /// Takes a loop's stage and gives it an empty one; nil, and nothing taken, once stopped.
  func exchange(_ stage: Stage) -> Stage? {
    handOver { () -> (Stage?, mustWake: Bool) in
      guard !isStopped else { return (nil, false) }
      inbox.stages.append(stage)
      let fresh = spare.popLast()
      fresh?.post = stage.post
      return (fresh ?? Stage(post: stage.post), isAwaited)
    }
  }

  /// False, and nothing taken, once stopped.
  func push(_ mutation: Mutation) -> Bool {
    handOver {
      guard !isStopped else { return (false, mustWake: false) }
      inbox.mutations.append(mutation)
      return (true, isAwaited)
    }
  }

  /// False, and nothing taken, once stopped.
  func push(_ change: StagedChange) -> Bool {
    handOver {
      guard !isStopped else { return (false, mustWake: false) }
      let first = inbox.isEmpty
      inbox.add(change)
      return (true, mustWake: (first || inbox.isUrgent) && isAwaited)
    }
  }

  /// What tenants say of retention, for every commit from now on: the last word counts.
  func push(_ retentions: [Name: Retention]) {
    handOver {
      inbox.retentions = retentions
      return ((), mustWake: isAwaited)
    }
  }

  /// Nothing is taken in any more. The committer still gets what is there.
  func stop() {
    locked {
      isStopped = true
      unsafe pthread_cond_signal(arrived)
    }
  }

  /// So much is answered, or about to be.
  func lower(_ events: Int, _ bytes: Int) {
    waitingEvents.subtract(events, ordering: .relaxed)
    waitingBytes.subtract(bytes, ordering: .relaxed)
  }

  /// Gives emptied stages back to the loops.
  func recycle(_ stages: [Stage]) {
    locked { if spare.count < 64 { spare.append(contentsOf: stages) } }
  }

  /// The committer waits here for work. Nil when stopped and empty.
  ///
  /// - Parameters:
  ///   - backlog: whether the committer still holds work from the last time.
  ///   - notBefore: where as many as `crowd` events wait, the next commit starts no earlier…
  ///   - quorum: … unless this many wait.
  ///   - wakeAt: returns empty at this time, for the committer's own housekeeping.
  func take(
    backlog: Bool, notBefore: MonotonicTime, crowd: Int, quorum: Int, wakeAt: MonotonicTime
  ) -> Inbox? {
    locked {
      self.quorum = quorum
      var lazyUntil: MonotonicTime?
      while true {
        let now = Self.now()
        if inbox.isEmpty, !backlog {
          if isStopped { return nil }
          if now >= wakeAt { return Inbox() }
          wait(.idle, until: wakeAt)
        } else if isStopped {
          break
        } else if inbox.stages.isEmpty, inbox.mutations.isEmpty, !backlog,
          !inbox.isUrgent
        {
          let until = lazyUntil ?? now + limits.lazyChangeDelay
          lazyUntil = until
          if now >= until { break }
          wait(.idle, until: until)
        } else if now < notBefore, inbox.mutations.isEmpty,
          waitingEvents.load(ordering: .relaxed) >= crowd, !isEnough
        {
          wait(.pacing, until: notBefore)
        } else {
          break
        }
      }
      defer { inbox = Inbox() }
      return inbox
    }
  }

  /// Whether what waits is worth a commit whatever the time.
  private var isEnough: Bool {
    waitingEvents.load(ordering: .relaxed) >= min(quorum, limits.commitEvents)
      || waitingBytes.load(ordering: .relaxed) >= limits.commitBytes
  }

  /// Whether the committer waits for what is there now.
  private var isAwaited: Bool {
    switch sleep {
    case .awake: false
    case .idle: true
    case .pacing: isEnough || !inbox.mutations.isEmpty
    }
  }

  /// Puts something in under the lock, and wakes the committer when it is free again: it would wait
  /// for it at once.
  private func handOver<Result>(_ body: () -> (Result, mustWake: Bool)) -> Result {
    let (result, mustWake) = locked(body)
    if mustWake { unsafe pthread_cond_signal(arrived) }
    return result
  }

  private func wait(_ kind: Sleep, until: MonotonicTime) {
    sleep = kind
    var deadline = timespec(
      tv_sec: Int(until.nanoseconds / 1_000_000_000),
      tv_nsec: Int(until.nanoseconds % 1_000_000_000))
    _ = unsafe pthread_cond_timedwait(arrived, mutex, &deadline)
    sleep = .awake
  }

  private func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body()
  }

  /// The clock that deadlines of a wait are measured by; not the injected one, which may stand
  /// still.
  static func now() -> MonotonicTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

/// A change of the catalogue: runs on the committer thread between two commits' appends.
struct Mutation: Sendable {
  /// Writes into the commit being made, or refuses by itself.
  let apply: @Sendable (Committer) -> Void
  /// Tells whoever waits that it did not happen, or that nobody knows.
  let fail: @Sendable (CatalogueFailure) -> Void
}

/// A subscription's progress on its way to disk: all changes staged since the last commit as one.
/// Changes hold absolute values, so the later one wins chunk by chunk.
struct StagedChange: Sendable {
  let subscription: SubscriptionReference
  /// Whether somebody waits for it.
  let isAwaited: Bool
  private(set) var change: SubscriptionChange
  private(set) var settlements: [ChangeSettlement] = []

  init(
    _ change: SubscriptionChange, of subscription: SubscriptionReference,
    settled: ChangeSettlement?, isAwaited: Bool
  ) {
    self.subscription = subscription
    self.isAwaited = isAwaited
    self.change = change
    if let settled { settlements.append(settled) }
  }

  mutating func merge(_ later: StagedChange) {
    var merged = later.change
    if !merged.replacesAll {
      merged.replacesAll = change.replacesAll
      merged.chunks.merge(change.chunks) { new, _ in new }
    }
    change = merged
    settlements += later.settlements
  }

  func settle(_ outcome: Result<Void, CatalogueFailure>) {
    for settlement in settlements { settlement.settle(outcome) }
  }
}
