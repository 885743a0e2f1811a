import Bytes
import Events
import Schemas
import Tenancy
import Testing
import Topics

extension LogConformance {
  func entriesAreDenseAndInOrder(_ bench: Bench<Log>) async throws {
    let info = try await bench.make("orders")
    _ = try await bench.make("other")
    var receipts: [Receipt] = []
    for number in 0..<30 {
      receipts += try await bench.append("orders", "\(number)")
      if number % 3 == 0 { try await bench.append("other", "x") }
    }
    #expect(receipts.map(\.id.entry) == Array(0..<30))
    #expect(receipts.allSatisfy { $0.id.ledger == info.ledger })
    let records = try bench.contents("orders")
    #expect(records.map(\.id) == receipts.map(\.id))
    #expect(records.map(\.payload.text) == (0..<30).map { "\($0)" })
    #expect(records.map(\.publishTime) == receipts.map(\.publishTime))
    let bounds = try bench.bounds("orders")
    #expect((bounds.first, bounds.end, bounds.events) == (0, 30, 30))
    #expect(bounds.bytes > 0)
    #expect(try bench.bounds("other").end == 10)
  }

  func nothingIsVisibleBeforeItIsFlushed(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let (loop, event) = (bench.loop, try proofs.event("orders", "1"))
    async let receipt = loop.stage(event)
    for _ in 0..<50 { await Task.yield() }
    #expect(try bench.bounds("orders").end == 0)
    #expect(try bench.payloads("orders") == [])
    // Staging may lag behind the yields above: flush until it has come through.
    let growth = try bench.log.growth(of: proofs.topic("orders", .subscribe))
    while growth.end == 0 {
      await loop.flush()
      await Task.yield()
    }
    #expect(try await receipt.id.entry == 0)
    #expect(try bench.payloads("orders") == ["1"])
  }

