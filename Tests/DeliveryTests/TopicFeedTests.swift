import Bytes
import HTTPWire
import LogConformance
import Synchronization
import Tenancy
import Testing
import Topics

@testable import Delivery

@MainActor @Suite struct TopicFeedTests {
  @Test func readsFromTheStoreUntilItReachesTheTail() async throws {
    let stage = try await Stage(tailRecords: 3)
    for number in 0..<8 { try await stage.append("\(number)") }
    let feed = stage.feed()
    var seen: [String] = []
    var places: [Bool] = []
    while true {
      let page = try await feed.read(ByteBudget(records: 3, bytes: 1_000))
      if page.records.isEmpty { break }
      seen += page.records.map(\.payload.text)
      places.append(feed.isAtTail)
    }
    #expect(seen == (0..<8).map { "\($0)" })
    #expect(places == [false, false, true])
    #expect(feed.cursor == stage.cursor(8))
  }

  @Test func aWaitEndsWithTheNextEvent() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let waiting = Task { await feed.wait(until: stage.now + .seconds(30)) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.append("0")
    #expect(await waiting.value == .grown)
    #expect(stage.timers.count == 0, "its timer is gone")
    #expect(await feed.wait(until: stage.now) == .grown, "there is something already")
  }

  @Test func aWaitEndsAtItsDeadline() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let waiting = Task { await feed.wait(until: stage.now + .seconds(30)) }
    try await eventually("it waits") { stage.timers.count == 1 }
    stage.timers.step(.seconds(29))
    #expect(try stage.growth.waiting == 1)
    stage.timers.step(.seconds(1))
    #expect(await waiting.value == .timeout)
    #expect(try stage.growth.waiting == 0, "nothing is left behind")
  }

  @Test func aWaitEndsWhenItsTaskIsCancelled() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let waiting = Task { await feed.wait(until: .distantFuture) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    waiting.cancel()
    #expect(await waiting.value == .cancelled)
    #expect(try stage.growth.waiting == 0)
  }

  @Test func aWaitEndsWithTheTopic() async throws {
    let stage = try await Stage()
    let feed = stage.feed()
    let waiting = Task { await feed.wait(until: .distantFuture) }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.delete()
    #expect(await waiting.value == .closed)
    await #expect(throws: ReadFailure.unknownTopic) { try await feed.read(.answer) }
    #expect(await feed.wait(until: .distantFuture) == .closed)
  }

  @Test func aFullQueueOfWorkersIsUnavailable() async throws {
    let stage = try await Stage(tailRecords: 1)
    try await stage.append("0", "1", "2")
    let site = LoopSite(timers: stage.timers, workers: Workers { _ in .full })
    let feed = TopicFeed(stage.log, topic: stage.address, from: stage.cursor(0), site: site)
    await #expect(throws: ReadFailure.unavailable(retryAfter: .seconds(1))) {
      try await feed.read(.answer)
    }
    await #expect(throws: ReadFailure.unavailable(retryAfter: .seconds(1))) {
      try await site.place(.from(stage.clock.wall), in: stage.address, of: stage.log)
    }
  }

  @Test func placesAreFoundForAllStarts() async throws {
    let stage = try await Stage()
    try await stage.append("0")
    stage.timers.step(.seconds(10))
    try await stage.append("1", "2")
    try await stage.trim(before: 1)
    func place(_ start: StartPosition) async throws -> FeedStart {
      try await stage.site.place(start, in: stage.address, of: stage.log)
    }
    #expect(try await place(.earliest).cursor == stage.cursor(1))
    #expect(try await place(.latest).cursor == stage.cursor(3))
    #expect(try await place(.from(stage.clock.wall)).cursor == stage.cursor(1))
    #expect(try await place(.after(stage.cursor(2))).cursor == stage.cursor(2))
    let gone = try await place(.after(stage.cursor(0)))
    #expect(gone.cursor == stage.cursor(0) && gone.reachable == stage.cursor(1))
    #expect(gone.gap?.lost == 1)
    await #expect(throws: ReadFailure.positionAhead(end: stage.cursor(3))) {
      _ = try await place(.after(stage.cursor(4)))
    }
  }
}
