public import Bytes
import Synchronization

/// One reading of all metrics as text: takes no lock while it renders. Some milliseconds with
/// thousands of topics, so callers run it away from the loops.
public struct Scrape {
  /// The answer's media type.
  public static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  /// Whose metrics the reader may see.
  public enum Audience {
    /// The operator: everything.
    case all
    /// Topics of tenants for which the closure says yes; nothing of the process.
    case tenants(visible: (_ tenant: ByteSlice) -> Bool)
  }

  let registry: MetricsRegistry
  let server: ServerMetrics
  let log: LogWriter?
  let process: ProcessSample?
  let damage: [DamagedRange]
  let version: StaticString
  let topicCap: Int

  /// - Parameters:
  ///   - process: a fresh sample, or nil to leave the process's own metrics out.
  ///   - damage: what the log is known not to be able to read.
  ///   - topicCap: how many topics are shown by name at most; ≈ 6 KB of text each.
  public init(
    registry: MetricsRegistry, server: ServerMetrics, log: LogWriter? = nil,
    process: ProcessSample? = nil, damage: [DamagedRange] = [], version: StaticString,
    topicCap: Int = 200
  ) {
    self.registry = registry
    self.server = server
    self.log = log
    self.process = process
    self.damage = damage
    self.version = version
    self.topicCap = topicCap
  }

  public func text(for audience: Audience) -> ByteWriter {
    switch audience {
    case .tenants(let visible):
      let ranking = registry.seats.withLock { $0.rank(cap: topicCap, visible: visible) }
      var exposition = Exposition(capacity: 1024 + ranking.named.count * 6_000)
      topics(ranking, into: &exposition)
      damage(visible, into: &exposition)
      return exposition.text
    case .all:
      let (ranking, evictions, count) = registry.seats.withLock {
        ($0.rank(cap: topicCap), $0.evictions, $0.count)
      }
      var exposition = Exposition(capacity: 16_384 + ranking.named.count * 6_000)
      topics(ranking, into: &exposition)
      requests(into: &exposition)
      connections(into: &exposition)
      storage(into: &exposition)
      damage({ _ in true }, into: &exposition)
      exposition.family(.measuredTopics, UInt64(count))
      exposition.family(.measuredTopicsEvictedTotal, evictions)
      exposition.family(.buildInfo)
      exposition.sample([.named("version", version)], 1)
      process(into: &exposition)
      return exposition.text
    }
  }

  // MARK: - Topics

  private func topics(_ ranking: TopicRanking, into exposition: inout Exposition) {
    var rows = ranking.named.map { (labels: $0.labels, values: $0.snapshot) }
    var rest = ranking.carried
    for topic in ranking.rest { rest.merge(topic.snapshot) }
    if !ranking.rest.isEmpty || rest != TopicSnapshot() {
      rows.append((labels: ByteSlice(utf8: "topic=\"other\""), values: rest))
    }
    for (metric, histogram) in [
      (MetricsCatalogue.publishSeconds, \TopicSnapshot.publishLatency),
      (.deliverySeconds, \.deliveryLatency),
    ] {
      exposition.family(metric)
      for row in rows {
        exposition.histogram([.rendered(row.labels)], row.values[keyPath: histogram])
      }
    }
    for (metric, numbers) in [
      (MetricsCatalogue.publishTotal, \TopicSnapshot.publishes.counts),
      (.refusedSecondsTotal, \.publishes.spent), (.consumeTotal, \.consumptions.counts),
    ] {
      exposition.family(metric)
      for row in rows {
        for outcome in Outcome.allCases {
          let value = row.values[keyPath: numbers][Int(outcome.rawValue)]
          let always = outcome == .accepted && metric != .refusedSecondsTotal
          guard value > 0 || always else { continue }
          exposition.sample([.rendered(row.labels), .named("outcome", outcome.label)], value)
        }
      }
    }
    exposition.family(.publishBytesTotal)
    for row in rows { exposition.sample([.rendered(row.labels)], row.values.storedBytes) }
    exposition.family(.publishDeprecatedTotal)
    for row in rows where row.values.deprecatedSchemas > 0 {
      exposition.sample([.rendered(row.labels)], row.values.deprecatedSchemas)
    }
    for (metric, tail, log) in [
      (
        MetricsCatalogue.deliveredEventsTotal, \TopicSnapshot.deliveredEvents,
        \TopicSnapshot.replayedEvents
      ),
      (.deliveredBytesTotal, \.deliveredBytes, \.replayedBytes),
    ] {
      exposition.family(metric)
      for row in rows {
        let labels = SeriesLabel.rendered(row.labels)
        exposition.sample([labels, .named("source", "tail")], row.values[keyPath: tail])
        exposition.sample([labels, .named("source", "log")], row.values[keyPath: log])
      }
    }
  }

