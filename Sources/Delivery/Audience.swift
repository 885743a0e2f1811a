import Bytes
import HTTPWire
import Topics

/// The streams of one loop that wait for the same topic in the same view and format. The topic
/// knows one of them all: when it grows, the loop is told once and gives the new events to each.
/// Loop-confined.
///
/// ```
/// asleep ──rung──▶ pass: each member in turn, so many per turn of the loop ──▶ asleep
///    ▲                                                     │ grown meanwhile
///    └─ members, and a registration beyond the last read   └──▶ another pass
/// ```
///
/// After a long pass the next one waits for as long as it took: a loop delivers for half of its
/// time at most, and under load events go out together, with one call to the kernel per reader
/// instead of one per event and reader.
final class Audience: BellOwner {
  private let timers: any LoopTimers
  private var members: [any AudienceMember] = []
  private var growth: Growth?
  /// Registered with `growth`, or rung and on its way here.
  private var bell: LoopBell?
  /// The member whose turn it is in a pass.
  private var position: Int?
  /// The earliest place of those who have had theirs.
  private var lowest = UInt64.max
  private var passBegan: MonotonicTime
  /// No pass begins before.
  private var restsUntil: MonotonicTime
  /// The last bytes made, for the others at the same place.
  private var burst: Burst?

  /// Members served before the loop looks at its sockets again, so that publishers are not kept
  /// waiting by those who listen.
  private static let membersPerTurn = 128
  /// Shorter passes need no rest, longer ones no longer rest.
  private static let rest = TimeSpan.milliseconds(1)...TimeSpan.milliseconds(20)

  init(timers: any LoopTimers) {
    self.timers = timers
    passBegan = timers.now
    restsUntil = timers.now
  }

  var count: Int { members.count }

  /// From now on `member` gets what comes behind `place`, until it leaves.
  ///
  /// - Returns: false when there is something behind it already or `growth` is closed.
  func join(_ member: any AudienceMember, of growth: Growth, beyond place: UInt64) -> Bool {
    if self.growth !== growth {
      dismiss()
      self.growth = growth
    }
    if bell == nil, position == nil {
      let bell = LoopBell(self, post: timers.post)
      guard growth.register(bell, beyond: place) else { return false }
      self.bell = bell
    } else if growth.isBeyond(place) {
      return false
    }
    member.seat = members.count
    members.append(member)
    return true
  }

  /// `member` waits no longer.
  func leave(_ member: any AudienceMember) {
    guard var index = member.seat else { return }
    if let position, index < position {
      // The gap goes to the end of those who have had their turn, so that nobody is left out.
      move(position - 1, to: index)
      index = position - 1
      self.position = index
    }
    move(members.count - 1, to: index)
    members.removeLast()
    member.seat = nil
    guard members.isEmpty, position == nil, let bell else { return }
    growth?.remove(bell)
    self.bell = nil
  }

  private func move(_ from: Int, to index: Int) {
    // A place that was just vacated still holds who has moved on: they keep their new seat.
    guard from != index else { return }
    members[index] = members[from]
    members[index].seat = index
  }

  func rung(by bell: LoopBell, _ reason: Wake) {
    guard bell === self.bell else { return }
    if reason == .closed { return dismiss() }
    if position == nil {
      let now = timers.clocks.monotonic()
      if now < restsUntil {
        _ = timers.schedule(at: restsUntil) { [weak self] in self?.rung(by: bell, .grown) }
        return
      }
      passBegan = now
      position = 0
      lowest = .max
    }
    self.bell = nil
    carryOn()
  }

  /// Serves the next members of a pass.
  private func carryOn() {
    var served = 0
    while let index = position, index < members.count {
      guard served < Self.membersPerTurn else { return ringSoon() }
      served += 1
      let member = members[index]
      if let place = member.deliver() {
        lowest = min(lowest, place)
        position = index + 1
      } else {
        leave(member)
      }
    }
    position = nil
    burst = nil
    let now = timers.clocks.monotonic()
    let pass = now - passBegan
    if pass >= Self.rest.lowerBound { restsUntil = now + min(pass, Self.rest.upperBound) }
    guard !members.isEmpty, let growth else { return }
    let bell = LoopBell(self, post: timers.post)
    self.bell = bell
    if !growth.register(bell, beyond: lowest) { bell.wake(growth.isClosed ? .closed : .grown) }
  }

  private func ringSoon() {
    let bell = LoopBell(self, post: timers.post)
    self.bell = bell
    bell.wake(.grown)
  }

  /// Lets everybody go: each looks for itself what has become of the topic.
  private func dismiss() {
    if let bell { growth?.remove(bell) }
    bell = nil
    growth = nil
    position = nil
    burst = nil
    let leaving = members
    members = []
    for member in leaving {
      member.seat = nil
      member.dismissed()
    }
  }

  /// What readers at this place get, from memory while a pass lasts: over turns of the loop, in
  /// which what it was made by may change.
  func burst(from cursor: Cursor, by basis: SchemaEdition?, _ make: () -> Burst?) -> Burst? {
    if let burst, burst.from == cursor, burst.basis == basis { return burst }
    let made = make()
    if let made { burst = made }
    return made
  }
}

/// A stream that waits among others. Loop-confined.
protocol AudienceMember: AnyObject {
  /// Its place in the audience, which the audience keeps; nil outside.
  var seat: Int? { get set }
  /// The topic has grown: sends what there is for this stream.
  ///
  /// - Returns: the entry it waits for from now on; nil when it leaves.
  func deliver() -> UInt64?
  /// It has been let go.
  func dismissed()
}

/// New events of a topic as one chunk of a stream.
struct Burst {
  let from: Cursor
  /// What the chunk depends on besides the records.
  let basis: SchemaEdition?
  let next: Cursor
  /// Empty when there are none.
  let chunk: ByteSlice
  let records: [DeliveryTally.Entry]
}

/// Somebody on a loop who can be called from any thread.
protocol BellOwner: AnyObject {
  /// On the loop.
  func rung(by bell: LoopBell, _ reason: Wake)
}

/// Carries a wake-up to a loop, where its owner lives.
///
/// SAFETY: `@unchecked Sendable` because `owner` is read only by what `post` runs, on the loop that
/// confines the owner; the rest is constant.
final class LoopBell: Wakeable, @unchecked Sendable {
  private weak var owner: (any BellOwner)?
  private let post: LoopPost

  init(_ owner: any BellOwner, post: @escaping LoopPost) {
    self.owner = owner
    self.post = post
  }

  func wake(_ reason: Wake) {
    post { [self] in owner?.rung(by: self, reason) }
  }
}
