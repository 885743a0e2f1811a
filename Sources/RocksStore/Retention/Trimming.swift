import Bytes
import Topics

/// What a topic's retention lets go, decided by whole segments, so that nothing has to be read.
/// Pure: facts in, a decision out.
struct Trimming {
  /// One segment with where it ends.
  struct Stretch {
    /// Behind its last entry.
    var end: UInt64
    /// No event of it is younger.
    var newest: UnixTime
    /// Record bytes of the topic up to its end.
    var bytes: UInt64
  }

  /// Entries below go; where this is the topic's end, all of them.
  var first: UInt64
  /// Record bytes before it.
  var bytesBefore: UInt64
  /// None of what goes is younger.
  var until: UnixTime

  /// The oldest stretches that are past the retention, one after the other, up to the first that is
  /// not; nil when there is none.
  ///
  /// - Parameters:
  ///   - held: the lowest entry that a subscription has not acknowledged: what lies at or behind
  ///     it is kept whatever its age.
  ///   - now: nil while the clock cannot be trusted: then age lets nothing go.
  init?(
    _ stretches: [Stretch], _ retention: Retention, first: UInt64, held: UInt64, now: UnixTime?
  ) {
    guard let total = stretches.last?.bytes else { return nil }
    var last: Stretch?
    for stretch in stretches {
      let isOld =
        if let age = retention.age, let now { stretch.newest + age <= now } else { false }
      let isTooMuch = retention.bytes.map { total - min(total, stretch.bytes) >= $0 } ?? false
      guard isOld || isTooMuch, stretch.end <= held else { break }
      last = stretch
    }
    guard let last, last.end > first else { return nil }
    self.first = last.end
    bytesBefore = last.bytes
    until = last.newest
  }
}
