import Bytes
import Crypto
import Foundation
import HTTPWire
import TestSupport
import Testing

@testable import Network

/// A server behind TLS, met by our own client and by the system's.
@Suite("TLS listeners", .serialized)
struct TLSTests {
  /// What a test has at hand.
  private struct Scene {
    let server: Server<TestResponder>
    let door: TLSDoor
    let authority: TestAuthority
    let journal: Journal
    let loop: Loop

    var port: UInt16 { server.port }
  }

  private func withScene(
    _ change: (inout WireLimits) -> Void = { _ in },
    clients: (TestAuthority) throws -> ClientCertificates = { _ in .notAsked },
    _ body: (Scene) async throws -> Void
  ) async throws {
    let authority = try TestAuthority()
    try authority.sign("server", hosts: "DNS:localhost,IP:127.0.0.1")
    let identity = try Self.identity(authority, "server")
    let door = TLSDoor(try TLSServer([identity], clients: clients(authority)))
    var configuration = ServerConfiguration(
      listeners: [ListenerConfiguration(host: "127.0.0.1", port: 0, tls: door)])
    change(&configuration.limits)
    configuration.loops = 1
    let journal = Journal()
    let server = try Server<TestResponder>(configuration: configuration)
    try await server.start { TestResponder($0, journal) }
    let loop = try Loop(number: 98)
    let scene = Scene(
      server: server, door: door, authority: authority, journal: journal, loop: loop)
    var thrown: (any Error)?
    do { try await body(scene) } catch { thrown = error }
    await server.drain(within: .seconds(1))
    await loop.stop()
    if let thrown { throw thrown }
  }

  private static func identity(_ authority: TestAuthority, _ name: String) throws -> ServerIdentity
  {
    try ServerIdentity(
      certificate: authority.bytes("\(name).pem"), key: authority.bytes("\(name).key"))
  }

  private func open(
    _ scene: Scene, trusting authority: TestAuthority? = nil, on loop: isolated Loop
  ) async throws -> ClientConnection {
    let authority = authority ?? scene.authority
    let client = try TLSClient(trusting: CertificateAuthorities(pem: authority.bytes("ca.pem")))
    let session = try #require(client.connect(to: "127.0.0.1", protocols: [.http11]))
    return try await ClientConnection(
      to: SocketAddress(host: "127.0.0.1", port: scene.port), tls: session, on: loop)
  }

  private func get(_ path: String, _ connection: ClientConnection) async throws -> String {
    try await connection.send(bytes("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"))
    let head = try await connection.readHead(answering: .get, within: .seconds(20))
    #expect(head.status == 200)
    return try await connection.readBody(upTo: 1 << 24, within: .seconds(20)).text
  }

  private func curl(_ scene: Scene, _ arguments: [String]) async throws -> (Int32, String) {
    let ended = try await ChildProgram.run(
      "curl", ["-sS", "--max-time", "20", "--cacert", scene.authority.path("ca.pem")] + arguments)
    return (ended.code, ended.output)
  }

  @Test("requests of every size on one connection, and a goodbye when it ends")
  func requests() async throws {
    try await withScene { scene in
      try await scene.loop.run { loop in
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        for size in [0, 1, 100, 16_384, 20_000, 3_000_000] {
          let body = String(repeating: "x", count: size)
          try await connection.send(
            bytes("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)"))
          let head = try await connection.readHead(answering: .post, within: .seconds(20))
          #expect(head.status == 200)
          let answer = try await connection.readBody(upTo: 1 << 24, within: .seconds(20))
          #expect(answer.count == size)
        }
        // HTTP/1.0 without a length: its body ends with the connection, which must be announced.
        try await connection.send(bytes("GET /stream HTTP/1.0\r\n\r\n"))
        let head = try await connection.readHead(answering: .get, within: .seconds(20))
        #expect(head.framing == .untilClose)
        let body = try await connection.readBody(upTo: 1000, within: .seconds(20))
        #expect(body.text == "tick\ntick\ntick\n")
      }
      #expect(scene.server.counters.handshakes == 1)
    }
  }

