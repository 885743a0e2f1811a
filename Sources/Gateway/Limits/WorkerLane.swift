import Bytes
import HTTPWire
import Metrics
import Synchronization

/// A narrow way to the workers for what may take seconds each: one piece of work at a time, so that
/// the other threads stay for everybody else. It has two lines: what events or their readers wait
/// for goes ahead of what is asked for schemas. In each of them tenants take turns, each in the
/// order in which its work came, and none takes more than half of the line.
///
/// Any thread; its lock is a leaf.
final class WorkerLane: Sendable {
  /// What waits with the same urgency.
  private struct Line {
    let capacity: Int
    var count = 0
    /// Tenants with work in the line, the next one first.
    var turns: [ByteSlice] = []
    var waiting: [ByteSlice: [Workers.Work]] = [:]

    init(capacity: Int) { self.capacity = capacity }

    mutating func takeNext() -> Workers.Work? {
      guard let tenant = turns.first, let work = waiting[tenant]?.removeFirst() else { return nil }
      turns.removeFirst()
      if waiting[tenant]?.isEmpty == true { waiting[tenant] = nil } else { turns.append(tenant) }
      count -= 1
      return work
    }

    /// Puts a piece of work in at its tenant's end. A line that is full has room for whoever has
    /// less in it than others: they give up what would come last.
    ///
    /// - Returns: whether it is in, and what has had to give way for it.
    mutating func add(
      _ work: @escaping Workers.Work, of tenant: ByteSlice
    ) -> (isIn: Bool, victim: Workers.Work?) {
      let own = waiting[tenant]?.count ?? 0
      guard own < capacity / 2 else { return (false, nil) }
      var victim: Workers.Work?
      if count >= capacity {
        victim = takeLast(besides: own)
        if victim == nil { return (false, nil) }
      }
      let tenant = own == 0 ? ByteSlice(copying: tenant.span) : tenant
      if own == 0 { turns.append(tenant) }
      waiting[tenant, default: []].append(work)
      count += 1
      return (true, victim)
    }

    /// Takes out the last piece of work of the tenant that has most, where that is more than
    /// somebody who has `own` would have with one more. It has others: its turn stays.
    private mutating func takeLast(besides own: Int) -> Workers.Work? {
      let sizes = turns.map { waiting[$0]?.count ?? 0 }
      guard let most = sizes.max(), most > own + 1, let index = sizes.firstIndex(of: most) else {
        return nil
      }
      count -= 1
      return waiting[turns[index]]?.removeLast()
    }
  }

  private struct State {
    /// Whether a piece of work is with the threads, waiting or running.
    var isTaken = false
    var urgent: Line
    var plain: Line
    /// Urgent pieces in a row for which a plain one has waited.
    var ahead = 0

    var count: Int { urgent.count + plain.count }

    mutating func takeNext() -> Workers.Work? {
      if urgent.count > 0, plain.count == 0 || ahead < WorkerLane.mostAhead {
        ahead = plain.count == 0 ? 0 : ahead + 1
        return urgent.takeNext()
      }
      ahead = 0
      return plain.takeNext()
    }
  }

  /// Urgent pieces of work that go ahead of a plain one, so that it comes up whatever is published.
  static let mostAhead = 8

  private let workers: Workers
  private let metrics: QueueMetrics
  private let state: Mutex<State>

  /// - Parameters:
  ///   - capacity: plain pieces of work that may wait for their turn. Beyond it whoever has most of
  ///     them gives one up for somebody who has less; what finds no room, and what is beyond the
  ///     half for one tenant, gets `WorkersBusy.full`.
  ///   - urgent: the same of urgent ones.
  init(behind workers: Workers, capacity: Int, urgent: Int, metrics: QueueMetrics) {
    self.workers = workers
    self.metrics = metrics
    state = Mutex(State(urgent: Line(capacity: urgent), plain: Line(capacity: capacity)))
  }

  /// The way for one tenant's work.
  ///
  /// - Parameter isUrgent: whether events, or those who read them, wait for it.
  func of(_ tenant: ByteSlice, isUrgent: Bool = false) -> Workers {
    Workers { [self] work in submit(work, of: tenant, isUrgent: isUrgent) }
  }

  private func submit(
    _ work: @escaping Workers.Work, of tenant: ByteSlice, isUrgent: Bool
  ) -> WorkersBusy? {
    let (isFirst, isIn, victim) = state.withLock { state -> (Bool, Bool, Workers.Work?) in
      if !state.isTaken {
        state.isTaken = true
        return (true, true, nil)
      }
      let (isIn, victim) =
        isUrgent ? state.urgent.add(work, of: tenant) : state.plain.add(work, of: tenant)
      metrics.schemas.set(state.count)
      return (false, isIn, victim)
    }
    if !isIn || victim != nil { metrics.schemasRefused.add() }
    victim?(.refused(.full))
    guard isFirst else { return isIn ? nil : .full }
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
