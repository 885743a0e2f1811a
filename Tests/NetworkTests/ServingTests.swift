import Bytes
import Foundation
import HTTPWire
import Testing

@testable import Network

@Suite(.serialized) struct ServingTests {
  private func get(_ path: String, _ fields: String = "") -> ByteSlice {
    bytes("GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
  }

  @Test("pipelined requests are answered in order, and the connection stays")
  func pipelining() async throws {
    try await withServer { server, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes((0..<50).map { self.get("/\($0)").text }.joined())], last: "/49", on: loop)
      }
      #expect(bodies(text) == (0..<50).map { "/\($0)" })
      #expect(ending == .quiet)
      #expect(server.counters.requests == 50)
    }
  }

  @Test("an answer that is ready does not wait for the next one of the pipeline")
  func readyAnswers() async throws {
    try await withServer { _, peer, _ in
      let (text, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(self.get("/a").text + self.get("/wait").text)], last: "/a", on: loop)
      }
      #expect(bodies(text) == ["/a"])
    }
  }

  @Test("a mixed pipeline gives the same answers however its bytes are cut")
  func cuts() async throws {
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    let all = [
      get("/a").text, sized, chunked + "3\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n",
      "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", sized,
      chunked + "0\r\n\r\n", get("/later").text, get("/last", "Connection: close\r\n").text,
    ].joined()
    let seed: UInt64 = 20_26
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    try await withServer { _, peer, _ in
      for round in 0..<12 {
        var pieces: [ByteSlice] = []
        let text = bytes(all)
        var at = 0
        while at < text.count {
          let size = round == 0 ? text.count : round == 1 ? 1 : 1 + random(40)
          pieces.append(text[at..<min(at + size, text.count)])
          at += size
        }
        let sent = pieces
        let (answer, ending) = try await peer.loop.run { loop in
          try await peer.exchange(
            sent, pause: round < 2 ? .zero : .milliseconds(1), quiet: .seconds(20), on: loop)
        }
        #expect(ending == .closed)
        // HEAD announces a length without a body.
        let plain = answer.replacingOccurrences(of: "Content-Length: 2\r\n\r\nH", with: "\r\n\r\nH")
        #expect(
          bodies(plain) == ["/a", "hello", "abcd", "", "*", "hello", "", "later", "/last"],
          "round \(round), seed \(seed)")
      }
    }
  }

  @Test("a large body arrives whole, announced or chunked")
  func largeBodies() async throws {
    let payload = String(repeating: "0123456789abcdef", count: 1 << 16)
    let sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(payload.utf8.count)\r\n\r\n"
    let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    try await withServer { _, peer, _ in
      for text in [sized + payload, chunked + "100000\r\n\(payload)\r\n0\r\n\r\n"] {
        let sent = bytes(text)
        let same = try await peer.loop.run { loop in
          let client = try await ClientConnection(
            to: try SocketAddress(host: "127.0.0.1", port: peer.port), on: loop)
          defer { client.close(on: loop) }
          try await client.send(sent)
          let head = try await client.readHead(answering: .post, within: .seconds(60))
          let body = try await client.readBody(upTo: 1 << 21, within: .seconds(60))
          return head.status == 200 && body == bytes(payload)
        }
        #expect(same)
      }
    }
  }

  @Test("a client that asks is told to go on, once, and only when somebody reads")
  func expectContinue() async throws {
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    try await withServer { _, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(bytes(head))
        #expect(await socket.flush())
        // Bytes of the body that come before the word would make it needless.
        let (word, _) = await peer.read(
          socket, quiet: .milliseconds(1), last: "100 Continue\r\n\r\n")
        for piece in ["he", "llo"] {
          socket.outbox.append(bytes(piece))
          #expect(await socket.flush())
          await peer.rest(.milliseconds(50), on: loop)
        }
        let rest = await peer.read(socket, quiet: .milliseconds(800), last: "hello")
        return (word + rest.text, rest.ending)
      }
      #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"))
      #expect(text.hasSuffix("hello"))
      #expect(ending == .quiet)
      let ignoring = head.replacingOccurrences(of: "/echo", with: "/nobody-reads")
      let (refused, end) = try await peer.loop.run { loop in
        try await peer.exchange([bytes(ignoring)], quiet: .seconds(20), on: loop)
      }
      #expect(statuses(refused) == [200])
      #expect(refused.contains("Connection: close\r\n"))
      #expect(end == .closed)
    }
  }

  @Test("an unread body is skipped when short and ends the connection when long")
  func unreadBodies() async throws {
    var limits = WireLimits()
    limits.lingerTime = .seconds(60)
    try await withServer(limits) { _, peer, _ in
      let short = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(short), bytes("123456789" + self.get("/next").text)], pause: .milliseconds(30),
          last: "/next", on: loop)
      }
      #expect(bodies(text) == ["/x", "/next"])
      #expect(ending == .quiet)
      let long = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"
      let (answer, end) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(long), bytes(String(repeating: "x", count: 5_000_000))], quiet: .seconds(20),
          on: loop)
      }
      #expect(bodies(answer) == ["/x"])
      #expect(answer.contains("Connection: close\r\n"))
      #expect(end == .closed, "the answer arrives although the body was still on its way")
    }
  }

  @Test("after a refusal nothing more is read, and the answer arrives")
  func refusals() async throws {
    var limits = WireLimits()
    limits.bodyBytes = 1000
    limits.targetBytes = 100
    try await withServer(limits) { server, peer, _ in
      for (request, status) in [
        (
          "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
          400
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400), ("FETCH / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET /\(String(repeating: "a", count: 200)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 9000))\r\n\r\n", 431),
      ] {
        let (text, ending) = try await peer.loop.run { loop in
          try await peer.exchange(
            [bytes(request + self.get("/smuggled").text)], quiet: .seconds(20), on: loop)
        }
        #expect(statuses(text) == [status])
        #expect(text.contains("Connection: close\r\n"))
        #expect(bodies(text) == ["no"])
        #expect(ending == .closed)
      }
      #expect(server.counters.breaches(of: .lengthAndCoding) == 1)
      #expect(server.counters.breaches(of: .missingHost) == 1)
    }
  }

  @Test("a chunked body that grows too long or is malformed ends in its refusal")
  func badBodies() async throws {
    var limits = WireLimits()
    limits.bodyBytes = 1000
    try await withServer(limits) { _, peer, journal in
      let head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      for (body, status) in [
        ("3e9\r\n\(String(repeating: "a", count: 1001))\r\n", 413), ("3\r\nabcd\r\n", 400),
        ("1;x\na\r\n", 400),
      ] {
        let (text, ending) = try await peer.loop.run { loop in
          try await peer.exchange([bytes(head + body)], quiet: .seconds(20), on: loop)
        }
        #expect(statuses(text) == [status])
        #expect(ending == .closed)
      }
      #expect(
        journal.now.bodyFailures
          == [.tooLarge(limit: 1000), .malformed(.chunkEnd), .malformed(.chunkExtension)])
    }
  }

  @Test("pieces come as they arrive and add up")
  func pieces() async throws {
    try await withServer { _, peer, journal in
      let head = "POST /pieces HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      let (text, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(head + "2\r\nab\r\n"), bytes("3\r\ncde\r"), bytes("\n1\r\nf\r\n0\r\n\r\n")],
          pause: .milliseconds(30), last: "\r\n\r\n6", on: loop)
      }
      #expect(bodies(text) == ["6"])
      #expect(journal.now.pieces == 3)
    }
  }

  @Test("streams are framed, ended and aborted")
  func streams() async throws {
    try await withServer { _, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes(self.get("/stream").text + self.get("/next").text)], last: "/next", on: loop)
      }
      let chunk = "00000005\r\ntick\n\r\n"
      #expect(text.contains("\r\n\r\n\(chunk)\(chunk)\(chunk)0\r\n\r\nHTTP/1.1 200 OK\r\n"))
      #expect(text.hasSuffix("/next"))
      #expect(ending == .quiet)
      let (broken, end) = try await peer.loop.run { loop in
        try await peer.exchange([self.get("/broken")], quiet: .seconds(20), on: loop)
      }
      #expect(broken.hasSuffix("\r\n\r\n\(chunk)"), "no last chunk: the client sees the truncation")
      #expect(end == .closed)
      let (old, oldEnd) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes("GET /stream HTTP/1.0\r\n\r\n")], quiet: .seconds(20), on: loop)
      }
      #expect(old.hasSuffix("Connection: close\r\n\r\ntick\ntick\ntick\n"))
      #expect(oldEnd == .closed)
      let (head, _) = try await peer.loop.run { loop in
        try await peer.exchange(
          [bytes("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + self.get("/next").text)],
          last: "/next", on: loop)
      }
      #expect(!head.contains("tick"))
      #expect(head.hasSuffix("/next"))
    }
  }

  @Test("a responder that breaks its word costs the connection, nothing else")
  func forgetful() async throws {
    try await withServer { _, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange([self.get("/forgetful")], quiet: .seconds(20), on: loop)
      }
      #expect(text.isEmpty)
      #expect(ending == .closed)
    }
  }

  @Test("what all connections stage in a turn is handed on together, after the last of them")
  func turns() async throws {
    try await withServer { _, peer, journal in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<40 {
          group.addTask {
            try await peer.loop.run { loop in
              let client = try await ClientConnection(
                to: try SocketAddress(host: "127.0.0.1", port: peer.port), on: loop)
              defer { client.close(on: loop) }
              var answered = 0
              for _ in 0..<20 {
                try await client.send(self.get("/staged"))
                let head = try await client.readHead(answering: .get, within: .seconds(60))
                if head.status == 201 { answered += 1 }
              }
              return answered
            }
          }
        }
        var sum = 0
        for try await answered in group { sum += answered }
        #expect(sum == 800)
      }
      let sizes = journal.now.turnSizes
      #expect(sizes.reduce(0, +) == 800)
      #expect(sizes.contains { $0 > 1 }, "requests of one turn share one hand-over: \(sizes)")
    }
  }
}

