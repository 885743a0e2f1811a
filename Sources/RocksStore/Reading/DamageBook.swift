public import Bytes
import Synchronization
import Tenancy

/// Events of one topic that cannot be read, as a reader or the opening met them.
public struct StoreDamage: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// They lie in a place of the disk that cannot be read.
    case events
    /// They end the topic. Whether every one of them was ever given out nobody can tell; none of
    /// them will be given out again.
    case end
  }

  public let tenant: ByteSlice
  public let namespace: ByteSlice
  public let topic: ByteSlice
  public let ledger: UInt64
  /// The first and the last entry.
  public fileprivate(set) var first: UInt64
  public fileprivate(set) var last: UInt64
  public let kind: Kind
}

/// The damage met so far, each range once; any thread.
///
/// Bounded: beyond `DamageLimits.ranges` readers are still told, but nobody else.
final class DamageBook: Sendable {
  private let known = Mutex<[StoreDamage]>([])
  private let observer: StoreObserver

  init(_ observer: StoreObserver) { self.observer = observer }

  var all: [StoreDamage] { known.withLock { $0 } }

  func met(_ range: CorruptRange, in topic: TopicState, _ kind: StoreDamage.Kind = .events) {
    var damage = StoreDamage(
      tenant: topic.path.tenant.bytes, namespace: topic.path.namespace.bytes,
      topic: topic.path.topic.bytes, ledger: topic.ledger, first: range.first, last: range.last,
      kind: kind)
    let isNew = known.withLock { known in
      // A reader that begins within a range tells only the rest of it.
      if let index = known.firstIndex(where: { damage.isPart(of: $0) }) {
        let old = known[index]
        damage.first = min(damage.first, old.first)
        damage.last = max(damage.last, old.last)
        guard damage.first < old.first || damage.last > old.last else { return false }
        known[index].first = damage.first
        known[index].last = damage.last
        return true
      }
      guard known.count < DamageLimits.ranges else { return false }
      known.append(damage)
      return true
    }
    if isNew { observer.damaged(damage) }
  }
}

extension StoreDamage {
  /// Whether the two ranges are of one topic and overlap.
  fileprivate func isPart(of other: StoreDamage) -> Bool {
    ledger == other.ledger && first <= other.last && other.first <= last && topic == other.topic
      && namespace == other.namespace && tenant == other.tenant
  }
}
