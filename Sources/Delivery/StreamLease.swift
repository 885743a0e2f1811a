import Synchronization
import Topics

/// Somebody else's right to end a stream: a ticket that opens another one. Any thread may end it;
/// the stream's own task notices at once, even while it waits.
public final class StreamLease: Sendable {
  private struct State {
    var isEnded = false
    var waiter: (any Wakeable)?
  }

  private let state = Mutex(State())

  public init() {}

  public var isEnded: Bool { state.withLock { $0.isEnded } }

  /// Ends the stream; more than once changes nothing.
  public func end() {
    let waiter = state.withLock { state in
      state.isEnded = true
      return state.waiter
    }
    waiter?.wake(.closed)
  }

  /// The stream waits with `waiter` now, which `end` wakes; at once if it has been called. Nil when
  /// the wait is over.
  func attend(_ waiter: (any Wakeable)?) {
    let isEnded = state.withLock { state in
      state.waiter = waiter
      return state.isEnded
    }
    if isEnded { waiter?.wake(.closed) }
  }
}
