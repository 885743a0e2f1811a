import Bytes
import Foundation
import HTTPWire
import Testing

@testable import Network

@Suite(.serialized) struct LimitsTests {
  private func get(_ path: String) -> ByteSlice {
    bytes("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
  }

  @Test("a head that does not come to its end is answered with 408; silence with nothing")
  func headTime() async throws {
    var limits = WireLimits()
    // A client that is held up on its way has not been silent.
    limits.headTime = .seconds(2)
    try await withServer(limits) { server, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange([bytes("GET / HT")], quiet: .seconds(20), on: loop)
      }
      #expect(statuses(text) == [408])
      #expect(ending == .closed)
      let slow = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n".utf8
        .map { ByteSlice([$0]) }
      let (dripped, _) = try await peer.loop.run { loop in
        try await peer.exchange(slow, pause: .milliseconds(60), quiet: .seconds(20), on: loop)
      }
      #expect(statuses(dripped) == [408], "bytes that drip do not buy time")
      let (silence, end) = try await peer.loop.run { loop in
        try await peer.exchange([], quiet: .seconds(20), on: loop)
      }
      #expect(silence.isEmpty)
      #expect(end == .closed)
      #expect(server.counters.headTimeouts == 2)
    }
  }

  @Test("an idle connection is closed without a word, after its buffers")
  func idleTime() async throws {
    var limits = WireLimits()
    limits.idleTime = .seconds(3)
    limits.bufferKeepTime = .milliseconds(50)
    try await withServer(limits) { _, peer, _ in
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [self.get("/a"), self.get("/b")], pause: .milliseconds(120), quiet: .seconds(20),
          on: loop)
      }
      #expect(bodies(text) == ["/a", "/b"])
      #expect(ending == .closed)
    }
  }

  @Test("a body that stops, or comes too slowly, is answered with 408")
  func bodyTime() async throws {
    var limits = WireLimits()
    limits.bodyIdleTime = .milliseconds(150)
    limits.bodyGrace = .milliseconds(400)
    limits.bodyBytesPerSecond = 1000
    let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n"
    try await withServer(limits) { server, peer, journal in
      let (stopped, ending) = try await peer.loop.run { loop in
        try await peer.exchange([bytes(head), bytes("abc")], quiet: .seconds(20), on: loop)
      }
      #expect(statuses(stopped) == [408])
      #expect(ending == .closed)
      let drips = [bytes(head)] + Array(repeating: bytes("x"), count: 60)
      let (slow, _) = try await peer.loop.run { loop in
        try await peer.exchange(drips, pause: .milliseconds(20), quiet: .seconds(20), on: loop)
      }
      #expect(statuses(slow) == [408])
      #expect(journal.now.bodyFailures == [.timedOut, .timedOut])
      #expect(server.counters.bodyTimeouts == 2)
    }
  }

  @Test("a stream waits for its reader, and a reader that takes nothing is cut")
  func writeStall() async throws {
    var limits = WireLimits()
    limits.writeStallTime = .milliseconds(300)
    try await withServer(limits) { server, peer, journal in
      try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        socket.outbox.append(self.get("/flood"))
        #expect(await socket.flush())
        await peer.until(on: loop) { server.counters.writeStalls == 1 }
        #expect(server.counters.writeStalls == 1)
        // What two sockets' buffers hold, not what a stream of 64 KiB steps makes in 300 ms.
        #expect(journal.now.streamSteps < 1_000, "nothing is made while nothing is taken")
        let (_, ending) = await peer.read(socket, quiet: .seconds(20))
        #expect(ending != .quiet)
        await peer.until(on: loop) { server.counters.openConnections == 0 }
      }
      #expect(server.counters.openConnections == 0)
    }
  }

  @Test("a hang-up cancels who waits, in a request and in a stream")
  func hangUp() async throws {
    try await withServer { server, peer, journal in
      try await peer.loop.run { loop in
        let waiting = try await peer.connect(on: loop)
        waiting.outbox.append(self.get("/wait"))
        #expect(await waiting.flush())
        await peer.until(on: loop) { journal.now.waiting == 1 }
        #expect(journal.now.cancelled == 0)
        waiting.close(on: loop)
        await peer.until(on: loop) { server.counters.openConnections == 0 }
        #expect(journal.now.cancelled == 1)
      }
      #expect(server.counters.openConnections == 0)
      let (text, ending) = try await peer.loop.run { loop in
        try await peer.exchange(
          [self.get("/later")], quiet: .seconds(20), halfClose: true, on: loop)
      }
      #expect(bodies(text) == ["later"], "who only ended his side still gets his answer")
      #expect(ending == .closed)
    }
  }

  @Test("connections beyond the cap are told so")
  func cap() async throws {
    var limits = WireLimits()
    limits.connections = 2
    try await withServer(limits) { server, peer, _ in
      try await peer.loop.run { loop in
        let first = try await peer.connect(on: loop)
        let second = try await peer.connect(on: loop)
        await peer.until(on: loop) { server.counters.openConnections == 2 }
        let (text, ending) = try await peer.exchange([], quiet: .seconds(20), on: loop)
        #expect(statuses(text) == [503])
        #expect(ending == .closed)
        first.close(on: loop)
        second.close(on: loop)
        await peer.until(on: loop) { server.counters.openConnections == 0 }
        let (served, _) = try await peer.exchange([self.get("/x")], last: "/x", on: loop)
        #expect(bodies(served) == ["/x"])
      }
      #expect(server.counters.overCap == 1)
    }
  }

  @Test("operators have places of their own, however many others there are")
  func operators() async throws {
    var configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(host: "127.0.0.1", port: 0),
      ListenerConfiguration(kind: .management, host: "127.0.0.1", port: 0),
    ])
    configuration.limits.connections = 1
    configuration.limits.operatorConnections = 2
    configuration.loops = 1
    let journal = Journal()
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, journal) }
    let loop = try Loop(number: 99)
    let everybody = Peer(loop: loop, port: server.ports[0])
    let operators = Peer(loop: loop, port: server.ports[1])
    try await loop.run { loop in
      var open = [try await everybody.connect(on: loop)]
      await everybody.until(on: loop) { server.counters.openConnections == 1 }
      for _ in 0..<2 {
        let socket = try await operators.connect(on: loop)
        open.append(socket)
        socket.outbox.append(self.get("/x"))
        #expect(await socket.flush())
        let (text, _) = await operators.read(socket, quiet: .zero, last: "/x")
        #expect(bodies(text) == ["/x"])
      }
      for peer in [everybody, operators] {
        let (text, ending) = try await peer.exchange([], quiet: .seconds(20), on: loop)
        #expect(statuses(text) == [503])
        #expect(ending == .closed)
      }
      for socket in open { socket.close(on: loop) }
      await everybody.until(on: loop) { server.counters.openConnections == 0 }
      for peer in [operators, everybody] {
        let (text, _) = try await peer.exchange([self.get("/x")], last: "/x", on: loop)
        #expect(bodies(text) == ["/x"])
        await everybody.until(on: loop) { server.counters.openConnections == 0 }
      }
    }
    #expect(server.counters.overCap == 2)
    await server.drain(within: .seconds(1))
    await loop.stop()
  }

  @Test("a second server cannot share the port by accident")
  func portInUse() async throws {
    try await withServer { server, _, _ in
      let configuration = ServerConfiguration(
        listeners: [ListenerConfiguration(host: "127.0.0.1", port: server.port)])
      #expect(throws: NetworkFailure.addressInUse) {
        try Server<TestResponder>(configuration: configuration)
      }
    }
  }

  @Test("two listeners of one server cannot share a port", arguments: ["127.0.0.1", "0.0.0.0"])
  func listenersOfOnePort(host: String) async throws {
    var free: UInt16 = 0
    try await withServer { server, _, _ in free = server.port }
    let configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(host: "127.0.0.1", port: free),
      ListenerConfiguration(host: host, port: free),
    ])
    #expect(throws: NetworkFailure.addressInUse) {
      try Server<TestResponder>(configuration: configuration)
    }
  }

  @Test("a drain answers what is in flight, ends what waits, closes what is idle")
  func drain() async throws {
    let journal = Journal()
    journal.note { $0.isReleased = false }
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0)])
    configuration.loops = 2
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, journal) }
    let loop = try Loop(number: 99)
    let peer = Peer(loop: loop, port: server.port)
    async let later = loop.run { loop in
      try await peer.exchange([self.get("/later")], quiet: Peer.patience, on: loop)
    }
    async let waiting = loop.run { loop in
      try await peer.exchange([self.get("/wait")], quiet: Peer.patience, on: loop)
    }
    async let idle = loop.run { loop in
      try await peer.exchange([self.get("/idle")], quiet: Peer.patience, on: loop)
    }
    await loop.run { loop in
      await peer.until(on: loop) { server.counters.requests == 3 && journal.now.waiting >= 2 }
    }
    async let cut = server.drain(within: Peer.patience)
    // Once nobody listens any more, each loop knows that it ends.
    await loop.run { loop in await peer.untilRefused(on: loop) }
    journal.note { $0.isReleased = true }
    #expect(await cut == 0)
    let (answered, answeredEnd) = try await later
    #expect(bodies(answered) == ["later"])
    #expect(answered.contains("Connection: close\r\n"))
    #expect(answeredEnd == .closed)
    let (waited, waitedEnd) = try await waiting
    #expect(statuses(waited) == [503])
    #expect(waitedEnd == .closed)
    let (rested, restedEnd) = try await idle
    #expect(bodies(rested) == ["/idle"])
    #expect(restedEnd == .closed)
    await loop.stop()
  }

  @Test("who begins to wait after the drain began is not waited for")
  func drainFirst() async throws {
    try await withServer { server, peer, journal in
      let (text, ending) = try await peer.loop.run { loop in
        let socket = try await peer.connect(on: loop)
        defer { socket.close(on: loop) }
        let begun = bytes("GET /wait HTTP/1.1\r\nHo")
        socket.outbox.append(begun)
        #expect(await socket.flush())
        await peer.until(on: loop) { server.counters.bytesReceived == begun.count }
        let drained = Task { await server.drain(within: Peer.patience) }
        await peer.untilRefused(on: loop)
        socket.outbox.append(bytes("st: a\r\n\r\n"))
        #expect(await socket.flush())
        let answer = await peer.read(socket, quiet: Peer.patience)
        #expect(await drained.value == 0)
        return answer
      }
      #expect(statuses(text) == [503])
      #expect(ending == .closed)
      #expect(journal.now.cancelled == 1)
    }
  }

  @Test("what does not end in time is cut")
  func drainCuts() async throws {
    let journal = Journal()
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0)])
    configuration.limits.headTime = Peer.patience
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, journal) }
    let loop = try Loop(number: 99)
    let peer = Peer(loop: loop, port: server.port)
    let begun = bytes("GET / HT")
    async let half = loop.run { loop in
      try await peer.exchange([begun], quiet: Peer.patience, on: loop)
    }
    // One that has said nothing yet would be idle.
    await loop.run { loop in
      await peer.until(on: loop) { server.counters.bytesReceived == begun.count }
    }
    #expect(await server.drain(within: .milliseconds(100)) == 1)
    #expect(try await half.ending != .quiet)
    await loop.stop()
  }
}
