public import Bytes
public import Metrics
import Synchronization

/// Decisions on their way into the audit log: entries wait in a bounded queue until the log's own
/// thread chains and writes them. Whoever decides never waits for a disk; an entry that finds the
/// queue full is dropped and counted, and the next one that is written says how many are missing.
///
/// Any thread may record.
public final class AuditTrail: Sendable {
  /// An entry that has no place in the chain yet: members of a JSON object.
  public struct Entry: Sendable {
    /// `"time":"…","outcome":"deny",…`, without braces.
    public let members: ByteSlice
    /// Entries dropped before this one.
    public let missing: Int
    private let settle: (@Sendable (Bool) -> Void)?

    init(
      members: ByteSlice, missing: Int, settle: (@Sendable (Bool) -> Void)? = nil
    ) {
      self.members = members
      self.missing = missing
      self.settle = settle
    }

    /// Says whether the entry has been written where it belongs. Once.
    public func settled(_ isWritten: Bool) { settle?(isWritten) }
  }

  private struct Queue {
    var entries: [Entry] = []
    var bytes = 0
    var missing = 0
    var isClosed = false
  }

  /// Bytes of entries that may wait.
  public static let capacity = 4 << 20

  private let queue = Mutex(Queue())
  private let wake: @Sendable () -> Void
  private let metrics: AuditMetrics
  /// Of allowed publishes, reads, consumer calls and administrative calls that change nothing one
  /// in so many is recorded; 0: none.
  let sample: Int
  /// Whether administrative changes wait until the log has an entry of them.
  let isRequired: Bool
  /// What may be recorded of callers who were not admitted.
  let strangers = StrangerBound()

  /// - Parameter wake: called when an entry enters the empty queue; it lets the log's thread call
  ///   `drain`.
  public init(
    sample: Int, isRequired: Bool = false, metrics: AuditMetrics,
    wake: @escaping @Sendable () -> Void
  ) {
    self.sample = sample
    self.isRequired = isRequired
    self.metrics = metrics
    self.wake = wake
  }

  /// - Parameter settle: told once whether the entry has been written; at once that it has not when
  ///   the queue is full.
  /// - Returns: whether there was room for it.
  @discardableResult
  func record(_ members: ByteSlice, settle: (@Sendable (Bool) -> Void)? = nil) -> Bool {
    let members = AuditedLength.bounded(members)
    let wasEmpty = queue.withLock { queue -> Bool? in
      guard queue.bytes + members.count <= Self.capacity else {
        queue.missing += 1
        return nil
      }
      let wasEmpty = queue.entries.isEmpty
      queue.entries.append(Entry(members: members, missing: queue.missing, settle: settle))
      queue.bytes += members.count
      queue.missing = 0
      return wasEmpty
    }
    switch wasEmpty {
    case nil:
      metrics.dropped.add()
      settle?(false)
    case .some(true): wake()
    case .some(false): break
    }
    return wasEmpty != nil
  }

  /// Everything that waits, oldest first. Only the log's thread calls it.
  public func drain() -> [Entry] {
    queue.withLock { queue in
      defer {
        queue.entries = []
        queue.bytes = 0
      }
      return queue.entries
    }
  }
}
