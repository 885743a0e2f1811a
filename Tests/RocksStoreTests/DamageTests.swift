import Bytes
import Foundation
import LogConformance
import Synchronization
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct DamageTests {
  /// A store with chunks 0–9, 10–19, 20–29 in `orders` and one event in `other`.
  private func threeChunks(_ scratch: Scratch) async throws {
    let log = try RocksTopicLog(opening: configuration(scratch))
    let (topic, other) = (try address("orders"), try address("other"))
    _ = try await log.createTopic(topic, TopicConfiguration())
    _ = try await log.createTopic(other, TopicConfiguration())
    let loop = TestLoop(log)
    for chunk in 0..<3 {
      _ = try await loop.appendAll((0..<10).map { try event(topic, "\(chunk * 10 + $0)") })
    }
    _ = try await loop.append(event(other, "fine"))
    log.close()
  }

  private let middle = EventKey(topic: TopicNumber(tenant: 1, topic: 1), last: 19)

  @Test func `a damaged chunk is a typed error with its range, and only its range`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    try operate(scratch) { database, batch, events in
      let value = try #require(try database.get(events, key: middle.bytes.span))
      var bytes = value.array
      bytes[bytes.count / 2] ^= 4
      batch.put(events, key: middle.bytes.span, value: bytes.span)
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    let reader = try address("orders", .subscribe)
    let page = try log.readStored(reader, from: .first(), budget: .answer)
    #expect(page.records.count == 10)
    #expect(throws: ReadFailure.corrupt(ledger: 1, first: 10, last: 19)) {
      try log.readStored(reader, from: page.next, budget: .answer)
    }
    #expect(throws: ReadFailure.corrupt(ledger: 1, first: 14, last: 19)) {
      try log.readStored(reader, from: Cursor(ledger: 1, next: 14), budget: .answer)
    }
    #expect(try log.stored(reader, from: Cursor(ledger: 1, next: 20)).count == 10)
    #expect(try log.stored(try address("other", .subscribe)) == ["fine"])
    log.close()
  }

  @Test func `a missing chunk is a hole that is told, never skipped`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    try operate(scratch) { _, batch, events in batch.delete(events, key: middle.bytes.span) }
    let log = try RocksTopicLog(opening: configuration(scratch))
    let reader = try address("orders", .subscribe)
    #expect(throws: ReadFailure.corrupt(ledger: 1, first: 10, last: 19)) {
      try log.readStored(reader, from: Cursor(ledger: 1, next: 10), budget: .answer)
    }
    log.close()
  }

  @Test func `a chunk under another topic's key fails its checksum`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    try operate(scratch) { database, batch, events in
      let value = try #require(try database.get(events, key: middle.bytes.span))
      let foreign = EventKey(topic: TopicNumber(tenant: 1, topic: 2), last: 0)
      batch.put(events, key: foreign.bytes.span, value: value.array.span)
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    #expect(throws: ReadFailure.corrupt(ledger: 1, first: 0, last: 0)) {
      try log.stored(try address("other", .subscribe))
    }
    log.close()
  }

  @Test func `a damaged last chunk still says where the topic ends`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    let last = EventKey(topic: middle.topic, last: 29)
    try operate(scratch) { _, batch, events in
      batch.put(events, key: last.bytes.span, value: [UInt8](repeating: 1, count: 90).span)
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    #expect(try log.bounds(of: topic).end == 30)
    #expect(try await TestLoop(log).append(event(topic, "30")).id.entry == 30)
    #expect(
      try log.stored(try address("orders", .subscribe), from: Cursor(ledger: 1, next: 30)) == ["30"]
    )
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a last chunk that cannot be read does not make its topic old, nor short`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    var settings = configuration(scratch, clock)
    settings.limits.bucketBytes = 1
    settings.limits.retentionEvery = .milliseconds(2)
    var log = try RocksTopicLog(opening: settings)
    let retentions = [Retention(age: .seconds(3600)), Retention(bytes: 1 << 20)]
    let topics = [try address("aged"), try address("sized")]
    for (topic, retention) in zip(topics, retentions) {
      _ = try await log.createTopic(topic, TopicConfiguration(retention: retention))
    }
    clock.step(.seconds(30 * 86_400))
    let loop = TestLoop(log)
    for payload in 0..<3 {
      for topic in topics { _ = try await loop.append(event(topic, "\(payload)")) }
      // Each in a segment of its own.
      let count = { log.committer.database.familyNames.count { $0.hasPrefix("ev.m.") } }
      while count() < payload + 2 { try await Task.sleep(for: .milliseconds(1)) }
    }
    var last: [(EventKey, String)] = []
    for topic in topics {
      let state = try #require(log.committer.directory.topic(TopicPath(topic)))
      let bucket = state.tail.withLock { $0.segments.last?.bucket.family.name }
      last.append((EventKey(topic: state.number, last: 2), try #require(bucket)))
    }
    log.close()
    for (key, family) in last {
      try operate(scratch, on: family) { _, batch, events in
        batch.put(events, key: key.bytes.span, value: [UInt8](repeating: 1, count: 90).span)
      }
    }
    let sweeps = Sweeps()
    settings.observer.swept = { _ in sweeps.count.add(1, ordering: .relaxed) }
    log = try RocksTopicLog(opening: settings)
    while sweeps.count.load(ordering: .relaxed) < 3 {
      try await Task.sleep(for: .milliseconds(1))
    }
    for topic in topics {
      let bounds = try log.bounds(of: topic)
      #expect(bounds.first == 0 && bounds.end == 3)
    }
    log.close()
  }

  /// How often a store has looked at all topics.
  private final class Sweeps: Sendable {
    let count = Atomic<Int>(0)
  }

  @Test(
    "a loss that was accepted stays accepted, and nothing new is taken for acknowledged",
    arguments: [false, true])
  func accepted(hasChunk: Bool) async throws {
    let scratch = Scratch()
    let settings = configuration(scratch)
    var log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for number in 0..<10 { _ = try await loop.append(event(topic, "\(number)")) }
    let number = try #require(log.committer.directory.topic(TopicPath(topic))).number
    log.close()
    var commit: UInt64 = 0
    try operate(scratch) { database, batch, events in
      commit = try #require(try database.get(WatermarkKey())).commit
      for entry in UInt64(5)..<10 {
        batch.delete(events, key: EventKey(topic: number, last: entry).bytes.span)
      }
      batch.put(
        CursorKey(topic: number, subscription: 1), CursorKey.Value(ledger: 1, next: 8, epoch: 0),
        in: database)
      guard hasChunk else { return }
      batch.put(
        AckChunkKey(topic: number, subscription: 1, chunk: 0),
        AckChunkKey.Value(ByteSlice([1, 0])), in: database)
    }
    let missing = StoreFault.tablesMissing(
      commit: commit, events: 10, found: 5, isCatalogueWhole: true)
    #expect(throws: missing) { try RocksTopicLog(opening: settings) }
    var accepting = settings
    accepting.acceptingLossAt = commit
    try RocksTopicLog(opening: accepting).close()
    log = try RocksTopicLog(opening: settings)
    let end: UInt64 = hasChunk ? 4096 : 8
    #expect(try log.bounds(of: topic).end == end)
    #expect(try await TestLoop(log).append(event(topic, "new")).id.entry == end)
    log.close()
  }

  /// A store with a subscription that has acknowledged in two chunks, of which one row is damaged.
  private func subscribed(
    _ scratch: Scratch, damagedBy damage: (Database, inout WriteBatch, AckChunkKey) -> Void
  ) async throws -> (RocksTopicLog, SubscriptionReference) {
    var log = try RocksTopicLog(opening: configuration(scratch))
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let subscription = try await log.subscribe()
    let settled = ChangeSettlement()
    log.stage(
      SubscriptionChange(
        markDelete: .first(), chunks: [0: ByteSlice(utf8: "zero"), 1: ByteSlice(utf8: "one")]),
      of: subscription, settled: settled)
    try await settled.value().get()
    let number = try #require(log.committer.directory.topic(TopicPath(subscription.topic))).number
    log.close()
    try operate(scratch) { database, batch, _ in
      let number32 = UInt32(truncatingIfNeeded: subscription.number)
      damage(database, &batch, AckChunkKey(topic: number, subscription: number32, chunk: 1))
    }
    log = try RocksTopicLog(opening: configuration(scratch))
    return (log, subscription)
  }

  @Test(
    "a seek, or deletion, does away with acknowledgements that cannot be read or understood",
    arguments: [false, true], [false, true])
  func voided(isRead: Bool, deletes: Bool) async throws {
    let scratch = Scratch()
    var (log, subscription) = try await subscribed(scratch) { database, batch, key in
      let bytes = isRead ? key.bytes : key.bytes + [0]
      batch.put(database.state, key: bytes.span, value: [UInt8]([9, 9]).span)
    }
    #expect(throws: CatalogueFailure.overloaded(retryAfter: .seconds(10))) {
      try log.loadState(of: subscription)
    }
    if deletes {
      try await log.deleteSubscription(name("worker"), of: subscription.topic)
      subscription = try await log.subscribe()
      var rows = 0
      try log.committer.database.scanKeys(AckChunkKey.self) { _ in rows += 1 }
      #expect(rows == 0)
    }
    let seek = SubscriptionChange(
      markDelete: .first(), epoch: 1, chunks: [2: ByteSlice(utf8: "two")], replacesAll: true)
    let sought = ChangeSettlement()
    log.stage(seek, of: subscription, settled: sought)
    try await sought.value().get()
    var expected = SubscriptionState(markDelete: .first())
    expected.apply(seek)
    for _ in 0..<2 {
      #expect(try log.loadState(of: subscription) == expected)
      log.close()
      log = try RocksTopicLog(opening: configuration(scratch))
    }
    log.close()
  }

  /// A log that looks at its topics all the time, whose only topic keeps its only event for a
  /// second, with a subscription and the topic's number.
  private func keptBriefly(
    _ scratch: Scratch, _ clock: SteppedClock
  ) async throws -> (
    settings: StoreConfiguration, log: RocksTopicLog, subscription: SubscriptionReference,
    number: TopicNumber
  ) {
    var settings = configuration(scratch, clock)
    settings.limits.retentionEvery = .milliseconds(2)
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    let retention = Retention(age: .seconds(1))
    _ = try await log.createTopic(topic, TopicConfiguration(retention: retention))
    let subscription = try await log.subscribe()
    _ = try await TestLoop(log).append(event(topic, "kept"))
    let number = try #require(log.committer.directory.topic(TopicPath(topic))).number
    return (settings, log, subscription, number)
  }

  @Test(.timeLimit(.minutes(10)), arguments: [false, true])
  func `a topic whose subscriptions cannot be read keeps all, which is told`(
    isMissing: Bool
  ) async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    let kept = try await keptBriefly(scratch, clock)
    let (subscription, topic, number) = (kept.subscription, kept.subscription.topic, kept.number)
    var (settings, log) = (kept.settings, kept.log)
    log.close()
    let key = CursorKey(topic: number, subscription: UInt32(subscription.number))
    try operate(scratch) { database, batch, _ in
      if isMissing {
        batch.delete(key, in: database)
      } else {
        batch.put(database.state, key: key.bytes.span, value: [UInt8]([9, 9]).span)
      }
    }
    clock.step(.seconds(100))
    let passes = Mutex<[RetentionFacts]>([])
    settings.observer.swept = { facts in passes.withLock { $0.append(facts) } }
    log = try RocksTopicLog(opening: settings)
    while passes.withLock({ $0.count }) < 3 { try await Task.sleep(for: .milliseconds(1)) }
    let seen = passes.withLock { $0 }
    #expect(seen.allSatisfy { $0.blocked == 1 && $0.blockedBy != nil && $0.trimmed == 0 })
    #expect(try log.bounds(of: topic).events == 1)
    try await log.deleteSubscription(name("worker"), of: subscription.topic)
    while try log.bounds(of: topic).events > 0 { try await Task.sleep(for: .milliseconds(1)) }
    log.close()
    #expect(passes.withLock { $0.last?.blocked } == 0)
  }

  @Test(.timeLimit(.minutes(10)))
  func `a position that is no subscription's any more holds no events`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    let kept = try await keptBriefly(scratch, clock)
    let topic = kept.subscription.topic
    var log = kept.log
    let settled = ChangeSettlement()
    let change = SubscriptionChange(markDelete: Cursor(ledger: 1, next: 1))
    log.stage(change, of: kept.subscription, settled: settled)
    try await settled.value().get()
    log.close()
    try operate(scratch) { database, batch, _ in
      batch.put(
        CursorKey(topic: kept.number, subscription: 9),
        CursorKey.Value(ledger: 1, next: 0, epoch: 0), in: database)
    }
    clock.step(.seconds(100))
    log = try RocksTopicLog(opening: kept.settings)
    while try log.bounds(of: topic).events > 0 { try await Task.sleep(for: .milliseconds(1)) }
    log.close()
  }

  @Test func `a new subscription has nothing of one whose number it got again`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    try operate(scratch) { database, batch, _ in
      batch.put(
        AckChunkKey(topic: middle.topic, subscription: 1, chunk: 0),
        AckChunkKey.Value(ByteSlice([1, 0])), in: database)
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    let subscription = try await log.subscribe()
    #expect(try log.loadState(of: subscription) == SubscriptionState(markDelete: .first()))
    log.close()
  }

  @Test func `rows whose beginning is lost are no ground for a new store`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    try operate(scratch) { database, batch, _ in batch.delete(FormatKey(), in: database) }
    var settings = configuration(scratch)
    settings.acceptingLossAt = 0
    let sideFile = URL(fileURLWithPath: StorePaths(scratch.path).sideFile)
    let noted = try Data(contentsOf: sideFile)
    for _ in 0..<2 {
      let fault = #expect(throws: StoreFault.self) { try RocksTopicLog(opening: settings) }
      guard case .corruptFile(let text) = fault else {
        Issue.record("\(String(describing: fault))")
        return
      }
      #expect(text.contains("whose beginning is lost"))
      #expect(try Data(contentsOf: sideFile) == noted)
    }
  }

  @Test func `a catalogue record that cannot be read refuses the open by family`() async throws {
    let scratch = Scratch()
    try await threeChunks(scratch)
    let key = TopicKey(topic: middle.topic).bytes
    try operate(scratch) { database, batch, _ in
      batch.put(database.meta, key: key.span, value: [UInt8]([1, 1, 0]).span)
    }
    #expect(throws: StoreFault.corruptRecord(family: 0x20)) {
      try RocksTopicLog(opening: configuration(scratch))
    }
    try operate(scratch) { database, batch, _ in
      batch.put(database.meta, key: key.span, value: [UInt8]([2, 1, 0]).span)
    }
    #expect(throws: StoreFault.unknownVersion(family: 0x20, version: 2)) {
      try RocksTopicLog(opening: configuration(scratch))
    }
  }
}
