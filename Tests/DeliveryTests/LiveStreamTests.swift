import Bytes
import Events
import HTTPWire
import LogConformance
import Metrics
import Testing
import Topics

@testable import Delivery

/// A stream with its output, asked for the next bytes as a connection would.
@MainActor
final class StreamReader: AnswerSink {
  private let stream: LiveStream<MemoryLog>
  private let site: LoopSite
  /// What becomes of the chunks that come while it waits, in turn; the rest is refused.
  var outcomes: [PushOutcome] = []
  var onPush: () -> Void = {}
  /// The chunks it has taken.
  private(set) var pushed: [String] = []
  private var isRoused = false
  private var waiter: Waiter?
  private(set) var text = ""
  private(set) var last: AnswerStreamStep?

  init(
    _ stage: Stage, _ feed: TopicFeed<MemoryLog>, _ format: StreamFormat = .serverSentEvents,
    cache: FrameCache = FrameCache(), metrics: @escaping () -> TopicMetrics? = { nil },
    expires: Int64 = 3_600, budget: ByteBudget? = nil, lease: StreamLease? = nil
  ) {
    site = stage.site
    var terms = LiveTerms(StreamPermit(expires: stage.clock.wall + .seconds(expires)))
    terms.lease = lease
    if let budget { terms.budget = budget }
    let rendering = RecordRendering(view: 0) { record, text in
      text.append(record.payload)
    }
    stream = LiveStream(
      feed, format: format, rendering: rendering, terms: terms, cache: cache, metrics: metrics,
      problem: { why in ByteSlice(utf8: why == .tokenExpired ? #"{"status":401}"# : #"{"p":1}"#) })
  }

  /// The text of the next step that is not a wait.
  func next() async -> String {
    stream.attach(to: self)
    var bytes = ByteWriter()
    while true {
      isRoused = false
      let step = await stream.next(into: &bytes)
      last = step
      guard case .wait(let until) = step else { break }
      let waiter = Waiter()
      self.waiter = waiter
      if isRoused { waiter.wake(.grown) }
      _ = await site.wait(waiter, until: until)
      self.waiter = nil
    }
    text = String(decoding: bytes.bytes, as: UTF8.self)
    return text
  }

  /// As a connection that is cut.
  func cut() { stream.detach() }

  nonisolated func rouse() {
    MainActor.assumeIsolated {
      isRoused = true
      waiter?.wake(.grown)
    }
  }

  nonisolated func push(_ chunk: ByteSlice) -> PushOutcome {
    MainActor.assumeIsolated {
      onPush()
      let outcome = outcomes.isEmpty || waiter == nil ? .refused : outcomes.removeFirst()
      if outcome != .refused { pushed.append(ChunkFrame.payload(of: chunk).text) }
      if outcome != .sent { waiter?.wake(.grown) }
      return outcome
    }
  }
}

@MainActor @Suite struct LiveStreamTests {
  @Test func itOpensAtOnceAndThenSendsEachEventWithItsPlace() async throws {
    let stage = try await Stage()
    try await stage.append(#"{"a":1}"#, #"{"a":2}"#)
    let reader = StreamReader(stage, stage.feed())
    #expect(await reader.next() == "retry: 2000\nid: 1:-1\n\n")
    let both = "id: 1:0\ndata: {\"a\":1}\n\nid: 1:1\ndata: {\"a\":2}\n\n"
    #expect(await reader.next() == both)
    #expect(reader.last == .more)
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.append("3")
    #expect(await waiting.value == "id: 1:2\ndata: 3\n\n")
  }

  @Test func theEventLineIsThePublishersTypeIfThereIsOne() async throws {
    let stage = try await Stage()
    for (type, payload) in [("order.placed", "1"), ("two\nlines", "2"), (nil, "3\r\n4\n5")] {
      _ = try await stage.loop.append(
        stage.proofs.event(
          "orders", ByteSlice(utf8: payload), kind: .binary, key: nil, type: type))
    }
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    #expect(
      await reader.next() == """
        id: 1:0
        event: order.placed
        data: 1

        id: 1:1
        data: 2

        id: 1:2
        data: 3
        data: 4
        data: 5


        """)
  }

  @Test func noEventHasTheNameOfWhatTheStreamSaysItself() async throws {
    let stage = try await Stage()
    // As a log may hold them that was written when such types were taken.
    for type in ["jodrell.end", "jodrell.challenge", "jodrell.audit.decision"] {
      _ = try await stage.loop.append(
        stage.proofs.event(
          "orders", ByteSlice(utf8: "{}"), kind: .json, key: nil, type: type))
    }
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    #expect(
      await reader.next() == "id: 1:0\ndata: {}\n\nid: 1:1\ndata: {}\n\n"
        + "id: 1:2\nevent: jodrell.audit.decision\ndata: {}\n\n")
  }

  @Test func noLineOfAnEventBeginsAsThoseOfTheStreamItself() async throws {
    let stage = try await Stage()
    try await stage.append(
      #"{"jodrell.end":{"status":401}}"#, #" {"jodrell.end":1}"#, #"{"jodrell"#, #"{"j":2}"#)
    let reader = StreamReader(stage, stage.feed(), .lines)
    _ = await reader.next()
    #expect(
      await reader.next() == #" {"jodrell.end":{"status":401}}"# + "\n" + #" {"jodrell.end":1}"#
        + "\n" + #"{"jodrell"# + "\n" + #"{"j":2}"# + "\n")
  }

  @Test func aQuietStreamBeatsEveryFifteenSeconds() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    for _ in 0..<3 {
      let waiting = Task { await reader.next() }
      try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
      stage.timers.step(.seconds(14))
      #expect(try stage.growth.waiting == 1)
      stage.timers.step(.seconds(1))
      #expect(await waiting.value == ":\n\n")
      #expect(reader.last == .more)
    }
  }

  @Test func anEventPutsTheHeartbeatOff() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    stage.timers.step(.seconds(10))
    try await stage.append("0")
    #expect(await reader.next() == "id: 1:0\ndata: 0\n\n")
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    stage.timers.step(.seconds(10))
    #expect(try stage.growth.waiting == 1)
    stage.timers.step(.seconds(5))
    #expect(await waiting.value == ":\n\n")
  }

  @Test func itEndsWithTheTokenAndSaysSo() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed(), expires: 20)
    _ = await reader.next()
    var waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    stage.timers.step(.seconds(15))
    #expect(await waiting.value == ":\n\n")
    waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    stage.timers.step(.seconds(5))
    #expect(await waiting.value == "event: jodrell.end\ndata: {\"status\":401}\n\n")
    #expect(reader.last == .end)
  }

  @Test func afterTheTokenNotOneEventMore() async throws {
    let stage = try await Stage()
    try await stage.append("0", "1")
    let reader = StreamReader(
      stage, stage.feed(), expires: 20, budget: ByteBudget(records: 1, bytes: 100))
    _ = await reader.next()
    #expect(await reader.next() == "id: 1:0\ndata: 0\n\n")
    stage.timers.step(.seconds(20))
    #expect(await reader.next().hasPrefix("event: jodrell.end\n"))
  }

  @Test func itEndsWithTheTopicAndSaysSo() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.delete()
    #expect(await waiting.value == "event: jodrell.end\ndata: {\"p\":1}\n\n")
    #expect(reader.last == .end)
  }

  @Test func itEndsWithoutAWordWhenItsTaskIsCancelled() async throws {
    let stage = try await Stage()
    let reader = StreamReader(stage, stage.feed())
    _ = await reader.next()
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    waiting.cancel()
    #expect(await waiting.value == "")
    #expect(reader.last == .end)
  }

  @Test func whatRetentionTookIsToldAndThenItGoesOn() async throws {
    let stage = try await Stage()
    try await stage.append("0", "1", "2")
    try await stage.trim(before: 2)
    let reader = StreamReader(stage, stage.feed(from: 1))
    _ = await reader.next()
    let until = stage.clock.wall.rfc3339
    #expect(
      await reader.next() == """
        id: 1:1
        event: jodrell.gap
        data: {"requested":"1:0","next":"1:1","lost":1,"until":"\(until)","cause":"retention"}

        id: 1:2
        data: 2


        """)
  }

  @Test func linesCarryTheSame() async throws {
    let stage = try await Stage()
    try await stage.append("0", "{\n  \"a\": 1\r\n}")
    try await stage.trim(before: 1)
    let reader = StreamReader(stage, stage.feed(), .lines, expires: 40)
    #expect(await reader.next() == "\n")
    let lines = await reader.next().split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix(#"{"jodrell.gap":{"requested":"1:-1","next":"1:0","lost":1,"#))
    #expect(lines[1] == #"{   "a": 1  }"#)
    stage.timers.step(.seconds(40))
    #expect(await reader.next() == "{\"jodrell.end\":{\"status\":401}}\n")
  }

  @Test func aSlowReaderLosesNothing() async throws {
    let stage = try await Stage(tailRecords: 2)
    let reader = StreamReader(
      stage, stage.feed(), budget: ByteBudget(records: 3, bytes: 1_000))
    _ = await reader.next()
    var text = ""
    for number in 0..<20 {
      try await stage.append("\(number)")
      if number % 7 == 0 { text += await reader.next() }
    }
    for _ in 0..<5 { text += await reader.next() }
    #expect(text == (0..<20).map { "id: 1:\($0)\ndata: \($0)\n\n" }.joined())
  }

  @Test func eachEventIsEncodedOnceForAllReadersOfAKind() async throws {
    let stage = try await Stage()
    let cache = FrameCache()
    do {
      let readers = (0..<4).map { _ in StreamReader(stage, stage.feed(), cache: cache) }
      let other = StreamReader(stage, stage.feed(), .lines, cache: cache)
      #expect(cache.runCount == 2)
      for reader in readers + [other] { _ = await reader.next() }
      try await stage.append("0", "1", "2")
      let texts = [await readers[0].next(), await readers[1].next(), await readers[2].next()]
      #expect(texts == Array(repeating: texts[0], count: 3))
      #expect(await other.next() == "0\n1\n2\n")
      let run = cache.join(
        stage.address, RecordRendering(view: 0) { _, _ in }, .serverSentEvents)
      #expect(run.hits == 6)
      cache.leave(run)
    }
    #expect(cache.runCount == 0 && cache.bytes == 0, "nobody reads, nothing is kept")
  }

  @Test func latencyIsMeasuredAtTheTailUntilTheSocketHasTaken() async throws {
    let stage = try await Stage()
    try await stage.append("old", "older")
    let metrics = MetricsRegistry(capacity: 4).topic(
      TopicKey(
        tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "shop"),
        topic: ByteSlice(utf8: "orders")))
    let reader = StreamReader(stage, stage.feed(), metrics: { metrics })
    _ = await reader.next()
    _ = await reader.next()
    let waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    try await stage.append("new")
    _ = await waiting.value
    #expect(metrics.deliverySummary == nil, "not written yet")
    stage.clock.step(.milliseconds(8))
    let last = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    let summary = try #require(metrics.deliverySummary)
    #expect(summary.count == 1, "replayed events are counted apart")
    last.cancel()
    _ = await last.value
  }

  @Test(arguments: [false, true])
  func whereTheRegistryHasLetGoOfItsNumbersItAsksOnceForOthers(whileItWaits: Bool) async throws {
    let stage = try await Stage()
    func key(_ topic: String) -> TopicKey {
      TopicKey(
        tenant: ByteSlice(utf8: "acme"), namespace: ByteSlice(utf8: "shop"),
        topic: ByteSlice(utf8: topic))
    }
    let registry = MetricsRegistry(capacity: 1)
    var asked = 0
    let reader = StreamReader(
      stage, stage.feed(),
      metrics: {
        asked += 1
        return registry.topic(key("orders"))
      })
    if whileItWaits { reader.outcomes = [.sent, .sent] }
    _ = await reader.next()
    var waiting = Task { await reader.next() }
    try await eventually("it waits") { (try? stage.growth.waiting) == 1 }
    _ = registry.topic(key("other"))
    #expect(registry.existing(key("orders")) == nil, "there is room for one")
    for number in 0..<2 {
      try await stage.append("\(number)")
      if whileItWaits {
        try await eventually("it is pushed") { reader.pushed.count == number + 1 }
      } else {
        _ = await waiting.value
        waiting = Task { await reader.next() }
      }
      try await eventually("it waits again") { (try? stage.growth.waiting) == 1 }
    }
    #expect(registry.existing(key("orders"))?.deliverySummary?.count == 2)
    #expect(asked == 2, "when it began, and when its numbers were gone")
    waiting.cancel()
    _ = await waiting.value
  }
}
