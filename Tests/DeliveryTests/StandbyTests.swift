import Bytes
import Subscriptions
import Testing
import Topics

@testable import Delivery

/// Calls that wait for the place of an exclusive subscription's consumer.
@MainActor @Suite struct StandbyTests {
  private func payloads(_ call: Task<[DeliveredEvent], any Error>) async throws -> [String] {
    try await call.value.map(\.record.payload.text)
  }

  private func waiting(_ seat: Seat, _ consumer: String, wait: Int64 = 60, timers: Int)
    async throws -> Task<[DeliveredEvent], any Error>
  {
    let call = Task { try await seat.receive(consumer, wait: wait) }
    try await eventually("\(consumer) waits") { seat.stage.timers.count == timers }
    return call
  }

  @Test func anAcknowledgementThatFreesThePlaceLetsTheNextIn() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    try await seat.stage.append("0", "1")
    let held = try await seat.receive("a", max: 1)
    let standby = try await waiting(seat, "b", timers: 1)
    await #expect(throws: DispatchFailure.refused(.busy)) { try await seat.receive("c") }
    _ = try await seat.acknowledge(held)
    #expect(try await payloads(standby) == ["1"])
    #expect(seat.stage.timers.count == 0)
  }

  @Test func aDeadWorkersLeasesEndAndTheNextTakesOver() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    try await seat.stage.append("0")
    _ = try await seat.receive("a")
    let standby = try await waiting(seat, "b", timers: 1)
    seat.stage.timers.step(.seconds(30))
    #expect(try await standby.value.map(\.count) == [2])
    #expect(seat.dispatcher.facts(on: seat.stage.site).consumers == 1)
  }

  @Test func withoutAWaitToo() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    try await seat.stage.append("0")
    _ = try await seat.receive("a")
    seat.stage.timers.step(.seconds(29))
    await #expect(throws: DispatchFailure.refused(.busy)) { try await seat.receive("b") }
    #expect(seat.dispatcher.facts(on: seat.stage.site).waiting == 0)
    seat.stage.timers.step(.seconds(1))
    #expect(seat.dispatcher.facts(on: seat.stage.site).waiting == 1)
    #expect(try await seat.payloads("b") == ["0"])
  }

  @Test func theNextStandsInTheLineOnceTheFirstHasGone() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    let first = try await waiting(seat, "a", wait: 10, timers: 1)
    let second = try await waiting(seat, "b", timers: 2)
    let third = try await waiting(seat, "c", timers: 3)
    #expect(seat.dispatcher.facts(on: seat.stage.site).consumers == 1)
    seat.stage.timers.step(.seconds(10))
    #expect(try await payloads(first) == [])
    try await eventually("the second has the place") {
      seat.stage.timers.count == 2 && seat.dispatcher.facts(on: seat.stage.site).consumers == 1
    }
    try await seat.stage.append("0")
    #expect(try await payloads(second) == ["0"])
    try await eventually("the third watches the lease") {
      (try? seat.stage.growth.waiting) == 1 && seat.stage.timers.count == 1
    }
    seat.stage.timers.step(.seconds(30))
    #expect(try await payloads(third) == ["0"])
  }

  @Test func whoseTimeIsUpIsBusyAndTheNextStaysInLine() async throws {
    let seat = try await Seat(try await Stage(), .exclusive, ackTimeout: 0)
    try await seat.stage.append("0", "1")
    let held = try await seat.receive("a", max: 1)
    let short = try await waiting(seat, "b", wait: 10, timers: 1)
    let long = try await waiting(seat, "c", timers: 2)
    seat.stage.timers.step(.seconds(10))
    await #expect(throws: DispatchFailure.refused(.busy)) { try await short.value }
    try await eventually("the next one watches the topic") {
      (try? seat.stage.growth.waiting) == 1
    }
    long.cancel()
    #expect(try await payloads(long) == [])
    let last = try await waiting(seat, "d", timers: 1)
    _ = try await seat.acknowledge(held)
    #expect(try await payloads(last) == ["1"])
  }

  @Test func aSeekFreesThePlace() async throws {
    let seat = try await Seat(try await Stage(), .exclusive, ackTimeout: 0)
    try await seat.stage.append("0", "1")
    _ = try await seat.receive("a")
    let standby = try await waiting(seat, "b", timers: 1)
    try await seat.dispatcher.seek(to: seat.stage.cursor(1), on: seat.stage.site)
    #expect(try await payloads(standby) == ["1"])
  }

  @Test func aTopicOrSubscriptionThatGoesEndsTheWait() async throws {
    for deletesTopic in [true, false] {
      let seat = try await Seat(try await Stage(), .exclusive)
      try await seat.stage.append("0")
      _ = try await seat.receive("a")
      let calls = [
        try await waiting(seat, "b", timers: 1), try await waiting(seat, "c", timers: 2),
      ]
      if deletesTopic {
        try await seat.stage.delete()
      } else {
        seat.dispatcher.close()
      }
      for call in calls { await #expect(throws: DispatchFailure.gone) { try await call.value } }
      #expect(seat.stage.timers.count == 0)
    }
  }

  @Test func aRightThatIsGoneEndsTheWait() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    try await seat.stage.append("0")
    _ = try await seat.receive("a")
    var holds = true
    let right = WaitingRight { holds }
    let call = ReceiveCall(
      consumer: ByteSlice(utf8: "b"), max: 1, deadline: seat.stage.now + .seconds(60),
      expires: .distantFuture)
    let standby = Task {
      try await seat.dispatcher.receive(
        call, of: seat.stage.address, under: right, on: seat.stage.site)
    }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    holds = false
    #expect(!right.changed())
    await #expect(throws: DispatchFailure.withdrawn) { try await standby.value }
  }

  @Test func noMoreStandByThanAreAllowed() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    try await seat.stage.append("0")
    _ = try await seat.receive("a")
    let most = SubscriptionLimits.maxConsumers
    let calls = (0..<most).map { _ in Task { try await seat.receive("b", wait: 60) } }
    try await eventually("all wait") { seat.stage.timers.count == most }
    await #expect(throws: DispatchFailure.refused(.tooManyConsumers(limit: most))) {
      try await seat.receive("b", wait: 60)
    }
    for call in calls { call.cancel() }
    for call in calls { _ = await call.result }
    #expect(seat.stage.timers.count == 0)
  }
}
