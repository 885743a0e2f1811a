import Bytes
import HTTPWire
import Network
import Synchronization
import Testing

@testable import Client

@Suite("Gateway client", .serialized)
struct GatewayClientTests {
  /// Runs `body` on a loop, against a server of ours.
  private func withServer<Outcome: Sendable>(
    _ body: @Sendable (GatewayClient, isolated ClientLoop) async throws -> Outcome
  ) async throws -> Outcome {
    var configuration = ServerConfiguration(listeners: [
      ListenerConfiguration(host: "127.0.0.1", port: 0)
    ])
    configuration.loops = 1
    let server = try Server<Answers>(configuration: configuration)
    let state = Answers.State()
    try await server.start { _ in Answers(state) }
    let endpoint = try Endpoint("http://localhost:\(server.port)/base")
    do {
      let outcome = try await ClientLoop.once { loop throws(any Error) in
        let client = GatewayClient(endpoint, token: ByteSlice(utf8: "secret"))
        defer { client.close(on: loop) }
        return try await body(client, loop)
      }.get()
      _ = await server.drain(within: .seconds(1))
      return outcome
    } catch {
      _ = await server.drain(within: .seconds(1))
      throw error
    }
  }

  @Test("sends requests with the token and reads answers of every framing on one connection")
  func exchanges() async throws {
    try await withServer { client, loop in
      for round in 0..<3 {
        let body = ByteSlice(utf8: String(repeating: "x", count: round * 40_000))
        let echo = try await client.send(
          ClientRequest("POST", "/echo", body: .whole(body)), on: loop)
        #expect(echo.status == 200)
        #expect(echo.body == body)
        #expect(echo.fields.first("seen-authorization")?.text == "Bearer secret")
        #expect(echo.fields.first("seen-path")?.text == "/base/echo")
        let chunked = try await client.send(ClientRequest("GET", "/chunked"), on: loop)
        #expect(chunked.body.text == "one,two,three")
        let head = try await client.send(ClientRequest("HEAD", "/chunked"), on: loop)
        #expect(head.body.isEmpty)
        let empty = try await client.send(ClientRequest("DELETE", "/empty"), on: loop)
        #expect(empty.status == 204)
        #expect(empty.keepsConnection)
      }
    }
  }

  @Test("a connection that the server closed is replaced, except under a POST")
  func replaced() async throws {
    try await withServer { client, loop in
      for _ in 0..<3 {
        let answer = try await client.send(ClientRequest("GET", "/close"), on: loop)
        #expect(answer.status == 200)
        #expect(!answer.keepsConnection)
      }
      await #expect(throws: ClientFault.connectionLost) {
        try await client.send(ClientRequest("GET", "/abort"), on: loop)
      }
    }
  }

  @Test("streams a body in pieces")
  func pieces() async throws {
    try await withServer { client, loop in
      var left = 200
      let answer = try await client.send(
        ClientRequest("POST", "/echo"),
        pieces: {
          left -= 1
          return left >= 0 ? ByteSlice(utf8: "piece \(left)\n") : nil
        }, on: loop)
      #expect(
        answer.body.text == (0..<200).reversed().map { "piece \($0)\n" }.joined())
    }
  }

  @Test("follows a stream over disconnects without losing or repeating an event")
  func follows() async throws {
    try await withServer { client, loop in
      let follower = EventFollower(client, target: "/stream", after: ByteSlice(utf8: "4"))
      defer { follower.close(on: loop) }
      var ids: [String] = []
      while let event = try await follower.next(on: loop) {
        #expect(event.data.text == "event \(event.id.text)\nsecond line")
        ids.append(event.id.text)
      }
      #expect(ids == (5...30).map { "\($0)" })
      #expect(follower.connections > 5)
    }
  }

  @Test("a stream that is refused says so; a server that is away is given up after the patience")
  func refused() async throws {
    try await withServer { client, loop in
      let follower = EventFollower(client, target: "/forbidden")
      await #expect(
        throws: ClientFault.refused(status: 403, body: ByteSlice(utf8: "no"))
      ) {
        try await follower.next(on: loop)
      }
      let nobody = GatewayClient(try Endpoint("http://127.0.0.1:1"))
      let lost = EventFollower(nobody, target: "/stream", patience: .milliseconds(300))
      await #expect(throws: ClientFault.self) { try await lost.next(on: loop) }
      #expect(lost.connections == 0)
      await #expect(throws: ClientFault.unreachable("nobody listens there")) {
        try await nobody.send(ClientRequest("GET", "/"), on: loop)
      }
      // Longer than a label may be (RFC 1035 §2.3.4), so that nobody is asked for it.
      let label = String(repeating: "a", count: 64)
      let named = GatewayClient(try Endpoint("http://\(label).example"))
      await #expect(throws: ClientFault.unreachable("\(label).example is no address")) {
        try await named.send(ClientRequest("GET", "/"), on: loop)
      }
      let plain = GatewayClient(try Endpoint("https://127.0.0.1:\(client.endpoint.port)"))
      await #expect(throws: ClientFault.unreachable("it does not speak TLS")) {
        try await plain.send(ClientRequest("GET", "/"), on: loop)
      }
    }
  }
}

