import Bytes
import Testing

@testable import jodrell

@Suite struct LineNumberTests {
  @Test(
    "lines of white space hold no event, and count",
    arguments: [
      ("a\nb\n", [1, 2], 3), ("a\n\n \t\r\nb", [1, 4], 4), ("\n", [], 2), (" ", [], 1),
    ])
  func numbers(_ text: String, events: [Int], next: Int) {
    let found = LinePortions.numbers(of: ByteSlice(utf8: text), from: 1)
    #expect(found.events == events && found.next == next)
  }
}
