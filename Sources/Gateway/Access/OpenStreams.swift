import Authentication
import Bytes
import Delivery
import HTTPWire
import Metrics
import Tenancy

/// The live streams of one loop, held against each new snapshot: whose token or grant is gone ends
/// at once. Loop-confined.
///
/// ```
/// new snapshot, or a grant's time ──▶ review: so many streams per turn of the loop ──▶ done
/// ```
final class OpenStreams {
  private struct Stream {
    let permit: StreamPermit
    var topic: TopicAddress
  }

  private let directory: StreamDirectory
  private let box: StreamDirectory.Mailbox
  private let timers: any LoopTimers
  private let metrics: PolicyMetrics
  private let audit: AuditTrail?
  private var streams: [RequestID: Stream] = [:]
  /// Those that a review has not come to yet.
  private var waiting: [RequestID] = []
  /// When a stream's grant begins or ends next, and the timer for it.
  private var nextChange = UnixTime.distantFuture
  private var timer: TimerToken?
  /// A grant's time has come.
  private var isDue = false

  /// Streams reviewed before the loop looks at its sockets again: at 2 to 5 µs each, half a
  /// millisecond.
  private static let perTurn = 128
  /// How long before its token's end a client is asked for another one: a fifth of what is left of
  /// its life when the stream opens, at most this.
  private static let longestNotice = TimeSpan.seconds(60)

  init(
    _ directory: StreamDirectory, timers: any LoopTimers, metrics: PolicyMetrics,
    audit: AuditTrail? = nil
  ) {
    self.directory = directory
    self.timers = timers
    self.metrics = metrics
    self.audit = audit
    box = StreamDirectory.Mailbox(post: timers.post)
  }

  /// A stream opens; `close` when it has ended.
  ///
  /// - Parameter isStale: another snapshot has come into force since the request was admitted.
  func open(
    _ id: RequestID, at topic: TopicAddress, from peer: ByteSlice,
    under addressLimits: AddressBounds, isStale: Bool
  ) throws(Refusal) -> StreamPermit {
    try directory.opened(id, at: topic, from: peer, under: addressLimits, box: box)
    let caller = topic.caller
    let now = timers.clocks.wall()
    let permit = StreamPermit(
      expires: caller.expires, challenge: Self.challenge(before: caller.expires, from: now))
    streams[id] = Stream(permit: permit, topic: topic)
    if isStale {
      waiting.append(id)
      timers.post {}
    }
    watch(caller.changes, at: now)
    return permit
  }

  func close(_ id: RequestID) {
    guard streams.removeValue(forKey: id) != nil else { return }
    directory.ended(id)
  }

  var count: Int { streams.count }

  /// At the end of a turn: takes renewed tokens, and reviews the next streams.
  ///
  /// - Parameter isNew: another snapshot is in force than at the last call.
  func turnEnded(_ snapshot: AccessSnapshot, isNew: Bool) {
    for (stream, topic) in box.take() { renew(stream, topic) }
    if isNew || isDue {
      isDue = false
      nextChange = .distantFuture
      waiting = Array(streams.keys)
    }
    guard !waiting.isEmpty else { return }
    let now = timers.clocks.wall()
    for _ in 0..<min(Self.perTurn, waiting.count) { review(waiting.removeLast(), snapshot, now) }
    // Another turn, after the sockets had theirs.
    if !waiting.isEmpty { timers.post {} }
  }

  private func review(_ id: RequestID, _ snapshot: AccessSnapshot, _ now: UnixTime) {
    guard let stream = streams[id] else { return }
    metrics.reviewed.add()
    do {
      let topic = try snapshot.review(stream.topic, at: now)
      streams[id]?.topic = topic
      watch(topic.caller.changes, at: now)
    } catch {
      metrics.withdrawn.add()
      let isOfGrant = error is TenancyRefusal
      stream.permit.withdraw(isOfGrant ? .grantWithdrawn : .tokenWithdrawn)
      audit?.streamEnded(
        id, at: stream.topic, for: isOfGrant ? "grant_withdrawn" : "token_withdrawn",
        under: snapshot.generation, at: now)
    }
  }

  private func renew(_ id: RequestID, _ topic: TopicAddress) {
    guard let stream = streams[id], stream.permit.end == nil else { return }
    metrics.renewed.add()
    streams[id]?.topic = topic
    let now = timers.clocks.wall()
    stream.permit.renew(
      expires: topic.caller.expires,
      challenge: Self.challenge(before: topic.caller.expires, from: now))
    watch(topic.caller.changes, at: now)
    // It may have been decided by the snapshot before this one.
    waiting.append(id)
  }

  private static func challenge(before expires: UnixTime, from now: UnixTime) -> UnixTime {
    let left = max((expires - now).nanoseconds, 0)
    return expires - min(.nanoseconds(left / 5), longestNotice)
  }

  /// Looks again when a grant begins or ends.
  private func watch(_ change: UnixTime, at now: UnixTime) {
    guard change < nextChange else { return }
    nextChange = change
    if let timer { timers.cancel(timer) }
    let at = timers.clocks.monotonic() + max(change - now, .zero)
    timer = timers.schedule(at: at) { [weak self] in self?.isDue = true }
  }
}

extension AccessSnapshot {
  /// The same topic for the same caller and action, as this snapshot sees it: the token is held
  /// against issuers and keys again, its claims against the mappings.
  func review(_ topic: TopicAddress, at now: UnixTime) throws -> TopicAddress {
    try verifier.recheck(topic.caller.token, at: now)
    let scope = try policy.scope(again: topic.caller, at: now)
    return try scope.address(
      of: TopicReference(tenant: topic.tenant, namespace: topic.namespace, topic: topic.topic),
      for: topic.action)
  }
}
