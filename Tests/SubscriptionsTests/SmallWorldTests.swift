import Bytes
import Testing
import Topics

@testable import Subscriptions

/// Every short history of a small world, and long random histories of a larger one, with the laws
/// checked after every step.
@Suite struct SmallWorldTests {
  @Test(arguments: [SubscriptionKind.shared, .exclusive])
  func everyHistoryOfFourStepsKeepsTheLaws(kind: SubscriptionKind) throws {
    var checked = 0
    func explore(_ world: LawfulWorld, _ depth: Int) throws {
      guard depth > 0 else { return }
      for input in Input.small {
        var next = world
        try next.apply(input)
        checked += 1
        try explore(next, depth - 1)
      }
    }
    try explore(try LawfulWorld(kind, end: 2, maxUnacked: 2), 4)
    #expect(checked > 20_000)
  }

  @Test(arguments: [SubscriptionKind.shared, .exclusive])
  func longRandomHistoriesKeepTheLawsAndLoseNothing(kind: SubscriptionKind) throws {
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    for _ in 0..<20 {
      var world = try LawfulWorld(kind, end: 0, maxUnacked: random.below(30) + 1)
      do {
        for _ in 0..<400 { try world.apply(Input.random(&random, end: world.world.machine.end)) }
        try world.drain()
      } catch {
        Issue.record("seed \(seed): \(error)")
        throw error
      }
    }
  }
}

/// What can happen to a subscription.
enum Input {
  case append(UInt64)
  case receive(ConsumerID, Int)
  /// The n-th oldest token given out so far, whatever became of it.
  case acknowledge(Int)
  case acknowledgeNewest
  case release(Int, Int64)
  case extend(Int, Int64)
  case takeBack(Int)
  case wait(Int64)
  case upTo(UInt64)
  case seek(UInt64)
  case trim(UInt64)
  case restart

  static let small: [Input] = [
    .append(1), .receive(World.a, 1), .receive(World.b, 2), .acknowledge(0), .acknowledgeNewest,
    .release(0, 0), .release(0, 5), .takeBack(0), .wait(30), .upTo(0), .seek(0), .restart,
  ]

  static func random(_ random: inout SeededRandom, end: UInt64) -> Input {
    let consumer = random.below(2) == 0 ? World.a : World.b
    let entry = UInt64(random.below(Int(end) + 1))
    switch random.below(40) {
    case 0..<6: return .append(UInt64(random.below(12)))
    case 6..<16: return .receive(consumer, random.below(6) + 1)
    case 16..<24: return .acknowledge(random.below(60))
    case 24..<28: return .acknowledgeNewest
    case 28..<31: return .release(random.below(8), Int64(random.below(3)) * 4)
    case 31: return .extend(random.below(8), 40)
    case 32, 33: return .takeBack(random.below(8))
    case 34, 35: return .wait(Int64(random.below(12)))
    case 36: return .upTo(entry)
    case 37: return random.below(4) == 0 ? .seek(entry) : .wait(1)
    case 38: return random.below(4) == 0 ? .trim(entry) : .wait(1)
    default: return .restart
    }
  }
}

/// A world that checks the laws after each input, against books of its own.
struct LawfulWorld {
  var world: World
  private var acknowledged: Set<UInt64> = []
  private var leased: [UInt64: (until: MonotonicTime?, serial: UInt64)] = [:]
  private var tokens: [AckToken] = []
  private var deliveries: [Delivery] = []
  private var mark: UInt64 = 0

  init(_ kind: SubscriptionKind, end: UInt64, maxUnacked: Int) throws {
    world = try World(kind, end: end, ackTimeout: 30, maxUnacked: maxUnacked)
  }

  mutating func apply(_ input: Input) throws {
    switch input {
    case .append(let more): world.machine.appended(end: world.machine.end + more)
    case .receive(let consumer, let max): try receive(consumer, max)
    case .acknowledge(let index): acknowledge(pick(index))
    case .acknowledgeNewest: acknowledge(tokens.last)
    case .release(let index, let delay):
      guard let token = pick(index) else { break }
      let done = (try? world.machine.release(token, delay: .seconds(delay), now: world.now)) != nil
      #expect(done == isLive(token))
      if done { leased[token.entry] = nil }
    case .extend(let index, let length):
      guard let token = pick(index) else { break }
      let done = try? world.machine.extend(token, by: .seconds(length), now: world.now)
      #expect((done != nil) == isLive(token))
      if let done { leased[token.entry]?.until = done }
    case .takeBack(let index):
      guard !deliveries.isEmpty else { break }
      let delivery = deliveries[index % deliveries.count]
      let live = isLive(delivery.token)
      let isLast = world.machine.outstanding[delivery.entry]?.serial == delivery.serial
      world.machine.takeBack([delivery])
      if isLast { leased[delivery.entry] = nil }
      if live {
        let held = world.machine.outstanding[delivery.entry]
        #expect((held != nil) == (delivery.count > 1), "what never got out is not out")
        #expect(held.map { $0.serial == delivery.replaced } ?? true, "the token before counts")
      }
    case .wait(let seconds): world.now = world.now + .seconds(seconds)
    case .upTo(let entry): upTo(entry)
    case .seek(let entry):
      world.machine.seek(to: entry)
      mark = min(entry, world.machine.end)
      acknowledged = Set(0..<mark)
      (leased, tokens, deliveries) = ([:], [], [])
    case .trim(let entry):
      world.machine.trimmed(first: entry)
      acknowledged.formUnion(0..<entry)
      leased = leased.filter { $0.key >= entry }
    case .restart:
      try world.restart()
      leased = [:]
    }
    try checkLaws()
  }

