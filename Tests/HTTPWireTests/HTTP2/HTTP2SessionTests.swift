import Bytes
import TestSupport
import Testing

@testable import HTTPWire

@Suite("HTTP/2 as a machine")
struct HTTP2SessionTests {
  private let start = MonotonicTime(nanoseconds: 0)

  /// What a session makes of bytes that come in two pieces.
  private func events(
    _ bytes: [UInt8], cut: Int = 0, limits: WireLimits = WireLimits()
  ) -> (events: [String], session: HTTP2Session) {
    let session = HTTP2Session(limits: limits, now: start)
    var events: [HTTP2Event] = []
    for piece in [bytes[..<cut], bytes[cut...]] where !piece.isEmpty {
      events += session.receive(ByteSlice(Array(piece)), at: start)
    }
    return (events.map(describe), session)
  }

  private func describe(_ event: HTTP2Event) -> String {
    switch event {
    case .request(let stream, let head, let isWhole):
      let fields = (0..<head.fields.count).map {
        "\(head.fields.name(at: $0).text)=\(head.fields.value(at: $0).text)"
      }
      return "\(stream) \(head.method) \(head.target.text) \(isWhole) \(fields)"
    case .refused(let stream, let refusal, let isHead): return "\(stream) \(refusal) \(isHead)"
    case .data(let stream, let bytes): return "\(stream) data \(bytes.text)"
    case .end(let stream): return "\(stream) end"
    case .closed(let stream): return "\(stream) closed"
    }
  }

  private func request(_ fields: [(String, String)]) -> [UInt8] {
    HTTP2Frames.opening()
      + HTTP2Frames.frame(HTTP2Frames.headers, 5, stream: 1, HTTP2Frames.fields(fields))
  }

  @Test("a request with a body reads the same wherever it is cut")
  func splits() {
    var bytes = HTTP2Frames.opening()
    bytes += HTTP2Frames.frame(
      HTTP2Frames.headers, 0, stream: 1, HTTP2Frames.head("POST", "/v1/x?a=b"))
    bytes += HTTP2Frames.frame(
      HTTP2Frames.continuation, 4, stream: 1, HTTP2Frames.fields([("ce-id", "1")]))
    bytes += HTTP2Frames.frame(HTTP2Frames.data, stream: 1, Array("ab".utf8))
    bytes += HTTP2Frames.frame(HTTP2Frames.data, 1, stream: 1, Array("c".utf8))
    bytes += HTTP2Frames.get("/v1/y", stream: 3)
    let head =
      #"1 post /v1/x?a=b false ["host=a", "ce-id=1", "transfer-encoding=chunked"]"#
    for cut in 0...bytes.count {
      let (found, _) = events(bytes, cut: cut)
      #expect(found.first == head)
      let body = found.filter { $0.hasPrefix("1 data ") }.map { $0.dropFirst(7) }.joined()
      #expect(body == "abc", "cut at \(cut)")
      #expect(found.suffix(2) == ["1 end", #"3 get /v1/y true ["host=a"]"#])
    }
  }

  @Test("host and authority must say the same, and one of them something")
  func hosts() {
    let base = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
    let cases: [([(String, String)], String)] = [
      (base + [("host", "a")], #"1 get / true ["host=a"]"#),
      (base + [(":authority", "a"), ("host", "a")], #"1 get / true ["host=a"]"#),
      (
        base + [(":authority", "a"), ("host", "b")],
        "1 badRequest(HTTPWire.WireRule.repeatedHost) false"
      ),
      (
        base + [("host", "a"), ("host", "a")], "1 badRequest(HTTPWire.WireRule.repeatedHost) false"
      ),
      (base + [("x", "a")], "1 badRequest(HTTPWire.WireRule.missingHost) false"),
    ]
    for (fields, expected) in cases {
      let found = events(request(fields)).events
      // A repeated Host, or none of both, is refused by libnghttp2 already, as a broken stream.
      let isBroken = fields[3].0 != ":authority"
      #expect(found == [expected] || found.isEmpty && isBroken, "\(fields) gave \(found)")
    }
  }

  @Test("limits are those of HTTP/1.1")
  func limits() {
    var limits = WireLimits()
    limits.fields = 10
    let many = (0..<10).map { ("x-\($0)", "y") }
    #expect(
      events(
        request(
          [(":method", "HEAD"), (":scheme", "http"), (":authority", "a"), (":path", "/")] + many),
        limits: limits
      )
      .events == ["1 headersTooLarge true"])
    let long = String(repeating: "y", count: 8190)
    for (field, refusal) in [
      (("x", long), "headersTooLarge"), (("content-length", "99999999"), "bodyTooLarge"),
    ] {
      let bytes =
        HTTP2Frames.opening()
        + HTTP2Frames.frame(
          HTTP2Frames.headers, 4, stream: 1, HTTP2Frames.head("POST", "/", [field]))
      #expect(events(bytes).events == ["1 \(refusal) false"])
    }
    let target = "/" + long + "zz"
    #expect(
      events(HTTP2Frames.opening() + HTTP2Frames.get(target, stream: 1)).events == [
        "1 uriTooLong false"
      ])
  }

