import Bytes
import Client
import Foundation
import Synchronization

/// Runs a timetable in real time. The tasks of any loop wait here; the loop of the first that does
/// wakes them, each when its send is due. So what paces is the thread that sends, and a thread of
/// its own does not take a core from it 20,000 times a second.
final class Pacer: Sendable {
  private typealias Waiter = CheckedContinuation<MonotonicTime?, Never>

  private let queue: Mutex<SendQueue<Waiter>>
  private let control: RunControl
  private let hasLoop = Atomic<Bool>(false)

  /// Loops that pace may sleep so much too long.
  static let grain = TimeSpan.microseconds(20)
  /// At high rates it wakes several connections at once, which costs each at most this much.
  private static let shortestSleep = TimeSpan.microseconds(50)
  /// Before the begin it looks so often…
  private static let firstSleep = TimeSpan.milliseconds(1)
  /// … and at the control so often.
  private static let longestSleep = TimeSpan.milliseconds(20)

  init(_ timetable: Timetable, control: RunControl) {
    queue = Mutex(SendQueue(timetable))
    self.control = control
  }

  /// When the caller's next send is due, which may be past: that is what its latency counts from.
  /// Returns when it is; nil when there is none any more.
  func next(on loop: isolated ClientLoop) async -> MonotonicTime? {
    if !hasLoop.exchange(true, ordering: .relaxed) {
      Self.sleepPrecisely()
      look(on: loop)
    }
    switch queue.withLock({ $0.take(at: monotonicNow()) }) {
    case .send(let due): return due
    case .over: return nil
    case .wait: break
    }
    return await withCheckedContinuation { waiter in
      let answer = queue.withLock { queue in
        let answer = queue.take(at: monotonicNow())
        if answer == .wait { queue.park(waiter) }
        return answer
      }
      switch answer {
      case .send(let due): waiter.resume(returning: due)
      case .over: waiter.resume(returning: nil)
      case .wait: break
      }
    }
  }

  /// Starts the timetable once `connections` wait for it, or after five seconds.
  func begin(whenIdle connections: Int) async {
    let patience = monotonicNow() + .seconds(5)
    while queue.withLock({ $0.idleCount }) < connections, monotonicNow() < patience,
      !control.isStopped
    { try? await Task.sleep(for: .milliseconds(2)) }
    queue.withLock { $0.begin(at: monotonicNow()) }
  }

  /// How many sends were due and are not made.
  var overdue: Int { queue.withLock { $0.overdue(at: monotonicNow()) } }

  /// Wakes those whose sends are due, over and over until the end.
  private func look(on loop: isolated ClientLoop) {
    let now = monotonicNow()
    let (released, wake) = queue.withLock { queue in
      (queue.release(at: now), queue.hasBegun ? queue.wake(after: now) : now + Self.firstSleep)
    }
    for (waiter, due) in released { waiter.resume(returning: due) }
    guard let wake, !control.isStopped else {
      for waiter in queue.withLock({ $0.finish() }) { waiter.resume(returning: nil) }
      return
    }
    loop.call(at: min(max(wake, now + Self.shortestSleep), now + Self.longestSleep)) { loop in
      self.look(on: loop)
    }
  }

  /// The kernel may wake a sleeping thread 50 µs late unless it asks for less (proc(5),
  /// `timerslack_ns`); where it may not ask, it sleeps as others do.
  private static func sleepPrecisely() {
    let setting = FileHandle(forWritingAtPath: "/proc/thread-self/timerslack_ns")
    try? setting?.write(contentsOf: Data("1000".utf8))
    try? setting?.close()
  }
}
