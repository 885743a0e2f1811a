import Bytes
import Client
import Synchronization

/// When a run ends: told to stop, out of requests, or interrupted by a signal.
final class RunControl: Sendable {
  /// When it ended, in nanoseconds of the monotonic clock; 0 as long as it goes on.
  private let stopped = Atomic<Int64>(0)
  private let endedBySignal = Atomic<Bool>(false)
  private let turns = Atomic<Int>(0)
  /// How many requests may be sent; nil for any number.
  private let requests: Int?
  private let fault = Mutex<String?>(nil)

  /// - Parameter requests: how many may be sent; nil for any number.
  init(requests: Int?) { self.requests = requests }

  /// The number of the next request, over all connections, from 0; nil when no more may be sent.
  /// Each number is given once, and none is left out, since the last one may be a shorter request.
  func claim() -> Int? {
    if isStopped { return nil }
    let turn = turns.wrappingAdd(1, ordering: .relaxed).oldValue
    if let requests, turn >= requests { return nil }
    return turn
  }

  var isStopped: Bool { stoppedAt != nil }

  /// Whether a signal ended it, and nothing before that.
  var isEndedBySignal: Bool { endedBySignal.load(ordering: .relaxed) }

  /// When the run was told to stop, or first seen to be interrupted; nil as long as it goes on.
  var stoppedAt: MonotonicTime? {
    if interrupted.load(ordering: .relaxed), stopped.load(ordering: .relaxed) == 0 {
      endedBySignal.store(true, ordering: .relaxed)
      stop()
    }
    let instant = stopped.load(ordering: .relaxed)
    return instant == 0 ? nil : MonotonicTime(nanoseconds: instant)
  }

  /// The first stop is the one that counts.
  func stop() {
    let now = monotonicNow().nanoseconds
    _ = stopped.compareExchange(expected: 0, desired: now, ordering: .relaxed)
  }

  /// Keeps the first thing that went wrong, for the report.
  func note(_ text: String) { fault.withLock { if $0 == nil { $0 = text } } }

  /// The same of a request without a usable answer; to be called in its task.
  func note(_ fault: ClientFault) {
    // What cut it off is the end of the run, and that it was waited for in vain is the reason.
    note(Task.isCancelled ? "a request was not answered by the end of the run" : "\(fault)")
  }

  var firstFault: String? { fault.withLock { $0 } }
}
