import HTTPWire
import Synchronization

extension Workers {
  /// A narrow way to the same threads for what may take a second each: one piece of work at a time,
  /// in the order in which they came, so that the other threads stay for everybody else.
  ///
  /// - Parameter capacity: pieces of work that may wait for their turn; beyond it callers get
  ///   `WorkersBusy.full`.
  func lane(capacity: Int) -> Workers {
    let lane = WorkerLane(behind: self, capacity: capacity)
    return Workers { work in lane.submit(work) }
  }
}

/// The line of `Workers.lane`. Any thread; its lock is a leaf.
private final class WorkerLane: Sendable {
  private struct State {
    /// Whether a piece of work is with the threads, waiting or running.
    var isTaken = false
    var waiting: [Workers.Work] = []
  }

  private let workers: Workers
  private let capacity: Int
  private let state = Mutex(State())

  init(behind workers: Workers, capacity: Int) {
    self.workers = workers
    self.capacity = capacity
  }

  func submit(_ work: @escaping Workers.Work) -> WorkersBusy? {
    let (isFirst, busy) = state.withLock { state -> (Bool, WorkersBusy?) in
      if !state.isTaken {
        state.isTaken = true
        return (true, nil)
      }
      guard state.waiting.count < capacity else { return (false, .full) }
      state.waiting.append(work)
      return (false, nil)
    }
    guard isFirst else { return busy }
    if let busy = pass(work) {
      // Others may have come behind this one meanwhile.
      handOn()
      return busy
    }
    return nil
  }

  private func pass(_ work: @escaping Workers.Work) -> WorkersBusy? {
    workers.submit { [self] turn in
      work(turn)
      handOn()
    }
  }

  /// Gives the next one its turn; those that the threads do not take are told so.
  private func handOn() {
    while true {
      let next = state.withLock { state -> Workers.Work? in
        guard !state.waiting.isEmpty else {
          state.isTaken = false
          return nil
        }
        return state.waiting.removeFirst()
      }
      guard let next, let busy = pass(next) else { return }
      next(.refused(busy))
    }
  }
}
