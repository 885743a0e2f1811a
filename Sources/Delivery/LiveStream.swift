public import Bytes
public import HTTPWire
public import Metrics
public import Topics

/// What holds for one live stream, whatever the topic.
public struct LiveTerms {
  /// A sign of life after this long without an event.
  public var heartbeat = TimeSpan.seconds(15)
  /// How long a client should wait before it reconnects.
  public var retry = TimeSpan.seconds(2)
  /// How long the stream may go on.
  public var permit: StreamPermit
  /// What the client reads when it is asked for a renewed token, as JSON; event streams only.
  public var challenge: ((StreamPermit) -> ByteSlice)?
  /// What one step may read: bounds what an unread connection holds in memory.
  public var budget = ByteBudget(records: 256, bytes: 64 << 10)

  /// Ends the stream from outside, where it has been opened with a ticket.
  public var lease: StreamLease?
  /// Called once when the stream is over.
  public var ended: (() -> Void)?
  /// Where open streams are counted.
  public var connections: ConnectionMetrics?

  public init(_ permit: StreamPermit) { self.permit = permit }
}

/// Why a stream ends before its client does.
public enum LiveEnd: Sendable, Hashable {
  case tokenExpired
  /// The ticket that opened it has opened another stream.
  case superseded
  /// The token is no longer accepted: its key, its issuer or the token itself was withdrawn.
  case tokenWithdrawn
  /// Its issuer has not said again that the token is good.
  case unconfirmed
  /// The policy grants the topic no longer.
  case grantWithdrawn
  /// What of classified data the policy lets its reader see is not what it was.
  case classesChanged
  case failed(ReadFailure)
}

/// Events of a topic as they come, as SSE or as lines. The connection asks for the next bytes once
/// the socket has taken the last ones, so a slow reader merely reads later, from the log.
/// Loop-confined.
///
/// It ends when the token does or its permit is withdrawn, with a problem document; when the topic
/// can no longer be read, likewise; and without a word when its task is cancelled (the client hung
/// up, or the server drains and the client will reconnect).
public final class LiveStream<Log: TopicLog>: AnswerStream {
  private let feed: TopicFeed<Log>
  private let format: StreamFormat
  private let rendering: RecordRendering
  private let terms: LiveTerms
  private let cache: FrameCache
  private let run: FrameRun
  private let audience: Audience
  /// Where its events are counted.
  private var metrics: TopicMetrics?
  private let findMetrics: () -> TopicMetrics?
  private let problem: (LiveEnd) -> ByteSlice
  private var tally = DeliveryTally()
  private var nextHeartbeat: MonotonicTime?
  private weak var sink: (any AnswerSink)?
  var seat: Int?

  /// - Parameters:
  ///   - metrics: where the topic's events are counted: asked now, and again once that is retired.
  ///   - problem: the JSON problem document that tells the client why the stream ended.
  public init(
    _ feed: TopicFeed<Log>, format: StreamFormat, rendering: RecordRendering, terms: LiveTerms,
    cache: FrameCache, metrics: @escaping () -> TopicMetrics?,
    problem: @escaping (LiveEnd) -> ByteSlice
  ) {
    self.feed = feed
    self.format = format
    self.rendering = rendering
    self.terms = terms
    self.cache = cache
    run = cache.join(feed.topic, rendering, format)
    audience = run.audience(on: feed.site.timers)
    findMetrics = metrics
    self.metrics = metrics()
    self.problem = problem
    terms.connections?.streams.add()
  }

  deinit {
    cache.leave(run)
    terms.ended?()
    terms.connections?.streams.subtract()
  }

  public func attach(to sink: any AnswerSink) { self.sink = sink }

  public func detach() {
    stopWaiting()
    sink = nil
  }

