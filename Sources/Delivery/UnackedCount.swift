import Synchronization

/// How many events are delivered and not acknowledged, of one tenant's subscriptions in memory or
/// of all: each is a record that stays for as long as its consumer likes. Any thread may call.
///
/// Dispatchers look how much room there is and add what they have given out, each under its own
/// lock only: those that do so at the same instant may go beyond a limit, by one answer each.
final class UnackedCount: Sendable {
  private let limit: Int
  /// Where everything counts as well; nil for the count of all.
  private let all: UnackedCount?
  private let count = Atomic<Int>(0)

  init(limit: Int, within all: UnackedCount? = nil) {
    self.limit = limit
    self.all = all
  }

  var value: Int { count.load(ordering: .relaxed) }

  /// How many more may be given out.
  var room: Int {
    let own = max(limit - value, 0)
    guard let all else { return own }
    return min(own, all.room)
  }

  /// - Parameter change: below zero for what is given back.
  func add(_ change: Int) {
    count.wrappingAdd(change, ordering: .relaxed)
    all?.add(change)
  }
}
