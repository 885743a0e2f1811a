import Bytes
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// Changes of subscriptions on their way to the committer.
@Suite struct StagedChangeTests {
  /// Of a subscription of the topic's first incarnation, and of its successor in the second.
  private let late = SubscriptionChange(
    markDelete: .first(1), chunks: [0: ByteSlice(utf8: "late")])
  private let own = SubscriptionChange(
    markDelete: .first(2), epoch: 1, chunks: [1: ByteSlice(utf8: "own")])

  /// A log that stores nothing unasked, and a subscription in its second incarnation.
  private func madeAnew(
    _ scratch: Scratch
  ) async throws -> (log: RocksTopicLog, subscription: SubscriptionReference) {
    var settings = configuration(scratch)
    settings.limits.lazyChangeDelay = .seconds(3_600)
    settings.limits.retentionEvery = .seconds(3_600)
    let log = try RocksTopicLog(opening: settings)
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let old = try await log.subscribe()
    try await log.deleteTopic(address("orders", .manage))
    _ = try await log.createTopic(address("orders"), TopicConfiguration())
    let anew = try await log.subscribe()
    #expect(anew == old)
    return (log, anew)
  }

  @Test(arguments: [false, true])
  func `what is late for a subscription that is gone does nothing to its successor`(
    isLast: Bool
  ) async throws {
    let scratch = Scratch()
    let (log, subscription) = try await madeAnew(scratch)
    let (lates, owns) = (ChangeSettlement(), ChangeSettlement())
    if !isLast { log.stage(late, of: subscription, settled: lates, isAwaited: false) }
    log.stage(own, of: subscription, settled: owns, isAwaited: !isLast)
    if isLast { log.stage(late, of: subscription, settled: lates, isAwaited: true) }
    let (refused, stored) = (await lates.value(), await owns.value())
    #expect(throws: CatalogueFailure.unknownSubscription) { try refused.get() }
    try stored.get()
    var expected = SubscriptionState(markDelete: .first(2))
    expected.apply(own)
    #expect(try log.loadState(of: subscription) == expected)
    log.close()
  }

  @Test func `of each incarnation one change waits, however many are staged`() throws {
    let subscription = SubscriptionReference(
      topic: try address("orders", .subscribe), name: try name("worker"), number: 1)
    var inbox = CommitQueue.Inbox()
    for change in [late, own, late, own, own] {
      inbox.add(StagedChange(change, of: subscription, settled: nil, isAwaited: false))
    }
    #expect(inbox.changes.map(\.change) == [late, own])
  }
}
