import Bytes
import HTTPWire
import LogConformance
import Metrics
import Schemas
import Synchronization
import Tenancy
import Testing
import Topics

@testable import Gateway

/// How a loop's readers share what redacting may take of its turns.
@Suite struct RedactionDeskTests {
  /// Timers whose turns a test begins, and which fire in the next one.
  private final class TurnTimers: LoopTimers {
    let clocks: Clocks
    let post: @Sendable (@escaping @Sendable () -> Void) -> Void = { $0() }
    private(set) var now: MonotonicTime
    private var waiting: [() -> Void] = []

    init() {
      clocks = SteppedClock().clocks
      now = clocks.monotonic()
    }

    func schedule(at: MonotonicTime, _ fire: @escaping () -> Void) -> TimerToken {
      waiting.append(fire)
      return TimerToken(slot: 0, generation: 0)
    }

    func cancel(_ token: TimerToken) {}

    func nextTurn() {
      now = now + .milliseconds(1)
      let due = waiting
      waiting = []
      for fire in due { fire() }
    }
  }

  /// A loop with its desk, and readers who redact the same event again and again.
  private actor Loop {
    private let timers: TurnTimers
    private let desk: RedactionDesk
    private let own: ClassifiedView
    private let payload: ByteSlice
    /// In the order of their last event.
    private(set) var done: [Int] = []
    /// Events of each turn.
    private(set) var events: [Int] = [0]
    private(set) var waiting = 0

    init(items: Int) throws {
      let timers = TurnTimers()
      self.timers = timers
      desk = RedactionDesk(timers)
      let schema = try CompiledSchema.compile(
        ByteSlice(
          utf8:
            #"{"properties":{"a":{"x-classification":"x"},"#
            + #""items":{"items":{"type":"integer"}}}}"#))
      own = ClassifiedView(try #require(schema.classification), for: .none)
      let numbers = Array(repeating: "1", count: items).joined(separator: ",")
      payload = ByteSlice(utf8: #"{"a":1,"items":[\#(numbers)]}"#)
    }

    private func key(_ entry: Int) throws -> RedactionDesk.Key {
      RedactionDesk.Key(
        id: MessageID(ledger: 1, entry: UInt64(entry)),
        topic: TopicKey(try Proofs().topic("orders", .subscribe)), classes: .none, edition: nil)
    }

    func read(_ count: Int, as reader: Int) async throws {
      var (left, isIn) = (count, false)
      while left > 0 {
        var mayWait = !isIn
        while left > 0 {
          if mayWait, desk.isTurnOver(isIn: isIn) { break }
          mayWait = true
          _ = desk.redact(payload, own, nil, as: try key(reader))
          events[events.count - 1] += 1
          left -= 1
        }
        if isIn { desk.turnUsed() }
        isIn = false
        if left == 0 { break }
        waiting += 1
        await desk.nextTurn()
        waiting -= 1
        isIn = true
      }
      done.append(reader)
    }

    func nextTurn() {
      events.append(0)
      timers.nextTurn()
    }

    func isCostly(_ entry: Int) throws -> Bool {
      if case .costly? = desk.standing(of: try key(entry)) { true } else { false }
    }

    func redact(_ entry: Int) throws { _ = desk.redact(payload, own, nil, as: try key(entry)) }

    /// Until so many wait and nobody else is on the way.
    func settles(_ count: Int) async {
      while waiting + done.count != count { await Task.yield() }
    }
  }

  @Test("however many wait, a turn has one budget, and they come in order")
  func line() async throws {
    let loop = try Loop(items: 800)
    // Some 7,000 units each: about thirty events a turn.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for reader in 0..<20 {
        group.addTask { try await loop.read(40, as: reader) }
        await loop.settles(reader + 1)
      }
      while await loop.done.count < 20 {
        await loop.nextTurn()
        // Who was let in goes on until the turn is spent; then all wait again.
        for _ in 0..<200 { await Task.yield() }
      }
      try await group.waitForAll()
    }
    let events = await loop.events
    #expect(events.reduce(0, +) == 800)
    let most = try #require(events.max())
    #expect(most > 1 && most <= 45, "\(events)")
    #expect(events.filter { $0 > 0 }.count >= 800 / 45, "\(events)")
    #expect(await loop.done.first == 0)
  }

  @Test("what was too much for the loop is remembered, so many of them")
  func costly() async throws {
    let loop = try Loop(items: 1_300)
    try await loop.redact(0)
    #expect(try await loop.isCostly(0))
    #expect(try await !loop.isCostly(1))
    for entry in 1...64 { try await loop.redact(entry) }
    #expect(try await loop.isCostly(64))
    #expect(try await !loop.isCostly(0))
  }
}
