import Bytes
import Testing
import Topics

@testable import Subscriptions

/// The machine's rules, one table row per sentence: what is done, what comes of it.
@Suite struct MachineTests {
  @Test func sharedConsumersGetDifferentEvents() throws {
    var world = try World(.shared, end: 5)
    #expect(world.receive(World.a, 2) == [0, 1])
    #expect(world.receive(World.b, 2) == [2, 3])
    #expect(world.receive(World.a, 9) == [4])
    #expect(world.receive(World.b, 9) == [])
  }

  @Test func anExclusiveSubscriptionIsBusyWhileItsConsumerHoldsSomething() throws {
    var world = try World(.exclusive, end: 3)
    #expect(world.receive(World.a, 1) == [0])
    #expect(world.machine.receive(World.b, max: 1, now: world.now) == .refused(.busy))
    try world.acknowledge(0)
    #expect(world.receive(World.b, 1) == [1])
    #expect(throws: ReceiveRefusal.busy) { try world.machine.attach(World.a, now: world.now) }
    try world.release(1, after: 0)
    try world.machine.attach(World.a, now: world.now)
    #expect(world.machine.receive(World.b, max: 1, now: world.now) == .refused(.busy))
    world.machine.detach(World.a)
    #expect(world.receive(World.b, 1) == [1])
  }

