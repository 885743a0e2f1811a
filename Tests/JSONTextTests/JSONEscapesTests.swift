import Bytes
import Testing

@testable import JSONText

@Suite struct JSONEscapesTests {
  /// The value of a string's source, a character at a time.
  private static func value(_ source: String) -> [UInt8] {
    var value: [UInt8] = []
    var rest = Array(source.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == ASCII.backslash, let letter = rest.popFirst() else {
        value.append(byte)
        continue
      }
      guard letter == 0x75 else {
        value.append(letter == 0x6E ? ASCII.lineFeed : letter)
        continue
      }
      var units: [UInt16] = []
      func take() {
        units.append(UInt16(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) ?? 0)
        rest = rest.dropFirst(4)
      }
      take()
      if units[0] & 0xFC00 == 0xD800 {
        rest = rest.dropFirst(2)
        take()
      }
      value += Array(String(decoding: units, as: UTF16.self).utf8)
    }
    return value
  }

  @Test(
    "an escape is undone wherever it stands",
    arguments: [
      #"\n"#, #"\\"#, #"\""#, #"\u00e9"#, #"\ud83d\ude00"#, #"\n\n"#, #"\\\n"#, #"\na\u0041"#,
    ])
  func places(_ escape: String) {
    for lead in 0..<20 {
      for tail in 0..<20 {
        let source =
          String(repeating: "a", count: lead) + escape + String(repeating: "é", count: tail)
        let bytes = ByteSlice(utf8: source)
        let expected = Self.value(source)
        #expect(JSONEscapes.unescape(bytes).array == expected, "\(source)")
        var appended: [UInt8] = [1]
        JSONEscapes.unescape(bytes.span, onto: &appended)
        #expect(appended == [1] + expected, "\(source)")
        #expect(
          JSONEscapes.backslashes(in: bytes.span) == source.utf8.count { $0 == ASCII.backslash })
      }
    }
  }
}
