import Bytes
import Testing

@testable import Client

@Suite("Event stream parser")
struct EventStreamParserTests {
  struct Stream: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let events: [ServerEvent]
    var lastID = ""
    var retry: Int64?
    var testDescription: String { name }
  }

  private static func event(
    _ data: String, id: String = "", type: String = "message", isOwn: Bool? = nil
  ) -> ServerEvent {
    ServerEvent(
      id: ByteSlice(utf8: id), type: ByteSlice(utf8: type), data: ByteSlice(utf8: data),
      hasOwnID: isOwn ?? !id.isEmpty)
  }

  static let streams: [Stream] = [
    Stream(
      name: "data lines are joined", text: "data: YHOO\ndata: +2\ndata: 10\n\n",
      events: [event("YHOO\n+2\n10")]),
    Stream(
      name: "comments, ids that stay, ids reset",
      text: ": test stream\n\ndata: first event\nid: 1\n\n"
        + "data:second event\nid\n\ndata:  third\n\n",
      events: [event("first event", id: "1"), event("second event", isOwn: true), event(" third")]),
    Stream(
      name: "an empty data line is an event, none is not",
      text: "data\n\ndata\ndata\n\ndata:", events: [event(""), event("\n")]),
    Stream(
      name: "one space is dropped", text: "data:test\n\ndata: test\n\n",
      events: [event("test"), event("test")]),
    Stream(
      name: "every line end", text: "data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\rdata: e\r\n\r\n",
      events: [event("a\nb\nc"), event("d"), event("e")]),
    Stream(
      name: "types last for one event",
      text: "event: jodrell.gap\ndata: 1\nid: 7:1\n\ndata: 2\n\nevent: x\n\ndata: 3\n\n",
      events: [
        event("1", id: "7:1", type: "jodrell.gap"), event("2", id: "7:1", isOwn: false),
        event("3", id: "7:1", isOwn: false),
      ], lastID: "7:1"),
    Stream(
      name: "an id without data moves the position", text: "id: 5\n\n: beat\n\nid: 6\n",
      events: [], lastID: "5"),
    Stream(
      name: "an id with NUL is ignored", text: "id: 1\n\nid: 2\0\ndata: x\n\n",
      events: [event("x", id: "1", isOwn: false)], lastID: "1"),
    Stream(
      name: "retry takes digits only", text: "retry: 250\n\nretry: 1s\nretry:\nretry: -1\n\n",
      events: [], retry: 250),
    Stream(
      name: "a byte order mark at the start only",
      text: "\u{FEFF}data: a\n\n\u{FEFF}data: b\n\ndata: \u{FEFF}c\n\n",
      events: [event("a"), event("\u{FEFF}c")]),
    Stream(
      name: "what looks like a mark is not", text: "\u{FEC0}: x\ndata: a\n\n", events: [event("a")]),
    Stream(
      name: "unknown fields and colons in values", text: "foo: 1\nDATA: 2\ndata: a:b: c\n\n",
      events: [event("a:b: c")]),
    Stream(name: "a cut event is lost", text: "data: a\n\ndata: b\n", events: [event("a")]),
  ]

  private func run(_ pieces: [ByteSlice]) throws -> ([ServerEvent], EventStreamParser) {
    var parser = EventStreamParser()
    var events: [ServerEvent] = []
    for piece in pieces { try parser.feed(piece) { events.append($0) } }
    return (events, parser)
  }

  @Test("reads what the standard says, whole, byte by byte and cut anywhere", arguments: streams)
  func splits(stream: Stream) throws {
    let bytes = ByteSlice(utf8: stream.text)
    var cuts = (0...bytes.count).map { [bytes[0..<$0], bytes[$0..<bytes.count]] }
    cuts.append((0..<bytes.count).map { bytes[$0..<($0 + 1)] })
    for (number, pieces) in cuts.enumerated() {
      let (events, parser) = try run(pieces)
      #expect(events == stream.events, "cut \(number)")
      #expect(parser.lastEventID.text == stream.lastID, "cut \(number)")
      #expect(parser.retry == stream.retry.map { .milliseconds($0) }, "cut \(number)")
    }
  }

  @Test("a reconnect keeps the id and drops the rest")
  func reconnect() throws {
    var (_, parser) = try run([ByteSlice(utf8: "id: 9\ndata: a\n\nid: 10\nevent: e\ndata: b\n")])
    parser.reconnect()
    #expect(parser.lastEventID.text == "9")
    var events: [ServerEvent] = []
    try parser.feed(ByteSlice(utf8: "data: c\n\n")) { events.append($0) }
    #expect(events == [Self.event("c", id: "9", isOwn: false)])
  }

  @Test("what a stream says itself is told from events that are named like it")
  func notices() throws {
    let (events, _) = try run([
      ByteSlice(
        utf8: "id: 1:0\nevent: jodrell.end\ndata: 0\n\nevent: jodrell.challenge\ndata: 1\n\n"
          + "id: 1:4\nevent: jodrell.gap\ndata: 2\n\nid: 1:5\nevent: jodrell.audit.decision\n"
          + "data: 3\n\nid: 1:6\ndata: 4\n\nid: 1:7\nevent: jodrellend\ndata: 5\n\n"
          + "event: jodrell.end\ndata: 6\n\n")
    ])
    #expect(events.map(\.data.text) == ["0", "1", "2", "3", "4", "5", "6"])
    #expect(events.map(\.notice) == [nil, .other, .gap, nil, nil, nil, .end])
  }

  @Test("lines and events beyond the limit are refused")
  func limit() {
    for text in ["data: 0123456789012345", "data: 01234\ndata: 01234\ndata: 01234\n"] {
      var parser = EventStreamParser(limit: 15)
      #expect(throws: ClientFault.tooLarge(limit: 15)) {
        try parser.feed(ByteSlice(utf8: text)) { _ in }
      }
    }
  }
}
