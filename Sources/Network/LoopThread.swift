import Glibc
import Synchronization

/// The thread of one event loop, as an executor: jobs enqueued here run on it, one after the other.
/// It is the serial executor of `Loop` and the task executor of the tasks that live there, so that
/// an `await` within the loop goes nowhere.
///
/// SAFETY: `@unchecked Sendable` because `queue` and `calls` are touched only by the loop's own
/// thread (`isCurrent` is checked first); all that other threads touch is in `mailbox` or constant.
public final class LoopThread: SerialExecutor, TaskExecutor, @unchecked Sendable {
  private struct Mailbox {
    var jobs: [UnownedJob] = []
    /// Plain calls from other threads; they run before the turn's jobs, which they may add to.
    var calls: [@Sendable () -> Void] = []
    /// Whether the thread waits, or is about to, and must be woken. Only the first one to post a
    /// job rings the bell.
    var isAsleep = false
    var isStopping = false
    var exitWaiters: [CheckedContinuation<Void, Never>] = []
    var hasExited = false

    var isEmpty: Bool { jobs.isEmpty && calls.isEmpty }

    /// Something has been posted.
    ///
    /// - Returns: whether the thread must be woken for it.
    mutating func rouse() -> Bool {
      let wasAsleep = isAsleep
      isAsleep = false
      return wasAsleep
    }
  }

  let poller: Poller
  private let mailbox = Mutex(Mailbox())
  private let thread = Atomic<UInt>(0)
  private var queue: [UnownedJob] = []
  private var calls: [@Sendable () -> Void] = []

  /// Jobs run in one turn before sockets are looked at again: tasks that keep waking each other
  /// cannot starve the rest.
  private static let jobsPerTurn = 4096

  init() throws(NetworkFailure) {
    poller = try Poller()
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      queue.append(job)
      return
    }
    let mustWake = mailbox.withLock { mailbox in
      mailbox.jobs.append(job)
      return mailbox.rouse()
    }
    if mustWake { poller.wake() }
  }

  /// Runs `work` on the loop's thread, in the turn that follows. Any thread may call. Cheaper than
  /// a task where it stands for many: its own thread then resumes them without a lock.
  func post(_ work: @escaping @Sendable () -> Void) {
    let mustWake = mailbox.withLock { mailbox in
      mailbox.calls.append(work)
      return mailbox.rouse()
    }
    if mustWake { poller.wake() }
  }

  public func checkIsolated() {
    precondition(isCurrent, "loop state touched from another thread")
  }

  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Whether the caller is on this loop's thread.
  public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Starts the thread, which calls `turn` over and over until `stop`.
  func start(named name: String, turn: @escaping @Sendable () -> Void) {
    let isLaunched = ThreadStart { [self] in run(turn) }.launch(named: name)
    precondition(isLaunched, "no thread for an event loop")
  }

  private func run(_ turn: () -> Void) {
    thread.store(UInt(pthread_self()), ordering: .relaxed)
    while true {
      let isStopping = collectMail()
      for call in calls { call() }
      calls.removeAll(keepingCapacity: true)
      runJobs()
      turn()
      if isStopping, queue.isEmpty { break }
    }
    let waiters = mailbox.withLock { mailbox in
      mailbox.hasExited = true
      return mailbox.exitWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Ends the thread after its current turn and waits until it has. Not to be called on it.
  func stop() async {
    await withCheckedContinuation { waiting in
      let hasExited = mailbox.withLock { mailbox in
        mailbox.isStopping = true
        mailbox.isAsleep = false
        if mailbox.hasExited { return true }
        mailbox.exitWaiters.append(waiting)
        return false
      }
      if hasExited { waiting.resume() } else { poller.wake() }
    }
  }

  /// Whether no job of the loop's own is left to run. On its thread only.
  var isIdle: Bool { queue.isEmpty }

  /// Whether the thread may wait for the kernel; if so, whoever posts a job from now on wakes it.
  func prepareToSleep() -> Bool {
    guard isIdle else { return false }
    return mailbox.withLock { mailbox in
      guard mailbox.isEmpty, !mailbox.isStopping else { return false }
      mailbox.isAsleep = true
      return true
    }
  }

  /// Moves posted jobs into the queue.
  ///
  /// - Returns: whether the thread is to stop.
  private func collectMail() -> Bool {
    mailbox.withLock { mailbox in
      mailbox.isAsleep = false
      if !mailbox.jobs.isEmpty {
        queue.append(contentsOf: mailbox.jobs)
        mailbox.jobs.removeAll(keepingCapacity: true)
      }
      if !mailbox.calls.isEmpty { swap(&calls, &mailbox.calls) }
      return mailbox.isStopping
    }
  }

  private func runJobs() {
    let serial = unsafe asUnownedSerialExecutor()
    let task = unsafe asUnownedTaskExecutor()
    var index = 0
    while index < queue.count, index < Self.jobsPerTurn {
      // Running a job may append others.
      let job = queue[index]
      index += 1
      unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: task)
    }
    if index == queue.count {
      queue.removeAll(keepingCapacity: true)
    } else {
      queue.removeFirst(index)
    }
  }
}
