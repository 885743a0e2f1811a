import Bytes
import Testing
import Topics

@testable import Subscriptions

/// One subscription with its tokens, its clock and what a store would hold of it.
struct World {
  static let start = MonotonicTime(nanoseconds: 1_000)
  static let firstSerial: UInt64 = 1_000
  static let a = consumer("a")
  static let b = consumer("b")
  let rules: DispatchRules
  var machine: SubscriptionMachine
  var now = start
  var stored = SubscriptionState(markDelete: Cursor(ledger: 1, next: 0))
  /// The newest delivery of each entry.
  var last: [UInt64: Delivery] = [:]

  init(_ kind: SubscriptionKind, end: UInt64, ackTimeout: Int64 = 30, maxUnacked: Int = 1_000)
    throws
  {
    rules = try #require(DispatchRules(kind))
    machine = try SubscriptionMachine(
      rules: rules,
      terms: SubscriptionTerms(
        kind: kind, ackTimeout: .seconds(ackTimeout), maxUnacked: maxUnacked),
      number: 7, state: stored, end: end, firstSerial: Self.firstSerial)
  }

  static func consumer(_ name: String, of principal: String = "p") -> ConsumerID {
    ConsumerID(principal: ByteSlice(utf8: principal), name: ByteSlice(utf8: name))
  }

  /// The entries that the consumer is handed; none when it is refused.
  mutating func receive(_ consumer: ConsumerID, _ max: Int, unread: Int = .max) -> [UInt64] {
    let outcome = machine.receive(consumer, max: max, unread: unread, now: now)
    guard case .delivered(let deliveries) = outcome else { return [] }
    for delivery in deliveries { last[delivery.entry] = delivery }
    return deliveries.map(\.entry)
  }

  mutating func acknowledge(_ entry: UInt64) throws {
    try machine.acknowledge(try #require(last[entry]?.token))
  }

  mutating func release(_ entry: UInt64, after seconds: Int64) throws {
    try machine.release(
      try #require(last[entry]?.token), delay: .seconds(seconds), now: now)
  }

  /// Stores what changed and starts a machine from what is stored.
  mutating func restart() throws {
    if let change = machine.takeChange() { stored.apply(change) }
    machine = try SubscriptionMachine(
      rules: rules, terms: machine.terms, number: 7, state: stored, end: machine.end,
      firstSerial: machine.nextSerial)
  }
}
