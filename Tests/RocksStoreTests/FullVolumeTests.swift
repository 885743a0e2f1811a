import Bytes
import Foundation
import LogConformance
import Schemas
import Synchronization
import Tenancy
import TestSupport
import Testing
import Topics

@testable import RocksStore

/// A volume that is really full: RocksDB's own words, not a mark that was passed.
@Suite(.enabled(if: SmallVolume.isPossible(.memory), "no right to mount a file system"))
struct FullVolumeTests {
  private func settings(_ volume: SmallVolume) -> StoreConfiguration {
    var settings = StoreConfiguration(
      path: volume.path.appending(path: "data").path(), clocks: SteppedClock().clocks,
      freshStoreName: ByteSlice((0..<16).map { UInt8($0) }))
    settings.limits.cacheBytes = 8 << 20
    settings.limits.readTime = .seconds(60)
    settings.limits.spaceFloorBytes = 4 << 20
    settings.limits.spaceFloorPercent = 0
    settings.limits.ballastBytes = 2 << 20
    settings.limits.ballastPercent = 100
    return settings
  }

  /// Appends until the store refuses; the payloads that were stored.
  private func fill(
    _ log: RocksTopicLog, _ topic: TopicAddress, kilobytes: Int
  ) async throws -> (stored: [String], failure: AppendFailure) {
    let loop = TestLoop(log)
    var stored: [String] = []
    while true {
      let payload = "\(stored.count):" + String(repeating: "x", count: kilobytes << 10)
      do throws(AppendFailure) {
        _ = try await loop.append(try conforming(topic, payload))
      } catch {
        return (stored, error)
      }
      stored.append(payload)
    }
  }

  private func conforming(
    _ topic: TopicAddress, _ payload: String
  ) throws(AppendFailure) -> ConformingEvent {
    do { return try event(topic, payload) } catch { throw .mixedBatch }
  }

  @Test func `a write that finds no space is unknown; the store opens full and goes on with space`()
    async throws
  {
    let volume = try SmallVolume(.memory, megabytes: 32)
    var blind = settings(volume)
    // The marks see nothing: the write itself meets the end.
    blind.limits.spaceCheckEvery = .seconds(3600)
    let fault = Mutex<StoreFault?>(nil)
    blind.observer.failed = { found in fault.withLock { $0 = found } }
    let topic = try address("orders")
    var log = try RocksTopicLog(opening: blind)
    _ = try await log.createTopic(topic, TopicConfiguration())
    let (stored, failure) = try await fill(log, topic, kilobytes: 100)
    #expect(failure == .outcomeUnknown)
    #expect(stored.count > 100)
    log.close()
    guard case .noSpace? = fault.withLock({ $0 }) else {
      return #expect(Bool(false), "\(String(describing: fault.withLock { $0 }))")
    }
    // What the log had reserved was given back: somebody else takes it.
    try volume.fill(leaving: 64 << 10)

    // Three starts on a full volume: the ballast makes room for the first, none writes tables.
    for _ in 0..<3 {
      log = try RocksTopicLog(opening: settings(volume))
      #expect(!log.acceptsAppends)
      let found = try log.stored(try address("orders", .subscribe))
      #expect(found.prefix(stored.count) == stored[...])
      #expect(found.count <= stored.count + 1)
      await #expect(throws: AppendFailure.storageFull(retryAfter: .seconds(10))) {
        try await TestLoop(log).append(event(topic, "more"))
      }
      log.close()
    }

