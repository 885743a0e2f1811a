public import Bytes
public import Topics

/// Who gets which event next, on one subscription. Rules only: no clock, no lock, no I/O; a
/// dispatcher owns one, feeds it inputs with the instant of each, and does what comes back.
///
/// Each entry of the topic is in one of these states:
///
///     unread ──receive──▶ leased ──acknowledge──▶ acknowledged
///                          │  ▲                        ▲
///       release, lease end │  │ receive (count + 1)    │ acknowledge with the last token
///                          ▼  │                        │
///                         waiting ─────────────────────┘
///
/// A delivery whose event could not be brought is taken back: its entry waits, and the token of the
/// delivery before is the last one again; where it was the first, the entry is unread again. Unread
/// entries lie at or behind `readPosition`, and are neither acknowledged nor outstanding; leased
/// and waiting ones are in `outstanding`; everything else is acknowledged. So nothing can be lost,
/// and because `outstanding` has one place per entry there are never two leases for one.
/// `outstanding` never holds more than `maxUnacked` entries. The mark-delete position goes back by
/// a seek only.
///
/// Further kinds, dead letters and back-off change `DispatchRules`, what becomes of an entry that
/// returns (`putBack`), and add inputs; the states stay.
public struct SubscriptionMachine: Sendable {
  /// An event that was handed out at least once and is not settled.
  struct Outstanding: Sendable {
    /// Number of the delivery that holds or held it last; none that was taken back.
    var serial: UInt64
    /// How often it was delivered; at least 1.
    var count: UInt32
    var place: Place
  }
  enum Place: Sendable, Hashable {
    case leased(ConsumerID, until: MonotonicTime)
    /// May be delivered again now.
    case ready
    /// May be delivered again from this instant.
    case delayed(until: MonotonicTime)
  }
  struct Consumer: Sendable {
    /// Streams and waiting calls.
    var attached = 0
    var leases = 0
  }
  /// An instant at which an entry's place changes by itself. Stale ones are skipped.
  struct Due: Comparable, Sendable {
    let at: MonotonicTime
    let entry: UInt64
    static func < (left: Due, right: Due) -> Bool { left.at < right.at }
  }

  public let rules: DispatchRules
  public let terms: SubscriptionTerms
  public let number: UInt64
  /// The topic's incarnation that the subscription belongs to.
  public let ledger: UInt64
  /// How often the subscription was sought.
  public internal(set) var epoch: UInt64
  var acks: AckSet
  /// In the order in which they were made; as many as there are calls that wait for one.
  var seeks: [PendingSeek] = []
  /// Everything before it is outstanding or acknowledged.
  public internal(set) var readPosition: UInt64
  /// The entry behind the topic's newest event.
  public internal(set) var end: UInt64
  var outstanding: [UInt64: Outstanding] = [:]
  /// Entries that may be delivered again at once, smallest first; may name settled ones.
  var ready = Heap<UInt64>()
  var readyCount = 0
  var dues = Heap<Due>()
  var delayedCount = 0
  var consumers: [ConsumerID: Consumer] = [:]
  /// The next delivery's number. Tokens from before `firstSerial` are of an earlier run.
  var nextSerial: UInt64
  let firstSerial: UInt64

  /// - Parameters:
  ///   - number: the subscription's, which its tokens carry.
  ///   - state: what was stored; position and acknowledgements.
  ///   - end: the entry behind the topic's newest event.
  ///   - firstSerial: above every serial of earlier runs, e.g. nanoseconds of the wall clock.
  public init(
    rules: DispatchRules, terms: SubscriptionTerms, number: UInt64, state: SubscriptionState,
    end: UInt64, firstSerial: UInt64
  ) throws(AckSetFault) {
    self.rules = rules
    self.terms = terms
    self.number = number
    ledger = state.markDelete.ledger
    epoch = state.epoch
    acks = try AckSet(state)
    readPosition = acks.mark
    self.end = end
    nextSerial = max(firstSerial, 1)
    self.firstSerial = nextSerial
  }

  // MARK: - Facts

