import Glibc
public import HTTPWire
import Synchronization

/// The threads behind `Workers`: they take work from one bounded queue, first come, first served.
public final class WorkerThreads: Sendable {
  private struct Queue {
    var waiting: [@Sendable () -> Void] = []
    /// Taken from the front; the array is compacted when it runs empty.
    var taken = 0
    var isStopping = false
    var running: Int
    var exitWaiters: [CheckedContinuation<Void, Never>] = []
  }

  private let queue: Mutex<Queue>
  private let permits: Semaphore
  private let capacity: Int

  /// - Parameter capacity: pieces of work that may wait; beyond it callers get `WorkersBusy`.
  public init(threads: Int = 2, capacity: Int = 1024) throws(NetworkFailure) {
    self.capacity = capacity
    queue = Mutex(Queue(running: threads))
    permits = try Semaphore()
    for number in 0..<threads {
      let start = ThreadStart { [self] in work() }
      guard start.launch(named: "worker-\(number)") else {
        throw .system(call: "pthread_create", code: EAGAIN)
      }
    }
  }

  /// What everybody else gets to hold.
  public var workers: Workers { Workers { [self] work in submit(work) } }

  /// Pieces of work that wait now.
  public var depth: Int { queue.withLock { $0.waiting.count - $0.taken } }

  private func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
    let isTaken = queue.withLock { queue in
      guard !queue.isStopping, queue.waiting.count - queue.taken < capacity else { return false }
      queue.waiting.append(work)
      return true
    }
    if isTaken { permits.give() }
    return isTaken
  }

  /// A thread's life: one permit, one piece of work; without work left, a permit means the end.
  private func work() {
    while true {
      permits.take()
      let next = queue.withLock { queue -> (@Sendable () -> Void)? in
        guard queue.taken < queue.waiting.count else { return nil }
        let next = queue.waiting[queue.taken]
        queue.taken += 1
        if queue.taken == queue.waiting.count || queue.taken == 256 {
          queue.waiting.removeFirst(queue.taken)
          queue.taken = 0
        }
        return next
      }
      guard let next else { break }
      next()
    }
    let waiters = queue.withLock { queue -> [CheckedContinuation<Void, Never>] in
      queue.running -= 1
      guard queue.running == 0 else { return [] }
      defer { queue.exitWaiters = [] }
      return queue.exitWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Takes no more work, finishes what waits, and returns when the threads have ended.
  public func stop() async {
    let threads = queue.withLock { queue in
      guard !queue.isStopping else { return 0 }
      queue.isStopping = true
      return queue.running
    }
    for _ in 0..<threads { permits.give() }
    await withCheckedContinuation { waiting in
      let isOver = queue.withLock { queue in
        if queue.running > 0 { queue.exitWaiters.append(waiting) }
        return queue.running == 0
      }
      if isOver { waiting.resume() }
    }
  }
}
