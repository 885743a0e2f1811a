import Bytes
import Events
import Foundation
import Glibc
import LogConformance
import RocksStore
import Synchronization
import Tenancy
import TestSupport
import Topics

/// One life of a store: opened, used by several publishers and two consumers at once, and then left
/// as a death leaves it, or closed. What is about to happen and what was answered goes to the
/// marks.
struct Workload {
  static let topics = ["a", "b", "c", "d"]
  /// What keeps the last topic short: its oldest events go, with their buckets, of which a life
  /// fills several.
  static let retention = ["d": Retention(bytes: 4_000)]
  /// Lives of one directory, each a process of its own.
  static let lives = 5
  private static let publishers = 3
  /// Of each subscription in each life.
  private static let changes = 12

  let data: String
  let marks: Marks
  let seed: UInt64
  let life: Int
  private let proofs = Proofs()

  init(data: String, marks: Marks, seed: UInt64, life: Int) {
    (self.data, self.marks, self.seed, self.life) = (data, marks, seed, life)
  }

  /// How stores are opened here, by workload and check alike.
  static func configuration(_ path: String) -> StoreConfiguration {
    var configuration = StoreConfiguration(
      path: path, clocks: SteppedClock().clocks,
      freshStoreName: ByteSlice([UInt8](repeating: 7, count: 16)))
    configuration.limits.cacheBytes = 8 << 20
    configuration.limits.spaceFloorBytes = 0
    configuration.limits.spaceFloorPercent = 0
    configuration.limits.ballastBytes = 0
    configuration.limits.readTime = .seconds(60)
    configuration.limits.bucketBytes = 6_000
    configuration.limits.retentionEvery = .milliseconds(1)
    return configuration
  }

  /// The payload of the event with this number, which tells its number and nothing twice.
  static func payload(_ number: Int) -> ByteSlice {
    if let known = payloads.withLock({ $0[number] }) { return known }
    var dice = Dice(seed: UInt64(number))
    var bytes = Array("\(number):".utf8)
    let count = bytes.count + dice.below(number % 7 == 0 ? 3000 : 60)
    while bytes.count < count { bytes.append(UInt8(truncatingIfNeeded: dice.next())) }
    let payload = ByteSlice(bytes)
    payloads.withLock { $0[number] = payload }
    return payload
  }

  /// Each is asked for thousands of times.
  private static let payloads = Mutex<[Int: ByteSlice]>([:])

  /// The number that a payload tells, if the payload is one of ours to the last byte.
  static func number(of payload: ByteSlice) -> Int? {
    let digits = payload.prefix(12).array.prefix { $0 != UInt8(ascii: ":") }
    guard let number = Int(String(decoding: digits, as: UTF8.self)),
      payload == Self.payload(number)
    else { return nil }
    return number
  }

  /// Returns when all is answered. Every other life closes its store; the others just end.
  func run() async throws {
    let log = try RocksTopicLog(opening: Self.configuration(data))
    for topic in Self.topics {
      _ = try await log.createTopic(
        proofs.topic(topic, .manage), TopicConfiguration(retention: Self.retention[topic]))
      marks.note(.topic(topic))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (place, topic) in Self.topics.enumerated() {
        for publisher in 0..<Self.publishers {
          let number = (life * 10 + place) * 10 + publisher
          group.addTask { try await publish(to: topic, number, log) }
        }
      }
      for topic in ["a", "c"] {
        group.addTask { try await consume(topic, log) }
      }
      try await group.waitForAll()
    }
    if life % 2 == 1 { log.close() }
  }

  private func publish(to topic: String, _ publisher: Int, _ log: RocksTopicLog) async throws {
    var dice = Dice(seed: seed &+ UInt64(publisher))
    let loop = AppendLoop(log)
    var number = publisher * 10_000
    for _ in 0..<6 {
      let count = dice.below(12) == 0 ? 300 : dice.below(3) == 0 ? 1 + dice.below(20) : 1
      let events = try (number..<number + count).map {
        try proofs.event(topic, Self.payload($0), kind: .binary, key: nil)
      }
      marks.note(.trying(topic, number, count: count))
      let first = try await loop.appendAll(events)[0].id.entry
      marks.note(.stored(topic, Int(first), number, count: count))
      number += count
    }
    guard publisher % 10 == 0, topic == "b" else { return }
    let manage = try proofs.topic(topic, .manage)
    let first = try log.bounds(of: proofs.topic(topic, .subscribe)).end / 2
    marks.note(.trimming(topic, Int(first)))
    try await log.trim(manage, before: first)
    marks.note(.trimmed(topic, Int(first)))
  }

  /// Makes changes in pairs, so that two may share a commit or not. A subscription lives for two
  /// lives of the store, then another one of the same name takes its place.
  private func consume(_ topic: String, _ log: RocksTopicLog) async throws {
    let address = try proofs.topic(topic, .subscribe)
    let ledger = try log.bounds(of: address).ledger
    let name = try proofs.name("s")
    if life % 2 == 0 {
      marks.note(.subscribing(topic))
      if log.subscription(name, of: address) != nil {
        try await log.deleteSubscription(
          HeldName(name, under: address), of: address, expecting: .anything)
      }
    }
    let terms = SubscriptionTerms(kind: .shared, ackTimeout: .seconds(30), maxUnacked: 100)
    let subscription = try await log.createSubscription(
      name, terms, startingAt: Cursor(ledger: ledger, next: 0), of: address
    ).thing
    if life % 2 == 0 { marks.note(.subscribed(topic)) }
    let reference = SubscriptionReference(
      topic: address, name: subscription.name, number: subscription.number)
    var next = Int(try log.loadState(of: reference).markDelete.next)
    var number = life * Self.changes
    for _ in 0..<Self.changes / 2 {
      let settled = (ChangeSettlement(), ChangeSettlement())
      for settled in [settled.0, settled.1] {
        let end = Int(try log.bounds(of: address).end)
        next = Progress.isSeek(number) ? next / 2 : max(next, (next + end) / 2)
        marks.note(.changing(topic, number, to: next))
        log.stage(
          Progress.change(number, to: next, ledger: ledger), of: reference, settled: settled)
        number += 1
      }
      try await settled.0.value().get()
      marks.note(.changed(topic, number - 2))
      try await settled.1.value().get()
      marks.note(.changed(topic, number - 1))
    }
  }
}