  public func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    stopWaiting()
    let clocks = feed.site.timers.clocks
    count(at: clocks.monotonic())
    guard let heartbeat = nextHeartbeat else {
      nextHeartbeat = clocks.monotonic() + terms.heartbeat
      let start = bytes.count
      format.open(at: feed.cursor, retry: terms.retry, into: &bytes)
      // Something must go out, so that the client sees the stream open.
      if bytes.count == start { format.heartbeat(into: &bytes) }
      return .more
    }
    while true {
      let wall = clocks.wall()
      if wall >= terms.permit.deadline {
        if let why = terms.permit.end { return end(why, into: &bytes) }
        if wall >= terms.permit.expires { return end(.tokenExpired, into: &bytes) }
        if ask(into: &bytes) { return .more }
      }
      if terms.lease?.isEnded == true { return end(.superseded, into: &bytes) }
      if Task.isCancelled { return .end }
      let wasAtTail = feed.isAtTail
      let page: Page
      do {
        page = try await feed.read(terms.budget)
        // What it is based on may have changed by the time that all is prepared.
        while cache.settle(page, rendering, of: run) != nil {
          try await rendering.prepare(run.missing(of: page.records))
        }
      } catch {
        return end(.failed(error), into: &bytes)
      }
      // Whose right has gone meanwhile gets no more.
      if terms.permit.end != nil { continue }
      let now = clocks.monotonic()
      if write(page, atTail: wasAtTail && feed.isAtTail, into: &bytes) {
        nextHeartbeat = now + terms.heartbeat
        return .more
      }
      if now >= heartbeat {
        format.heartbeat(into: &bytes)
        nextHeartbeat = now + terms.heartbeat
        return .more
      }
      guard feed.join(audience, as: self) else { continue }
      terms.lease?.attend(LoopBell(self, post: feed.site.timers.post))
      terms.permit.holder = self
      return .wait(until: min(heartbeat, feed.site.instant(of: terms.permit.deadline)))
    }
  }

  /// Asks the client for a renewed token, once per token.
  ///
  /// - Returns: whether anything was written.
  private func ask(into bytes: inout ByteWriter) -> Bool {
    terms.permit.challenged()
    guard format == .serverSentEvents, let text = terms.challenge?(terms.permit) else {
      return false
    }
    format.notice("jodrell.challenge", id: nil, data: text, into: &bytes)
    return true
  }

  private func stopWaiting() {
    terms.permit.holder = nil
    guard seat != nil else { return }
    audience.leave(self)
    terms.lease?.attend(nil)
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
    rendering.finish()
    return page.gap != nil || !page.records.isEmpty
  }

  /// The socket has taken what is noted. The registry may have let go of the set that the stream
  /// counts into, since a stream may go on for long without an event.
  private func count(at now: MonotonicTime) {
    if let metrics, metrics.isRetired, !tally.isEmpty { self.metrics = findMetrics() ?? metrics }
    tally.written(at: now, to: metrics)
  }

  private func end(_ why: LiveEnd, into bytes: inout ByteWriter) -> AnswerStreamStep {
    format.notice("jodrell.end", id: nil, data: problem(why), into: &bytes)
    return .end
  }
}

/// While it waits: events go out without its task, one chunk made for all readers at a place.
/// Whatever is not plain sailing is left to `next`.
extension LiveStream: AudienceMember {
  func deliver() -> UInt64? {
    let clocks = feed.site.timers.clocks
    guard clocks.wall() < terms.permit.deadline, terms.lease?.isEnded != true,
      let burst = audience.burst(from: feed.cursor, by: rendering.basis(), makeBurst)
    else { return leaving() }
    if burst.chunk.isEmpty { return feed.cursor.next }
    let outcome = sink?.push(burst.chunk) ?? .refused
    if outcome == .refused { return leaving() }
    feed.move(to: burst.next)
    let now = clocks.monotonic()
    nextHeartbeat = now + terms.heartbeat
    tally.add(burst.records)
    if outcome == .queued { return leaving() }
    count(at: now)
    return feed.cursor.next
  }

  /// The audience takes it out; the rest is for `next`.
  private func leaving() -> UInt64? {
    dismissed()
    return nil
  }

  func dismissed() {
    terms.permit.holder = nil
    terms.lease?.attend(nil)
    sink?.rouse()
  }

  private func makeBurst() -> Burst? {
    guard let page = feed.glance(terms.budget) else { return nil }
    // What is not ready yet goes out in another pass, unless nothing is: then `next` waits for it.
    let count = cache.settle(page, rendering, of: run) ?? page.records.count
    if count == 0, !page.records.isEmpty { return nil }
    defer { rendering.finish() }
    var records: [DeliveryTally.Entry] = []
    records.reserveCapacity(count)
    var bytes = ByteWriter()
    ChunkFrame.open(&bytes)
    for record in page.records.prefix(count) {
      guard let at = record.durableAt else { return nil }
      records.append(DeliveryTally.Entry(at: at, bytes: record.payload.count))
      cache.append(record, rendering, of: run, to: &bytes)
    }
    ChunkFrame.close(&bytes, isLast: false)
    let next = count < page.records.count ? Cursor(after: page.records[count - 1].id) : page.next
    return Burst(
      from: feed.cursor, basis: run.basis, next: next, chunk: bytes.slice, records: records)
  }
}

extension LiveStream: PermitHolder {
  func permitChanged() { sink?.rouse() }
}

extension LiveStream: BellOwner {
  /// The lease has ended.
  func rung(by bell: LoopBell, _ reason: Wake) { sink?.rouse() }
}
