import Bytes
import Glibc

/// When the sends of an open loop are due, as spans from its start. A value; knows no clock.
struct Timetable: Sendable {
  enum Arrivals: String, CaseIterable {
    /// One every 1/rate seconds.
    case even
    /// At random and independent of each other, as calls of many strangers are.
    case poisson
  }

  /// When the next send is due; nil when the last one was handed out.
  private(set) var next: TimeSpan?

  private let rate: Int
  private let arrivals: Arrivals
  let length: TimeSpan?
  private let count: Int
  private var random: SplitMix
  private var handedOut = 0
  /// Where the random arrivals have come to, in seconds.
  private var reached = 0.0

  /// - Parameters:
  ///   - rate: sends per second, 1 to 10,000,000.
  ///   - length: sends are due before it ends; nil for a timetable without an end.
  ///   - count: how many sends there are at most; nil for any number.
  init(
    rate: Int, arrivals: Arrivals = .even, length: TimeSpan? = nil, count: Int? = nil,
    seed: UInt64 = 1
  ) {
    self.rate = rate
    self.arrivals = arrivals
    self.length = length
    self.count = count ?? .max
    random = SplitMix(seed: seed)
    next = within(.zero)
    if arrivals == .poisson { next = within(randomStep()) }
  }

  /// Hands out the next send.
  mutating func advance() {
    handedOut += 1
    switch arrivals {
    case .even: next = within(Self.even(handedOut, at: rate))
    case .poisson: next = within(randomStep())
    }
  }

  /// When the send of that number, from 0, is due at an even rate, rounded down to nanoseconds.
  /// Seconds and what is left of them apart, since a long run's number times a second is too much.
  static func even(_ number: Int, at rate: Int) -> TimeSpan {
    let (seconds, rest) = number.quotientAndRemainder(dividingBy: rate)
    return .nanoseconds(Int64(seconds) * 1_000_000_000 + Int64(rest) * 1_000_000_000 / Int64(rate))
  }

  /// Exponential gaps make a Poisson process.
  private mutating func randomStep() -> TimeSpan {
    let uniform = (Double(random.next() >> 11) + 1) / Double(1 << 53)
    reached -= log(uniform) / Double(rate)
    return .nanoseconds(Int64(reached * 1e9))
  }

  private func within(_ span: TimeSpan) -> TimeSpan? {
    if handedOut >= count { return nil }
    if let length, span >= length { return nil }
    return span
  }
}
