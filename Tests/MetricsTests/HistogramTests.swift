import Bytes
import Testing

@testable import Metrics

@Suite("Histogram")
struct HistogramTests {
  static let scales: [HistogramScale] = [.latency, .fine, .size]

  @Test("every bucket holds exactly the numbers up to its bound", arguments: scales)
  func bounds(scale: HistogramScale) {
    var previous: UInt64 = 0
    for index in 0..<(scale.buckets - 1) {
      let bound = scale.bound(of: index)
      #expect(bound > previous || index == 0)
      #expect(scale.bucket(of: bound) == index)
      #expect(scale.bucket(of: bound + 1) == index + 1)
      previous = bound
    }
    #expect(previous == 1 << scale.top)
    #expect(scale.bucket(of: 0) == 0)
    #expect(scale.bucket(of: .max) == scale.buckets - 1)
    #expect(scale.bound(of: scale.buckets - 1) == .max)
  }

  @Test("a bucket is no wider than its scale promises", arguments: scales)
  func width(scale: HistogramScale) {
    for index in 1..<(scale.buckets - 1) {
      let low = scale.bound(of: index - 1)
      let width = scale.bound(of: index) - low
      #expect(width <= max(1 << scale.unit, low >> scale.precision))
    }
  }

  @Test("percentiles are never below the true ones and at most one bucket above")
  func percentiles() {
    var generator = SplitMix(seed: 7)
    let histogram = Histogram(.latency)
    var truth: [UInt64] = []
    for _ in 0..<20_000 {
      let value = generator.next() >> (28 + generator.next() % 30)
      truth.append(value)
      histogram.record(value: value)
    }
    truth.sort()
    let snapshot = histogram.snapshot
    for (parts, whole): (UInt64, UInt64) in [
      (0, 100), (1, 100), (50, 100), (90, 100), (99, 100), (999, 1000), (9999, 10_000), (1, 1),
    ] {
      let rank = max((truth.count * Int(parts) + Int(whole) - 1) / Int(whole), 1)
      let exact = truth[rank - 1]
      let told = snapshot.percentile(parts, of: whole) ?? 0
      #expect(told >= exact, "seed 7, \(parts)/\(whole)")
      #expect(told <= exact + max(exact / 32 + 1, 128), "seed 7, \(parts)/\(whole)")
    }
    #expect(snapshot.largest == truth.last)
    #expect(snapshot.count == 20_000)
    #expect(snapshot.sum == truth.reduce(0, +))
  }

  @Test("an empty histogram has no percentile, one number is all of them")
  func few() {
    let histogram = Histogram(.latency)
    #expect(histogram.snapshot.percentile(99) == nil)
    #expect(LatencySummary(histogram.snapshot) == nil)
    histogram.record(.milliseconds(3))
    #expect(histogram.snapshot.percentile(1, of: 1000) == 3_000_000)
    #expect(histogram.snapshot.percentile(999, of: 1000) == 3_000_000)
    histogram.record(TimeSpan(nanoseconds: -5))
    #expect(histogram.snapshot.percentile(1) == 128)
    histogram.record(.seconds(3600))
    #expect(histogram.snapshot.percentile(1, of: 1) == 3_600_000_000_000)
  }

  @Test("merging equals recording into one; subtracting undoes it")
  func merge() {
    let left = Histogram(.latency)
    let right = Histogram(.latency)
    let both = Histogram(.latency)
    for step in 1...500 {
      let span = TimeSpan.microseconds(Int64(step * step))
      if step % 3 == 0 {
        left.record(span, times: step % 4)
      } else {
        right.record(span, times: step % 4)
      }
      both.record(span, times: step % 4)
    }
    var merged = left.snapshot
    merged.merge(right.snapshot)
    #expect(merged == both.snapshot)
    merged.subtract(right.snapshot)
    #expect(merged.counts == left.snapshot.counts)
    #expect(merged.sum == left.snapshot.sum)
  }

  /// A histogram has one owner; threads share that.
  private final class Owner: Sendable {
    let histogram = Histogram(.latency)
  }

  @Test("no addition is lost between threads")
  func contention() async {
    let owner = Owner()
    await withTaskGroup(of: Void.self) { group in
      for part in 0..<4 {
        group.addTask { @concurrent in
          for step in 0..<25_000 { owner.histogram.record(value: UInt64(step * 64 + part)) }
        }
      }
    }
    #expect(owner.histogram.snapshot.count == 100_000)
    #expect(owner.histogram.snapshot.largest == 24_999 * 64 + 3)
  }

  @Test("cumulative counts include numbers equal to the bound and nothing above")
  func cumulative() {
    let histogram = Histogram(.latency)
    for value: UInt64 in [1, 65_536, 65_537, 131_072, 1 << 34, 1 << 34 + 1, 1 << 40] {
      histogram.record(value: value)
    }
    var rows: [UInt64: UInt64] = [:]
    histogram.snapshot.cumulate { rows[$0] = $1 }
    #expect(rows.count == 19)
    #expect(rows[65_536] == 2)
    #expect(rows[131_072] == 4)
    #expect(rows[1 << 34] == 5)
    #expect(histogram.snapshot.count == 7)
  }

  @Test("a summary is JSON in milliseconds")
  func summary() {
    let histogram = Histogram(.latency)
    for step in 1...1000 { histogram.record(.microseconds(Int64(step))) }
    var writer = ByteWriter()
    LatencySummary.appendJSON(of: LatencySummary(histogram.snapshot), to: &writer)
    #expect(
      writer.slice.text
        == #"{"count":1000,"p50":0.508,"p90":0.901,"p99":0.999,"p999":0.999,"max":1.000}"#)
    var none = ByteWriter()
    LatencySummary.appendJSON(of: nil, to: &none)
    #expect(none.slice.text == "null")
  }
}

/// A seeded generator (Steele, Lea, Flood: SplitMix64), so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
