public import Bytes
import Synchronization

/// A distribution of whole numbers (nanoseconds, bytes, events) in logarithmic buckets, each octave
/// cut into 2ᵇ equal parts (the shape of Gil Tene's HdrHistogram).
///
/// Memory is fixed by the scale and taken with the first number: 6.4 KiB for `.latency`. Recording
/// is two relaxed atomic additions and takes no lock; any number of threads record at the same
/// time. Its owner holds it in place.
///
/// SAFETY: `@unchecked Sendable` because `buckets` is set once, to memory that lives as long as the
/// histogram and holds `scale.buckets` atomics; every index comes from `scale.bucket(of:)` or a
/// loop below `scale.buckets`.
@safe
public struct Histogram: ~Copyable, @unchecked Sendable {
  private typealias Buckets = UnsafeMutablePointer<Atomic<UInt64>>

  private let buckets = unsafe Atomic<Buckets?>(nil)
  private let sum = Atomic<UInt64>(0)
  public let scale: HistogramScale
  private let largest = Atomic<UInt64>(0)

  public init(_ scale: HistogramScale) { self.scale = scale }

  deinit {
    if let buckets = unsafe buckets.load(ordering: .acquiring) { unsafe release(buckets) }
  }

  /// Records a length of time, `times` times; a negative span (a stepped clock) counts as zero.
  public func record(_ span: TimeSpan, times: Int = 1) {
    record(value: UInt64(max(span.nanoseconds, 0)), times: times)
  }

  /// Records a number, `times` times.
  public func record(value: UInt64, times: Int = 1) {
    guard times > 0 else { return }
    let weight = UInt64(times)
    let buckets = unsafe buckets.load(ordering: .acquiring) ?? furnish()
    unsafe buckets[scale.bucket(of: value)].wrappingAdd(weight, ordering: .relaxed)
    sum.wrappingAdd(value &* weight, ordering: .relaxed)
    if value > largest.load(ordering: .relaxed) { largest.max(value, ordering: .relaxed) }
  }

  /// What was recorded so far. Not one instant: additions made meanwhile may be in or out, and a
  /// snapshot's count is always the sum of its own buckets.
  public var snapshot: HistogramSnapshot {
    guard let buckets = unsafe buckets.load(ordering: .acquiring) else {
      return HistogramSnapshot(empty: scale)
    }
    var counts = [UInt64](repeating: 0, count: scale.buckets)
    for index in 0..<scale.buckets {
      unsafe counts[index] = buckets[index].load(ordering: .relaxed)
    }
    return HistogramSnapshot(
      scale: scale, counts: counts, sum: sum.load(ordering: .relaxed),
      largest: largest.load(ordering: .relaxed))
  }

  /// Takes the memory; of several threads that try, one wins.
  private func furnish() -> Buckets {
    let fresh = Buckets.allocate(capacity: scale.buckets)
    for index in 0..<scale.buckets {
      unsafe fresh.advanced(by: index).initialize(to: Atomic<UInt64>(0))
    }
    let (exchanged, original) = unsafe buckets.compareExchange(
      expected: nil, desired: fresh, ordering: .acquiringAndReleasing)
    guard !exchanged, let winner = unsafe original else { return unsafe fresh }
    unsafe release(fresh)
    return unsafe winner
  }

  private func release(_ buckets: Buckets) {
    unsafe buckets.deinitialize(count: scale.buckets)
    unsafe buckets.deallocate()
  }
}

/// Where a histogram's buckets end. A bucket holds the numbers above its predecessor's bound up to
/// and including its own, so that powers of two are exact bounds of Prometheus' `le`.
public struct HistogramScale: Sendable, Equatable {
  /// Numbers up to 2^`unit` share the first bucket.
  let unit: UInt64
  /// Each octave has 2^`precision` buckets: a bucket is at most 1/2^`precision` of its bound wide.
  let precision: UInt64
  /// Numbers beyond 2^`top` share the last bucket.
  let top: UInt64
  /// The bounds shown to Prometheus are 2^`lowest` … 2^`highest`, one per octave.
  let lowest: UInt64
  let highest: UInt64

  /// Latencies in nanoseconds: steps of 128 ns, then 3.1 % wide, to 69 s; shown from 65 µs to 17 s.
  public static let latency = HistogramScale(
    unit: 7, precision: 5, top: 36, lowest: 16, highest: 34)
  /// Latencies in nanoseconds for measuring tools: 0.1 % wide, to 137 s; 230 KiB.
  public static let fine = HistogramScale(
    unit: 0, precision: 10, top: 37, lowest: 16, highest: 34)
  /// Sizes of groups: exact to 32, then 6.3 % wide, to 2²⁰.
  public static let size = HistogramScale(
    unit: 0, precision: 4, top: 20, lowest: 0, highest: 14)

  /// How many buckets there are, the one for what lies beyond the top included.
  public var buckets: Int { Int((top - unit - precision + 1) << precision) + 1 }

  func bucket(of value: UInt64) -> Int {
    guard value <= 1 << top else { return buckets - 1 }
    let steps = (value == 0 ? 0 : value &- 1) >> unit
    let octave =
      steps >> precision == 0 ? 0 : UInt64(63 - steps.leadingZeroBitCount) &- precision
    return Int((octave << precision) &+ (steps >> octave))
  }

  /// The largest number that falls into bucket `index`; `.max` for the last.
  public func bound(of index: Int) -> UInt64 {
    guard index < buckets - 1 else { return .max }
    let place = UInt64(index)
    guard place >> (precision + 1) > 0 else { return (place + 1) << unit }
    let octave = (place >> precision) - 1
    let part = place & (1 << precision - 1) | 1 << precision
    return (part + 1) << (octave + unit)
  }
}
