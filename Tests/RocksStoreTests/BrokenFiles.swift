import Bytes
import Foundation
import Tenancy
import TestSupport
import Testing
import Topics

@testable import RocksStore

/// A store that died or was closed, of which tests make copies to break.
final class BrokenFiles {
  /// Long forms break more places: `make faults`.
  static let isLong = ProcessInfo.processInfo.environment["JODRELL_FAULTS"] == "long"

  let events: Int
  /// Where the log's records ended after each event, and how many commits there were.
  private(set) var sizes: [Int] = []
  private(set) var commits: [UInt64] = []
  private let original = Scratch()
  private var dead = Scratch()

  /// - Parameters:
  ///   - events: one commit each, in topic `orders`, with a subscription that has acknowledged
  ///     half.
  ///   - inTables: whether the store was opened once more and closed, so that everything lies in
  ///     tables; otherwise it died, and all is in the log.
  init(events: Int, inTables: Bool) async throws {
    self.events = events
    let topic = try address("orders")
    let log = try RocksTopicLog(opening: configuration(original))
    _ = try await log.createTopic(topic, TopicConfiguration())
    let terms = SubscriptionTerms(kind: .exclusive, ackTimeout: .seconds(5), maxUnacked: 3)
    _ = try await log.createSubscription(
      name("half"), terms, startingAt: Cursor(ledger: 1, next: 0),
      of: address("orders", .subscribe))
    let loop = TestLoop(log)
    for index in 0..<events {
      _ = try await loop.append(event(topic, Self.payload(index)))
      sizes.append(try Self.end(ofLog: try #require(Self.log(of: original))))
      commits.append(
        try #require(SideFile.read(path: StorePaths(original.path).sideFile, store: nil)).commit)
    }
    try FileManager.default.copyItem(atPath: original.path, toPath: dead.path)
    log.close()
    if inTables { try RocksTopicLog(opening: configuration(dead)).close() }
  }

  static func payload(_ index: Int) -> String {
    var dice = Dice(seed: UInt64(index))
    return "\(index):" + (0..<dice.below(40) + 1).map { _ in "\(dice.next())" }.joined()
  }

  /// A copy to break.
  func copy() throws -> Scratch {
    let copy = Scratch()
    try FileManager.default.copyItem(atPath: dead.path, toPath: copy.path)
    return copy
  }

  /// Files of the store, by their path in its directory.
  func files() throws -> [String] {
    let all = FileManager.default.enumerator(atPath: dead.path)?.compactMap { $0 as? String } ?? []
    return all.sorted().filter { name in
      var isDirectory: ObjCBool = false
      _ = unsafe FileManager.default.fileExists(
        atPath: dead.path + "/" + name, isDirectory: &isDirectory)
      return !isDirectory.boolValue && !name.hasSuffix("LOCK") && name != "lock"
    }
  }

  func size(of file: String) throws -> Int { try Self.size(of: dead.path + "/" + file) }

  static func log(of store: Scratch) -> String? {
    let engine = StorePaths(store.path).engine
    return Files.names(in: engine).last { $0.hasSuffix(".log") }.map { engine + "/" + $0 }
  }

  static func size(of path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
  }

  /// Where a log's records end and the zeros ahead of them begin: blocks of 32 KiB hold records of
  /// seven bytes and their data (the fifth and sixth byte are its length, the seventh its kind).
  static func end(ofLog path: String) throws -> Int {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let (block, head) = (32 << 10, 7)
    var at = 0
    while at + head <= bytes.count {
      let rest = block - at % block
      if rest < head {
        at += rest
      } else if bytes[at + 6] == 0 {
        break
      } else {
        at += head + Int(bytes[at + 4]) + Int(bytes[at + 5]) << 8
      }
    }
    return at
  }

  static func change(_ path: String, _ body: (inout Data) -> Void) throws {
    var bytes = try Data(contentsOf: URL(filePath: path))
    body(&bytes)
    try bytes.write(to: URL(filePath: path))
  }

  /// What opening and reading everything came to. Whatever is told must be true.
  enum Fate: Equatable {
    case whole
    /// So many events, and nothing behind them.
    case ends(at: Int)
    /// Events of these ranges are told to be unreadable; all others are right.
    case damaged([ClosedRange<UInt64>])
    case refused(StoreFault)
  }

  func fate(of store: Scratch) throws -> Fate {
    let log: RocksTopicLog
    do throws(StoreFault) {
      log = try RocksTopicLog(opening: configuration(store))
    } catch {
      return .refused(error)
    }
    defer { log.close() }
    let topic = try address("orders", .subscribe)
    guard log.topic(topic) != nil, log.subscription(try name("half"), of: topic) != nil else {
      Issue.record("the topic or its subscription is gone without a word")
      return .ends(at: 0)
    }
    let end = try log.bounds(of: topic).end
    var damaged: [ClosedRange<UInt64>] = []
    var next: UInt64 = 0
    while next < end {
      do throws(ReadFailure) {
        let page = try log.readStored(
          topic, from: Cursor(ledger: 1, next: next), budget: .answer)
        for record in page.records {
          #expect(record.payload.text == Self.payload(Int(record.id.entry)))
          #expect(record.id.entry == next)
          next += 1
        }
      } catch .corrupt(_, let first, let last) {
        #expect(first == next && last >= first && last < end)
        damaged.append(first...last)
        next = last + 1
      } catch {
        Issue.record("\(error)")
        break
      }
    }
    if !damaged.isEmpty { return .damaged(damaged) }
    return end == events ? .whole : .ends(at: Int(end))
  }
}