  @Test("allowances come back with time, and a flood is named")
  func allowances() {
    var limits = WireLimits()
    limits.controlFrames = 2
    limits.controlFramesPerSecond = 1
    var guardian = HTTP2Guard(limits: limits, now: start)
    func frames(_ count: Int) -> [Bool] { (0..<count).map { _ in guardian.controlFrame() } }
    #expect(frames(2) == [false, false])
    guardian.earn(at: start + .milliseconds(2500))
    #expect(frames(2) == [false, false])
    guardian.earn(at: start + .milliseconds(2900))
    #expect(frames(2) == [true, false], "four tenths of a second more earn nothing; told once")
    #expect(guardian.flood == .controlFrames)
    var other = HTTP2Guard(limits: limits, now: start)
    other.dataSent()
    let updates = (0..<7).map { _ in other.windowUpdate() }
    #expect(updates == [false, false, false, false, false, false, true])
    #expect(other.flood == .windowUpdates)
  }

  @Test("an answer to a stream that is over goes nowhere and counts for nothing")
  func lateAnswer() {
    let session = HTTP2Session(limits: WireLimits(), now: start)
    let reset = HTTP2Frames.frame(HTTP2Frames.reset, stream: 1, HTTP2Frames.number(8))
    _ = session.receive(
      ByteSlice(HTTP2Frames.opening() + HTTP2Frames.get("/", stream: 1) + reset), at: start)
    #expect(session.resets == 1)
    let answer = HTTP2Outgoing()
    answer.outbox.append("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    answer.isEnded = true
    session.respond(with: answer, on: 1, at: start)
    #expect(session.pendingBytes == 0)
    let outbox = Outbox()
    _ = session.pump(into: outbox, upTo: 65_536, at: start)
    #expect(!HTTP2Frames.read(outbox.bytes.bytes).frames.has(HTTP2Frames.headers, stream: 1))
  }

  @Test("a request that is not needed is reset behind its answer", arguments: [false, true])
  func notNeeded(isSent: Bool) {
    let session = HTTP2Session(limits: WireLimits(), now: start)
    let head = HTTP2Frames.frame(
      HTTP2Frames.headers, HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.head("POST", "/"))
    _ = session.receive(ByteSlice(HTTP2Frames.opening() + head), at: start)
    let answer = HTTP2Outgoing()
    answer.outbox.append("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    answer.isEnded = true
    session.respond(with: answer, on: 1, at: start)
    let outbox = Outbox()
    if isSent { _ = session.pump(into: outbox, upTo: 65_536, at: start) }
    session.reset(1, .notNeeded)
    _ = session.pump(into: outbox, upTo: 65_536, at: start)
    let frames = HTTP2Frames.read(outbox.bytes.bytes).frames
    #expect(frames.body(of: 1) == "hello" && frames.isEnded(1))
    #expect(frames.last?.type == HTTP2Frames.reset)
    #expect(frames.errorCode(HTTP2Frames.reset) == 0)
  }

  @Test("a client's time begins with the answer, however long nothing came or went before")
  func movedAt() {
    let session = HTTP2Session(limits: WireLimits(), now: start)
    let shut = HTTP2Frames.opening(settings: [(4, 0)]) + HTTP2Frames.get("/", stream: 1)
    _ = session.receive(ByteSlice(shut), at: start)
    let answer = HTTP2Outgoing()
    answer.outbox.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    session.respond(with: answer, on: 1, at: start + .seconds(30))
    #expect(answer.movedAt == .distantFuture)
    answer.outbox.append("hello")
    session.resume(1, at: start + .seconds(60))
    _ = session.pump(into: Outbox(), upTo: 65_536, at: start + .seconds(61))
    #expect(answer.pending == 5)
    #expect(answer.movedAt == start + .seconds(60))
  }

  @Test("an answer's fields lose what belongs to a connection")
  func answers() {
    let session = HTTP2Session(limits: WireLimits(), now: start)
    _ = session.receive(
      ByteSlice(HTTP2Frames.opening() + HTTP2Frames.get("/", stream: 1)), at: start)
    let answer = HTTP2Outgoing()
    answer.outbox.append(
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
    answer.isEnded = true
    session.respond(with: answer, on: 1, at: start)
    #expect(session.pendingBytes == 5)
    let outbox = Outbox()
    _ = session.pump(into: outbox, upTo: 65_536, at: start)
    let frames = HTTP2Frames.read(outbox.bytes.bytes).frames
    #expect(frames.body(of: 1) == "hello" && frames.isEnded(1))
    #expect(session.pendingBytes == 0)
    var fields = HTTP2Fields()
    let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nETag: \"x\"\r\n\r\nrest"
    let length = fields.take(Array(head.utf8).span)
    #expect(length == head.utf8.count - 4)
    #expect(String(decoding: fields.bytes.bytes, as: UTF8.self) == ":status201etag\"x\"")
  }
}
