import Foundation
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
