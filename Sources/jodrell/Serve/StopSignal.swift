import Glibc
import Synchronization

/// Why the gateway ends.
enum StopReason: Equatable, Sendable {
  /// SIGTERM, SIGINT or SIGHUP.
  case signal(Int32)
  /// The store refused a write; nothing more can be promised.
  case writeFailed(String)
  /// The same, because the volume is full.
  case volumeFull(String)
}

/// The one thing that the serving task waits for. The first reason counts. Any thread may ask to
/// stop.
final class StopSignal: Sendable {
  private struct State {
    var reason: StopReason?
    var waiter: CheckedContinuation<StopReason, Never>?
  }

  private let state = Mutex(State())

  func stop(_ reason: StopReason) {
    let waiter = state.withLock { state -> CheckedContinuation<StopReason, Never>? in
      guard state.reason == nil else { return nil }
      state.reason = reason
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: reason)
  }

  /// Waits for the first reason. Called by one task.
  func reason() async -> StopReason {
    await withCheckedContinuation { waiter in
      let reason = state.withLock { state in
        if state.reason == nil { state.waiter = waiter }
        return state.reason
      }
      if let reason { waiter.resume(returning: reason) }
    }
  }

  /// Leaves the signals that end a service to the thread that waits for them. Called on the first
  /// thread before there are others: they inherit it.
  ///
  /// SAFETY: the signal sets live on the stack of the function that hands them to the call.
  static func blockSignals() {
    var signals = Self.signals
    _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Turns those signals into a stop: the first one drains, a second one ends the process at once
  /// with 128 + its number. False when the system has no thread left.
  func obeySignals() -> Bool {
    let thread = BackgroundThread { [self] in
      var signals = Self.signals
      var number: Int32 = 0
      guard unsafe sigwait(&signals, &number) == 0 else { return }
      stop(.signal(number))
      guard unsafe sigwait(&signals, &number) == 0 else { return }
      _exit(128 + number)
    }
    return thread != nil
  }

  private static var signals: sigset_t {
    var signals = sigset_t()
    _ = unsafe sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP] { _ = unsafe sigaddset(&signals, number) }
    return signals
  }
}
