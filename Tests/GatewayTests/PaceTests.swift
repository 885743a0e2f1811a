import Bytes
import HTTPWire
import Testing

@testable import Gateway

/// A batch lets its loop turn when it has had its time, and does not look at the clock for nothing.
@Suite struct PaceTests {
  /// A turn of the loop that has lasted for a while.
  private final class Turn: LoopTimers {
    let now = MonotonicTime(nanoseconds: 5)
    let clocks: Clocks
    let post: @Sendable (@escaping @Sendable () -> Void) -> Void = { $0() }

    init(lasting span: TimeSpan) {
      let instant = now + span
      clocks = Clocks(wall: { UnixTime(nanoseconds: 0) }, monotonic: { instant })
    }

    func schedule(at instant: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
      fire()
      return TimerToken(slot: 0, generation: 0)
    }

    func cancel(_ token: TimerToken) {}
  }

  @Test("a turn ends after a millisecond, looked at each 16 KiB")
  func events() {
    let long = Turn(lasting: .milliseconds(1))
    let short = Turn(lasting: TimeSpan(nanoseconds: 999_999))
    var pace = Pace()
    var due: [Bool] = [pace.isDue(long)]
    pace.note(bytes: 100)
    due.append(pace.isDue(long))
    pace.note(bytes: 16 << 10)
    due.append(pace.isDue(short))
    // That was a look: the next comes as much later.
    due.append(pace.isDue(long))
    pace.note(bytes: 16 << 10)
    due.append(pace.isDue(long))
    for _ in 0..<64 { pace.note(bytes: 0) }
    due.append(pace.isDue(long))
    #expect(due == [false, false, false, false, true, true])
  }

  @Test("blank lines count by their bytes")
  func blankLines() {
    let long = Turn(lasting: .milliseconds(1))
    var pace = Pace()
    pace.note(skipped: Pace.stride - 1)
    var due = [pace.isDue(long)]
    pace.note(skipped: 1)
    due.append(pace.isDue(long))
    #expect(due == [false, true])
  }

  @Test("a refusal is a reason to look")
  func refusals() {
    var pace = Pace()
    pace.note(bytes: 1)
    pace.noteRefusal()
    let due = [pace.isDue(Turn(lasting: .seconds(1))), pace.isDue(Turn(lasting: .seconds(1)))]
    #expect(due == [true, false])
  }
}
