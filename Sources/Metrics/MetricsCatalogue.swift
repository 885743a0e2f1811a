/// Every metric that the gateway shows, declared once: the exposition and `docs/metrics.md` are
/// made from this list and from nothing else.
public enum MetricsCatalogue: String, CaseIterable, Sendable {
  case publishSeconds = "jodrell_publish_seconds"
  case deliverySeconds = "jodrell_delivery_seconds"
  case publishTotal = "jodrell_publish_total"
  case refusedSecondsTotal = "jodrell_publish_refused_seconds_total"
  case publishBytesTotal = "jodrell_publish_bytes_total"
  case publishDeprecatedTotal = "jodrell_publish_deprecated_total"
  case deliveredEventsTotal = "jodrell_delivered_events_total"
  case deliveredBytesTotal = "jodrell_delivered_bytes_total"
  case consumeTotal = "jodrell_consume_total"
  case requestsTotal = "jodrell_requests_total"
  case strippedAttributesTotal = "jodrell_stripped_attributes_total"
  case tokenCacheTotal = "jodrell_token_cache_total"
  case tokenRefusedTotal = "jodrell_token_refused_total"
  case issuerKeys = "jodrell_issuer_keys"
  case issuerKeysAge = "jodrell_issuer_keys_fetched_seconds"
  case issuerFetchesTotal = "jodrell_issuer_fetches_total"
  case issuerFetchesSuppressedTotal = "jodrell_issuer_fetches_suppressed_total"
  case introspectionsTotal = "jodrell_introspections_total"
  case connectionsOpen = "jodrell_connections_open"
  case connectionsTotal = "jodrell_connections_total"
  case proxyHeadersTotal = "jodrell_proxy_headers_total"
  case streamsOpen = "jodrell_streams_open"
  case streamsStalledTotal = "jodrell_streams_stalled_total"
  case receivedBytesTotal = "jodrell_received_bytes_total"
  case sentBytesTotal = "jodrell_sent_bytes_total"
  case loopRestsTotal = "jodrell_loop_rests_total"
  case http2ConnectionsTotal = "jodrell_http2_connections_total"
  case http2StreamsTotal = "jodrell_http2_streams_total"
  case tlsHandshakesTotal = "jodrell_tls_handshakes_total"
  case tlsReloadsTotal = "jodrell_tls_reloads_total"
  case tlsCertificateExpiry = "jodrell_tls_certificate_expiry_seconds"
  case policyReloadsTotal = "jodrell_policy_reloads_total"
  case policyGeneration = "jodrell_policy_generation"
  case streamReviewsTotal = "jodrell_stream_reviews_total"
  case schemaOverridesTotal = "jodrell_schema_overrides_total"
  case limitedTotal = "jodrell_limited_total"
  case auditEntriesTotal = "jodrell_audit_entries_total"
  case commitSeconds = "jodrell_commit_seconds"
  case fdatasyncSeconds = "jodrell_fdatasync_seconds"
  case commitEvents = "jodrell_commit_events"
  case commitFailuresTotal = "jodrell_commit_failures_total"
  case trimmedEventsTotal = "jodrell_trimmed_events_total"
  case retentionBlockedTopics = "jodrell_retention_blocked_topics"
  case buckets = "jodrell_buckets"
  case storeMemory = "jodrell_store_memory_bytes"
  case damagedEvents = "jodrell_damaged_events"
  case queueDepth = "jodrell_queue_depth"
  case queueRefusedTotal = "jodrell_queue_refused_total"
  case logLinesTotal = "jodrell_log_lines_total"
  case measuredTopics = "jodrell_measured_topics"
  case measuredTopicsEvictedTotal = "jodrell_measured_topics_evicted_total"
  case buildInfo = "jodrell_build_info"
  case processCPU = "process_cpu_seconds_total"
  case processResident = "process_resident_memory_bytes"
  case processVirtual = "process_virtual_memory_bytes"
  case processDescriptors = "process_open_fds"
  case processMaxDescriptors = "process_max_fds"
  case processStart = "process_start_time_seconds"

  /// The name in the exposition.
  public var name: String { rawValue }

  public var type: MetricType {
    switch self {
    case .publishSeconds, .deliverySeconds, .commitSeconds, .fdatasyncSeconds, .commitEvents:
      .histogram
    case .connectionsOpen, .streamsOpen, .retentionBlockedTopics, .buckets, .storeMemory,
      .damagedEvents, .queueDepth, .measuredTopics, .buildInfo, .processResident, .processVirtual,
      .processDescriptors, .processMaxDescriptors, .processStart, .tlsCertificateExpiry,
      .policyGeneration, .issuerKeys, .issuerKeysAge:
      .gauge
    default: .counter
    }
  }

  public var unit: MetricUnit {
    switch self {
    case .publishSeconds, .deliverySeconds, .refusedSecondsTotal, .commitSeconds,
      .fdatasyncSeconds, .processCPU, .processStart, .tlsCertificateExpiry, .issuerKeysAge:
      .seconds
    case .publishBytesTotal, .deliveredBytesTotal, .receivedBytesTotal, .sentBytesTotal,
      .storeMemory, .processResident, .processVirtual:
      .bytes
    case .publishTotal, .publishDeprecatedTotal, .deliveredEventsTotal, .commitEvents,
      .trimmedEventsTotal, .damagedEvents:
      .events
    case .consumeTotal, .requestsTotal: .requests
    case .connectionsOpen, .connectionsTotal: .connections
    default: .count
    }
  }

  /// The labels besides `le`, in the order in which they are written.
  public var labels: [String] {
    switch self {
    case .publishSeconds, .deliverySeconds, .publishBytesTotal, .publishDeprecatedTotal:
      Self.topicLabels
    case .publishTotal, .refusedSecondsTotal, .consumeTotal: Self.topicLabels + ["outcome"]
    case .deliveredEventsTotal, .deliveredBytesTotal: Self.topicLabels + ["source"]
    case .damagedEvents: Self.topicLabels + ["first", "last"]
    case .requestsTotal: ["operation", "outcome"]
    case .tokenCacheTotal, .connectionsTotal, .logLinesTotal, .tlsHandshakesTotal,
      .tlsReloadsTotal, .policyReloadsTotal, .streamReviewsTotal, .auditEntriesTotal,
      .http2ConnectionsTotal, .http2StreamsTotal, .proxyHeadersTotal:
      ["result"]
    case .issuerFetchesTotal, .introspectionsTotal: ["issuer", "result"]
    case .tlsCertificateExpiry: ["certificate"]
    case .issuerKeys, .issuerKeysAge, .issuerFetchesSuppressedTotal: ["issuer"]
    case .tokenRefusedTotal: ["reason"]
    case .limitedTotal: ["limit"]
    case .storeMemory: ["part"]
    case .queueDepth, .queueRefusedTotal: ["queue"]
    case .buildInfo: ["version"]
    default: []
    }
  }

  /// Whether there is one series per topic, so that a scrape's cap and its audience apply.
  public var isPerTopic: Bool { labels.starts(with: Self.topicLabels) }

  static let topicLabels = ["tenant", "namespace", "topic"]
}

/// The types of Prometheus' text format that the gateway uses.
public enum MetricType: String, Sendable {
  case counter
  case gauge
  case histogram
}

/// What a metric's numbers count.
public enum MetricUnit: String, Sendable {
  case seconds
  case bytes
  case events
  case requests
  case connections
  case count = "–"
}
