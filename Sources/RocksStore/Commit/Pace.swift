import Bytes

/// When the next commit may start under load. A commit costs CPU whatever it holds, so starts are
/// kept apart: until a third of those who were in flight wait again, at most for the spacing. A
/// third, because then one is on its way to disk and one with its senders while the loops work on
/// the last. Where the disk is slower than the spacing, its syncs space the commits by themselves.
///
/// Senders that do not wait for each other's answers are never all in flight: what arrives while a
/// commit runs would set the size of the next one, and small commits keep commits small. So a
/// commit also waits for what a quarter of a spacing brings at the rate of late, though never for
/// more than three quarters of those in flight, who may be all there are.
struct Pace {
  private let spacing: TimeSpan
  private let threshold: Int
  /// So many waiting events are enough for a commit.
  private(set) var quorum: Int
  /// Fewer waiting events are committed at once.
  private(set) var crowd: Int
  /// The median sync so far, followed in small steps: each sample moves it by 1/32 towards itself.
  private(set) var medianSync: TimeSpan = .zero
  private var started = MonotonicTime(nanoseconds: 0)
  /// Events of the last commit.
  private var committed = 0
  /// Events that a quarter of a spacing brought of late; each commit moves it by an eighth.
  private var expected = 0.0

  /// - Parameter threshold: a quorum is never less.
  init(spacing: TimeSpan, threshold: Int) {
    self.spacing = spacing
    self.threshold = threshold
    quorum = threshold
    crowd = threshold
  }

  mutating func commitStarted(at now: MonotonicTime) {
    let span = max((now - started).nanoseconds, 1_000)
    let brought = Double(committed) * Double(spacing.nanoseconds / 4) / Double(span)
    expected += (brought - expected) / 8
    started = now
  }

  /// A commit of so many events is about to be answered: so many are in it or have arrived since it
  /// began.
  mutating func answering(_ events: Int, inFlight: Int) {
    committed = events
    let expected = min(Int(expected + 0.5), inFlight * 3 / 4)
    quorum = max(threshold, inFlight / 3, expected)
    crowd = expected >= threshold ? 1 : threshold
  }

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
