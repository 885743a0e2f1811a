import Bytes
import HTTPWire
import LogConformance
import Metrics
import Synchronization
import Testing

@testable import Gateway

/// What a lane gives to its threads when, with threads that the test plays.
@Suite struct WorkerLaneTests {
  /// Take work unless they are busy, and do it when they are told to.
  final class PlayedThreads: Sendable {
    private struct State {
      var taken: [Workers.Work] = []
      var busy: WorkersBusy?
    }
    private let state = Mutex(State())

    var workers: Workers {
      Workers { [self] work in
        state.withLock { state in
          if state.busy == nil { state.taken.append(work) }
          return state.busy
        }
      }
    }

    var taken: Int { state.withLock { $0.taken.count } }
    func areBusy(_ busy: WorkersBusy?) { state.withLock { $0.busy = busy } }
    func step(_ turn: Workers.Turn = .run) { state.withLock { $0.taken.removeFirst() }(turn) }
  }

  /// What became of the pieces of work, in this order.
  final class Story: Sendable {
    private let lines = Mutex<[String]>([])
    var told: [String] { lines.withLock { $0 } }

    /// - Parameter span: how long it takes.
    func work(
      _ name: String, for span: TimeSpan = .zero, on clock: SteppedClock? = nil
    ) -> Workers.Work {
      { [self] turn in
        clock?.step(span)
        let end = if case .refused(let busy) = turn { " \(busy)" } else { "" }
        lines.withLock { $0.append(name + end) }
      }
    }
  }

  private let threads = PlayedThreads()
  private let story = Story()
  private let metrics = QueueMetrics()
  private let clock = SteppedClock()

  private func lane(capacity: Int) -> WorkerLane {
    WorkerLane(
      behind: threads.workers, capacity: capacity, urgent: capacity, metrics: metrics,
      now: clock.clocks.monotonic)
  }

  /// A lane twice as long, seen by one tenant.
  private func own(capacity: Int) -> Workers {
    lane(capacity: 2 * capacity).of(ByteSlice(utf8: "acme"))
  }

  @Test func `one at a time is with the threads, in the order of their coming`() {
    let lane = own(capacity: 3)
    for name in ["a", "b", "c"] { #expect(lane.submit(story.work(name)) == nil) }
    #expect(threads.taken == 1 && story.told == [])
    threads.step()
    #expect(threads.taken == 1 && story.told == ["a"])
    #expect(lane.submit(story.work("d")) == nil)
    for _ in 0..<3 { threads.step() }
    #expect(threads.taken == 0 && story.told == ["a", "b", "c", "d"])
    #expect(lane.submit(story.work("e")) == nil)
    #expect(threads.taken == 1)
  }

  @Test func `what finds no room is refused and does not come up`() {
    let lane = own(capacity: 1)
    #expect(lane.submit(story.work("a")) == nil)
    #expect(lane.submit(story.work("b")) == nil)
    #expect(lane.submit(story.work("c")) == .full)
    threads.step()
    #expect(lane.submit(story.work("d")) == nil)
    #expect(metrics.schemas.value == 1 && metrics.schemasRefused.value == 1)
    for _ in 0..<2 { threads.step() }
    #expect(threads.taken == 0 && story.told == ["a", "b", "d"])
    #expect(metrics.schemas.value == 0)
  }

  @Test func `tenants take turns, one has half of the line, and who has most gives one up`() {
    let lane = lane(capacity: 4)
    let (acme, shop) = (lane.of(ByteSlice(utf8: "acme")), lane.of(ByteSlice(utf8: "shop")))
    for name in ["a1", "a2", "a3"] { #expect(acme.submit(story.work(name)) == nil) }
    #expect(acme.submit(story.work("a4")) == .full)
    for name in ["s1", "s2"] { #expect(shop.submit(story.work(name)) == nil) }
    let more = lane.of(ByteSlice(utf8: "more"))
    #expect(more.submit(story.work("m1")) == nil)
    #expect(story.told == ["a3 full"] && metrics.schemas.value == 4)
    // Nobody has more than one who has two would have.
    #expect(more.submit(story.work("m2")) == .full)
    #expect(metrics.schemasRefused.value == 3)
    for _ in 0..<5 { threads.step() }
    #expect(story.told == ["a3 full", "a1", "a2", "s1", "m1", "s2"])
    #expect(threads.taken == 0 && metrics.schemas.value == 0)
  }

  @Test func `what events wait for goes ahead, tenants in turn, and the rest has its time`() {
    let lane = lane(capacity: 80)
    let (acme, mill) = (ByteSlice(utf8: "acme"), ByteSlice(utf8: "mill"))
    for name in ["p1", "p2"] {
      #expect(lane.of(acme).submit(story.work(name, for: .seconds(1), on: clock)) == nil)
    }
    let urgent = lane.of(mill, isUrgent: true)
    for number in 1...80 {
      let work = story.work("m\(number)", for: .milliseconds(100), on: clock)
      #expect(urgent.submit(work) == nil)
    }
    #expect(urgent.submit(story.work("m81")) == .full)
    // Whoever has less gets the place of the last one.
    #expect(lane.of(acme, isUrgent: true).submit(story.work("a1")) == nil)
    for _ in 0..<3 { threads.step() }
    #expect(story.told == ["m80 full", "p1", "m1", "a1"])
    // The first took a second: four seconds of urgent work come before the second.
    while story.told.last != "p2" { threads.step() }
    #expect(story.told.count == 1 + 1 + 1 + 40 + 1)
    while threads.taken > 0 { threads.step() }
    #expect(story.told.last == "m79" && metrics.schemas.value == 0)
  }

  @Test func `what a full pool does not take is done by the thread that hands it on`() {
    let lane = own(capacity: 3)
    for name in ["b", "c", "d"] { #expect(lane.submit(story.work(name)) == nil) }
    threads.areBusy(.full)
    threads.step()
    #expect(story.told == ["b", "c", "d"] && threads.taken == 0)
    threads.areBusy(nil)
    #expect(lane.submit(story.work("e")) == nil)
    threads.step()
    #expect(story.told == ["b", "c", "d", "e"])
  }

  @Test func `threads that take nothing leave the lane free`() {
    let lane = own(capacity: 3)
    threads.areBusy(.full)
    #expect(lane.submit(story.work("a")) == .full)
    threads.areBusy(nil)
    #expect(lane.submit(story.work("b")) == nil)
    threads.step()
    #expect(story.told == ["b"])
  }

  @Test func `threads that stop refuse what waits in the lane, too`() {
    let lane = own(capacity: 3)
    for name in ["a", "b", "c"] { #expect(lane.submit(story.work(name)) == nil) }
    threads.areBusy(.stopping)
    threads.step(.refused(.stopping))
    #expect(story.told == ["a stopping", "b stopping", "c stopping"])
    #expect(lane.submit(story.work("d")) == .stopping)
  }
}
