import Bytes
import Tenancy

/// A token bucket as one number: the instant at which it would have been empty, so that what lies
/// between it and now is what it holds. Whole numbers only; the clock is the caller's.
///
/// What is asked for at once may be more than fits in: then a full bucket gives it and goes into
/// debt, so that a large batch is slowed down like the small ones that it is worth.
enum TokenBucket {
  /// A bucket that nobody has taken from.
  static let untouched: Int64 = 0

  enum Verdict: Equatable {
    /// What the bucket is afterwards.
    case given(mark: Int64)
    /// How long until it would be.
    case refused(wait: TimeSpan)
  }

  /// What becomes of a bucket that `amount` is taken from.
  static func take(
    _ amount: Int64, from mark: Int64, at now: MonotonicTime, _ rate: Rate
  ) -> Verdict {
    let base = start(mark, now, rate)
    let need = time(for: min(amount, rate.burst), rate)
    let held = now.nanoseconds &- base
    guard held >= need else { return .refused(wait: .nanoseconds(need &- held)) }
    return .given(mark: base &+ time(for: amount, rate))
  }

  /// The bucket after `amount` was taken whether it held so much or not.
  static func charge(
    _ amount: Int64, to mark: Int64, at now: MonotonicTime, _ rate: Rate
  ) -> Int64 {
    start(mark, now, rate) &+ time(for: amount, rate)
  }

  /// How much the bucket holds, rounded down; below zero for a debt.
  static func left(in mark: Int64, at now: MonotonicTime, _ rate: Rate) -> Int64 {
    let held = now.nanoseconds &- start(mark, now, rate)
    let product = UInt64(rate.count).multipliedFullWidth(by: held.magnitude)
    let span = UInt64(rate.span.nanoseconds)
    guard product.high < span else { return held < 0 ? .min : rate.burst }
    let amount = Int64(clamping: span.dividingFullWidth(product).quotient)
    return held < 0 ? -amount : min(amount, rate.burst)
  }

  /// Where an overfull bucket's content begins.
  private static func start(_ mark: Int64, _ now: MonotonicTime, _ rate: Rate) -> Int64 {
    let full = now.nanoseconds &- time(for: rate.burst, rate)
    return mark == untouched ? full : max(mark, full)
  }

  /// How long it takes for `amount` to come in, in nanoseconds rounded down, so that a full bucket
  /// gives its burst to the last; two years at most.
  static func time(for amount: Int64, _ rate: Rate) -> Int64 {
    let product = UInt64(amount).multipliedFullWidth(by: UInt64(rate.span.nanoseconds))
    let count = UInt64(rate.count)
    guard product.high < count else { return longest }
    return Int64(min(count.dividingFullWidth(product).quotient, UInt64(longest)))
  }

  private static let longest: Int64 = 1 << 56
}
