import Bytes
import Testing

@testable import HTTPWire

/// Heads that two readers could understand differently, and what becomes of them.
@Suite struct SmugglingTests {
  private static let start = "POST / HTTP/1.1\r\nHost: a\r\n"

  static let framingCases: [(String, WireRefusal)] = [
    ("Content-Length: 4\r\nTransfer-Encoding: chunked", .badRequest(.lengthAndCoding)),
    ("Transfer-Encoding: chunked\r\nContent-Length: 4", .badRequest(.lengthAndCoding)),
    ("Content-Length: 0\r\nTransfer-Encoding: chunked", .badRequest(.lengthAndCoding)),
    ("Transfer-Encoding: gzip\r\nContent-Length: 4", .badRequest(.lengthAndCoding)),
    ("Content-Length: 4\r\nContent-Length: 4", .badRequest(.repeatedContentLength)),
    ("Content-Length: 4\r\ncontent-length: 5", .badRequest(.repeatedContentLength)),
    ("Content-Length: 4, 4", .badRequest(.badContentLength)),
    ("Content-Length: +4", .badRequest(.badContentLength)),
    ("Content-Length: -1", .badRequest(.badContentLength)),
    ("Content-Length: 0x4", .badRequest(.badContentLength)),
    ("Content-Length: 4 4", .badRequest(.badContentLength)),
    ("Content-Length: 4;", .badRequest(.badContentLength)),
    ("Content-Length: \"4\"", .badRequest(.badContentLength)),
    ("Content-Length: 1e3", .badRequest(.badContentLength)),
    ("Content-Length: 4.0", .badRequest(.badContentLength)),
    ("Content-Length:", .badRequest(.badContentLength)),
    ("Content-Length: 18446744073709551620", .badRequest(.badContentLength)),
    ("Content-Length: 9223372036854775808", .badRequest(.badContentLength)),
    ("Content-Length: 999999999999999999", .bodyTooLarge),
    ("Content-Length: \u{0664}", .badRequest(.badContentLength)),
    ("Content-Length : 4", .badRequest(.fieldNameSpace)),
    ("Content-Length\t: 4", .badRequest(.fieldNameSpace)),
    ("Transfer-Encoding : chunked", .badRequest(.fieldNameSpace)),
    (" Transfer-Encoding: chunked", .badRequest(.foldedField)),
    ("\tTransfer-Encoding: chunked", .badRequest(.foldedField)),
    ("X: y\r\n Transfer-Encoding: chunked", .badRequest(.foldedField)),
    ("X: y\r\n\tz", .badRequest(.foldedField)),
    ("Transfer-Encoding:\r\n chunked", .badRequest(.foldedField)),
    ("Transfer-Encoding: identity", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: gzip, chunked", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: chunked, identity", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: chunked, chunked", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: xchunked", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: chunked;q=1", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: \"chunked\"", .notImplemented(.transferCoding)),
    ("Transfer-Encoding: chunke", .notImplemented(.transferCoding)),
    ("Transfer-Encoding:", .notImplemented(.transferCoding)),
    (
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
      .badRequest(.repeatedTransferCoding)
    ),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", .badRequest(.repeatedTransferCoding)),
    ("Transfer-Encoding: x\r\nTransfer-Encoding: chunked", .badRequest(.repeatedTransferCoding)),
    ("Transfer-Encoding: chunked\u{B}", .badRequest(.controlCharacter)),
    ("Transfer-Encoding: \u{B}chunked", .badRequest(.controlCharacter)),
    ("Transfer\u{0}-Encoding: chunked", .badRequest(.controlCharacter)),
    ("X: y\u{0}z", .badRequest(.controlCharacter)),
    ("X: y\u{7F}", .badRequest(.controlCharacter)),
    ("X: y\nTransfer-Encoding: chunked", .badRequest(.bareLineFeed)),
    ("X: y\n", .badRequest(.bareLineFeed)),
    ("X: y\rTransfer-Encoding: chunked", .badRequest(.bareCarriageReturn)),
    ("X: y\r\r\nZ: a", .badRequest(.bareCarriageReturn)),
    ("X", .badRequest(.fieldName)),
    (": y", .badRequest(.fieldName)),
    ("X(y): z", .badRequest(.fieldName)),
    ("X y: z", .badRequest(.fieldNameSpace)),
    ("X\u{E9}: z", .badRequest(.fieldName)),
    ("\"X\": z", .badRequest(.fieldName)),
    ("[x]: z", .badRequest(.fieldName)),
    ("Host: a", .badRequest(.repeatedHost)),
    ("hOST: b", .badRequest(.repeatedHost)),
    ("Expect: 100-continue, x", .expectationFailed),
    ("Expect: 200-ok", .expectationFailed),
    ("Expect:", .expectationFailed),
  ]

