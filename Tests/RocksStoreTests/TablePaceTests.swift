import Bytes
import Foundation
import Testing

@testable import RocksStore

/// How fast a full memory table becomes a table on disk.
@Suite struct TablePaceTests {
  /// A database whose memory table has just been replaced by another one, and is being written.
  private struct Writing {
    let scratch = Scratch()
    let database: Database
    let events: ColumnFamily
    private var written: UInt64 = 0

    init(patience: Duration) throws {
      try FileManager.default.createDirectory(
        atPath: scratch.path, withIntermediateDirectories: true)
      database = try Database(
        path: scratch.path,
        options: EngineOptions(cacheBytes: 1 << 20, patience: patience), readOnly: false)
      events = try database.makeFamily(named: "ev.test")
      while isWhole { try write(100_000) }
    }

    /// Whether no memory table waits to be written.
    var isWhole: Bool {
      database.property("rocksdb.num-immutable-mem-table", of: events) == 0
    }

    /// Bytes, a third of which are random: a table makes them a third as long, as it does events.
    mutating func write(_ count: Int) throws {
      var batch = WriteBatch()
      var value = ByteWriter(capacity: count)
      while value.count < count {
        value.append("the same all over ")
        value.append(bigEndian: UInt64.random(in: 0...UInt64.max))
      }
      written += 1
      var key = ByteWriter()
      key.append(bigEndian: UInt64(1))
      key.append(bigEndian: written)
      batch.put(events, key: key.span, value: value.span)
      try database.write(batch)
    }
  }

  @Test(.timeLimit(.minutes(10)))
  func `while the log grows, a table takes as long as the log takes for half a memory table`()
    async throws
  {
    // On a thread of its own: those of tasks may all wait for other stores, whose tables are behind
    // this one.
    let logged = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: Result { try Self.loggedBesideTable() })
      }
    }
    #expect(try logged.get() > 30 << 20)
  }

  /// Bytes that went into the log while a memory table became a table. However late threads get
  /// their turn, the log never stands still for as long as its table is patient, and never grows as
  /// fast as it would have to for its table to be hurried.
  private static func loggedBesideTable() throws -> Int {
    var writing = try Writing(patience: .seconds(60))
    var logged = 0
    while !writing.isWhole {
      // 64 MB/s at most, half of what hurries tables.
      Thread.sleep(forTimeInterval: 0.001)
      try writing.write(64 << 10)
      logged += 64 << 10
    }
    writing.database.close()
    return logged
  }

  @Test(.timeLimit(.minutes(10)))
  func `where the log is at rest, a table is written to its end`() async throws {
    let writing = try Writing(patience: .milliseconds(20))
    while !writing.isWhole { try await Task.sleep(for: .milliseconds(5)) }
    writing.database.close()
  }
}
