import Bytes
import Synchronization

/// Bounds of the audit log; docs/limits.md gives their reasons.
enum AuditLimits {
  /// Denials of callers who were not admitted that are recorded in one span, of a network.
  static let strangersPerNetwork = 1_000
  /// The same of all networks together.
  static let strangers = 10_000
  static let strangerSpan = TimeSpan.seconds(60)
  /// One entry, in bytes; of a longer one its long members are cut.
  static let entryBytes = 16 << 10
  /// A list in an entry, in bytes.
  static let listBytes = 2 << 10
  /// What is left of a text in an entry that is too long, in bytes.
  static let cutBytes = 128
}

/// How many denials are recorded of callers who were not admitted: nobody's limits are charged for
/// what they ask, and they may ask as often as they like. So many in a minute of each network, as
/// `PeerNetwork` has it, and so many of all, since some have networks at will; what is left out is
/// counted.
///
/// Bounded: only who is let in takes a place in the table. Shared by the loops; its lock is a leaf.
final class StrangerBound: Sendable {
  private struct State {
    /// When the next span begins.
    var end = MonotonicTime(nanoseconds: 0)
    /// Those recorded in this span.
    var all = 0
    var networks: [UInt64: Int] = [:]
    /// Those left out since the last that was recorded.
    var leftOut = 0
  }

  private let state = Mutex(State())

  /// Whether a denial of somebody at `peer` is recorded.
  ///
  /// - Returns: how many were left out before it, of whichever network; nil where it is left out.
  func letIn(_ peer: ByteSlice, at now: MonotonicTime) -> Int? {
    let network = PeerNetwork.number(of: peer)
    return state.withLock { state in
      if now >= state.end {
        state.end = now + AuditLimits.strangerSpan
        state.all = 0
        state.networks.removeAll(keepingCapacity: true)
      }
      let own = state.networks[network] ?? 0
      guard state.all < AuditLimits.strangers, own < AuditLimits.strangersPerNetwork else {
        state.leftOut += 1
        return nil
      }
      state.all += 1
      state.networks[network] = own + 1
      defer { state.leftOut = 0 }
      return state.leftOut
    }
  }

  /// The entry that should have told of these was not taken.
  func stillLeftOut(_ count: Int) { state.withLock { $0.leftOut += count } }
}
