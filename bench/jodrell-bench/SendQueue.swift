import Bytes

/// Brings due sends and free connections together: sends wait for connections when those do not
/// keep up, connections wait for sends when they do. Pure; whoever owns it holds the lock and the
/// clock.
struct SendQueue<Waiter> {
  private var timetable: Timetable
  private var start: MonotonicTime?
  private var idle: [Waiter] = []
  /// Those before it in `idle` have been served.
  private var firstIdle = 0
  private(set) var isFinished = false

  init(_ timetable: Timetable) { self.timetable = timetable }

  /// How many connections wait.
  var idleCount: Int { idle.count - firstIdle }

  /// Sets the timetable's zero; nothing is due before.
  mutating func begin(at now: MonotonicTime) { start = now }

  var hasBegun: Bool { start != nil }

  /// When the next send is due; nil before the begin and after the last one.
  var nextDue: MonotonicTime? {
    guard let start, let next = timetable.next, !isFinished else { return nil }
    return start + next
  }

  /// When the timetable's time is over; nil before the begin, and when it has none.
  var end: MonotonicTime? {
    guard let start, let length = timetable.length else { return nil }
    return start + length
  }

  enum Answer: Equatable {
    /// Send now, and measure from this instant.
    case send(due: MonotonicTime)
    /// Nothing is due: `park`.
    case wait
    /// Nothing will be due any more.
    case over
  }

  /// A connection is free.
  mutating func take(at now: MonotonicTime) -> Answer {
    guard !isFinished else { return .over }
    guard start != nil else { return .wait }
    guard let due = nextDue else { return (end ?? now) > now ? .wait : .over }
    guard due <= now else { return .wait }
    timetable.advance()
    return .send(due: due)
  }

  /// A free connection waits from now on.
  mutating func park(_ waiter: Waiter) { idle.append(waiter) }

  /// The waiting connections whose sends have become due, longest wait first.
  mutating func release(at now: MonotonicTime) -> [(waiter: Waiter, due: MonotonicTime)] {
    var released: [(waiter: Waiter, due: MonotonicTime)] = []
    while firstIdle < idle.count, let due = nextDue, due <= now {
      timetable.advance()
      released.append((idle[firstIdle], due))
      firstIdle += 1
    }
    if firstIdle > 1024, firstIdle * 2 > idle.count {
      idle.removeFirst(firstIdle)
      firstIdle = 0
    }
    return released
  }

  /// When to look at the queue again; nil when it is over.
  func wake(after now: MonotonicTime) -> MonotonicTime? {
    if let nextDue { return nextDue }
    guard let end, end > now else { return nil }
    return end
  }

  /// Ends it: those who wait are told so.
  mutating func finish() -> [Waiter] {
    isFinished = true
    defer { idle.removeAll() }
    let waiting = Array(idle[firstIdle...])
    firstIdle = 0
    return waiting
  }

  /// How many sends were due by `now` and never handed out; counts at most `limit`.
  func overdue(at now: MonotonicTime, limit: Int = 10_000_000) -> Int {
    guard let start else { return 0 }
    var rest = timetable
    var count = 0
    while count < limit, let next = rest.next, start + next <= now {
      rest.advance()
      count += 1
    }
    return count
  }
}
