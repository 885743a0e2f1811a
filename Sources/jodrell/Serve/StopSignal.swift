import Glibc
import Synchronization

/// Why the gateway ends.
enum StopReason: Equatable, Sendable {
  /// SIGTERM, SIGINT, or SIGHUP where there is no file to read anew.
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
  private let looks = Mutex<[@Sendable (_ isAsked: Bool) -> Void]>([])

  /// The pause between two looks at files that may have changed.
  private static let pause = 1

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
  ///
  /// - Parameter reloading: SIGHUP asks for files to be read anew and ends nothing.
  func obeySignals(reloading: Bool) -> Bool {
    let thread = BackgroundThread { [self] in
      var hasStopped = false
      while true {
        let number = Self.nextSignal()
        if number == 0 || number == SIGHUP && reloading {
          for look in looks.withLock({ $0 }) { look(number == SIGHUP) }
        } else if hasStopped {
          _exit(128 + number)
        } else {
          hasStopped = true
          stop(.signal(number))
        }
      }
    }
    return thread != nil
  }

  /// From now on `look` is called on the thread of the signals: every second, and when SIGHUP
  /// asks for it.
  func onReload(_ look: @escaping @Sendable (_ isAsked: Bool) -> Void) {
    looks.withLock { $0.append(look) }
  }

  /// The next signal of ours; 0 after a pause without any.
  private static func nextSignal() -> Int32 {
    var signals = Self.signals
    var span = timespec(tv_sec: pause, tv_nsec: 0)
    // -1: the pause is over, or a signal of somebody else's has come.
    return max(unsafe sigtimedwait(&signals, nil, &span), 0)
  }

  private static var signals: sigset_t {
    var signals = sigset_t()
    _ = unsafe sigemptyset(&signals)
    for number in [SIGTERM, SIGINT, SIGHUP] { _ = unsafe sigaddset(&signals, number) }
    return signals
  }
}
