import Bytes
import HTTPWire
import LogConformance
import Subscriptions
import Tenancy
import Testing
import Topics

@testable import Delivery

/// One subscription of the stage's topic.
@MainActor
struct Seat {
  let stage: Stage
  let definition: SubscriptionDefinition
  let directory: DispatcherDirectory<MemoryLog>
  let seat: DispatcherSeat<MemoryLog>

  var dispatcher: Dispatcher<MemoryLog> { seat.dispatcher }

  init(
    _ stage: Stage, _ kind: SubscriptionKind = .shared, ackTimeout: Int64 = 30,
    maxUnacked: Int = 1_000
  ) async throws {
    self.stage = stage
    definition = try await stage.log.createSubscription(
      stage.proofs.name("billing"),
      SubscriptionTerms(kind: kind, ackTimeout: .seconds(ackTimeout), maxUnacked: maxUnacked),
      startingAt: stage.cursor(0), of: stage.address
    ).thing
    directory = DispatcherDirectory(stage.log, wall: stage.clock.clocks.wall)
    seat = try await directory.seat(at: definition, of: stage.address, on: stage.site)
  }

  func receive(
    _ consumer: String = "a", max: Int = 10, wait: Int64 = 0, bytes: Int = 1 << 20
  ) async throws -> [DeliveredEvent] {
    let call = ReceiveCall(
      consumer: ByteSlice(utf8: consumer), max: max, bytes: bytes,
      deadline: stage.now + .seconds(wait), expires: stage.clock.wall + .seconds(3_600))
    return try await dispatcher.receive(call, of: stage.address, on: stage.site)
  }

  func payloads(_ consumer: String = "a", max: Int = 10) async throws -> [String] {
    try await receive(consumer, max: max).map(\.record.payload.text)
  }

  func acknowledge(_ events: [DeliveredEvent], _ durability: AckDurability = .awaited)
    async throws -> SettledTokens
  {
    try await dispatcher.acknowledge(events.map(\.token), durability, on: stage.site)
  }

  var stored: SubscriptionState {
    get throws {
      try stage.log.loadState(
        of: SubscriptionReference(
          topic: stage.address, name: definition.name, number: definition.number))
    }
  }
}

