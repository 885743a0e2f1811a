import Authentication
import Bytes
import Crypto
import HTTPWire
import Synchronization

/// The proofs of possession that were seen lately, so that none is taken twice (RFC 9449 §11.1).
/// Shared by the loops; split by the proofs' digests, so that they seldom meet at one lock.
///
/// A proof is remembered for as long as it could be shown again. When a shard is full, new proofs
/// are refused rather than old ones forgotten.
public final class ProofMemory: Sendable {
  private struct Sight {
    let until: UnixTime
    let request: RequestID
  }

  private struct Shard {
    var seen: [Digest: Sight] = [:]
    /// No look for what may be forgotten before this instant: a full shard would have every
    /// request look through all of it.
    var nextSweep = UnixTime(nanoseconds: 0)

    mutating func sweep(at now: UnixTime) {
      guard now >= nextSweep else { return }
      nextSweep = now + .seconds(1)
      seen = seen.filter { now < $0.value.until }
    }
  }

  private final class Box: Sendable {
    let shard = Mutex(Shard())
  }

  /// Proofs in all shards together: some 100 B each.
  public static let most = 262_144
  private static let shardCount = 16

  private let shards: [Box]
  private let mostInShard: Int

  public init(most: Int = most) {
    shards = (0..<Self.shardCount).map { _ in Box() }
    mostInShard = max(1, most / Self.shardCount)
  }

  /// Takes the proof for a request. A request may show its proof again to itself: one that waits
  /// for a key is looked at twice.
  func take(
    _ proof: DPoPProof, for request: RequestID, at now: UnixTime
  ) throws(DPoPRefusal) {
    let box = shards[Int(proof.name.slot % UInt64(Self.shardCount))]
    let refusal: DPoPRefusal? = box.shard.withLock { shard in
      if let sight = shard.seen[proof.name], now < sight.until {
        return sight.request == request ? nil : .replayed
      }
      if shard.seen.count >= mostInShard { shard.sweep(at: now) }
      guard shard.seen.count < mostInShard else { return .overloaded }
      let until = now + DPoPProof.window + DPoPProof.leeway
      shard.seen[proof.name] = Sight(until: until, request: request)
      return nil
    }
    if let refusal { throw refusal }
  }
}
