import Bytes
import JSONText
import Testing

/// Texts that every strict reader must take.
let accepted = [
  "null", "true", "false", "0", "-0", "1", "-1", "123", "1.5", "-0.0", "0.001", "1e1", "1E1",
  "1e+1", "1e-1", "1.5e10", "0e0", "1e1000000000", "-1.7976931348623157e+308",
  "12345678901234567890123456789", "\"\"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"",
  "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\u0041\"", "\"\\uABCD\\uabcd\"", "\"\\ud83d\\ude00\"",
  "\"\\uD800\\uDC00\"", "\"\\uDBFF\\uDFFF\"", "\"/\"", "\"\u{7F}\"", "\"é\"", "\"€\"", "\"😀\"",
  "\"\u{FFFF}\"", "\"\u{10FFFF}\"", "\"\u{FEFF}\"", "\"\u{2028}\u{2029}\"", "[]", "{}", " [ ] ",
  "\t{\n}\r", "[1]", "[1,2]", "[ 1 , 2 ]", "[[],{}]", "[[[[[]]]]]", "{\"\":0}", "{\"a\":1}",
  "{ \"a\" : 1 , \"b\" : [ { } ] }", "{\"a\":{\"a\":{\"a\":1}}}", "[{\"a\":1},{\"a\":2}]",
  "{\"a\":1,\"A\":2}", "{\"é\":1,\"e\u{301}\":2}", "{\"a\":1,\"a\\u0000\":2}",
  "{\"\":1,\"\\u0000\":2}",
  "[null,true,false,0,\"\",[],{}]", "                 1                 ",
  "\"12345678\"", "\"1234567\"", "\"123456789012345678901234567890\"", "\"1234567\\n\"",
  "\"汉字测试文本\"", "\"aé汉😀\"", "{\"12345678\":1,\"123456789\":2,\"1234567\":3}",
]

/// Texts that every strict reader must refuse, and why.
let refused: [(String, JSONFaultCode, Int)] = [
  ("", .unexpectedEnd, 0), ("   ", .unexpectedEnd, 3), ("nul", .unexpectedEnd, 3),
  ("nulL", .unexpectedByte, 3), ("True", .unexpectedByte, 0), ("nullx", .trailingData, 4),
  ("null null", .trailingData, 5), ("fals", .unexpectedEnd, 4), ("falsy", .unexpectedByte, 4),
  ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0), ("-Infinity", .badNumber, 0),
  ("undefined", .unexpectedByte, 0), ("+1", .unexpectedByte, 0), ("01", .badNumber, 0),
  ("-01", .badNumber, 0), ("00", .badNumber, 0), ("-", .unexpectedEnd, 1),
  ("1.", .unexpectedEnd, 2),
  ("[1.]", .badNumber, 1), ("[.5]", .unexpectedByte, 1), ("[1.e1]", .badNumber, 1),
  ("1e", .unexpectedEnd, 2), ("[1e]", .badNumber, 1), ("1e+", .unexpectedEnd, 3),
  ("[1e+]", .badNumber, 1), ("0x10", .trailingData, 1), ("1_000", .trailingData, 1),
  ("1,2", .trailingData, 1), ("- 1", .badNumber, 0), ("1 000", .trailingData, 2),
  ("'a'", .unexpectedByte, 0), ("\"", .unexpectedEnd, 1), ("\"abc", .unexpectedEnd, 4),
  ("\"\\", .unexpectedEnd, 2), ("\"\\\"", .unexpectedEnd, 3), ("\"\\a\"", .badEscape, 1),
  ("\"\\'\"", .badEscape, 1), ("\"\\x41\"", .badEscape, 1), ("\"\\U0041\"", .badEscape, 1),
  ("\"\\u\"", .unexpectedEnd, 4), ("\"\\u004\"    ", .badEscape, 1), ("\"\\u00G0\"", .badEscape, 1),
  ("\"\\u+041\"", .badEscape, 1), ("\"\\ud800\"", .loneSurrogate, 1),
  ("\"\\udc00\"", .loneSurrogate, 1), ("\"\\ud800x\"", .loneSurrogate, 1),
  ("\"\\ud800\\n12345\"", .loneSurrogate, 1), ("\"\\ud800\\ud800\"", .loneSurrogate, 1),
  ("\"\\ud800\\u0041\"", .loneSurrogate, 1), ("\"\\udc00\\ud800\"", .loneSurrogate, 1),
  ("\"\n\"", .controlCharacter, 1), ("\"\u{0}\"", .controlCharacter, 1),
  ("\"\u{1F}\"", .controlCharacter, 1), ("\"1234567\t\"", .controlCharacter, 8),
  ("[", .unexpectedEnd, 1), ("]", .unexpectedByte, 0), ("[1", .unexpectedEnd, 2),
  ("[1,", .unexpectedEnd, 3), ("[,1]", .unexpectedByte, 1), ("[1,]", .unexpectedByte, 3),
  ("[1,,2]", .unexpectedByte, 3), ("[1 2]", .unexpectedByte, 3), ("[1}", .unexpectedByte, 2),
  ("[1]]", .trailingData, 3), ("{", .unexpectedEnd, 1), ("{\"a\"", .unexpectedEnd, 4),
  ("{\"a\":", .unexpectedEnd, 5), ("{\"a\":1", .unexpectedEnd, 6), ("{\"a\"}", .unexpectedByte, 4),
  ("{\"a\":}", .unexpectedByte, 5), ("{\"a\" 1}", .unexpectedByte, 5),
  ("{\"a\":1,}", .unexpectedByte, 7), ("{,}", .unexpectedByte, 1), ("{a:1}", .unexpectedByte, 1),
  ("{1:1}", .unexpectedByte, 1), ("{\"a\":1 \"b\":2}", .unexpectedByte, 7),
  ("{\"a\":1]", .unexpectedByte, 6), ("{\"a\"::1}", .unexpectedByte, 5),
  ("[1]//", .trailingData, 3),
  ("/**/1", .unexpectedByte, 0), ("\u{FEFF}1", .byteOrderMark, 0), ("\u{A0}1", .unexpectedByte, 0),
  ("1\u{2028}", .trailingData, 1), ("\u{B}1", .unexpectedByte, 0), ("\u{0}", .unexpectedByte, 0),
  ("1\u{0}", .trailingData, 1), ("#1", .unexpectedByte, 0), ("[\"a\",\n4\n,1,", .unexpectedEnd, 11),
]

