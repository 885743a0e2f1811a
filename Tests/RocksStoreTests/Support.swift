import Bytes
import Foundation
import LogConformance
import Schemas
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// A directory that is removed with its last reference.
final class Scratch: Sendable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "rocks-" + UUID().uuidString
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

func configuration(
  _ scratch: Scratch, _ clock: SteppedClock = SteppedClock()
) -> StoreConfiguration {
  var configuration = StoreConfiguration(
    path: scratch.path, clocks: clock.clocks,
    freshStoreName: ByteSlice((0..<16).map { UInt8($0) }))
  configuration.limits.cacheBytes = 8 << 20
  configuration.limits.spaceFloorBytes = 0
  configuration.limits.spaceFloorPercent = 0
  configuration.limits.ballastBytes = 0
  // A slow machine must not shorten the pages that tests compare; one test sets it to nothing.
  configuration.limits.readTime = .seconds(60)
  return configuration
}

func address(
  _ topic: String, _ action: Action = .publish, tenant: String = "acme"
) throws -> TopicAddress {
  try Proofs(tenant: tenant).topic(topic, action)
}

func name(_ text: String) throws -> Name { try Proofs().name(text) }

func event(
  _ topic: TopicAddress, _ payload: String, key: String? = nil
) throws -> ConformingEvent {
  try Proofs(tenant: topic.tenant.bytes.text).event(topic.topic.bytes.text, payload, key: key)
}

/// Stands for an event loop: owns an appender and flushes it at the end of each turn.
actor TestLoop {
  private let appender: RocksAppender
  private let directory: Directory
  private var isFlushing = false

  init(_ log: RocksTopicLog) { self.init(log.committer) }

  init(_ committer: Committer) {
    appender = RocksAppender(committer: committer) { $0() }
    directory = committer.directory
  }

  func append(_ event: ConformingEvent) async throws(AppendFailure) -> Receipt {
    let topic = try directory.open(event)
    endTurn()
    return try await appender.append(event, to: topic)
  }

  func appendAll(_ events: [ConformingEvent]) async throws(AppendFailure) -> [Receipt] {
    guard let first = events.first else { throw .mixedBatch }
    let topic = try directory.open(first)
    endTurn()
    return try await appender.appendAll(events, to: topic)
  }

  private func endTurn() {
    if isFlushing { return }
    isFlushing = true
    Task {
      isFlushing = false
      appender.flush()
    }
  }
}

extension Directory {
  func open(_ event: ConformingEvent) throws(AppendFailure) -> TopicState {
    guard let topic = topic(TopicPath(event.address)) else { throw .unknownTopic }
    return topic
  }
}

extension SubscriptionTerms {
  static var shared: Self { .init(kind: .shared, ackTimeout: .seconds(30), maxUnacked: 1000) }
}

/// Opens the database of a closed store and lets `change` write into it.
func operate(
  _ scratch: Scratch, on family: String = "ev.x.00000001",
  _ change: (Database, inout WriteBatch, ColumnFamily) throws -> Void
) throws {
  let database = try Database(
    path: StorePaths(scratch.path).engine, options: EngineOptions(cacheBytes: 1 << 20),
    readOnly: false)
  let events = try #require(database.family(named: family))
  var batch = WriteBatch()
  try change(database, &batch, events)
  try database.write(batch)
  database.close()
}

extension RocksTopicLog {
  /// A new subscription from the beginning of a topic.
  func subscribe(
    _ subscriber: String = "worker", to topic: String = "orders",
    _ terms: SubscriptionTerms = .shared
  ) async throws -> SubscriptionReference {
    let (topic, subscriber) = (try address(topic, .subscribe), try name(subscriber))
    let made = try await createSubscription(subscriber, terms, startingAt: .first(), of: topic)
    return SubscriptionReference(topic: topic, name: subscriber, number: made.thing.number)
  }
}

extension Cursor {
  static func first(_ ledger: UInt64 = 1) -> Cursor { Cursor(ledger: ledger, next: 0) }
}

extension TopicLog {
  /// Everything from `cursor` on as text, over as many pages as it takes, from the disk.
  func stored(
    _ topic: TopicAddress, from cursor: Cursor = .first(), page: Int = 1000
  ) throws -> [String] {
    var texts: [String] = []
    var next = cursor
    while true {
      let page = try readStored(
        topic, from: next, budget: ByteBudget(records: page, bytes: 1 << 20))
      texts += page.records.map(\.payload.text)
      next = page.next
      if page.isUpToDate { return texts }
    }
  }
}
