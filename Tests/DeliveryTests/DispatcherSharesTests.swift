import Bytes
import LogConformance
import Subscriptions
import Tenancy
import Testing
import Topics

@testable import Delivery

/// What one tenant's subscriptions may take of the memory that all have together.
@MainActor @Suite struct DispatcherSharesTests {
  /// `acme`'s topic with five events, and the limits to be met; `b` shares the topic.
  @MainActor
  struct House {
    let stage: Stage
    let directory: DispatcherDirectory<MemoryLog>
    let partner: TopicAddress

    var own: TopicAddress { stage.address }

    init(_ limits: DispatcherLimits) async throws {
      stage = try await Stage()
      partner = try Proofs(tenant: "b").shared("orders")
      directory = DispatcherDirectory(
        stage.log, limits: limits, wall: stage.clock.clocks.wall)
      try await stage.append("0", "1", "2", "3", "4")
    }

    func make(
      _ name: String, _ address: TopicAddress, kind: SubscriptionKind = .shared
    ) async throws -> SubscriptionDefinition {
      try await stage.log.createSubscription(
        stage.proofs.name(name),
        SubscriptionTerms(kind: kind, ackTimeout: .zero, maxUnacked: 1_000),
        startingAt: stage.cursor(0), of: address
      ).thing
    }

    func seat(
      _ definition: SubscriptionDefinition, _ address: TopicAddress
    ) async throws -> DispatcherSeat<MemoryLog> {
      try await directory.seat(at: definition, of: address, on: stage.site)
    }

    func receive(
      _ definition: SubscriptionDefinition, _ address: TopicAddress, wait: Int64 = 0
    ) async throws -> [DeliveredEvent] {
      let seat = try await seat(definition, address)
      let call = ReceiveCall(
        consumer: ByteSlice(utf8: "a"), max: 10, deadline: stage.now + .seconds(wait),
        expires: .distantFuture)
      return try await seat.dispatcher.receive(call, of: address, on: stage.site)
    }
  }

  private static func limits(
    subscriptions: Int = 100, perTenant: Int = 100, unacked: Int = 100,
    unackedPerTenant: Int = 100
  ) -> DispatcherLimits {
    var limits = DispatcherLimits()
    limits.subscriptions = subscriptions
    limits.subscriptionsPerTenant = perTenant
    limits.unacked = unacked
    limits.unackedPerTenant = unackedPerTenant
    return limits
  }

  @Test func aTenantThatHasItsShareInUseLeavesTheRestToOthers() async throws {
    let house = try await House(Self.limits(subscriptions: 4, perTenant: 2))
    var theirs: [SubscriptionDefinition] = []
    for name in ["a", "b", "c"] { theirs.append(try await house.make(name, house.partner)) }
    // Leases without an end, on the topic of another tenant: the holder's share counts.
    for definition in theirs.prefix(2) {
      #expect(try await house.receive(definition, house.partner).count == 5)
    }
    let refusal = DispatchFailure.tooManyOfTenantInUse(limit: 2)
    for _ in 0..<3 {
      await #expect(throws: refusal) { _ = try await house.receive(theirs[2], house.partner) }
    }
    for name in ["a", "b", "c"] {
      let definition = try await house.make(name, house.own)
      let events = try await house.receive(definition, house.own)
      let seat = try await house.seat(definition, house.own)
      let settled = try await seat.dispatcher.acknowledge(
        events.map(\.token), .awaited, on: house.stage.site)
      #expect(settled.settled == 5, "\(name) is served, and makes room for the next one")
    }
    #expect(house.directory.count == 4)
  }

  @Test func aLookNeedsNoRoom() async throws {
    let house = try await House(Self.limits(perTenant: 1))
    let held = try await house.make("held", house.partner)
    let other = try await house.make("other", house.partner)
    _ = try await house.receive(held, house.partner)
    for address in [house.partner, house.own] {
      let facts = try await house.directory.look(at: other, of: address, on: house.stage.site)
      #expect(facts.backlog == 5 && facts.unacked == 0)
    }
    let facts = try await house.directory.look(at: held, of: house.own, on: house.stage.site)
    #expect(facts.unacked == 5)
    #expect(house.directory.count == 1)
  }

  @Test func aShareIsGivenBackAndLookedForNowAndThenOnly() async throws {
    let house = try await House(Self.limits(perTenant: 2))
    let first = try await house.make("a", house.own)
    let second = try await house.make("b", house.own)
    let third = try await house.make("c", house.own)
    _ = try await house.receive(first, house.own)
    let refusal = DispatchFailure.tooManyOfTenantInUse(limit: 2)
    do {
      let held = try await house.seat(second, house.own)
      await #expect(throws: refusal) { _ = try await house.seat(third, house.own) }
      _ = held
    }
    await #expect(throws: refusal) { _ = try await house.seat(third, house.own) }
    house.stage.timers.step(.milliseconds(100))
    _ = try await house.receive(third, house.own)
    await #expect(throws: refusal) { _ = try await house.seat(second, house.own) }
    // A deleted one gives its place back at once.
    house.directory.close(first, of: house.own)
    _ = try await house.seat(second, house.own)
    #expect(house.directory.count == 2)
  }

