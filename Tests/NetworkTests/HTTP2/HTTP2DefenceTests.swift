import Bytes
import HTTPWire
import TestSupport
import Testing

@testable import Network

@Suite("HTTP/2: time and floods", .serialized)
struct HTTP2DefenceTests {
  @Test("the first bytes may be cut anywhere")
  func splits() async throws {
    try await withServer { _, peer, _ in
      let whole = HTTP2Frames.opening() + HTTP2Frames.get("/cut", stream: 1)
      try await peer.loop.run { loop in
        for cut in 1..<whole.count {
          let (frames, isClosed) = try await peer.exchange(
            [Array(whole[..<cut]), Array(whole[cut...])], on: loop
          ) { $0.isEnded(1) }
          #expect(!isClosed, "cut at \(cut)")
          #expect(frames.body(of: 1) == "/cut")
        }
      }
    }
  }

  @Test("floods end the connection, and a GOAWAY tells why")
  func floods() async throws {
    let head = HTTP2Frames.head("GET", "/a")
    let whole = HTTP2Frames.endStream | HTTP2Frames.endHeaders
    var resets: [UInt8] = []
    for index in 0..<2000 as Range<UInt32> {
      resets += HTTP2Frames.frame(HTTP2Frames.headers, whole, stream: 2 * index + 1, head)
      resets += HTTP2Frames.frame(
        HTTP2Frames.reset, stream: 2 * index + 1, HTTP2Frames.number(8))
    }
    var pings: [UInt8] = []
    var settings: [UInt8] = []
    var updates: [UInt8] = []
    var empty = HTTP2Frames.frame(
      HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.head("POST", "/echo"))
    var continuations = HTTP2Frames.frame(HTTP2Frames.headers, 1, stream: 1, head)
    for _ in 0..<1000 {
      pings += HTTP2Frames.frame(HTTP2Frames.ping, [UInt8](repeating: 0, count: 8))
      settings += HTTP2Frames.frame(HTTP2Frames.settings)
      updates += HTTP2Frames.frame(HTTP2Frames.windowUpdate, HTTP2Frames.number(1))
      empty += HTTP2Frames.frame(HTTP2Frames.data, stream: 1)
      continuations += HTTP2Frames.frame(
        HTTP2Frames.continuation, stream: 1, HTTP2Frames.fields([("x", "y")]))
    }
    // One field of 4,000 bytes is put into the table; each byte that follows stands for it.
    let large = HTTP2Frames.fields([("x", String(repeating: "y", count: 4000))])
    let bomb = HTTP2Frames.frame(
      HTTP2Frames.headers, whole, stream: 1,
      head + [0x40] + large.dropFirst() + [UInt8](repeating: 0xBE, count: 9000))
    try await withServer { server, peer, _ in
      for (name, flood, isOurs) in [
        ("resets", resets, false), ("pings", pings, true), ("settings", settings, true),
        ("updates", updates, true), ("empty", empty, true),
        ("continuations", continuations, false), ("bomb", bomb, true),
      ] {
        let (frames, isClosed) = try await peer.loop.run { loop in
          try await peer.exchange([HTTP2Frames.opening() + flood], on: loop) { _ in false }
        }
        #expect(isClosed, "\(name)")
        #expect(frames.has(HTTP2Frames.goAway), "\(name)")
        if isOurs { #expect(frames.errorCode(HTTP2Frames.goAway) == 11, "\(name)") }
      }
      #expect(server.counters.http2Floods == 5)
      await peer.loop.run { loop in
        await peer.until(on: loop) { server.counters.openConnections == 0 }
      }
      #expect(server.counters.openConnections == 0)
      #expect(server.counters.http2Resets >= 200)
    }
  }

  @Test("a request that breaks the rules costs its stream only")
  func brokenRequests() async throws {
    try await withServer { _, peer, _ in
      for field in [("upper", "\u{1}"), ("connection", "close"), ("transfer-encoding", "chunked")] {
        let (frames, isClosed) = try await peer.loop.run { loop in
          try await peer.exchange(
            [
              HTTP2Frames.opening() + HTTP2Frames.get("/a", stream: 1, [field])
                + HTTP2Frames.get("/next", stream: 3)
            ], on: loop
          ) { $0.isEnded(3) }
        }
        #expect(!isClosed, "\(field)")
        #expect(frames.errorCode(HTTP2Frames.reset) == 1, "\(field)")
        #expect(frames.body(of: 3) == "/next")
      }
    }
  }

  @Test("more streams at once than allowed are refused, the others answered")
  func tooMany() async throws {
    var limits = WireLimits()
    limits.streams = 4
    try await withServer(limits) { _, peer, journal in
      var bytes = HTTP2Frames.opening()
      for index in 0..<6 as Range<UInt32> {
        bytes += HTTP2Frames.get("/later", stream: 2 * index + 1)
      }
      let sent = bytes
      let (frames, _) = try await peer.loop.run { loop in
        try await peer.exchange([sent], on: loop) { frames in
          (0..<4).allSatisfy { frames.isEnded(2 * $0 + 1) }
        }
      }
      #expect(frames.has(HTTP2Frames.reset, stream: 9) && frames.has(HTTP2Frames.reset, stream: 11))
      #expect(frames.errorCode(HTTP2Frames.reset) == 7)
    }
  }

  @Test("fields that do not come to their end, and silence, have an end")
  func time() async throws {
    var limits = WireLimits()
    // A client that is held up on its way has not been silent.
    limits.headTime = .seconds(2)
    limits.idleTime = .seconds(3)
    limits.bufferKeepTime = .milliseconds(50)
    limits.bodyIdleTime = .milliseconds(150)
    try await withServer(limits) { server, peer, journal in
      let opening = HTTP2Frames.opening()
      let begun = HTTP2Frames.frame(
        HTTP2Frames.headers, HTTP2Frames.endStream, stream: 3, HTTP2Frames.head("GET", "/a"))
      let post = HTTP2Frames.frame(
        HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.head("POST", "/echo"))
      for (name, bytes, body) in [
        ("silence", opening, ""), ("half a head", HTTP2Frames.get("/a", stream: 1) + begun, "/a"),
        ("idle", HTTP2Frames.get("/b", stream: 1), "/b"), ("no body", post, ""),
      ] {
        let sent = name == "silence" ? bytes : opening + bytes
        let (frames, isClosed) = try await peer.loop.run { loop in
          try await peer.exchange([sent], grant: false, on: loop) { _ in false }
        }
        #expect(isClosed, "\(name)")
        #expect(frames.has(HTTP2Frames.goAway), "\(name)")
        #expect(frames.body(of: 1) == body, "\(name)")
      }
      #expect(server.counters.headTimeouts == 1)
      #expect(server.counters.bodyTimeouts == 1)
      #expect(journal.now.bodyFailures == [.timedOut])
    }
  }

  @Test("what comes in beside requests keeps no connection open", arguments: [false, true])
  func dribbles(hasRequest: Bool) async throws {
    var limits = WireLimits()
    limits.headTime = .seconds(2)
    limits.idleTime = .seconds(2)
    try await withServer(limits) { _, peer, _ in
      let (bytes, isClosed) = try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        let request = hasRequest ? HTTP2Frames.get("/a", stream: 1) : []
        socket.outbox.append(ByteSlice(HTTP2Frames.opening() + request))
        let ping = HTTP2Frames.frame(HTTP2Frames.ping, [UInt8](repeating: 0, count: 8))
        var isClosed = false
        for _ in 0..<100 where !isClosed {
          // Far fewer than make a flood.
          socket.outbox.append(ByteSlice(ping))
          socket.sendPending()
          await peer.rest(.milliseconds(100), on: loop)
          let received = await socket.receive(until: loop.clock.clocks.monotonic())
          isClosed = received != .bytes && received != .deadline
        }
        return (socket.buffer.contents.array, isClosed)
      }
      let frames = HTTP2Frames.read(bytes).frames
      #expect(isClosed)
      #expect(frames.errorCode(HTTP2Frames.goAway) == 0)
      #expect(frames.body(of: 1) == (hasRequest ? "/a" : ""))
    }
  }

  @Test("one that drains says goodbye, answers what runs and lets streams go")
  func draining() async throws {
    try await withServer { server, peer, journal in
      journal.note { $0.isReleased = false }
      let (frames, isClosed) = try await peer.loop.run { loop in
        let drained = Task {
          await peer.loop.run { loop in
            await peer.until(on: loop) { journal.now.waiting >= 1 && journal.now.isAtEnd }
          }
          journal.note { $0.isReleased = true }
          return await server.drain(within: Peer.patience)
        }
        let answer = try await peer.exchange(
          [
            HTTP2Frames.opening() + HTTP2Frames.get("/later", stream: 1)
              + HTTP2Frames.get("/waiting", stream: 3)
          ], on: loop
        ) { _ in false }
        #expect(await drained.value == 0)
        return answer
      }
      #expect(isClosed)
      #expect(frames.errorCode(HTTP2Frames.goAway) == 0)
      #expect(frames.body(of: 1) == "later")
      #expect(frames.body(of: 3).hasSuffix("due\n") && frames.isEnded(3))
    }
  }
}
