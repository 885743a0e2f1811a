import Synchronization

/// A number that only grows. Any thread adds; additions are relaxed, so a reader may see two
/// counters in an order that never was. Wraps after 2⁶⁴.
package struct Counter: ~Copyable, Sendable {
  private let count = Atomic<UInt64>(0)

  package init() {}

  /// What has been counted so far.
  package var value: UInt64 { count.load(ordering: .relaxed) }

  /// Counts `more`; a negative number is a caller's fault and counts nothing.
  package func add(_ more: Int = 1) {
    guard more > 0 else { return }
    count.wrappingAdd(UInt64(more), ordering: .relaxed)
  }

  /// Counts `more`, in the counter's own width.
  package func add(_ more: UInt64) { count.wrappingAdd(more, ordering: .relaxed) }
}

/// A number that rises and falls: open connections, the depth of a queue. Any thread may change it.
package struct Gauge: ~Copyable, Sendable {
  private let level = Atomic<Int>(0)

  package init() {}

  package var value: Int { level.load(ordering: .relaxed) }

  package func add(_ more: Int = 1) { level.wrappingAdd(more, ordering: .relaxed) }
  package func subtract(_ less: Int = 1) { level.wrappingSubtract(less, ordering: .relaxed) }
  package func set(_ value: Int) { level.store(value, ordering: .relaxed) }
}
