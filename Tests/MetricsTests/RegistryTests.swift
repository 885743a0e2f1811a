import Bytes
import Synchronization
import Testing

@testable import Metrics

@Suite("Metrics registry")
struct RegistryTests {
  private func key(_ topic: Int) -> TopicKey {
    TopicKey(
      tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "default"),
      topic: ByteSlice(utf8: "t\(topic)"))
  }

  @Test("one set per topic, whoever asks, until it is removed")
  func identity() {
    let registry = MetricsRegistry()
    #expect(registry.existing(key(1)) == nil)
    let first = registry.topic(key(1))
    #expect(registry.topic(key(1)) === first)
    #expect(registry.existing(key(1)) === first)
    #expect(registry.topic(key(2)) !== first)
    registry.remove(key(1))
    #expect(first.isRetired)
    #expect(registry.existing(key(1)) == nil)
    #expect(registry.count == 1)
    registry.remove(key(1))
    #expect(registry.existing(key(2)) != nil)
  }

  @Test("a full registry keeps its size, drops the quiet and keeps the busy")
  func eviction() {
    let registry = MetricsRegistry(capacity: 10)
    for number in 0..<10 {
      registry.topic(key(number)).stored(bytes: 1, latency: .zero)
    }
    for number in 10..<500 {
      for busy in 0..<3 { registry.topic(key(busy)).stored(bytes: 1, latency: .zero) }
      registry.topic(key(number)).stored(bytes: 1, latency: .zero)
      #expect(registry.count == 10)
    }
    for busy in 0..<3 {
      #expect(registry.existing(key(busy))?.publishes.count(of: .accepted) == 491)
    }
  }

  @Test("a loop's cache gives the registry's own set and leaves a retired one")
  func cache() {
    let registry = MetricsRegistry(capacity: 10)
    var cache = TopicMetricsCache(of: registry, capacity: 4)
    let first = cache.topic(key(1))
    #expect(first === registry.existing(key(1)))
    #expect(cache.topic(key(1)) === first)
    registry.remove(key(1))
    #expect(cache.topic(key(1)) !== first)
    for number in 2..<9 { #expect(cache.topic(key(number)) === registry.existing(key(number))) }
  }

  @Test("stored, refused, delivered and replayed land where statistics look")
  func topic() {
    let topic = MetricsRegistry().topic(key(1))
    #expect(topic.publishSummary == nil)
    #expect(topic.deliverySummary == nil)
    topic.stored(events: 3, bytes: 900, latency: .milliseconds(2))
    topic.refused(.forbidden, events: 2, taking: .microseconds(50))
    topic.delivered(bytes: 300, latency: .milliseconds(1))
    topic.replayed(events: 5, bytes: 1_500)
    #expect(topic.publishSummary?.count == 3)
    #expect(topic.publishSummary?.p50 == .milliseconds(2))
    #expect(topic.deliverySummary?.count == 1)
    #expect(topic.publishes.count(of: .accepted) == 3)
    #expect(topic.publishes.count(of: .forbidden) == 2)
    #expect(topic.publishes.nanoseconds(of: .forbidden) == 100_000)
    let snapshot = topic.snapshot
    #expect(snapshot.storedBytes == 900)
    #expect(snapshot.deliveredBytes == 300)
    #expect(snapshot.replayedEvents == 5)
    var sum = TopicSnapshot()
    sum.merge(snapshot)
    sum.merge(snapshot)
    sum.subtract(snapshot)
    #expect(sum == snapshot)
  }

  @Test("labels are distinct and plain")
  func labels() {
    for labels in [
      Outcome.allCases.map { "\($0.label)" }, Operation.allCases.map { "\($0.label)" },
      TokenReason.allCases.map { "\($0.label)" },
    ] {
      #expect(Set(labels).count == labels.count)
      #expect(labels.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "_" } })
    }
  }
}

@Suite("Log writer")
struct LogWriterTests {
  private final class Wakes: Sendable {
    let count = Mutex(0)
  }

  private func drained(_ log: LogWriter) -> [String] {
    var text = ""
    log.drain { bytes in
      text += String(decoding: bytes, as: UTF8.self)
      return bytes.count
    }
    return text.split(separator: "\n").map(String.init)
  }

