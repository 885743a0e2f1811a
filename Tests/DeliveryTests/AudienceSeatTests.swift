import Bytes
import HTTPWire
import LogConformance
import Synchronization
import Testing
import Topics

@testable import Delivery

/// Who sits where while members come, are served and leave.
@Suite struct AudienceSeatTests {
  /// Counts its turns; waits for whatever comes.
  private final class Member: AudienceMember {
    var seat: Int?
    var turns = 0

    func deliver() -> UInt64? {
      turns += 1
      return UInt64(turns)
    }

    func dismissed() {}
  }

  /// A loop whose posted calls run when the test says so.
  private final class HeldTimers: LoopTimers {
    let clocks = SteppedClock().clocks
    private let calls = Calls()

    private final class Calls: Sendable {
      let held = Mutex<[@Sendable () -> Void]>([])
    }

    var now: MonotonicTime { clocks.monotonic() }
    var post: @Sendable (@escaping @Sendable () -> Void) -> Void {
      { [calls] call in calls.held.withLock { $0.append(call) } }
    }

    func schedule(at: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
      TimerToken(slot: 0, generation: 0)
    }

    func cancel(_ token: TimerToken) {}

    /// Runs what has been posted so far.
    func turn() {
      let due = calls.held.withLock { calls in
        defer { calls = [] }
        return calls
      }
      for call in due { call() }
    }
  }

  @Test func aChunkIsMadeAnewWhereWhatItDependsOnHasChanged() {
    let audience = Audience(timers: HeldTimers())
    let cursor = Cursor(ledger: 1, next: 0)
    var made = 0
    func burst(_ revision: UInt64) -> Burst? {
      let basis = SchemaEdition(ledger: 1, revision: revision)
      return audience.burst(from: cursor, by: basis) {
        made += 1
        return Burst(
          from: cursor, basis: basis, next: Cursor(ledger: 1, next: 1), chunk: .empty, records: [])
      }
    }
    for (revision, count) in [(1, 1), (1, 1), (2, 2), (2, 2)] as [(UInt64, Int)] {
      #expect(burst(revision)?.basis == SchemaEdition(ledger: 1, revision: revision))
      #expect(made == count)
    }
  }

  @Test func whoMovesUpInAPassKeepsTheNewSeat() throws {
    let timers = HeldTimers()
    let audience = Audience(timers: timers)
    let growth = Growth(end: 0)
    // Two more than one turn of the loop serves.
    var members = (0..<130).map { _ in Member() }
    for member in members { #expect(audience.join(member, of: growth, beyond: 0)) }
    growth.advance(to: 1)
    timers.turn()
    #expect(members.count { $0.turns == 1 } == 128)
    // Those whose turn has not come go, and then one of those who have had theirs.
    for _ in 0..<2 { audience.leave(members.removeLast()) }
    audience.leave(members.removeFirst())
    timers.turn()
    #expect(audience.count == 127)
    #expect(Set(members.compactMap(\.seat)) == Set(0..<127))
    #expect(members.allSatisfy { $0.turns == 1 })
    for member in members { audience.leave(member) }
    #expect(audience.count == 0)
  }
}