  /// The oldest entry that is not acknowledged.
  public var markDelete: UInt64 { acks.mark }

  /// How many events were handed out and are not settled.
  public var unacked: Int { outstanding.count }

  /// How far the subscription is and what is out.
  public var facts: SubscriptionFacts {
    let span = end > acks.mark ? end - acks.mark : 0
    return SubscriptionFacts(
      markDelete: Cursor(ledger: ledger, next: acks.mark),
      backlog: span - min(acks.countBeyondMark, span), unacked: outstanding.count,
      waiting: readyCount + delayedCount,
      oldestUnacked: outstanding.isEmpty ? nil : acks.mark, consumers: consumers.count)
  }

  /// When something changes by itself; nil when nothing will.
  public var nextDue: MonotonicTime? { dues.first?.at }

  /// Whether nobody is present or holds a lease: whoever comes may receive.
  public var hasNoConsumer: Bool { consumers.isEmpty }

  /// Whether a `receive` now would deliver to somebody.
  public var hasDeliverable: Bool {
    guard let barrier = barrier else { return readyCount > 0 || nextUnread != nil }
    if let unread = nextUnread, unread < barrier { return true }
    return readyCount > 0 && outstanding.contains { $0.key < barrier && $0.value.place == .ready }
  }

  // MARK: - Handing out

  /// The topic has grown; a smaller value changes nothing.
  public mutating func appended(end: UInt64) { self.end = max(self.end, end) }

  /// Hands out up to `max` events to a consumer, the oldest first.
  ///
  /// - Parameter unread: how many of them may be unread ones: other subscriptions may leave no room
  ///   for more. What is out goes out again without any; where order is kept, not ahead of an older
  ///   one that has to wait.
  public mutating func receive(
    _ consumer: ConsumerID, max: Int, unread: Int = .max, now: MonotonicTime
  ) -> ReceiveOutcome {
    tick(now)
    if let refusal = refusal(of: consumer) { return .refused(refusal) }
    var deliveries: [Delivery] = []
    let barrier = barrier
    let before = unacked
    while deliveries.count < max,
      let entry = nextEntry(before: barrier, takesUnread: unacked - before < unread)
    {
      deliveries.append(lease(entry, to: consumer, now: now))
    }
    return .delivered(deliveries)
  }

  /// Undoes deliveries whose events could not be brought to the consumer: they count as not
  /// delivered, even where their leases have run out meanwhile.
  public mutating func takeBack(_ deliveries: some Sequence<Delivery>) {
    for delivery in deliveries {
      guard var held = outstanding[delivery.entry], held.serial == delivery.serial,
        !held.isDelayed
      else { continue }
      guard held.count > 1 else {
        drop(delivery.entry)
        readPosition = min(readPosition, delivery.entry)
        continue
      }
      held.count -= 1
      held.serial = delivery.replaced
      outstanding[delivery.entry] = held
      if held.place != .ready { putBack(delivery.entry, .ready) }
    }
  }

  private mutating func nextEntry(before barrier: UInt64?, takesUnread: Bool) -> UInt64? {
    while let entry = ready.first, outstanding[entry]?.place != .ready { _ = ready.pop() }
    let (again, unread) = (ready.first ?? .max, nextUnread ?? .max)
    if !takesUnread, rules.keepsOrder, unread < again { return nil }
    let entry = takesUnread ? min(again, unread) : again
    return entry < barrier ?? .max ? entry : nil
  }

  /// The oldest delayed entry where order is kept: nothing behind it goes out before it.
  /// O(outstanding), but only while some are delayed.
  private var barrier: UInt64? {
    guard rules.keepsOrder, delayedCount > 0 else { return nil }
    return outstanding.lazy.filter { $0.value.isDelayed }.map(\.key).min()
  }

  /// The unread entry to deliver next; nil when there is none or too much is out already.
  var nextUnread: UInt64? {
    guard outstanding.count < terms.maxUnacked, acks.chunkCount < SubscriptionLimits.maxChunks
    else { return nil }
    let entry = firstUnread(from: readPosition)
    return entry < end ? entry : nil
  }

