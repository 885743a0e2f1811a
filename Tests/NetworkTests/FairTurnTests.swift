import Bytes
import Glibc
import HTTPWire
import Synchronization
import Testing

@testable import Network

/// What one client may take of a loop's turn, and the clock that tells.
@Suite("Turns of a loop", .serialized)
struct FairTurnTests {
  /// A clock that goes on by almost a third of a turn whenever somebody looks at it.
  private final class SteppingClock: Sendable {
    private let nanoseconds = Atomic<Int64>(0)
    var clocks: Clocks {
      Clocks(
        wall: { UnixTime(nanoseconds: 0) },
        monotonic: { [self] in
          MonotonicTime(nanoseconds: nanoseconds.add(300_000, ordering: .relaxed).newValue)
        })
    }
  }

  /// Answers with the number of its loop's turn: `POST` without the connection's task.
  private final class TurnTeller: Responder {
    private var turn = 0

    func begin(
      _ request: HTTPRequest, with answer: inout AnswerWriter, for taker: any AnswerTaker
    ) -> Beginning {
      guard request.head.method == .post else { return .left }
      tell(&answer)
      return .complete
    }

    func respond(to request: HTTPRequest, with answer: inout AnswerWriter) async -> AnswerEnd {
      tell(&answer)
      return .complete
    }

    private func tell(_ answer: inout AnswerWriter) {
      var text = ByteWriter()
      text.append(decimal: turn)
      text.append(";")
      answer.start(200)
      answer.finish(contentType: "text/plain", body: text)
    }

    func refuse(_ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter) {
      answer.start(refusal.status)
      answer.finishEmpty()
    }

    func turnEnded() { turn += 1 }
  }

  private static func request(_ method: String, _ fields: String = "") -> String {
    let rest = method == "POST" ? "Content-Length: 1\r\n\r\nx" : "\r\n"
    return "\(method) /x HTTP/1.1\r\nHost: a\r\n\(fields)\(rest)"
  }

  /// The turns in which so many requests are answered that come in at once.
  private func told(_ method: String, _ count: Int) async throws -> [Int] {
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0)])
    configuration.loops = 1
    configuration.clocks = SteppingClock().clocks
    let server = try Server<TurnTeller>(configuration: configuration)
    try await server.start { _ in TurnTeller() }
    let loop = try Loop(number: 95)
    let peer = Peer(loop: loop, port: server.port)
    let all =
      (1..<count).map { _ in Self.request(method) }.joined()
      + Self.request(method, "Connection: close\r\n")
    let (text, ending) = try await loop.run { loop in
      let socket = try await peer.connect(on: loop)
      defer { socket.close(on: loop) }
      socket.outbox.append(bytes(Self.request("GET")))
      #expect(await socket.flush())
      _ = await peer.read(socket, quiet: .zero, last: ";")
      // Now its task waits for the next request.
      socket.outbox.append(bytes(all))
      #expect(await socket.flush())
      return await peer.read(socket, quiet: .seconds(20))
    }
    #expect(ending == .closed)
    await server.drain(within: .seconds(1))
    await loop.stop()
    return bodies(text).compactMap { Int($0.dropLast()) }
  }

  @Test(
    "a client that always has one more request is served for a part of each turn",
    arguments: ["GET", "POST"])
  func pipeline(method: String) async throws {
    let turns = try await told(method, 40)
    #expect(turns.count == 40)
    #expect(turns == turns.sorted())
    let most = Dictionary(grouping: turns) { $0 }.values.map(\.count).max()
    #expect(most.map { $0 <= 5 } == true, "\(turns)")
  }

  private final class Watch: EventHandler {
    private(set) var seen: MonotonicTime?
    func ready(_ readiness: Readiness, on loop: isolated Loop) { seen = loop.clock.now }
    func interrupt() {}
  }

  @Test("what comes in finds the clock of the turn that begins with it")
  func clockOfEvents() async throws {
    let hand = LoopClockTests.HandClock()
    let loop = try Loop(number: 0, clocks: hand.clocks)
    try await loop.run { loop in
      var ends: [Int32] = [-1, -1]
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      #expect(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
      defer { for end in ends { Syscalls.close(end) } }
      let watch = Watch()
      hand.set(7_000_000_000)
      // That it can be written to is an event.
      _ = try loop.watch(connection: ends[0], watch)
      await withCheckedContinuation { done in loop.clock.post { done.resume() } }
      #expect(watch.seen == MonotonicTime(nanoseconds: 7_000_000_000))
    }
    await loop.stop()
  }
}
