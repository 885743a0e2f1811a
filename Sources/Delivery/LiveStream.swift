public import Bytes
public import HTTPWire
public import Metrics
public import Topics

/// What holds for one live stream, whatever the topic.
public struct LiveTerms: Sendable {
  /// A sign of life after this long without an event.
  public var heartbeat = TimeSpan.seconds(15)
  /// How long a client should wait before it reconnects.
  public var retry = TimeSpan.seconds(2)
  /// When the caller's token ends: so does the stream.
  public var expires: UnixTime
  /// What one step may read: bounds what an unread connection holds in memory.
  public var budget = ByteBudget(records: 256, bytes: 64 << 10)

  /// Ends the stream from outside, where it has been opened with a ticket.
  public var lease: StreamLease?
  /// Where open streams are counted.
  public var connections: ConnectionMetrics?

  public init(expires: UnixTime) { self.expires = expires }
}

/// Why a stream ends before its client does.
public enum LiveEnd: Sendable, Hashable {
  case tokenExpired
  /// The ticket that opened it has opened another stream.
  case superseded
  case failed(ReadFailure)
}

/// Events of a topic as they come, as SSE or as lines. The connection asks for the next bytes once
/// the socket has taken the last ones, so a slow reader merely reads later, from the log.
/// Loop-confined.
///
/// It ends when the token does, with a problem document; when the topic can no longer be read,
/// likewise; and without a word when its task is cancelled (the client hung up, or the server
/// drains and the client will reconnect).
public final class LiveStream<Log: TopicLog>: AnswerStream {
  private let feed: TopicFeed<Log>
  private let format: StreamFormat
  private let rendering: RecordRendering
  private let terms: LiveTerms
  private let cache: FrameCache
  private let run: FrameRun
  private let metrics: TopicMetrics?
  private let problem: (LiveEnd) -> ByteSlice
  private var tally = DeliveryTally()
  private var nextHeartbeat: MonotonicTime?

  /// - Parameter problem: the JSON problem document that tells the client why the stream ended.
  public init(
    _ feed: TopicFeed<Log>, format: StreamFormat, rendering: RecordRendering, terms: LiveTerms,
    cache: FrameCache, metrics: TopicMetrics?, problem: @escaping (LiveEnd) -> ByteSlice
  ) {
    self.feed = feed
    self.format = format
    self.rendering = rendering
    self.terms = terms
    self.cache = cache
    run = cache.join(feed.topic, rendering, format)
    self.metrics = metrics
    self.problem = problem
    terms.connections?.streams.add()
  }

  deinit {
    cache.leave(run)
    terms.connections?.streams.subtract()
  }

  public func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    let clocks = feed.site.timers.clocks
    tally.written(at: clocks.monotonic(), to: metrics)
    guard let heartbeat = nextHeartbeat else {
      nextHeartbeat = clocks.monotonic() + terms.heartbeat
      let start = bytes.count
      format.open(retry: terms.retry, into: &bytes)
      // Something must go out, so that the client sees the stream open.
      if bytes.count == start { format.heartbeat(into: &bytes) }
      return .more
    }
    while true {
      if clocks.wall() >= terms.expires { return end(.tokenExpired, into: &bytes) }
      if terms.lease?.isEnded == true { return end(.superseded, into: &bytes) }
      if Task.isCancelled { return .end }
      let wasAtTail = feed.isAtTail
      let page: Page
      do {
        page = try await feed.read(terms.budget)
      } catch {
        return end(.failed(error), into: &bytes)
      }
      if write(page, atTail: wasAtTail && feed.isAtTail, into: &bytes) {
        nextHeartbeat = clocks.monotonic() + terms.heartbeat
        return .more
      }
      switch await feed.wait(
        until: min(heartbeat, feed.site.instant(of: terms.expires)), lease: terms.lease)
      {
      case .grown, .closed:
        continue
      case .cancelled:
        return .end
      case .timeout:
        guard clocks.monotonic() >= heartbeat else { continue }
        format.heartbeat(into: &bytes)
        nextHeartbeat = clocks.monotonic() + terms.heartbeat
        return .more
      }
    }
  }

  /// Whether the page held anything to write.
  private func write(_ page: Page, atTail: Bool, into bytes: inout ByteWriter) -> Bool {
    if let gap = page.gap {
      var facts = ByteWriter(capacity: 160)
      gap.writeJSON(into: &facts)
      format.notice("jodrell.gap", id: gap.earliest, data: facts.slice, into: &bytes)
    }
    for record in page.records {
      cache.append(record, rendering, of: run, to: &bytes)
      tally.add(record, atTail: atTail)
    }
    return page.gap != nil || !page.records.isEmpty
  }

  private func end(_ why: LiveEnd, into bytes: inout ByteWriter) -> AnswerStreamStep {
    format.notice("jodrell.end", id: nil, data: problem(why), into: &bytes)
    return .end
  }
}
