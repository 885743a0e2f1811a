import Bytes
import LogConformance
import Synchronization
import Tenancy
import Testing
import Topics

@testable import RocksStore

/// A random walk of publishes, time, acknowledgements and reopenings over topics of every kind of
/// retention, with a reader beside it, held against what a model says must still be there.
@Suite struct RetentionWalkTests {
  private struct Model {
    let retention: Retention?
    var published: [UnixTime] = []
    var acknowledged: UInt64?
  }

  private static let topics: [(name: String, retention: Retention?)] = [
    ("aged", Retention(age: .seconds(60))), ("sized", Retention(bytes: 600)),
    ("both", Retention(age: .seconds(90), bytes: 900)), ("all", nil),
    ("held", Retention(age: .seconds(30))),
  ]

  @Test(.timeLimit(.minutes(10)), arguments: [1, 2, 3] as [UInt64])
  func `nothing goes that must stay, and what goes frees its buckets`(seed: UInt64) async throws {
    var random = SplitMix(seed: seed)
    let clock = SteppedClock()
    let scratch = Scratch()
    var settings = configuration(scratch, clock)
    settings.limits.bucketBytes = 400
    settings.limits.retentionEvery = .milliseconds(1)
    var log = try RocksTopicLog(opening: settings)
    var loop = TestLoop(log)
    var models: [String: Model] = [:]
    for (topic, retention) in Self.topics {
      _ = try await log.createTopic(address(topic), TopicConfiguration(retention: retention))
      models[topic] = Model(retention: retention)
    }
    let subscription = try await log.subscribe(to: "held")
    models["held"]?.acknowledged = 0
    for _ in 0..<80 {
      switch random.next() % 12 {
      case 0..<7:
        let topic = Self.topics[Int(random.next() % UInt64(Self.topics.count))].name
        let next = try #require(models[topic]).published.count
        let receipt = try await loop.append(event(address(topic), "\(next)"))
        #expect(receipt.id.entry == UInt64(next))
        models[topic]?.published.append(receipt.publishTime)
      case 7, 8: clock.step(.seconds(Int64(random.next() % 25)))
      case 9:
        let end = UInt64(try #require(models["held"]).published.count)
        let old = try #require(models["held"]?.acknowledged)
        let next = old + random.next() % (end - old + 1)
        models["held"]?.acknowledged = next
        log.stage(
          SubscriptionChange(markDelete: Cursor(ledger: 1, next: next), epoch: 0),
          of: subscription, settled: nil)
      case 10:
        log.close()
        log = try RocksTopicLog(opening: settings)
        loop = TestLoop(log)
      default: try await Task.sleep(for: .milliseconds(2))
      }
      for (topic, model) in models { try check(log, topic, model, clock.wall) }
    }
    let end = UInt64(try #require(models["held"]).published.count)
    log.stage(
      SubscriptionChange(markDelete: Cursor(ledger: 1, next: end), epoch: 0),
      of: subscription, settled: nil)
    clock.step(.seconds(1_000))
    for topic in ["aged", "both", "held"] {
      while try log.bounds(of: address(topic)).events > 0 {
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    // Only what is kept by size holds older buckets now.
    try await log.deleteTopic(address("sized", .manage))
    while log.committer.database.familyNames.count(where: { $0.hasPrefix("ev.m.") }) > 1 {
      try await Task.sleep(for: .milliseconds(1))
    }
    #expect(try log.bounds(of: address("all")).first == 0)
    log.close()
  }

  /// Reads everything there is of a topic and compares.
  private func check(
    _ log: RocksTopicLog, _ topic: String, _ model: Model, _ now: UnixTime
  ) throws {
    let reader = try address(topic, .subscribe)
    // The front may move between two pages, never back.
    var next = try log.readStored(reader, from: .first(), budget: .answer)
    if next.records.isEmpty {
      let bounds = try log.bounds(of: reader)
      #expect(bounds.events == 0, "\(topic)")
      next = try log.readStored(reader, from: bounds.earliest, budget: .answer)
    }
    let entries = next.records.map(\.id.entry)
    let first = entries.first ?? UInt64(model.published.count)
    #expect(entries == Array(first..<UInt64(model.published.count)), "\(topic)")
    for record in next.records { #expect(record.payload.text == "\(record.id.entry)", "\(topic)") }
    guard first > 0 else { return }
    guard let retention = model.retention else {
      Issue.record("\(topic) keeps everything and starts at \(first)")
      return
    }
    #expect(model.acknowledged.map { first <= $0 } ?? true, "\(topic)")
    let isOld = retention.age.map { model.published[Int(first) - 1] + $0 <= now } ?? false
    let kept = try log.bounds(of: reader).bytes
    let isMuch = retention.bytes.map { kept >= $0 } ?? false
    #expect(isOld || isMuch, "\(topic) lost \(first)")
  }
}
