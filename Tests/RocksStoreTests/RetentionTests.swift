import Bytes
import Foundation
import LogConformance
import Synchronization
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// Buckets turn with every event here, and topics are looked at every few milliseconds.
@Suite struct RetentionTests {
  private let clock = SteppedClock()

  private func settings(_ scratch: Scratch) -> StoreConfiguration {
    var settings = configuration(scratch, clock)
    settings.limits.bucketBytes = 1
    settings.limits.retentionEvery = .milliseconds(2)
    return settings
  }

  private func families(_ log: RocksTopicLog) -> [String] {
    log.committer.database.familyNames.filter { $0.hasPrefix("ev.") }.sorted()
  }

  /// Those of topics with a retention.
  private func bounded(_ log: RocksTopicLog) -> [String] {
    families(log).filter { $0.hasPrefix("ev.m.") }
  }

  /// Waits for what the store does by itself; a store that never does it fails the test by its time
  /// limit.
  private func wait(_ condition: () throws -> Bool) async throws {
    while try !condition() { try await Task.sleep(for: .milliseconds(1)) }
  }

  private func make(
    _ log: RocksTopicLog, _ topic: String, _ retention: Retention?
  ) async throws -> TopicAddress {
    let address = try address(topic)
    _ = try await log.createTopic(address, TopicConfiguration(retention: retention))
    return address
  }

  private func publish(_ loop: TestLoop, _ topic: TopicAddress, _ payloads: [Int]) async throws {
    for payload in payloads { _ = try await loop.append(event(topic, "\(payload)")) }
  }

  private func read(_ log: RocksTopicLog, _ topic: String) throws -> [String] {
    try log.stored(try address(topic, .subscribe))
  }

