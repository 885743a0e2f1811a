import Bytes
import Testing
import Topics

@testable import RocksStore

@Suite struct TrimmingTests {
  /// Three stretches of 10 entries and 100 bytes each, the newest events of them 10, 20 and 30
  /// seconds after the start.
  private let stretches = [UInt64(1), 2, 3].map { number in
    Trimming.Stretch(
      end: number * 10, newest: UnixTime(seconds: Int64(number) * 10), bytes: number * 100)
  }

  @Test func `whole stretches go, oldest first, by age, by size, and never what is held`() {
    struct Case {
      var age: Int64?
      var bytes: UInt64?
      var first: UInt64 = 0
      var held = UInt64.max
      var now: Int64? = 0
      /// Nil: nothing goes.
      var expected: UInt64?
    }
    let cases: [Case] = [
      Case(age: 10, now: 19, expected: nil),
      Case(age: 10, now: 20, expected: 10),
      Case(age: 10, now: 39, expected: 20),
      Case(age: 10, now: 40, expected: 30),
      Case(age: 0, now: 10, expected: 10),
      Case(age: 10, now: nil, expected: nil),
      Case(age: 10, first: 10, now: 20, expected: nil),
      Case(age: 10, first: 15, now: 30, expected: 20),
      Case(age: 10, held: 9, now: 40, expected: nil),
      Case(age: 10, held: 10, now: 40, expected: 10),
      Case(age: 10, held: 29, now: 40, expected: 20),
      Case(age: 10, held: 30, now: 40, expected: 30),
      Case(bytes: 201, expected: nil),
      Case(bytes: 200, expected: 10),
      Case(bytes: 100, expected: 20),
      Case(bytes: 1, expected: 20),
      Case(bytes: 0, expected: 30),
      Case(bytes: 200, now: nil, expected: 10),
      Case(age: 10, bytes: 100, now: 20, expected: 20),
      Case(age: 10, bytes: 1000, now: 39, expected: 20),
      Case(now: 1_000_000, expected: nil),
    ]
    for item in cases {
      let retention = Retention(age: item.age.map { .seconds($0) }, bytes: item.bytes)
      let found = Trimming(
        stretches, retention, first: item.first, held: item.held,
        now: item.now.map { UnixTime(seconds: $0) })
      #expect(found?.first == item.expected, "\(item)")
      if let found {
        #expect(found.bytesBefore == found.first * 10)
        #expect(found.until == UnixTime(seconds: Int64(found.first)))
      }
    }
    #expect(
      Trimming([], Retention(bytes: 0), first: 0, held: .max, now: UnixTime(seconds: 0)) == nil)
  }

  @Test func `a clock is trusted as long as it runs with the other one`() {
    let trust = ClockTrust(
      wall: UnixTime(seconds: 1_000), monotonic: MonotonicTime(nanoseconds: 5_000_000_000))
    for (wall, monotonic, isKept) in [
      (1_000, 5, true), (1_100, 105, true), (1_400, 105, true), (1_401, 105, false),
      (800, 105, true), (799, 105, false), (Int64.max / 1_000_000_000, 5, false),
    ] as [(Int64, Int64, Bool)] {
      #expect(
        trust.isKept(
          wall: UnixTime(seconds: wall),
          monotonic: MonotonicTime(nanoseconds: monotonic * 1_000_000_000)) == isKept,
        "\(wall) \(monotonic)")
    }
  }

  @Test func `a topic whose size is not known lets nothing go for it`() {
    var unknown = stretches
    unknown[2].bytes = 0
    let found = Trimming(
      unknown, Retention(bytes: 1), first: 0, held: .max, now: UnixTime(seconds: 0))
    #expect(found == nil)
  }
}
