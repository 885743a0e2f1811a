import Bytes
import Testing

@testable import Network

@Suite struct TurnPaceTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000)

  /// After 60 ms of turns 200 µs apart, in which so many have sent.
  private func pace(eventsPerTurn: Int, senders: Int) -> TurnPace {
    var pace = TurnPace(at: start)
    for _ in 0..<senders { pace.senderCame() }
    for turn in 1...300 {
      pace.turnBegan(at: start + .microseconds(200 * Int64(turn)), events: eventsPerTurn)
    }
    return pace
  }

  @Test(
    "a rest brings two events at least, and no more than an eighth of those who send",
    arguments: [
      // 120 µs bring 1.8, 2.4, 4.8 and 24 events.
      (3, 10_000, false), (4, 10_000, true), (4, 20, true), (4, 19, false), (8, 64, true),
      (8, 38, false), (40, 192, true), (40, 191, false), (0, 10_000, false), (4, 0, false),
    ])
  func worth(_ eventsPerTurn: Int, senders: Int, mayRest: Bool) {
    #expect(pace(eventsPerTurn: eventsPerTurn, senders: senders).mayRest == mayRest)
  }

  @Test func `nothing is known before a window of senders has passed`() {
    var pace = TurnPace(at: start)
    for _ in 0..<10_000 { pace.senderCame() }
    for turn in 1..<250 {
      pace.turnBegan(at: start + .microseconds(200 * Int64(turn)), events: 10)
      #expect(!pace.mayRest && pace.senderRound == 0)
    }
    pace.turnBegan(at: start + .milliseconds(50), events: 10)
    #expect(pace.mayRest && pace.senderRound == 1)
  }

  @Test func `who has sent nothing for a window counts no longer`() {
    var pace = pace(eventsPerTurn: 10, senders: 1_000)
    #expect(pace.mayRest)
    for turn in 301...600 {
      pace.turnBegan(at: start + .microseconds(200 * Int64(turn)), events: 10)
    }
    #expect(!pace.mayRest && pace.senderRound == 2)
  }

  @Test func `what comes after a silence is looked at without a rest`() {
    var pace = pace(eventsPerTurn: 20, senders: 1_000)
    #expect(pace.mayRest)
    pace.turnBegan(at: start + .seconds(1), events: 1)
    #expect(!pace.mayRest)
  }

  @Test func `looks are a spacing apart, and what took longer has rested enough`() {
    var pace = TurnPace(at: start)
    #expect(pace.rest(at: start) == nil)
    #expect(pace.rest(at: start + .microseconds(20)) == .microseconds(100))
    // The look was at 120.
    #expect(pace.rest(at: start + .microseconds(170)) == .microseconds(70))
    #expect(pace.rest(at: start + .microseconds(360)) == nil)
    #expect(pace.rest(at: start + .microseconds(900)) == nil)
    // A sleep that ended at once, or a clock that stands: never more than a spacing.
    for _ in 0..<3 {
      #expect(pace.rest(at: start + .microseconds(900)) == .microseconds(120))
    }
  }
}
