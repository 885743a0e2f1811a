import Bytes
import Testing

@testable import Network

@Suite struct TurnPaceTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000)

  /// After ten windows with turns a fifth of a window apart.
  private func pace(eventsPerTurn: Int) -> TurnPace {
    var pace = TurnPace(at: start)
    for turn in 1...50 {
      pace.turnBegan(at: start + .microseconds(200 * Int64(turn)), events: eventsPerTurn)
    }
    return pace
  }

  @Test(
    "a rest brings two events at least, and no more than an eighth of those connected",
    arguments: [
      // 120 µs bring 1.8, 2.4, 4.8 and 24 events.
      (3, 10_000, false), (4, 10_000, true), (4, 20, true), (4, 19, false), (8, 64, true),
      (8, 38, false), (40, 192, true), (40, 191, false), (0, 10_000, false), (4, 0, false),
    ])
  func worth(_ eventsPerTurn: Int, connections: Int, mayRest: Bool) {
    #expect(pace(eventsPerTurn: eventsPerTurn).mayRest(connections: connections) == mayRest)
  }

  @Test func `nothing is known before a window has passed`() {
    var pace = TurnPace(at: start)
    for turn in 1..<100 {
      pace.turnBegan(at: start + .microseconds(10 * Int64(turn)), events: 1)
      #expect(!pace.mayRest(connections: 10_000))
    }
    pace.turnBegan(at: start + .milliseconds(1), events: 1)
    #expect(pace.mayRest(connections: 10_000))
  }

  @Test func `what comes after a silence is looked at without a rest`() {
    var pace = pace(eventsPerTurn: 20)
    #expect(pace.mayRest(connections: 1_000))
    pace.turnBegan(at: start + .seconds(1), events: 1)
    #expect(!pace.mayRest(connections: 1_000))
  }

  @Test func `looks are a spacing apart, and what took longer has rested enough`() {
    var pace = pace(eventsPerTurn: 20)
    #expect(pace.rest(at: start) == nil)
    #expect(pace.rest(at: start + .microseconds(20)) == .microseconds(100))
    // The look was at 120.
    #expect(pace.rest(at: start + .microseconds(170)) == .microseconds(70))
    #expect(pace.rest(at: start + .microseconds(360)) == nil)
    #expect(pace.rest(at: start + .microseconds(900)) == nil)
    #expect(pace.rest(at: start + .microseconds(900)) == .microseconds(120))
  }
}
