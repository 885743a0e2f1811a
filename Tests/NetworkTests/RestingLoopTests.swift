import Bytes
import Glibc
import Synchronization
import Testing

@testable import Network

/// A real loop and real sockets; only the clock stands until it is set, so that the loop sees as
/// many events in a time as the test wants it to.
@Suite struct RestingLoopTests {
  /// How often a loop has rested, for its test to look at.
  private final class Rests: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
  }

  private final class Resident: LoopResident {
    private let rests: Rests
    init(_ rests: Rests) { self.rests = rests }
    func rested() { rests.add() }
    func turnBegan(at wall: UnixTime) {}
    func turnEnded(on loop: isolated Loop) {}
    func serve(_ name: ObjectIdentifier, on loop: isolated Loop) async {}
    func beginDrain(on loop: isolated Loop) {}
    func abandon(on loop: isolated Loop) {}
  }

  private final class Receiver: EventHandler {
    private(set) var events = 0
    func ready(_ readiness: Readiness, on loop: isolated Loop) { events += 1 }
    func interrupt() {}
  }

  /// A receiver on the loop and the end at which somebody sends to it.
  private struct Line {
    let receiver = Receiver()
    let ours: Int32
    let theirs: Int32

    init() {
      var ends: [Int32] = [-1, -1]
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      let failed = unsafe socketpair(AF_UNIX, kind, 0, &ends)
      #expect(failed == 0)
      (ours, theirs) = (ends[0], ends[1])
    }

    func send() {
      let sent = unsafe Glibc.send(theirs, "x", 1, Int32(MSG_NOSIGNAL))
      #expect(sent == 1)
    }

    func close() {
      Syscalls.close(ours)
      Syscalls.close(theirs)
    }
  }

  /// One look at the sockets, and what comes of it.
  private func turn(of loop: isolated Loop) async {
    await withCheckedContinuation { done in loop.clock.post { done.resume() } }
  }

  /// 64 have sent in the last 50 ms, and of the last of these each once.
  private func busyLines(
    _ hand: LoopClockTests.HandClock, _ rests: Rests, on loop: isolated Loop
  ) async throws -> [Line] {
    loop.settle { _ in Resident(rests) }
    let lines = (0..<64).map { _ in Line() }
    // Each shows that it can be written to, an event as well.
    for line in lines { _ = try loop.watch(connection: line.ours, line.receiver) }
    await turn(of: loop)
    hand.set(49_000_000)
    await turn(of: loop)
    for line in lines { line.send() }
    hand.set(50_000_000)
    await turn(of: loop)
    #expect(lines.allSatisfy { $0.receiver.events == 2 })
    // The last look was long ago.
    await turn(of: loop)
    return lines
  }

  @Test(
    "a loop halfway busy rests before each look, misses nothing, and hurries where it must",
    .timeLimit(.minutes(10)))
  func resting() async throws {
    let hand = LoopClockTests.HandClock()
    let loop = try Loop(number: 0, clocks: hand.clocks)
    let rests = Rests()
    try await loop.run { loop in
      let lines = try await busyLines(hand, rests, on: loop)
      defer { for line in lines { line.close() } }
      #expect(rests.count == 0)

      let began = Syscalls.monotonic()
      for _ in 0..<3 { await turn(of: loop) }
      #expect(rests.count == 3)
      #expect(Syscalls.monotonic() - began >= .microseconds(360))

      lines[7].send()
      await turn(of: loop)
      #expect(rests.count == 4 && lines[7].receiver.events == 3)

      var isDue = false
      _ = loop.clock.schedule(at: loop.clock.now) { isDue = true }
      await turn(of: loop)
      #expect(rests.count == 4 && isDue)

      try await somebodyConnects(on: loop, rests)

      hand.set(60_000_000)
      await turn(of: loop)
      let restsThen = rests.count
      for _ in 0..<3 { await turn(of: loop) }
      #expect(rests.count == restsThen, "nothing came for ten milliseconds")
    }
    await loop.stop()
  }

  /// Whoever is accepted makes others wait, until nobody is.
  private func somebodyConnects(on loop: isolated Loop, _ rests: Rests) async throws {
    let line = Line()
    defer { line.close() }
    let registration = try loop.watch(listener: line.ours, isShared: false, line.receiver)
    line.send()
    await turn(of: loop)
    let before = rests.count
    for _ in 0..<3 { await turn(of: loop) }
    #expect(rests.count == before)
    loop.thread.poller.remove(line.ours)
    loop.forget(registration)
    for _ in 0..<3 { await turn(of: loop) }
    #expect(rests.count > before)
  }

  @Test("what another thread posts while a loop rests is done", .timeLimit(.minutes(10)))
  func posted() async throws {
    let hand = LoopClockTests.HandClock()
    let loop = try Loop(number: 0, clocks: hand.clocks)
    let rests = Rests()
    try await loop.run { loop in
      for line in try await busyLines(hand, rests, on: loop) { line.close() }
    }
    for _ in 0..<200 { await loop.run { _ in } }
    #expect(rests.count > 0)
    await loop.stop()
  }
}
