import Bytes
import Testing

@testable import HTTPWire

@Suite struct ChunkDecoderTests {
  /// What a body decodes to: its bytes and where it ended, or a breach, or neither yet.
  private struct Decoded: Equatable {
    var body: String
    var end: Int?
    var fault: WireRule?
  }

  private func decode(_ text: ByteSlice, cuts: [Int], dropping: Bool) -> Decoded {
    var decoder = ChunkDecoder(limits: WireLimits())
    var result = Decoded(body: "", end: nil, fault: nil)
    var dropped = 0
    for cut in cuts + [text.count] {
      reading: while true {
        let view = text[dropped..<cut]
        switch decoder.next(view) {
        case .data(let range): result.body += view[range].text
        case .end:
          result.end = dropped + decoder.consumed
          return result
        case .fault(let rule):
          result.fault = rule
          return result
        case .needMore: break reading
        }
      }
      if dropping {
        let count = decoder.consumed
        decoder.discarded(count)
        dropped += count
      }
    }
    return result
  }

  private func decodeEveryWay(_ text: String) -> Decoded {
    let text = bytes(text)
    let whole = decode(text, cuts: [], dropping: false)
    for cut in 0...text.count {
      for dropping in [false, true] {
        let pieces = decode(text, cuts: [cut], dropping: dropping)
        #expect(pieces == whole, "cut at \(cut), dropping \(dropping)")
      }
    }
    #expect(decode(text, cuts: Array(0..<text.count), dropping: true) == whole)
    return whole
  }

  @Test(
    "good bodies",
    arguments: [
      ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"),
      ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
      ("00a\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
      ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
      ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"), ("0\r\nX: y\r\nZ:\r\n\r\n", ""),
      ("1;\r\na\r\n0\r\n\r\n", "a"), ("1;a=b;c\r\na\r\n0;end\r\n\r\n", "a"),
      ("1 \t; a = \"b\\\";5\"\r\na\r\n0\r\n\r\n", "a"), ("1;\u{e9}\r\na\r\n0\r\n\r\n", "a"),
    ])
  func good(text: String, body: String) {
    let decoded = decodeEveryWay(text + "GET")
    #expect(decoded == Decoded(body: body, end: text.utf8.count, fault: nil))
  }

  @Test(
    "bad bodies",
    arguments: [
      ("\r\n", WireRule.chunkSize), ("g\r\n", .chunkSize), ("-1\r\n", .chunkSize),
      ("+1\r\n", .chunkSize), (" 1\r\n", .chunkSize), ("1 \r\n", .chunkSize),
      ("0x1\r\n", .chunkSize), ("1\n", .chunkSize), ("1\rx", .chunkSize), ("1\t\r\n", .chunkSize),
      ("fffffffffffffffff\r\n", .chunkSize), ("0000000000000001\r\n", .chunkSize),
      ("ffffffffffffffff0\r\n", .chunkSize), (";\r\n", .chunkSize),
      ("1;\n", .chunkExtension), ("1;a=\"\n\"\r\na\r\n", .chunkExtension),
      ("1;a\rb\r\n", .chunkExtension), ("1;a\r\r\n", .chunkExtension),
      ("1;\u{0}\r\n", .chunkExtension), ("1;\u{7f}\r\n", .chunkExtension),
      ("1 a\r\n", .chunkSize), ("1 \n", .chunkSize), ("1 0\r\n", .chunkSize),
      ("1\r\nab\r\n", .chunkEnd), ("1\r\na\n", .chunkEnd), ("1\r\na\rb", .chunkEnd),
      ("1\r\na1\r\n", .chunkEnd),
      ("0\r\nX\r\n\r\n", .trailer), ("0\r\n X: y\r\n\r\n", .trailer), ("0\r\n\n", .trailer),
      ("0\r\nX : y\r\n\r\n", .trailer), ("0\r\nX: \u{0}\r\n\r\n", .trailer), ("0\r\n\rX", .trailer),
    ])
  func bad(text: String, rule: WireRule) {
    #expect(decodeEveryWay(text).fault == rule)
  }

  @Test("extensions are bounded, those of a chunk and those of a body")
  func extensions() {
    func chunk(_ bytes: Int) -> String {
      "1;" + String(repeating: "x", count: bytes - 1) + "\r\na\r\n"
    }
    #expect(decodeEveryWay(chunk(256) + "0\r\n\r\n").body == "a")
    #expect(decodeEveryWay(chunk(257)).fault == .chunkExtension)
    #expect(decodeEveryWay("1" + String(repeating: " ", count: 257)).fault == .chunkExtension)
    // 16 KiB in all, however they are spread.
    let many = String(repeating: chunk(256), count: 64)
    for dropping in [false, true] {
      let enough = decode(bytes(many + "0\r\n\r\n"), cuts: [], dropping: dropping)
      #expect(enough.body.utf8.count == 64 && enough.fault == nil && enough.end != nil)
      let tooMuch = decode(bytes(many + "0;\r\n\r\n"), cuts: [], dropping: dropping)
      #expect(tooMuch.fault == .chunkExtension)
    }
  }

  @Test("trailers are bounded in number and in bytes")
  func trailers() {
    let many = String(repeating: "X: y\r\n", count: 101)
    #expect(decode(bytes("0\r\n\(many)\r\n"), cuts: [], dropping: false).fault == .trailer)
    let enough = String(repeating: "X: y\r\n", count: 100)
    #expect(decode(bytes("0\r\n\(enough)\r\n"), cuts: [], dropping: false).fault == nil)
    let long = "X: " + String(repeating: "y", count: 8_190)
    #expect(decode(bytes("0\r\n\(long)\r\n\r\n"), cuts: [], dropping: false).fault == .trailer)
    let wide = ("X: " + String(repeating: "y", count: 4_000) + "\r\n")
    let sum = String(repeating: wide, count: 9)
    #expect(decode(bytes("0\r\n\(sum)\r\n"), cuts: [], dropping: true).fault == .trailer)
  }

  @Test("frames written for a stream decode to what was written")
  func frames() {
    for size in [0, 1, 15, 16, 255, 4096, 70_000] {
      var frame = ByteWriter()
      ChunkFrame.open(&frame)
      let body = String(repeating: "x", count: size)
      frame.append(text: body)
      ChunkFrame.close(&frame, isLast: true)
      let decoded = decode(frame.slice, cuts: [], dropping: false)
      #expect(decoded == Decoded(body: body, end: frame.count, fault: nil))
    }
    var empty = ByteWriter()
    ChunkFrame.open(&empty)
    ChunkFrame.close(&empty, isLast: false)
    #expect(empty.count == 0)
  }
}
