import Bytes
import Testing

@testable import HTTPWire

@Suite struct EventStreamWriterTests {
  private func frame(_ id: String?, _ event: String?, _ data: String) -> String? {
    var writer = ByteWriter()
    let isWritten = EventStreamWriter.event(
      id: id.map(bytes), event: event.map(bytes), data: bytes(data), into: &writer)
    #expect(isWritten || writer.count == 0)
    return isWritten ? String(decoding: writer.bytes, as: UTF8.self) : nil
  }

  @Test("frames")
  func frames() {
    #expect(frame("1:2", "order", "{}") == "id: 1:2\nevent: order\ndata: {}\n\n")
    #expect(frame(nil, nil, "") == "data: \n\n")
    #expect(frame(nil, nil, "a\nb") == "data: a\ndata: b\n\n")
    #expect(frame(nil, nil, "a\r\nb\rc") == "data: a\ndata: b\ndata: c\n\n")
    #expect(frame(nil, nil, "a\n") == "data: a\ndata: \n\n")
    #expect(frame(nil, nil, "\n\r") == "data: \ndata: \ndata: \n\n")
    #expect(frame(nil, nil, "a\ndata: b\nid: 9") == "data: a\ndata: data: b\ndata: id: 9\n\n")
  }

  @Test("ids and types that would break their line are refused")
  func refused() {
    for bad in ["a\nb", "a\rb", "a\u{0}b"] {
      #expect(frame(bad, nil, "x") == nil)
      #expect(frame(nil, bad, "x") == nil)
    }
  }

  @Test("the opening says when to come back, in milliseconds, and to which place")
  func control() {
    var writer = ByteWriter()
    EventStreamWriter.open(retry: .seconds(3), id: ByteSlice(utf8: "1:-1"), into: &writer)
    EventStreamWriter.heartbeat(into: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "retry: 3000\nid: 1:-1\n\n:\n\n")
  }
}
