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

  @Test func `half of those in flight are enough for a commit, but never fewer than the threshold`()
  {
    var pace = pace(medianSync: .microseconds(200))
    #expect(pace.quorum == 8)
    for (inFlight, quorum) in [(0, 8), (15, 8), (16, 8), (64, 32), (65, 32), (10_000, 5_000)] {
      pace.answering(inFlight: inFlight)
      #expect(pace.quorum == quorum, "\(inFlight) in flight")
    }
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
