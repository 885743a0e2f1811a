import Synchronization

/// An issuer's current keys: one set, replaced whole while the gateway runs. Shared by all loops.
///
/// Readers pay one atomic load to learn that nothing has changed; the lock is taken only to fetch a
/// set, on the way to a signature's verification.
public final class IssuerKeys: Sendable {
  private let changes = Atomic<UInt64>(0)
  private let current: Mutex<KeySet?>

  /// - Parameter set: nil until keys have been fetched; tokens of the issuer are refused till then.
  public init(_ set: KeySet? = nil) { current = Mutex(set) }

  /// How often the set has been replaced.
  public var generation: UInt64 { changes.load(ordering: .acquiring) }

  /// The set in use; nil before the first one.
  public var set: KeySet? { current.withLock { $0 } }

  /// Puts `set` in use at once: keys that are no longer in it verify nothing from now on, not even
  /// tokens that a loop remembers. False when it holds the keys that are in use already.
  @discardableResult
  public func replace(by set: KeySet) -> Bool {
    current.withLock { current in
      guard current != set else { return false }
      current = set
      changes.add(1, ordering: .releasing)
      return true
    }
  }
}