  @Test("a goodbye is answered with one, though the connection has not ended")
  func goodbye() async throws {
    try await withScene { scene in
      try await scene.loop.run { loop in
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        #expect(try await get("/a", connection) == "/a")
        connection.socket.sayGoodbye()
        let end = loop.clock.clocks.monotonic() + .seconds(60)
        #expect(await connection.socket.receive(until: end) == .ended)
      }
    }
  }

  @Test("a goodbye that comes along with a request is noticed once that is answered")
  func goodbyeBehindRequest() async throws {
    try await withScene { scene in
      try await scene.loop.run { loop in
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        #expect(try await get("/a", connection) == "/a")
        let session = try #require(connection.socket.tls)
        #expect(seal("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", session))
        session.finish()
        // Both leave in one write.
        connection.socket.sendPending()
        let head = try await connection.readHead(answering: .get, within: .seconds(20))
        #expect(head.status == 200)
        let body = try await connection.readBody(upTo: 100, within: .seconds(20))
        #expect(body.text == "/b")
        let end = loop.clock.clocks.monotonic() + .seconds(20)
        #expect(await connection.socket.receive(until: end) == .ended)
      }
    }
  }

  private func seal(_ text: String, _ session: TLSSession) -> Bool {
    unsafe bytes(text).withUnsafeBytes { unsafe session.seal($0) }
  }

  @Test("a record that does not come to its end keeps no idle connection")
  func endlessRecord() async throws {
    try await withScene({ $0.idleTime = .seconds(2) }) { scene in
      try await scene.loop.run { loop in
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        #expect(try await get("/a", connection) == "/a")
        let socket = connection.socket
        let session = try #require(socket.tls)
        #expect(seal(String(repeating: "x", count: 4000), session))
        let record = ByteSlice(Array(session.sealed.bytes[session.sent...]))
        session.markSent(record.count)
        var ending = Socket.Received.deadline
        for index in 0..<100 where ending == .deadline {
          let crumb = record[index..<(index + 1)]
          _ = unsafe crumb.withUnsafeBytes { unsafe Syscalls.send(socket.fd, $0) }
          ending = await socket.receive(
            until: loop.clock.clocks.monotonic() + .milliseconds(100))
        }
        #expect(ending == .ended)
      }
    }
  }

