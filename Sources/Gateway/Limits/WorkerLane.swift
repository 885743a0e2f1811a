import Bytes
import HTTPWire
import Metrics
import Synchronization

/// A narrow way to the workers for what may take seconds each: one piece of work at a time, so that
/// the other threads stay for everybody else. It has two lines: what events or their readers wait
/// for goes ahead of what is asked for schemas. In each of them tenants take turns, each in the
/// order in which its work came; of what is not urgent none takes more than half of the line.
///
/// Any thread; its lock is a leaf.
final class WorkerLane: Sendable {
  /// What waits with the same urgency.
  private struct Line {
    let capacity: Int
    /// Of one tenant.
    let share: Int
    var count = 0
    /// Tenants with work in the line, the next one first.
    var turns: [ByteSlice] = []
    var waiting: [ByteSlice: [Workers.Work]] = [:]

    init(capacity: Int, share: Int) { (self.capacity, self.share) = (capacity, share) }

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
      guard own < share else { return (false, nil) }
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
    /// How long the last plain piece took, and what urgent ones have had since.
    var plainTook = TimeSpan.zero
    var urgentHad = TimeSpan.zero

    var count: Int { urgent.count + plain.count }

    mutating func takeNext() -> (work: Workers.Work, isUrgent: Bool)? {
      let ahead = max(
        plainTook.nanoseconds.multipliedReportingOverflow(by: WorkerLane.share).partialValue,
        WorkerLane.leastAhead.nanoseconds)
      if plain.count == 0 || urgentHad.nanoseconds < ahead, let work = urgent.takeNext() {
        return (work, true)
      }
      return plain.takeNext().map { ($0, false) }
    }

    /// A piece of work has run for so long.
    mutating func ran(_ took: TimeSpan, isUrgent: Bool) {
      if isUrgent {
        urgentHad = .nanoseconds(urgentHad.nanoseconds + took.nanoseconds)
      } else {
        (plainTook, urgentHad) = (took, .zero)
      }
    }
  }

  /// So many times as long as the last plain piece urgent ones go ahead of the next: whoever keeps
  /// plain ones in line has a fifth of the lane, and they come up whatever is published.
  static let share: Int64 = 4
  /// And at least so long.
  static let leastAhead = TimeSpan.milliseconds(50)

  private let workers: Workers
  private let metrics: QueueMetrics
  private let now: @Sendable () -> MonotonicTime
  private let state: Mutex<State>

  /// - Parameters:
  ///   - capacity: plain pieces of work that may wait for their turn. Beyond it whoever has most of
  ///     them gives one up for somebody who has less; what finds no room, and what is beyond the
  ///     half for one tenant, gets `WorkersBusy.full`.
  ///   - urgent: the same of urgent ones, of which one tenant may have all that nobody else wants.
  ///   - now: tells how long a piece took.
  init(
    behind workers: Workers, capacity: Int, urgent: Int, metrics: QueueMetrics,
    now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.workers = workers
    self.metrics = metrics
    self.now = now
    state = Mutex(
      State(
        urgent: Line(capacity: urgent, share: urgent),
        plain: Line(capacity: capacity, share: capacity / 2)))
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
    if let busy = pass(work, isUrgent: isUrgent) {
      // Others may have come behind this one meanwhile.
      handOn(isWorker: false)
      return busy
    }
    return nil
  }

  private func pass(_ work: @escaping Workers.Work, isUrgent: Bool) -> WorkersBusy? {
    workers.submit { [self] turn in
      run(work, turn, isUrgent: isUrgent)
      handOn(isWorker: true)
    }
  }

  private func run(_ work: Workers.Work, _ turn: Workers.Turn, isUrgent: Bool) {
    let began = now()
    work(turn)
    let took = now() - began
    state.withLock { $0.ran(took, isUrgent: isUrgent) }
  }

  /// Gives the next one its turn. What the threads have no room for is done here, where this is one
  /// of them; what they do not take otherwise is told so.
  private func handOn(isWorker: Bool) {
    while true {
      let next = state.withLock { state in
        let next = state.takeNext()
        state.isTaken = next != nil
        metrics.schemas.set(state.count)
        return next
      }
      guard let next, let busy = pass(next.work, isUrgent: next.isUrgent) else { return }
      if isWorker, busy == .full {
        run(next.work, .run, isUrgent: next.isUrgent)
      } else {
        next.work(.refused(busy))
      }
    }
  }
}
