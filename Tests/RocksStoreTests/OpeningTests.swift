import Bytes
import Foundation
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct OpeningTests {
  /// A store with one topic and `events` events, closed; the number of its last commit.
  private func store(_ scratch: Scratch, events: Int) async throws -> UInt64 {
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for index in 0..<events { _ = try await loop.append(event(topic, "\(index)")) }
    log.close()
    return try #require(
      SideFile.read(path: StorePaths(scratch.path).sideFile, store: nil)?.commit)
  }

  /// Writes commit numbers into a closed store's side file, the first of them as its only one.
  private func note(_ scratch: Scratch, _ commits: [UInt64]) throws {
    let paths = StorePaths(scratch.path)
    let store = try #require(SideFile.read(path: paths.sideFile, store: nil)).store
    let first = try #require(commits.first)
    var side = try SideFile.restart(paths, store, commit: first, clock: UnixTime(seconds: 0))
    for commit in commits.dropFirst() { try side.write(commit: commit, clock: 0) }
  }

  @Test func `a store is opened by one at a time`() throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    #expect(throws: StoreFault.alreadyOpen(path: scratch.path + "/lock")) {
      try RocksTopicLog(opening: configuration(scratch))
    }
    log.close()
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  @Test func `a side file ahead of the store refuses, until the operator accepts by number`()
    async throws
  {
    let scratch = Scratch()
    let last = try await store(scratch, events: 3)
    try note(scratch, [last, last + 2])
    let missing = StoreFault.acknowledgedDataMissing(recovered: last, acknowledged: last + 2)
    for _ in 0..<2 {
      #expect(throws: missing) { try RocksTopicLog(opening: configuration(scratch)) }
    }
    #expect(!Files.names(in: StorePaths(scratch.path).unproven).isEmpty)
    var settings = configuration(scratch)
    settings.acceptingLossAt = last + 2
    #expect(throws: StoreFault.wrongLossAccepted(recovered: last, accepted: last + 2)) {
      try RocksTopicLog(opening: settings)
    }
    settings.acceptingLossAt = last
    try RocksTopicLog(opening: settings).close()
    #expect(Files.names(in: StorePaths(scratch.path).unproven).isEmpty)
    let log = try RocksTopicLog(opening: configuration(scratch))
    #expect(try log.stored(try address("orders", .subscribe)).count == 3)
    log.close()
  }

  @Test func `accepting a loss can be repeated by its number wherever the opening was cut short`()
    async throws
  {
    let scratch = Scratch()
    let last = try await store(scratch, events: 10)
    let key = TopicNumber(tenant: 1, topic: 1)
    try operate(scratch) { _, batch, events in
      for entry in UInt64(5)..<10 {
        batch.delete(events, key: EventKey(topic: key, last: entry).bytes.span)
      }
    }
    try note(scratch, [last + 5])
    var settings = configuration(scratch)
    settings.acceptingLossAt = last
    // Nothing can be put in the side file's place.
    let place = StorePaths(scratch.path).nextSideFile
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    #expect(throws: StoreFault.self) { try RocksTopicLog(opening: settings) }
    try FileManager.default.removeItem(atPath: place)
    try RocksTopicLog(opening: settings).close()
    // Cut short when the ends were moved, and that was not noted yet.
    try note(scratch, [last])
    try RocksTopicLog(opening: settings).close()
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  @Test func `a side file behind the store is a power cut's lag and opens`() async throws {
    let scratch = Scratch()
    let last = try await store(scratch, events: 3)
    try note(scratch, [last - 2])
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  @Test func `a missing or wholly damaged side file refuses`() async throws {
    let scratch = Scratch()
    let last = try await store(scratch, events: 1)
    let path = StorePaths(scratch.path).sideFile
    let unreadable = StoreFault.acknowledgementsUnreadable(recovered: last)
    try Data(repeating: 7, count: 128).write(to: URL(fileURLWithPath: path))
    #expect(throws: unreadable) { try RocksTopicLog(opening: configuration(scratch)) }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: unreadable) { try RocksTopicLog(opening: configuration(scratch)) }
    var settings = configuration(scratch)
    settings.acceptingLossAt = last
    try RocksTopicLog(opening: settings).close()
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  @Test func `a torn younger slot leaves the older one, which the store satisfies`() async throws {
    let scratch = Scratch()
    let last = try await store(scratch, events: 4)
    let path = StorePaths(scratch.path).sideFile
    try note(scratch, [last - 1, last])
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[Int(last % 2) * SideFile.slotBytes + 20] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  /// RocksDB's point-in-time mode opens happily after losing synced commits: ours must not.
  @Test func `a flipped byte in the synced log is noticed and refused`() async throws {
    let scratch = Scratch()
    var log: RocksTopicLog? = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log?.createTopic(topic, TopicConfiguration())
    if let log {
      let loop = TestLoop(log)
      for index in 0..<200 { _ = try await loop.append(event(topic, "\(index)")) }
    }
    // The directory as a death would leave it: copied while the store is open.
    let dead = Scratch()
    try FileManager.default.copyItem(atPath: scratch.path, toPath: dead.path)
    log?.close()
    log = nil
    let deadPaths = StorePaths(dead.path)
    let wal = try #require(
      Files.names(in: deadPaths.engine).filter { $0.hasSuffix(".log") }.last)
    let file = URL(fileURLWithPath: deadPaths.engine + "/" + wal)
    let whole = try Data(contentsOf: file)
    // Untouched it opens with everything.
    let copy = Scratch()
    try FileManager.default.copyItem(atPath: dead.path, toPath: copy.path)
    let sound = try RocksTopicLog(opening: configuration(copy))
    #expect(try sound.stored(try address("orders", .subscribe)).count == 200)
    sound.close()
    let end = try BrokenFiles.end(ofLog: file.path)
    for place in [end / 2, end * 9 / 10] {
      let bad = Scratch()
      try FileManager.default.copyItem(atPath: dead.path, toPath: bad.path)
      var bytes = whole
      bytes[place] ^= 0x10
      try bytes.write(to: URL(fileURLWithPath: StorePaths(bad.path).engine + "/" + wal))
      let fault = #expect(throws: StoreFault.self, "flipped byte \(place)") {
        try RocksTopicLog(opening: configuration(bad))
      }
      guard case .acknowledgedDataMissing(let recovered, let acknowledged)? = fault else {
        return #expect(Bool(false), "another fault")
      }
      #expect(recovered < acknowledged)
      let kept = StorePaths(bad.path).unproven + "/" + wal
      #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == bytes)
    }
  }

  @Test func `a newer format is refused by number`() throws {
    let newer = FormatKey.Value(
      writer: 9, oldestReader: 8, store: ByteSlice(Array(repeating: 1, count: 16)),
      created: UnixTime(seconds: 0))
    #expect(throws: StoreFault.newerFormat(needed: 8, supported: 1)) {
      try StoreOpening.check(newer)
    }
  }

  @Test func `texts of RocksDB become typed faults by their prefixes`() {
    let cases: [(String, StoreFault)] = [
      (
        "IO error: No space left on device: While appending",
        .noSpace("IO error: No space left on device: While appending")
      ),
      ("Corruption: block checksum mismatch", .corruptFile("Corruption: block checksum mismatch")),
      ("IO error: While fdatasync: x", .input("IO error: While fdatasync: x")),
      ("Invalid argument: y", .engine("Invalid argument: y")),
    ]
    for (text, fault) in cases { #expect(StoreFault(engineText: text) == fault) }
  }
}
