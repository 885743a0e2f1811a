import Authentication
import Bytes
import Delivery
import HTTPWire
import Metrics
import Tenancy

/// The live streams of one loop and the calls that wait on it, held against each new snapshot:
/// whose token or grant is gone ends at once. Loop-confined.
///
/// ```
/// new snapshot, or a grant's time ──▶ review: so many streams per turn of the loop ──▶ done
/// ```
final class OpenStreams {
  private struct Stream {
    let permit: StreamPermit
    var topic: TopicAddress
  }

  /// A call that waits: what ends its wait, and what that goes by.
  private struct Wait {
    let right: WaitingRight
    let tenure: Tenure
  }

  private let directory: StreamDirectory
  private let box: StreamDirectory.Mailbox
  private let timers: any LoopTimers
  private let metrics: PolicyMetrics
  private let audit: AuditTrail?
  private var streams: [RequestID: Stream] = [:]
  private var waits: [RequestID: Wait] = [:]
  private let opaque: OpaqueTokens
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
    _ directory: StreamDirectory, _ services: IdentityServices, timers: any LoopTimers,
    metrics: PolicyMetrics, audit: AuditTrail? = nil
  ) {
    opaque = OpaqueTokens(services, timers: timers)
    self.directory = directory
    self.timers = timers
    self.metrics = metrics
    self.audit = audit
    box = StreamDirectory.Mailbox(post: timers.post)
  }

  /// A stream opens; `close` when it has ended.
  ///
  /// - Parameters:
  ///   - earlier: a stream that ends if this one opens; nil for none.
  ///   - isStale: another snapshot has come into force since the request was admitted.
  func open(
    _ id: RequestID, insteadOf earlier: RequestID?, at topic: TopicAddress, from peer: ByteSlice,
    under addressLimits: AddressBounds, isStale: Bool
  ) throws(Refusal) -> StreamPermit {
    try directory.opened(
      id, insteadOf: earlier, at: topic, from: peer, under: addressLimits, box: box)
    let caller = topic.caller
    let now = timers.clocks.wall()
    let permit = StreamPermit(
      expires: caller.expires, challenge: Self.challenge(before: caller.expires, from: now))
    streams[id] = Stream(permit: permit, topic: topic)
    opaque.follow(id, caller.token)
    if isStale { reviewSoon(id) }
    watch(caller.changes, at: now)
    return permit
  }

  /// A call begins to wait; `close` when it has its answer.
  func attend(_ id: RequestID, _ right: WaitingRight, of tenure: Tenure) {
    waits[id] = Wait(right: right, tenure: tenure)
    if tenure.isStale { reviewSoon(id) }
    watch(tenure.topic.caller.changes, at: timers.clocks.wall())
  }

  func close(_ id: RequestID) {
    if waits.removeValue(forKey: id) != nil { return }
    guard streams.removeValue(forKey: id) != nil else { return }
    opaque.leave(id)
    directory.ended(id)
  }

  private func reviewSoon(_ id: RequestID) {
    waiting.append(id)
    timers.post {}
  }

  var count: Int { streams.count }

  /// At the end of a turn: takes renewed tokens, and reviews the next streams and waits.
  ///
  /// - Parameter isNew: another snapshot is in force than at the last call.
  func turnEnded(_ snapshot: AccessSnapshot, isNew: Bool) {
    for (stream, topic) in box.take() { renew(stream, topic, snapshot) }
    opaque.turnEnded(snapshot.verifier) { token, streams, outcome in
      confirm(token, of: streams, outcome, snapshot)
    }
    if isNew || isDue {
      isDue = false
      nextChange = .distantFuture
      waiting = Array(streams.keys) + Array(waits.keys)
    }
    guard !waiting.isEmpty else { return }
    let now = timers.clocks.wall()
    for _ in 0..<min(Self.perTurn, waiting.count) { review(waiting.removeLast(), snapshot, now) }
    // Another turn, after the sockets had theirs.
    if !waiting.isEmpty { timers.post {} }
  }

  private func review(_ id: RequestID, _ snapshot: AccessSnapshot, _ now: UnixTime) {
    if let wait = waits[id] {
      if wait.right.changed() { watch(wait.tenure.topic.caller.changes, at: now) }
      return
    }
    guard let stream = streams[id] else { return }
    metrics.reviewed.add()
    do {
      let topic = try snapshot.review(stream.topic, at: now)
      guard topic.classes == stream.topic.classes else {
        return withdraw(id, .classesChanged, snapshot)
      }
      streams[id]?.topic = topic
      watch(topic.caller.changes, at: now)
    } catch {
      withdraw(id, error is TenancyRefusal ? .grantWithdrawn : .tokenWithdrawn, snapshot)
    }
  }

  private func withdraw(_ id: RequestID, _ end: LiveEnd, _ snapshot: AccessSnapshot) {
    guard let stream = streams[id], stream.permit.end == nil else { return }
    metrics.withdrawn.add()
    stream.permit.withdraw(end)
    audit?.streamEnded(
      id, at: stream.topic, for: end, under: snapshot.generation, at: timers.clocks.wall())
  }

  /// An opaque token has been asked about again: its streams go on under what its issuer says now.
  ///
  /// - Returns: until when that is good; nil where the streams end.
  private func confirm(
    _ token: VerifiedToken, of ids: Set<RequestID>, _ outcome: OpaqueTokens.Outcome,
    _ snapshot: AccessSnapshot
  ) -> UnixTime? {
    let now = timers.clocks.wall()
    guard case .confirmed(let answer) = outcome,
      let again = try? snapshot.verifier.verify(token, introspectedAgain: answer, at: now)
    else {
      let end: LiveEnd = if case .unconfirmed = outcome { .unconfirmed } else { .tokenWithdrawn }
      for id in ids { withdraw(id, end, snapshot) }
      return nil
    }
    for id in ids {
      guard let stream = streams[id] else { continue }
      do {
        let topic = try snapshot.review(stream.topic, with: again, at: now)
        guard topic.classes == stream.topic.classes else {
          withdraw(id, .classesChanged, snapshot)
          continue
        }
        streams[id]?.topic = topic
        watch(topic.caller.changes, at: now)
        guard again.expires != stream.permit.expires else { continue }
        stream.permit.renew(
          expires: again.expires, challenge: Self.challenge(before: again.expires, from: now))
      } catch {
        withdraw(id, .grantWithdrawn, snapshot)
      }
    }
    return again.confirmedUntil
  }

  private func renew(_ id: RequestID, _ topic: TopicAddress, _ snapshot: AccessSnapshot) {
    guard let stream = streams[id], stream.permit.end == nil else { return }
    guard topic.classes == stream.topic.classes else {
      return withdraw(id, .classesChanged, snapshot)
    }
    metrics.renewed.add()
    streams[id]?.topic = topic
    opaque.follow(id, topic.caller.token)
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
    return try review(topic, with: topic.caller.token, at: now)
  }

  /// The same of a namespace: throws what its caller would be answered now.
  func review(_ namespace: NamespaceAddress, at now: UnixTime) throws {
    try verifier.recheck(namespace.caller.token, at: now)
    try review(namespace, with: namespace.caller.token, at: now)
  }

  /// The same by the claims of another proof of the same token.
  func review(
    _ namespace: NamespaceAddress, with token: VerifiedToken, at now: UnixTime
  ) throws(TenancyRefusal) {
    let scope = try policy.scope(again: namespace.caller, with: token, at: now)
    _ = try scope.namespace(
      of: NamespaceReference(tenant: namespace.tenant, namespace: namespace.namespace),
      for: namespace.action)
  }

  /// The topic by the claims of another proof of the same token.
  func review(
    _ topic: TopicAddress, with token: VerifiedToken, at now: UnixTime
  ) throws(TenancyRefusal) -> TopicAddress {
    let scope = try policy.scope(again: topic.caller, with: token, at: now)
    return try scope.address(
      of: TopicReference(tenant: topic.tenant, namespace: topic.namespace, topic: topic.topic),
      for: topic.action)
  }
}
