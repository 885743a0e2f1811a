import Bytes
import Schemas
import Tenancy
import Testing
import Topics

extension LogConformance {
  func topicsAreListedByName(_ bench: Bench<Log>) async throws {
    let shop = try proofs.namespace("shop", .subscribe)
    for name in ["b", "a", "C", "a.b", "a-b"] { _ = try await bench.make(name) }
    let elsewhere = try proofs.topic("a", .manage, in: "yard")
    guard
      case .created(let first) = try await bench.log.createTopic(
        elsewhere, TopicConfiguration(requireSchema: true))
    else { throw ConformanceBreach.notCreated }
    guard
      case .existing(let again) = try await bench.log.createTopic(
        elsewhere, TopicConfiguration(requireSchema: false))
    else { throw ConformanceBreach.createdTwice }
    #expect(again == first)
    #expect(again.configuration.requireSchema == true)
    let neighbour = Proofs(tenant: "acme-2")
    _ = try await bench.log.createTopic(neighbour.topic("z", .publish), TopicConfiguration())
    func names(_ after: String?, _ limit: Int) throws -> [String] {
      let after = try after.map { try proofs.name($0) }
      return bench.log.topics(in: shop, after: after, limit: limit).map(\.name.bytes.text)
    }
    #expect(try names(nil, 10) == ["C", "a", "a-b", "a.b", "b"])
    #expect(try names(nil, 2) == ["C", "a"])
    #expect(try names("a", 2) == ["a-b", "a.b"])
    #expect(try names("aa", 9) == ["b"])
    #expect(bench.log.topic(try neighbour.topic("a", .subscribe)) == nil)
    let ledgers = bench.log.topics(in: shop, after: nil, limit: 10).map(\.ledger)
    #expect(ledgers.allSatisfy { $0 > 0 })
    let configured = try await bench.log.configureTopic(
      elsewhere, TopicConfiguration(retention: Retention(age: .seconds(60), bytes: 7)))
    #expect(configured == bench.log.topic(elsewhere))
    #expect(configured.configuration.retention == Retention(age: .seconds(60), bytes: 7))
    #expect(configured.ledger == first.ledger && configured.created == first.created)
  }

  func policiesAreKept(_ bench: Bench<Log>) async throws {
    let shop = try proofs.namespace("shop", .manage)
    #expect(bench.log.policy(of: shop) == nil)
    let policy = NamespacePolicy(
      retention: Retention(age: .seconds(3_600)), requireSchema: true, autoCreate: false,
      compatibility: Compatibility.none)
    try await bench.log.setPolicy(policy, of: shop)
    #expect(bench.log.policy(of: shop) == policy)
    #expect(bench.log.policy(of: try proofs.namespace("yard", .subscribe)) == nil)
    #expect(bench.log.policy(of: try Proofs(tenant: "b").namespace("shop", .manage)) == nil)
    try await bench.log.setPolicy(NamespacePolicy(), of: shop)
    #expect(bench.log.policy(of: shop) == NamespacePolicy())
    try await bench.log.removePolicy(of: shop)
    #expect(bench.log.policy(of: shop) == nil)
  }

