import Authentication
import Bytes
import Crypto
import HTTPWire
import Synchronization
import Tenancy

/// The proofs of possession that were seen lately, so that none is taken twice (RFC 9449 §11.1).
/// Shared by the loops; split by the proofs' digests, so that they seldom meet at one lock.
///
/// A proof is remembered for as long as it could be shown again. When a shard is full, new proofs
/// are refused rather than old ones forgotten; so that no tenant can fill it for all, each has a
/// part that it cannot go beyond. Proofs fall into shards by digest, so that a tenant's do evenly.
public final class ProofMemory: Sendable {
  private struct Sight {
    let until: UnixTime
    let request: RequestID
    let owner: Owner
  }

  /// Whose part a proof takes from: a hash with a seed of the process, so that nobody can choose
  /// names that share one.
  struct Owner: Hashable {
    private let hash: Int

    /// A caller of one tenant; without one everybody of an issuer.
    init(tenant: Name?, issuer: ByteSlice) {
      var hasher = Hasher()
      hasher.combine(tenant)
      if tenant == nil { hasher.combine(issuer) }
      hash = hasher.finalize()
    }
  }

  private struct Shard {
    var seen: [Digest: Sight] = [:]
    /// How many of them each owner has who has any.
    var held: [Owner: Int] = [:]
    /// No look for what may be forgotten before this instant: a full shard would have every
    /// request look through all of it.
    var nextSweep = UnixTime(nanoseconds: 0)

    mutating func keep(_ sight: Sight, of name: Digest) {
      // An expired sight of the same proof may still lie there.
      if let old = seen.updateValue(sight, forKey: name) {
        let left = held[old.owner, default: 1] - 1
        held[old.owner] = left > 0 ? left : nil
      }
      held[sight.owner, default: 0] += 1
    }

    mutating func sweep(at now: UnixTime) {
      guard now >= nextSweep else { return }
      nextSweep = now + .seconds(1)
      seen = seen.filter { now < $0.value.until }
      held.removeAll(keepingCapacity: true)
      for sight in seen.values { held[sight.owner, default: 0] += 1 }
    }
  }

  private final class Box: Sendable {
    let shard = Mutex(Shard())
  }

  /// Proofs in all shards together: some 100 B each.
  public static let most = 262_144
  /// Those of one tenant, or of an issuer's callers without a tenant.
  public static let mostOfTenant = most / 4
  private static let shardCount = 16

  private let shards: [Box]
  private let mostInShard: Int
  private let mostOfOwner: Int

  public init(most: Int = most, ofTenant: Int = mostOfTenant) {
    shards = (0..<Self.shardCount).map { _ in Box() }
    mostInShard = max(1, most / Self.shardCount)
    mostOfOwner = max(1, ofTenant / Self.shardCount)
  }

  /// Takes the proof of a name for a request. A request may show its proof again to itself: one
  /// that waits for a key is looked at twice.
  func take(
    _ name: Digest, of owner: Owner, for request: RequestID, at now: UnixTime
  ) throws(DPoPRefusal) {
    let box = shards[Int(name.slot % UInt64(Self.shardCount))]
    let refusal: DPoPRefusal? = box.shard.withLock { shard in
      if let sight = shard.seen[name], now < sight.until {
        return sight.request == request ? nil : .replayed
      }
      if shard.seen.count >= mostInShard || shard.held[owner, default: 0] >= mostOfOwner {
        shard.sweep(at: now)
      }
      guard shard.held[owner, default: 0] < mostOfOwner else { return .tenantOverloaded }
      guard shard.seen.count < mostInShard else { return .overloaded }
      let until = now + DPoPProof.window + DPoPProof.leeway
      shard.keep(Sight(until: until, request: request, owner: owner), of: name)
      return nil
    }
    if let refusal { throw refusal }
  }
}
