import Bytes
import Delivery
import HTTPWire
import LogConformance
import Tenancy
import Testing
import Topics

/// A loop's timers on a stepped clock; on the main actor, like everything in these tests.
@MainActor
final class SteppedTimers: LoopTimers {
  let clock: SteppedClock
  private var waiting: [UInt32: (at: MonotonicTime, fire: () -> Void)] = [:]
  private var nextSlot: UInt32 = 0

  init(_ clock: SteppedClock) { self.clock = clock }

  nonisolated var clocks: Clocks { clock.clocks }
  nonisolated var now: MonotonicTime { clock.monotonic }
  nonisolated var post: @Sendable (@escaping @Sendable () -> Void) -> Void {
    { work in Task { @MainActor in work() } }
  }
  var count: Int { waiting.count }

  nonisolated func schedule(at: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
    // SAFETY: only the main actor calls, as a loop calls its own timers.
    nonisolated(unsafe) let fire = fire
    return MainActor.assumeIsolated {
      nextSlot += 1
      unsafe waiting[nextSlot] = (at, fire)
      return TimerToken(slot: nextSlot, generation: 0)
    }
  }

  nonisolated func cancel(_ token: TimerToken) {
    MainActor.assumeIsolated { waiting[token.slot] = nil }
  }

  /// Moves time and fires what is due, earliest first.
  func step(_ span: TimeSpan) {
    clock.step(span)
    while let due = waiting.filter({ $0.value.at <= clock.monotonic })
      .min(by: { $0.value.at < $1.value.at })
    {
      waiting[due.key] = nil
      due.value.fire()
    }
  }
}

/// A log with one topic, `orders`, and what a loop has.
@MainActor
struct Stage {
  let clock: SteppedClock
  let timers: SteppedTimers
  let log: MemoryLog
  let loop: AppendLoop<MemoryLog>
  let proofs = Proofs()
  let address: TopicAddress

  var site: LoopSite { LoopSite(timers: timers, workers: .inline) }
  var now: MonotonicTime { clock.monotonic }

  init(tailRecords: Int = 10_000) async throws {
    clock = SteppedClock()
    timers = SteppedTimers(clock)
    var limits = MemoryLimits()
    limits.tailRecords = tailRecords
    log = MemoryLog(clocks: clock.clocks, limits: limits)
    loop = AppendLoop(log)
    address = try proofs.topic("orders", .subscribe)
    _ = try await log.createTopic(proofs.topic("orders", .manage), TopicConfiguration())
  }

  func append(_ payloads: String...) async throws {
    for payload in payloads { _ = try await loop.append(proofs.event("orders", payload)) }
  }

  func cursor(_ next: UInt64) -> Cursor { Cursor(ledger: 1, next: next) }

  func feed(from next: UInt64 = 0) -> TopicFeed<MemoryLog> {
    TopicFeed(log, topic: address, from: cursor(next), site: site)
  }

  func delete() async throws { try await log.deleteTopic(proofs.topic("orders", .manage)) }

  func trim(before first: UInt64) async throws {
    try await log.trim(proofs.topic("orders", .manage), before: first)
  }

  var growth: Growth {
    get throws { try log.growth(of: address) }
  }
}

/// Lets other tasks run until `condition` holds.
@MainActor
func eventually(
  _ what: Comment, at location: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async throws {
  for turn in 0..<100_000 {
    if condition() { return }
    // What comes from another thread takes time rather than turns.
    if turn < 1_000 { await Task.yield() } else { try await Task.sleep(for: .milliseconds(1)) }
  }
  try #require(condition(), what, sourceLocation: location)
}
