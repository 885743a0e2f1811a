import Bytes
import Testing

@testable import Topics

@Suite struct MessageIDTests {
  @Test(
    "a message id reads back from its text",
    arguments: [(0, 0), (1, 42), (.max, .max)] as [(UInt64, UInt64)])
  func messageIDs(ledger: UInt64, entry: UInt64) {
    let id = MessageID(ledger: ledger, entry: entry)
    #expect(MessageID(parsing: ByteSlice(utf8: id.text)) == id)
    var writer = ByteWriter()
    id.append(to: &writer)
    #expect(writer.slice.text == id.text)
  }

  @Test(
    "what is no message id is refused",
    arguments: [
      "", ":", "1", "1:", ":1", "1:2:3", "01:2", "1:02", "-1:2", "1:-1", "1:-2", "+1:2", " 1:2",
      "1:2 ", "1,2", "a:1", "18446744073709551616:0", "0:18446744073709551616",
      "000000000000000000000:1", "1:99999999999999999999999",
    ])
  func noMessageIDs(text: String) {
    #expect(MessageID(parsing: ByteSlice(utf8: text)) == nil)
    if text != "1:-1" { #expect(Cursor(parsing: ByteSlice(utf8: text)) == nil) }
  }

  @Test func cursorsNameTheEventBeforeThem() throws {
    let id = MessageID(ledger: 3, entry: 7)
    let cursor = Cursor(after: id)
    #expect(cursor.text == id.text)
    #expect(Cursor(parsing: ByteSlice(utf8: id.text)) == cursor)
    let start = Cursor(ledger: 3, next: 0)
    #expect(start.text == "3:-1")
    #expect(Cursor(parsing: ByteSlice(utf8: "3:-1")) == start)
    #expect(start < cursor && cursor < Cursor(ledger: 4, next: 0))
    for cursor in [start, cursor] {
      var writer = ByteWriter()
      cursor.append(to: &writer)
      #expect(writer.slice.text == cursor.text)
    }
    #expect(Cursor(parsing: ByteSlice(utf8: "0:18446744073709551615")) == nil)
  }

  @Test(
    "start positions are words, cursors or instants",
    arguments: [
      ("earliest", .earliest), ("latest", .latest),
      ("1:42", .after(Cursor(ledger: 1, next: 43))), ("1:-1", .after(Cursor(ledger: 1, next: 0))),
      ("2026-05-04T03:02:01Z", .from(UnixTime(seconds: 1_777_863_721))),
      ("Earliest", nil), ("", nil), ("now", nil), ("42", nil), ("2026-05-04", nil),
    ] as [(String, StartPosition?)])
  func starts(text: String, position: StartPosition?) {
    #expect(StartPosition(parsing: ByteSlice(utf8: text)) == position)
  }
}
