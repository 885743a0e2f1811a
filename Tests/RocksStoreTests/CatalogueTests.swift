import Bytes
import LogConformance
import Schemas
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct CatalogueTests {
  @Test func `nothing is compiled at an opening, and programs go with their topics`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders", .manage)
    _ = try await log.createTopic(topic, TopicConfiguration())
    let stored = try await log.registerSchema(try candidate("{}"), for: topic, at: 0)
    #expect(log.committer.directory.programs.bytes > 0)
    log.close()
    log = try RocksTopicLog(opening: configuration(scratch))
    let programs = log.committer.directory.programs
    #expect(programs.bytes == 0 && log.binding(of: topic)?.sole?.program == nil)
    log.schemaBook(of: topic).keep(try log.recompileSchema(stored, of: topic), of: 1)
    #expect(log.binding(of: topic)?.sole?.program != nil && programs.bytes > 0)
    try await log.deleteTopic(topic)
    // The commit that deleted it is over with the next one.
    _ = try await log.createTopic(topic, TopicConfiguration())
    #expect(programs.bytes == 0)
    log.close()
  }

  @Test func `a tenant makes so many namespaces, whatever becomes of their topics`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    settings.limits.namespacesPerTenant = 2
    let refused = CatalogueFailure.tooMany(.namespaces, limit: 2)
    var log = try RocksTopicLog(opening: settings)
    for number in 0..<2 {
      let topic = try Proofs().topic("orders", .manage, in: "ns-\(number)")
      _ = try await log.createTopic(topic, TopicConfiguration())
      try await log.deleteTopic(topic)
    }
    for _ in 0..<2 {
      await #expect(throws: refused) {
        try await log.createTopic(
          Proofs().topic("orders", .manage, in: "ns-2"), TopicConfiguration())
      }
      await #expect(throws: refused) {
        try await log.setPolicy(
          NamespacePolicy(autoCreate: true), of: Proofs().namespace("ns-2", .manage))
      }
      await #expect(throws: refused) {
        try await log.putDocument(
          Proofs().document("a", "true"), in: Proofs().namespace("ns-2", .manage), replacing: nil)
      }
      log.close()
      log = try RocksTopicLog(opening: settings)
    }
    // Those that are there go on, and others have their own.
    _ = try await log.createTopic(
      Proofs().topic("bills", .manage, in: "ns-1"), TopicConfiguration())
    _ = try await log.createTopic(
      Proofs(tenant: "acme-2").topic("orders", .manage, in: "ns-2"), TopicConfiguration())
    log.close()
  }

  @Test func `a topic that goes takes its rows with it`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    func rows() throws -> [Int] {
      var counts = [0, 0, 0, 0, 0, 0]
      let database = log.committer.database
      try database.scan(SchemaKey.self) { _, _ in counts[0] += 1 }
      try database.scan(TopicSchemaKey.self) { _, _ in counts[1] += 1 }
      try database.scan(TopicBindingKey.self) { _, _ in counts[2] += 1 }
      try database.scan(TrimKey.self) { _, _ in counts[3] += 1 }
      try database.scan(SubscriptionKey.self) { _, _ in counts[4] += 1 }
      try database.scan(SegmentKey.self) { _, _ in counts[5] += 1 }
      return counts
    }
    for topic in ["orders", "kept"] {
      let manage = try address(topic, .manage)
      _ = try await log.createTopic(manage, TopicConfiguration())
      _ = try await log.registerSchema(try candidate("{}"), for: manage, at: 0)
      _ = try await log.registerSchema(try candidate("true"), for: manage, at: 1)
      _ = try await log.subscribe(to: topic)
      let loop = TestLoop(log)
      for payload in ["1", "2"] { _ = try await loop.append(event(address(topic), payload)) }
      try await log.trim(manage, before: 1)
    }
    #expect(try rows() == [4, 4, 2, 2, 2, 2])
    try await log.deleteTopic(address("orders", .manage))
    #expect(try rows() == [2, 2, 1, 1, 1, 1])
    log.close()
  }

  @Test func `what the catalogue was told is there after a reopening`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders", .manage)
    let namespace = try Proofs().namespace("shop", .manage)
    let retention = TopicConfiguration(retention: Retention(age: .seconds(60), bytes: 5))
    let policy = NamespacePolicy(autoCreate: true, compatibility: Compatibility.none)
    try await log.setPolicy(policy, of: namespace)
    _ = try await log.createTopic(topic, retention)
    _ = try await log.createTopic(try address("b"), TopicConfiguration())
    _ = try await log.createTopic(try address("a"), TopicConfiguration())
    _ = try await log.createTopic(try address("a", tenant: "acme-2"), TopicConfiguration())
    let first = try await log.registerSchema(try candidate("{}"), for: topic, at: 0)
    let second = try await log.registerSchema(try candidate("true"), for: topic, at: 1)
    #expect([first.version, second.version] == [1, 2])
    await #expect(throws: CatalogueFailure.schemaBookChanged(revision: 2)) {
      try await log.registerSchema(try candidate("false"), for: topic, at: 1)
    }
    let worker = try name("worker")
    let made = try await log.createSubscription(
      worker, .shared, startingAt: .first(), of: topic)
    log.close()

    log = try RocksTopicLog(opening: configuration(scratch))
    #expect(log.policy(of: namespace) == policy)
    #expect(log.topic(topic)?.configuration == retention)
    #expect(log.topic(topic)?.schemaVersion == 2)
    #expect(log.binding(of: topic)?.sole?.version == 2)
    #expect(log.schemas(of: topic).map(\.text.text) == ["{}", "true"])
    #expect(log.subscription(worker, of: topic) == made.thing)
    #expect(
      log.topics(in: namespace, after: nil, limit: 9).map(\.name.bytes.text) == [
        "a", "b", "orders",
      ])
    #expect(
      log.topics(in: namespace, after: try name("a"), limit: 1).map(\.name.bytes.text) == ["b"])
    try await log.deleteSchemas(of: topic)
    #expect(log.binding(of: topic) == nil)
    let third = try await log.registerSchema(try candidate("{}"), for: topic, at: 3)
    #expect(third.version == 3)
    try await log.removePolicy(of: namespace)
    log.close()

    log = try RocksTopicLog(opening: configuration(scratch))
    #expect(log.policy(of: namespace) == nil)
    #expect(log.schemas(of: topic).map(\.version) == [3])
    log.close()
  }

  @Test func `creating twice at once makes one topic`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let created = try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<40 {
        group.addTask {
          let topic = try address("t\(index % 4)")
          if case .created = try await log.createTopic(topic, TopicConfiguration()) { return 1 }
          return 0
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(created == 4)
    log.close()
    let reopened = try RocksTopicLog(opening: configuration(scratch))
    for index in 0..<4 { #expect(reopened.topic(try address("t\(index)"))?.ledger == 1) }
    reopened.close()
  }

  @Test func `a subscription's progress is what was staged last, seeks void the rest`()
    async throws
  {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders", .subscribe)
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let worker = try name("worker")
    await #expect(throws: CatalogueFailure.positionAhead(end: .first())) {
      try await log.createSubscription(
        worker, .shared, startingAt: Cursor(ledger: 1, next: 1), of: topic)
    }
    let made = try await log.createSubscription(worker, .shared, startingAt: .first(), of: topic)
    let subscription = SubscriptionReference(
      topic: topic, name: worker, number: made.thing.number)
    #expect(try log.loadState(of: subscription) == SubscriptionState(markDelete: .first()))
    var expected = SubscriptionState(markDelete: .first())
    for change in [
      SubscriptionChange(
        markDelete: Cursor(ledger: 1, next: 5), chunks: [0: bytes("zero"), 7: bytes("seven")]),
      SubscriptionChange(markDelete: Cursor(ledger: 1, next: 6), chunks: [7: nil]),
      SubscriptionChange(markDelete: Cursor(ledger: 1, next: 7), chunks: [9: bytes("nine")]),
    ] {
      log.stage(change, of: subscription, settled: nil)
      expected.apply(change)
    }
    let settled = ChangeSettlement()
    let last = SubscriptionChange(
      markDelete: Cursor(ledger: 1, next: 8), epoch: 1, chunks: [11: bytes("eleven")])
    log.stage(last, of: subscription, settled: settled)
    expected.apply(last)
    expected.chunks[7] = nil
    try await settled.value().get()
    #expect(try log.loadState(of: subscription) == expected)
    log.close()

    log = try RocksTopicLog(opening: configuration(scratch))
    #expect(try log.loadState(of: subscription) == expected)
    // A chunk staged in the very commit of the seek is void as well.
    let seek = SubscriptionChange(
      markDelete: .first(), epoch: 2, chunks: [1: bytes("one")], replacesAll: true)
    let sought = ChangeSettlement()
    log.stage(
      SubscriptionChange(markDelete: .first(), epoch: 1, chunks: [3: bytes("three")]),
      of: subscription, settled: nil)
    log.stage(seek, of: subscription, settled: sought)
    try await sought.value().get()
    #expect(
      try log.loadState(of: subscription)
        == SubscriptionState(markDelete: .first(), epoch: 2, chunks: [1: bytes("one")]))
    try await log.deleteSubscription(worker, of: topic)
    let late = ChangeSettlement()
    log.stage(seek, of: subscription, settled: late)
    let outcome = await late.value()
    #expect(throws: CatalogueFailure.unknownSubscription) { try outcome.get() }
    let again = try await log.createSubscription(worker, .shared, startingAt: .first(), of: topic)
    #expect(again.thing.number > made.thing.number)
    log.close()
  }

  @Test func `a change that nobody waits for is stored with what comes next`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    settings.limits.lazyChangeDelay = .seconds(3_600)
    settings.limits.retentionEvery = .seconds(3_600)
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let subscription = try await log.subscribe()
    let watched = ChangeSettlement()
    log.stage(
      SubscriptionChange(markDelete: .first(), chunks: [0: bytes("zero")]), of: subscription,
      settled: watched, isAwaited: false)
    try await Task.sleep(for: .milliseconds(50))
    #expect(watched.arrived == nil)
    _ = try await TestLoop(log).append(event(topic, "1"))
    #expect(watched.arrived != nil)
    log.close()
  }

  @Test func `a trimmed front is a gap, and the end never falls`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: configuration(scratch))
    let (topic, reader) = (try address("orders"), try address("orders", .subscribe))
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for chunk in 0..<3 {
      _ = try await loop.appendAll((0..<10).map { try event(topic, "\(chunk * 10 + $0)") })
    }
    let whole = try log.bounds(of: topic).bytes
    try await log.trim(address("orders", .manage), before: 15)
    await #expect(throws: CatalogueFailure.positionAhead(end: Cursor(ledger: 1, next: 30))) {
      try await log.trim(address("orders", .manage), before: 31)
    }
    for reopened in [false, true] {
      if reopened {
        log.close()
        log = try RocksTopicLog(opening: configuration(scratch))
      }
      let bounds = try log.bounds(of: topic)
      #expect(bounds.first == 15 && bounds.end == 30)
      #expect(bounds.bytes < whole && bounds.bytes > 0)
      let page = try log.readStored(reader, from: Cursor(ledger: 1, next: 3), budget: .answer)
      #expect(page.gap?.lost == 12)
      #expect(page.gap?.cause == .trimmed)
      #expect(page.records.first?.payload.text == "15")
      #expect(page.records.count == 15)
      guard case .gap = try log.resolve(.after(.first()), in: reader) else {
        return #expect(Bool(false), "no gap")
      }
    }
    try await log.trim(address("orders", .manage), before: 30)
    #expect(try log.bounds(of: topic).events == 0)
    log.close()
  }

  private func candidate(_ text: String) throws -> SchemaCandidate {
    try Proofs().schema(text)
  }

  private func bytes(_ text: String) -> ByteSlice { ByteSlice(utf8: text) }
}
