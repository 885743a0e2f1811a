import Tenancy
import Testing
import Topics

@testable import RocksStore

@Suite struct AppenderTests {
  /// A loop whose turn does not end.
  private actor EndlessTurn {
    let appender: RocksAppender
    let directory: Directory

    init(_ log: RocksTopicLog) {
      appender = log.makeAppender { $0() }
      directory = log.committer.directory
    }

    func append(_ count: Int, to topic: TopicAddress) async throws -> [UInt64] {
      var tasks: [Task<UInt64, any Error>] = []
      for index in 0..<count {
        tasks.append(
          Task {
            let event = try event(topic, "\(index)")
            return try await appender.append(event, to: directory.open(event)).id.entry
          })
      }
      var entries: [UInt64] = []
      for task in tasks { entries.append(try await task.value) }
      return entries
    }
  }

  @Test func `what fills a stage is committed while the turn goes on`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let topic = try address("orders")
    _ = try await log.createTopic(topic, TopicConfiguration())
    let count = 2 * RocksAppender.handOver
    let entries = try await EndlessTurn(log).append(count, to: topic)
    #expect(entries.sorted() == (0..<UInt64(count)).map { $0 })
    log.close()
  }

  @Test func `a topic that is remembered is the one that is there`() async throws {
    let scratch = Scratch()
    let log = try RocksTopicLog(opening: configuration(scratch))
    let (orders, mails) = (try address("orders"), try address("mails"))
    let appender = log.makeAppender { $0() }
    var (seat, other): (TopicPlace?, TopicPlace?)
    #expect(appender.open(orders, at: &seat) == nil && seat == nil)
    _ = try await log.createTopic(orders, TopicConfiguration())
    _ = try await log.createTopic(mails, TopicConfiguration())
    weak let first = appender.open(orders, at: &seat)
    #expect(first != nil)
    let kept = seat
    #expect(appender.open(orders, at: &seat) === first)
    #expect(appender.open(orders, at: &seat) === first && seat?.seat === kept?.seat)
    #expect(appender.open(mails, at: &other) !== first)
    other = kept
    let found = appender.open(mails, at: &other)
    #expect(found?.path.topic == mails.topic, "the place was another address's")
    try await log.deleteTopic(address("orders", .manage))
    #expect(appender.open(orders, at: &seat) == nil && seat == nil)
    appender.flush()
    seat = kept
    _ = try await log.createTopic(orders, TopicConfiguration())
    let second = try #require(appender.open(orders, at: &seat))
    #expect(second.ledger == 2 && seat?.seat !== kept?.seat)
    #expect(first == nil, "a seat holds on to a topic that is gone")
    log.close()
  }
}
