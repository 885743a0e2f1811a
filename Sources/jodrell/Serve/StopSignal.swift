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

/// The one thing that the serving task waits for. The first reason ends the wait; the reason that
/// counts at last is a write that failed, before the first one or while what was in flight was
/// finished. Any thread may ask to stop.
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
      if let earlier = state.reason {
        if case .signal = earlier { state.reason = reason }
        return nil
      }
      state.reason = reason
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: reason)
  }

  /// Why it ends, as far as is known now: to be asked when nothing is written any more.
  var lastReason: StopReason? { state.withLock { $0.reason } }

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
    var signals = Self.set(of: Self.numbers)
    _ = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  /// Turns those signals into a stop: the first one drains, a second one ends the process at once
  /// with 128 + its number. False when the system has no thread left.
  ///
  /// - Parameter reloading: SIGHUP asks for files to be read anew and ends nothing.
  func obeySignals(reloading: Bool) -> Bool {
    let ending = reloading ? [SIGTERM, SIGINT] : Self.numbers
    let waiting = BackgroundThread { [self] in
      var hasStopped = false
      while true {
        guard let number = Self.next(of: ending) else { continue }
        if hasStopped { _exit(128 + number) }
        hasStopped = true
        stop(.signal(number))
      }
    }
    // A look may take long: a file of another machine, a command. That must not keep the other
    // thread from hearing that all shall end.
    let looking = BackgroundThread { [self] in
      while true {
        let number = Self.next(of: reloading ? [SIGHUP] : [], within: Self.pause)
        for look in looks.withLock({ $0 }) { look(number == SIGHUP) }
      }
    }
    return waiting != nil && looking != nil
  }

  /// From now on `look` is called on a thread for such looks: every second, and when SIGHUP asks
  /// for it.
  func onReload(_ look: @escaping @Sendable (_ isAsked: Bool) -> Void) {
    looks.withLock { $0.append(look) }
  }

  /// The next of these signals; nil when none has come in so many seconds, or another one has.
  private static func next(of numbers: [Int32], within seconds: Int? = nil) -> Int32? {
    var signals = set(of: numbers)
    guard let seconds else {
      let number = unsafe sigwaitinfo(&signals, nil)
      return number > 0 ? number : nil
    }
    var span = timespec(tv_sec: seconds, tv_nsec: 0)
    let number = unsafe sigtimedwait(&signals, nil, &span)
    return number > 0 ? number : nil
  }

  private static let numbers = [SIGTERM, SIGINT, SIGHUP]

  private static func set(of numbers: [Int32]) -> sigset_t {
    var signals = sigset_t()
    _ = unsafe sigemptyset(&signals)
    for number in numbers { _ = unsafe sigaddset(&signals, number) }
    return signals
  }
}
