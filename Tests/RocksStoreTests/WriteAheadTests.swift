import Foundation
import Glibc
import LogConformance
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct WriteAheadTests {
  /// The write-ahead logs of a store, with their bytes.
  private func logs(_ path: String) throws -> [Data] {
    let folder = URL(filePath: StorePaths(path).engine)
    return try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "log" }.map { try Data(contentsOf: $0) }
  }

  @Test func `a sync finds the log's length unchanged: zeros lie ahead of what is written`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    var lengths: Set<Int> = []
    for number in 0..<20 {
      _ = try await loop.append(event(topic, "\(number)"))
      lengths.insert(try logs(scratch.path).reduce(0) { $0 + $1.count })
    }
    #expect(lengths.count == 1)
    let tail = try #require(try logs(scratch.path).max { $0.count < $1.count }).suffix(4096)
    #expect(tail.allSatisfy { $0 == 0 })
    log.close()
  }

  @Test func `a log that ends in zeros, as after a kill, is whole`() async throws {
    let scratch = Scratch()
    let killed = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    for number in 0..<50 { _ = try await loop.append(event(topic, "\(number)")) }
    // What a killed process leaves: the files as they are, nothing closed.
    try FileManager.default.copyItem(atPath: scratch.path, toPath: killed.path)
    log.close()
    let opened = try RocksTopicLog(opening: configuration(killed))
    let reading = try address("orders", .subscribe)
    #expect(try opened.stored(reading) == (0..<50).map { "\($0)" })
    opened.close()
  }

  @Test func `the program's checksum comes before RocksDB's own, and is the same`() throws {
    typealias Extend = @convention(c) (UInt32, UnsafePointer<UInt8>?, Int) -> UInt32
    let name = "_ZN7rocksdb6crc32c6ExtendEjPKcm"
    guard let engine = unsafe dlopen("librocksdb.so.7.8", RTLD_NOW | RTLD_NOLOAD),
      let theirs = unsafe dlsym(engine, name), let found = unsafe dlsym(nil, name)
    else { return #expect(Bool(false), "this RocksDB has another name for it") }
    #expect(UInt(bitPattern: found) != UInt(bitPattern: theirs))

    let ours = unsafe unsafeBitCast(found, to: Extend.self)
    let old = unsafe unsafeBitCast(theirs, to: Extend.self)
    #expect(ours(7, nil, 0) == 7)
    var random = SplitMix(seed: 24)
    let bytes = (0..<40_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for length in Array(0...600) + [1_023, 1_920, 2_049, 4_096, 8_191, 32_761, 39_900] {
      let (start, seed) = (random.below(64), UInt32(truncatingIfNeeded: random.next()))
      let same = unsafe bytes.withUnsafeBufferPointer { bytes in
        let piece = unsafe bytes.baseAddress.map { unsafe $0 + start }
        return unsafe ours(seed, piece, length) == old(seed, piece, length)
      }
      #expect(same, "\(length) bytes from \(start), after \(seed)")
    }
  }

  @Test func `a large write lengthens the log by itself`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let payload = "\"\(String(repeating: "x", count: 300_000))\""
    let loop = TestLoop(log)
    for _ in 0..<5 { _ = try await loop.append(event(topic, payload)) }
    #expect(try opened(log).allSatisfy { $0 == payload })
    log.close()
    // Closed in order, it ends where its records end.
    let path = try #require(BrokenFiles.log(of: scratch))
    #expect(try BrokenFiles.end(ofLog: path) == BrokenFiles.size(of: path))
  }

  @Test func `appends of any length are in the log when they are answered, one behind the other`()
    async throws
  {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let loop = TestLoop(log)
    var payloads: [String] = []
    // Around blocks, around what zeros are written for, and around what is written at once.
    let lengths = [1, 3000, 4000, 4080, 4096, 8192, 60_000, 65_000, 66_000, 262_000, 270_000, 5]
    for length in lengths + lengths.reversed() {
      payloads.append("\"\(String(repeating: "y", count: length))\"")
      _ = try await loop.append(event(topic, payloads[payloads.count - 1]))
      let killed = Scratch()
      try FileManager.default.copyItem(atPath: scratch.path, toPath: killed.path)
      let found = try RocksTopicLog(opening: configuration(killed))
      #expect(try opened(found) == payloads)
      found.close()
    }
    log.close()
  }

  @Test(.timeLimit(.minutes(10)))
  func `a log that has become tables loses its name, and then its blocks`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let payload = "\"\(String(repeating: "x", count: 900_000))\""
    let loop = TestLoop(log)
    for _ in 0..<10 { _ = try await loop.append(event(topic, payload)) }
    let old = try #require(BrokenFiles.log(of: scratch))
    #expect(try BrokenFiles.size(of: old) > 8 << 20)
    log.close()
    // What an opening replays becomes tables, and the log goes.
    let again = try RocksTopicLog(opening: configuration(scratch))
    while FileManager.default.fileExists(atPath: old) {
      try await Task.sleep(for: .milliseconds(5))
    }
    while try descriptors(of: old + " (deleted)") > 0 {
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(try opened(again).allSatisfy { $0 == payload })
    again.close()
  }

  /// How many descriptors of this process the kernel shows under a name.
  private func descriptors(of name: String) throws -> Int {
    let files = FileManager.default
    return try files.contentsOfDirectory(atPath: "/proc/self/fd").count {
      (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == name
    }
  }

  private func opened(_ log: RocksTopicLog) throws -> [String] {
    try log.stored(address("orders", .subscribe))
  }
}
