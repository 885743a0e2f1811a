import Bytes
import HTTPWire

/// How far a long piece of work is, so that it can let its loop turn before others wait for it.
///
/// The clock is looked at only now and then: after some KiB of events, and after each refusal,
/// whose explanation costs more than an event.
struct Pace {
  /// Bytes of events between two looks at the clock.
  static let stride = 16 << 10
  /// What an event costs beside its bytes, in bytes.
  private static let perEvent = 256

  private var work = 0

  /// An event has been, or is about to be, checked.
  mutating func note(bytes: Int) { work += bytes + Self.perEvent }

  /// So many bytes of blank lines have been passed over.
  mutating func note(skipped bytes: Int) { work += bytes }

  /// An event has been refused.
  mutating func noteRefusal() { work += Self.stride }

  /// Whether the loop's turn has lasted long enough.
  mutating func isDue(_ timers: any LoopTimers) -> Bool {
    guard work >= Self.stride else { return false }
    work = 0
    return timers.clocks.monotonic() - timers.now >= GatewayLimits.turn
  }
}

extension GatewayResponder {
  /// Comes back in the loop's next turn.
  func nextTurn() async { await timers.nextTurn() }
}