  func schemaVersionsCount(_ bench: Bench<Log>) async throws {
    _ = try await bench.make("orders")
    let manage = try proofs.topic("orders", .manage)
    #expect(bench.log.binding(of: manage) == nil)
    let (first, second) = (try proofs.schema(#"{"type":"object"}"#), try proofs.schema("true"))
    let stored = try await bench.log.registerSchema(first, for: manage, at: 0)
    #expect(stored.version == 1)
    #expect(stored.registered == bench.clock.wall)
    #expect(bench.log.binding(of: manage)?.sole?.version == 1)
    #expect(bench.log.topic(manage)?.schemaVersion == 1)
    await #expect(throws: CatalogueFailure.schemaBookChanged(revision: 1)) {
      try await bench.log.registerSchema(second, for: manage, at: 0)
    }
    #expect(
      try await bench.log.registerSchema(second, for: manage, at: 1).version == 2)
    let all = bench.log.schemas(of: manage)
    #expect(all.map(\.version) == [1, 2])
    #expect(all.map(\.text) == [first.text, second.text])
    #expect(all.map(\.fingerprint) == [first.fingerprint, second.fingerprint])
    try await bench.log.deleteSchemas(of: manage)
    #expect(bench.log.binding(of: manage) == nil)
    #expect(bench.log.schemas(of: manage).isEmpty)
    #expect(bench.log.topic(manage)?.schemaVersion == 0)
    #expect(try await bench.log.registerSchema(first, for: manage, at: 3).version == 3)
    await #expect(throws: CatalogueFailure.unknownTopic) {
      try await bench.log.registerSchema(
        first, for: proofs.topic("absent", .manage), at: 0)
    }
  }

  func subscriptionsAreDefinedOnce(_ bench: Bench<Log>) async throws {
    let info = try await bench.make("orders")
    let address = try proofs.topic("orders", .subscribe)
    let (name, start) = (try proofs.name("billing"), Cursor(ledger: info.ledger, next: 0))
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .seconds(9), maxUnacked: 77)
    let made = try await bench.log.createSubscription(
      name, terms, startingAt: start, of: address)
    guard case .created(let definition) = made else { throw ConformanceBreach.notCreated }
    #expect(definition.terms == terms && definition.name == name)
    #expect(definition.created == bench.clock.wall)
    let other = SubscriptionTerms(kind: .exclusive, ackTimeout: .zero, maxUnacked: 1)
    guard
      case .existing(let again) = try await bench.log.createSubscription(
        name, other, startingAt: start, of: address)
    else { throw ConformanceBreach.createdTwice }
    #expect(again == definition)
    _ = try await bench.log.createSubscription(
      proofs.name("audit"), other, startingAt: start, of: address)
    #expect(bench.log.subscriptions(of: address).map(\.name.bytes.text) == ["audit", "billing"])
    #expect(bench.log.subscription(name, of: address) == definition)
    await #expect(throws: CatalogueFailure.self) {
      try await bench.log.createSubscription(
        proofs.name("ahead"), terms, startingAt: Cursor(ledger: info.ledger, next: 1),
        of: address)
    }
    try await bench.log.deleteSubscription(name, of: address)
    #expect(bench.log.subscription(name, of: address) == nil)
    await #expect(throws: CatalogueFailure.unknownSubscription) {
      try await bench.log.deleteSubscription(name, of: address)
    }
    let anew = try await bench.log.createSubscription(
      name, terms, startingAt: start, of: address)
    #expect(anew.thing.number != definition.number)
  }

  func subscriptionsAreTheirHoldersOwn(_ bench: Bench<Log>) async throws {
    let info = try await bench.make("orders")
    let (home, guest) = (
      try proofs.topic("orders", .subscribe), try Proofs(tenant: "b").shared("orders")
    )
    let (name, start) = (try proofs.name("billing"), Cursor(ledger: info.ledger, next: 0))
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 9)
    var definitions: [SubscriptionDefinition] = []
    for address in [guest, home] {
      let made = try await bench.log.createSubscription(
        name, terms, startingAt: start, of: address)
      guard case .created(let definition) = made else { throw ConformanceBreach.notCreated }
      #expect(bench.log.subscription(name, of: address) == definition)
      definitions.append(definition)
    }
    #expect(definitions.map(\.holder) == [try proofs.name("b"), nil])
    #expect(definitions.map(\.creator.text) == ["b", "acme"])
    #expect(definitions[0].number != definitions[1].number)
    #expect(bench.log.subscriptions(of: home) == [definitions[1], definitions[0]])
    #expect(bench.log.subscriptions(of: guest) == [definitions[0]])
    // What is not its own is not there, by whatever name it is asked for.
    #expect(bench.log.subscription(definitions[1].heldName, of: guest) == nil)
    let foreign = SubscriptionReference(to: definitions[1], of: guest)
    #expect(throws: CatalogueFailure.unknownSubscription) { try bench.log.loadState(of: foreign) }
    let settled = ChangeSettlement()
    bench.log.stage(SubscriptionChange(markDelete: start), of: foreign, settled: settled)
    let refused = await settled.value()
    #expect(throws: CatalogueFailure.unknownSubscription) { try refused.get() }
    await #expect(throws: CatalogueFailure.unknownSubscription) {
      try await bench.log.deleteSubscription(
        definitions[1].heldName, of: guest, expecting: .anything)
    }
    // A guest has its own bound, and takes none of the owner's.
    for number in 1..<100 {
      _ = try await bench.log.createSubscription(
        proofs.name("s-\(number)"), terms, startingAt: start, of: guest)
    }
    await #expect(throws: CatalogueFailure.tooMany(.partnerSubscriptions, limit: 100)) {
      try await bench.log.createSubscription(
        proofs.name("s-100"), terms, startingAt: start, of: guest)
    }
    _ = try await bench.log.createSubscription(
      proofs.name("audit"), terms, startingAt: start, of: home)
    // The owner may end them.
    try await bench.log.deleteSubscription(
      definitions[0].heldName, of: home, expecting: .exactly(definitions[0]))
    #expect(bench.log.subscription(name, of: guest) == nil)
    let log = try await reopen(bench.log, bench.clock.clocks)
    #expect(log.subscription(name, of: home) == definitions[1])
    #expect(log.subscriptions(of: guest).count == 99)
    #expect(log.subscriptions(of: guest).allSatisfy { $0.creator.text == "b" })
  }

  func progressIsKept(_ bench: Bench<Log>) async throws {
    let info = try await bench.make("orders")
    try await bench.append("orders", "0", "1", "2")
    let address = try proofs.topic("orders", .subscribe)
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .zero, maxUnacked: 9)
    func cursor(_ next: UInt64) -> Cursor { Cursor(ledger: info.ledger, next: next) }
    let name = try proofs.name("billing")
    let definition = try await bench.log.createSubscription(
      name, terms, startingAt: cursor(1), of: address
    ).thing
    let reference = SubscriptionReference(
      topic: address, name: name, number: definition.number)
    var model = SubscriptionState(markDelete: cursor(1))
    #expect(try bench.log.loadState(of: reference) == model)
    let changes = [
      SubscriptionChange(
        markDelete: cursor(1), chunks: [0: ByteSlice([1, 2, 3]), 5: ByteSlice([9])]),
      SubscriptionChange(markDelete: cursor(2), chunks: [5: nil, 6: ByteSlice([7])]),
      SubscriptionChange(
        markDelete: cursor(0), epoch: 1, chunks: [2: ByteSlice([4])], replacesAll: true),
      SubscriptionChange(markDelete: cursor(3), epoch: 1, chunks: [:]),
    ]
    for change in changes {
      let settled = ChangeSettlement()
      bench.log.stage(change, of: reference, settled: settled)
      try await settled.value().get()
      model.apply(change)
      #expect(try bench.log.loadState(of: reference) == model)
    }
    // Without a settlement, and in order, however fast they come.
    for step in 0..<20 as Range<UInt64> {
      bench.log.stage(
        SubscriptionChange(
          markDelete: cursor(step % 4), epoch: 2, chunks: [step: ByteSlice([UInt8(step)])]),
        of: reference, settled: nil)
    }
    let last = ChangeSettlement()
    bench.log.stage(
      SubscriptionChange(markDelete: cursor(3), epoch: 2), of: reference, settled: last)
    try await last.value().get()
    let state = try bench.log.loadState(of: reference)
    #expect(state.markDelete == cursor(3) && state.chunks.count == 20)
    try await predecessorsAreNotMeant(bench, reference, changes[0], terms, cursor(0))
  }

  private func predecessorsAreNotMeant(
    _ bench: Bench<Log>, _ old: SubscriptionReference, _ change: SubscriptionChange,
    _ terms: SubscriptionTerms, _ start: Cursor
  ) async throws {
    try await bench.log.deleteSubscription(old.name.name, of: old.topic)
    let anew = try await bench.log.createSubscription(
      old.name.name, terms, startingAt: start, of: old.topic
    ).thing
    let settled = ChangeSettlement()
    bench.log.stage(change, of: old, settled: settled)
    let outcome = await settled.value()
    #expect(throws: CatalogueFailure.unknownSubscription) { try outcome.get() }
    #expect(throws: CatalogueFailure.unknownSubscription) { try bench.log.loadState(of: old) }
    let reference = SubscriptionReference(
      topic: old.topic, name: old.name.name, number: anew.number)
    #expect(try bench.log.loadState(of: reference) == SubscriptionState(markDelete: start))
    // As one of a topic that was made anew has it: the same name and number, and other terms.
    let other = SubscriptionDefinition(
      name: anew.name, heldBy: anew.holder, number: anew.number,
      terms: SubscriptionTerms(kind: .exclusive, ackTimeout: .zero, maxUnacked: 1),
      created: anew.created, creator: anew.creator)
    #expect(throws: CatalogueFailure.changed) {
      try bench.log.loadState(of: reference, expecting: .exactly(other))
    }
    let state = try bench.log.loadState(of: reference, expecting: .exactly(anew))
    #expect(state == SubscriptionState(markDelete: start))
  }
}

/// What an engine did that it must not.
enum ConformanceBreach: Error {
  case notCreated
  case createdTwice
}
