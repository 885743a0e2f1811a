import Glibc
public import HTTPWire
import Synchronization

/// The threads behind `Workers`: they take work from one bounded queue, first come, first served.
public final class WorkerThreads: Sendable {
  private struct Queue {
    var waiting: [Workers.Work] = []
    /// Taken from the front; the array is compacted when it runs empty.
    var taken = 0
    /// Nothing more is taken.
    var isClosed = false
    /// Pieces of work for which there was no room.
    var refused = 0
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

  /// Pieces of work for which there was no room, since the start.
  public var refused: Int { queue.withLock { $0.refused } }

  private func submit(_ work: @escaping Workers.Work) -> WorkersBusy? {
    let busy = queue.withLock { queue -> WorkersBusy? in
      guard !queue.isClosed else { return .stopping }
      guard queue.waiting.count - queue.taken < capacity else {
        queue.refused += 1
        return .full
      }
      queue.waiting.append(work)
      return nil
    }
    if busy == nil { permits.give() }
    return busy
  }

  /// A thread's life: one permit, one piece of work; without work left, a permit means the end.
  private func work() {
    while true {
      permits.take()
      let next = queue.withLock { queue -> Workers.Work? in
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
      next(.run)
    }
    let waiters = queue.withLock { queue -> [CheckedContinuation<Void, Never>] in
      queue.running -= 1
      guard queue.running == 0 else { return [] }
      defer { queue.exitWaiters = [] }
      return queue.exitWaiters
    }
    for waiter in waiters { waiter.resume() }
  }

  /// Takes no more work and refuses what waits: its callers get `WorkersBusy.stopping`. What has
  /// begun goes on. Any thread; a second call finds nothing left.
  public func close() {
    let refused = queue.withLock { queue -> ArraySlice<Workers.Work> in
      queue.isClosed = true
      defer {
        queue.waiting.removeAll()
        queue.taken = 0
      }
      return queue.waiting[queue.taken...]
    }
    // A thread that finds nothing for the permit of a refused piece of work ends, as it should.
    for work in refused { work(.refused(.stopping)) }
  }

  /// Closes, and returns when what has begun is finished and the threads have ended.
  public func stop() async {
    close()
    for _ in 0..<queue.withLock({ $0.running }) { permits.give() }
    await withCheckedContinuation { waiting in
      let isOver = queue.withLock { queue in
        if queue.running > 0 { queue.exitWaiters.append(waiting) }
        return queue.running == 0
      }
      if isOver { waiting.resume() }
    }
  }
}