  // MARK: - The process

  private func requests(into exposition: inout Exposition) {
    exposition.family(.requestsTotal)
    for operation in Operation.allCases {
      for outcome in Outcome.allCases {
        let count = server.answers(to: operation, outcome)
        guard count > 0 || outcome == .accepted else { continue }
        exposition.sample(
          [.named("operation", operation.label), .named("outcome", outcome.label)], count)
      }
    }
    exposition.family(.strippedAttributesTotal, server.strippedAttributeCount)
    exposition.family(.tokenCacheTotal)
    exposition.sample([.named("result", "hit")], server.tokens.cacheHits.value)
    exposition.sample([.named("result", "miss")], server.tokens.cacheMisses.value)
    exposition.family(.tokenRefusedTotal)
    for reason in TokenReason.allCases {
      exposition.sample([.named("reason", reason.label)], server.tokens.refusals(for: reason))
    }
  }

  private func connections(into exposition: inout Exposition) {
    let connections = server.connections
    exposition.family(.connectionsOpen, UInt64(max(connections.open.value, 0)))
    exposition.family(.connectionsTotal)
    exposition.sample([.named("result", "accepted")], connections.accepted.value)
    exposition.sample([.named("result", "refused")], connections.refused.value)
    exposition.family(.proxyHeadersTotal)
    exposition.sample([.named("result", "taken")], connections.proxied.value)
    exposition.sample([.named("result", "malformed")], connections.badProxyHeaders.value)
    exposition.sample([.named("result", "timed_out")], connections.slowProxyHeaders.value)
    exposition.sample([.named("result", "untrusted")], connections.untrustedProxies.value)
    exposition.family(.streamsOpen, UInt64(max(connections.streams.value, 0)))
    exposition.family(.streamsStalledTotal, connections.stalled.value)
    exposition.family(.receivedBytesTotal, connections.receivedBytes.value)
    exposition.family(.sentBytesTotal, connections.sentBytes.value)
    exposition.family(.loopRestsTotal, connections.rests.value)
    let http2 = server.http2
    exposition.family(.http2ConnectionsTotal)
    exposition.sample([.named("result", "served")], http2.connections.value)
    exposition.sample([.named("result", "flooded")], http2.floods.value)
    exposition.family(.http2StreamsTotal)
    exposition.sample([.named("result", "refused")], http2.refused.value)
    exposition.sample([.named("result", "reset")], http2.resets.value)
    issuers(into: &exposition)
    security(into: &exposition)
  }

  private func security(into exposition: inout Exposition) {
    let tls = server.tls
    exposition.family(.tlsHandshakesTotal)
    exposition.sample([.named("result", "full")], tls.full.value)
    exposition.sample([.named("result", "resumed")], tls.resumed.value)
    exposition.sample([.named("result", "failed")], tls.failed.value)
    exposition.sample([.named("result", "timed_out")], tls.timedOut.value)
    exposition.sample([.named("result", "shed")], tls.shed.value)
    exposition.family(.tlsReloadsTotal)
    exposition.sample([.named("result", "taken")], tls.reloads.value)
    exposition.sample([.named("result", "refused")], tls.failedReloads.value)
    exposition.family(.tlsCertificateExpiry)
    for (certificate, end) in tls.expiries {
      exposition.sample(
        [.text("certificate", certificate)], UInt64(clamping: end.nanoseconds))
    }
    policy(into: &exposition)
  }