@Suite(.serialized) struct ClientConnectionTests {
  private func withClient(
    _ peer: Peer, _ body: @Sendable (ClientConnection, isolated Loop) async throws -> Void
  ) async throws {
    try await peer.loop.run { loop in
      let client = try await ClientConnection(
        to: try SocketAddress(host: "127.0.0.1", port: peer.port), on: loop)
      defer { client.close(on: loop) }
      try await body(client, loop)
    }
  }

  @Test("a cancelled task's wait ends at once", .timeLimit(.minutes(10)))
  func cancellation() async throws {
    try await withServer { server, peer, _ in
      let failure = await withTaskGroup(of: ClientFailure?.self) { group in
        group.addTask {
          do {
            try await self.withClient(peer) { client, _ in
              try await client.send(bytes("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"))
              _ = try await client.readHead(answering: .get, within: .seconds(1_800))
            }
            return nil
          } catch {
            return error as? ClientFailure
          }
        }
        // Not before it waits for the answer.
        while server.counters.requests == 0 { try? await Task.sleep(for: .milliseconds(5)) }
        group.cancelAll()
        return await group.next() ?? nil
      }
      #expect(failure == .cancelled)
    }
  }

  @Test("chunked and close-delimited bodies, time-outs and refused connections")
  func bodies() async throws {
    try await withServer { server, peer, _ in
      try await withClient(peer) { client, _ in
        try await client.send(bytes("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"))
        let head = try await client.readHead(answering: .get, within: .seconds(60))
        #expect(head.framing == .chunked)
        let body = try await client.readBody(upTo: 100, within: .seconds(60))
        #expect(body == bytes("tick\ntick\ntick\n"))
        try await client.send(bytes("GET /toolong HTTP/1.1\r\nHost: a\r\n\r\n"))
        _ = try await client.readHead(answering: .get, within: .seconds(60))
        await #expect(throws: ClientFailure.tooLong) {
          try await client.readBody(upTo: 3, within: .seconds(60))
        }
      }
      try await withClient(peer) { client, _ in
        try await client.send(bytes("GET /stream HTTP/1.0\r\n\r\n"))
        let head = try await client.readHead(answering: .get, within: .seconds(60))
        #expect(head.framing == .untilClose)
        #expect(!client.keepsAlive)
        let body = try await client.readBody(upTo: 100, within: .seconds(60))
        #expect(body == bytes("tick\ntick\ntick\n"))
      }
      try await withClient(peer) { client, _ in
        await #expect(throws: ClientFailure.timedOut) {
          try await client.readHead(answering: .get, within: .milliseconds(50))
        }
      }
      await server.drain(within: .seconds(1))
      await #expect(throws: ClientFailure.self) { try await self.withClient(peer) { _, _ in } }
    }
  }

  @Test("a listener's copy, as a child holds it while it is started, takes nobody in")
  func copiedListener() async throws {
    try await withServer { server, peer, _ in
      let copies = Self.listeners(at: peer.port).map { Glibc.dup($0) }
      defer { for copy in copies { Glibc.close(copy) } }
      #expect(!copies.isEmpty && copies.allSatisfy { $0 >= 0 })
      _ = await server.drain(within: .seconds(1))
      await #expect(throws: ClientFailure.self) { try await self.withClient(peer) { _, _ in } }
    }
  }

  /// This process's descriptors of sockets that listen at a port of 127.0.0.1.
  private static func listeners(at port: UInt16) -> [Int32] {
    (0..<4096).filter { descriptor in
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      var listens: Int32 = 0
      var width = socklen_t(MemoryLayout<Int32>.size)
      let found = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe getsockname(descriptor, $0, &size)
        }
      }
      let asked = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &width)
      return found == 0 && asked == 0 && listens == 1 && address.sin_port == port.bigEndian
    }
  }
}
