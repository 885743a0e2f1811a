import Bytes
import Foundation
import Testing

@testable import jodrell_bench

@Suite("Timetable and send queue")
struct TimetableTests {
  private func all(_ given: Timetable, at most: Int = 100_000) -> [TimeSpan] {
    var table = given
    var spans: [TimeSpan] = []
    while let next = table.next, spans.count < most {
      spans.append(next)
      table.advance()
    }
    return spans
  }

  @Test("even arrivals neither drift nor bunch", arguments: [1, 3, 7, 999, 20_000])
  func even(rate: Int) {
    let spans = all(Timetable(rate: rate, length: .seconds(3)))
    #expect(spans.count == 3 * rate)
    for (index, span) in spans.enumerated() {
      #expect(span.nanoseconds == Int64(index) * 1_000_000_000 / Int64(rate))
    }
  }

  @Test("a timetable of days has a time for each send")
  func long() {
    #expect(Timetable.even(10_000_000_000, at: 1_000_000) == .seconds(10_000))
    #expect(Timetable.even(10_000_000_000, at: 3) == .nanoseconds(3_333_333_333_333_333_333))
  }

  @Test("poisson arrivals have the rate, exponential gaps, and repeat with their seed")
  func poisson() {
    let table = Timetable(rate: 1_000, arrivals: .poisson, length: .seconds(50), seed: 7)
    let spans = all(table)
    #expect((49_000...51_000).contains(spans.count))
    #expect(spans == all(table))
    #expect(zip(spans, spans.dropFirst()).allSatisfy { $0 <= $1 })
    // One in e gaps is longer than the mean.
    let long = zip(spans, spans.dropFirst()).count { $1.nanoseconds - $0.nanoseconds > 1_000_000 }
    #expect((0.35...0.39).contains(Double(long) / Double(spans.count)))
    #expect(all(Timetable(rate: 1_000, arrivals: .poisson, count: 5, seed: 8)).count == 5)
  }

  @Test("a count ends a timetable, and none has nothing")
  func counted() {
    #expect(all(Timetable(rate: 10, count: 3)).count == 3)
    #expect(all(Timetable(rate: 10, count: 0)).isEmpty)
    #expect(all(Timetable(rate: 10, length: .zero)).isEmpty)
  }

  private func at(_ milliseconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000 + milliseconds * 1_000_000)
  }

  @Test("connections wait for sends that are not due, and are served in the order they waited")
  func connectionsWait() {
    var queue = SendQueue<String>(Timetable(rate: 100, length: .seconds(1)))
    #expect(queue.take(at: at(0)) == .wait)
    queue.park("a")
    queue.begin(at: at(0))
    queue.park("b")
    #expect(queue.idleCount == 2)
    let first = queue.release(at: at(0))
    #expect(first.map(\.waiter) == ["a"] && first[0].due == at(0))
    #expect(queue.nextDue == at(10))
    #expect(queue.wake(after: at(3)) == at(10))
    #expect(queue.release(at: at(9)).isEmpty)
    queue.park("c")
    let late = queue.release(at: at(25))
    #expect(late.map(\.waiter) == ["b", "c"] && late.map(\.due) == [at(10), at(20)])
    #expect(queue.idleCount == 0)
  }

  @Test("sends wait for connections, and keep the time they were due")
  func sendsWait() {
    var queue = SendQueue<String>(Timetable(rate: 100, length: .milliseconds(40)))
    queue.begin(at: at(0))
    #expect(queue.take(at: at(1_000)) == .send(due: at(0)))
    #expect(queue.take(at: at(1_000)) == .send(due: at(10)))
    #expect(queue.overdue(at: at(1_000)) == 2)
    #expect(queue.overdue(at: at(25)) == 1)
    #expect(queue.take(at: at(1_000)) == .send(due: at(20)))
    #expect(queue.take(at: at(1_000)) == .send(due: at(30)))
    #expect(queue.take(at: at(1_000)) == .over)
    #expect(queue.wake(after: at(1_000)) == nil)
    // The last send is out, but not the time: connections stay until then.
    #expect(queue.take(at: at(35)) == .wait)
    #expect(queue.wake(after: at(35)) == at(40))
  }

  @Test("the end tells those who wait")
  func finished() {
    var queue = SendQueue<String>(Timetable(rate: 1))
    queue.begin(at: at(0))
    _ = queue.take(at: at(0))
    queue.park("a")
    queue.park("b")
    #expect(queue.finish() == ["a", "b"])
    #expect(queue.take(at: at(5_000)) == .over)
    #expect(queue.finish().isEmpty)
  }

  @Test("a queue of many connections forgets those it has served")
  func many() {
    var queue = SendQueue<Int>(Timetable(rate: 1_000, length: .seconds(10)))
    queue.begin(at: at(0))
    var order: [Int] = []
    for waiter in 0..<5_000 {
      queue.park(waiter)
      order += queue.release(at: at(Int64(waiter))).map(\.waiter)
    }
    #expect(order == Array(0..<5_000))
  }

  @Test("an interrupted run owes what was due before, and nothing that fell due behind")
  func stopped() async throws {
    let control = RunControl(requests: nil)
    let pacer = Pacer(Timetable(rate: 1_000, length: .seconds(60)), control: control)
    await pacer.begin(whenIdle: 0)
    try await Task.sleep(for: .milliseconds(10))
    control.stop()
    let stop = try #require(control.stoppedAt)
    let owed = pacer.overdue
    #expect(owed > 0)
    try await Task.sleep(for: .milliseconds(10))
    control.stop()
    #expect(control.stoppedAt == stop && pacer.overdue == owed)
    pacer.forgo(stop)
    pacer.forgo(stop + .seconds(1))
    #expect(pacer.overdue == owed)
    pacer.forgo(stop + .seconds(-1))
    #expect(pacer.overdue == owed + 1)
  }

  @Test("a thread that paces asks to be woken no more than a microsecond late")
  func precision() {
    guard FileManager.default.fileExists(atPath: "/proc/self/timerslack_ns") else { return }
    #expect(sleepPrecisely() == 1_000)
  }
}
