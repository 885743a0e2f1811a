import Bytes
import HTTPWire
import LogConformance
import Metrics
import Testing
import Topics

@testable import Delivery

/// Streams that wait together.
@MainActor @Suite struct AudienceTests {
  private func frame(_ entry: Int, _ payload: String) -> String {
    "id: 1:\(entry)\ndata: \(payload)\n\n"
  }

  /// Readers of one loop, opened and waiting.
  private func waiting(
    _ count: Int, _ stage: Stage, cache: FrameCache, taking chunks: Int = 0
  ) async throws -> [(StreamReader, Task<String, Never>)] {
    var all: [(StreamReader, Task<String, Never>)] = []
    let run = cache.join(stage.address, RecordRendering(view: 0) { _, _ in }, .serverSentEvents)
    let audience = run.audience(on: stage.timers)
    for _ in 0..<count {
      let reader = StreamReader(stage, stage.feed(), cache: cache)
      reader.outcomes = Array(repeating: .sent, count: chunks)
      _ = await reader.next()
      all.append((reader, Task { await reader.next() }))
    }
    try await eventually("all wait") { audience.count == count }
    cache.leave(run)
    return all
  }

  private func end(_ readers: [(StreamReader, Task<String, Never>)]) async {
    for (_, task) in readers { task.cancel() }
    for (_, task) in readers { _ = await task.value }
  }

  @Test func oneOfThemIsRegisteredForAllAndEachGetsEverythingOnce() async throws {
    let stage = try await Stage()
    let cache = FrameCache()
    // More than one turn of the loop serves.
    let readers = try await waiting(300, stage, cache: cache, taking: 100)
    #expect(try stage.growth.waiting == 1)
    for number in 0..<40 { try await stage.append("\(number)") }
    let all = (0..<40).map { frame($0, "\($0)") }.joined()
    try await eventually("everybody has everything") {
      readers.allSatisfy { $0.0.pushed.joined() == all }
    }
    try await eventually("they wait again") { (try? stage.growth.waiting) == 1 }
    await end(readers)
    #expect(try stage.growth.waiting == 0, "nobody waits, nobody is registered")
  }

  @Test func whoCannotTakeAChunkReadsItAsItsNextStep() async throws {
    let stage = try await Stage()
    let readers = try await waiting(3, stage, cache: FrameCache(), taking: 1)
    readers[1].0.outcomes = [.refused]
    readers[2].0.outcomes = [.queued]
    try await stage.append("0")
    #expect(await readers[1].1.value == frame(0, "0"))
    try await eventually("the others took it") { readers[2].0.pushed == [frame(0, "0")] }
    #expect(readers[0].0.pushed == [frame(0, "0")])
    try await stage.append("1")
    #expect(await readers[0].1.value == frame(1, "1"), "after the chunk that was taken")
    #expect(await readers[2].1.value == frame(1, "1"), "after the chunk that was queued")
    #expect(await readers[1].0.next() == frame(1, "1"))
  }

  @Test func whoLeavesDuringAPassLeavesNobodyOut() async throws {
    let stage = try await Stage()
    let readers = try await waiting(400, stage, cache: FrameCache(), taking: 100)
    var alive = readers
    for number in 0..<30 {
      try await stage.append("\(number)")
      await Task.yield()
      for _ in 0..<5 {
        let index = (number &* 7919) % alive.count
        alive[index].1.cancel()
        _ = await alive.remove(at: index).1.value
      }
    }
    let all = (0..<30).map { frame($0, "\($0)") }.joined()
    try await eventually("everybody who stayed has everything") {
      alive.allSatisfy { $0.0.pushed.joined() == all }
    }
    await end(alive)
  }

  @Test func whoseConnectionIsCutIsForgotten() async throws {
    let stage = try await Stage()
    let readers = try await waiting(2, stage, cache: FrameCache(), taking: 9)
    readers[0].0.cut()
    try await stage.append("0")
    try await eventually("the other has it") { readers[1].0.pushed == [frame(0, "0")] }
    #expect(readers[0].0.pushed.isEmpty)
    readers[1].0.cut()
    #expect(try stage.growth.waiting == 0)
    await end(readers)
  }

  @Test func afterTheTokenNothingIsPushed() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed(), expires: 10)
    reader.outcomes = [.sent, .sent]
    _ = await reader.next()
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    stage.clock.step(.seconds(10))
    try await stage.append("late")
    #expect(await waiting.value.hasPrefix("event: jodrell.end\n"))
    #expect(reader.pushed.isEmpty)
  }

  @Test func aPushPutsTheHeartbeatOff() async throws {
    let stage = try await Stage()
    let readers = try await waiting(1, stage, cache: FrameCache(), taking: 9)
    stage.timers.step(.seconds(10))
    try await stage.append("0")
    try await eventually("it is pushed") { readers[0].0.pushed.count == 1 }
    stage.timers.step(.seconds(10))
    try await eventually("it waits again") { (try? stage.growth.waiting) == 1 }
    stage.timers.step(.seconds(5))
    #expect(await readers[0].1.value == ":\n\n")
  }

  @Test func afterALongPassTheNextWaitsAsLongAndTakesEverything() async throws {
    let stage = try await Stage()
    let readers = try await waiting(4, stage, cache: FrameCache(), taking: 100)
    for (reader, _) in readers { reader.onPush = { stage.clock.step(.milliseconds(2)) } }
    try await stage.append("0")
    try await eventually("they wait again") { (try? stage.growth.waiting) == 1 }
    try await stage.append("1")
    try await eventually("the bell has rung") { stage.timers.count == 5 }
    try await stage.append("2")
    #expect(readers.allSatisfy { $0.0.pushed == [frame(0, "0")] })
    stage.timers.step(.milliseconds(8))
    #expect(readers.allSatisfy { $0.0.pushed == [frame(0, "0"), frame(1, "1") + frame(2, "2")] })
    await end(readers)
  }

  @Test func theTopicsEndAndTheLeasesReachWhoWaits() async throws {
    let stage = try await Stage()
    let lease = StreamLease()
    let leased = StreamReader(stage, stage.feed(), lease: lease)
    _ = await leased.next()
    let waiting = Task { await leased.next() }
    let others = try await self.waiting(3, stage, cache: FrameCache())
    try await eventually("both audiences wait") { (try? stage.growth.waiting) == 2 }
    lease.end()
    #expect(await waiting.value.hasPrefix("event: jodrell.end\n"))
    try await stage.delete()
    for (_, task) in others { #expect(await task.value.hasPrefix("event: jodrell.end\n")) }
  }

  @Test func whatIsTakenAtOnceIsMeasuredAtOnce() async throws {
    let stage = try await Stage()
    let metrics = MetricsRegistry(capacity: 4).topic(
      TopicKey(
        tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "shop"),
        topic: ByteSlice(utf8: "orders")))
    let reader = StreamReader(stage, stage.feed(), metrics: { metrics })
    reader.outcomes = [.sent]
    _ = await reader.next()
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.append("new")
    try await eventually("it is pushed") { reader.pushed.count == 1 }
    #expect(metrics.deliverySummary?.count == 1)
    waiting.cancel()
    _ = await waiting.value
  }
}
