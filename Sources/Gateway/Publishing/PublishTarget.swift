import Authentication
import Bytes
import Events
import HTTPWire
import Metrics
import Tenancy
import Topics

/// What a publish that takes no task is for: the proof that its caller may publish to a topic, and
/// the topic's numbers. Confined to its loop.
final class PublishTarget {
  let address: TopicAddress
  /// What the gateway says about events from there, but for their request; nil where the target is
  /// that of one request.
  let stamp: GatewayStamp?
  /// Where the log finds the topic again.
  var place: TopicPlace?
  /// By what it is found.
  private let path: ByteSlice
  private var caller: TokenCache.Kept?
  /// The snapshot's under which it was found.
  private let generation: UInt64
  /// When the caller's grants may be others: the scope's, which is in no processor's cache.
  private let changes: UnixTime
  /// Known from the first event on that was stored.
  private var known: TopicMetrics?
  /// What its events are like whose heads have the fields of this number.
  private var model: EventModel?
  private var modelFields: UInt64 = 0

  /// That of one request.
  init(_ address: TopicAddress) {
    self.address = address
    stamp = nil
    path = .empty
    generation = 0
    changes = address.caller.changes
  }

  /// One for all requests that say the same.
  fileprivate init(
    _ address: TopicAddress, _ stamp: GatewayStamp, of caller: TokenCache.Kept,
    under path: ByteSlice, _ generation: UInt64
  ) {
    self.address = address.detached
    self.stamp = stamp.detached
    self.path = ByteSlice(copying: path.span)
    self.caller = caller
    self.generation = generation
    changes = address.caller.changes
  }

  func metrics(in cache: inout TopicMetricsCache) -> TopicMetrics {
    if let known, !known.isRetired { return known }
    let metrics = cache.topic(TopicKey(address))
    known = metrics
    return metrics
  }

  /// What an event is like that comes with these fields; nil where that was not learned last.
  func model(of fields: KnownFields) -> EventModel? {
    modelFields == fields.id ? model : nil
  }

  func learn(_ model: EventModel, of fields: KnownFields) {
    guard model.byteCount <= GatewayLimits.publishModelBytes else { return }
    self.model = model
    modelFields = fields.id
  }

  fileprivate func isFor(_ token: ByteSlice, _ path: ByteSlice) -> Bool {
    self.path == path && caller?.isOf(token) == true
  }

  /// Whether the bearer of its token may still publish there by a request.
  fileprivate func holds(for request: HTTPRequest, _ admission: Admission) -> Bool {
    holds(under: admission.snapshot, at: request.receivedAt)
      && caller?.holds(for: request, admission) ?? false
  }

  /// The same for one on a connection where the token has been shown before.
  func holds(for admission: Admission, at now: UnixTime) -> Bool {
    holds(under: admission.snapshot, at: now) && caller?.holds(for: admission, at: now) ?? false
  }

  /// Whether it will not be found any more; lets go of numbers that the registry has retired.
  fileprivate func isOver(for admission: Admission, at now: UnixTime) -> Bool {
    if known?.isRetired == true { known = nil }
    return !holds(for: admission, at: now)
  }

  private func holds(under snapshot: AccessSnapshot, at now: UnixTime) -> Bool {
    generation == snapshot.generation && now < changes
  }
}

/// What one loop has lately found to publish to: who comes again with the same token and the same
/// path needs no route, no token, no scope and no grant looked up.
///
/// Owned by one loop. Bounded: see `AssociativeTable`. Nothing is kept that has come once only, so
/// that callers with many topics cost no memory; and what is over goes within some seconds.
struct TargetShelf {
  /// How often some places are looked at for what is over: all of them in five seconds.
  private static let tidyEvery = TimeSpan.milliseconds(10)
  private static let tidyPlaces = 32

  private var targets: AssociativeTable<PublishTarget>
  private var doorkeeper: Doorkeeper
  private var nextTidy = MonotonicTime(nanoseconds: .min)

  /// How many are remembered.
  var count: Int { targets.count }

  init(capacity: Int = GatewayLimits.publishTargets) {
    targets = AssociativeTable(capacity: capacity)
    doorkeeper = Doorkeeper(capacity: capacity)
  }

  /// What the bearer of a token publishes to under a path, while what was found holds for the
  /// request; nil where that has to be found.
  mutating func find(
    _ token: ByteSlice, _ path: ByteSlice, for request: HTTPRequest, _ admission: Admission
  ) -> PublishTarget? {
    guard let index = targets.find(Self.hash(token, path), where: { $0.isFor(token, path) })
    else { return nil }
    let target = targets[index]
    if target.holds(for: request, admission) { return target }
    targets.remove(at: index)
    return nil
  }

  /// Keeps what has been found, if it has been looked for before.
  ///
  /// - Parameter stamp: what the gateway says about events that come so.
  /// - Returns: what the next ones will find.
  mutating func keep(
    _ token: ByteSlice, _ path: ByteSlice, _ address: TopicAddress, _ admission: Admission,
    stamp: @autoclosure () -> GatewayStamp
  ) -> PublishTarget? {
    let hash = Self.hash(token, path)
    guard doorkeeper.hasSeen(hash), let caller = admission.kept(token) else { return nil }
    let target = PublishTarget(
      address, stamp(), of: caller, under: path, admission.snapshot.generation)
    targets.put(target, hash) { $0.isFor(token, path) }
    return target
  }

  /// Lets go of some that are over, if it is time to look. Called with each turn of the loop.
  mutating func turnEnded(
    at now: MonotonicTime, _ admission: Admission, wall: () -> UnixTime
  ) {
    guard now >= nextTidy else { return }
    nextTidy = now + Self.tidyEvery
    let wall = wall()
    admission.tokens.clockIs(wall)
    targets.tidy(Self.tidyPlaces) { $0.isOver(for: admission, at: wall) }
  }

  private static func hash(_ token: ByteSlice, _ path: ByteSlice) -> UInt64 {
    path.place(seed: TokenCache.hash(of: token))
  }
}
