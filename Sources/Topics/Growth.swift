import Synchronization

/// How far a topic reaches: a level that only rises, and those who wait for it to rise.
///
/// One per incarnation of a topic. The log advances it after each commit, readers of any thread
/// wait on it. A level, not an edge: whoever asks after the fact is told at once that it has
/// already grown.
public final class Growth: Sendable {
  private struct State {
    var end: UInt64
    var isClosed = false
    var waiters: [ObjectIdentifier: (waiter: any Wakeable, beyond: UInt64)] = [:]
  }
  private let state: Mutex<State>

  public init(end: UInt64) { state = Mutex(State(end: end)) }

  /// The entry behind the newest durable event.
  public var end: UInt64 { state.withLock { $0.end } }

  /// Wakes `waiter` with `.grown` once the end lies beyond the given entry, or with `.closed`.
  /// False, and nothing registered, when the end already does or the topic is gone.
  public func register(_ waiter: any Wakeable, beyond: UInt64) -> Bool {
    state.withLock { state in
      guard !state.isClosed, state.end <= beyond else { return false }
      state.waiters[ObjectIdentifier(waiter)] = (waiter, beyond)
      return true
    }
  }

  /// Whether `register` would refuse.
  public func isBeyond(_ entry: UInt64) -> Bool {
    state.withLock { $0.isClosed || $0.end > entry }
  }

  /// Forgets a waiter that was woken by something else.
  public func remove(_ waiter: any Wakeable) {
    state.withLock { _ = $0.waiters.removeValue(forKey: ObjectIdentifier(waiter)) }
  }

  /// How many wait; for gauges and tests.
  public var waiting: Int { state.withLock { $0.waiters.count } }

  /// Raises the level; the log's committer only. A lower value changes nothing.
  public func advance(to end: UInt64) {
    let woken: [any Wakeable] = state.withLock { state in
      guard !state.isClosed, end > state.end else { return [] }
      state.end = end
      if state.waiters.isEmpty { return [] }
      let due = state.waiters.filter { $0.value.beyond < end }
      for key in due.keys { state.waiters[key] = nil }
      return due.values.map(\.waiter)
    }
    for waiter in woken { waiter.wake(.grown) }
  }

  /// The topic is gone or the log closes: wakes everybody, and everybody who comes later is told
  /// so.
  public func close() {
    let woken = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [:] }
      return state.waiters.values.map(\.waiter)
    }
    for waiter in woken { waiter.wake(.closed) }
  }

  public var isClosed: Bool { state.withLock { $0.isClosed } }
}

/// Why a wait is over.
public enum Wake: Sendable, Hashable {
  /// What was waited for has come.
  case grown
  /// The deadline has.
  case timeout
  /// The waiting task was cancelled: the client hung up.
  case cancelled
  /// It will never come.
  case closed
}

/// Whoever waits for a topic to grow, woken once per registration, from any thread.
public protocol Wakeable: AnyObject, Sendable {
  /// Must not block: the committer calls it.
  func wake(_ reason: Wake)
}

/// One wait of one task. Several parties may wake it (the log, a timer, a cancellation); the first
/// wins and the rest change nothing.
public final class Waiter: Wakeable {
  private let outcome = OneShot<Wake>()

  public init() {}

  /// Suspends until woken; returns at once when that has already happened, with `.cancelled` when
  /// the task is cancelled. To be called once.
  public func wait() async -> Wake {
    await withTaskCancellationHandler {
      await outcome.value()
    } onCancel: {
      outcome.settle(.cancelled)
    }
  }

  /// Ends the wait. Any thread; resumes the waiting task without running it here.
  public func wake(_ reason: Wake) { outcome.settle(reason) }
}

/// A value that arrives once and is awaited by at most one task.
public final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case awaited(CheckedContinuation<Value, Never>)
    case settled(Value)
  }
  private let state = Mutex(State.empty)

  public init() {}

  /// Suspends until `settle`. Not cut short by cancellation: callers who want that settle it
  /// themselves.
  public func value() async -> Value {
    await withCheckedContinuation { continuation in
      let value: Value? = state.withLock { state in
        switch state {
        case .empty:
          state = .awaited(continuation)
          return nil
        case .awaited:
          preconditionFailure("two tasks await one value")
        case .settled(let value):
          return value
        }
      }
      if let value { continuation.resume(returning: value) }
    }
  }

  /// The value, if it has arrived.
  public var arrived: Value? {
    state.withLock { state in
      if case .settled(let value) = state { value } else { nil }
    }
  }

  /// Delivers the value; false when one was already there.
  @discardableResult
  public func settle(_ value: Value) -> Bool {
    let (won, continuation): (Bool, CheckedContinuation<Value, Never>?) = state.withLock { state in
      switch state {
      case .empty:
        state = .settled(value)
        return (true, nil)
      case .awaited(let continuation):
        state = .settled(value)
        return (true, continuation)
      case .settled:
        return (false, nil)
      }
    }
    continuation?.resume(returning: value)
    return won
  }
}