/// Answers that exercise a client.
private final class Answers: Responder {
  final class State: Sendable {
    let streams = Atomic<Int>(0)
  }

  private let state: State
  init(_ state: State) { self.state = state }

  func respond(to request: HTTPRequest, with answer: inout AnswerWriter) async -> AnswerEnd {
    let path = request.head.path
    if path.equals("/base/echo") {
      let body = (try? await request.body.collect(upTo: 1 << 20)) ?? .empty
      answer.start(200)
      answer.field("Seen-Authorization", request.head.fields.first("authorization") ?? .empty)
      answer.field("Seen-Path", path)
      answer.finish(contentType: "text/plain", body: body)
    } else if path.equals("/base/chunked") {
      answer.start(200)
      answer.startStream(contentType: "text/plain")
      return .stream(Pieces(["one,", "two,", "three"], then: .end))
    } else if path.equals("/base/abort") {
      answer.start(200)
      answer.startStream(contentType: "text/plain")
      return .stream(Pieces(["one,"], then: .abort))
    } else if path.equals("/base/close") {
      answer.start(200)
      answer.field("Connection", "close")
      answer.finish(contentType: "text/plain", body: ByteSlice(utf8: "bye"))
    } else if path.equals("/base/stream") {
      return stream(request, &answer)
    } else if path.equals("/base/forbidden") {
      answer.start(403)
      answer.finish(contentType: "text/plain", body: ByteSlice(utf8: "no"))
    } else {
      answer.start(204)
      answer.finishEmpty()
    }
    return .complete
  }

  /// Events up to 30, three to a connection; now and then cut short, busy or ended in an event.
  private func stream(_ request: HTTPRequest, _ answer: inout AnswerWriter) -> AnswerEnd {
    let turn = state.streams.wrappingAdd(1, ordering: .relaxed).newValue
    let last = request.head.fields.first("last-event-id").flatMap { Int($0.text) } ?? 0
    guard last < 30 else {
      answer.start(204)
      answer.finishEmpty()
      return .complete
    }
    if turn % 4 == 0 {
      answer.start(503)
      answer.finishEmpty()
      return .complete
    }
    var frames = ["retry: 10\n\n: hello\n\n"]
    for id in (last + 1)...min(last + 3, 30) {
      frames.append("id: \(id)\ndata: event \(id)\n")
      frames.append("data: second line\n\n")
    }
    if turn % 3 == 0 { frames.append("id: 99\ndata: cut") }
    answer.start(200)
    answer.startStream(contentType: "text/event-stream; charset=utf-8")
    return .stream(Pieces(frames, then: turn % 2 == 0 ? .end : .abort))
  }

  func refuse(_ refusal: WireRefusal, id: RequestID, with answer: inout AnswerWriter) {
    answer.start(refusal.status)
    answer.finishEmpty()
  }

  func turnEnded() {}
}

private final class Pieces: AnswerStream {
  private var left: ArraySlice<String>
  private let last: AnswerStreamStep

  init(_ pieces: [String], then last: AnswerStreamStep) {
    left = pieces[...]
    self.last = last
  }

  func next(into bytes: inout ByteWriter) async -> AnswerStreamStep {
    guard let piece = left.popFirst() else { return last }
    bytes.append(text: piece)
    await Task.yield()
    return .more
  }
}
