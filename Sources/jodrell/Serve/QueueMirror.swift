import Metrics
import Synchronization

/// Carries over into the metrics how much full queues have turned away, whenever somebody looks.
final class QueueMirror: Sendable {
  private struct Seen {
    var events = 0
    var work = 0
  }

  private let seen = Mutex(Seen())

  func update(_ queues: QueueMetrics, refusedEvents: Int, refusedWork: Int) {
    // Of two who look at once the later one may have seen less.
    seen.withLock { seen in
      queues.commitRefused.add(max(refusedEvents - seen.events, 0))
      queues.workersRefused.add(max(refusedWork - seen.work, 0))
      seen = Seen(
        events: max(seen.events, refusedEvents), work: max(seen.work, refusedWork))
    }
  }
}
