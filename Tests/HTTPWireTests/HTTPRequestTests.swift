import Bytes
import Testing

@testable import HTTPWire

@Suite struct HTTPRequestTests {
  @Test("a request that has been answered lets its bytes go, and becomes the next one")
  func inTurn() throws {
    let text = bytes("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody")
    var buffer = ByteBuffer(capacity: 1024)
    let room = buffer.capacity
    var request: HTTPRequest?
    for turn in UInt64(1)...3 {
      buffer.reset()
      #expect(buffer.capacity == room, "its memory is used again")
      buffer.append(text)
      let received = buffer.slice(0..<buffer.count)
      var parser = RequestParser(limits: WireLimits())
      guard case .request(let head, let length) = parser.next(received) else {
        Issue.record("no head")
        return
      }
      let id = RequestID(run: 1, sequence: turn)
      let body = RequestBody(whole: received.dropFirst(length))
      let instant = MonotonicTime(nanoseconds: Int64(turn))
      let wall = UnixTime(nanoseconds: Int64(turn))
      if let request {
        request.renew(
          id: id, head: head, body: body, received: instant, receivedAt: wall,
          peer: bytes("peer"))
      } else {
        request = HTTPRequest(
          id: id, head: head, body: body, received: instant, receivedAt: wall)
      }
      let served = try #require(request)
      #expect(served.id == id && served.received == instant && served.receivedAt == wall)
      #expect(served.head.path == bytes("/a"))
      #expect(try served.body.collectReceived(upTo: 10) == bytes("body"))
      served.clear()
    }
    #expect(request?.head.fields.count == 0)
  }
}