  @Test("a line is one JSON object: time, level, message, facts in order")
  func line() {
    let log = LogWriter(now: { UnixTime(seconds: 1_700_000_000) }, wake: {})
    log.log(
      .warning, "slow commit",
      [
        "took": .span(.microseconds(12_345)), "events": 7, "late": .boolean(true),
        "topic": .bytes(ByteSlice(utf8: "a\"b\\c\u{1b}[31m\u{7f}\u{85}\u{2028}é\n")),
        "since": .instant(UnixTime(seconds: 0)),
      ])
    #expect(
      drained(log) == [
        #"{"time":"2023-11-14T22:13:20.000Z","level":"warning","message":"slow commit","#
          + #""took":12.345,"events":7,"late":true,"#
          + #""topic":"a\"b\\c\u001b[31m\u007f\u0085\u2028é\n","since":"1970-01-01T00:00:00.000Z"}"#
      ])
    #expect(log.writtenLines == 1)
    #expect(drained(log) == [])
  }

  @Test("lines below the level are not made; the log's thread is woken once per filling")
  func wakes() {
    let wakes = Wakes()
    let log = LogWriter(now: { UnixTime(seconds: 0) }, wake: { wakes.count.withLock { $0 += 1 } })
    log.log(.debug, "unseen")
    #expect(wakes.count.withLock { $0 } == 0)
    log.log(.info, "one")
    log.log(.error, "two")
    #expect(wakes.count.withLock { $0 } == 1)
    #expect(log.depth == 2)
    #expect(drained(log).count == 2)
    log.log(.info, "three")
    #expect(wakes.count.withLock { $0 } == 2)
  }

  @Test("a full queue drops, counts and tells with the next line")
  func full() {
    let log = LogWriter(capacity: 200, now: { UnixTime(seconds: 0) }, wake: {})
    for _ in 0..<10 { log.log(.info, "some line of the log") }
    #expect(log.depth == 2)
    #expect(log.droppedLines == 8)
    #expect(drained(log).count == 2)
    log.log(.info, "after")
    let lines = drained(log)
    #expect(lines.count == 2)
    #expect(lines.first?.contains(#""message":"log lines dropped","lines":8"#) == true)
    #expect(log.writtenLines == 4)
  }

  @Test("lines that are not taken are dropped, and told once some are taken again")
  func refused() {
    let log = LogWriter(now: { UnixTime(seconds: 0) }, wake: {})
    for _ in 0..<3 { log.log(.info, "lost") }
    log.drain { _ in 0 }
    #expect(log.writtenLines == 0 && log.droppedLines == 3)
    // With the line that tells of them.
    log.log(.info, "lost")
    log.drain { _ in 0 }
    #expect(log.writtenLines == 0 && log.droppedLines == 4)
    log.log(.info, "after")
    let lines = drained(log)
    #expect(lines.count == 2)
    #expect(lines.first?.contains(#""message":"log lines dropped","lines":4"#) == true)
    #expect(log.writtenLines == 2 && log.droppedLines == 4)
  }

  @Test("of a line that was taken in part the rest is dropped, and the next one begins anew")
  func torn() {
    let log = LogWriter(now: { UnixTime(seconds: 0) }, wake: {})
    log.log(.info, "one")
    log.log(.info, "two")
    var text = ""
    log.drain { bytes in
      let taken = bytes.count - 5
      text += String(decoding: bytes.prefix(taken), as: UTF8.self)
      return taken
    }
    #expect(log.writtenLines == 1 && log.droppedLines == 1)
    log.log(.info, "three")
    log.drain { bytes in
      text += String(decoding: bytes, as: UTF8.self)
      return bytes.count
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.map { $0.hasSuffix("}") } == [true, false, true, true, false])
    #expect(lines[2].contains(#""message":"log lines dropped","lines":1"#))
    #expect(log.writtenLines == 3 && log.droppedLines == 1)
  }

  @Test("a client's long text is cut, and so is the line")
  func cut() {
    let log = LogWriter(now: { UnixTime(seconds: 0) }, wake: {})
    let long = String(repeating: "x", count: 100_000)
    log.log(
      .info, "long",
      [
        "a": .text(long), "b": .text(long), "c": .text(long), "d": .text(long), "e": .text(long),
        "f": .text(long),
      ])
    let line = drained(log).first ?? ""
    #expect(line.utf8.count < 12_000)
    #expect(line.hasSuffix(",\"truncated\":true}"))
  }
}
