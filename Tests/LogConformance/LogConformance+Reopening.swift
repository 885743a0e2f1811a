import Bytes
import Schemas
import Tenancy
import Testing
import Topics

extension LogConformance {
  func everythingSurvivesReopening(_ bench: Bench<Log>) async throws {
    let orders = try await bench.make("orders")
    _ = try await bench.make("gone")
    let (manage, address) = (
      try proofs.topic("orders", .manage), try proofs.topic("orders", .subscribe)
    )
    for number in 0..<12 { try await bench.append("orders", "\(number)") }
    _ = try await bench.loop.appendAll((12..<15).map { try proofs.event("orders", "\($0)") })
    try await bench.log.trim(manage, before: 4)
    _ = try await bench.log.registerSchema(proofs.schema("true"), for: manage, at: 0)
    try await bench.log.setPolicy(
      NamespacePolicy(autoCreate: true), of: proofs.namespace("shop", .manage))
    try await bench.append("gone", "0")
    try await bench.log.deleteTopic(proofs.topic("gone", .manage))
    let start = Cursor(ledger: orders.ledger, next: 4)
    let terms = SubscriptionTerms(kind: .exclusive, ackTimeout: .seconds(5), maxUnacked: 3)
    let definition = try await bench.log.createSubscription(
      proofs.name("billing"), terms, startingAt: start, of: address
    ).thing
    let reference = SubscriptionReference(
      topic: address, name: definition.name, number: definition.number)
    let (settled, chunk) = (ChangeSettlement(), ByteSlice([1, 2, 3]))
    bench.log.stage(
      SubscriptionChange(
        markDelete: Cursor(ledger: orders.ledger, next: 7), epoch: 2, chunks: [0: chunk]),
      of: reference, settled: settled)
    try await settled.value().get()
    let (records, bounds) = (try bench.contents("orders"), try bench.bounds("orders"))
    let info = bench.log.topic(address)

    let log = try await reopen(bench.log, bench.clock.clocks)
    let opened = Bench(log: log, clock: bench.clock, proofs: proofs)
    let found = try opened.contents("orders")
    #expect(found.map(\.id) == records.map(\.id))
    #expect(found.map(\.payload) == records.map(\.payload))
    #expect(found.map(\.publishTime) == records.map(\.publishTime))
    let reopened = try opened.bounds("orders")
    #expect((reopened.ledger, reopened.first, reopened.end) == (bounds.ledger, 4, 15))
    #expect(log.topic(address) == info)
    #expect(log.binding(of: address)?.sole?.version == 1)
    #expect(log.schemas(of: address).map(\.text.text) == ["true"])
    #expect(log.policy(of: try proofs.namespace("shop", .manage))?.autoCreate == true)
    #expect(log.subscription(definition.name, of: address) == definition)
    let state = try log.loadState(of: reference)
    #expect(state.markDelete.next == 7 && state.epoch == 2 && state.chunks == [0: chunk])
    #expect(log.topic(try proofs.topic("gone", .manage)) == nil)

    // And it goes on where it stopped.
    let gone = try await opened.make("gone")
    #expect(gone.ledger != orders.ledger)
    #expect(try opened.payloads("gone") == [])
    #expect(try await opened.append("orders", "15")[0].id.entry == 15)
    #expect(try opened.payloads("orders") == (4..<16).map { "\($0)" })
    #expect(try opened.log.growth(of: address).end == 16)
    #expect(
      try await log.registerSchema(proofs.schema("false"), for: manage, at: 1).version == 2)
    let another = try await log.createSubscription(
      proofs.name("another"), terms, startingAt: start, of: address
    ).thing
    #expect(another.number != definition.number)
  }

  /// The same random history on this engine and on the one in memory, compared after each step.
  func randomHistoriesMatchTheModel(_ bench: Bench<Log>) async throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SplitMix(seed: seed)
    let model = Bench(
      log: MemoryLog(clocks: bench.clock.clocks), clock: bench.clock, proofs: proofs)
    var bench = bench
    let topics = ["a", "b", "c"]
    for step in 0..<300 {
      let topic = topics[random.below(3)]
      let context: Comment = "seed \(seed), step \(step), \(topic)"
      bench.clock.step(.milliseconds(Int64(random.below(5))))
      switch random.below(20) {
      case 0..<10:
        let payload = String(repeating: "\(step % 10)", count: random.below(2_000))
        let left = await entry { try await bench.append(topic, payload)[0].id.entry }
        let right = await entry { try await model.append(topic, payload)[0].id.entry }
        #expect(left == right, context)
      case 10..<13:
        let batch = try (0..<random.below(40) + 1).map { try proofs.event(topic, "\(step)/\($0)") }
        let left = await entry { try await bench.loop.appendAll(batch)[0].id.entry }
        let right = await entry { try await model.loop.appendAll(batch)[0].id.entry }
        #expect(left == right, context)
      case 13, 14:
        let (left, right) = (try await bench.make(topic), try await model.make(topic))
        #expect(left.created == right.created, context)
      case 15:
        let manage = try proofs.topic(topic, .manage)
        let left = await entry { () in
          try await bench.log.deleteTopic(manage); return 0
        }
        let right = await entry { () in
          try await model.log.deleteTopic(manage); return 0
        }
        #expect(left == right, context)
      case 16:
        guard let end = try? model.bounds(topic).end else { continue }
        let (manage, first) = (try proofs.topic(topic, .manage), UInt64(random.below(Int(end) + 1)))
        try await bench.log.trim(manage, before: first)
        try await model.log.trim(manage, before: first)
      case 17 where step % 5 == 0:
        bench = Bench(
          log: try await reopen(bench.log, bench.clock.clocks), clock: bench.clock, proofs: proofs)
      default:
        let budget = random.below(50) + 1
        let left = try? bench.contents(topic, records: budget)
        let right = try? model.contents(topic, records: budget)
        #expect(left?.map(\.payload) == right?.map(\.payload), context)
        #expect(left?.map(\.id.entry) == right?.map(\.id.entry), context)
        #expect(left?.map(\.publishTime) == right?.map(\.publishTime), context)
      }
    }
  }

  private func entry(_ work: () async throws -> UInt64) async -> UInt64? { try? await work() }
}

/// SplitMix64: the same numbers for the same seed.
package struct SplitMix: Sendable {
  private var state: UInt64
  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// A number below `bound`.
  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
