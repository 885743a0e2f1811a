import Bytes
import Testing

@testable import Schemas

@Suite struct TextPlaceTests {
  @Test func `places are the same however many steps lead there`() {
    let text = ByteSlice(utf8: "ab\n\né😀c\r\n" + String(repeating: "x", count: 40) + "\ny")
    for target in 0...text.count + 3 {
      var direct = TextPlace()
      direct.move(to: target, in: text.span)
      var stepped = TextPlace()
      for offset in 0...target { stepped.move(to: offset, in: text.span) }
      #expect(direct == stepped, "\(target)")
    }
    var place = TextPlace()
    place.move(to: 10, in: text.span)
    #expect((place.line, place.column, place.offset) == (3, 3, 10))
    place.move(to: 1_000, in: text.span)
    #expect((place.line, place.column, place.offset) == (5, 2, text.count))
  }

  @Test func `a place in a part becomes one in the whole`() {
    let text = ByteSlice(utf8: "{\n \"d\": [1,\n2]}")
    var origin = TextPlace()
    origin.move(to: 8, in: text.span)
    #expect(origin.place(line: 1, column: 2) == (2, 8))
    #expect(origin.place(line: 2, column: 1) == (3, 1))
    #expect(TextPlace(line: 4, offset: 90).place(line: 1, column: 5) == (4, 5))
  }
}
