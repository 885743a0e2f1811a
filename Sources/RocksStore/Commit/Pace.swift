import Bytes

/// When the next commit may start under load. A commit costs CPU whatever it holds, so starts are
/// kept apart; where the disk is slower than that spacing, its syncs space the commits by
/// themselves.
struct Pace {
  private let spacing: TimeSpan
  /// The median sync so far, followed in small steps: each sample moves it by 1/32 towards itself.
  private(set) var medianSync: TimeSpan = .zero
  private var started = MonotonicTime(nanoseconds: 0)

  init(spacing: TimeSpan) { self.spacing = spacing }

  mutating func commitStarted(at now: MonotonicTime) { started = now }

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