  /// The first entry at or behind `entry` that is neither acknowledged nor out: behind a delivery
  /// that was taken back others may be.
  private func firstUnread(from entry: UInt64) -> UInt64 {
    var entry = acks.firstUnacknowledged(from: entry)
    while outstanding[entry] != nil { entry = acks.firstUnacknowledged(from: entry + 1) }
    return entry
  }

  private mutating func lease(_ entry: UInt64, to consumer: ConsumerID, now: MonotonicTime)
    -> Delivery
  {
    let until = terms.ackTimeout > .zero ? now + terms.ackTimeout : .distantFuture
    var held = outstanding[entry] ?? Outstanding(serial: 0, count: 0, place: .ready)
    if outstanding[entry] == nil {
      readPosition = firstUnread(from: entry + 1)
    } else {
      _ = ready.pop()
      readyCount -= 1
    }
    let replaced = held.serial
    held.serial = nextSerial
    held.count = held.count == .max ? .max : held.count + 1
    held.place = .leased(consumer, until: until)
    nextSerial += 1
    outstanding[entry] = held
    consumers[consumer, default: Consumer()].leases += 1
    schedule(entry, at: until)
    return Delivery(
      entry: entry, serial: held.serial, replaced: replaced, count: held.count,
      leaseUntil: until == .distantFuture ? nil : until,
      token: AckToken(
        ledger: ledger, subscription: number, epoch: epoch, entry: entry, serial: held.serial))
  }

  /// Remembers that `entry` changes its place at `instant`. Places that were left early make stale
  /// notes; they are swept before they outnumber the live ones by much.
  mutating func schedule(_ entry: UInt64, at instant: MonotonicTime) {
    guard instant != .distantFuture else { return }
    dues.push(Due(at: instant, entry: entry))
    if dues.count > 2 * outstanding.count + 64 {
      let outstanding = outstanding
      dues.compact { due in outstanding[due.entry]?.due == due.at }
    }
  }
}

extension SubscriptionMachine.Outstanding {
  var isDelayed: Bool {
    if case .delayed = place { true } else { false }
  }

  /// When the entry's place changes by itself.
  var due: MonotonicTime? {
    switch place {
    case .leased(_, let until), .delayed(let until): until == .distantFuture ? nil : until
    case .ready: nil
    }
  }
}

/// One event handed to a consumer.
public struct Delivery: Sendable, Hashable {
  public let entry: UInt64
  public let serial: UInt64
  /// The number of the delivery before it, whose token this one has made void; 0 where there is
  /// none.
  let replaced: UInt64
  /// How often the event has been delivered, this time included.
  public let count: UInt32
  /// When the lease runs out; nil when it does not.
  public let leaseUntil: MonotonicTime?
  public let token: AckToken
}

/// What came of asking for events.
public enum ReceiveOutcome: Sendable, Hashable {
  /// Possibly none.
  case delivered([Delivery])
  case refused(ReceiveRefusal)
}

public enum ReceiveRefusal: Error, Sendable, Hashable {
  /// The subscription is exclusive and another consumer is there.
  case busy
  case tooManyConsumers(limit: Int)
}

/// A subscription in numbers.
public struct SubscriptionFacts: Sendable, Hashable {
  public let markDelete: Cursor
  /// Events not acknowledged, delivered or not.
  public let backlog: UInt64
  /// Events delivered and not acknowledged.
  public let unacked: Int
  /// Of these, how many wait for redelivery.
  public let waiting: Int
  /// The oldest entry not acknowledged, while something is out.
  public let oldestUnacked: UInt64?
  public let consumers: Int
}

extension SubscriptionFacts {
  /// Of a subscription that nobody has used yet.
  ///
  /// - Parameter end: of its topic.
  public init(fresh start: Cursor, end: UInt64) {
    self.init(
      markDelete: start, backlog: end - min(start.next, end), unacked: 0, waiting: 0,
      oldestUnacked: nil, consumers: 0)
  }
}
