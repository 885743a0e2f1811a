extension MetricsCatalogue {
  /// One sentence for the exposition's HELP line and for the page.
  public var help: String {
    switch self {
    case .publishSeconds:
      "Time from an event's request received to the event durable, once per stored event."
    case .deliverySeconds:
      "Time from an event durable to its bytes written to a consumer waiting at the tail."
    case .publishTotal:
      "Events sent to a topic by what became of them; every reason for a refusal is an outcome."
    case .refusedSecondsTotal: "Time from receipt to the refusal, summed over refused events."
    case .publishBytesTotal: "Payload bytes of stored events."
    case .publishDeprecatedTotal:
      "Stored events that were checked against a deprecated version of their schema."
    case .deliveredEventsTotal:
      "Events written to consumers: at the tail, or replayed from the log behind it."
    case .deliveredBytesTotal: "Payload bytes written to consumers, by the same sources."
    case .consumeTotal: "Requests to read, follow or consume a topic by how they ended."
    case .requestsTotal:
      "Answered requests, refused ones included, by what they wanted and how they ended."
    case .strippedAttributesTotal:
      "Event attributes dropped because only the gateway may write them."
    case .tokenCacheTotal: "Tokens found verified in the cache, or not."
    case .tokenRefusedTotal: "Tokens not accepted, by reason."
    case .issuerKeys: "Keys in use of an issuer on the network."
    case .issuerKeysAge:
      "When an issuer's keys were last fetched, since 1970; 0 until they have been."
    case .issuerFetchesTotal: "Looks at issuers' keys on the network."
    case .issuerFetchesSuppressedTotal:
      "Tokens of unknown keys for which nobody looked once more, because somebody just had."
    case .introspectionsTotal: "Questions to issuers about opaque tokens."
    case .connectionsOpen: "Connections open now."
    case .connectionsTotal:
      "Connections accepted, and those refused at the limit, of which most count as accepted, too."
    case .proxyHeadersTotal:
      "Connections at listeners for proxies: with the header (taken), without it or with a broken "
        + "one (malformed), whose header took too long (timed_out), of others (untrusted)."
    case .streamsOpen: "Answers that are live streams and have not ended."
    case .streamsStalledTotal:
      "Streams and other answers cut because the reader accepted no byte for too long."
    case .receivedBytesTotal: "Bytes read from sockets."
    case .sentBytesTotal: "Bytes written to sockets."
    case .loopRestsTotal:
      "Times that a loop slept for 0.1 ms, so that its next look at the sockets brought more."
    case .http2ConnectionsTotal:
      "Connections that spoke HTTP/2, and those of them that were ended as floods."
    case .http2StreamsTotal:
      "Streams of HTTP/2 refused unseen, or reset by the client on connections that are over."
    case .tlsHandshakesTotal: "TLS handshakes by how they ended."
    case .tlsReloadsTotal: "Times that changed certificates were taken, or found bad and left."
    case .tlsCertificateExpiry:
      "When the certificate in use ends, since 1970-01-01T00:00:00Z; its file is the label."
    case .policyReloadsTotal: "Times that a changed policy was taken, or found bad and left."
    case .policyGeneration: "The number of the snapshot of policy and keys that is in force."
    case .streamReviewsTotal:
      "Open streams held against a new snapshot (reviewed), those of them that ended (withdrawn), "
        + "and streams that went on with another token (renewed)."
    case .schemaOverridesTotal:
      "Schemas that operators registered whatever their topic's level of compatibility says."
    case .limitedTotal: "Requests refused by a bound that the operator has set (429)."
    case .auditEntriesTotal:
      "Audit entries written, dropped because their queue was full, or not written (failed)."
    case .commitSeconds: "Time of a group commit from the batch taken to the batch durable."
    case .fdatasyncSeconds: "The part of a commit in which the log file was written and synced."
    case .commitEvents: "Events made durable by one group commit."
    case .commitFailuresTotal: "Group commits that failed or whose outcome is unknown."
    case .trimmedEventsTotal: "Events that were past their topic's retention and went."
    case .retentionBlockedTopics:
      "Topics that are past their retention and keep all, since their subscriptions cannot be read."
    case .buckets: "Buckets that events lie in; each is dropped as a whole."
    case .storeMemory: "Memory that the log holds, by what it is for."
    case .damagedEvents:
      "Stored events that were found to be unreadable, by the message ids of a range's ends."
    case .queueDepth: "Entries waiting in a bounded queue."
    case .queueRefusedTotal:
      "Entries turned away by a full queue; a worker may have done them itself all the same."
    case .logLinesTotal:
      "Log lines written, or dropped: their queue was full, or standard error did not take them."
    case .measuredTopics: "Topics with measurements of their own."
    case .measuredTopicsEvictedTotal:
      "Topics whose measurements moved into topic=other to make room for a busier one."
    case .buildInfo: "Always 1; the label says which build runs."
    case .processCPU: "CPU time of the process in user and kernel mode."
    case .processResident: "Resident memory of the process."
    case .processVirtual: "Virtual memory of the process."
    case .processDescriptors: "File descriptors open."
    case .processMaxDescriptors: "File descriptors the process may open."
    case .processStart: "When the process started, since 1970-01-01T00:00:00Z."
    }
  }

  /// The whole of `docs/metrics.md`.
  public static var page: String {
    var page = """
      # Metrics

      `GET /metrics` answers in Prometheus' text format 0.0.4. This page is generated from the \
      catalogue in `Sources/Metrics`; a test compares them.

      - Series with the labels `tenant`, `namespace`, `topic` exist for the most active topics up \
      to the cap of one scrape. The rest is summed in one series whose only topic label is \
      `topic="other"`. A topic may move between its own series and the sum; to an operator's \
      scrape neither ever falls, so `rate()` stays true.
      - That is the scrape of `listen.management`, and any in development mode. Elsewhere a caller \
      with an `admin` grant sees the topics of its own tenant and nothing of the process, and its \
      sum falls when a topic moves out of it; for others the page is 404.
      - `jodrell_damaged_events` has a series per range, at most 1,000, and none while nothing is \
      damaged. What is damaged is known once a reader or the start has met it; \
      `jodrell inspect --verify` looks at everything.
      - Series of outcomes that never happened are left out, except `accepted`.
      - Histogram bounds are powers of two, of times in nanoseconds (0.000065536 s to \
      17.179869184 s), of `jodrell_commit_events` 1 to 16,384, so that bucket counts are exact. \
      Topic statistics take their percentiles from 32 steps per octave.
      - What is delivered by a stream counts once its socket has taken it; the events of a \
      `receive`, or of a `GET` with or without `wait`, count when their answer has been composed, \
      before it is sent. So they count also where the caller has gone meanwhile, and their \
      latency ends there.
      - Counters start from zero with the process; a topic's also when it is deleted, or evicted \
      while idle.


      """
    page += "| Metric | Type | Unit | Labels | What it says |\n|---|---|---|---|---|\n"
    for metric in allCases {
      let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
      page += "| `\(metric.name)` | \(metric.type.rawValue) | \(metric.unit.rawValue) "
      page += "| \(labels.isEmpty ? "–" : labels) | \(metric.help) |\n"
    }
    page += "\n## Values of labels\n\n"
    page += line("outcome", Outcome.allCases.map(\.label))
    page += line("operation", Operation.allCases.map(\.label))
    page += line("reason", TokenReason.allCases.map(\.label))
    page += line("source", ["tail", "log"])
    page += line("queue", ["commit", "workers", "schemas", "log"])
    page += "- `result`: of tokens `hit`, `miss`; of connections `accepted`, `refused`; "
    page += "of log lines `written`, `dropped`; of TLS handshakes `full`, `resumed`, `failed`, "
    page += "`timed_out`, `shed`; of HTTP/2 connections `served`, `flooded`; of its streams "
    page += "`refused`, `reset`; of certificates and policies `taken`, `refused`; of open streams "
    page += "`reviewed`, `withdrawn`, `renewed`; of audit entries `written`, `dropped`, `failed`; "
    page += "of looks at issuers' keys `changed`, `unchanged`, `failed`, `postponed`; of "
    page += "introspections `active`, `inactive`, `failed`, `unasked`; of headers of proxies "
    page += "`taken`, `malformed`, `timed_out`, `untrusted`\n"
    page += line("part", StoreMemoryMetrics().parts.map(\.label))
    page += line("limit", LimitName.allCases.map(\.label))
    return page
  }

  private static func line(_ label: String, _ values: [StaticString]) -> String {
    "- `\(label)`: " + values.map { "`\($0)`" }.joined(separator: ", ") + "\n"
  }
}
