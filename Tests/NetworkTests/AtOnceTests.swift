import Bytes
import HTTPWire
import Testing

@testable import Network

/// Requests that are answered while the connection's task goes on waiting.
@Suite(.serialized) struct AtOnceTests {
  private static func post(_ path: String, _ body: String, _ fields: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n"
      + body
  }

  /// A connection whose task waits for the next request.
  private func open(_ peer: Peer, on loop: isolated Loop) async throws -> Socket {
    let socket = try await peer.connect(on: loop)
    socket.outbox.append(bytes(Self.get))
    #expect(await socket.flush())
    let (answer, _) = await peer.read(socket, quiet: .zero, last: "/first")
    #expect(bodies(answer) == ["/first"])
    return socket
  }

  private static let get = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test("between others, and however the bytes are cut, the answers come in order")
  func cuts() async throws {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let all = bytes(
      [
        Self.post("/once", "one"), Self.post("/now", "two"), Self.post("/once", "again"),
        Self.post("/echo", "three"), chunked + "3\r\nabc\r\n0\r\n\r\n",
        Self.post("/once", "four"), Self.post("/now", "five"), Self.get,
        Self.post("/once", "six", "Connection: close\r\n"), Self.post("/once", "never"),
      ].joined())
    try await withServer { server, peer, journal in
      for size in [all.count, 1, 2, 3, 7, 61, 150] {
        let pieces = stride(from: 0, to: all.count, by: size).map {
          all[$0..<min($0 + size, all.count)]
        }
        let (text, ending) = try await peer.loop.run { loop in
          let socket = try await open(peer, on: loop)
          defer { socket.close(on: loop) }
          for piece in pieces {
            socket.outbox.append(piece)
            guard await socket.flush() else { break }
            if size >= 7 { await peer.rest(.milliseconds(3), on: loop) }
          }
          return await peer.read(socket, quiet: .seconds(20))
        }
        #expect(ending == .closed)
        #expect(
          bodies(text)
            == ["one", "two", "again", "three", "abc", "four", "five", "/first", "six"],
          "pieces of \(size)")
      }
      #expect(journal.now.begun > 0)
      #expect(server.counters.requests == 7 * 10)
    }
  }

  @Test("each request of a connection that sends one at a time is met without its task")
  func oneByOne() async throws {
    try await withServer { server, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        for number in 0..<39 {
          socket.outbox.append(bytes(Self.post(number == 5 ? "/now" : "/once", "\(number)")))
          #expect(await socket.flush())
          let (answer, ending) = await peer.read(
            socket, quiet: .zero, last: "\r\n\r\n\(number)")
          #expect(bodies(answer) == ["\(number)"] && ending == .quiet)
        }
      }
      #expect(journal.now.begun == 38)
      #expect(server.counters.requests == 40)
    }
  }

  @Test("what is kept of a head is there for those that repeat it, and for no others")
  func memo() async throws {
    try await withServer { _, peer, _ in
      let counts = try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        var counts: [String] = []
        for (body, field) in [
          ("a", "X: 1"), ("b", "X: 1"), ("longer than that", "X: 1"), ("d", "X: 2"), ("e", "X: 2"),
          ("f", "X: 1"), ("g", "X: 1"),
        ] {
          socket.outbox.append(bytes(Self.post("/kept", body, "\(field)\r\n")))
          #expect(await socket.flush())
          let (answer, _) = await peer.read(socket, quiet: .zero, last: ";")
          counts += bodies(answer)
        }
        return counts
      }
      #expect(counts == ["1;", "2;", "3;", "1;", "2;", "1;", "2;"])
    }
  }

  @Test("what is kept of a head goes with the buffers of a connection that idles")
  func memoOfIdle() async throws {
    var limits = WireLimits()
    limits.bufferKeepTime = .milliseconds(20)
    try await withServer(limits) { _, peer, _ in
      let counts = try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        var counts: [String] = []
        for _ in 0..<3 {
          socket.outbox.append(bytes(Self.post("/kept", "a")))
          #expect(await socket.flush())
          let (answer, _) = await peer.read(socket, quiet: .zero, last: ";")
          counts += bodies(answer)
          await peer.rest(.milliseconds(200), on: loop)
        }
        return counts
      }
      #expect(counts == ["1;", "1;", "1;"])
    }
  }

  @Test("answers that the socket does not take are sent by the task, and the rest is served")
  func slowReader() async throws {
    let all = (0..<6).map { Self.post("/once?large", "\($0)") }.joined()
    try await withServer { _, peer, _ in
      let text = try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(bytes(all))
        #expect(await socket.flush())
        await peer.rest(.milliseconds(300), on: loop)
        socket.outbox.append(bytes(Self.post("/now", "end")))
        #expect(await socket.flush())
        return await peer.read(socket, quiet: .zero, last: "\r\n\r\nend").text
      }
      #expect(bodies(text).map(\.utf8.count) == Array(repeating: 4 << 20, count: 6) + [3])
    }
  }

  @Test("a peer that hangs up meanwhile costs nothing but its connection")
  func hangUp() async throws {
    try await withServer { server, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        await peer.hangUp(
          socket, sending: bytes(Self.post("/held", "lost")), server, journal, on: loop)
      }
    }
  }

  @Test("a drain lets the answer out, and says that it is the last")
  func drain() async throws {
    try await withServer { server, peer, journal in
      journal.note { $0.isReleased = false }
      let text = try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(bytes(Self.post("/held", "kept") + Self.get))
        #expect(await socket.flush())
        await peer.until(on: loop) { journal.now.begun == 1 }
        let draining = Task { await server.drain(within: .seconds(300)) }
        // Once nobody listens any more, the loop knows that it ends.
        await peer.untilRefused(on: loop)
        journal.note { $0.isReleased = true }
        let (text, ending) = await peer.read(socket, quiet: .seconds(300))
        #expect(ending == .closed)
        _ = await draining.value
        return text
      }
      #expect(bodies(text) == ["kept"])
      #expect(text.contains("Connection: close\r\n"))
    }
  }

  @Test("the time that a connection may be idle counts from its last answer")
  func idle() async throws {
    var limits = WireLimits()
    limits.bufferKeepTime = .milliseconds(100)
    limits.idleTime = .seconds(4)
    try await withServer(limits) { _, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await open(peer, on: loop)
        defer { socket.close(on: loop) }
        let began = loop.clock.clocks.monotonic()
        for _ in 0..<4 {
          socket.outbox.append(bytes(Self.post("/once", "x")))
          #expect(await socket.flush())
          await peer.rest(.milliseconds(1_500), on: loop)
        }
        let (text, ending) = await peer.read(socket, quiet: Peer.patience)
        #expect(ending == .closed)
        #expect(bodies(text) == ["x", "x", "x", "x"])
        #expect(loop.clock.clocks.monotonic() - began >= .seconds(8))
      }
      #expect(journal.now.begun == 4)
    }
  }
}