  private func policy(into exposition: inout Exposition) {
    let policy = server.policy
    exposition.family(.policyReloadsTotal)
    exposition.sample([.named("result", "taken")], policy.taken.value)
    exposition.sample([.named("result", "refused")], policy.refused.value)
    exposition.family(.policyGeneration, UInt64(max(policy.generation.value, 0)))
    exposition.family(.streamReviewsTotal)
    exposition.sample([.named("result", "reviewed")], policy.reviewed.value)
    exposition.sample([.named("result", "withdrawn")], policy.withdrawn.value)
    exposition.sample([.named("result", "renewed")], policy.renewed.value)
    exposition.family(.schemaOverridesTotal, policy.overrides.value)
    exposition.family(.auditEntriesTotal)
    exposition.sample([.named("result", "written")], server.audit.written.value)
    exposition.sample([.named("result", "dropped")], server.audit.dropped.value)
    exposition.sample([.named("result", "failed")], server.audit.failures.value)
    exposition.family(.limitedTotal)
    for limit in LimitName.allCases {
      exposition.sample([.named("limit", limit.label)], server.limits.refusals(by: limit))
    }
  }

  private func storage(into exposition: inout Exposition) {
    let queues = server.queues
    exposition.family(.commitSeconds)
    exposition.histogram([], server.commits.seconds.snapshot)
    exposition.family(.fdatasyncSeconds)
    exposition.histogram([], server.commits.syncSeconds.snapshot)
    exposition.family(.commitEvents)
    exposition.histogram([], server.commits.sizes.snapshot)
    exposition.family(.commitFailuresTotal, server.commits.failures.value)
    exposition.family(.trimmedEventsTotal, server.commits.trimmed.value)
    exposition.family(
      .retentionBlockedTopics, UInt64(max(server.commits.retentionBlocked.value, 0)))
    exposition.family(.buckets, UInt64(max(server.commits.buckets.value, 0)))
    exposition.family(.storeMemory)
    for part in server.memory.parts {
      exposition.sample([.named("part", part.label)], UInt64(max(part.bytes, 0)))
    }
    exposition.family(.queueDepth)
    exposition.sample([.named("queue", "commit")], UInt64(max(queues.commit.value, 0)))
    exposition.sample([.named("queue", "workers")], UInt64(max(queues.workers.value, 0)))
    exposition.sample([.named("queue", "schemas")], UInt64(max(queues.schemas.value, 0)))
    if let log { exposition.sample([.named("queue", "log")], UInt64(log.depth)) }
    exposition.family(.queueRefusedTotal)
    exposition.sample([.named("queue", "commit")], queues.commitRefused.value)
    exposition.sample([.named("queue", "workers")], queues.workersRefused.value)
    exposition.sample([.named("queue", "schemas")], queues.schemasRefused.value)
    guard let log else { return }
    exposition.family(.logLinesTotal)
    exposition.sample([.named("result", "written")], log.writtenLines)
    exposition.sample([.named("result", "dropped")], log.droppedLines)
  }

  private func damage(
    _ isVisible: (ByteSlice) -> Bool, into exposition: inout Exposition
  ) {
    exposition.family(.damagedEvents)
    for range in damage where isVisible(range.topic.tenant) {
      exposition.sample(
        [
          .rendered(range.topic.labels), .text("first", range.id(range.first)),
          .text("last", range.id(range.last)),
        ], range.last - range.first + 1)
    }
  }

  private func process(into exposition: inout Exposition) {
    guard let process else { return }
    exposition.family(.processCPU, UInt64(max(process.cpu.nanoseconds, 0)))
    exposition.family(.processResident, process.residentBytes)
    exposition.family(.processVirtual, process.virtualBytes)
    exposition.family(.processDescriptors, UInt64(max(process.openDescriptors, 0)))
    exposition.family(.processMaxDescriptors, process.maxDescriptors)
    exposition.family(.processStart, UInt64(max(process.started.nanoseconds, 0)))
  }
}

/// A run of a topic's events that cannot be read.
public struct DamagedRange {
  let topic: TopicKey
  let ledger: UInt64
  let first: UInt64
  let last: UInt64

  /// `first` and `last` are the entries at its ends.
  public init(topic: TopicKey, ledger: UInt64, first: UInt64, last: UInt64) {
    self.topic = topic
    self.ledger = ledger
    self.first = first
    self.last = last
  }

  /// A message id.
  fileprivate func id(_ entry: UInt64) -> ByteSlice {
    var writer = ByteWriter(capacity: 24)
    writer.append(decimal: ledger)
    writer.append(":")
    writer.append(decimal: entry)
    return writer.slice
  }
}
