import Bytes
import LogConformance
import Subscriptions
import Testing
import Topics

@testable import Delivery

/// A subscription that comes to events which cannot be read.
@MainActor @Suite struct DamagedRangeTests {
  private let failure = DispatchFailure.read(.corrupt(ledger: 1, first: 3, last: 4))

  private func damaged(_ kind: SubscriptionKind) async throws -> FaultySeat {
    let stage = try await Stage()
    for number in 0..<8 { try await stage.append("\(number)") }
    let seat = try await FaultySeat(stage, kind)
    seat.log.lose(3..<5)
    return seat
  }

  @Test(arguments: [SubscriptionKind.shared, .exclusive])
  func whatIsSoundAheadOfItGoesOutAndTheNextCallNamesIt(kind: SubscriptionKind) async throws {
    let seat = try await damaged(kind)
    #expect(try await seat.payloads() == ["0", "1", "2"])
    let facts = seat.dispatcher.facts(on: seat.stage.site)
    #expect(facts.unacked == 3 && facts.waiting == 0, "what lies behind was never out")
    for _ in 0..<2 { await #expect(throws: failure) { try await seat.receive() } }
    #expect(seat.dispatcher.facts(on: seat.stage.site).unacked == 3)
  }

  @Test func aSeekLeadsBehindIt() async throws {
    let seat = try await damaged(.shared)
    _ = try await seat.receive()
    try await seat.dispatcher.seek(to: seat.stage.cursor(5), on: seat.stage.site)
    #expect(try await seat.payloads() == ["5", "6", "7"])
  }

  @Test func whereOneConsumerReadsUpToLeadsBehindItToo() async throws {
    let seat = try await damaged(.exclusive)
    _ = try await seat.receive()
    let settled = try await seat.dispatcher.acknowledge(
      upTo: MessageID(ledger: 1, entry: 4), .awaited, on: seat.stage.site)
    #expect(settled == 5)
    #expect(try await seat.payloads() == ["5", "6", "7"])
  }

  @Test func aRedeliveryThatCannotBeReadLeavesTheTokenBeforeGood() async throws {
    let stage = try await Stage()
    try await stage.append("0", "1")
    let seat = try await FaultySeat(stage)
    let held = try await seat.receive()
    stage.timers.step(.seconds(30))
    seat.log.lose(0..<2)
    let failure = DispatchFailure.read(.corrupt(ledger: 1, first: 0, last: 1))
    await #expect(throws: failure) { try await seat.receive() }
    let late = try await seat.dispatcher.acknowledge(
      held.map(\.token), .awaited, on: stage.site)
    #expect(late.settled == 2 && late.failed.isEmpty)
  }
}

/// Acknowledgements that nobody waits for, over a store that settles nothing for a while.
@MainActor @Suite struct HangingStoreTests {
  /// Acknowledges events of the topic one after the other, each with a change of its own, of which
  /// the store is given 64.
  private func hanging(_ count: Int) async throws -> FaultySeat {
    let stage = try await Stage()
    for number in 0..<count { try await stage.append("\(number)") }
    let seat = try await FaultySeat(stage)
    let events = try await seat.receive(max: count)
    seat.log.hang()
    for event in events {
      _ = try await seat.dispatcher.acknowledge([event.token], .soon, on: stage.site)
      stage.timers.step(.milliseconds(50))
    }
    #expect(seat.log.heldCount == 64, "more is not given")
    return seat
  }

  @Test func whatItIsNotGivenIsStoredSoonOnceItGoesOn() async throws {
    let seat = try await hanging(66)
    let timers = seat.stage.timers
    #expect(timers.count == 1, "one timer for all that is left")
    timers.step(.seconds(1))
    #expect(timers.count == 1 && seat.log.heldCount == 64)
    seat.log.goOn()
    #expect(try seat.stored.markDelete == seat.stage.cursor(64))
    timers.step(.milliseconds(50))
    #expect(try seat.stored.markDelete == seat.stage.cursor(66))
    #expect(timers.count == 0, "nothing is left")
  }

  @Test func ofASubscriptionThatIsClosedNothingIsTriedAgain() async throws {
    let seat = try await hanging(65)
    seat.dispatcher.close()
    seat.stage.timers.step(.milliseconds(50))
    #expect(seat.stage.timers.count == 0)
  }
}

/// Changes that the store refuses, and takes later.
@MainActor @Suite struct RefusingStoreTests {
  private func refusing(events: Int) async throws -> (FaultySeat, [DeliveredEvent]) {
    let stage = try await Stage()
    for number in 0..<events { try await stage.append("\(number)") }
    let seat = try await FaultySeat(stage)
    let delivered = try await seat.receive()
    seat.log.refuse(true)
    return (seat, delivered)
  }

  private func acknowledge(
    _ events: some Sequence<DeliveredEvent>, _ durability: AckDurability, _ seat: FaultySeat
  ) async throws -> SettledTokens {
    try await seat.dispatcher.acknowledge(events.map(\.token), durability, on: seat.stage.site)
  }

