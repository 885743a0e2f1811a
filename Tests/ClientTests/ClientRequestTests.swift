import Bytes
import Testing

@testable import Client

@Suite("Client request")
struct ClientRequestTests {
  private func bytes(_ request: ClientRequest, to url: String = "http://h:8080") throws -> String {
    var writer = ByteWriter()
    try request.write(to: Endpoint(url), into: &writer)
    return writer.slice.text
  }

  @Test("writes head and body as RFC 9112 wants them")
  func shapes() throws {
    #expect(
      try bytes(ClientRequest("GET", "/healthz")) == "GET /healthz HTTP/1.1\r\nHost: h:8080\r\n\r\n"
    )
    var request = ClientRequest("POST", "/a?b=c", body: .whole(ByteSlice(utf8: "{}")))
    request.authorize(ByteSlice(utf8: "t.o.k"))
    request.set("Content-Type", "application/json")
    #expect(
      try bytes(request, to: "http://h/base/") == """
        POST /base/a?b=c HTTP/1.1\r
        Host: h\r
        Authorization: Bearer t.o.k\r
        Content-Type: application/json\r
        Content-Length: 2\r
        \r
        {}
        """)
    #expect(
      try bytes(ClientRequest("POST", "/", body: .chunked)).hasSuffix(
        "Transfer-Encoding: chunked\r\n\r\n"))
    #expect(
      try bytes(ClientRequest("POST", "/", body: .whole(.empty))).hasSuffix(
        "Content-Length: 0\r\n\r\n"))
    var chunks = ByteWriter()
    ClientRequest.writeChunk(ByteSlice(utf8: "0123456789abcdefg"), into: &chunks)
    ClientRequest.writeChunk(.empty, into: &chunks)
    ClientRequest.writeLastChunk(into: &chunks)
    #expect(chunks.slice.text == "11\r\n0123456789abcdefg\r\n0\r\n\r\n")
  }

  @Test("nothing can be smuggled through a target or a field")
  func smuggling() throws {
    for target in ["", "x", "/a b", "/a\r\nX: y", "/\u{e9}", "/\u{7f}"] {
      #expect(throws: ClientFault.badRequest(target)) { try bytes(ClientRequest("GET", target)) }
    }
    for (name, value) in [
      ("A", "b\r\nC: d"), ("A", "b\0"), ("A:", "b"), ("A b", "c"), ("", "x"), ("A", "\u{7f}"),
    ] {
      var request = ClientRequest("GET", "/")
      request.set(name, value)
      #expect(throws: ClientFault.badRequest(name)) { try bytes(request) }
    }
    #expect(ClientRequest.segment("a/b?c d%é~") == "a%2Fb%3Fc%20d%25%C3%A9~")
  }

  @Test("base URLs")
  func endpoints() throws {
    let plain = try Endpoint("http://127.0.0.1:8080")
    #expect((plain.host, plain.port, plain.prefix) == ("127.0.0.1", 8080, ""))
    let six = try Endpoint("http://[::1]:99/a/b//")
    #expect((six.host, six.port, six.prefix) == ("::1", 99, "/a/b"))
    #expect(six.authority == "[::1]:99")
    #expect(try Endpoint("http://[::1]").authority == "[::1]")
    #expect(try Endpoint("http://example.org/").authority == "example.org")
    let secure = try Endpoint("https://example.org")
    #expect((secure.port, secure.authority) == (443, "example.org"))
    #expect(secure.trust != nil)
    #expect(try Endpoint("https://example.org:80").authority == "example.org:80")
    #expect(throws: ClientFault.self) { try Endpoint("https://h", authorities: .empty) }
    let local = try Endpoint("unix:/run/j.sock")
    #expect((local.socket, local.authority, local.prefix) == ("/run/j.sock", "localhost", ""))
    #expect(local.origin == "unix:/run/j.sock")
    for url in [
      "unix:", "ftp://h", "https://", "https://h:0",
      "h:80", "http://", "http:///x", "http://h:0", "http://h:65536", "http://h:x",
      "http://u@h", "http://h/?q", "http://h/#f", "http://::1", "http://[::1", "http://h\r\n",
    ] {
      #expect(throws: ClientFault.badURL(url)) { try Endpoint(url) }
    }
  }
}
