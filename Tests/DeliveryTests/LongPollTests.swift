import Bytes
import LogConformance
import Testing
import Topics

@testable import Delivery

@MainActor @Suite struct LongPollTests {
  private func poll(
    _ stage: Stage, _ feed: TopicFeed<MemoryLog>, wait: Int64, expires: Int64 = 3_600
  ) async throws -> Page {
    try await LongPoll.next(
      feed, budget: .answer, until: stage.now + .seconds(wait),
      expires: stage.clock.wall + .seconds(expires))
  }

  @Test func whatIsThereIsReturnedAtOnce() async throws {
    let stage = try await Stage()
    try await stage.append("0", "1")
    let page = try await poll(stage, stage.feed(from: 1), wait: 30)
    #expect(page.records.map(\.payload.text) == ["1"])
    #expect(page.next == stage.cursor(2) && page.isUpToDate)
    #expect(stage.timers.count == 0)
  }

  @Test func whatComesWhileWaitingIsReturnedThen() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let answer = Task { try await poll(stage, feed, wait: 30) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.append("0")
    #expect(try await answer.value.records.map(\.payload.text) == ["0"])
  }

  @Test func whenTimeIsUpTheAnswerIsEmptyAndHasTheSamePlace() async throws {
    let stage = try await Stage()
    try await stage.append("0")
    let feed = stage.feed(from: 1)
    let answer = Task { try await poll(stage, feed, wait: 30) }
    try await eventually("it waits") { stage.timers.count == 1 }
    stage.timers.step(.seconds(30))
    let page = try await answer.value
    #expect(page.records.isEmpty && page.next == stage.cursor(1))
    let noPatience = try await poll(stage, feed, wait: 0 - 1)
    #expect(noPatience.records.isEmpty)
  }

  @Test func waitingEndsWithTheToken() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let answer = Task { try await poll(stage, feed, wait: 30, expires: 5) }
    try await eventually("it waits") { stage.timers.count == 1 }
    stage.timers.step(.seconds(5))
    #expect(try await answer.value.records.isEmpty == true)
  }

  @Test func aGapIsReturnedAtOnceEvenWithoutRecords() async throws {
    let stage = try await Stage()
    try await stage.append("0", "1")
    try await stage.trim(before: 2)
    let page = try await poll(stage, stage.feed(), wait: 30)
    #expect(page.gap?.lost == 2 && page.records.isEmpty)
  }

  @Test func aWaitThatIsCutShortBringsNothing() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let answer = Task { try await poll(stage, feed, wait: 30) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    answer.cancel()
    let page = try await answer.value
    #expect(page.records.isEmpty && page.gap == nil && page.next == stage.cursor(0))
    #expect(stage.timers.count == 0)
  }

  @Test func aTopicDeletedMeanwhileIsUnknown() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let answer = Task { try await poll(stage, feed, wait: 30) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.delete()
    await #expect(throws: ReadFailure.unknownTopic) { try await answer.value }
  }
}
