import Bytes
import Foundation
import Testing

@testable import Metrics

@Suite("Scrape")
struct ScrapeTests {
  let registry = MetricsRegistry(capacity: 100)
  let server = ServerMetrics()

  private func key(_ topic: String, tenant: String = "acme") -> TopicKey {
    TopicKey(
      tenant: ByteSlice(utf8: tenant), namespace: ByteSlice(utf8: "default"),
      topic: ByteSlice(utf8: topic))
  }

  private func scrape(cap: Int = 200, _ audience: Scrape.Audience = .all) -> ExpositionCheck {
    let log = LogWriter(now: { UnixTime(seconds: 0) }, wake: {})
    let process = ProcessSample(
      cpu: .milliseconds(1_500), residentBytes: 1 << 20, virtualBytes: 1 << 30, openDescriptors: 9,
      maxDescriptors: 1024, started: UnixTime(seconds: 1_700_000_000))
    let scrape = Scrape(
      registry: registry, server: server, log: log, process: process,
      damage: ["acme", "globex"].map {
        DamagedRange(topic: key("bad", tenant: $0), ledger: 2, first: 10, last: 19)
      },
      version: "1.0.0", topicCap: cap)
    return ExpositionCheck(scrape.text(for: audience).slice.text)
  }

  @Test("everything measured at once is a valid exposition of the whole catalogue")
  func valid() {
    for number in 0..<30 {
      let topic = registry.topic(key("t\(number)", tenant: number % 2 == 0 ? "acme" : "globex"))
      for step in 0..<(number + 1) {
        topic.stored(bytes: 500, latency: .microseconds(Int64(step * 700)))
        topic.delivered(bytes: 500, latency: .microseconds(Int64(step * 90)))
      }
      topic.refused(.schemaViolation, taking: .microseconds(80))
      topic.replayed(events: 3, bytes: 900)
      topic.deprecated(events: 2)
      topic.consumptions.count(.forbidden)
    }
    for operation in Operation.allCases {
      for outcome in Outcome.allCases { server.answered(operation, outcome) }
    }
    server.commits.committed(events: 17, taking: .milliseconds(2), sync: .milliseconds(1))
    server.memory.memoryTables.set(1 << 26)
    server.tokens.refused(.expired)
    server.issuers.configure([ByteSlice(utf8: "kc")])
    server.issuers.show([
      IssuerState(id: ByteSlice(utf8: "kc"), keys: 2, fetched: UnixTime(seconds: 1), fault: nil)
    ])
    server.tls.use([(ByteSlice(utf8: "a \"b\".pem"), UnixTime(seconds: 2_000_000_000))])
    let check = scrape(cap: 10)
    #expect(check.faults == [])
    #expect(Set(check.types.keys) == Set(MetricsCatalogue.allCases.map(\.name)))
    for metric in MetricsCatalogue.allCases {
      #expect(check.types[metric.name] == metric.type.rawValue)
      let suffix = metric.type == .histogram ? "_count" : ""
      let series = check.samples.keys.filter {
        $0 == metric.name + suffix || $0.hasPrefix(metric.name + suffix + "{")
      }
      #expect(!series.isEmpty, "\(metric.name) has no series")
      for one in series {
        let brace = one.firstIndex(of: "{") ?? one.endIndex
        let names = ExpositionCheck.labels(String(one[brace...]))?.map(\.0)
        let other = metric.labels.filter { $0 != "tenant" && $0 != "namespace" }
        #expect(names == metric.labels || one.contains("topic=\"other\"") && names == other)
      }
    }
    #expect(check.samples["process_cpu_seconds_total"] == 1.5)
    #expect(check.samples["jodrell_store_memory_bytes{part=\"memory_tables\"}"] == 67_108_864)
    #expect(check.samples["jodrell_commit_events_bucket{le=\"16\"}"] == 0)
    #expect(check.samples["jodrell_commit_events_bucket{le=\"32\"}"] == 1)
  }

