import Bytes
import Testing

@testable import HTTPWire

@Suite struct RequestParserTests {
  @Test(
    "good heads are understood, however they are cut",
    arguments: [
      ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTPMethod.get, "/", nil, BodyFraming.none),
      ("GET /a?b=c HTTP/1.1\r\nHost: a:80\r\n\r\n", .get, "/a", "b=c", .none),
      ("GET /a? HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/a", "", .none),
      ("GET /a?b?c HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/a", "b?c", .none),
      ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/", nil, .none),
      ("GET / HTTP/1.0\r\n\r\n", .get, "/", nil, .none),
      ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", .get, "/", nil, .none),
      ("HEAD /%41 HTTP/1.1\r\nhost:[::1]:8080\r\n\r\n", .head, "/%41", nil, .none),
      ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", .options, "*", nil, .none),
      ("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", .options, "*", nil, .none),
      ("GET http://b.c:9/d?e HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/d", "e", .none),
      ("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/", nil, .none),
      ("GET http://b?e HTTP/1.1\r\nHost: a\r\n\r\n", .get, "/", "e", .none),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n", .post, "/", nil, .length(7)),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", .post, "/", nil, .none),
      (
        "PUT / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: \tChunked \r\n\r\n", .put, "/", nil,
        .chunked
      ),
      ("DELETE / HTTP/1.1\r\nHost: a\r\nX:\r\nY: \t \r\n\r\n", .delete, "/", nil, .none),
      ("PATCH / HTTP/1.1\r\nHost: a\r\nX: caf\u{E9}\tb\r\n\r\n", .patch, "/", nil, .none),
    ] as [(String, HTTPMethod, String, String?, BodyFraming)])
  func good(_ text: String, method: HTTPMethod, path: String, query: String?, framing: BodyFraming)
  {
    let (outcome, disagreement) = parseEveryWay(bytes(text))
    #expect(
      outcome
        == .head(
          method: method, path: path, query: query, framing: framing, length: text.utf8.count))
    #expect(disagreement == nil)
  }

  @Test("names are found in any case, values come without the white space around them")
  func fields() throws {
    var parser = RequestParser(limits: WireLimits())
    let text = head("POST / HTTP/1.1", "CE-Type: \t a b\t ", "ce-type: c", "E:")
    guard case .request(let head, _) = parser.next(text) else {
      Issue.record("no head")
      return
    }
    #expect(head.fields.count == 4)
    let (first, count) = head.fields.find("ce-type")
    #expect(first?.text == "a b" && count == 2)
    #expect(head.fields.find("ce-id").first == nil && head.fields.find("ce-id").count == 0)
    #expect(head.fields.first("ce-type") == bytes("a b"))
    #expect(head.fields.occurrences(of: "ce-type") == 2)
    #expect(head.fields.first("e") == .empty)
    #expect(head.fields.first("ce") == nil)
    #expect(head.fields.name(at: 0) == bytes("CE-Type"))
    #expect(head.fields.value(at: 1) == bytes("c"))
    #expect(head.authority == bytes("a"))
  }

  @Test("the target's authority stands above Host")
  func authority() {
    var parser = RequestParser(limits: WireLimits())
    guard case .request(let head, _) = parser.next(head("GET http://b:1/ HTTP/1.1")) else {
      Issue.record("no head")
      return
    }
    #expect(head.authority == bytes("b:1"))
    #expect(head.target == bytes("http://b:1/"))
  }

  @Test(
    "a connection lives on by version and Connection",
    arguments: [
      ("HTTP/1.1", "X: y", true), ("HTTP/1.0", "X: y", false),
      ("HTTP/1.1", "Connection: close", false), ("HTTP/1.0", "Connection: Keep-Alive", true),
      ("HTTP/1.1", "Connection: x, CLOSE ,y", false), ("HTTP/1.1", "Connection: closed", true),
      ("HTTP/1.0", "Connection: keep-alive, close", false), ("HTTP/1.1", "Connection: ,", true),
      ("HTTP/1.1", "Connection: keep-alive\r\nConnection: close", false),
    ])
  func keepAlive(version: String, field: String, expected: Bool) {
    var parser = RequestParser(limits: WireLimits())
    guard case .request(let head, _) = parser.next(head("GET / \(version)", field)) else {
      Issue.record("no head")
      return
    }
    #expect(head.keepAlive == expected)
  }

  @Test("Expect asks for a word only where a body and HTTP/1.1 are")
  func expectation() {
    for (version, field, expected) in [
      ("HTTP/1.1", "Content-Length: 1", true), ("HTTP/1.1", "Transfer-Encoding: chunked", true),
      ("HTTP/1.1", "Content-Length: 0", false), ("HTTP/1.0", "Content-Length: 1", false),
    ] {
      var parser = RequestParser(limits: WireLimits())
      let text = head("POST / \(version)", field, "Expect: 100-Continue")
      guard case .request(let head, _) = parser.next(text) else {
        Issue.record("no head")
        return
      }
      #expect(head.expectsContinue == expected, "\(version) \(field)")
    }
  }

  @Test("pipelined heads are read one after the other")
  func pipelining() {
    var parser = RequestParser(limits: WireLimits())
    let one = head("GET /1 HTTP/1.1")
    let two = head("GET /2 HTTP/1.1", "X: y")
    var both = ByteWriter()
    both.append(one)
    both.append(two)
    let text = both.slice
    guard case .request(let first, let length) = parser.next(text) else {
      Issue.record("no head")
      return
    }
    #expect(first.path == bytes("/1"))
    #expect(length == one.count)
    parser.reset()
    guard case .request(let second, let secondLength) = parser.next(text.dropFirst(length)) else {
      Issue.record("no second head")
      return
    }
    #expect(second.path == bytes("/2"))
    #expect(secondLength == two.count)
    #expect(first.fields.count == 1, "the first head's fields stay what they were")
    #expect(second.fields.count == 2)
  }

  @Test("a head is read the same whatever was read before it")
  func recalled() {
    let heads = [
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 3\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 37\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 0\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: other\r\nContent-Length: 3\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 3\r\nY: z\r\n\r\n",
      "POST /a HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 3\r\nHost: a\r\n\r\n",
      "POST /a?b HTTP/1.1\r\nHost: a\r\nX: one\r\nContent-Length: 3\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a HTTP/1.1\r\n\r\n",
      "GET /a HTTP/1.0\r\n\r\n",
      "GET /a HTTP/1.0\r\nA: b\r\nConnection: keep-alive\r\n\r\n",
      "\r\nGET /a HTTP/1.0\r\n\r\n",
      "GET /a HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "b", count: 300))\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 3\r\nHost: a\r\nTraceparent: 1\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 37\r\nHost: a\r\nTraceparent: 22\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 37\r\nHost: a\r\nTraceparent: 2\r\nX: two\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 37\r\nHost: b\r\nTraceparent: 2\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 3a\r\nHost: a\r\nTraceparent: 1\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 3\nHost: a\r\nTraceparent: 1\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length:   3 \r\nHost: a\r\nTraceparent:\r\nX: one\r\n\r\n",
      "POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\nHost: a\r\n\r\n",
      "POST /b?c HTTP/1.1\r\nContent-Length: 37\r\nHost: a\r\nTraceparent: 2\r\nX: one\r\n\r\n",
      "PUT /a HTTP/1.0\r\nContent-Length: 3\r\nHost: \r\nTraceparent: 2\r\nX: one\r\n\r\n",
      "\r\nPOST /b HTTP/1.1\r\nContent-Length: 37\r\nHost: a\r\nX: one\r\n\r\n",
      "BREW /a HTTP/1.1\r\nContent-Length: 3\r\nHost: a\r\nX: one\r\n\r\n",
      "POST  /a HTTP/1.1\r\nContent-Length: 3\r\nHost: a\r\nX: one\r\n\r\n",
    ].map(bytes)
    var limits = WireLimits()
    limits.rememberedHeadBytes = 200
    for earlier in heads {
      for text in heads {
        #expect(
          parseEveryWay(text, after: earlier, limits: limits).disagreement == nil,
          "\(earlier) \(text)")
        var parser = RequestParser(limits: limits)
        _ = parser.next(earlier)
        parser.reset()
        var fresh = RequestParser(limits: limits)
        guard case .request(let one, _) = parser.next(text),
          case .request(let other, _) = fresh.next(text)
        else { continue }
        #expect(one.fields.ranges == other.fields.ranges)
        #expect(one.framing == other.framing)
        #expect(one.keepAlive == other.keepAlive)
        #expect(one.version == other.version)
        #expect(one.target == other.target)
      }
    }
  }

  @Test("a head that says what the last one said is known for it, whatever varies between them")
  func repeated() {
    func text(
      _ length: String, _ trace: String = "1", line: String = "POST /a HTTP/1.1",
      more: String = "", x: String = "y", by token: String = "t"
    ) -> ByteSlice {
      bytes(
        "\(line)\r\nContent-Length: \(length)\r\nHost: a\r\nTraceParent: \(trace)\r\n"
          + "Authorization: Bearer \(token)\r\nX: \(x)\r\ntracestate: \(trace)\r\n\(more)\r\n")
    }
    let longest = String(repeating: "t", count: 200)
    let (other, old) = ("POST /somewhere/else?q HTTP/1.1", "POST /a HTTP/1.0")
    var limits = WireLimits()
    limits.headBytes = text("3", longest).count
    var parser = RequestParser(limits: limits)
    for (head, repeats) in [
      (text("3"), HeadRepeat.nothing), (text("3"), .all), (text("4"), .all),
      (text("1000"), .all), (text("5", "a long one"), .all), (text("0", ""), .all),
      (text("3", longest), .all), (text("3", x: "z"), .nothing), (text("3", x: "z"), .all),
      (text("3", line: other, x: "z"), .fields), (text("3", line: other, x: "z"), .all),
      (text("3", line: other, x: "z", by: "longer"), .fields),
      (text("37", "22", line: old, x: "z", by: ""), .fields),
      (text("3", line: other, x: "y"), .nothing), (text("3", line: old, x: "y"), .fields),
      (text("3", line: other, more: "Y: z\r\n"), .nothing),
      (text("3", line: other), .nothing), (text("37", line: other), .all),
      (text("3", line: other, by: longest), .fields),
    ] {
      parser.reset()
      guard case .request(let read, let length) = parser.next(head) else {
        Issue.record("no head: \(head)")
        continue
      }
      #expect(read.repeats == repeats, "\(head)")
      #expect(length == head.count)
      var fresh = RequestParser(limits: limits)
      guard case .request(let same, _) = fresh.next(head) else { continue }
      #expect(same.repeats == .nothing && read.fields.ranges == same.fields.ranges)
      #expect(read.framing == same.framing && read.target == same.target)
      #expect(read.method == same.method && read.version == same.version)
    }
    parser.reset()
    #expect(parser.outcome(of: text("37", longest)) == .refused(.headersTooLarge))
    for broken in ["a\u{1}", "a\nb"] {
      parser.reset()
      _ = parser.next(text("3"))
      parser.reset()
      #expect(parser.outcome(of: text("3", by: broken)) != .refused(.headersTooLarge))
      guard case .refused = parser.outcome(of: text("3", by: broken)) else {
        Issue.record("it is taken: \(broken)")
        continue
      }
    }
  }

  @Test("a refusal is for good")
  func refusalStays() {
    var parser = RequestParser(limits: WireLimits())
    #expect(parser.outcome(of: bytes("G\u{0}")) == .refused(.badRequest(.controlCharacter)))
    #expect(
      parser.outcome(of: head("GET / HTTP/1.1")) == .refused(.badRequest(.controlCharacter)))
  }

  @Test("a refused HEAD gets no body")
  func refusalTerms() {
    var parser = RequestParser(limits: WireLimits())
    #expect(parser.refusalTerms.isHead == false)
    _ = parser.next(bytes("HEAD / HTTP/1.0\r\nbroken\r\n"))
    let terms = AnswerTerms(isHead: true, version: .http10, keepAlive: false)
    #expect(parser.refusalTerms == terms)
    parser = RequestParser(limits: WireLimits())
    _ = parser.next(bytes("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"))
    parser.reset()
    let broken = parser.outcome(
      of: bytes("HEAD /b HTTP/1.0\r\nHost: a\r\nContent-Length: x\r\n\r\n"))
    #expect(broken == .refused(.badRequest(.badContentLength)))
    #expect(parser.refusalTerms == terms)
  }

  @Test("limits hold at their very edge")
  func limits() {
    var limits = WireLimits()
    limits.targetBytes = 20
    limits.fieldBytes = 30
    limits.headBytes = 120
    limits.fields = 3
    limits.bodyBytes = 100
    func outcome(_ text: ByteSlice) -> Outcome {
      let (outcome, disagreement) = parseEveryWay(text, limits: limits)
      #expect(disagreement == nil, "\(text)")
      return outcome
    }
    func isHead(_ outcome: Outcome) -> Bool {
      if case .head = outcome { return true }
      return false
    }
    let filler = String(repeating: "a", count: 200)
    #expect(isHead(outcome(head("GET /\(filler.prefix(19)) HTTP/1.1"))))
    #expect(outcome(head("GET /\(filler.prefix(20)) HTTP/1.1")) == .refused(.uriTooLong))
    #expect(outcome(head("GET /\(filler) HTTP/1.1")) == .refused(.uriTooLong))
    #expect(outcome(head("GET /\(filler)\u{1} HTTP/1.1")) == .refused(.uriTooLong))
    #expect(outcome(head(filler)) == .refused(.badRequest(.method)))
    #expect(isHead(outcome(head("GET / HTTP/1.1", "X: \(filler.prefix(27))"))))
    #expect(
      outcome(head("GET / HTTP/1.1", "X: \(filler.prefix(28))")) == .refused(.headersTooLarge))
    #expect(isHead(outcome(head("GET / HTTP/1.1", "X: a", "Y: b"))))
    #expect(
      outcome(head("GET / HTTP/1.1", "X: a", "Y: b", "Z: c")) == .refused(.headersTooLarge))
    let long = "X: \(filler.prefix(25))"
    #expect(outcome(head("GET /\(filler.prefix(15)) HTTP/1.1", long, long)) != .incomplete)
    #expect(
      outcome(head("GET /\(filler.prefix(19)) HTTP/1.1", long, "Y: \(filler.prefix(27))", "Z: "))
        == .refused(.headersTooLarge))
    #expect(isHead(outcome(head("POST / HTTP/1.1", "Content-Length: 100"))))
    #expect(outcome(head("POST / HTTP/1.1", "Content-Length: 101")) == .refused(.bodyTooLarge))
  }

  @Test("a hundred fields pass, one more does not")
  func hundredFields() {
    let lines = (0..<99).map { "X\($0): y" }.joined(separator: "\r\n")
    var parser = RequestParser(limits: WireLimits())
    guard case .request(let head, _) = parser.next(head("GET / HTTP/1.1", lines)) else {
      Issue.record("no head")
      return
    }
    #expect(head.fields.count == 100)
    var second = RequestParser(limits: WireLimits())
    let outcome = second.outcome(
      of: bytes("GET / HTTP/1.1\r\n\(lines)\r\nA: b\r\nHost: a\r\n\r\n"))
    #expect(outcome == .refused(.headersTooLarge))
  }

  @Test("random bytes never trap, and never depend on how they are cut")
  func noise() {
    let seed: UInt64 = 0x6A6F_6472
    var random = SeededGenerator(seed: seed)
    let good = Array("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\n\r\n".utf8)
    for round in 0..<400 {
      var text = good
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 0..<text.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: text[index] = UInt8.random(in: .min ... .max, using: &random)
        case 1: text.remove(at: index)
        default: text.insert([10, 13, 32, 58, 0, 9].randomElement(using: &random) ?? 0, at: index)
        }
      }
      let (outcome, disagreement) = parseEveryWay(ByteSlice(text))
      #expect(disagreement == nil, "seed \(seed) round \(round): \(outcome) for \(text)")
      let (_, otherwise) = parseEveryWay(ByteSlice(text), after: ByteSlice(good))
      #expect(otherwise == nil, "seed \(seed) round \(round), not the first: \(text)")
    }
  }
}
