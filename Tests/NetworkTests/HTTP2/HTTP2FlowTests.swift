import Bytes
import HTTPWire
import TestSupport
import Testing

@testable import Network

@Suite("HTTP/2: flow control", .serialized)
struct HTTP2FlowTests {
  @Test("a stream that waits is pushed to, roused and woken; its end is the client's hang-up")
  func waiting() async throws {
    try await withServer { server, peer, journal in
      let (frames, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [HTTP2Frames.opening() + HTTP2Frames.get("/waiting", stream: 1)], on: loop
        ) { $0.last?.payload.starts(with: Array("due\n".utf8)) == true }
      }
      #expect(frames.body(of: 1) == "open\npushed\nroused\ndue\n")
      #expect(journal.now.outcomes == [.sent])
      await peer.loop.run { loop in
        await peer.until(on: loop) { server.counters.openConnections == 0 }
      }
      #expect(server.counters.openConnections == 0)
    }
  }

  @Test("a push far beyond the windows arrives whole, and what follows behind it")
  func largePush() async throws {
    try await withServer { _, peer, journal in
      let (frames, isClosed) = try await peer.loop.run { loop in
        try await peer.exchange(
          [HTTP2Frames.opening() + HTTP2Frames.get("/waiting?large", stream: 1)], on: loop
        ) { $0.last?.payload.starts(with: Array("due\n".utf8)) == true }
      }
      #expect(!isClosed)
      #expect(journal.now.outcomes == [.queued])
      let bytes = frames.filter { $0.type == HTTP2Frames.data }.flatMap(\.payload)
      #expect(bytes.count { $0 == UInt8(ascii: "~") } == WaitingStream.largeBytes)
      #expect(String(decoding: bytes.suffix(11), as: UTF8.self) == "roused\ndue\n")
    }
  }

  @Test("long bodies that are read whole take turns, and all arrive")
  func bodyRoom() async throws {
    var limits = WireLimits()
    limits.streamWindow = 64 * 1024
    limits.connectionWindow = 128 * 1024
    limits.collectedBytes = 400_000
    try await withServer(limits) { server, _, _ in
      try await withBody(150_000) { file in
        let load = try await ChildProgram.run(
          "h2load",
          [
            "-n", "40", "-c", "2", "-m", "10", "-d", file, "http://127.0.0.1:\(server.port)/echo",
          ])
        #expect(load.output.contains("40 succeeded, 0 failed"), "\(load.output)")
      }
      try await withBody(900_000) { file in
        let size = try await curl(
          server.port, "/pieces", ["--data-binary", "@\(file)", "-H", "Content-Length:"])
        #expect(size == "900000")
      }
    }
  }

  @Test("a streamed answer that is complete before its request is ends that, too")
  func endsRequest() async throws {
    var limits = WireLimits()
    limits.lingerTime = .milliseconds(100)
    try await withServer(limits) { _, peer, _ in
      for (method, body) in [("POST", "tick\ntick\ntick\n"), ("HEAD", "")] {
        let head = HTTP2Frames.frame(
          HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: 1,
          HTTP2Frames.head(method, "/stream"))
        let (frames, isClosed) = try await peer.loop.run { loop in
          try await peer.exchange([HTTP2Frames.opening() + head], on: loop) {
            $0.has(HTTP2Frames.reset, stream: 1)
          }
        }
        #expect(!isClosed, "\(method)")
        #expect(frames.errorCode(HTTP2Frames.reset) == 0, "\(method)")
        #expect(frames.body(of: 1) == body && frames.isEnded(1), "\(method)")
      }
    }
  }

  @Test("who leaves a window shut loses the stream and keeps the connection")
  func shutWindow() async throws {
    var limits = WireLimits()
    limits.writeStallTime = .milliseconds(200)
    try await withServer(limits) { server, peer, _ in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        // Each stream may have 1,000 bytes (RFC 9113 §6.5.2).
        socket.outbox.append(
          ByteSlice(
            HTTP2Frames.opening(settings: [(4, 1000)]) + HTTP2Frames.get("/flood", stream: 1)))
        #expect(await socket.flush())
        let (stalled, _) = await peer.frames(from: socket, grant: false) {
          $0.has(HTTP2Frames.reset, stream: 1)
        }
        #expect(stalled.body(of: 1).utf8.count == 1000)
        #expect(stalled.errorCode(HTTP2Frames.reset) == 8)
        socket.outbox.append(ByteSlice(HTTP2Frames.get("/still", stream: 3)))
        #expect(await socket.flush())
        let (frames, isClosed) = await peer.frames(from: socket) { $0.isEnded(3) }
        #expect(!isClosed)
        #expect(frames.body(of: 3) == "/still")
      }
      #expect(server.counters.writeStalls == 1)
    }
  }

  @Test("who leaves it shut for a refusal loses that stream as well")
  func shutWindowOfRefusal() async throws {
    var limits = WireLimits()
    limits.writeStallTime = .milliseconds(100)
    try await withServer(limits) { server, peer, _ in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        let long = ("x", String(repeating: "y", count: 9_000))
        socket.outbox.append(
          ByteSlice(
            HTTP2Frames.opening(settings: [(4, 0)]) + HTTP2Frames.get("/a", stream: 1, [long])))
        #expect(await socket.flush())
        let (stalled, _) = await peer.frames(from: socket, grant: false) {
          $0.has(HTTP2Frames.reset, stream: 1)
        }
        #expect(stalled.has(HTTP2Frames.headers, stream: 1) && stalled.body(of: 1).isEmpty)
        #expect(stalled.errorCode(HTTP2Frames.reset) == 8)
        let ping = HTTP2Frames.frame(HTTP2Frames.ping, [UInt8](repeating: 7, count: 8))
        socket.outbox.append(ByteSlice(ping))
        #expect(await socket.flush())
        let (frames, isClosed) = await peer.frames(from: socket) { $0.has(HTTP2Frames.ping) }
        #expect(!isClosed && frames.has(HTTP2Frames.ping))
      }
      #expect(server.counters.writeStalls == 1)
    }
  }

  @Test("above what a client leaves unread no further request of it begins")
  func unreadAnswers() async throws {
    var limits = WireLimits()
    limits.unreadAnswerBytes = 10_000
    try await withServer(limits) { server, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        await self.leaveUnread(socket, peer)
        #expect(server.counters.requests == 2)
        #expect(journal.now.waiting == 0, "the second one waits")
        // The windows open: the first answer goes out, the second request begins.
        socket.outbox.append(Self.opened)
        #expect(await socket.flush())
        _ = await peer.frames(from: socket) { $0.isEnded(1) }
        await peer.until(on: loop) { journal.now.waiting == 1 }
        #expect(journal.now.waiting == 1)
      }
    }
  }

  @Test("a request that waited for that and takes no task is answered at once")
  func unreadAnswersWithoutTask() async throws {
    var limits = WireLimits()
    limits.unreadAnswerBytes = 10_000
    // What is due by then would wake the loop.
    limits.bufferKeepTime = .seconds(60)
    try await withServer(limits) { _, peer, _ in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        await self.leaveUnread(socket, peer, then: HTTP2Frames.head("POST", "/now"))
        socket.outbox.append(Self.opened)
        #expect(await socket.flush())
        let began = loop.clock.clocks.monotonic()
        let (frames, _) = await peer.frames(from: socket) { $0.isEnded(1) && $0.isEnded(3) }
        #expect(frames.isEnded(1) && frames.isEnded(3))
        #expect(loop.clock.clocks.monotonic() - began < .seconds(5))
      }
    }
  }

  @Test("a request that begins to wait after the drain began is not waited for")
  func drainFirst() async throws {
    var limits = WireLimits()
    limits.unreadAnswerBytes = 10_000
    try await withServer(limits) { server, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        await self.leaveUnread(socket, peer)
        let drained = Task { await server.drain(within: Peer.patience) }
        await peer.untilRefused(on: loop)
        #expect(journal.now.waiting == 0)
        socket.outbox.append(Self.opened)
        #expect(await socket.flush())
        let (frames, isClosed) = await peer.frames(from: socket) { _ in false }
        #expect(isClosed && frames.isEnded(1) && frames.isEnded(3))
        #expect(await drained.value == 0)
      }
      #expect(journal.now.cancelled == 1)
    }
  }

  /// The window of stream 1 opens.
  private static let opened = ByteSlice(
    HTTP2Frames.frame(HTTP2Frames.windowUpdate, stream: 1, HTTP2Frames.number(60_000)))

  /// Asks for 16,000 bytes, for which there is no window, and then for something else: the server
  /// has both requests.
  private func leaveUnread(
    _ socket: Socket, _ peer: Peer, then head: [UInt8] = HTTP2Frames.head("GET", "/wait")
  ) async {
    var bytes = HTTP2Frames.opening(settings: [(4, 0)])
    bytes += HTTP2Frames.frame(
      HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.head("POST", "/echo"))
    bytes += HTTP2Frames.frame(
      HTTP2Frames.data, HTTP2Frames.endStream, stream: 1, [UInt8](repeating: 0x61, count: 16_000))
    socket.outbox.append(ByteSlice(bytes))
    #expect(await socket.flush())
    _ = await peer.frames(from: socket) { $0.has(HTTP2Frames.headers, stream: 1) }
    let flags = HTTP2Frames.endStream | HTTP2Frames.endHeaders
    socket.outbox.append(
      ByteSlice(HTTP2Frames.frame(HTTP2Frames.headers, flags, stream: 3, head)))
    socket.outbox.append(
      ByteSlice(HTTP2Frames.frame(HTTP2Frames.ping, [UInt8](repeating: 7, count: 8))))
    #expect(await socket.flush())
    _ = await peer.frames(from: socket) { $0.has(HTTP2Frames.ping) }
  }
}

extension HTTP2Frames {
  static func frame(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
    frame(type, 0, stream: 0, payload)
  }
}