    // Not a byte is left, not even for RocksDB's diary: the start is refused, the process lives.
    try volume.empty()
    try volume.fill(leaving: 0)
    #expect { try RocksTopicLog(opening: settings(volume)) } throws: { fault in
      if case .noSpace? = fault as? StoreFault { true } else { false }
    }
    try volume.empty()
    log = try RocksTopicLog(opening: settings(volume))
    #expect(try log.stored(try address("orders", .subscribe)).prefix(stored.count) == stored[...])
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `what was deleted on a full volume goes from the bucket that was filled last, too`()
    async throws
  {
    let volume = try SmallVolume(.memory, megabytes: 48)
    var settings = settings(volume)
    settings.limits.spaceCheckEvery = .milliseconds(20)
    settings.limits.retentionEvery = .milliseconds(20)
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    _ = try await TestLoop(log).append(event(topic, "1"))
    try volume.fill(leaving: 3 << 20)
    while log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    try await log.deleteTopic(address("orders", .manage))
    let isThere = { log.committer.database.familyNames.contains("ev.x.00000001") }
    while isThere() { try await Task.sleep(for: .milliseconds(5)) }
    #expect(!log.acceptsAppends)
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a volume that is full again and again gets no bucket for it`() async throws {
    let volume = try SmallVolume(.memory, megabytes: 48)
    var settings = settings(volume)
    settings.limits.spaceCheckEvery = .milliseconds(20)
    settings.limits.retentionEvery = .milliseconds(20)
    let sweeps = Mutex(0)
    settings.observer.swept = { _ in sweeps.withLock { $0 += 1 } }
    let log = try RocksTopicLog(opening: settings)
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for number in 0..<6 {
      _ = try await loop.append(event(topic, "\(number)"))
      try volume.fill(leaving: 3 << 20)
      while log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
      let seen = sweeps.withLock { $0 }
      while sweeps.withLock({ $0 }) < seen + 2 { try await Task.sleep(for: .milliseconds(5)) }
      try volume.empty()
      while !log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    }
    #expect(log.committer.database.familyNames.filter { $0.hasPrefix("ev.x.") }.count == 1)
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a restart lets no event into the space that the ballast gave`() async throws {
    let volume = try SmallVolume(.memory, megabytes: 96)
    var settings = settings(volume)
    settings.limits.spaceCheckEvery = .milliseconds(20)
    settings.limits.spaceFloorBytes = 8 << 20
    settings.limits.ballastBytes = 8 << 20
    let topic = try address("orders")
    var log = try RocksTopicLog(opening: settings)
    _ = try await log.createTopic(topic, TopicConfiguration())
    _ = try await TestLoop(log).append(event(topic, "1"))
    try volume.fill(leaving: 15 << 19)
    while log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    log.close()
    let told = Mutex<[Bool]>([])
    settings.observer.storageFull = { space in told.withLock { $0.append(space.isFull) } }
    for life in 1...2 {
      // What closing has given back is taken by others.
      try volume.empty()
      try volume.fill(leaving: 13 << 20)
      log = try RocksTopicLog(opening: settings)
      // More than the mark, and the ballast is gone.
      #expect(try volume.free() > 8 << 20)
      #expect(!log.acceptsAppends && told.withLock { $0.count } == life)
      #expect(try log.stored(address("orders", .subscribe)) == ["1"])
      if life == 1 { log.close() }
    }
    try volume.empty()
    while !log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    #expect(told.withLock { $0 } == [true, true, false])
    #expect(Files.exists(StorePaths(settings.path).ballast))
    #expect(!Files.exists(StorePaths(settings.path).full))
    _ = try await TestLoop(log).append(event(topic, "2"))
    log.close()
    log = try RocksTopicLog(opening: settings)
    #expect(log.acceptsAppends && told.withLock { $0.count } == 3)
    log.close()
  }

  @Test func `appends stop at the mark and resume by themselves; acknowledgements never stop`()
    async throws
  {
    let volume = try SmallVolume(.memory, megabytes: 48)
    var settings = settings(volume)
    settings.limits.spaceCheckEvery = .milliseconds(20)
    let topic = try address("orders")
    let reader = try address("orders", .subscribe)
    let log = try RocksTopicLog(opening: settings)
    let ballast = StorePaths(settings.path).ballast
    #expect(Files.exists(ballast))
    _ = try await log.createTopic(topic, TopicConfiguration())
    let terms = SubscriptionTerms(kind: .exclusive, ackTimeout: .seconds(5), maxUnacked: 3)
    let subscription = try await log.subscribe("billing", terms)
    let receipt = try await TestLoop(log).append(event(topic, "1"))
    try volume.fill(leaving: 3 << 20)
    while log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    #expect(!Files.exists(ballast))
    #expect(try volume.free() > 4 << 20)
    await #expect(throws: AppendFailure.storageFull(retryAfter: .seconds(10))) {
      try await TestLoop(log).append(event(topic, "2"))
    }
    #expect(try log.stored(reader) == ["1"])
    let settled = ChangeSettlement()
    log.stage(
      SubscriptionChange(markDelete: Cursor(ledger: receipt.id.ledger, next: 1)),
      of: subscription, settled: settled)
    try await settled.value().get()
    // The ballast's space is not space to append into: it must not lift the mark.
    try await Task.sleep(for: .milliseconds(100))
    #expect(!log.acceptsAppends)
    try volume.empty()
    while !log.acceptsAppends { try await Task.sleep(for: .milliseconds(5)) }
    #expect(Files.exists(ballast))
    #expect(try await TestLoop(log).append(event(topic, "2")).id.entry == 1)
    log.close()
  }
}
