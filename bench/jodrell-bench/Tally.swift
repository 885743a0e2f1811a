import Bytes
import Client
import Glibc
import Metrics
import Synchronization

/// What all connections of a run count together. Any loop records at any time.
final class Tally: Sendable {
  let latency = Histogram(.fine)
  private let statuses = CounterRow(600)
  private let faults = CounterRow(3)
  private let events = Counter()
  private let bytes = Counter()
  private let late = Counter()
  private let everStored = Counter()
  /// How late the latest send of an open loop left, in nanoseconds.
  private let latest = Atomic<Int64>(0)
  /// When the last counted answer came, in nanoseconds of the monotonic clock.
  private let last = Atomic<Int64>(0)
  private let began = Atomic<Int64>(0)
  /// Results count only while this is set: not during the warm-up.
  private let counting = Atomic<Bool>(false)

  /// Starts counting; when it has started before, that stays.
  ///
  /// - Returns: when it started.
  @discardableResult
  func begin() -> MonotonicTime {
    let (isFirst, first) = began.compareExchange(
      expected: 0, desired: monotonicNow().nanoseconds, ordering: .relaxed)
    if isFirst { counting.store(true, ordering: .relaxed) }
    return isFirst ? beganAt : MonotonicTime(nanoseconds: first)
  }

  private var beganAt: MonotonicTime {
    MonotonicTime(nanoseconds: began.load(ordering: .relaxed))
  }

  func end() { counting.store(false, ordering: .relaxed) }

  /// An answer that came just now: its status, how many events it says are stored, the payload
  /// bytes sent, and when its request was.
  func answered(_ status: Int, stored: Int, bytes sent: Int, since started: MonotonicTime) {
    everStored.add(stored)
    guard counting.load(ordering: .relaxed) else { return }
    let now = monotonicNow()
    latency.record(now - started)
    last.store(now.nanoseconds, ordering: .relaxed)
    statuses.add(at: min(max(status, 0), 599))
    events.add(stored)
    if stored > 0 { bytes.add(sent) }
  }

  /// A request without a usable answer.
  func failed(_ fault: ClientFault) {
    guard counting.load(ordering: .relaxed) else { return }
    let kind: Int
    switch fault {
    case .unreachable, .untrusted: kind = 0
    case .connectionLost: kind = 1
    default: kind = 2
    }
    faults.add(at: kind)
  }

  /// A send of an open loop left after its time, because no connection was free.
  func wasLate(by span: TimeSpan) {
    guard counting.load(ordering: .relaxed) else { return }
    late.add(1)
    latest.max(span.nanoseconds, ordering: .relaxed)
  }

  /// Events that the server says it has stored, those of the warm-up and the end included.
  var storedInAll: UInt64 { everStored.value }

  var lastAnswer: MonotonicTime { MonotonicTime(nanoseconds: last.load(ordering: .relaxed)) }

  var snapshot: TallySnapshot {
    TallySnapshot(
      latency: latency.snapshot,
      statuses: (0..<600).compactMap { statuses[$0] > 0 ? ($0, statuses[$0]) : nil },
      unreachable: faults[0], lost: faults[1], otherFaults: faults[2], events: events.value,
      bytes: bytes.value, late: late.value,
      latest: TimeSpan(nanoseconds: latest.load(ordering: .relaxed)))
  }
}

/// A tally at one time.
struct TallySnapshot: Sendable {
  let latency: HistogramSnapshot
  let statuses: [(status: Int, count: UInt64)]
  let unreachable: UInt64
  let lost: UInt64
  let otherFaults: UInt64
  /// Events that the server says it has stored.
  let events: UInt64
  let bytes: UInt64
  /// Sends of an open loop that left more than a millisecond after their time, and the latest one.
  let late: UInt64
  let latest: TimeSpan

  var requests: UInt64 { statuses.reduce(0) { $0 + $1.count } }
  var faults: UInt64 { unreachable + lost + otherFaults }
  var refusals: UInt64 { statuses.reduce(0) { $0 + ($1.status / 100 == 2 ? 0 : $1.count) } }
}

/// The clock of all measurements.
func monotonicNow() -> MonotonicTime {
  var time = timespec()
  // SAFETY: the kernel fills in a local variable.
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}
