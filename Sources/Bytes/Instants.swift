/// An instant of wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
/// Covers the years 1678 to 2262. Rooms take it as a parameter; only the shell reads a clock.
package struct UnixTime: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package init(seconds: Int64) { nanoseconds = seconds * 1_000_000_000 }
  package init(milliseconds: Int64) { nanoseconds = milliseconds * 1_000_000 }

  /// Whole seconds since the epoch, rounded down.
  package var seconds: Int64 {
    nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds - 999_999_999) / 1_000_000_000
  }
  /// Whole milliseconds since the epoch, rounded towards zero.
  package var milliseconds: Int64 { nanoseconds / 1_000_000 }

  package static let distantFuture = UnixTime(nanoseconds: .max)

  package static func < (left: UnixTime, right: UnixTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  /// Saturates at the ends of the representable range.
  package static func + (time: UnixTime, span: TimeSpan) -> UnixTime {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return UnixTime(nanoseconds: overflow ? (span.nanoseconds > 0 ? .max : .min) : sum)
  }
  package static func - (time: UnixTime, span: TimeSpan) -> UnixTime {
    time + TimeSpan(nanoseconds: -span.nanoseconds)
  }
  package static func - (later: UnixTime, earlier: UnixTime) -> TimeSpan {
    let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return TimeSpan(nanoseconds: overflow ? .max : difference)
  }
}

/// An instant of a clock that never steps: nanoseconds since an arbitrary start. For deadlines and
/// latencies; meaningless in another process.
package struct MonotonicTime: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static let distantFuture = MonotonicTime(nanoseconds: .max)

  package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
  /// Saturates at the ends of the representable range.
  package static func + (time: MonotonicTime, span: TimeSpan) -> MonotonicTime {
    let (sum, overflow) = time.nanoseconds.addingReportingOverflow(span.nanoseconds)
    return MonotonicTime(nanoseconds: overflow ? .max : sum)
  }
  package static func - (later: MonotonicTime, earlier: MonotonicTime) -> TimeSpan {
    TimeSpan(nanoseconds: later.nanoseconds - earlier.nanoseconds)
  }
}

/// A length of time in nanoseconds; one word, unlike `Duration`.
package struct TimeSpan: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static let zero = TimeSpan(nanoseconds: 0)
  package static func nanoseconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: count) }
  package static func microseconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000)
  }
  package static func milliseconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000_000)
  }
  package static func seconds(_ count: Int64) -> TimeSpan {
    TimeSpan(nanoseconds: count * 1_000_000_000)
  }

  package static func < (left: TimeSpan, right: TimeSpan) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}

/// The clocks, as the shell hands them to the rooms that need to know "now" themselves.
package struct Clocks: Sendable {
  package let wall: @Sendable () -> UnixTime
  package let monotonic: @Sendable () -> MonotonicTime

  package init(
    wall: @escaping @Sendable () -> UnixTime, monotonic: @escaping @Sendable () -> MonotonicTime
  ) {
    self.wall = wall
    self.monotonic = monotonic
  }
}
