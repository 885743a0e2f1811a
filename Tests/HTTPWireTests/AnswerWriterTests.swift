import Bytes
import Testing

@testable import HTTPWire

@Suite struct AnswerWriterTests {
  private let outbox = Outbox()
  private let commons = AnswerCommons(now: UnixTime(seconds: 784_111_777))
  private let id = RequestID(run: 0xDEAD_BEEF, sequence: 1)
  private let front = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRequest-Id: deadbeef000000000001\r\n"

  private func writer(
    isHead: Bool = false, version: HTTPVersion = .http11, keepAlive: Bool = true,
    body: RequestBody? = nil
  ) -> AnswerWriter {
    AnswerWriter(
      into: outbox, commons: commons, id: id,
      terms: AnswerTerms(isHead: isHead, version: version, keepAlive: keepAlive), body: body)
  }

  private var text: String { String(decoding: outbox.bytes.bytes, as: UTF8.self) }

  @Test("a whole answer")
  func whole() {
    var answer = writer()
    answer.start(201)
    answer.field("Location", bytes("/a"))
    answer.field("Retry-After", decimal: 7)
    #expect(outbox.pending == 0, "a head that is not complete is not sent")
    answer.finish(contentType: "application/json", body: bytes("{}"))
    #expect(
      text == "HTTP/1.1 201 Created\r\n\(front)Location: /a\r\nRetry-After: 7\r\n"
        + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    #expect(outbox.pending == text.utf8.count)
    #expect(!answer.closes)
  }

  @Test("HEAD keeps the length, where it is known, and drops the body; 204 has neither")
  func bodiless() {
    var answer = writer(isHead: true)
    answer.start(200)
    answer.finish(contentType: "text/plain", body: bytes("abc"))
    #expect(text.hasSuffix("Content-Length: 3\r\n\r\n"))
    outbox.abandon()
    answer = writer(isHead: true)
    answer.start(200)
    answer.field("Jodrell-Last", "1:42")
    answer.finishEmpty()
    #expect(text == "HTTP/1.1 200 OK\r\n\(front)Jodrell-Last: 1:42\r\n\r\n")
    #expect(!answer.closes)
    outbox.abandon()
    var second = writer()
    second.start(204)
    second.finishEmpty()
    #expect(text == "HTTP/1.1 204 No Content\r\n\(front)\r\n")
  }

  @Test("no value can end its line")
  func injection() {
    var answer = writer()
    answer.start(200)
    answer.field("Location", bytes("/a\r\nSet-Cookie: b\u{0}"))
    answer.field("X", text: "é")
    answer.finishEmpty()
    #expect(text.contains("Location: /a??Set-Cookie: b?\r\nX: é\r\n"))
  }

  @Test("the connection closes where version, request, body or server say so")
  func closing() {
    var answer = writer(version: .http10, keepAlive: true)
    answer.start(200)
    answer.finishEmpty()
    #expect(text.contains("Connection: keep-alive\r\n"))
    outbox.abandon()
    answer = writer(keepAlive: false)
    answer.start(200)
    answer.finishEmpty()
    #expect(answer.closes)
    #expect(text.contains("Connection: close\r\n"))
    outbox.abandon()
    commons.isDraining = true
    answer = writer()
    answer.start(200)
    answer.finishEmpty()
    #expect(answer.closes)
    commons.isDraining = false
    outbox.abandon()
    let body = RequestBody(whole: .empty)
    body.detach()
    answer = writer(body: body)
    answer.start(200)
    answer.finishEmpty()
    #expect(answer.closes)
  }

  @Test("streams are chunked, or end with the connection for HTTP/1.0")
  func streams() {
    var answer = writer()
    answer.start(200)
    answer.startStream(contentType: "text/event-stream")
    #expect(text.hasSuffix("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"))
    #expect(answer.streamFraming == .chunked)
    outbox.abandon()
    answer = writer(version: .http10)
    answer.start(200)
    answer.startStream(contentType: "text/event-stream")
    #expect(text.hasSuffix("Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"))
    #expect(answer.streamFraming == .untilClose)
    outbox.abandon()
    answer = writer(isHead: true)
    answer.start(200)
    answer.startStream(contentType: "text/event-stream")
    #expect(answer.streamFraming == .absent)
  }

  @Test("an answer that has not been ended can be started over")
  func startOver() {
    outbox.append("before")
    var answer = writer()
    answer.start(200)
    answer.field("A", "b")
    answer.startOver()
    answer.start(500)
    answer.finishEmpty()
    #expect(text.hasPrefix("beforeHTTP/1.1 500 Internal Server Error\r\n"))
    #expect(!text.contains("A: b"))
  }

  @Test("the date follows the clock by whole seconds")
  func date() {
    let epoch = AnswerCommons(now: UnixTime(seconds: 0))
    #expect(
      ByteSlice(copying: epoch.dateLine.span) == bytes("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))
    epoch.advance(to: UnixTime(milliseconds: 999))
    #expect(
      ByteSlice(copying: epoch.dateLine.span) == bytes("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"))
    epoch.advance(to: UnixTime(seconds: 1_772_323_199))
    #expect(
      ByteSlice(copying: epoch.dateLine.span) == bytes("Date: Sat, 28 Feb 2026 23:59:59 GMT\r\n"))
  }

  @Test func `a request's name is its numbers in hexadecimal, and reads back`() throws {
    func padded(_ number: UInt64, _ width: Int) -> String {
      let digits = String(number, radix: 16)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    // Each digit at each place, and numbers at random.
    var numbers: [(run: UInt32, sequence: UInt64)] = []
    for digit: UInt64 in 0..<16 {
      for place: UInt64 in 0..<12 {
        numbers.append(
          (UInt32(truncatingIfNeeded: digit << (4 * place)), digit << (4 * place)))
      }
    }
    for _ in 0..<1000 { numbers.append((.random(in: 0...(.max)), .random(in: 0..<1 << 48))) }
    for (run, sequence) in numbers {
      let id = RequestID(run: run, sequence: sequence)
      #expect(id.slice == bytes(padded(UInt64(run), 8) + padded(sequence, 12)))
      #expect(RequestID(id.slice) == id)
    }
  }

  @Test("request names differ among requests and loops")
  func ids() {
    var first = RequestIDSource(run: 1, loop: 0)
    var second = RequestIDSource(run: 1, loop: 1)
    var seen: Set<ByteSlice> = []
    for _ in 0..<100 {
      seen.insert(first.make().slice)
      seen.insert(second.make().slice)
    }
    #expect(seen.count == 200)
    #expect(seen.allSatisfy { $0.count == 20 })
  }
}
