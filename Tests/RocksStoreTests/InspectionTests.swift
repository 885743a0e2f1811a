import Bytes
import Foundation
import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct InspectionTests {
  @Test func `a closed store is told in full and left as it was`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let (topic, gone) = (try address("orders"), try address("gone"))
    _ = try await log.createTopic(topic, TopicConfiguration())
    _ = try await log.createTopic(gone, TopicConfiguration())
    let loop = TestLoop(log)
    _ = try await loop.appendAll((0..<300).map { try event(topic, "\($0)") })
    _ = try await loop.append(event(topic, "300"))
    try await log.deleteTopic(address("gone", .manage))
    try await log.trim(address("orders", .manage), before: 7)
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .seconds(30), maxUnacked: 10)
    _ = try await log.createSubscription(
      name("worker"), terms, startingAt: Cursor(ledger: 1, next: 9),
      of: address("orders", .subscribe))
    #expect(throws: StoreFault.alreadyOpen(path: scratch.path + "/lock")) {
      try Inspection(of: scratch.path)
    }
    log.close()
    let before = try files(scratch)
    try {
      let inspection = try Inspection(of: scratch.path)
      let store = try inspection.store()
      #expect(store.recovered == store.acknowledged)
      #expect(store.isWhole == true)
      #expect(store.families.map(\.name).contains("ev.x.00000001"))
      let topics = try inspection.topics()
      #expect(topics.map(\.topic.text) == ["orders", "gone"])
      #expect(topics.map(\.isLive) == [true, false])
      #expect(topics[0].tenant.text == "acme" && topics[0].namespace.text == "shop")
      #expect(topics[0].first == 7 && topics[0].end == 301)
      var chunks: [ChunkReport] = []
      try inspection.chunks(of: topics[0]) { chunk in
        chunks.append(chunk)
        return true
      }
      #expect(chunks.map(\.first) == [0, 256, 300])
      #expect(chunks.map(\.last) == [255, 299, 300])
      #expect(chunks.allSatisfy { $0.fault == nil })
      let cursors = try inspection.cursors()
      #expect(cursors.map(\.name.text) == ["worker"])
      #expect(cursors[0].markDelete == Cursor(ledger: 1, next: 9))
      #expect(cursors[0].terms == terms)
    }()
    #expect(try files(scratch) == before)
    try RocksTopicLog(opening: configuration(scratch)).close()
  }

  @Test func `where no store is, none is found and none is made`() throws {
    let scratch = Scratch()
    #expect(throws: StoreFault.self) { try Inspection(of: scratch.path) }
    #expect(!FileManager.default.fileExists(atPath: scratch.path))
  }

  /// Names and contents of everything in the directory.
  private func files(_ scratch: Scratch) throws -> [String: Data] {
    var found: [String: Data] = [:]
    let all = try FileManager.default.subpathsOfDirectory(atPath: scratch.path)
    for path in all {
      found[path] = FileManager.default.contents(atPath: scratch.path + "/" + path) ?? Data()
    }
    return found
  }
}