/// Where a text stops being JSON: the value that was being read or was due, and what could have
/// stood there.
let stops: [(String, String, JSONExpectation?)] = [
  ("", "", .value), ("[", "/0", .valueOrBracket), ("{", "", .nameOrBrace),
  ("[ }", "/0", .valueOrBracket), ("{ ]", "", .nameOrBrace), ("[1,]", "/1", .value),
  ("{\"a\":1,}", "", .name), ("[1 2]", "/1", .commaOrBracket),
  ("{\"a\":1 \"b\":2}", "", .commaOrBrace), ("{\"a\"}", "/a", .colon),
  ("{\"a\":}", "/a", .value), ("{\"a\":{\"b\":[1,{\"c/d\":tru", "/a/b/1/c~1d", .literal),
  ("[{},{\"x\":[0,-]}]", "/1/x/1", .digit), ("\"abc", "", .closingQuote), ("\"\\x\"", "", .escape),
  ("[01]", "/0", .number), ("1 2", "", .end), ("[\"\\ud800\"]", "/0", .surrogatePair),
  ("[\"a\tb\"]", "/0", .escapedControl), ("\u{FEFF}1", "", .value),
  ("[{\"a\":1,\"b\":{},\"a\":2}]", "/0/a", nil),
]

@Suite struct `The grammar` {
  @Test(arguments: stops)
  func `tells what was expected where`(text: String, pointer: String, expected: JSONExpectation?) {
    let fault = fault(Array(text.utf8))
    #expect(fault?.pointer?.text == pointer, "\(text)")
    #expect(fault?.expected == expected, "\(text)")
  }

  @Test(arguments: accepted)
  func `takes`(text: String) throws {
    let document = try JSONDocument(parsing: ByteSlice(utf8: text))
    #expect(document.root.raw.text == text.trimmingASCIISpace)
    #expect(ReferenceJSON.accepts(Array(text.utf8)))
  }

  /// What is read in blocks where as much follows, and byte by byte where not.
  @Test(arguments: accepted)
  func `takes it with other values behind`(text: String) throws {
    let value = text.trimmingASCIISpace
    let array = "[\(value),\(value) ,\"0123456789abcdef\"]"
    let root = try JSONDocument(parsing: ByteSlice(utf8: array)).root
    #expect(root.elements.map(\.raw.text) == [value, value, "\"0123456789abcdef\""])
  }

  @Test(arguments: refused)
  func `refuses`(text: String, code: JSONFaultCode, offset: Int) {
    #expect(!ReferenceJSON.accepts(Array(text.utf8)))
    do throws(JSONFault) {
      _ = try JSONDocument(parsing: ByteSlice(utf8: text))
      Issue.record("accepted")
    } catch {
      #expect(error.code == code)
      #expect(error.offset == offset)
    }
  }

