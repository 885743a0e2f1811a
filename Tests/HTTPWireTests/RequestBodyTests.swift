import Bytes
import Testing

@testable import HTTPWire

@Suite struct RequestBodyTests {
  @Test("a body that nobody has read, or refused for its length, lets its buffer go at the end")
  func unread() throws {
    var buffer = ByteBuffer(capacity: 1024)
    buffer.append(ByteSlice(utf8: "0123456789"))
    let room = buffer.capacity
    let body = RequestBody(whole: .empty)
    for reads in [false, true] {
      body.renew(whole: buffer.slice(2..<10))
      if reads {
        #expect(throws: BodyFailure.tooLarge(limit: 4)) { try body.collectReceived(upTo: 4) }
      }
      body.detach()
      buffer.reset()
      #expect(buffer.capacity == room, "its memory is used again")
      buffer.append(ByteSlice(utf8: "0123456789"))
    }
    #expect(throws: BodyFailure.closed) { try collected(body) }
  }

  /// What a late reader gets of a body that is here as a whole.
  private func collected(_ body: RequestBody) throws(BodyFailure) -> ByteSlice? {
    guard let bytes = try body.collectReceived(upTo: 100) else { throw .closed }
    return bytes
  }
}
