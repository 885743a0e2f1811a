import Bytes
import Client
import Foundation
import Synchronization

/// Runs a timetable in real time. The tasks of any loop wait here; a loop whose task does wakes
/// them, each when its send is due. So what paces is a thread that sends, and a thread of its own
/// does not take a core from it 20,000 times a second.
final class Pacer: Sendable {
  private typealias Waiter = CheckedContinuation<MonotonicTime?, Never>

  private struct State {
    var queue: SendQueue<Waiter>
    /// Sends that were handed out and not made.
    var forgone = 0
    /// Whether a loop looks at the queue. One does as long as somebody waits.
    var isLooking = false
  }

  private let state: Mutex<State>
  private let control: RunControl

  /// Loops that pace may sleep so much too long.
  static let grain = TimeSpan.microseconds(20)
  /// At high rates it wakes several connections at once, which costs each at most this much.
  private static let shortestSleep = TimeSpan.microseconds(50)
  /// Before the begin it looks so often; the begin is announced twice as long ahead.
  private static let firstSleep = TimeSpan.milliseconds(1)
  /// It looks at the control so often.
  private static let longestSleep = TimeSpan.milliseconds(20)

  init(_ timetable: Timetable, control: RunControl) {
    state = Mutex(State(queue: SendQueue(timetable)))
    self.control = control
  }

  /// When the caller's next send is due, which may be past: that is what its latency counts from.
  /// Returns when it is; nil when there is none any more.
  func next(on loop: isolated ClientLoop) async -> MonotonicTime? {
    // Whoever is behind the timetable goes on without a continuation.
    switch state.withLock({ $0.queue.take(at: monotonicNow()) }) {
    case .send(let due): return due
    case .over: return nil
    case .wait: break
    }
    return await withCheckedContinuation { waiter in
      // Parked, it is found by the look that follows, or by one of another loop.
      let mustLook = state.withLock { state in
        state.queue.park(waiter)
        defer { state.isLooking = true }
        return !state.isLooking
      }
      if mustLook { look(on: loop) }
    }
  }

  /// Starts the timetable once `connections` wait for it, or after five seconds.
  func begin(whenIdle connections: Int) async {
    let patience = monotonicNow() + .seconds(5)
    while state.withLock({ $0.queue.idleCount }) < connections, monotonicNow() < patience,
      !control.isStopped
    { try? await Task.sleep(for: .milliseconds(2)) }
    state.withLock { $0.queue.begin(at: monotonicNow() + Self.firstSleep + Self.firstSleep) }
  }

  /// A send that `next` has handed out is not made: the run ended meanwhile.
  func forgo(_ due: MonotonicTime) {
    if due <= latestDue { state.withLock { $0.forgone += 1 } }
  }

  /// How many sends were due and are not made.
  var overdue: Int {
    let latest = latestDue
    return state.withLock { $0.queue.overdue(at: latest) + $0.forgone }
  }

  /// What was due by then should have been made. An interrupted run owes nothing that fell due
  /// behind its stop, nor what could still have left in time.
  private var latestDue: MonotonicTime {
    guard let stopped = control.stoppedAt else { return monotonicNow() }
    return stopped + .nanoseconds(-Publisher.punctual.nanoseconds)
  }

  /// Wakes those whose sends are due, over and over while somebody waits.
  private func look(on loop: isolated ClientLoop) {
    let now = monotonicNow()
    let isStopped = control.isStopped
    let (released, ended, wake) = state.withLock { state in
      let released = state.queue.release(at: now)
      let isWaiting = state.queue.idleCount > 0
      let wake = state.queue.hasBegun ? state.queue.wake(after: now) : now + Self.firstSleep
      if isWaiting, let wake, !isStopped { return (released, [Waiter](), Optional(wake)) }
      state.isLooking = false
      return (released, wake == nil || isStopped ? state.queue.finish() : [], nil)
    }
    for (waiter, due) in released { waiter.resume(returning: due) }
    for waiter in ended { waiter.resume(returning: nil) }
    guard let wake else { return }
    loop.call(at: min(max(wake, now + Self.shortestSleep), now + Self.longestSleep)) { loop in
      self.look(on: loop)
    }
  }
}

/// The kernel may wake a sleeping thread 50 µs late unless it asks for less. Asks for the calling
/// thread (proc(5), `timerslack_ns`); where it may not ask, it sleeps as others do.
///
/// - Returns: what is in force now, in nanoseconds; nil where that is not told.
func sleepPrecisely() -> Int? {
  // The file is there under a thread's own number only, which the link ends with.
  guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self"),
    let number = link.split(separator: "/").last
  else { return nil }
  let path = "/proc/\(number)/timerslack_ns"
  let setting = FileHandle(forWritingAtPath: path)
  try? setting?.write(contentsOf: Data("1000".utf8))
  try? setting?.close()
  let text = try? String(contentsOfFile: path, encoding: .utf8)
  return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
}
