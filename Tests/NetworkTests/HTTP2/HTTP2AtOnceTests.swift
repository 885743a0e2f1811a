import Bytes
import HTTPWire
import TestSupport
import Testing

@testable import Network

@Suite("HTTP/2: requests that take no task", .serialized)
struct HTTP2AtOnceTests {
  private static func post(_ path: String, stream: UInt32, _ body: String) -> [UInt8] {
    HTTP2Frames.frame(
      HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: stream, HTTP2Frames.head("POST", path))
      + HTTP2Frames.frame(
        HTTP2Frames.data, HTTP2Frames.endStream, stream: stream, Array(body.utf8))
  }

  @Test("they are answered between others, however the bytes are cut")
  func cuts() async throws {
    let all =
      HTTP2Frames.opening() + Self.post("/once", stream: 1, "one")
      + Self.post("/now", stream: 3, "two") + Self.post("/echo", stream: 5, "three")
      + HTTP2Frames.get("/four", stream: 7) + Self.post("/once", stream: 9, "five")
    try await withServer { server, peer, journal in
      for size in [all.count, 1, 7, 50, 120] {
        let before = journal.now.begun
        let pieces = stride(from: 0, to: all.count, by: size).map {
          Array(all[$0..<min($0 + size, all.count)])
        }
        let (frames, isClosed) = try await peer.loop.run { loop in
          try await peer.exchange(pieces, on: loop) { frames in
            [1, 3, 5, 7, 9].allSatisfy { frames.isEnded($0) }
          }
        }
        #expect(!isClosed)
        #expect(
          [1, 3, 5, 7, 9].map { frames.body(of: $0) } == ["one", "two", "three", "/four", "five"],
          "pieces of \(size)")
        if size == all.count { #expect(journal.now.begun == before + 2) }
      }
      #expect(server.counters.requests == 5 * 5)
    }
  }

  @Test("one that is reset is not answered, and does not hold up the others")
  func reset() async throws {
    try await withServer { server, peer, journal in
      journal.note { $0.isReleased = false }
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        let cancel = HTTP2Frames.frame(
          HTTP2Frames.reset, stream: 1, HTTP2Frames.number(8))
        socket.outbox.append(
          ByteSlice(
            HTTP2Frames.opening() + Self.post("/held", stream: 1, "never") + cancel
              + Self.post("/held", stream: 3, "kept")))
        #expect(await socket.flush())
        await peer.until(on: loop) { journal.now.begun >= 1 }
        journal.note { $0.isReleased = true }
        let (frames, isClosed) = await peer.frames(from: socket) { $0.isEnded(3) }
        #expect(!isClosed && !frames.has(HTTP2Frames.headers, stream: 1))
        #expect(frames.body(of: 3) == "kept")
      }
    }
  }

  @Test("a connection that is gone lives until its last one is over")
  func gone() async throws {
    try await withServer { server, peer, journal in
      try await peer.loop.run { loop in
        await peer.hangUp(
          try await peer.connect(on: loop),
          sending: ByteSlice(HTTP2Frames.opening() + Self.post("/held", stream: 1, "lost")),
          server, journal, on: loop)
      }
    }
  }

  @Test("a drain lets their answers out")
  func drain() async throws {
    try await withServer { server, peer, journal in
      journal.note { $0.isReleased = false }
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(
          ByteSlice(HTTP2Frames.opening() + Self.post("/held", stream: 1, "kept")))
        #expect(await socket.flush())
        await peer.until(on: loop) { journal.now.begun == 1 }
        let draining = Task { await server.drain(within: Peer.patience) }
        await peer.untilRefused(on: loop)
        journal.note { $0.isReleased = true }
        let (frames, isClosed) = await peer.frames(from: socket) { _ in false }
        #expect(isClosed && frames.body(of: 1) == "kept")
        #expect(await draining.value == 0)
      }
    }
  }
}
