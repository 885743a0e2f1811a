import Bytes
import Foundation
import Glibc
import Synchronization

/// Runs a timetable in real time: a thread of its own sleeps until the next send is due and wakes a
/// connection for it. The tasks of any loop wait here.
final class Pacer: Sendable {
  private typealias Waiter = CheckedContinuation<MonotonicTime?, Never>

  private let queue: Mutex<SendQueue<Waiter>>
  private let control: RunControl

  /// At high rates it wakes several connections at once, which costs each at most this much.
  private static let shortestSleep = TimeSpan.microseconds(50)
  /// It looks at the control as often.
  private static let longestSleep = TimeSpan.milliseconds(20)

  init(_ timetable: Timetable, control: RunControl) {
    queue = Mutex(SendQueue(timetable))
    self.control = control
  }

  /// When the caller's next send is due, which may be past: that is what its latency counts from.
  /// Returns when it is; nil when there is none any more.
  func next() async -> MonotonicTime? {
    await withCheckedContinuation { waiter in
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
    let thread = Thread { [self] in run() }
    thread.name = "pacer"
    thread.start()
  }

  /// How many sends were due and are not made.
  var overdue: Int { queue.withLock { $0.overdue(at: monotonicNow()) } }

  private func run() {
    Self.sleepPrecisely()
    while true {
      let now = monotonicNow()
      let (released, wake) = queue.withLock { queue in
        (queue.release(at: now), queue.wake(after: now))
      }
      for (waiter, due) in released { waiter.resume(returning: due) }
      guard let wake, !control.isStopped else { break }
      Self.sleep(until: min(max(wake, now + Self.shortestSleep), now + Self.longestSleep))
    }
    for waiter in queue.withLock({ $0.finish() }) { waiter.resume(returning: nil) }
  }

  /// The kernel may wake a sleeping thread 50 µs late unless it asks for less (proc(5),
  /// `timerslack_ns`); where it may not ask, it sleeps as others do.
  private static func sleepPrecisely() {
    let setting = FileHandle(forWritingAtPath: "/proc/thread-self/timerslack_ns")
    try? setting?.write(contentsOf: Data("1000".utf8))
    try? setting?.close()
  }

  private static func sleep(until end: MonotonicTime) {
    var time = timespec(
      tv_sec: Int(end.nanoseconds / 1_000_000_000), tv_nsec: Int(end.nanoseconds % 1_000_000_000))
    // SAFETY: the kernel reads a local variable; an interrupted sleep is a short one.
    _ = unsafe clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil)
  }
}
