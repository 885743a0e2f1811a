import Bytes
import HTTPWire
import Topics

/// Whether a call that waits may still have what it waits for, and a way to end its wait when it
/// may not. Loop-confined.
///
/// The call asks ahead of taking anything. Whoever learns that rights have changed asks too, which
/// ends the wait at once where the right is gone.
public final class WaitingRight {
  private let check: () -> Bool
  /// What the call waits for; nil while it does not wait.
  private var waiter: Waiter?

  /// - Parameter check: whether the call may go on; asked often, so that it must cost little while
  ///   nothing has changed.
  public init(_ check: @escaping () -> Bool) { self.check = check }

  /// Whether the call may go on.
  public var holds: Bool { check() }

  /// Something about rights has changed.
  ///
  /// - Returns: whether the call may go on; its wait ends if not.
  public func changed() -> Bool {
    if holds { return true }
    waiter?.wake(.timeout)
    return false
  }

  fileprivate func attend(_ waiter: Waiter?) { self.waiter = waiter }
}

extension LoopSite {
  /// Waits for a waiter that others may wake, at most until `deadline` and while the right holds.
  func wait(
    _ waiter: Waiter, until deadline: MonotonicTime, under right: WaitingRight? = nil
  ) async -> Wake {
    right?.attend(waiter)
    defer { right?.attend(nil) }
    guard deadline != .distantFuture else { return await waiter.wait() }
    let timer = timers.schedule(at: deadline) { waiter.wake(.timeout) }
    let wake = await waiter.wait()
    timers.cancel(timer)
    return wake
  }
}
