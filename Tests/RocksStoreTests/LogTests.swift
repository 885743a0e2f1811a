import Bytes
import Foundation
import LogConformance
import Synchronization
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct LogTests {
  @Test func `entries are dense over concurrent appends and survive a reopening`() async throws {
    let scratch = Scratch()
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    var ids: [UInt64] = []
    do {
      let log = try RocksTopicLog(opening: configuration(scratch))
      _ = try await log.createTopic(topic, TopicConfiguration())
      let loops = [TestLoop(log), TestLoop(log)]
      ids = try await withThrowingTaskGroup { group in
        for index in 0..<500 {
          group.addTask {
            try await loops[index % 2].append(event(topic, "{\"n\":\(index)}", key: "k")).id.entry
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(ids.sorted() == Array(0..<500))
      #expect(try log.growth(of: reader).end == 500)
      log.close()
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    #expect(try log.bounds(of: reader).end == 500)
    #expect(try log.bounds(of: reader).bytes > 500 * 9)
    let payloads = try log.stored(reader, page: 37)
    #expect(Set(payloads).count == 500)
    let receipt = try await TestLoop(log).append(event(topic, "{}"))
    #expect(receipt.id == MessageID(ledger: 1, entry: 500))
    let tail = try log.tail(
      of: reader, from: Cursor(ledger: 1, next: 0), budget: .answer)
    guard case .behind = tail else { return #expect(Bool(false), "memory cannot hold entry 0") }
    log.close()
  }

  @Test func `the tail and the disk show the same records`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for index in 0..<20 {
      _ = try await loop.append(
        event(topic, "{\"n\":\(index)}", key: index % 3 == 0 ? nil : "k\(index)"))
    }
    _ = try await loop.appendAll((20..<700).map { try event(topic, "{\"n\":\($0)}") })
    var next = Cursor.first()
    while true {
      let budget = ByteBudget(records: 61, bytes: 1000)
      guard case .page(let page) = try log.tail(of: reader, from: next, budget: budget) else {
        return #expect(Bool(false), "fell behind")
      }
      let stored = try log.readStored(reader, from: next, budget: budget)
      #expect(page.records.map(\.id) == stored.records.map(\.id))
      #expect(page.records.map(\.payload) == stored.records.map(\.payload))
      #expect(page.records.map(\.key) == stored.records.map(\.key))
      #expect(page.records.map(\.publishTime) == stored.records.map(\.publishTime))
      #expect(page.records.allSatisfy { $0.durableAt != nil })
      #expect(stored.records.allSatisfy { $0.durableAt == nil })
      #expect(page.next == stored.next)
      next = page.next
      if page.isUpToDate { break }
    }
    #expect(next.next == 700)
    log.close()
  }

  @Test func `what the log holds in memory is told apart`() async throws {
    let scratch = Scratch()
    let topic = try address("orders")
    do {
      let log = try RocksTopicLog(opening: configuration(scratch))
      _ = try await log.createTopic(topic, TopicConfiguration())
      let before = try #require(log.memory)
      #expect(before.tail == 0)
      let payload = String(repeating: "x", count: 200_000)
      let loop = TestLoop(log)
      for _ in 0..<30 { _ = try await loop.append(event(topic, payload)) }
      let after = try #require(log.memory)
      #expect(after.tail == 2 * TailBlocks.blockBytes)
      #expect(after.tables >= before.tables + 30 * 200_000)
      log.close()
      #expect(log.memory == nil)
    }
    let log = try RocksTopicLog(opening: configuration(scratch))
    #expect(log.memory?.tail == 0)
    #expect(try log.stored(try address("orders", .subscribe)).count == 30)
    let read = try #require(log.memory)
    #expect(read.tables < 30 * 200_000)
    #expect(read.cache > 0 && read.indexes > 0)
    log.close()
  }

  @Test func `an atomic batch is adjacent, bounded, and split into chunks of 256`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    let commits = Mutex<[CommitFacts]>([])
    settings.observer.committed = { facts in commits.withLock { $0.append(facts) } }
    settings.limits.batchBytes = 100_000
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    let receipts = try await loop.appendAll((0..<600).map { try event(topic, "\($0)") })
    #expect(receipts.map(\.id.entry) == Array(0..<600))
    await #expect(throws: AppendFailure.tooLarge(limit: 100_000)) {
      try await loop.appendAll([try event(topic, String(repeating: "x", count: 100_001))])
    }
    await #expect(throws: AppendFailure.mixedBatch) { try await loop.appendAll([]) }
    let other = try address("other")
    await #expect(throws: AppendFailure.mixedBatch) {
      try await loop.appendAll([try event(topic, "1"), event(other, "2")])
    }
    #expect(
      try log.stored(try address("orders", .subscribe)) == (0..<600).map { "\($0)" })
    log.close()
    // Answers come before the observer is told. The store's own commits hold no events.
    let facts = try #require(commits.withLock { $0.last { $0.events > 0 } })
    #expect(facts.events == 600)
    #expect(facts.chunks == 3)
    #expect(facts.sync.nanoseconds > 0)
  }

  @Test func `a commit groups each topic's appends into one chunk`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    let commits = Mutex<[CommitFacts]>([])
    settings.observer.committed = { facts in commits.withLock { $0.append(facts) } }
    let log = try RocksTopicLog(opening: settings)
    let topics = [try address("a"), try address("b"), try address("c", tenant: "acme-2")]
    for topic in topics { _ = try await log.createTopic(topic, TopicConfiguration()) }
    let loop = TestLoop(log)
    commits.withLock { $0 = [] }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<300 {
        group.addTask { _ = try await loop.append(event(topics[index % 3], "\(index)")) }
      }
      try await group.waitForAll()
    }
    for topic in topics {
      let reader = try address(
        topic.topic.bytes.text, .subscribe, tenant: topic.tenant.bytes.text)
      #expect(try log.stored(reader).count == 100)
    }
    log.close()
    // Answers come before the observer is told.
    let made = commits.withLock { $0 }
    #expect(made.reduce(0) { $0 + $1.events } == 300)
    for commit in made { #expect(commit.chunks <= 3) }
    #expect(made.map(\.number) == made.indices.map { made[0].number + UInt64($0) })
  }

  @Test func `a read out of time returns a short page, and paging on loses nothing`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    settings.limits.readTime = .zero
    let log = try RocksTopicLog(opening: settings)
    let (topic, reader) = (try address("orders"), try address("orders", .subscribe))
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for index in 0..<12 { _ = try await loop.append(event(topic, "\(index)")) }
    let page = try log.readStored(reader, from: .first(), budget: .answer)
    #expect(page.records.count == 1)
    #expect(!page.isUpToDate)
    #expect(try log.stored(reader) == (0..<12).map { "\($0)" })
    log.close()
  }

  @Test func `publish times never fall, whatever the wall clock does`() async throws {
    let scratch = Scratch()
    let clock = SteppedClock()
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    var log = try RocksTopicLog(opening: configuration(scratch, clock))
    _ = try await log.createTopic(topic, TopicConfiguration())
    var times: [UnixTime] = []
    for step in [0, 5_000, -60_000, 10, -1_000_000] as [Int64] {
      clock.set(wall: clock.wall + .milliseconds(step))
      times.append(try await TestLoop(log).append(event(topic, "1")).publishTime)
      log.close()
      log = try RocksTopicLog(opening: configuration(scratch, clock))
    }
    #expect(times == times.sorted())
    #expect(times[0] < times[1])
    #expect(try log.locate(times[1], in: reader) == Cursor(ledger: 1, next: 1))
    #expect(try log.locate(times[4] + .seconds(1), in: reader) == Cursor(ledger: 1, next: 5))
    #expect(try log.locate(UnixTime(seconds: 0), in: reader) == .first())
    log.close()
  }

  @Test func `a topic made again has a higher ledger and none of the old events`() async throws {
    let scratch = Scratch()
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    var log = try RocksTopicLog(opening: configuration(scratch))
    for ledger in 1...3 as ClosedRange<UInt64> {
      let made = try await log.createTopic(topic, TopicConfiguration())
      guard case .created(let info) = made else { return #expect(Bool(false), "exists") }
      #expect(info.ledger == ledger)
      let receipt = try await TestLoop(log).append(event(topic, "life \(ledger)"))
      #expect(receipt.id == MessageID(ledger: ledger, entry: 0))
      #expect(try log.stored(reader, from: .first(ledger)) == ["life \(ledger)"])
      let growth = try log.growth(of: reader)
      try await log.deleteTopic(address(topic.topic.bytes.text, .manage))
      #expect(growth.isClosed)
      #expect(throws: ReadFailure.unknownTopic) { try log.stored(reader) }
      await #expect(throws: AppendFailure.unknownTopic) {
        try await TestLoop(log).append(event(topic, "late"))
      }
      log.close()
      log = try RocksTopicLog(opening: configuration(scratch))
      #expect(log.topic(topic) == nil)
    }
    log.close()
  }

  @Test func `a full queue refuses as overloaded and recovers`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    settings.limits.queueEvents = 10
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let appender = Staging(log)
    let outcomes = await appender.appendTwenty(topic)
    #expect(outcomes.filter { $0 }.count == 10)
    #expect(log.refusedEvents == 10)
    #expect(await appender.appendTwenty(topic).contains(true))
    #expect(log.waitingEvents == 0)
    log.close()
  }

  @Test func `too little space refuses appends and growth, not reading and deleting`() async throws
  {
    let scratch = Scratch()
    let topic = try address("orders")
    var log = try RocksTopicLog(opening: configuration(scratch))
    _ = try await log.createTopic(topic, TopicConfiguration())
    _ = try await TestLoop(log).append(event(topic, "1"))
    log.close()
    var settings = configuration(scratch)
    settings.limits.spaceFloorPercent = 100
    let full = Atomic(false)
    settings.observer.storageFull = { full.store($0.isFull, ordering: .relaxed) }
    log = try RocksTopicLog(opening: settings)
    while !full.load(ordering: .relaxed) { await Task.yield() }
    await #expect(throws: AppendFailure.storageFull(retryAfter: .seconds(10))) {
      try await TestLoop(log).append(event(topic, "2"))
    }
    let other = try address("other")
    await #expect(throws: CatalogueFailure.storageFull(retryAfter: .seconds(10))) {
      try await log.createTopic(other, TopicConfiguration())
    }
    #expect(try log.stored(try address("orders", .subscribe)) == ["1"])
    try await log.deleteTopic(address(topic.topic.bytes.text, .manage))
    log.close()
  }

  @Test func `a failed write is unknown to its waiters, and the store stops`() async throws {
    let scratch = Scratch()
    var settings = configuration(scratch)
    let fault = Mutex<StoreFault?>(nil)
    settings.observer.failed = { found in fault.withLock { $0 = found } }
    let topic = try address("orders")
    let log = try RocksTopicLog(opening: settings)
    _ = try await log.createTopic(topic, TopicConfiguration())
    log.close()
    // A database opened for reading only refuses every write, as a broken disk would.
    let committer = try readOnlyCommitter(settings)
    try committer.start()
    await #expect(throws: AppendFailure.outcomeUnknown) {
      try await TestLoop(committer).append(event(topic, "1"))
    }
    await #expect(throws: AppendFailure.closing) {
      try await TestLoop(committer).append(event(topic, "2"))
    }
    while fault.withLock({ $0 == nil }) { await Task.yield() }
    #expect(fault.withLock { $0 } != nil)
    #expect(committer.condition.load(ordering: .relaxed) == .failed)
    committer.stop()
    // What was never answered as stored is not there.
    let reopened = try RocksTopicLog(opening: configuration(scratch))
    #expect(try reopened.bounds(of: topic).end == 0)
    reopened.close()
    #expect(throws: ReadFailure.closing) {
      try reopened.readStored(
        try address("orders", .subscribe), from: .first(), budget: .answer)
    }
  }

  private func readOnlyCommitter(_ settings: StoreConfiguration) throws -> Committer {
    let paths = StorePaths(settings.path)
    let database = try Database(
      path: paths.engine, options: EngineOptions(cacheBytes: 1 << 20), readOnly: true)
    let catalogue = try CatalogueLoad(database).catalogue()
    let store = try #require(try database.get(FormatKey())).store
    return Committer(
      database: database, catalogue: catalogue,
      sideFile: try SideFile(path: paths.sideFile, store: store),
      commit: try #require(try database.get(WatermarkKey())).commit,
      extent: StoreExtent(events: 0, catalogue: 0), settings)
  }

  /// Stages twenty appends in one turn, then flushes.
  actor Staging {
    let appender: RocksAppender
    let directory: Directory

    init(_ log: RocksTopicLog) {
      appender = log.makeAppender { $0() }
      directory = log.committer.directory
    }

    func appendTwenty(_ topic: TopicAddress) async -> [Bool] {
      var tasks: [Task<Bool, Never>] = []
      for index in 0..<20 {
        tasks.append(
          Task {
            do {
              let event = try event(topic, "\(index)")
              _ = try await appender.append(event, to: directory.open(event))
              return true
            } catch {
              #expect(error as? AppendFailure == .overloaded(retryAfter: .seconds(1)))
              return false
            }
          })
      }
      let flush = Task { appender.flush() }
      await flush.value
      var outcomes: [Bool] = []
      for task in tasks { outcomes.append(await task.value) }
      return outcomes
    }
  }
}
