import Bytes
import LogConformance
import Subscriptions
import Synchronization
import Tenancy
import Testing
import Topics

@testable import Delivery

@MainActor @Suite struct DispatcherDirectoryTests {
  @Test func everybodyMeetsAtTheSameDispatcher() async throws {
    let seat = try await Seat(try await Stage())
    let again = try await seat.directory.seat(
      at: seat.definition, of: seat.stage.address, on: seat.stage.site)
    #expect(again.dispatcher === seat.dispatcher)
    #expect(seat.directory.count == 1)
  }

  @Test func afterARestartItGoesOnWhereItStopped() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("0", "1", "2", "3")
    let events = try await seat.receive("a")
    _ = try await seat.acknowledge([events[0], events[2]], .soon)
    await seat.directory.close()
    await #expect(throws: DispatchFailure.gone) { try await seat.receive("a") }

    seat.stage.clock.step(.seconds(1))
    let directory = DispatcherDirectory(seat.stage.log, wall: seat.stage.clock.clocks.wall)
    let reopened = try await directory.seat(
      at: seat.definition, of: seat.stage.address, on: seat.stage.site)
    let call = ReceiveCall(
      consumer: ByteSlice(utf8: "b"), max: 1, deadline: seat.stage.now,
      expires: .distantFuture)
    let site = seat.stage.site
    let next = try await reopened.dispatcher.receive(call, of: seat.stage.address, on: site)
    #expect(next.map(\.record.payload.text) == ["1"])
    let late = try await reopened.dispatcher.acknowledge(
      [events[3].token, events[1].token], .awaited, on: site)
    #expect(late.settled == 1, "a token of the earlier run counts")
    #expect(late.failed.map(\.fault) == [.superseded], "unless the event was handed out again")
  }

  private func subscriptions(
    _ names: [String], _ stage: Stage
  ) async throws -> [SubscriptionDefinition] {
    var made: [SubscriptionDefinition] = []
    for name in names {
      made.append(
        try await stage.log.createSubscription(
          stage.proofs.name(name),
          SubscriptionTerms(kind: .shared, ackTimeout: .seconds(30), maxUnacked: 9),
          startingAt: stage.cursor(0), of: stage.address
        ).thing)
    }
    return made
  }

  @Test func onlyWhatIsIdleMakesRoom() async throws {
    let stage = try await Stage()
    try await stage.append("0")
    var limits = DispatcherLimits()
    limits.subscriptions = 2
    let directory = DispatcherDirectory(
      stage.log, limits: limits, wall: stage.clock.clocks.wall)
    let definitions = try await subscriptions(["a", "b", "c"], stage)
    func seat(_ index: Int) async throws -> DispatcherSeat<MemoryLog> {
      try await directory.seat(at: definitions[index], of: stage.address, on: stage.site)
    }
    let call = ReceiveCall(
      consumer: ByteSlice(utf8: "x"), max: 1, deadline: stage.now, expires: .distantFuture)
    let held = try await seat(0)
    let token: ByteSlice
    do {
      let busy = try await seat(1)
      token = try await busy.dispatcher.receive(call, of: stage.address, on: stage.site)[0].token
    }
    // One is in somebody's hands, the other has an event out.
    await #expect(throws: DispatchFailure.tooManyInUse(limit: 2)) { _ = try await seat(2) }
    do {
      let busy = try await seat(1)
      _ = try await busy.dispatcher.acknowledge([token], .soon, on: stage.site)
    }
    await #expect(throws: DispatchFailure.tooManyInUse(limit: 2)) { _ = try await seat(2) }
    stage.timers.step(.milliseconds(100))
    _ = try await seat(2)
    #expect(directory.count == 2)
    #expect(directory.facts(of: definitions[1], of: stage.address, on: stage.site) == nil)
    #expect(try await seat(0).dispatcher === held.dispatcher)
    _ = held
    let anew = try await seat(1)
    #expect(anew.dispatcher.facts(on: stage.site).backlog == 0, "what was acknowledged is stored")
  }

  @Test func aTopicMadeAnewHasDispatchersOfItsOwn() async throws {
    let seat = try await Seat(try await Stage())
    try await seat.stage.append("old")
    _ = try await seat.receive()
    try await seat.stage.delete()
    let (address, site) = (seat.stage.address, seat.stage.site)
    #expect(seat.directory.facts(of: seat.definition, of: address, on: site) == nil)
    let proofs = seat.stage.proofs
    let info = try await seat.stage.log.createTopic(
      proofs.topic("orders", .manage), TopicConfiguration()
    ).thing
    let definition = try await seat.stage.log.createSubscription(
      seat.definition.name, seat.definition.terms,
      startingAt: Cursor(ledger: info.ledger, next: 0), of: seat.stage.address
    ).thing
    let anew = try await seat.directory.seat(
      at: definition, of: seat.stage.address, on: seat.stage.site)
    #expect(anew.dispatcher !== seat.dispatcher)
    #expect(anew.dispatcher.facts(on: seat.stage.site).markDelete.ledger == info.ledger)
  }

  /// The new topic's subscription has the old one's name and number, and was made a second later.
  @Test func whatIsGoneTakesNothingWithItThatWasMadeAnewMeanwhile() async throws {
    let seat = try await Seat(try await Stage())
    let stage = seat.stage
    let other = try await stage.log.createSubscription(
      stage.proofs.name("other"), seat.definition.terms, startingAt: stage.cursor(0),
      of: stage.address
    ).thing
    let old = try await seat.directory.seat(at: other, of: stage.address, on: stage.site)
    stage.clock.step(.seconds(1))
    try await stage.delete()
    let info = try await stage.log.createTopic(
      stage.proofs.topic("orders", .manage), TopicConfiguration()
    ).thing
    let definition = try await stage.log.createSubscription(
      seat.definition.name, seat.definition.terms,
      startingAt: Cursor(ledger: info.ledger, next: 0), of: stage.address
    ).thing
    #expect(definition.number == seat.definition.number)
    let anew = try await seat.directory.seat(at: definition, of: stage.address, on: stage.site)
    seat.directory.close(seat.definition, of: stage.address)
    seat.directory.close(topicGoneAt: stage.address)
    #expect(seat.directory.count == 1)
    try await anew.dispatcher.seek(
      to: Cursor(ledger: info.ledger, next: 0), on: stage.site)
    await #expect(throws: DispatchFailure.gone) {
      try await old.dispatcher.seek(to: stage.cursor(0), on: stage.site)
    }
  }

  /// As a request comes whose body took long: what it has looked up is another topic's by then.
  @Test func whoComesForASubscriptionOfATopicThatIsGoneGetsNotItsSuccessors() async throws {
    let seat = try await Seat(try await Stage(), .exclusive)
    let (stage, directory, old) = (seat.stage, seat.directory, seat.definition)
    let (address, site) = (stage.address, stage.site)
    try await stage.delete()
    let info = try await stage.log.createTopic(
      stage.proofs.topic("orders", .manage), TopicConfiguration()
    ).thing
    let anew = try await stage.log.createSubscription(
      old.name, SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 7),
      startingAt: Cursor(ledger: info.ledger, next: 0), of: address
    ).thing
    #expect(anew.heldName == old.heldName && anew.number == old.number)
    // Before the new one is in use, and while it is.
    for _ in 0..<2 {
      await #expect(throws: DispatchFailure.gone) {
        _ = try await directory.seat(at: old, of: address, on: site)
      }
      let found = try await directory.seat(at: anew, of: address, on: site)
      #expect(found.dispatcher.definition == anew)
      #expect(directory.count == 1)
    }
    #expect(directory.facts(of: old, of: address, on: site) == nil)
    directory.close(old, of: address)
    #expect(directory.count == 1)
    directory.close(anew, of: address)
    #expect(directory.count == 0)
  }

  @Test(arguments: [false, true])
  func whatIsBeingReadIsReadAgainOnlyWhereItWasRemovedItself(isItself: Bool) async throws {
    let stage = try await Stage()
    let log = FaultyLog(stage.log)
    let directory = DispatcherDirectory(log, wall: stage.clock.clocks.wall)
    let made = try await subscriptions(["wanted", "other"], stage)
    let (address, removed) = (stage.address, isItself ? made[0] : made[1])
    let elsewhere = try stage.proofs.topic("elsewhere", .manage)
    // Not for ever, so that whoever reads again comes to an end.
    log.whileLoading { count in
      guard count <= 3 else { return }
      directory.close(removed, of: address)
      directory.close(topicGoneAt: elsewhere)
    }
    let seat = try await directory.seat(at: made[0], of: address, on: stage.site)
    #expect(seat.dispatcher.definition == made[0])
    #expect(log.loadCount == (isItself ? 4 : 1))
    #expect(directory.count == 1)
    log.whileLoading { _ in }
  }

  @Test func ofATopicThatIsGoneAllAreClosedAndNoOthers() async throws {
    let seat = try await Seat(try await Stage())
    let (stage, directory) = (seat.stage, seat.directory)
    let others = try stage.proofs.topic("others", .subscribe)
    let info = try await stage.log.createTopic(
      stage.proofs.topic("others", .manage), TopicConfiguration()
    ).thing
    let partner = try Proofs(tenant: "b").shared("orders")
    for (name, address, ledger) in [
      ("second", stage.address, 1), ("theirs", partner, 1), ("elsewhere", others, info.ledger),
    ] as [(String, TopicAddress, UInt64)] {
      let definition = try await stage.log.createSubscription(
        stage.proofs.name(name), seat.definition.terms,
        startingAt: Cursor(ledger: ledger, next: 0), of: address
      ).thing
      _ = try await directory.seat(at: definition, of: address, on: stage.site)
    }
    #expect(directory.count == 4)
    directory.close(topicGoneAt: stage.address)
    #expect(directory.count == 4, "it is still there")
    try await stage.delete()
    directory.close(topicGoneAt: stage.address)
    #expect(directory.count == 1)
    await #expect(throws: DispatchFailure.gone) { try await seat.receive() }
  }

  @Test(arguments: [SubscriptionKind.failover, .keyShared])
  func kindsThatAreNotBuiltAreRefused(kind: SubscriptionKind) async throws {
    let stage = try await Stage()
    await #expect(throws: DispatchFailure.notSupported(kind)) {
      _ = try await Seat(stage, kind)
    }
  }

  @Test func aSubscriptionThatIsGoneHasNoSeat() async throws {
    let seat = try await Seat(try await Stage())
    seat.directory.close(seat.definition, of: seat.stage.address)
    try await seat.stage.log.deleteSubscription(seat.definition.name, of: seat.stage.address)
    await #expect(throws: DispatchFailure.gone) {
      _ = try await seat.directory.seat(
        at: seat.definition, of: seat.stage.address, on: seat.stage.site)
    }
  }

  @Test func acknowledgementsThatCannotBeReadAreNamed() async throws {
    let seat = try await Seat(try await Stage())
    seat.directory.close(seat.definition, of: seat.stage.address)
    seat.stage.log.stage(
      SubscriptionChange(markDelete: seat.stage.cursor(0), chunks: [4: ByteSlice([1, 9])]),
      of: SubscriptionReference(
        topic: seat.stage.address, name: seat.definition.name, number: seat.definition.number),
      settled: nil)
    await #expect(throws: DispatchFailure.corrupt(AckSetFault(chunk: 4, .unknownForm(9)))) {
      _ = try await seat.directory.seat(
        at: seat.definition, of: seat.stage.address, on: seat.stage.site)
    }
  }

  @Test func competingWorkersSettleEveryEventOnceAndNoneTwice() async throws {
    let stage = try await Stage()
    let seat = try await Seat(stage, ackTimeout: 0, maxUnacked: 20)
    let settled = Mutex<[UInt64: Int]>([:])
    let total = 300
    let workers = (0..<6).map { worker in
      Task { @MainActor in
        var random = SplitMix(seed: UInt64(worker))
        while settled.withLock({ $0.count }) < total {
          let events = try await seat.receive("w\(worker)", max: random.below(9) + 1, wait: 60)
          for event in events {
            await Task.yield()
            if random.below(4) == 0 {
              let given = try seat.dispatcher.release(
                [event.token], delay: .zero, on: stage.site)
              #expect(given.settled == 1)
            } else {
              let done = try await seat.acknowledge(
                [event], random.below(2) == 0 ? .soon : .awaited)
              #expect(done.settled == 1)
              settled.withLock { $0[event.record.id.entry, default: 0] += 1 }
            }
          }
        }
      }
    }
    for number in 0..<total { try await stage.append("\(number)") }
    try await eventually("all is settled") { settled.withLock { $0.count } == total }
    // Who still waits is sent home.
    for _ in 0..<20 {
      stage.timers.step(.seconds(60))
      for _ in 0..<50 { await Task.yield() }
    }
    for worker in workers { try await worker.value }
    #expect(settled.withLock { $0.values.allSatisfy { $0 == 1 } })
    #expect(seat.dispatcher.facts(on: seat.stage.site).backlog == 0)
    #expect(try seat.stored.markDelete == stage.cursor(UInt64(total)))
    #expect(try seat.stored.chunks.isEmpty)
  }
}