  func eventsComeBackAsTheyWere(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let address = try proofs.topic("orders", .subscribe)
    let payloads = [
      ByteSlice(utf8: #"{"total": 1.50, "name": "Zoë"}"#), ByteSlice.empty,
      ByteSlice(Array(0...255)), ByteSlice(Array(repeating: 0x5A, count: 300_000)),
    ]
    var sent: [ConformingEvent] = []
    for (index, payload) in payloads.enumerated() {
      let event = try proofs.event(
        "orders", payload, kind: index == 0 ? .json : .binary,
        key: [nil, ByteSlice.empty, ByteSlice(utf8: "customer-7"), nil][index])
      sent.append(event)
      _ = try await bench.loop.append(event)
    }
    for records in [
      try bench.contents("orders"),
      try bench.log.readStored(address, from: bench.bounds("orders").earliest, budget: .answer)
        .records,
    ] {
      #expect(records.count == sent.count)
      for (record, event) in zip(records, sent) {
        #expect(record.payload == event.draft.payload)
        #expect(record.key == event.draft.key)
        #expect(record.attributes.encoded == event.draft.attributes.encoded)
        #expect(record.schemaVersion == event.schemaVersion)
        #expect(record.flags.contains(.jsonPayload) == (event.draft.payloadKind == .json))
        #expect(record.publishTime == bench.clock.wall)
      }
    }
  }

  func pagesKeepTheirBudget(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let address = try proofs.topic("orders", .subscribe)
    for size in [10, 10, 5_000, 10, 10] {
      try await bench.append("orders", String(repeating: "7", count: size))
    }
    let start = try bench.bounds("orders").earliest
    func read(_ from: UInt64, records: Int, bytes: Int) throws -> [UInt64] {
      let budget = ByteBudget(records: records, bytes: bytes)
      let cursor = Cursor(ledger: start.ledger, next: from)
      let page = try bench.log.readStored(address, from: cursor, budget: budget)
      #expect(page.next.next == from + UInt64(page.records.count))
      #expect(page.end == 5)
      if case .page(let tail) = try bench.log.tail(of: address, from: cursor, budget: budget) {
        #expect(tail.records.map(\.id) == page.records.map(\.id))
      }
      return page.records.map(\.id.entry)
    }
    #expect(try read(0, records: 2, bytes: 1 << 20) == [0, 1])
    #expect(try read(0, records: 100, bytes: 1 << 20) == [0, 1, 2, 3, 4])
    #expect(try read(0, records: 100, bytes: 100) == [0, 1])
    #expect(try read(2, records: 100, bytes: 100) == [2], "a large event is returned alone")
    #expect(try read(5, records: 100, bytes: 100) == [])
  }

  func tailAndStoreAgree(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let address = try proofs.topic("orders", .subscribe)
    for number in 0..<20 { try await bench.append("orders", "\(number)") }
    let ledger = try bench.bounds("orders").ledger
    var seenAtTail = 0
    for entry in 0...20 as ClosedRange<UInt64> {
      let cursor = Cursor(ledger: ledger, next: entry)
      let stored = try bench.log.readStored(address, from: cursor, budget: .answer)
      guard case .page(let tail) = try bench.log.tail(of: address, from: cursor, budget: .answer)
      else { continue }
      seenAtTail += 1
      #expect(tail.records.map(\.payload) == stored.records.map(\.payload))
      #expect(tail.records.map(\.publishTime) == stored.records.map(\.publishTime))
      #expect((tail.next, tail.end, tail.isUpToDate) == (stored.next, stored.end, true))
      #expect(tail.records.allSatisfy { $0.durableAt != nil })
      #expect(stored.records.allSatisfy { $0.durableAt == nil })
    }
    #expect(seenAtTail > 0, "who has caught up reads from memory")
  }

  func placesAreChecked(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    try await bench.append("orders", "1", "2")
    let address = try proofs.topic("orders", .subscribe)
    let bounds = try bench.bounds("orders")
    let ahead = Cursor(ledger: bounds.ledger, next: 3)
    let other = Cursor(ledger: bounds.ledger + 1, next: 0)
    for cursor in [ahead, other] {
      let failure = ReadFailure.positionAhead(end: bounds.latest)
      #expect(throws: failure) {
        try bench.log.tail(of: address, from: cursor, budget: .answer)
      }
      #expect(throws: failure) {
        try bench.log.readStored(address, from: cursor, budget: .answer)
      }
      #expect(throws: failure) { try bench.log.resolve(.after(cursor), in: address) }
    }
    #expect(try bench.log.resolve(.earliest, in: address) == .at(bounds.earliest))
    #expect(try bench.log.resolve(.latest, in: address) == .at(bounds.latest))
    let inside = Cursor(ledger: bounds.ledger, next: 1)
    #expect(try bench.log.resolve(.after(inside), in: address) == .at(inside))
    let absent = try proofs.topic("absent", .subscribe)
    #expect(throws: ReadFailure.unknownTopic) { try bench.log.growth(of: absent) }
    #expect(throws: ReadFailure.unknownTopic) { try bench.log.resolve(.latest, in: absent) }
    #expect(throws: ReadFailure.unknownTopic) {
      try bench.log.tail(of: absent, from: inside, budget: .answer)
    }
    await #expect(throws: AppendFailure.unknownTopic) {
      _ = try await bench.append("absent", "1")
    }
  }

  func trimmedEventsLeaveAGap(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    try await bench.append("orders", "0", "1", "2", "3", "4")
    let (address, manage) = (
      try proofs.topic("orders", .subscribe), try proofs.topic("orders", .manage)
    )
    let ledger = try bench.bounds("orders").ledger
    try await bench.log.trim(manage, before: 3)
    try await bench.log.trim(manage, before: 1)
    let wanted = Cursor(ledger: ledger, next: 1)
    let earliest = Cursor(ledger: ledger, next: 3)
    let page = try bench.log.readStored(address, from: wanted, budget: .answer)
    let gap = try #require(page.gap)
    #expect((gap.cause, gap.requested, gap.earliest) == (.trimmed, wanted, earliest))
    #expect(gap.lost == 2)
    #expect(page.records.map(\.payload.text) == ["3", "4"])
    switch try bench.log.tail(of: address, from: wanted, budget: .answer) {
    case .page(let tail): #expect(tail.gap == gap && tail.records.count == 2)
    case .behind: break
    }
    #expect(try bench.log.resolve(.after(wanted), in: address) == .gap(gap))
    #expect(try bench.log.resolve(.earliest, in: address) == .at(earliest))
    #expect(try bench.log.readStored(address, from: earliest, budget: .answer).gap == nil)
    let ahead = CatalogueFailure.positionAhead(end: try bench.bounds("orders").latest)
    await #expect(throws: ahead) {
      try await bench.log.trim(manage, before: 6)
    }
    try await bench.log.trim(manage, before: 5)
    let bounds = try bench.bounds("orders")
    #expect((bounds.first, bounds.end, bounds.events) == (5, 5, 0))
    #expect(try await bench.append("orders", "5")[0].id.entry == 5)
    #expect(try bench.payloads("orders") == ["5"])
  }

  func growthWakesWaiters(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let growth = try bench.log.growth(of: proofs.topic("orders", .subscribe))
    #expect(growth === (try bench.log.growth(of: proofs.topic("orders", .subscribe))))
    let (first, second, removed) = (Waiter(), Waiter(), Waiter())
    #expect(growth.register(first, beyond: 0))
    #expect(growth.register(second, beyond: 1))
    #expect(growth.register(removed, beyond: 0))
    growth.remove(removed)
    async let woken = first.wait()
    try await bench.append("orders", "0")
    #expect(await woken == .grown)
    #expect(growth.end == 1)
    #expect(growth.waiting == 1)
    #expect(!growth.register(Waiter(), beyond: 0), "a level, not an edge")
    try await bench.log.deleteTopic(proofs.topic("orders", .manage))
    #expect(await second.wait() == .closed)
    #expect(!growth.register(Waiter(), beyond: 9))
  }

  func batchesAreWholeAndAdjacent(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    _ = try await bench.make("other")
    try await bench.append("orders", "first")
    let batch = try (0..<50).map { try proofs.event("orders", "\($0)") }
    let receipts = try await bench.loop.appendAll(batch)
    #expect(receipts.map(\.id.entry) == Array(1...50))
    #expect(Set(receipts.map(\.publishTime)).count == 1)
    #expect(try bench.payloads("orders") == ["first"] + (0..<50).map { "\($0)" })
    let mixed = [try proofs.event("orders", "a"), try proofs.event("other", "b")]
    await #expect(throws: AppendFailure.mixedBatch) { try await bench.loop.appendAll(mixed) }
    await #expect(throws: AppendFailure.mixedBatch) { try await bench.loop.appendAll([]) }
    #expect(try bench.bounds("orders").end == 51)
    #expect(try bench.bounds("other").end == 0)
  }

  func grantsAreChecked(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let (publish, subscribe) = (
      try proofs.topic("orders", .publish), try proofs.topic("orders", .subscribe)
    )
    let cursor = try bench.bounds("orders").earliest
    #expect(throws: ReadFailure.notGranted(.publish)) {
      try bench.log.tail(of: publish, from: cursor, budget: .answer)
    }
    #expect(throws: ReadFailure.notGranted(.publish)) {
      try bench.log.readStored(publish, from: cursor, budget: .answer)
    }
    #expect(throws: ReadFailure.notGranted(.publish)) { try bench.log.growth(of: publish) }
    let event = try proofs.event("orders", "1", as: .subscribe)
    await #expect(throws: AppendFailure.notGranted(.subscribe)) {
      try await bench.loop.append(event)
    }
    await #expect(throws: CatalogueFailure.notGranted(.subscribe)) {
      try await bench.log.deleteTopic(subscribe)
    }
    await #expect(throws: CatalogueFailure.notGranted(.publish)) {
      try await bench.log.trim(publish, before: 0)
    }
    await #expect(throws: CatalogueFailure.notGranted(.subscribe)) {
      try await bench.log.createTopic(
        proofs.topic("new", .subscribe), TopicConfiguration())
    }
    #expect(bench.log.topic(try proofs.topic("new", .subscribe)) == nil)
    await #expect(throws: CatalogueFailure.notGranted(.subscribe)) {
      try await bench.log.setPolicy(NamespacePolicy(), of: proofs.namespace("shop", .subscribe))
    }
  }

  func aTopicMadeAnewIsAnotherOne(_ bench: Bench<Log>) async throws {
    let old = try await bench.make("orders")
    let receipts = try await bench.append("orders", "0", "1")
    let address = try proofs.topic("orders", .subscribe)
    try await bench.log.deleteTopic(proofs.topic("orders", .manage))
    #expect(bench.log.topic(address) == nil)
    #expect(throws: ReadFailure.unknownTopic) { try bench.bounds("orders") }
    await #expect(throws: CatalogueFailure.unknownTopic) {
      try await bench.log.deleteTopic(proofs.topic("orders", .manage))
    }
    let new = try await bench.make("orders")
    #expect(new.ledger > old.ledger)
    #expect(try bench.payloads("orders") == [])
    let receipt = try await bench.append("orders", "new")[0]
    #expect(receipt.id == MessageID(ledger: new.ledger, entry: 0))
    let cursor = Cursor(after: receipts[0].id)
    let page = try bench.log.readStored(address, from: cursor, budget: .answer)
    let gap = try #require(page.gap)
    #expect((gap.cause, gap.lost) == (.earlierIncarnation, nil))
    #expect(gap.earliest == Cursor(ledger: new.ledger, next: 0))
    #expect(page.records.map(\.payload.text) == ["new"])
    #expect(try bench.log.resolve(.after(cursor), in: address) == .gap(gap))
  }

  func publishTimesNeverGoBack(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let address = try proofs.topic("orders", .subscribe)
    let start = bench.clock.wall
    try await bench.append("orders", "0")
    bench.clock.step(.seconds(10))
    try await bench.append("orders", "1")
    bench.clock.set(wall: start - .seconds(3_600))
    try await bench.append("orders", "2")
    bench.clock.set(wall: start + .seconds(20))
    try await bench.append("orders", "3")
    let times = try bench.contents("orders").map(\.publishTime)
    #expect(times == [0, 10, 10, 20].map { start + .seconds($0) })
    #expect(try bench.log.resolve(.from(start), in: address) == .lookUp(start))
    for (offset, entry) in [(-5, 0), (0, 0), (1, 1), (10, 1), (11, 3), (20, 3), (21, 4)]
      as [(Int64, UInt64)]
    {
      let place = try bench.log.locate(start + .seconds(offset), in: address)
      #expect(place.next == entry, "offset \(offset)")
    }
  }

  func concurrentAppendsAreAllStored(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let (log, proofs) = (bench.log, proofs)
    let receipts = try await withThrowingTaskGroup(of: [(String, Receipt)].self) { group in
      for worker in 0..<8 {
        let loop = AppendLoop(log)
        group.addTask {
          var done: [(String, Receipt)] = []
          for number in 0..<40 {
            let payload = "\(worker)-\(number)"
            done.append((payload, try await loop.append(proofs.event("orders", payload))))
          }
          return done
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(receipts.map(\.1.id.entry).sorted() == Array(0..<320))
    let records = try bench.contents("orders", records: 100)
    #expect(records.map(\.id.entry) == Array(0..<320))
    for (payload, receipt) in receipts {
      #expect(records[Int(receipt.id.entry)].payload.text == payload)
    }
    for worker in 0..<8 {
      let own = records.map(\.payload.text).filter { $0.hasPrefix("\(worker)-") }
      #expect(own == (0..<40).map { "\(worker)-\($0)" }, "a producer's own order is kept")
    }
  }
}
