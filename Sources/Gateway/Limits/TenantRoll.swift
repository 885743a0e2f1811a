import Bytes
import Synchronization
import Tenancy

/// The tenants that have sent events lately, by whichever loop, and what each of them has waiting
/// for the log in long events. Shared by the loops.
///
/// A commit with a long event takes milliseconds of the disk, in which nobody else's is written. So
/// where several tenants are about, one that sends such events has as many places for them in the
/// whole process as its weight gives it of those of one loop, and one event at a time in any case:
/// the others' events then wait for one of them and not for a row.
///
/// To learn who is about costs one atomic load; the lock is taken for long events, and when a
/// tenant comes or has gone quiet.
final class TenantRoll: Sendable {
  /// From so many places on an event, or what a batch stores at once, is long: 64 KiB.
  static let longPlaces = 32

  private struct Member {
    /// What its weight was when it came.
    let weight: Int
    /// Loops that it has been seen on lately.
    var loops = 0
    /// Places of its long events that have not been answered.
    var long = 0
  }

  private struct State {
    var members: [Name: Member] = [:]
    /// Of all members.
    var long = 0

    func hasRoom(for places: Int, of tenant: Name, among weights: Int) -> Bool {
      guard let member = members[tenant], member.long > 0, weights > member.weight else {
        return true
      }
      return long + places <= FairShare.places
        || member.long + places <= FairShare.places * member.weight / weights
    }
  }

  private let state = Mutex(State())
  private let sum = Atomic<Int>(0)

  /// The weights of all who are about.
  var weights: Int { sum.load(ordering: .relaxed) }

  /// A tenant is seen on one more loop. Its name is kept.
  ///
  /// - Returns: the weight that it has on all loops: the one it came with.
  func arrive(_ tenant: Name, weight: Int) -> Int {
    let (known, isNew) = state.withLock { state in
      let isNew = state.members[tenant] == nil
      var member = state.members[tenant] ?? Member(weight: weight)
      member.loops += 1
      state.members[tenant] = member
      return (member.weight, isNew)
    }
    if isNew { sum.add(weight, ordering: .relaxed) }
    return known
  }

  /// A loop has nothing of the tenant waiting and has not seen it for a while.
  func depart(_ tenant: Name) {
    let gone = state.withLock { state -> Int in
      guard var member = state.members[tenant] else { return 0 }
      member.loops -= 1
      state.members[tenant] = member.loops > 0 ? member : nil
      return member.loops > 0 ? 0 : member.weight
    }
    if gone > 0 { sum.subtract(gone, ordering: .relaxed) }
  }

  /// Whether a long event would be let in now.
  func hasRoom(for places: Int, of tenant: Name) -> Bool {
    let weights = weights
    return state.withLock { $0.hasRoom(for: places, of: tenant, among: weights) }
  }

  /// Lets a long event in, or not.
  func take(_ places: Int, of tenant: Name) -> Bool {
    let weights = weights
    return state.withLock { state in
      guard state.hasRoom(for: places, of: tenant, among: weights) else { return false }
      state.members[tenant]?.long += places
      state.long += places
      return true
    }
  }

  /// A long event has been answered.
  func giveBack(_ places: Int, of tenant: Name) {
    state.withLock { state in
      state.members[tenant]?.long -= places
      state.long -= places
    }
  }
}
