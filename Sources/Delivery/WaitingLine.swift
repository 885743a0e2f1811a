import Bytes
import Topics

/// Calls that wait, in the order in which they came. Only the head sets a timer and is woken;
/// whoever was the head and leaves has the next one woken. Under its dispatcher's lock.
struct WaitingLine {
  private var order: [UInt64] = []
  private var waiters: [UInt64: Waiter] = [:]
  /// The due instant for which the head has set its timer.
  private var headWakesAt = MonotonicTime.distantFuture

  var count: Int { order.count }
  var isEmpty: Bool { order.isEmpty }
  var all: some Collection<Waiter> { waiters.values }

  /// The waiting call at the head.
  var head: Waiter? { order.first.flatMap { waiters[$0] } }

  /// Whether the head sleeps beyond `due`.
  func sleeps(beyond due: MonotonicTime?) -> Bool { due.map { $0 < headWakesAt } ?? false }

  /// Takes or keeps a place. The head wakes by itself at `due`.
  mutating func stand(_ ticket: UInt64, due: MonotonicTime?) -> (waiter: Waiter, isHead: Bool) {
    let waiter = Waiter()
    if waiters.updateValue(waiter, forKey: ticket) == nil { order.append(ticket) }
    guard order.first == ticket else { return (waiter, false) }
    headWakesAt = due ?? .distantFuture
    return (waiter, true)
  }

  /// Gives a place up; true when it was the head's, so that the next one must take over.
  mutating func stepOut(_ ticket: UInt64) -> Bool {
    guard waiters.removeValue(forKey: ticket) != nil else { return false }
    let wasHead = order.first == ticket
    order.removeAll { $0 == ticket }
    if wasHead { headWakesAt = .distantFuture }
    return wasHead
  }
}
