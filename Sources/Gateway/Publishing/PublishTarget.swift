import Authentication
import Bytes
import Events
import Metrics
import Tenancy

/// What a publish that takes no task is for: the proof that its caller may publish to a topic, and
/// the topic's numbers. Confined to its loop.
final class PublishTarget {
  let address: TopicAddress
  /// What the gateway says about events from there, but for their request; nil where the target is
  /// that of one request.
  let stamp: GatewayStamp?
  /// Known from the first event on that was stored.
  private var known: TopicMetrics?

  init(_ address: TopicAddress, stamp: GatewayStamp? = nil) {
    self.address = address
    self.stamp = stamp
  }

  func metrics(in cache: inout TopicMetricsCache) -> TopicMetrics {
    if let known, !known.isRetired { return known }
    let metrics = cache.topic(TopicKey(address))
    known = metrics
    return metrics
  }
}

/// What one loop has lately found to publish to: who comes again with the same token and the same
/// path needs no route, no scope and no grant looked up.
///
/// Owned by one loop. Bounded: `GatewayLimits.publishTargets` places, each chosen by what it is
/// for. Nothing is kept that has come once only, so that callers with many topics cost no memory.
struct TargetShelf {
  /// A class: what is looked up is counted once, and not for each of its parts.
  private final class Entry {
    /// Kept alive, so that its identity stays its own.
    let token: VerifiedToken
    let path: ByteSlice
    let target: PublishTarget

    init(
      _ token: VerifiedToken, _ path: ByteSlice, _ address: TopicAddress, _ stamp: GatewayStamp
    ) {
      self.token = token
      self.path = ByteSlice(copying: path.span)
      target = PublishTarget(address.detached, stamp: stamp.detached)
    }

    func isOf(_ token: VerifiedToken, _ path: ByteSlice) -> Bool {
      self.token.identity == token.identity && self.path == path
    }

    /// Whether the policy of this generation says the same now.
    func holds(_ generation: UInt64, _ now: UnixTime) -> Bool {
      let caller = target.address.caller
      return caller.generation == generation && now < caller.changes
    }
  }

  private struct Place {
    /// What came last that was not found here.
    var mark: UInt64 = 0
    var entry: Entry?
  }

  private var places: [Place]

  /// - Parameter capacity: a power of two.
  init(capacity: Int = GatewayLimits.publishTargets) {
    places = Array(repeating: Place(), count: capacity)
  }

  /// What the bearer of a token publishes to under a path, while the policy of `generation` is in
  /// force; nil where that has to be found.
  mutating func find(
    _ token: VerifiedToken, _ path: ByteSlice, _ generation: UInt64, at now: UnixTime
  ) -> PublishTarget? {
    let index = index(of: Self.mark(token, path))
    guard let entry = places[index].entry, entry.isOf(token, path) else { return nil }
    guard entry.holds(generation, now) else {
      places[index].entry = nil
      return nil
    }
    return entry.target
  }

  /// Takes what has been found, if nothing else was looked for in its place since it was last
  /// found.
  ///
  /// - Parameter stamp: what the gateway says about events that come so.
  mutating func keep(
    _ token: VerifiedToken, _ path: ByteSlice, _ address: TopicAddress,
    stamp: @autoclosure () -> GatewayStamp
  ) {
    let mark = Self.mark(token, path)
    let index = index(of: mark)
    if places[index].mark == mark {
      places[index].entry = Entry(token, path, address, stamp())
    } else {
      places[index].mark = mark
    }
  }

  private func index(of mark: UInt64) -> Int {
    Int(truncatingIfNeeded: mark) & (places.count - 1)
  }

  private static func mark(_ token: VerifiedToken, _ path: ByteSlice) -> UInt64 {
    path.place(seed: UInt64(UInt(bitPattern: token.identity)))
  }
}
