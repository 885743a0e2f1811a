import Synchronization

/// When a run ends: told to stop, out of requests, or interrupted from the keyboard.
final class RunControl: Sendable {
  private let stopped = Atomic<Bool>(false)
  private let remaining: Atomic<Int>
  private let turns = Atomic<Int>(0)
  private let isLimited: Bool
  private let fault = Mutex<String?>(nil)

  /// - Parameter requests: how many may be sent; nil for any number.
  init(requests: Int?) {
    remaining = Atomic(requests ?? 0)
    isLimited = requests != nil
  }

  /// Whether one more request may be sent; counts it.
  func claim() -> Bool {
    if isStopped { return false }
    guard isLimited else { return true }
    return remaining.wrappingSubtract(1, ordering: .relaxed).newValue >= 0
  }

  /// The number of the next send, over all connections, from 0.
  func turn() -> Int { turns.wrappingAdd(1, ordering: .relaxed).oldValue }

  var isStopped: Bool { stopped.load(ordering: .relaxed) || interrupted.load(ordering: .relaxed) }

  func stop() { stopped.store(true, ordering: .relaxed) }

  /// Keeps the first thing that went wrong, for the report.
  func note(_ text: String) { fault.withLock { if $0 == nil { $0 = text } } }

  var firstFault: String? { fault.withLock { $0 } }
}
