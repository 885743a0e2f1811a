/// An instant of wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
/// Covers the years 1678 to 2262. Rooms take it as a parameter; only the shell reads a clock.
public struct UnixTime: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  /// Saturates at the ends of the representable range.
  public init(seconds: Int64) { nanoseconds = seconds.scaled(by: 1_000_000_000) }
  /// Saturates at the ends of the representable range.
  public init(milliseconds: Int64) { nanoseconds = milliseconds.scaled(by: 1_000_000) }

  /// Whole seconds since the epoch, rounded down.
  public var seconds: Int64 {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    return rest < 0 ? whole - 1 : whole
  }
  /// Whole milliseconds since the epoch, rounded towards zero.
  public var milliseconds: Int64 { nanoseconds / 1_000_000 }

  public static let distantFuture = UnixTime(nanoseconds: .max)

  public static func < (left: UnixTime, right: UnixTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  /// Saturates at the ends of the representable range.
  public static func + (time: UnixTime, span: TimeSpan) -> UnixTime {
    UnixTime(nanoseconds: time.nanoseconds.plus(span.nanoseconds))
  }
  public static func - (time: UnixTime, span: TimeSpan) -> UnixTime {
    UnixTime(nanoseconds: time.nanoseconds.minus(span.nanoseconds))
  }
  public static func - (later: UnixTime, earlier: UnixTime) -> TimeSpan {
    TimeSpan(nanoseconds: later.nanoseconds.minus(earlier.nanoseconds))
  }
}

/// An instant of a clock that never steps: nanoseconds since an arbitrary start. For deadlines and
/// latencies; meaningless in another process.
public struct MonotonicTime: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let distantFuture = MonotonicTime(nanoseconds: .max)

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  /// Saturates at the ends of the representable range.
  public static func + (time: MonotonicTime, span: TimeSpan) -> MonotonicTime {
    MonotonicTime(nanoseconds: time.nanoseconds.plus(span.nanoseconds))
  }
  public static func - (later: MonotonicTime, earlier: MonotonicTime) -> TimeSpan {
    TimeSpan(nanoseconds: later.nanoseconds.minus(earlier.nanoseconds))
  }
}

/// A length of time in nanoseconds; one word, unlike `Duration`. Made of other units, it saturates.
public struct TimeSpan: Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = TimeSpan(nanoseconds: 0)
  public static func nanoseconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: count) }
  public static func microseconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count.scaled(by: 1_000))
  }
  public static func milliseconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count.scaled(by: 1_000_000))
  }
  public static func seconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count.scaled(by: 1_000_000_000))
  }

  public static func < (left: TimeSpan, right: TimeSpan) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

/// The clocks, as the shell hands them to the rooms that need to know "now" themselves.
public struct Clocks: Sendable {
  public let wall: @Sendable () -> UnixTime
  public let monotonic: @Sendable () -> MonotonicTime

  public init(
    wall: @escaping @Sendable () -> UnixTime, monotonic: @escaping @Sendable () -> MonotonicTime
  ) {
    self.wall = wall
    self.monotonic = monotonic
  }
}

extension Int64 {
  /// Saturating: instants and spans come out of tokens and requests, where any number may stand.
  fileprivate func plus(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  fileprivate func minus(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  fileprivate func scaled(by factor: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: factor)
    return overflow ? (self > 0 ? .max : .min) : product
  }
}
