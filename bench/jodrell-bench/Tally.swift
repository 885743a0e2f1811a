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
  private let notStored = Counter()
  private let bytes = Counter()
  private let late = Counter()
  private let everStored = Counter()
  /// How late the latest send of an open loop left, in nanoseconds.
  private let latest = Atomic<Int64>(0)
  /// Of what was under way when the counting ended.
  private let unanswered = Counter()
  private let answersAfter = Counter()
  private let refusalsAfter = Counter()
  private let givenUp = Counter()
  /// When the last counted answer came, in nanoseconds of the monotonic clock.
  private let last = Atomic<Int64>(0)
  private let began = Atomic<Int64>(0)
  /// When the counting ended, in the same clock; 0 before.
  private let ended = Atomic<Int64>(0)
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

  /// Ends the counting. What is under way now is looked at to its own end.
  func end() {
    ended.store(monotonicNow().nanoseconds, ordering: .relaxed)
    // Whoever sees that it has ended must see when.
    counting.store(false, ordering: .releasing)
  }

  private var isCounting: Bool { counting.load(ordering: .acquiring) }

  /// Whether a request of that time was under way when the counting ended, which it has. One of the
  /// warm-up was, too, if it had no answer in all the time that was counted.
  private func isLeftOver(_ started: MonotonicTime) -> Bool {
    started.nanoseconds <= ended.load(ordering: .relaxed)
  }

  /// An answer that came just now: its status, how many of its request's events are stored, and how
  /// many are not although it is a 2xx, the payload bytes sent, and when its request was.
  func answered(
    _ status: Int, stored: Int, unstored: Int, bytes sent: Int, since started: MonotonicTime
  ) {
    everStored.add(stored)
    let now = monotonicNow()
    guard isCounting else {
      // Left out, the slowest would be missing; counted with the others, they would add to a rate
      // whose time is over.
      guard isLeftOver(started) else { return }
      latency.record(now - started)
      answersAfter.add()
      if status / 100 != 2 { refusalsAfter.add() }
      notStored.add(unstored)
      return
    }
    latency.record(now - started)
    last.store(now.nanoseconds, ordering: .relaxed)
    statuses.add(at: min(max(status, 0), 599))
    events.add(stored)
    notStored.add(unstored)
    if stored > 0 { bytes.add(sent * stored / (stored + unstored)) }
  }

  /// A request of that time has no usable answer, nor will it have one.
  ///
  /// - Returns: whether that counts.
  func failed(_ fault: ClientFault, since started: MonotonicTime) -> Bool {
    guard isCounting else {
      guard isLeftOver(started) else { return false }
      unanswered.add()
      return true
    }
    let kind: Int
    switch fault {
    case .unreachable, .untrusted: kind = 0
    case .connectionLost: kind = 1
    default: kind = 2
    }
    faults.add(at: kind)
    return true
  }

  /// A connection sends nothing any more, since nothing it tried has worked. That counts at any
  /// time: where it was in the warm-up, fewer connections are measured than there should be.
  func gaveUp() { givenUp.add() }

  /// A send of an open loop left after its time, because no connection was free.
  func wasLate(by span: TimeSpan) {
    guard isCounting else { return }
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
      unreachable: faults[0], lost: faults[1], otherFaults: faults[2],
      unanswered: unanswered.value, answersAfter: answersAfter.value,
      refusalsAfter: refusalsAfter.value, events: events.value, unstored: notStored.value,
      bytes: bytes.value, gaveUp: givenUp.value, late: late.value,
      latest: TimeSpan(nanoseconds: latest.load(ordering: .relaxed)))
  }
}

/// A tally at one time.
struct TallySnapshot: Sendable {
  /// Of all answers, those after the end included.
  let latency: HistogramSnapshot
  /// Of answers in the counted time, as `events` and `bytes` are.
  let statuses: [(status: Int, count: UInt64)]
  let unreachable: UInt64
  let lost: UInt64
  let otherFaults: UInt64
  /// Requests that were under way when the counting ended and never had an answer.
  let unanswered: UInt64
  /// Answers to such requests, and how many of them were no 2xx.
  let answersAfter: UInt64
  let refusalsAfter: UInt64
  /// Events that the server says it has stored.
  let events: UInt64
  /// Events that it says it has not, although it has answered with a 2xx: they were refused in a
  /// mixed batch, or put into quarantine. Answers after the end count as well.
  let unstored: UInt64
  /// Of payloads that are stored; a part of those of a mixed batch.
  let bytes: UInt64
  /// Connections that gave up before the run was over, the warm-up included.
  let gaveUp: UInt64
  /// Sends of an open loop that left more than a millisecond after their time, and the latest one.
  let late: UInt64
  let latest: TimeSpan

  var requests: UInt64 { statuses.reduce(0) { $0 + $1.count } }
  var faults: UInt64 { unreachable + lost + otherFaults + unanswered }
  var refusals: UInt64 {
    statuses.reduce(refusalsAfter) { $0 + ($1.status / 100 == 2 ? 0 : $1.count) }
  }
}

/// The clock of all measurements.
func monotonicNow() -> MonotonicTime {
  var time = timespec()
  // SAFETY: the kernel fills in a local variable.
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}