  @Test("framing and fields", arguments: framingCases)
  func framing(lines: String, expected: WireRefusal) {
    let text = bytes(Self.start + lines + "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    let (outcome, disagreement) = parseEveryWay(text)
    #expect(outcome == .refused(expected))
    #expect(disagreement == nil)
  }

  static let requestLineCases: [(String, WireRefusal)] = [
    ("GET / HTTP/1.1\nHost: a\n\n", .badRequest(.bareLineFeed)),
    ("GET / HTTP/1.1\rHost: a\r\n\r\n", .badRequest(.bareCarriageReturn)),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", .badRequest(.bareLineFeed)),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.requestLine)),
    ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.bareLineFeed)),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.method)),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.requestLine)),
    ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.method)),
    ("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.requestLine)),
    ("GET / HTTP/1.1\tx\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET /\r\n\r\n", .badRequest(.requestLine)),
    ("GET\r\n\r\n", .badRequest(.requestLine)),
    ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / HTTP/11\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / XTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.version)),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .versionNotSupported),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported),
    ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .versionNotSupported),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.method)),
    ("G\u{E9}T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.method)),
    ("get / HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented(.method)),
    ("GETS / HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented(.method)),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .notImplemented(.method)),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET http://a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /\\..\\a HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a\"b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a<b> HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a{b} HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a|b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a^b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /a`b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /[a] HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /caf\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /% HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /?%u0041 HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.target)),
    ("GET /\u{0} HTTP/1.1\r\nHost: a\r\n\r\n", .badRequest(.controlCharacter)),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", .badRequest(.controlCharacter)),
    ("GET / HTTP/1.1\r\n\r\n", .badRequest(.missingHost)),
    ("GET / HTTP/1.1\r\nX: y\r\n\r\n", .badRequest(.missingHost)),
    ("GET http://a/ HTTP/1.1\r\n\r\n", .badRequest(.missingHost)),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a,b\r\nHost: c\r\n\r\n", .badRequest(.repeatedHost)),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: [g]\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a%\r\n\r\n", .badRequest(.badHost)),
    ("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", .badRequest(.badHost)),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .badRequest(.codingInOldVersion)),
  ]

  @Test("request lines and hosts", arguments: requestLineCases)
  func requestLine(text: String, expected: WireRefusal) {
    let (outcome, disagreement) = parseEveryWay(bytes(text))
    #expect(outcome == .refused(expected))
    #expect(disagreement == nil)
  }

  @Test("every refusal has its status")
  func statuses() {
    #expect(WireRefusal.badRequest(.target).status == 400)
    #expect(WireRefusal.timeout.status == 408)
    #expect(WireRefusal.bodyTooLarge.status == 413)
    #expect(WireRefusal.uriTooLong.status == 414)
    #expect(WireRefusal.expectationFailed.status == 417)
    #expect(WireRefusal.headersTooLarge.status == 431)
    #expect(WireRefusal.notImplemented(.method).status == 501)
    #expect(WireRefusal.versionNotSupported.status == 505)
    #expect(WireRefusal.draining.status == 503)
  }
}
