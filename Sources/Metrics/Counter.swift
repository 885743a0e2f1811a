import Synchronization

/// A number that only grows. Any thread adds; additions are relaxed, so a reader may see two
/// counters in an order that never was. Wraps after 2⁶⁴.
public struct Counter: ~Copyable, Sendable {
  private let count = Atomic<UInt64>(0)

  public init() {}

  /// What has been counted so far.
  public var value: UInt64 { count.load(ordering: .relaxed) }

  /// Counts `more`; a negative number is a caller's fault and counts nothing.
  public func add(_ more: Int = 1) {
    guard more > 0 else { return }
    count.wrappingAdd(UInt64(more), ordering: .relaxed)
  }

  /// Counts `more`, in the counter's own width.
  public func add(_ more: UInt64) { count.wrappingAdd(more, ordering: .relaxed) }
}

/// A number that rises and falls: open connections, the depth of a queue. Any thread may change it.
public struct Gauge: ~Copyable, Sendable {
  private let level = Atomic<Int>(0)

  public init() {}

  public var value: Int { level.load(ordering: .relaxed) }

  public func add(_ more: Int = 1) { level.wrappingAdd(more, ordering: .relaxed) }
  public func subtract(_ less: Int = 1) { level.wrappingSubtract(less, ordering: .relaxed) }
  public func set(_ value: Int) { level.store(value, ordering: .relaxed) }
}