  @Test("the system's curl with either version, and without a version of ours")
  func versions() async throws {
    try await withScene { scene in
      let url = "https://localhost:\(scene.port)/hello"
      for (options, isServed) in [
        (["--tlsv1.2", "--tls-max", "1.2"], true), (["--tlsv1.3"], true),
        (["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], false),
        (["--tls-max", "1.2", "--ciphers", "AES128-SHA"], false),
      ] {
        let (code, text) = try await curl(
          scene, options + ["-w", " %{ssl_verify_result} %{http_version}", url])
        #expect((code == 0) == isServed, "\(options)")
        if isServed { #expect(text == "/hello 0 2") }
      }
      // The alert goes out before it is counted.
      await scene.loop.run { loop in
        await Peer(loop: loop, port: scene.port).until(on: loop) {
          scene.server.counters.failedHandshakes == 2
        }
      }
      #expect(scene.server.counters.failedHandshakes == 2)
    }
  }

  @Test("a request in the clear is told so in the clear")
  func plainRequest() async throws {
    try await withScene { scene in
      let (_, text) = try await curl(
        scene, ["-w", " %{http_code}", "http://localhost:\(scene.port)/"])
      #expect(text == "no 400")
      #expect(scene.server.counters.breaches(of: .clearOnTLS) == 1)
    }
  }

  @Test("a stream that waits is served as in the clear, and a reader that stops reading slows it")
  func streams() async throws {
    try await withScene { scene in
      try await scene.loop.run { loop in
        for (path, ending) in [
          ("/waiting", "open\npushed\nroused\ndue\n"), ("/waiting?large", "~roused\ndue\n"),
        ] {
          let connection = try await open(scene, on: loop)
          defer { connection.close(on: loop) }
          try await connection.send(bytes("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"))
          _ = try await connection.readHead(answering: .get, within: .seconds(20))
          var text = ""
          var count = 0
          while !text.hasSuffix(ending),
            let piece = try await connection.nextPiece(within: .seconds(20))
          {
            count += piece.count
            text = String((text + piece.dropFirst(max(piece.count - 40, 0)).text).suffix(60))
          }
          #expect(path == "/waiting" || count == WaitingStream.largeBytes + 16)
        }
        let flood = try await open(scene, on: loop)
        try await flood.send(bytes("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n"))
        _ = try await flood.readHead(answering: .get, within: .seconds(20))
        let peer = Peer(loop: loop, port: scene.port)
        // Nobody reads: the steps end when the sockets are full.
        var steps = -1
        await peer.until(on: loop) {
          defer { steps = scene.journal.now.streamSteps }
          return steps == scene.journal.now.streamSteps && steps > 0
        }
        let before = steps
        _ = try await flood.nextPiece(within: .seconds(20))
        flood.close(on: loop)
        #expect(before < 200)
      }
    }
  }

  @Test("a handshake that does not end is ended")
  func slowHandshake() async throws {
    try await withScene({ $0.handshakeTime = .seconds(2) }) { scene in
      try await scene.loop.run { loop in
        let peer = Peer(loop: loop, port: scene.port)
        for start in ["", "\u{16}\u{3}\u{1}\u{1}"] {
          let (text, ending) = try await peer.exchange(
            [bytes(start)], quiet: .seconds(20), on: loop)
          #expect(text.isEmpty)
          #expect(ending == .closed)
        }
      }
      #expect(scene.server.counters.slowHandshakes == 2)
    }
  }

  @Test("beyond the cap of unfinished handshakes the oldest makes room")
  func crowd() async throws {
    try await withScene({ $0.handshakes = 4 }) { scene in
      try await scene.loop.run { loop in
        let peer = Peer(loop: loop, port: scene.port)
        var idlers: [Socket] = []
        defer { for socket in idlers { socket.close(on: loop) } }
        for _ in 0..<20 { idlers.append(try await peer.connect(on: loop)) }
        await peer.until(on: loop) { scene.server.counters.shedHandshakes == 16 }
        let (_, ending) = await peer.read(idlers[0], quiet: .seconds(20))
        #expect(ending == .closed)
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        #expect(try await get("/a", connection) == "/a")
      }
      #expect(scene.server.counters.shedHandshakes == 17)
    }
  }

  @Test("replaced certificates are for new connections; open ones live on")
  func replaced() async throws {
    try await withScene { scene in
      let other = try TestAuthority()
      try other.sign("server", hosts: "IP:127.0.0.1")
      try await scene.loop.run { loop in
        let old = try await open(scene, on: loop)
        defer { old.close(on: loop) }
        #expect(try await get("/old", old) == "/old")
        scene.door.replace(by: try TLSServer([Self.identity(other, "server")]))
        #expect(try await get("/again", old) == "/again")
        let new = try await open(scene, trusting: other, on: loop)
        defer { new.close(on: loop) }
        #expect(try await get("/new", new) == "/new")
        await #expect(throws: ClientFailure.tls(.certificate)) {
          _ = try await self.open(scene, on: loop)
        }
      }
    }
  }

  @Test("the responder sees a client's verified certificate")
  func clientCertificate() async throws {
    let clients: (TestAuthority) throws -> ClientCertificates = { authority in
      .optional(try CertificateAuthorities(pem: authority.bytes("ca.pem")))
    }
    try await withScene(clients: clients) { scene in
      try scene.authority.sign("client")
      let url = "https://localhost:\(scene.port)/certificate"
      let client = [
        "--cert", scene.authority.path("client.pem"), "--key", scene.authority.path("client.key"),
      ]
      let (_, none) = try await curl(scene, [url])
      #expect(none == "0")
      let (_, some) = try await curl(scene, client + [url])
      #expect(Int(some).map { $0 > 200 } == true)
    }
  }

  @Test("an idle connection and one in its handshake end with the server")
  func draining() async throws {
    try await withScene { scene in
      try await scene.loop.run { loop in
        let connection = try await open(scene, on: loop)
        defer { connection.close(on: loop) }
        _ = try await get("/a", connection)
        let peer = Peer(loop: loop, port: scene.port)
        let half = try await peer.connect(on: loop)
        defer { half.close(on: loop) }
        await peer.until(on: loop) { scene.server.counters.accepted == 2 }
        let cut = await scene.server.drain(within: Peer.patience)
        #expect(cut == 0)
        let (_, ending) = await peer.read(half, quiet: .seconds(20))
        #expect(ending == .closed)
      }
    }
  }
}