@MainActor @Suite struct DispatcherTests {
  @Test func consumersGetEventsWithTokensCountsAndLeases() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2")
    let first = try await seat.receive("a", max: 2)
    #expect(first.map(\.record.payload.text) == ["0", "1"])
    #expect(first.map(\.count) == [1, 1])
    #expect(first.map(\.leaseUntil).allSatisfy { $0 == seat.stage.clock.wall + .seconds(30) })
    #expect(try await seat.payloads("b") == ["2"])
    #expect(try await seat.payloads("b") == [])
    let facts = seat.dispatcher.facts(on: seat.stage.site)
    #expect(facts.backlog == 3 && facts.unacked == 3 && facts.consumers == 2)
  }

  @Test func anAwaitedAcknowledgementIsStoredBeforeTheAnswer() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2")
    let events = try await seat.receive()
    let outcome = try await seat.acknowledge([events[0], events[2]])
    #expect(outcome.settled == 2 && outcome.failed.isEmpty)
    #expect(try seat.stored.markDelete == seat.stage.cursor(1))
    #expect(try seat.stored.chunks.count == 1)
    #expect(seat.stage.timers.count == 0)
  }

  @Test func otherAcknowledgementsAreStoredTogetherSoon() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2")
    for event in try await seat.receive() { _ = try await seat.acknowledge([event], .soon) }
    #expect(try seat.stored.markDelete == seat.stage.cursor(0))
    #expect(seat.stage.timers.count == 1, "one timer for all of them")
    seat.stage.timers.step(.milliseconds(90))
    #expect(try seat.stored.markDelete == seat.stage.cursor(3))
    #expect(seat.stage.timers.count == 0)
  }

  @Test func tokensThatSettleNothingAreNamedByPlaceAndReason() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1")
    let events = try await seat.receive()
    let foreign = AckToken(ledger: 1, subscription: 99, epoch: 0, entry: 0, serial: 1).text
    let tokens = [ByteSlice(utf8: "?"), events[0].token, foreign, events[0].token]
    let outcome = try await seat.dispatcher.acknowledge(tokens, .awaited, on: seat.stage.site)
    #expect(outcome.settled == 2)
    #expect(outcome.failed.map(\.index) == [0, 2])
    #expect(outcome.failed.map(\.fault) == [.malformed, .otherSubscription])
  }

  @Test func aWaitingCallGetsTheNextEventAndOnlyOneIsWoken() async throws {
    let seat = try await Seat(try await Stage(), ackTimeout: 3_600)
    let calls = ["a", "b", "c"].map { name in
      Task { try await seat.receive(name, wait: 30).map(\.record.payload.text) }
    }
    try await eventually("they wait") { seat.stage.timers.count == 3 }
    #expect(try seat.stage.growth.waiting == 1, "only the head of the line watches the topic")
    try await seat.stage.append("0")
    #expect(try await calls[0].value == ["0"])
    try await eventually("the next one watches") {
      (try? seat.stage.growth.waiting) == 1 && seat.stage.timers.count == 2
    }
    try await seat.stage.append("1")
    #expect(try await calls[1].value == ["1"])
    try await eventually("the last one watches") { (try? seat.stage.growth.waiting) == 1 }
    seat.stage.timers.step(.seconds(30))
    #expect(try await calls[2].value == [])
    #expect(seat.stage.timers.count == 0)
    let facts = seat.dispatcher.facts(on: seat.stage.site)
    #expect(facts.consumers == 2, "who holds nothing is forgotten")
  }

  @Test func severalEventsAtOnceReachSeveralWaitingCalls() async throws {
    let seat = try await Seat(try await Stage())
    let calls = ["a", "b", "c"].map { name in
      Task { try await seat.receive(name, max: 1, wait: 30).map(\.record.payload.text) }
    }
    try await eventually("they wait") { seat.stage.timers.count == 3 }
    _ = try await seat.stage.loop.appendAll(
      try ["0", "1", "2"].map { try seat.stage.proofs.event("orders", $0) })
    var got: [String] = []
    for call in calls { got += try await call.value }
    #expect(got.sorted() == ["0", "1", "2"])
  }

  @Test func aLeaseThatRunsOutWakesAWaitingCall() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0")
    #expect(try await seat.payloads("a") == ["0"])
    let waiting = Task { try await seat.receive("b", wait: 60) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    seat.stage.timers.step(.seconds(30))
    let again = try await waiting.value
    #expect(again.map(\.count) == [2])
  }

  @Test func aReleaseWakesAWaitingCallWhenItIsDue() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1")
    let events = try await seat.receive("a")
    let waiting = Task { try await seat.receive("b", wait: 60).map(\.record.payload.text) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    let delayed = try seat.dispatcher.release(
      [events[0].token], delay: .seconds(5), on: seat.stage.site)
    #expect(delayed.settled == 1)
    for _ in 0..<100 { await Task.yield() }
    seat.stage.timers.step(.seconds(5))
    #expect(try await waiting.value == ["0"])
    let next = Task { try await seat.receive("b", wait: 60).map(\.record.payload.text) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    _ = try seat.dispatcher.release([events[1].token], delay: .zero, on: seat.stage.site)
    #expect(try await next.value == ["1"])
  }

  @Test func anExtendedLeaseOutlivesItsTimeOut() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0")
    let events = try await seat.receive("a")
    _ = try seat.dispatcher.extend(
      [events[0].token], by: .seconds(60), on: seat.stage.site)
    seat.stage.timers.step(.seconds(59))
    #expect(try await seat.payloads("b") == [])
    seat.stage.timers.step(.seconds(1))
    #expect(try await seat.payloads("b") == ["0"])
  }

  @Test func whoHangsUpWhileWaitingLeavesTheLine() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    let waiting = Task { try await seat.receive("a", wait: 60) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    await #expect(throws: DispatchFailure.refused(.busy)) { try await seat.receive("b") }
    waiting.cancel()
    #expect(try await waiting.value.isEmpty)
    #expect(try await seat.payloads("b") == [])
    #expect(seat.dispatcher.facts(on: seat.stage.site).consumers == 0)
    #expect(try seat.stage.growth.waiting == 0)
  }

  @Test func eventsForSomeoneWhoHungUpGoToTheNext() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0")
    let gone = Task {
      // SAFETY: the reference is used inside the closure only.
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      return try await seat.receive("a")
    }
    #expect(try await gone.value.isEmpty)
    let events = try await seat.receive("b")
    #expect(events.map(\.count) == [1], "the lost delivery does not count")
  }

  @Test func whatExceedsTheByteBudgetStaysForTheNext() async throws {
    let seat = try await Seat(try await Stage())
    let large = String(repeating: "x", count: 600)
    try await seat.stage.append(large, large, large)
    #expect(try await seat.receive("a", bytes: 1_400).count == 2)
    let facts = seat.dispatcher.facts(on: seat.stage.site)
    #expect(facts.unacked == 2 && facts.waiting == 0, "the third was never out")
    #expect(try await seat.receive("b", bytes: 10).count == 1, "one at least")
    #expect(seat.dispatcher.facts(on: seat.stage.site).unacked == 3)
  }

  @Test func aRedeliveryWithoutRoomLeavesTheTokenBeforeGood() async throws {
    let seat = try await Seat(try await Stage())
    let large = String(repeating: "x", count: 600)
    try await seat.stage.append(large, large, large)
    let held = try await seat.receive("a")
    seat.stage.timers.step(.seconds(30))
    #expect(try await seat.receive("b", bytes: 10).map(\.count) == [2])
    let late = try await seat.acknowledge(held)
    #expect(late.settled == 2)
    #expect(late.failed.map(\.index) == [0] && late.failed.map(\.fault) == [.superseded])
  }

  @Test func whatIsNotInMemoryIsReadFromTheStore() async throws {
    let seat = try await Seat(try await Stage(tailRecords: 1))
    for number in 0..<9 { try await seat.stage.append("\(number)") }
    let first = try await seat.receive("a", max: 4)
    _ = try await seat.acknowledge([first[1], first[2]])
    _ = try seat.dispatcher.release(
      [first[0].token, first[3].token], delay: .zero, on: seat.stage.site)
    #expect(try await seat.payloads("b", max: 20) == ["0", "3", "4", "5", "6", "7", "8"])
  }

  @Test func trimmedEventsAreSkipped() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2", "3")
    try await seat.stage.trim(before: 3)
    #expect(try await seat.payloads() == ["3"])
    #expect(seat.dispatcher.facts(on: seat.stage.site).markDelete == seat.stage.cursor(3))
    seat.stage.timers.step(.milliseconds(50))
    #expect(try seat.stored.markDelete == seat.stage.cursor(3))
    #expect(!seat.dispatcher.hasUnstored && seat.stage.timers.count == 0)
    try await seat.stage.append("4")
    _ = try await seat.receive("b")
    try await seat.stage.trim(before: 5)
    #expect(try await seat.payloads() == [])
  }

  @Test func aSeekIsStoredAndStartsOver() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2")
    let events = try await seat.receive("a")
    _ = try await seat.acknowledge(events)
    let waiting = Task { try await seat.receive("b", wait: 60).map(\.record.payload.text) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    try await seat.dispatcher.seek(to: seat.stage.cursor(1), on: seat.stage.site)
    #expect(try await waiting.value == ["1", "2"])
    #expect(try seat.stored == SubscriptionState(markDelete: seat.stage.cursor(1), epoch: 1))
    let late = try await seat.acknowledge([events[2]])
    #expect(late.failed.map(\.fault) == [.sought])
  }

  @Test func upToIsForOneConsumerAlone() async throws {
    let exclusive = try await Seat(try await Stage(), .exclusive)
    try await exclusive.stage.append("0", "1", "2")
    _ = try await exclusive.receive()
    let id = MessageID(ledger: 1, entry: 1)
    let count = try await exclusive.dispatcher.acknowledge(
      upTo: id, .awaited, on: exclusive.stage.site)
    #expect(count == 2)
    #expect(try exclusive.stored.markDelete == exclusive.stage.cursor(2))
    let shared = try await Seat(try await Stage())
    await #expect(throws: DispatchFailure.cumulative(.notCumulative)) {
      try await shared.dispatcher.acknowledge(upTo: id, .awaited, on: shared.stage.site)
    }
  }

  @Test func aDeletedTopicEndsWaitingCalls() async throws {
    let seat = try await Seat(try await Stage())
    let calls = ["a", "b"].map { name in Task { try await seat.receive(name, wait: 60) } }
    try await eventually("they wait") { seat.stage.timers.count == 2 }
    try await seat.stage.delete()
    for call in calls { await #expect(throws: DispatchFailure.gone) { try await call.value } }
    #expect(seat.stage.timers.count == 0)
  }

  @Test func aDeletedSubscriptionEndsWaitingCallsAndRefusesAcknowledgements() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0")
    let events = try await seat.receive("a")
    let waiting = Task { try await seat.receive("b", wait: 60) }
    try await eventually("it waits") { seat.stage.timers.count == 1 }
    try await seat.stage.log.deleteSubscription(seat.definition.name, of: seat.stage.address)
    seat.directory.close(seat.definition, of: seat.stage.address)
    await #expect(throws: DispatchFailure.gone) { try await waiting.value }
    await #expect(throws: DispatchFailure.gone) { try await seat.acknowledge(events) }
  }
}
