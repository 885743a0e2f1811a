import Bytes
import LogConformance
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// A wall clock that steps and stands: times of publishing never fall, and order is the log's.
@Suite struct ClockTests {
  @Test func `publish times never fall over steps, standstills and reopenings`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    // An hour back, a month forwards, a day back, standing, and ever so little on.
    let steps = [0, -3600, 720 * 3600, -24 * 3600, 0, 0].map(TimeSpan.seconds) + [.nanoseconds(1)]
    var sent = 0
    for (life, step) in steps.enumerated() {
      let log = try RocksTopicLog(opening: configuration(scratch, clock))
      if life == 0 { _ = try await log.createTopic(topic, TopicConfiguration()) }
      let loop = TestLoop(log)
      for _ in 0..<5 {
        _ = try await loop.append(event(topic, "\(sent)"))
        sent += 1
      }
      // In the middle of a life as well as between two.
      clock.set(wall: clock.wall + step)
      for _ in 0..<5 {
        _ = try await loop.append(event(topic, "\(sent)"))
        sent += 1
      }
      log.close()
    }
    let log = try RocksTopicLog(opening: configuration(scratch, clock))
    let page = try log.readStored(reader, from: .first(), budget: .answer)
    #expect(page.records.map(\.payload.text) == (0..<sent).map { "\($0)" })
    let times = page.records.map(\.publishTime)
    #expect(times == times.sorted())
    // A place by time is the first event of that time, whichever way the clock went.
    for record in page.records {
      let place = try log.locate(record.publishTime, in: reader)
      #expect(place.next == UInt64(times.firstIndex(of: record.publishTime) ?? 0))
    }
    log.close()
  }

  @Test func `a clock at the end of representable time stands there`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock(wall: .distantFuture)
    let (topic, reader) = (try address("orders"), try address("orders", .subscribe))
    for life in 0..<2 {
      let log = try RocksTopicLog(opening: configuration(scratch, clock))
      if life == 0 { _ = try await log.createTopic(topic, TopicConfiguration()) }
      let receipt = try await TestLoop(log).append(event(topic, "\(life)"))
      #expect(receipt.publishTime == .distantFuture)
      #expect(try log.locate(.distantFuture, in: reader) == .first())
      #expect(try log.stored(reader).count == life + 1)
      log.close()
      clock.step(.seconds(3600))
    }
  }
}
