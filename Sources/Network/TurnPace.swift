import Bytes

/// When a loop rests before it looks at its sockets again. What a turn costs, it costs for one
/// event as for ten, and what runs alone finds its memory in no cache. Senders that do not wait for
/// each other's answers bring their events one by one, so a loop that is halfway busy would take a
/// turn for each. It looks no more often than once in a spacing, then, as long as that brings
/// enough to be worth it.
///
/// A rest must not hold up senders who do wait, and will send nothing meanwhile: what it brings has
/// to be a small share of those who have sent of late. Where turns take longer than the spacing,
/// there is no rest. Loop-confined.
struct TurnPace {
  /// From one look at the sockets to the next, on average. The kernel adds up to 50 µs to a rest
  /// (prctl(2), `PR_SET_TIMERSLACK`).
  static let spacing = TimeSpan.microseconds(120)
  /// A rest is worth it for so many events.
  static let leastEvents = 2
  /// What a rest brings is at most one event for so many senders.
  static let sendersPerEvent = 8
  /// Events are counted for so long at least…
  static let window = TimeSpan.milliseconds(1)
  /// … and senders for so long: who waits for an answer has it by then.
  static let senderWindow = TimeSpan.milliseconds(50)

  private var windowBegan: MonotonicTime
  private var eventsOfWindow = 0
  /// Events that a spacing brought during the last window.
  private var brought = 0.0
  private var senderWindowBegan: MonotonicTime
  private var sendersOfWindow = 0
  /// Who sent during the last whole window.
  private var senders = 0
  /// Tells the windows of senders apart.
  private(set) var senderRound: UInt32 = 0
  private var looked = MonotonicTime(nanoseconds: 0)

  init(at now: MonotonicTime) {
    windowBegan = now
    senderWindowBegan = now
  }

  /// Somebody's first event of a `senderRound`.
  mutating func senderCame() { sendersOfWindow += 1 }

  /// A turn began and brought so many events.
  mutating func turnBegan(at now: MonotonicTime, events: Int) {
    eventsOfWindow += events
    let span = now - windowBegan
    guard span >= Self.window else { return }
    brought =
      Double(eventsOfWindow) * Double(Self.spacing.nanoseconds) / Double(span.nanoseconds)
    windowBegan = now
    eventsOfWindow = 0
    guard now - senderWindowBegan >= Self.senderWindow else { return }
    senders = sendersOfWindow
    sendersOfWindow = 0
    senderWindowBegan = now
    senderRound &+= 1
  }

  /// Whether a rest is worth it, and holds up nobody.
  var mayRest: Bool {
    brought >= Double(Self.leastEvents)
      && brought * Double(Self.sendersPerEvent) <= Double(senders)
  }

  /// The loop may rest and is about to look at its sockets.
  ///
  /// - Returns: how long to rest first, at most a spacing; nil when the last look was long ago.
  mutating func rest(at now: MonotonicTime) -> TimeSpan? {
    let next = looked + Self.spacing
    guard now < next else {
      looked = now
      return nil
    }
    let span = min(next - now, Self.spacing)
    looked = now + span
    return span
  }
}
