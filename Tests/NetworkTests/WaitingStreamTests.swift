import Bytes
import HTTPWire
import Testing

@testable import Network

@Suite(.serialized) struct WaitingStreamTests {
  private func get(_ version: String = "1.1") -> ByteSlice {
    bytes("GET /waiting HTTP/\(version)\r\nHost: a\r\n\r\n")
  }

  @Test("a body that comes late, under a stream, is no more than itself")
  func streamBeforeBody() async throws {
    try await withServer { _, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [
            bytes("GET /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"),
            bytes("hello" + get("/next") + get("/last")),
          ], pause: .milliseconds(50), last: "/last", on: loop)
      }
      #expect(bodies(text).suffix(2) == ["/next", "/last"], "\(text)")
      #expect(ending == .quiet)
    }
  }

  private func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }

  @Test("what is pushed, roused and due comes in order, and a hang-up ends the wait")
  func course() async throws {
    try await withServer { server, peer, journal in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange([self.get()], last: "due\n\r\n", on: loop)
      }
      let chunks = ["open\n", "pushed\n", "roused\n", "due\n"]
        .map { "0000000\($0.utf8.count)\r\n\($0)\r\n" }
      #expect(text.hasSuffix("\r\n\r\n" + chunks.joined()))
      #expect(ending == .quiet)
      #expect(journal.now.outcomes == [.sent])
      await peer.loop.run { loop in
        await peer.until(on: loop) { server.counters.openConnections == 0 }
      }
      #expect(journal.now.cancelled == 1)
      #expect(server.counters.openConnections == 0)
    }
  }

  @Test("an old client gets the same without chunks")
  func unframed() async throws {
    try await withServer { _, peer, _ in
      let (text, _) = try await peer.loop.run { loop in
        try await peer.exchange([self.get("1.0")], last: "due\n", on: loop)
      }
      #expect(text.hasSuffix("\r\n\r\nopen\npushed\nroused\ndue\n"))
    }
  }

  @Test("who drains does not wait for those who wait")
  func drain() async throws {
    try await withServer { server, peer, journal in
      let (text, ending) = try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(self.get())
        #expect(await socket.flush())
        await peer.until(on: loop) { journal.now.isAtEnd }
        let drained = Task { await server.drain(within: Peer.patience) }
        let answer = await peer.read(socket, quiet: Peer.patience)
        _ = await drained.value
        return answer
      }
      #expect(text.hasSuffix("due\n\r\n0\r\n\r\n"), "the stream ends as it should")
      #expect(ending == .closed)
      #expect(journal.now.cancelled == 1)
    }
  }

  @Test("a chunk that the socket does not take whole is followed by the rest, and by the next")
  func partial() async throws {
    try await withServer { _, peer, journal in
      let total = try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(bytes("GET /waiting?large HTTP/1.1\r\nHost: a\r\n\r\n"))
        #expect(await socket.flush())
        await peer.until(on: loop) { !journal.now.outcomes.isEmpty }
        return await peer.read(socket, quiet: .milliseconds(800), last: "due\n\r\n").text
      }
      #expect(journal.now.outcomes == [.queued])
      #expect(total.hasSuffix("roused\n\r\n00000004\r\ndue\n\r\n"))
      #expect(total.utf8.count { $0 == UInt8(ascii: "~") } == WaitingStream.largeBytes)
    }
  }
}

/// Opens, takes one push, is roused, waits for an instant and then for its end.
final class WaitingStream: AnswerStream {
  static let largeBytes = 32 << 20
  private let timers: any LoopTimers
  private let journal: Journal
  private let isLarge: Bool
  private weak var sink: (any AnswerSink)?
  private var steps = 0
  private var due = MonotonicTime.distantFuture

  init(_ timers: any LoopTimers, _ journal: Journal, isLarge: Bool) {
    self.timers = timers
    self.journal = journal
    self.isLarge = isLarge
  }

  func attach(to sink: any AnswerSink) { self.sink = sink }

  func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    if Task.isCancelled {
      journal.note { $0.cancelled += 1 }
      return .end
    }
    let now = timers.clocks.monotonic()
    steps += 1
    switch steps {
    case 1: bytes.append("open\n")
    case 2:
      _ = timers.schedule(at: now + .milliseconds(30)) { [self] in push() }
      _ = timers.schedule(at: now + .milliseconds(60)) { [self] in sink?.rouse() }
      return .wait(until: .distantFuture)
    case 3: bytes.append("roused\n")
    case 4:
      due = now + .milliseconds(40)
      return .wait(until: due)
    case 5: bytes.append(now >= due ? "due\n" : "early\n" as StaticString)
    default:
      journal.note { $0.isAtEnd = true }
      return .wait(until: .distantFuture)
    }
    return .more
  }

  private func push() {
    var chunk = ByteWriter()
    ChunkFrame.open(&chunk)
    if isLarge {
      chunk.append(Array(repeating: UInt8(ascii: "~"), count: Self.largeBytes))
    } else {
      chunk.append("pushed\n")
    }
    ChunkFrame.close(&chunk, isLast: false)
    guard let outcome = sink?.push(chunk.slice) else { return }
    journal.note { $0.outcomes.append(outcome) }
  }
}
