import Bytes
import HTTPWire
import Synchronization
import Testing

@testable import Network

@Suite struct LoopClockTests {
  /// A clock that stands until it is set.
  final class HandClock: Sendable {
    private let nanoseconds = Atomic<Int64>(0)
    func set(_ time: Int64) { nanoseconds.store(time, ordering: .relaxed) }
    var clocks: Clocks {
      Clocks(
        wall: { UnixTime(nanoseconds: self.nanoseconds.load(ordering: .relaxed)) },
        monotonic: { MonotonicTime(nanoseconds: self.nanoseconds.load(ordering: .relaxed)) })
    }
  }

  @Test("timers fire in order, once, and not when cancelled")
  func order() {
    let hand = HandClock()
    let clock = LoopClock(clocks: hand.clocks)
    var fired: [Int] = []
    _ = clock.schedule(at: MonotonicTime(nanoseconds: 30)) { fired.append(30) }
    let gone = clock.schedule(at: MonotonicTime(nanoseconds: 20)) { fired.append(20) }
    _ = clock.schedule(at: MonotonicTime(nanoseconds: 10)) { fired.append(10) }
    clock.cancel(gone)
    clock.fireDue()
    #expect(fired.isEmpty)
    hand.set(29)
    clock.advance()
    clock.fireDue()
    #expect(fired == [10])
    hand.set(30)
    clock.advance()
    clock.fireDue()
    clock.fireDue()
    #expect(fired == [10, 30])
    #expect(clock.next == nil)
    clock.cancel(gone)
  }

  @Test("a cancelled token does not hit the timer that took its slot")
  func reuse() {
    let hand = HandClock()
    let clock = LoopClock(clocks: hand.clocks)
    var fired = 0
    let old = clock.schedule(at: MonotonicTime(nanoseconds: 5)) { fired += 1 }
    clock.cancel(old)
    let new = clock.schedule(at: MonotonicTime(nanoseconds: 6)) { fired += 10 }
    #expect(new.slot == old.slot)
    clock.cancel(old)
    hand.set(6)
    clock.advance()
    clock.fireDue()
    #expect(fired == 10)
  }

  @Test("against a model: random scheduling and cancelling")
  func model() {
    let seed: UInt64 = 7
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let hand = HandClock()
    let clock = LoopClock(clocks: hand.clocks)
    var live: [Int: (at: Int, token: TimerToken)] = [:]
    var fired: [Int] = []
    for step in 0..<20_000 {
      switch random(10) {
      case 0..<5:
        let at = Int(clock.now.nanoseconds) + random(500)
        let token = clock.schedule(at: MonotonicTime(nanoseconds: Int64(at))) { fired.append(step) }
        live[step] = (at, token)
      case 5..<9:
        guard let (key, timer) = live.randomElement() else { continue }
        clock.cancel(timer.token)
        live[key] = nil
      default:
        hand.set(clock.now.nanoseconds + Int64(random(50)))
        clock.advance()
        fired = []
        clock.fireDue()
        let due = live.filter { $0.value.at <= Int(clock.now.nanoseconds) }
        #expect(Set(fired) == Set(due.keys), "seed \(seed) step \(step)")
        let instants = fired.compactMap { due[$0]?.at }
        #expect(instants == instants.sorted(), "seed \(seed) step \(step)")
        for key in due.keys { live[key] = nil }
      }
    }
  }

  @Test func `a wall clock beyond what nanoseconds can tell stands at the end`() {
    let end = Int64.max / 1_000_000_000
    let late: [(Int64, Int64)] = [(end, 999_999_999), (end + 1, 0), (9_999_999_999, 5), (.max, 1)]
    for (seconds, rest) in late {
      #expect(Syscalls.instant(seconds: seconds, nanoseconds: rest) == .distantFuture)
    }
    let last = Syscalls.instant(seconds: end, nanoseconds: 5)
    #expect(last.nanoseconds == end * 1_000_000_000 + 5)
  }
}
