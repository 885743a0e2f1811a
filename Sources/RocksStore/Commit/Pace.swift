import Bytes

/// When the next commit may start under load. A commit costs CPU whatever it holds, so starts are
/// kept apart: until half of those who were in flight wait again, at most for the spacing. Half,
/// because then one half is on its way to disk while the loops work on the other. Where the disk is
/// slower than the spacing, its syncs space the commits by themselves.
struct Pace {
  private let spacing: TimeSpan
  private let threshold: Int
  /// So many waiting events are enough for a commit.
  private(set) var quorum: Int
  /// The median sync so far, followed in small steps: each sample moves it by 1/32 towards itself.
  private(set) var medianSync: TimeSpan = .zero
  private var started = MonotonicTime(nanoseconds: 0)

  /// - Parameter threshold: a quorum is never less.
  init(spacing: TimeSpan, threshold: Int) {
    self.spacing = spacing
    self.threshold = threshold
    quorum = threshold
  }

  mutating func commitStarted(at now: MonotonicTime) { started = now }

  /// A commit is about to be answered: so many events are in it or have arrived since it began.
  mutating func answering(inFlight: Int) { quorum = max(threshold, inFlight / 2) }

  mutating func synced(in span: TimeSpan) {
    if medianSync == .zero {
      medianSync = span
      return
    }
    let step = max(medianSync.nanoseconds / 32, 1)
    medianSync.nanoseconds += span > medianSync ? step : span < medianSync ? -step : 0
  }

  /// The earliest start of the next commit while many wait.
  var notBefore: MonotonicTime {
    medianSync > spacing ? started : started + spacing
  }
}
