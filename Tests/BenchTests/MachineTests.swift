import Bytes
import Testing

@testable import jodrell_bench

@Suite struct MachineTests {
  @Test("what is missing between two readings of the clock is a pause")
  func pauses() {
    var now = MonotonicTime(nanoseconds: 5)
    var count = PauseCount(at: now)
    let gaps: [TimeSpan] = [
      .nanoseconds(40), .microseconds(199), .microseconds(200), .milliseconds(7),
    ]
    for gap in gaps {
      now = now + gap
      count.read(now)
    }
    #expect(count.pauses == [.microseconds(200), .milliseconds(7)])
    #expect(count.length == .nanoseconds(7_399_040))
    let report = MachineReport(cores: [count, count], stolen: 0.25)
    #expect(
      report.json
        == #"{"cores":2,"over1ms":2,"over4ms":2,"over16ms":0,"longestMilliseconds":7.000,"#
        + #""pausedPercent":97.310,"slowestStretch":1.000,"stolenPercent":25.000}"#)
  }

  @Test("the slowest tenth of a second is told beside the fastest")
  func speeds() {
    var count = PauseCount(at: MonotonicTime(nanoseconds: 0))
    for reading in 1...100 {
      count.read(MonotonicTime(nanoseconds: Int64(reading) * 1_000_000))
    }
    for reading in 1...50 {
      count.read(MonotonicTime(nanoseconds: 100_000_000 + Int64(reading) * 2_000_000))
    }
    #expect(count.speeds == [1, 0.5])
    let report = MachineReport(cores: [count], stolen: nil)
    #expect(report.json.contains(#""slowestStretch":0.500"#) && !report.json.contains("stolen"))
  }

  @Test func `a pause makes the stretch slow that it lies in`() {
    var count = PauseCount(at: MonotonicTime(nanoseconds: 0))
    for reading in 1...50 { count.read(MonotonicTime(nanoseconds: Int64(reading) * 1_000_000)) }
    count.read(MonotonicTime(nanoseconds: 408_000_000))
    #expect(count.speeds == [0.125])
  }

  @Test func `stolen time is the eighth figure of the processors' line`() throws {
    let before = try #require(StolenTime("cpu  10 0 20 60 0 0 0 10 0 0\ncpu0 1 2\n"))
    let after = try #require(StolenTime("cpu  20 0 30 120 0 5 5 20 0 0\n"))
    #expect(after.share(since: before) == 0.1)
    #expect(after.share(since: after) == 0)
    for broken in ["", "cpu0 1 2 3 4 5 6 7 8", "cpu  1 2 3 4 5 6 7", "cpu  a b c d e f g h"] {
      #expect(StolenTime(broken) == nil)
    }
  }

  @Test("a run reads the clock on every thread")
  func run() async throws {
    let run = try MachineRun(["--duration", "20ms", "--cores", "2", "--json"])
    #expect(await run.run() == 0)
    let counts = await run.counts()
    #expect(counts.count == 2 && counts.allSatisfy { $0.length >= .milliseconds(20) })
    #expect(throws: UsageFault.self) { try MachineRun(["--cores", "0"]) }
    #expect(throws: UsageFault.self) { try MachineRun(["more"]) }
  }
}
