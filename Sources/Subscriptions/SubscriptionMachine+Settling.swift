public import Bytes
public import Topics

// What consumers say about events they hold, and what time says.
extension SubscriptionMachine {
  // MARK: - Acknowledging

  /// Settles one delivery for good. Repeating it is fine: an answer may have got lost.
  ///
  /// A token whose lease has run out still counts while the event was not delivered again, and so
  /// does one that an earlier run of the machine gave out, as far as that can have got.
  public mutating func acknowledge(_ token: AckToken) throws(TokenFault) {
    try checkOrigin(token)
    if acks.contains(token.entry) { return }
    if let held = outstanding[token.entry] {
      guard held.serial == token.serial else { throw .superseded }
      drop(token.entry)
    } else {
      guard token.serial < firstSerial, token.entry < end, wasWithinReach(token.entry) else {
        throw .superseded
      }
    }
    _ = acks.insert(token.entry)
    settleReadPosition()
  }

  /// Whether an earlier run can have handed out an entry that is not acknowledged. Whatever it gave
  /// out last, all before that was acknowledged but for `maxUnacked` entries, and of those
  /// acknowledgements a crash has lost some at most. Tokens that are made up would otherwise have a
  /// chunk made each.
  private func wasWithinReach(_ entry: UInt64) -> Bool {
    let others =
      UInt64(clamping: terms.maxUnacked) + UInt64(SubscriptionLimits.lostAcknowledgements)
    return entry - acks.mark <= acks.countBeyondMark + others
  }

  /// Settles everything up to and including an entry, delivered or not; returns how many events.
  public mutating func acknowledge(upTo id: MessageID) throws(CumulativeFault) -> UInt64 {
    guard rules.cumulative else { throw .notCumulative }
    guard id.ledger == ledger else { throw id.ledger < ledger ? .gone : .positionAhead }
    guard id.entry < end else { throw .positionAhead }
    return forget(below: id.entry + 1)
  }

  /// The topic's front has moved: entries below `first` are gone and count as acknowledged.
  public mutating func trimmed(first: UInt64) {
    appended(end: first)
    _ = forget(below: first)
  }

  private mutating func forget(below entry: UInt64) -> UInt64 {
    for key in Array(outstanding.keys) where key < entry { drop(key) }
    let settled = acks.advance(to: entry)
    settleReadPosition()
    return settled
  }

  private mutating func settleReadPosition() { readPosition = max(readPosition, acks.mark) }

  private func checkOrigin(_ token: AckToken) throws(TokenFault) {
    guard token.subscription == number, token.ledger == ledger else { throw .otherSubscription }
    guard token.epoch == epoch else { throw .sought }
  }

  // MARK: - Giving back and keeping longer

  /// Gives an event back, to be delivered again after `delay`.
  public mutating func release(_ token: AckToken, delay: TimeSpan, now: MonotonicTime)
    throws(TokenFault)
  {
    _ = try lease(of: token, now: now)
    let delay = min(delay, SubscriptionLimits.longestLease)
    putBack(token.entry, delay > .zero ? .delayed(until: now + delay) : .ready)
  }

  /// Makes a lease last `length` from now, if that is longer than it lasts already; returns when it
  /// ends, nil when never.
  public mutating func extend(_ token: AckToken, by length: TimeSpan, now: MonotonicTime)
    throws(TokenFault) -> MonotonicTime?
  {
    let (consumer, present) = try lease(of: token, now: now)
    let until = now + min(length, SubscriptionLimits.longestLease)
    guard until > present else { return present == .distantFuture ? nil : present }
    outstanding[token.entry]?.place = .leased(consumer, until: until)
    schedule(token.entry, at: until)
    return until
  }

  /// Who holds the live lease of a token, and until when.
  private mutating func lease(of token: AckToken, now: MonotonicTime) throws(TokenFault)
    -> (consumer: ConsumerID, until: MonotonicTime)
  {
    tick(now)
    try checkOrigin(token)
    if acks.contains(token.entry) { throw .alreadyAcknowledged }
    guard let held = outstanding[token.entry] else {
      throw token.serial < firstSerial ? .leaseEnded : .superseded
    }
    guard held.serial == token.serial else { throw .superseded }
    guard case .leased(let consumer, let until) = held.place else { throw .leaseEnded }
    return (consumer, until)
  }

  // MARK: - Time

  /// Ends the leases and delays that have run out.
  public mutating func tick(_ now: MonotonicTime) {
    while let due = dues.first, due.at <= now {
      _ = dues.pop()
      guard outstanding[due.entry]?.due == due.at else { continue }
      putBack(due.entry, .ready)
    }
  }

  // MARK: - Consumers

  /// A consumer opens a stream or starts to wait: it counts as present until it detaches as often.
  public mutating func attach(_ consumer: ConsumerID, now: MonotonicTime) throws(ReceiveRefusal) {
    tick(now)
    if let refusal = refusal(of: consumer) { throw refusal }
    consumers[consumer, default: Consumer()].attached += 1
  }

