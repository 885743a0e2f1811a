import Synchronization

/// A fixed number of counters side by side, for labels whose values are an enumeration.
///
/// Its owner holds it in place: what counts has one pointer to follow.
///
/// SAFETY: `@unchecked Sendable` because `cells` is written only in `init` and `deinit`; what it
/// points to are atomics, and every index is checked against `count`.
@safe
public struct CounterRow: ~Copyable, @unchecked Sendable {
  public let count: Int
  private let cells: UnsafeMutablePointer<Atomic<UInt64>>

  public init(_ count: Int) {
    self.count = count
    unsafe cells = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: count)
    for index in 0..<count {
      unsafe cells.advanced(by: index).initialize(to: Atomic<UInt64>(0))
    }
  }

  deinit {
    unsafe cells.deinitialize(count: count)
    unsafe cells.deallocate()
  }

  /// Counts `more` in the cell at `index`; traps out of bounds.
  public func add(_ more: UInt64 = 1, at index: Int) {
    precondition(index >= 0 && index < count, "counter index out of bounds")
    unsafe cells[index].wrappingAdd(more, ordering: .relaxed)
  }

  public subscript(index: Int) -> UInt64 {
    precondition(index >= 0 && index < count, "counter index out of bounds")
    return unsafe cells[index].load(ordering: .relaxed)
  }

  var values: [UInt64] { (0..<count).map { self[$0] } }
}