  /// Receives and acknowledges until nothing comes any more: then all must be acknowledged.
  mutating func drain() throws {
    for _ in 0..<2_000 where world.machine.markDelete < world.machine.end {
      world.now = world.now + .seconds(50)
      try receive(World.a, 7)
      while let entry = leased.keys.min(), let token = world.last[entry]?.token {
        acknowledge(token)
        try checkLaws()
      }
    }
    try #require(world.machine.markDelete == world.machine.end, "events were lost")
  }

  private func pick(_ index: Int) -> AckToken? {
    tokens.isEmpty ? nil : tokens[index % tokens.count]
  }

  private func isLive(_ token: AckToken) -> Bool {
    guard let lease = leased[token.entry], lease.serial == token.serial else { return false }
    return lease.until.map { $0 > world.now } ?? true
  }

  private mutating func receive(_ consumer: ConsumerID, _ max: Int) throws {
    let ordered = world.rules.keepsOrder
    let before = Set(leased.filter { isLive(AckToken(of: $0.key, $0.value.serial)) }.keys)
    let entries = world.receive(consumer, max)
    #expect(Set(entries).count == entries.count)
    for entry in entries {
      let delivery = try #require(world.last[entry])
      try #require(!before.contains(entry), "two live leases for \(entry)")
      try #require(!acknowledged.contains(entry), "\(entry) was delivered after its end")
      leased[entry] = (delivery.leaseUntil, delivery.serial)
      tokens.append(delivery.token)
      deliveries.append(delivery)
    }
    if ordered { #expect(entries == entries.sorted()) }
  }

  private mutating func acknowledge(_ token: AckToken?) {
    guard let token else { return }
    let live = isLive(token)
    let done = (try? world.machine.acknowledge(token)) != nil
    if live { #expect(done, "a live lease could not be acknowledged") }
    if done {
      acknowledged.insert(token.entry)
      leased[token.entry] = nil
    }
  }

  private mutating func upTo(_ entry: UInt64) {
    let id = MessageID(ledger: 1, entry: entry)
    guard let count = try? world.machine.acknowledge(upTo: id) else {
      #expect(!world.rules.cumulative || entry >= world.machine.end)
      return
    }
    #expect(count == UInt64((0...entry).count { !acknowledged.contains($0) }))
    acknowledged.formUnion(0...entry)
    leased = leased.filter { $0.key > entry }
  }

  private mutating func checkLaws() throws {
    let machine = world.machine
    // The cursor never goes back; it stands before the oldest event that is not settled.
    try #require(machine.markDelete >= mark)
    mark = machine.markDelete
    try #require(mark == (0...).first { !acknowledged.contains($0) })
    // Nothing is lost: whatever was passed is acknowledged or somewhere in the books, never both.
    for entry in mark..<max(machine.readPosition, mark) {
      try #require(
        machine.acks.contains(entry) != (machine.outstanding[entry] != nil), "entry \(entry)")
    }
    for entry in 0...(machine.end + 1) {
      try #require(machine.acks.contains(entry) == acknowledged.contains(entry))
    }
    // Whatever is not acknowledged and not out can be had, oldest first.
    let unread = (mark..<max(machine.end, mark)).first {
      !machine.acks.contains($0) && machine.outstanding[$0] == nil
    }
    let hasRoom = machine.outstanding.count < machine.terms.maxUnacked
    try #require(machine.nextUnread == (hasRoom ? unread : nil))
    // The books agree with each other and keep their bounds.
    let places = machine.outstanding.values.map(\.place)
    try #require(machine.outstanding.count <= machine.terms.maxUnacked)
    try #require(machine.outstanding.values.allSatisfy { $0.count > 0 && $0.serial > 0 })
    try #require(machine.readyCount == places.count { $0 == .ready })
    try #require(machine.delayedCount == machine.outstanding.values.count { $0.isDelayed })
    try #require(machine.ready.count >= machine.readyCount)
    let leases = machine.outstanding.count - machine.readyCount - machine.delayedCount
    try #require(machine.consumers.values.reduce(0) { $0 + $1.leases } == leases)
    if world.rules.oneConsumer { try #require(machine.consumers.count <= 1) }
    // What is stored plus what is pending is what is known.
    if let change = world.machine.takeChange() { world.stored.apply(change) }
    let loaded = try AckSet(world.stored)
    try #require(loaded.mark == mark)
    try #require(loaded.countBeyondMark == machine.acks.countBeyondMark)
  }
}

extension AckToken {
  fileprivate init(of entry: UInt64, _ serial: UInt64) {
    self.init(ledger: 1, subscription: 7, epoch: 0, entry: entry, serial: serial)
  }
}