  @Test("the most active topics are named up to the cap, the rest is summed")
  func cap() {
    for number in 1...10 {
      registry.topic(key("t\(number)")).stored(events: number, bytes: 1, latency: .milliseconds(1))
    }
    let check = scrape(cap: 3)
    func stored(_ labels: String) -> Double? {
      check.samples["jodrell_publish_total{\(labels),outcome=\"accepted\"}"]
    }
    func named(_ topic: String) -> Double? {
      stored("tenant=\"acme\",namespace=\"default\",topic=\"\(topic)\"")
    }
    #expect(named("t10") == 10)
    #expect(named("t9") == 9)
    #expect(named("t8") == 8)
    #expect(named("t7") == nil)
    #expect(stored("topic=\"other\"") == 28)
    #expect(check.samples["jodrell_publish_seconds_count{topic=\"other\"}"] == 28)
  }

  @Test("no series falls or jumps while topics move between their names and the sum")
  func monotonic() {
    var generator = SplitMix(seed: 11)
    var ever: [String: Double] = [:]
    var last: [String: Double] = [:]
    var (sent, seen) = (0.0, 0.0)
    for round in 0..<60 {
      var fresh = 0.0
      for _ in 0..<20 {
        let topic = registry.topic(key("t\((Int(generator.next() % 6) + round / 5) % 120)"))
        let count = Int(generator.next() % 40)
        topic.stored(events: count, bytes: count, latency: .microseconds(Int64(count)))
        fresh += Double(count)
      }
      let check = scrape(cap: 4)
      #expect(check.faults == [])
      for (series, value) in check.samples where check.types[series] != "gauge" {
        guard !series.hasPrefix("process_"), let before = ever[series] else { continue }
        #expect(value >= before, "seed 11, round \(round): \(series)")
      }
      // What a reader of rates sees: what series present in both scrapes gained.
      let counts = check.samples.filter { $0.key.hasPrefix("jodrell_publish_seconds_count") }
      #expect(counts.count <= 5)
      let gained = counts.reduce(0.0) { $0 + $1.value - (last[$1.key] ?? $1.value) }
      #expect(gained <= fresh, "seed 11, round \(round)")
      sent += fresh
      seen += gained
      last = counts
      ever.merge(check.samples) { $1 }
    }
    #expect(seen > sent * 0.8)
  }

  @Test("a tenant's reader sees its own topics and neither others' names nor the process")
  func audience() {
    registry.topic(key("orders", tenant: "acme")).stored(bytes: 1, latency: .milliseconds(1))
    registry.topic(key("quiet", tenant: "acme"))
      .consumptions.count(.forbidden)
    registry.topic(key("orders", tenant: "globex")).stored(bytes: 1, latency: .milliseconds(1))
    let check = scrape(cap: 10, .tenants { $0.equals("acme") })
    #expect(check.faults == [])
    #expect(!check.samples.isEmpty)
    #expect(check.samples.keys.allSatisfy { $0.contains("tenant=\"acme\"") })
    #expect(scrape(cap: 10, .tenants { _ in false }).samples.isEmpty)
  }

  @Test("names that no rule should let in cannot break out of a label")
  func escaping() {
    registry.topic(key("a\"} 1\n\\")).stored(bytes: 1, latency: .zero)
    let check = scrape()
    #expect(check.faults == [])
    #expect(check.samples.keys.contains { $0.contains(#"topic="a\"} 1\n\\""#) })
  }

  @Test("docs/metrics.md is the catalogue's page; JODRELL_WRITE_PAGES=1 writes it")
  func page() throws {
    let path = #filePath.replacing("Tests/MetricsTests/ScrapeTests.swift", with: "docs/metrics.md")
    if ProcessInfo.processInfo.environment["JODRELL_WRITE_PAGES"] == "1" {
      try Data(MetricsCatalogue.page.utf8).write(to: URL(fileURLWithPath: path))
    }
    let page = try String(contentsOfFile: path, encoding: .utf8)
    #expect(page == MetricsCatalogue.page)
    #expect(Set(MetricsCatalogue.allCases.map(\.help)).count == MetricsCatalogue.allCases.count)
  }
}