  @Test(arguments: [
    [0x80], [0xBF], [0xC0, 0xAF], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80],
    [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
    [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
    [0xF4, 0x90, 0x80, 0x80],
    [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    [0xE2, 0x28, 0xA1], [0xF0, 0x28, 0x8C, 0xBC], [0xF0, 0x9F, 0x28, 0xBC],
    [0xF0, 0x9F, 0x98, 0x28],
  ])
  func `refuses bytes that are not UTF-8, wherever they stand`(bad: [UInt8]) {
    for before in 0..<20 {
      for after in [0, 1, 3, 12] {
        let filling = Array("汉字é😀abcdefgh".utf8)
        for lead in [Array(repeating: UInt8(0x61), count: before), filling] {
          let text = [0x22] + lead + bad + Array(repeating: 0x62, count: after) + [0x22]
          #expect(fault(text)?.code == .badUTF8)
          #expect(fault(text)?.offset == 1 + lead.count)
        }
      }
    }
    #expect(fault(bad) != nil)
  }

  @Test func `takes every scalar and every two-byte lead combination that UTF-8 allows`() {
    for first in UInt8(0xC0)...0xFF {
      for second in stride(from: UInt8(0), through: 0xFF, by: 1) where second != 0x22 {
        for rest in [[], [0x80], [0x80, 0x80], [0xBF, 0xBF]] as [[UInt8]] {
          for padding in 0...1 {
            let text =
              [0x22, first, second] + rest + [0x22]
              + Array(repeating: 0x20, count: padding * 8)
            #expect((fault(text) == nil) == ReferenceJSON.accepts(text))
          }
        }
      }
    }
  }

  @Test func `every cut of a text is refused or a text of its own`() {
    for text in accepted + [rich] {
      let bytes = Array(text.utf8)
      for cut in 0..<bytes.count {
        let part = Array(bytes[..<cut])
        #expect((fault(part) == nil) == ReferenceJSON.accepts(part), "\(text) cut at \(cut)")
      }
    }
  }

  @Test func `every change of one byte is judged as a second reader judges it`() {
    let replacements =
      Array("\"\\{}[],:0-.eun\u{0}\n\u{1F} ".utf8) + [0x80, 0xC3, 0xE2, 0xED, 0xF0, 0xFF]
    for text in accepted + [rich] {
      let bytes = Array(text.utf8)
      for position in bytes.indices {
        for replacement in replacements {
          var changed = bytes
          changed[position] = replacement
          agree(changed)
          changed.insert(bytes[position], at: position)
          agree(changed)
        }
        var shorter = bytes
        shorter.remove(at: position)
        agree(shorter)
      }
    }
  }

  @Test(arguments: UInt64(1)...8)
  func `long random mutations are judged as a second reader judges them`(seed: UInt64) {
    var random = Random(seed: seed)
    let corpus = (accepted + refused.map(\.0) + [rich]).map { Array($0.utf8) }
    for _ in 0..<2_000 {
      var text = corpus[random.below(corpus.count)]
      for _ in 0..<(1 + random.below(4)) {
        let other = corpus[random.below(corpus.count)]
        let low = random.below(other.count + 1)
        let piece = other[low..<min(other.count, low + random.below(12))]
        let place = random.below(text.count + 1)
        switch random.below(3) {
        case 0: text.insert(contentsOf: piece, at: place)
        case 1: text.replaceSubrange(place..<min(text.count, place + piece.count), with: piece)
        default: text.removeSubrange(place..<min(text.count, place + random.below(4)))
        }
      }
      agree(text, "seed \(seed)")
    }
  }

  private func agree(_ bytes: [UInt8], _ note: String = "") {
    let fault = fault(bytes)
    #expect((fault == nil) == ReferenceJSON.accepts(bytes), "\(bytes) \(note)")
    // A slice inside other bytes must be judged alike: nothing is read beyond its end.
    let embedded = ByteSlice([0x5B] + bytes + Array("\"]}12 ".utf8))[1..<(1 + bytes.count)]
    do throws(JSONFault) {
      _ = try JSONDocument(parsing: embedded)
      #expect(fault == nil)
    } catch {
      #expect(error == fault)
    }
  }
}

let rich = """
  {"id":"ord_1\\u00e9","n":[-1.5e-3,0,12345678901234567890],"t":true,"f":false,"z":null,
   "o":{"a\\"b":{"ü":[[],{},[{}]]},"long name of a member":"汉字 text \\ud83d\\ude00 😀"}}
  """

func fault(_ bytes: [UInt8], limits: JSONLimits = .payload) -> JSONFault? {
  do throws(JSONFault) {
    _ = try JSONDocument(parsing: ByteSlice(bytes), limits: limits)
    return nil
  } catch {
    return error
  }
}

extension String {
  fileprivate var trimmingASCIISpace: String {
    let bytes = Array(utf8)
    let space: [UInt8] = [0x20, 0x09, 0x0A, 0x0D]
    guard let first = bytes.firstIndex(where: { !space.contains($0) }),
      let last = bytes.lastIndex(where: { !space.contains($0) })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}

/// Xorshift: the same numbers for the same seed everywhere.
struct Random {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
