import Foundation
import Synchronization
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// A block with subscriptions' progress that cannot be read, in a store that goes on for so long
/// that RocksDB would come to merge the table it lies in.
@Suite struct StateDamageTests {
  /// A closed store with a subscription, the table that holds its progress, and the last commits in
  /// the log still.
  private func store(
    _ scratch: Scratch
  ) async throws -> (subscription: SubscriptionReference, table: String) {
    var log = try RocksTopicLog(opening: configuration(scratch))
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let subscription = try await log.subscribe()
    log.close()
    log = try RocksTopicLog(opening: configuration(scratch))
    let database = log.committer.database
    let tables = try database.tables(of: database.state)
    #expect(tables.count == 1)
    let table = try #require(tables.first).path
    _ = try await TestLoop(log).append(event(address("orders"), "1"))
    log.close()
    return (subscription, table)
  }

  /// Whether there are more tables than RocksDB would leave as they are.
  private func waitsForMerge(_ family: ColumnFamily, _ log: RocksTopicLog) -> Bool {
    log.committer.database.property("rocksdb.compaction-pending", of: family) != 0
  }

  @Test(.timeLimit(.minutes(10)), arguments: [false, true])
  func `a block of subscriptions that cannot be read costs these and nothing else`(
    deletes: Bool
  ) async throws {
    let scratch = Scratch()
    let (subscription, table) = try await store(scratch)
    try BrokenFiles.change(table) { $0[8] ^= 0x10 }
    let told = Mutex<[StoreFault]>([])
    var settings = configuration(scratch)
    settings.observer.stateDamaged = { fault in told.withLock { $0.append(fault) } }
    let topic = try address("orders")
    var stored = 1
    // Each life leaves a table; four of them are enough to be merged.
    for life in 0..<10 {
      let log = try RocksTopicLog(opening: settings)
      #expect(told.withLock { $0.count } == life + 1)
      #expect(throws: CatalogueFailure.self) { try log.loadState(of: subscription) }
      if deletes, life == 0 {
        try await log.deleteSubscription(name("worker"), of: subscription.topic)
      }
      let loop = TestLoop(log)
      for _ in 0..<20 {
        stored += 1
        _ = try await loop.append(event(topic, "\(stored)"))
      }
      let database = log.committer.database
      #expect(waitsForMerge(database.state, log) == (life > 1))
      _ = try await log.createTopic(address("other-\(life)"), TopicConfiguration())
      while waitsForMerge(database.meta, log) { try await Task.sleep(for: .milliseconds(1)) }
      log.close()
    }

    try BrokenFiles.change(table) { $0[8] ^= 0x10 }
    let log = try RocksTopicLog(opening: settings)
    #expect(told.withLock { $0.count } == 10)
    #expect(try log.stored(address("orders", .subscribe)) == (1...stored).map { "\($0)" })
    if !deletes {
      #expect(try log.loadState(of: subscription) == SubscriptionState(markDelete: .first()))
    }
    // What is sound again is merged again.
    while waitsForMerge(log.committer.database.state, log) {
      try await Task.sleep(for: .milliseconds(1))
    }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a block of the catalogue that cannot be read is refused, whatever it holds`() async throws {
    let scratch = Scratch()
    var log = try RocksTopicLog(opening: configuration(scratch))
    for number in 0..<600 {
      _ = try await log.createTopic(address("topic-\(number)"), TopicConfiguration())
    }
    log.close()
    log = try RocksTopicLog(opening: configuration(scratch))
    let database = log.committer.database
    let table = try #require(try database.tables(of: database.meta).first).path
    log.close()
    let bytes = try Data(contentsOf: URL(filePath: table)).count
    // Blocks of 8 KiB, compressed: each of them is met, but not the index behind them.
    for offset in stride(from: 64, to: bytes * 3 / 4, by: max(bytes / 24, 1)) {
      try BrokenFiles.change(table) { $0[offset] ^= 0x10 }
      #expect(throws: StoreFault.self, "byte \(offset) of \(bytes)") {
        try RocksTopicLog(opening: configuration(scratch)).close()
      }
      try BrokenFiles.change(table) { $0[offset] ^= 0x10 }
    }
    try RocksTopicLog(opening: configuration(scratch)).close()
  }
}
