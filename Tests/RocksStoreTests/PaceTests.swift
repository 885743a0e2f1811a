import Bytes
import Testing

@testable import RocksStore

@Suite struct PaceTests {
  private let start = MonotonicTime(nanoseconds: 1_000_000_000)

  private func pace(medianSync: TimeSpan) -> Pace {
    var pace = Pace(spacing: .milliseconds(1), threshold: 8)
    pace.commitStarted(at: start)
    pace.synced(in: medianSync)
    return pace
  }

  @Test
  func `a third of those in flight are enough for a commit, but never fewer than the threshold`() {
    var pace = pace(medianSync: .microseconds(200))
    #expect(pace.quorum == 8)
    for (inFlight, quorum) in [(0, 8), (15, 8), (24, 8), (64, 21), (66, 22), (9_000, 3_000)] {
      pace.answering(1, inFlight: inFlight)
      #expect(pace.quorum == quorum, "\(inFlight) in flight")
      #expect(pace.crowd == 8)
    }
  }

  @Test(
    "what a quarter of a spacing brings is waited for, if so many can be in flight",
    arguments: [
      // Commits of 20 every 300 µs: 17 in a quarter of a millisecond. Of 9: 7.
      (20, 18, 13, 1), (20, 60, 20, 1), (20, 24, 17, 1), (20, 10, 8, 8), (9, 27, 9, 8),
    ])
  func rate(_ events: Int, inFlight: Int, quorum: Int, crowd: Int) {
    var pace = pace(medianSync: .microseconds(200))
    var now = start
    for _ in 0..<100 {
      pace.answering(events, inFlight: inFlight)
      now = now + .microseconds(300)
      pace.commitStarted(at: now)
    }
    pace.answering(events, inFlight: inFlight)
    #expect(pace.quorum == quorum && pace.crowd == crowd)
    // A pause, and nothing is expected any more.
    pace.commitStarted(at: now + .seconds(1))
    for _ in 0..<40 {
      pace.answering(1, inFlight: inFlight)
      now = now + .seconds(2)
      pace.commitStarted(at: now)
    }
    pace.answering(1, inFlight: inFlight)
    #expect(pace.crowd == 8 && pace.quorum == max(8, inFlight / 3))
  }

  @Test func `starts are a spacing apart at most`() {
    #expect(pace(medianSync: .microseconds(200)).notBefore == start + .milliseconds(1))
  }

  @Test func `a disk slower than the spacing sets the pace by itself`() {
    #expect(pace(medianSync: .milliseconds(2)).notBefore == start)
  }

  @Test func `one slow sync does not move the median`() {
    var pace = pace(medianSync: .microseconds(320))
    pace.synced(in: .seconds(1))
    #expect(pace.medianSync == .microseconds(330))
    for _ in 0..<100 { pace.synced(in: .microseconds(100)) }
    #expect(pace.medianSync < .microseconds(110))
  }
}
