/// What a histogram held at one time: a value to merge, subtract and ask for percentiles.
public struct HistogramSnapshot: Sendable, Equatable {
  public let scale: HistogramScale
  public private(set) var counts: [UInt64]
  /// The sum of all numbers recorded, modulo 2⁶⁴ (584 years of nanoseconds).
  public private(set) var sum: UInt64
  /// The largest number recorded, exact.
  public private(set) var largest: UInt64

  init(scale: HistogramScale, counts: [UInt64], sum: UInt64, largest: UInt64) {
    self.scale = scale
    self.counts = counts
    self.sum = sum
    self.largest = largest
  }

  /// Nothing recorded.
  public init(empty scale: HistogramScale) {
    self.init(
      scale: scale, counts: [UInt64](repeating: 0, count: scale.buckets), sum: 0, largest: 0)
  }

  /// How many numbers were recorded.
  public var count: UInt64 { counts.reduce(0, &+) }

  /// Adds another's numbers; both must have the same scale.
  public mutating func merge(_ other: HistogramSnapshot) {
    precondition(scale == other.scale, "merging histograms of different scales")
    for index in counts.indices { counts[index] &+= other.counts[index] }
    sum &+= other.sum
    largest = max(largest, other.largest)
  }

  /// Takes away what an earlier snapshot had. The largest number stays: what it was before is lost.
  /// Counts may pass below zero on the way to a sum that is not (modulo 2⁶⁴).
  public mutating func subtract(_ earlier: HistogramSnapshot) {
    precondition(scale == earlier.scale, "subtracting histograms of different scales")
    for index in counts.indices { counts[index] &-= earlier.counts[index] }
    sum &-= earlier.sum
  }

  /// The smallest bound that `parts` of `whole` recorded numbers do not exceed (99 of 100: p99), at
  /// most one bucket's width too high and never above the largest number; nil when there are none.
  public func percentile(_ parts: UInt64, of whole: UInt64 = 100) -> UInt64? {
    let count = self.count
    guard count > 0 else { return nil }
    let product = count.multipliedFullWidth(by: min(parts, whole))
    let (quotient, remainder) = whole.dividingFullWidth(product)
    let rank = max(quotient + (remainder > 0 ? 1 : 0), 1)
    var passed: UInt64 = 0
    for index in counts.indices {
      passed &+= counts[index]
      if passed >= rank { return min(scale.bound(of: index), largest) }
    }
    return largest
  }

  /// The mean of what was recorded, rounded down; nil when there is nothing.
  public var mean: UInt64? {
    let count = self.count
    return count > 0 ? sum / count : nil
  }

  /// Calls `body` with each bound shown to Prometheus and how many numbers do not exceed it.
  func cumulate(_ body: (_ bound: UInt64, _ count: UInt64) -> Void) {
    var passed: UInt64 = 0
    var index = 0
    for power in scale.lowest...scale.highest {
      let bound: UInt64 = 1 << power
      while scale.bound(of: index) <= bound {
        passed &+= counts[index]
        index += 1
      }
      body(bound, passed)
    }
  }
}