  @Test func aDispatcherOfATopicThatIsGoneMakesRoom() async throws {
    let house = try await House(Self.limits(perTenant: 1))
    let old = try await house.make("a", house.own)
    _ = try await house.receive(old, house.own)
    try await house.stage.delete()
    let info = try await house.stage.log.createTopic(
      house.stage.proofs.topic("orders", .manage), TopicConfiguration()
    ).thing
    var anew: [SubscriptionDefinition] = []
    for name in ["b", "c"] {
      anew.append(
        try await house.stage.log.createSubscription(
          house.stage.proofs.name(name), old.terms,
          startingAt: Cursor(ledger: info.ledger, next: 0), of: house.own
        ).thing)
    }
    // The first has the old one's number, which would find it; the second does not.
    #expect(anew[0].number == old.number)
    _ = try await house.seat(anew[1], house.own)
    #expect(house.directory.count == 1)
    #expect(house.directory.unacked.value == 0)
  }

  // MARK: - Unacknowledged events

  /// What becomes of five events that are out, and how many of them are out then.
  enum Fate: CaseIterable, Sendable {
    case acknowledged, acknowledgedUpTo, released, takenBack, sought, trimmed, deleted, stopped

    var left: Int {
      switch self {
      case .acknowledged, .acknowledgedUpTo, .trimmed: 2
      case .released: 5
      case .takenBack, .sought, .deleted, .stopped: 0
      }
    }
  }

  @Test(arguments: Fate.allCases)
  func whatIsNoLongerOutIsGivenBack(fate: Fate) async throws {
    let house = try await House(Self.limits())
    let definition = try await house.make("a", house.own, kind: .exclusive)
    let events = try await house.receive(definition, house.own)
    #expect(house.directory.unacked.value == 5)
    let (tokens, site) = (events.map(\.token), house.stage.site)
    let seat = try await house.seat(definition, house.own)
    let dispatcher = seat.dispatcher
    switch fate {
    case .acknowledged:
      _ = try await dispatcher.acknowledge(Array(tokens.prefix(3)), .soon, on: site)
    case .acknowledgedUpTo:
      _ = try await dispatcher.acknowledge(
        upTo: MessageID(ledger: 1, entry: 2), .awaited, on: site)
    case .released: _ = try dispatcher.release(tokens, delay: .zero, on: site)
    case .takenBack: dispatcher.takeBack(events)
    case .sought: try await dispatcher.seek(to: house.stage.cursor(0), on: site)
    case .trimmed:
      _ = try dispatcher.release(tokens, delay: .zero, on: site)
      try await house.stage.trim(before: 3)
      #expect(try await house.receive(definition, house.own).count == 2)
    case .deleted: house.directory.close(definition, of: house.own)
    case .stopped: await house.directory.close()
    }
    #expect(house.directory.unacked.value == fate.left)
    #expect(seat.dispatcher.unacked.value == fate.left, "and of the tenant's")
  }

  @Test func whatADispatcherOfATopicThatIsGoneHeldIsGivenBack() async throws {
    let house = try await House(Self.limits())
    let definition = try await house.make("a", house.own)
    _ = try await house.receive(definition, house.own)
    try await house.stage.delete()
    await #expect(throws: DispatchFailure.self) {
      _ = try await house.seat(definition, house.own)
    }
    #expect(house.directory.count == 0)
    #expect(house.directory.unacked.value == 0)
  }

  @Test func aTenantThatHasItsShareOutGetsNothingNewAndOthersDo() async throws {
    let house = try await House(Self.limits(unacked: 5, unackedPerTenant: 3))
    let first = try await house.make("a", house.own)
    let second = try await house.make("b", house.own)
    let theirs = try await house.make("a", house.partner)
    let events = try await house.receive(first, house.own)
    #expect(events.map(\.record.payload.text) == ["0", "1", "2"])
    #expect(try await house.receive(second, house.own).isEmpty)
    #expect(try await house.receive(theirs, house.partner).count == 2, "of all there are five")
    #expect(house.directory.unacked.value == 5)
    // What is out goes out again.
    let seat = try await house.seat(first, house.own)
    _ = try seat.dispatcher.release([events[1].token], delay: .zero, on: house.stage.site)
    let again = try await house.receive(first, house.own)
    #expect(again.map(\.record.payload.text) == ["1"] && again.map(\.count) == [2])
    // What is given back on one subscription is room on another.
    _ = try await seat.dispatcher.acknowledge(
      [events[0].token], .awaited, on: house.stage.site)
    #expect(try await house.receive(second, house.own).count == 1)
    #expect(house.directory.unacked.value == 5)
  }

  @Test func aCallThatWaitsForRoomLooksAgainByItself() async throws {
    let house = try await House(Self.limits(unackedPerTenant: 2))
    let first = try await house.make("a", house.own)
    let second = try await house.make("b", house.own)
    let events = try await house.receive(first, house.own)
    #expect(events.count == 2)
    let call = Task { try await house.receive(second, house.own, wait: 30).count }
    try await eventually("it waits") { house.stage.timers.count == 1 }
    let seat = try await house.seat(first, house.own)
    _ = try await seat.dispatcher.acknowledge(
      events.map(\.token), .awaited, on: house.stage.site)
    house.stage.timers.step(.seconds(1))
    #expect(try await call.value == 2)
    #expect(house.stage.timers.count == 0)
  }
}