  @Test(arguments: [("a", "p", true), ("a", "q", false), ("b", "p", false)])
  func aConsumerIsAPrincipalAndItsName(name: String, principal: String, isTheSame: Bool) throws {
    var exclusive = try World(.exclusive, end: 2)
    #expect(exclusive.receive(World.consumer("a", of: "p"), 1) == [0])
    #expect(
      exclusive.receive(World.consumer(name, of: principal), 1) == (isTheSame ? [1] : []))
    var shared = try World(.shared, end: 2)
    #expect(shared.receive(World.consumer("a", of: "p"), 1) == [0])
    #expect(shared.receive(World.consumer(name, of: principal), 1) == [1])
    #expect(shared.machine.facts.consumers == (isTheSame ? 1 : 2))
  }

  @Test func aLeaseThatRunsOutIsRedeliveredWithAHigherCount() throws {
    var world = try World(.shared, end: 2, ackTimeout: 30)
    #expect(world.receive(World.a, 2) == [0, 1])
    try world.acknowledge(1)
    world.now = World.start + .seconds(29)
    #expect(world.receive(World.b, 9) == [])
    #expect(world.machine.nextDue == World.start + .seconds(30))
    world.now = World.start + .seconds(30)
    #expect(world.receive(World.b, 9) == [0])
    #expect(world.last[0]?.count == 2)
  }

  @Test func thePlaceOfAConsumerWhoseLeasesHaveRunOutIsFree() throws {
    var world = try World(.exclusive, end: 2, ackTimeout: 30)
    #expect(world.receive(World.a, 2) == [0, 1])
    world.now = World.start + .seconds(29)
    #expect(throws: ReceiveRefusal.busy) { try world.machine.attach(World.b, now: world.now) }
    #expect(!world.machine.hasNoConsumer)
    world.now = World.start + .seconds(30)
    try world.machine.attach(World.b, now: world.now)
    #expect(world.receive(World.a, 2) == [])
    #expect(world.receive(World.b, 2) == [0, 1])
  }

  @Test func aLateAcknowledgementCountsUntilTheEventIsDeliveredAgain() throws {
    var world = try World(.shared, end: 2, ackTimeout: 30)
    _ = world.receive(World.a, 2)
    let tokens = (try #require(world.last[0]?.token), try #require(world.last[1]?.token))
    world.now = world.now + .seconds(31)
    try world.machine.acknowledge(tokens.0)
    #expect(world.receive(World.b, 9) == [1])
    #expect(throws: TokenFault.superseded) { try world.machine.acknowledge(tokens.1) }
    try world.acknowledge(1)
    try world.machine.acknowledge(tokens.1)
    #expect(world.machine.markDelete == 2)
  }

  @Test func withoutTimeOutALeaseLastsUntilItIsReleased() throws {
    var world = try World(.shared, end: 1, ackTimeout: 0)
    #expect(world.receive(World.a, 1) == [0])
    #expect(world.last[0]?.leaseUntil == nil)
    world.now = world.now + .seconds(1_000_000)
    #expect(world.receive(World.b, 1) == [])
    try world.release(0, after: 0)
    #expect(world.receive(World.b, 1) == [0])
  }

  @Test func aReleasedEventComesBackAfterItsDelay() throws {
    var world = try World(.shared, end: 3)
    #expect(world.receive(World.a, 1) == [0])
    try world.release(0, after: 5)
    #expect(world.receive(World.a, 1) == [1])
    world.now = world.now + .seconds(5)
    #expect(world.receive(World.a, 9) == [0, 2])
    #expect(world.last[0]?.count == 2)
  }

  @Test func whereOrderIsKeptADelayedEventHoldsBackTheNewerOnes() throws {
    var world = try World(.exclusive, end: 4)
    #expect(world.receive(World.a, 3) == [0, 1, 2])
    try world.release(1, after: 5)
    try world.release(2, after: 0)
    try world.release(0, after: 0)
    #expect(world.machine.hasDeliverable)
    #expect(world.receive(World.a, 9) == [0])
    #expect(!world.machine.hasDeliverable)
    #expect(world.receive(World.a, 9) == [])
    world.now = world.now + .seconds(5)
    #expect(world.receive(World.a, 9) == [1, 2, 3])
  }

  @Test func anExtendedLeaseLastsLongerAndNeverShorter() throws {
    var world = try World(.shared, end: 1, ackTimeout: 30)
    _ = world.receive(World.a, 1)
    let token = try #require(world.last[0]?.token)
    #expect(
      try world.machine.extend(token, by: .seconds(10), now: world.now)
        == World.start + .seconds(30))
    #expect(
      try world.machine.extend(token, by: .seconds(60), now: world.now)
        == World.start + .seconds(60))
    world.now = World.start + .seconds(59)
    #expect(world.receive(World.b, 1) == [])
    world.now = World.start + .seconds(60)
    #expect(throws: TokenFault.leaseEnded) {
      try world.machine.extend(token, by: .seconds(60), now: world.now)
    }
    #expect(world.receive(World.b, 1) == [0])
  }

  @Test func noMoreThanMaxUnackedAreOut() throws {
    var world = try World(.shared, end: 10, maxUnacked: 3)
    #expect(world.receive(World.a, 9) == [0, 1, 2])
    #expect(!world.machine.hasDeliverable)
    try world.acknowledge(1)
    #expect(world.receive(World.b, 9) == [3])
    try world.release(0, after: 0)
    #expect(world.receive(World.b, 9) == [0])
  }

  @Test(arguments: [SubscriptionKind.shared, .exclusive])
  func withoutRoomForUnreadOnesWhatIsOutGoesOutAgain(kind: SubscriptionKind) throws {
    var world = try World(kind, end: 6)
    #expect(world.receive(World.a, 9, unread: 0) == [])
    #expect(world.receive(World.a, 9, unread: 4) == [0, 1, 2, 3])
    #expect(world.machine.unacked == 4)
    try world.release(1, after: 0)
    try world.release(2, after: 0)
    #expect(world.receive(World.a, 9, unread: 0) == [1, 2])
    // What never got out is unread: where order is kept it holds back what is behind it.
    world.machine.takeBack([try #require(world.last[0])])
    try world.release(1, after: 0)
    let isOrdered = kind == .exclusive
    #expect(world.receive(World.a, 9, unread: 0) == (isOrdered ? [] : [1]))
    #expect(world.receive(World.a, 9, unread: 1) == (isOrdered ? [0, 1] : [0]))
    #expect(world.receive(World.a, 9, unread: 9) == [4, 5])
    #expect(world.machine.unacked == 6)
  }

  @Test func upToSettlesEverythingWhereOneConsumerReads() throws {
    var world = try World(.exclusive, end: 6)
    #expect(world.receive(World.a, 3) == [0, 1, 2])
    #expect(try world.machine.acknowledge(upTo: MessageID(ledger: 1, entry: 3)) == 4)
    #expect(world.machine.outstanding.isEmpty)
    #expect(world.receive(World.a, 9) == [4, 5])
    #expect(throws: CumulativeFault.positionAhead) {
      try world.machine.acknowledge(upTo: MessageID(ledger: 1, entry: 6))
    }
    #expect(throws: CumulativeFault.gone) {
      try world.machine.acknowledge(upTo: MessageID(ledger: 0, entry: 1))
    }
    var shared = try World(.shared, end: 6)
    #expect(throws: CumulativeFault.notCumulative) {
      try shared.machine.acknowledge(upTo: MessageID(ledger: 1, entry: 3))
    }
  }

  @Test func aSeekEndsLeasesAndVoidsTokens() throws {
    var world = try World(.shared, end: 4)
    #expect(world.receive(World.a, 3) == [0, 1, 2])
    try world.acknowledge(1)
    let token = try #require(world.last[0]?.token)
    world.machine.seek(to: 1)
    #expect(throws: TokenFault.sought) { try world.machine.acknowledge(token) }
    #expect(throws: TokenFault.sought) {
      try world.machine.extend(token, by: .seconds(1), now: world.now)
    }
    #expect(world.receive(World.b, 9) == [1, 2, 3])
    #expect(world.last[1]?.count == 1)
    let taken = world.machine.takeChange()
    let change = try #require(taken)
    #expect(change.replacesAll && change.epoch == 1 && change.markDelete.next == 1)
  }

  @Test func aSeekThatWasLostIsTakenBack() throws {
    var world = try World(.shared, end: 5)
    #expect(world.receive(World.a, 3) == [0, 1, 2])
    try world.acknowledge(1)
    _ = world.machine.takeChange()
    let lost = world.machine.seek(to: 4)
    #expect(world.receive(World.a, 3) == [4])
    world.machine.seekWasLost(lost)
    #expect(throws: TokenFault.sought) {
      try world.machine.acknowledge(try #require(world.last[4]?.token))
    }
    #expect(world.receive(World.b, 9) == [0, 2, 3, 4])
    let taken = world.machine.takeChange()
    let change = try #require(taken)
    #expect(change.replacesAll && change.epoch == 2 && change.markDelete.next == 0)
    #expect(change.chunks.count == 1, "with what was acknowledged before")
  }

  /// Of seeks from 0 to 1, 2 and so on: in which order it is told that they were stored (n) or lost
  /// (-n), and where that leads.
  static let seeks: [([Int], Int)] = [
    ([-1, -2], 0), ([-2, -1], 0), ([-1, 2], 2), ([2, -1], 2), ([1, -2], 1), ([-2, 1], 1),
    ([-1, -2, -3], 0), ([-3, -2, -1], 0), ([-2, -1, -3], 0), ([-2, -3, -1], 0),
    ([-1, 2, -3], 2), ([-3, -1, 2], 2), ([2, -3, -1], 2), ([-3, 2, -1], 2),
    ([1, -3, -2], 1), ([-2, -3, 1], 1), ([-1, -2, 3], 3),
  ]

  @Test(arguments: seeks)
  func ofSeeksTheLastOneThatWasStoredCounts(told: [Int], place: Int) throws {
    var world = try World(.shared, end: 9)
    let seeks = (1...told.count).map { world.machine.seek(to: UInt64($0)) }
    for number in told {
      let seek = seeks[abs(number) - 1]
      if number > 0 { world.machine.seekWasStored(seek) } else { world.machine.seekWasLost(seek) }
    }
    #expect(Int(world.machine.markDelete) == place)
    #expect(world.machine.seeks.isEmpty)
  }

  @Test func aTokenOfAnotherSubscriptionSettlesNothing() throws {
    var world = try World(.shared, end: 1)
    _ = world.receive(World.a, 1)
    let foreign = AckToken(
      ledger: 1, subscription: 8, epoch: 0, entry: 0, serial: World.firstSerial)
    #expect(throws: TokenFault.otherSubscription) { try world.machine.acknowledge(foreign) }
  }

  @Test func afterARestartTheOldTokensCountUntilTheEventIsDeliveredAgain() throws {
    var world = try World(.shared, end: 4)
    #expect(world.receive(World.a, 4) == [0, 1, 2, 3])
    try world.acknowledge(2)
    let old = world.last
    try world.restart()
    #expect(throws: TokenFault.leaseEnded) {
      try world.machine.release(try #require(old[1]?.token), delay: .zero, now: world.now)
    }
    try world.machine.acknowledge(try #require(old[0]?.token))
    #expect(world.receive(World.b, 1) == [1])
    #expect(throws: TokenFault.superseded) {
      try world.machine.acknowledge(try #require(old[1]?.token))
    }
    #expect(world.receive(World.b, 9) == [3])
    #expect(world.machine.markDelete == 1)
    world.machine.seek(to: 0)
    try world.restart()
    #expect(throws: TokenFault.sought) {
      try world.machine.acknowledge(try #require(old[3]?.token))
    }
  }

  @Test func deliveriesThatWereTakenBackDoNotCount() throws {
    var world = try World(.shared, end: 2)
    #expect(world.receive(World.a, 2) == [0, 1])
    world.machine.takeBack([try #require(world.last[1])])
    #expect(world.receive(World.b, 2) == [1])
    #expect(world.last[1]?.count == 1)
    world.now = world.now + .seconds(30)
    #expect(world.receive(World.b, 2) == [0, 1])
    world.machine.takeBack([try #require(world.last[1])])
    #expect(world.machine.facts.unacked == 2 && world.machine.facts.waiting == 1)
    #expect(world.receive(World.a, 2) == [1])
    #expect(world.last[1]?.count == 2)
  }

  @Test func whereARedeliveryWasTakenBackTheTokenBeforeIsTheLastOne() throws {
    var world = try World(.shared, end: 2)
    #expect(world.receive(World.a, 2) == [0, 1])
    let first = (try #require(world.last[0]?.token), try #require(world.last[1]?.token))
    world.now = world.now + .seconds(30)
    #expect(world.receive(World.b, 2) == [0, 1])
    let again = (try #require(world.last[0]), try #require(world.last[1]))
    world.machine.takeBack([again.0])
    #expect(throws: TokenFault.superseded) { try world.machine.acknowledge(again.0.token) }
    #expect(throws: TokenFault.leaseEnded) {
      try world.machine.release(first.0, delay: .zero, now: world.now)
    }
    try world.machine.acknowledge(first.0)
    #expect(throws: TokenFault.superseded) { try world.machine.acknowledge(first.1) }
    // The lease has run out before its event could be brought.
    world.now = world.now + .seconds(30)
    world.machine.tick(world.now)
    world.machine.takeBack([again.1])
    #expect(world.machine.facts.waiting == 1)
    try world.machine.acknowledge(first.1)
    #expect(world.machine.markDelete == 2)
  }

  @Test func whatNeverGotOutIsUnreadAgainEvenWhereItsLeaseHasRunOut() throws {
    var world = try World(.shared, end: 2)
    #expect(world.receive(World.a, 2) == [0, 1])
    world.now = world.now + .seconds(30)
    world.machine.tick(world.now)
    world.machine.takeBack([try #require(world.last[1])])
    #expect(world.machine.facts.unacked == 1 && world.machine.facts.waiting == 1)
    #expect(world.receive(World.b, 9) == [0, 1])
    #expect(world.last[0]?.count == 2 && world.last[1]?.count == 1)
  }

  @Test func whatNeverGotOutIsUnreadAgainAndTakesNoPlace() throws {
    var world = try World(.shared, end: 6, maxUnacked: 4)
    #expect(world.receive(World.a, 3) == [0, 1, 2])
    #expect(world.receive(World.b, 9) == [3])
    world.machine.takeBack([1, 2].compactMap { world.last[$0] })
    #expect(world.machine.facts.unacked == 2 && world.machine.facts.waiting == 0)
    #expect(world.machine.facts.backlog == 6 && world.machine.hasDeliverable)
    // 3 is out and is stepped over; what comes back keeps its turn.
    try world.release(0, after: 0)
    #expect(world.receive(World.b, 9) == [0, 1, 2])
    #expect(world.last[1]?.count == 1 && world.last[0]?.count == 2)
    try world.acknowledge(3)
    #expect(world.receive(World.a, 9) == [4])
    #expect(world.machine.facts.unacked == 4 && !world.machine.hasDeliverable)
  }

  @Test func whereOrderIsKeptWhatNeverGotOutComesBeforeTheNewer() throws {
    var world = try World(.exclusive, end: 4)
    #expect(world.receive(World.a, 2) == [0, 1])
    #expect(world.receive(World.a, 2) == [2, 3])
    world.machine.takeBack([try #require(world.last[1])])
    try world.release(2, after: 5)
    try world.release(3, after: 0)
    #expect(world.machine.hasDeliverable)
    #expect(world.receive(World.a, 9) == [1])
    #expect(!world.machine.hasDeliverable)
    try world.release(0, after: 5)
    world.machine.takeBack([try #require(world.last[1])])
    #expect(!world.machine.hasDeliverable && world.receive(World.a, 9) == [])
    world.now = world.now + .seconds(5)
    #expect(world.receive(World.a, 9) == [0, 1, 2, 3])
  }

  @Test func trimmedEventsCountAsAcknowledged() throws {
    var world = try World(.shared, end: 5)
    #expect(world.receive(World.a, 2) == [0, 1])
    world.machine.trimmed(first: 3)
    #expect(world.machine.markDelete == 3)
    #expect(world.machine.facts.consumers == 0)
    #expect(world.receive(World.a, 9) == [3, 4])
  }

  @Test func factsCountWhatIsLeft() throws {
    var world = try World(.shared, end: 10)
    #expect(world.receive(World.a, 4) == [0, 1, 2, 3])
    try world.acknowledge(2)
    try world.release(1, after: 9)
    let facts = world.machine.facts
    #expect(facts.backlog == 9)
    #expect(facts.unacked == 3)
    #expect(facts.waiting == 1)
    #expect(facts.oldestUnacked == 0)
    #expect(facts.consumers == 1)
  }

  @Test func notesOfEndedLeasesDoNotPileUp() throws {
    var world = try World(.shared, end: 100_000)
    for _ in 0..<5_000 {
      for entry in world.receive(World.a, 10) { try world.acknowledge(entry) }
      world.now = world.now + .nanoseconds(1)
    }
    #expect(world.machine.markDelete == 50_000)
    #expect(world.machine.dues.count <= 200)
    #expect(world.machine.ready.count == 0)
  }

  @Test func kindsThatAreNotBuiltHaveNoRules() {
    #expect(SubscriptionKind.allCases.filter { DispatchRules($0) != nil } == [.exclusive, .shared])
  }
}