  @Test(.timeLimit(.minutes(10)))
  func `a subscription that nobody uses holds its own topic's events and no other's`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let held = try await make(log, "held", Retention(age: .seconds(60)))
    _ = try await log.subscribe("abandoned", to: "held")
    let topic = try await make(log, "orders", Retention(age: .seconds(60)))
    let loop = TestLoop(log)
    var published = 0
    // Some more than there are before the fourth doubling; many more, and an event fills none.
    while bounded(log).count < 36 {
      let before = bounded(log).count
      published += 1
      try await publish(loop, held, [published])
      try await publish(loop, topic, [published])
      try await wait { self.bounded(log).count > before }
    }
    clock.step(.seconds(61))
    try await wait { try log.bounds(of: topic).first == UInt64(published) }
    #expect(try log.bounds(of: held).first == 0)
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `what is past its age goes with its bucket, and a reader is told`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: settings(scratch))
    let topic = try await make(log, "orders", Retention(age: .seconds(60)))
    let all = try await make(log, "ledger", nil)
    var loop = TestLoop(log)
    try await publish(loop, all, [1, 2])
    // Each in a bucket of its own, with an empty one behind it.
    for number in 1...6 {
      try await publish(loop, topic, [number])
      try await wait { self.bounded(log).count == number + 1 }
      clock.step(.seconds(10))
    }
    // The first is 60 s old, the others are not.
    try await wait { try log.bounds(of: topic).first == 1 }
    #expect(try read(log, "orders") == ["2", "3", "4", "5", "6"])
    let reader = try address("orders", .subscribe)
    let page = try log.readStored(reader, from: .first(), budget: .answer)
    #expect(page.gap?.lost == 1 && page.gap?.cause == .trimmed)
    #expect(try #require(page.gap?.until) >= clock.wall - .seconds(60))
    #expect(try log.bounds(of: topic).events == 5)
    clock.step(.seconds(60))
    try await wait { try log.bounds(of: topic).first == 6 }
    // The open ones and those of the topic that keeps everything.
    try await wait { self.bounded(log).count == 1 }
    #expect(try read(log, "orders") == [])
    #expect(try log.bounds(of: topic).bytes == 0)
    #expect(try read(log, "ledger") == ["1", "2"])
    log.close()

    log = try RocksTopicLog(opening: settings(scratch))
    loop = TestLoop(log)
    #expect(try log.bounds(of: topic).end == 6)
    let receipt = try await loop.append(event(topic, "7"))
    #expect(receipt.id.entry == 6)
    #expect(try read(log, "orders") == ["7"])
    #expect(try read(log, "ledger") == ["1", "2"])
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a bucket is full after an eighth of the shortest age, also across restarts`() async throws {
    let scratch = Scratch()
    var settings = settings(scratch)
    settings.limits.bucketBytes = 1 << 30
    var log = try RocksTopicLog(opening: settings)
    let topic = try await make(log, "orders", Retention(age: .seconds(800)))
    try await publish(TestLoop(log), topic, [1])
    clock.step(.seconds(60))
    log.close()
    log = try RocksTopicLog(opening: settings)
    let before = families(log)
    try await publish(TestLoop(log), topic, [2])
    #expect(before.count == 2)
    clock.step(.seconds(41))
    try await wait { self.families(log).count == 3 }
    clock.step(.seconds(800))
    try await wait { try log.bounds(of: topic).events == 0 }
    try await wait { self.families(log).filter(before.contains).count == 1 }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `size lets the oldest go, nothing is kept where it is zero`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let few = try await make(log, "few", Retention(bytes: 100))
    let none = try await make(log, "none", Retention(bytes: 0))
    let loop = TestLoop(log)
    for number in 1...8 {
      let buckets = families(log)
      try await publish(loop, few, [number])
      try await publish(loop, none, [number])
      try await wait { self.families(log) != buckets }
    }
    try await wait { try log.bounds(of: none).events == 0 }
    try await wait { try log.bounds(of: few).first > 0 }
    let bounds = try log.bounds(of: few)
    #expect(bounds.events > 1 && bounds.bytes >= 100)
    #expect(try read(log, "few").last == "8")
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `where neither topic nor namespace says anything, the tenant does`() async throws {
    let scratch = Scratch()
    var settings = settings(scratch)
    let (acme, b) = (try name("acme"), try name("b"))
    settings.retentions = [acme: Retention(bytes: 0)]
    var log = try RocksTopicLog(opening: settings)
    let plain = try await make(log, "plain", nil)
    let all = try await make(log, "all", Retention())
    let other = try Proofs(tenant: "b").topic("plain", .publish)
    _ = try await log.createTopic(other, TopicConfiguration())
    var loop = TestLoop(log)
    for topic in [plain, all, other] { try await publish(loop, topic, [1]) }
    try await wait { try log.bounds(of: plain).events == 0 }
    #expect(try log.bounds(of: all).events == 1)
    #expect(try log.bounds(of: other).events == 1)
    // Another word counts at once, also for a topic that is there already.
    log.keep([b: Retention(bytes: 0)])
    try await publish(loop, plain, [2])
    try await wait { try log.bounds(of: other).events == 0 }
    #expect(try log.bounds(of: plain).events == 1)
    // A namespace that says to keep everything is heard before its tenant.
    let shop = try Proofs().namespace("shop", .manage)
    try await log.setPolicy(NamespacePolicy(retention: Retention()), of: shop)
    log.keep([acme: Retention(bytes: 0)])
    let late = try await make(log, "late", nil)
    let marker = try Proofs().topic("marker", .publish, in: "office")
    _ = try await log.createTopic(marker, TopicConfiguration())
    try await publish(loop, late, [1])
    let draft = try Proofs().event("marker", "1", in: "office")
    _ = try await loop.append(draft)
    try await wait { try log.bounds(of: marker).events == 0 }
    #expect(try log.bounds(of: late).events == 1)
    #expect(try log.bounds(of: plain).events == 1)
    log.close()

    // What a tenant says is the configuration's: a store does not remember it.
    settings.retentions = [:]
    log = try RocksTopicLog(opening: settings)
    loop = TestLoop(log)
    try await log.removePolicy(of: shop)
    let gone = try await make(log, "gone", Retention(bytes: 0))
    try await publish(loop, gone, [1])
    try await wait { try log.bounds(of: gone).events == 0 }
    #expect(try log.bounds(of: late).events == 1)
    log.keep([acme: Retention(bytes: 0)])
    try await wait { try log.bounds(of: late).events == 0 }
    try await wait { try log.bounds(of: plain).events == 0 }
    #expect(try log.bounds(of: all).events == 1)
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `what comes after another word is kept by that word`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let topic = try await make(log, "orders", nil)
    let marker = try await make(log, "marker", Retention(bytes: 0))
    let loop = TestLoop(log)
    for _ in 1...50 {
      log.keep([try name("acme"): Retention(bytes: 0)])
      try await publish(loop, topic, [1])
      try await wait { try log.bounds(of: topic).events == 0 }
      // A look at the topics may be due, or under way, by the word before.
      log.keep([:])
      try await publish(loop, topic, [2])
      try await publish(loop, marker, [1])
      try await wait { try log.bounds(of: marker).events == 0 }
      #expect(try log.bounds(of: topic).events == 1)
    }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `what a subscription has not acknowledged stays`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let topic = try await make(log, "orders", Retention(age: .seconds(1)))
    let subscription = try await log.subscribe()
    let loop = TestLoop(log)
    // Each in a bucket of its own, with an empty one behind it.
    for number in 1...4 {
      try await publish(loop, topic, [number])
      try await wait { self.bounded(log).count == number + 1 }
    }
    clock.step(.seconds(100))
    // Events of another topic pass by and go, those of this one stay.
    let other = try await make(log, "other", Retention(age: .seconds(1)))
    try await publish(loop, other, [1])
    clock.step(.seconds(100))
    try await wait { try log.bounds(of: other).events == 0 }
    #expect(try read(log, "orders") == ["1", "2", "3", "4"])
    log.stage(
      SubscriptionChange(markDelete: Cursor(ledger: 1, next: 3), epoch: 0), of: subscription,
      settled: nil)
    try await wait { try log.bounds(of: topic).first == 3 }
    #expect(try read(log, "orders") == ["4"])
    try await log.deleteSubscription(name("worker"), of: subscription.topic)
    try await wait { try log.bounds(of: topic).events == 0 }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `what a deleted topic's last events lay in is freed, whatever comes after them`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let topic = try await make(log, "gone", nil)
    try await publish(TestLoop(log), topic, [1])
    try await wait { self.families(log).count == 2 }
    weak var family: ColumnFamily?
    do {
      let state = try #require(log.committer.directory.topic(TopicPath(topic)))
      family = state.tail.withLock { $0.segments.last?.bucket.family }
    }
    #expect(family != nil)
    try await log.deleteTopic(address("gone", .manage))
    try await wait { family == nil }
    log.close()
  }

  @Test func `a topic that returns to a bucket is read through the one in between`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch, clock))
    let topic = try await make(log, "orders", nil)
    let manage = try address("orders", .manage)
    let loop = TestLoop(log)
    try await publish(loop, topic, [1])
    _ = try await log.configureTopic(
      manage, TopicConfiguration(retention: Retention(age: .seconds(9))))
    try await publish(loop, topic, [2])
    _ = try await log.configureTopic(manage, TopicConfiguration())
    try await publish(loop, topic, [3])
    #expect(try read(log, "orders") == ["1", "2", "3"])
    log.close()
    let inspection = try Inspection(of: scratch.path)
    let report = try #require(try inspection.topics().first)
    var chunks: [String] = []
    try inspection.chunks(of: report) { chunk in
      chunks.append("\(chunk.first) in \(chunk.bucket)\(chunk.fault == nil ? "" : " broken")")
      return true
    }
    #expect(chunks == ["0 in 1", "1 in 2", "2 in 1"])
  }

  @Test(.timeLimit(.minutes(10)))
  func `a clock that was moved ahead lets nothing go`() async throws {
    let scratch = Scratch()
    var settings = settings(scratch)
    let trust = Mutex<[Bool]>([])
    settings.observer.clockTrusted = { isTrusted in trust.withLock { $0.append(isTrusted) } }
    let passes = Mutex(0)
    settings.observer.swept = { _ in passes.withLock { $0 += 1 } }
    let log = try RocksTopicLog(opening: settings)
    let topic = try await make(log, "orders", Retention(age: .seconds(60)))
    let loop = TestLoop(log)
    try await publish(loop, topic, [1])
    let before = clock.wall
    clock.set(wall: before + .seconds(100_000))
    try await wait { trust.withLock { $0 } == [false] }
    let seen = passes.withLock { $0 }
    try await wait { passes.withLock { $0 } > seen + 3 }
    #expect(try read(log, "orders") == ["1"])
    clock.set(wall: before)
    try await wait { trust.withLock { $0 } == [false, true] }
    clock.step(.seconds(61))
    try await wait { try log.bounds(of: topic).events == 0 }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a namespace's retention holds for topics that have none of their own`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: settings(scratch))
    let shop = try Proofs().namespace("shop", .manage)
    let plain = try await make(log, "plain", nil)
    let own = try await make(log, "own", Retention())
    let loop = TestLoop(log)
    try await publish(loop, plain, [1])
    try await publish(loop, own, [1])
    try await log.setPolicy(NamespacePolicy(retention: Retention(age: .seconds(1))), of: shop)
    clock.step(.seconds(10))
    try await wait { try log.bounds(of: plain).events == 0 }
    #expect(try read(log, "own") == ["1"])
    let late = try await make(log, "late", nil)
    try await publish(loop, late, [1])
    clock.step(.seconds(10))
    try await wait { try log.bounds(of: late).events == 0 }
    try await log.removePolicy(of: shop)
    try await publish(loop, plain, [2])
    #expect(families(log).contains { $0.hasPrefix("ev.m.") })
    _ = try await log.configureTopic(
      address("own", .manage), TopicConfiguration(retention: Retention(bytes: 0)))
    try await wait { try log.bounds(of: own).events == 0 }
    #expect(try read(log, "plain") == ["2"])
    log.close()
  }

  @Test func `what a crash leaves of a bucket that comes or goes is cleared away`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: settings(scratch))
    let topic = try await make(log, "orders", nil)
    try await publish(TestLoop(log), topic, [1, 2])
    log.close()
    let settings = settings(scratch)
    // Made, but not in the catalogue; going, with its column family and without.
    let options = EngineOptions(cacheBytes: 1 << 20)
    let database = try Database(
      path: StorePaths(scratch.path).engine, options: options, readOnly: false)
    _ = try database.makeFamily(named: "ev.m.000000f0")
    _ = try database.makeFamily(named: "ev.m.000000f1")
    var batch = WriteBatch()
    for number in [UInt32(0xf1), 0xf2] {
      batch.put(
        BucketKey(bucket: number),
        BucketKey.Value(retentionClass: .bounded, state: .draining, opened: clock.wall),
        in: database)
    }
    try database.write(batch)
    database.close()
    log = try RocksTopicLog(opening: settings)
    #expect(!families(log).contains { $0.contains("000000f") })
    #expect(try read(log, "orders") == ["1", "2"])
    try await publish(TestLoop(log), topic, [3])
    // The next change is made behind the first sweep, which deletes the records.
    _ = try await make(log, "second", nil)
    #expect(try log.committer.database.get(BucketKey(bucket: 0xf1)) == nil)
    #expect(try log.committer.database.get(BucketKey(bucket: 0xf2)) == nil)
    log.close()
  }
}