  /// A stream or wait is over; what the consumer holds it keeps.
  public mutating func detach(_ consumer: ConsumerID) {
    guard let known = consumers[consumer], known.attached > 0 else { return }
    consumers[consumer]?.attached -= 1
    forgetIfIdle(consumer)
  }

  /// Why `consumer` may not receive now; nil when it may.
  func refusal(of consumer: ConsumerID) -> ReceiveRefusal? {
    if consumers[consumer] != nil || consumers.isEmpty { return nil }
    if rules.oneConsumer { return .busy }
    let limit = SubscriptionLimits.maxConsumers
    return consumers.count < limit ? nil : .tooManyConsumers(limit: limit)
  }

  private mutating func forgetIfIdle(_ consumer: ConsumerID) {
    if let known = consumers[consumer], known.attached == 0, known.leases == 0 {
      consumers[consumer] = nil
    }
  }

  // MARK: - Seeking

  /// Moves the subscription: acknowledgements beyond the place are forgotten, leases end, tokens
  /// given out before are void. The place lies in the topic's present incarnation.
  ///
  /// - Returns: the epoch that begins, for `seekWasStored` or `seekWasLost`: what was before is
  ///   kept until then.
  @discardableResult
  public mutating func seek(to entry: UInt64) -> UInt64 {
    let before = acks
    leaveAll()
    acks.reset(to: min(entry, end))
    readPosition = acks.mark
    seeks.append(PendingSeek(epoch: epoch, before: before))
    return epoch
  }

  /// A seek is stored: what the ones before it led away from is past, whatever became of them.
  public mutating func seekWasStored(_ epoch: UInt64) {
    seeks.removeAll { $0.epoch <= epoch }
  }

  /// A seek was not stored, or nobody knows. It is taken back, with those before it that were lost
  /// as well, once none behind it stands: acknowledged is what was so before, and nothing else.
  /// What was given out meanwhile is void, too.
  public mutating func seekWasLost(_ epoch: UInt64) {
    guard let index = seeks.firstIndex(where: { $0.epoch == epoch }) else { return }
    seeks[index].isLost = true
    var place: AckSet?
    while let last = seeks.last, last.isLost {
      place = last.before
      seeks.removeLast()
    }
    guard let before = place else { return }
    leaveAll()
    acks = before
    acks.changeWasLost()
    readPosition = acks.mark
  }

  /// Another epoch begins: nothing is out, and no token of before counts.
  private mutating func leaveAll() {
    for key in Array(outstanding.keys) { drop(key) }
    ready.removeAll()
    dues.removeAll()
    epoch += 1
  }

  /// What has to be stored since the last call; nil when nothing has.
  public mutating func takeChange() -> SubscriptionChange? {
    acks.takeChange(ledger: ledger, epoch: epoch)
  }

  public var hasChange: Bool { acks.hasChange }

  /// A change was not stored, or nobody knows: the next one carries everything.
  public mutating func changeWasLost() { acks.changeWasLost() }

  /// Whether nobody would miss the machine if it were rebuilt from what is stored.
  public var isIdle: Bool { outstanding.isEmpty && consumers.isEmpty && !hasChange }

  // MARK: - Places

  /// Moves an outstanding entry to a waiting place.
  mutating func putBack(_ entry: UInt64, _ place: Place) {
    leave(entry)
    outstanding[entry]?.place = place
    switch place {
    case .ready:
      readyCount += 1
      ready.push(entry)
    case .delayed(let until):
      delayedCount += 1
      schedule(entry, at: until)
    case .leased:
      preconditionFailure("leases are made by receiving")
    }
  }

  /// Removes an entry that is settled or unread again.
  mutating func drop(_ entry: UInt64) {
    leave(entry)
    outstanding[entry] = nil
  }

  /// Takes an outstanding entry out of the books of its present place.
  private mutating func leave(_ entry: UInt64) {
    switch outstanding[entry]?.place {
    case .leased(let consumer, _):
      consumers[consumer]?.leases -= 1
      forgetIfIdle(consumer)
    case .ready:
      readyCount -= 1
      if readyCount == 0 { ready.removeAll() }
    case .delayed: delayedCount -= 1
    case nil: break
    }
  }
}

/// Why "everything up to here" was not acknowledged.
public enum CumulativeFault: Error, Sendable, Hashable {
  /// The subscription's kind shares events among consumers.
  case notCumulative
  /// The id belongs to an earlier incarnation of the topic.
  case gone
  /// There is no such event yet.
  case positionAhead
}

/// A seek of which nobody knows yet whether it was stored, or which was lost while a later one
/// stands.
struct PendingSeek: Sendable {
  let epoch: UInt64
  /// What was acknowledged before it.
  let before: AckSet
  var isLost = false
}
