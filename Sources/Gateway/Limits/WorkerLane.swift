import Bytes
import HTTPWire
import Metrics
import Synchronization

/// A narrow way to the workers for what may take a second each: one piece of work at a time, so
/// that the other threads stay for everybody else. Tenants take turns, each in the order in which
/// its work came, and none takes more than half of the line.
///
/// Any thread; its lock is a leaf.
final class WorkerLane: Sendable {
  private struct State {
    /// Whether a piece of work is with the threads, waiting or running.
    var isTaken = false
    var count = 0
    /// Tenants with work in the line, the next one first.
    var turns: [ByteSlice] = []
    var waiting: [ByteSlice: [Workers.Work]] = [:]

    mutating func takeNext() -> Workers.Work? {
      guard let tenant = turns.first, let work = waiting[tenant]?.removeFirst() else { return nil }
      turns.removeFirst()
      if waiting[tenant]?.isEmpty == true { waiting[tenant] = nil } else { turns.append(tenant) }
      count -= 1
      return work
    }
  }

  private let workers: Workers
  private let capacity: Int
  private let metrics: QueueMetrics
  private let state = Mutex(State())

  /// - Parameter capacity: pieces of work that may wait for their turn; beyond it, and beyond its
  ///   half for one tenant, callers get `WorkersBusy.full`.
  init(behind workers: Workers, capacity: Int, metrics: QueueMetrics) {
    self.workers = workers
    self.capacity = capacity
    self.metrics = metrics
  }

  /// The way for one tenant's work.
  func of(_ tenant: ByteSlice) -> Workers {
    Workers { [self] work in submit(work, of: tenant) }
  }

  private func submit(_ work: @escaping Workers.Work, of tenant: ByteSlice) -> WorkersBusy? {
    let (isFirst, busy) = state.withLock { state -> (Bool, WorkersBusy?) in
      if !state.isTaken {
        state.isTaken = true
        return (true, nil)
      }
      let own = state.waiting[tenant]?.count ?? 0
      guard state.count < capacity, own < capacity / 2 else { return (false, .full) }
      let tenant = own == 0 ? ByteSlice(copying: tenant.span) : tenant
      if own == 0 { state.turns.append(tenant) }
      state.waiting[tenant, default: []].append(work)
      state.count += 1
      metrics.schemas.set(state.count)
      return (false, nil)
    }
    if busy != nil { metrics.schemasRefused.add() }
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
        let next = state.takeNext()
        state.isTaken = next != nil
        metrics.schemas.set(state.count)
        return next
      }
      guard let next, let busy = pass(next) else { return }
      next(.refused(busy))
    }
  }
}
