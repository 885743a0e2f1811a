import Bytes
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// Acknowledgements that a seek or a deletion makes void, in great numbers.
@Suite struct VoidingTests {
  private struct Rows: Equatable {
    /// Rows of acknowledgements.
    var acks = 0
    /// How many of RocksDB's deletions name one key.
    var deletions: UInt64 = 0
  }

  private func rows(_ log: RocksTopicLog) throws -> Rows {
    let database = log.committer.database
    var rows = Rows()
    try database.scanKeys(AckChunkKey.self) { _ in rows.acks += 1 }
    rows.deletions = try #require(
      database.property("rocksdb.num-deletes-active-mem-table", of: database.state))
    return rows
  }

  private func acknowledge(
    _ log: RocksTopicLog, _ subscription: SubscriptionReference, chunks count: UInt64
  ) async throws {
    var chunks: [UInt64: ByteSlice?] = [:]
    for index in 0..<count { chunks[index] = ByteSlice(utf8: "acks") }
    try await change(
      log, subscription, SubscriptionChange(markDelete: .first(), chunks: chunks))
  }

  private func change(
    _ log: RocksTopicLog, _ subscription: SubscriptionReference, _ change: SubscriptionChange
  ) async throws {
    let settled = ChangeSettlement()
    log.stage(change, of: subscription, settled: settled)
    try await settled.value().get()
  }

  @Test func `what a topic's subscriptions have acknowledged goes at once, however much it is`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    for topic in ["orders", "kept"] {
      _ = try await log.createTopic(address(topic), TopicConfiguration())
    }
    try await acknowledge(log, log.subscribe("many"), chunks: 5_000)
    try await acknowledge(log, log.subscribe("few"), chunks: 3)
    try await acknowledge(log, log.subscribe("other", to: "kept"), chunks: 2)
    let before = try rows(log)
    #expect(before.acks == 5_005)
    let manage = try address("orders", .manage)
    try await log.trial.deleteTopic(manage)
    #expect(try rows(log) == before)
    try await log.deleteTopic(manage)
    let after = try rows(log)
    #expect(after.acks == 2)
    #expect(after.deletions - before.deletions < 10)
    log.close()
  }

  @Test func `so does what a subscription has acknowledged, where it is sought or deleted`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let many = try await log.subscribe("many")
    try await acknowledge(log, log.subscribe("few"), chunks: 3)
    for seeks in [true, false] {
      try await acknowledge(log, many, chunks: 5_000)
      let before = try rows(log)
      if seeks {
        let seek = SubscriptionChange(
          markDelete: .first(), epoch: 1, chunks: [7: ByteSlice(utf8: "own")], replacesAll: true)
        try await change(log, many, seek)
        #expect(try log.loadState(of: many).chunks == [7: ByteSlice(utf8: "own")])
      } else {
        try await log.deleteSubscription(name("many"), of: many.topic)
        #expect(try rows(log).acks == 3)
      }
      #expect(try rows(log).deletions - before.deletions < 10)
    }
    // Few are deleted one by one: ranges cost each reader something.
    let before = try rows(log)
    try await log.deleteTopic(address("orders", .manage))
    let after = try rows(log)
    #expect(after.acks == 0 && after.deletions - before.deletions == 4)
    log.close()
  }
}