  @Test func aSeekThatIsRefusedLeavesTheSubscriptionWhereItWas() async throws {
    let (seat, delivered) = try await refusing(events: 6)
    seat.log.refuse(false)
    _ = try await acknowledge([delivered[0], delivered[2]], .awaited, seat)
    let stored = try seat.stored
    seat.log.refuse(true)
    await #expect(throws: DispatchFailure.store(FaultyLog.refusal)) {
      try await seat.dispatcher.seek(to: seat.stage.cursor(5), on: seat.stage.site)
    }
    #expect(try seat.stored == stored)
    #expect(seat.dispatcher.facts(on: seat.stage.site).markDelete == seat.stage.cursor(1))
    let late = try await acknowledge([delivered[1]], .soon, seat)
    #expect(late.settled == 0, "leases have ended")
    #expect(try await seat.payloads() == ["1", "3", "4", "5"])
    seat.log.refuse(false)
    try await seat.dispatcher.seek(to: seat.stage.cursor(4), on: seat.stage.site)
    #expect(try await seat.payloads() == ["4", "5"])
    #expect(try seat.stored.markDelete == seat.stage.cursor(4))
  }

  @Test func seeksThatAreRefusedTogetherLeaveTheSubscriptionWhereItWas() async throws {
    let (seat, _) = try await refusing(events: 4)
    seat.log.refuse(false)
    seat.log.hang()
    let first = Task {
      try await seat.dispatcher.seek(to: seat.stage.cursor(2), on: seat.stage.site)
    }
    let second = Task {
      try await seat.dispatcher.seek(to: seat.stage.cursor(3), on: seat.stage.site)
    }
    while seat.log.heldCount < 2 { await Task.yield() }
    seat.log.goOn(refusing: 2)
    for seek in [first, second] {
      await #expect(throws: DispatchFailure.store(FaultyLog.refusal)) { try await seek.value }
    }
    #expect(seat.dispatcher.facts(on: seat.stage.site).markDelete == seat.stage.cursor(0))
  }

  @Test func whatWasAcknowledgedBeforeASeekThatWasRefusedIsStoredWithTheNextChange()
    async throws
  {
    let (seat, delivered) = try await refusing(events: 3)
    _ = try await acknowledge([delivered[0]], .soon, seat)
    await #expect(throws: DispatchFailure.store(FaultyLog.refusal)) {
      try await seat.dispatcher.seek(to: seat.stage.cursor(3), on: seat.stage.site)
    }
    seat.log.refuse(false)
    let again = try await seat.receive()
    _ = try await acknowledge(again.suffix(1), .awaited, seat)
    let state = try seat.stored
    #expect(state.markDelete == seat.stage.cursor(1) && state.chunks.count == 1)
  }

  @Test func acknowledgementsThatAreRefusedAreTriedAgainEachSecond() async throws {
    let (seat, delivered) = try await refusing(events: 2)
    let timers = seat.stage.timers
    _ = try await acknowledge(delivered, .soon, seat)
    timers.step(.milliseconds(50))
    timers.step(.milliseconds(50))
    let before = seat.log.stagedCount
    for second in 1...3 {
      timers.step(.seconds(1))
      #expect(seat.log.stagedCount == before + second && timers.count == 1)
    }
    seat.log.refuse(false)
    timers.step(.seconds(1))
    #expect(try seat.stored.markDelete == seat.stage.cursor(2))
    #expect(timers.count == 0, "nothing is left")
  }
  @Test(arguments: [false, true])
  func whatIsRefusedToACallThatWaitsIsTriedAgainAsWell(isSeek: Bool) async throws {
    let (seat, delivered) = try await refusing(events: 4)
    let timers = seat.stage.timers
    await #expect(throws: DispatchFailure.store(FaultyLog.refusal)) {
      if isSeek {
        try await seat.dispatcher.seek(to: seat.stage.cursor(3), on: seat.stage.site)
      } else {
        _ = try await acknowledge(delivered.prefix(1), .awaited, seat)
      }
    }
    #expect(timers.count == 1)
    timers.step(.seconds(1))
    #expect(seat.log.stagedCount == 2 && timers.count == 1)
    seat.log.refuse(false)
    timers.step(.seconds(1))
    #expect(try seat.stored.markDelete == seat.stage.cursor(isSeek ? 0 : 1))
    #expect(timers.count == 0, "nothing is left")
  }

  @Test func aPlaceThatWasRefusedIsNotLeftInTheStoreByWhatWasStagedBehindIt() async throws {
    let (seat, _) = try await refusing(events: 4)
    seat.log.refuse(false)
    seat.log.hang()
    let seek = Task {
      try await seat.dispatcher.seek(to: seat.stage.cursor(3), on: seat.stage.site)
    }
    while seat.log.heldCount == 0 { await Task.yield() }
    _ = try await acknowledge(try await seat.receive(), .soon, seat)
    seat.stage.timers.step(.milliseconds(50))
    #expect(seat.log.heldCount == 2)
    seat.log.goOn(refusing: 1)
    await #expect(throws: DispatchFailure.store(FaultyLog.refusal)) { try await seek.value }
    seat.stage.timers.step(.seconds(1))
    #expect(try seat.stored.markDelete == seat.stage.cursor(0))
    #expect(try await seat.payloads() == ["0", "1", "2", "3"])
  }
}
