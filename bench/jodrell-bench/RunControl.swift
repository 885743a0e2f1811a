import Client
import Synchronization

/// When a run ends: told to stop, out of requests, or interrupted from the keyboard.
final class RunControl: Sendable {
  private let stopped = Atomic<Bool>(false)
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

  var isStopped: Bool { stopped.load(ordering: .relaxed) || interrupted.load(ordering: .relaxed) }

  func stop() { stopped.store(true, ordering: .relaxed) }

  /// Keeps the first thing that went wrong, for the report.
  func note(_ text: String) { fault.withLock { if $0 == nil { $0 = text } } }

  /// The same of a request without a usable answer; to be called in its task.
  func note(_ fault: ClientFault) {
    // What cut it off is the end of the run, and that it was waited for in vain is the reason.
    note(Task.isCancelled ? "a request was not answered by the end of the run" : "\(fault)")
  }

  var firstFault: String? { fault.withLock { $0 } }
}
