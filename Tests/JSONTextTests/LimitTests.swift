import Bytes
import Glibc
import JSONText
import Testing

@Suite struct `Limits and duplicates` {
  @Test func `depth is taken up to the limit and refused above it`() {
    for opening in ["[", "{\"a\":"] {
      for depth in [1, 5, 6] {
        let closing = opening == "[" ? "]" : "}"
        let text =
          String(repeating: opening, count: depth) + "1" + String(repeating: closing, count: depth)
        let found = fault(Array(text.utf8), limits: JSONLimits(maxDepth: 5))
        #expect(found?.code == (depth > 5 ? .tooDeep : nil))
        if depth > 5 { #expect(found?.offset == 5 * opening.utf8.count) }
      }
    }
    #expect(fault(Array("[[]]".utf8), limits: JSONLimits(maxDepth: 1))?.code == .tooDeep)
    #expect(fault(Array(repeating: 0x5B, count: 1_000_000))?.code == .tooDeep)
  }

  @Test func `tokens, bytes and digits are taken up to their limits`() {
    // The array, and a token for each element.
    for limit in [1, 2, 100, 255, 256, 257, 1_000] {
      for count in [limit - 1, limit] {
        let text = "[" + (0..<count).map { _ in "1" }.joined(separator: ",") + "]"
        let found = fault(Array(text.utf8), limits: JSONLimits(maxTokens: limit))
        #expect(found?.code == (count == limit ? .tooManyTokens : nil), "\(limit) \(count)")
      }
    }
    let digits = Array(repeating: UInt8(0x37), count: 1_000)
    #expect(fault(digits) == nil)
    #expect(fault(digits + [0x37])?.code == .numberTooLong)
    #expect(fault([0x2D] + digits)?.code == .numberTooLong)
    #expect(fault(Array("12345".utf8), limits: JSONLimits(maxBytes: 5)) == nil)
    #expect(fault(Array("123456".utf8), limits: JSONLimits(maxBytes: 5))?.code == .tooManyBytes)
  }

  @Test(arguments: [
    (#"{"a":1,"a":2}"#, "/a", 7), (#"{"a":1,"b":2,"a":3}"#, "/a", 13), (#"{"":1,"":2}"#, "/", 6),
    (#"{"a":1,"\u0061":2}"#, "/a", 7), (#"{"\u0061":1,"a":2}"#, "/a", 12),
    (#"{"\u0061":1,"\u0061":2}"#, "/a", 12),
    (
      #"[0,{"x/y":{"k~":[{},{"p":1,"p":2}]}}]"#,
      "/1/x~1y/k~0/1/p", 27
    ),
    (#"{"é":1,"\u00e9":2}"#, "/é", 8), (#"{"😀":1,"\ud83d\ude00":2}"#, "/😀", 10),
    (#"{"12345678":1,"12345678":2}"#, "/12345678", 14),
    (#"{"123456789":1,"123456780":2,"123456789":3}"#, "/123456789", 29),
    (#"{"a":{"a":1},"b":{"a":1,"a":2}}"#, "/b/a", 24),
  ])
  func `a member that is there twice is named`(text: String, pointer: String, offset: Int) {
    let found = fault(Array(text.utf8))
    #expect(found?.code == .duplicateMember)
    #expect(found?.pointer?.text == pointer)
    #expect(found?.offset == offset)
  }

  @Test func `one duplicate is found at every place of objects of every size`() throws {
    for size in [2, 3, 15, 16, 17, 18, 40, 200] {
      for length in [1, 7, 8, 9, 16, 17] {
        var names = (0..<size).map { index in
          let digits = String(index)
          return String(repeating: "n", count: max(0, length - digits.count)) + digits
        }
        #expect(fault(object(names)) == nil)
        for step in 1...3 {
          let place = max(0, size * step / 3 - 1)
          let kept = names[place]
          names[place] = names[place == 0 ? size - 1 : 0]
          #expect(fault(object(names))?.code == .duplicateMember, "\(size) \(length) \(place)")
          names[place] = kept
        }
      }
    }
  }

  @Test func `names that differ in one byte, a length or a zero are different`() {
    let base = Array("abcdefghijklmnopqrst".utf8)
    for length in 0...base.count {
      let name = String(decoding: base.prefix(length), as: UTF8.self)
      var names = [name, name + "\\u0000", name + "x"]
      for position in 0..<length {
        var other = Array(base.prefix(length))
        other[position] = 0x5F
        names.append(String(decoding: other, as: UTF8.self))
      }
      #expect(fault(object(names)) == nil)
      #expect(fault(object(Array(names.prefix(4)))) == nil)
      #expect(fault(object(names + [name]))?.code == .duplicateMember)
    }
  }

  @Test func `many members cost time in proportion`() throws {
    // The thread's own time: what else runs on the machine does not count.
    func spent() -> Int {
      var time = timespec()
      unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
    func time(_ count: Int) -> Int {
      let text = ByteSlice(object((0..<count).map { "member number \($0)" }))
      let parser = JSONParser()
      return (0..<5).map { _ in
        let start = spent()
        try? parser.parse(text)
        return spent() - start
      }.min() ?? 0
    }
    // Sixteen times as many members: proportional is 16, quadratic would be 256.
    #expect(time(32_000) < time(2_000) * 100)
  }

  @Test func `line and column count code points`() {
    func place(_ text: String) -> [Int]? {
      fault(Array(text.utf8)).map { [$0.line, $0.column, $0.offset] }
    }
    #expect(place("x") == [1, 1, 0])
    #expect(place("[1,\n2,\n  x]") == [3, 3, 9])
    #expect(place("[\"é😀\",x]") == [1, 7, 10])
    #expect(place("[\r\nx") == [2, 1, 3])
    #expect(place("[\n") == [2, 1, 2])
    #expect(JSONFault.place(of: 0, in: .empty) == (1, 1))
  }

  private func object(_ names: [String]) -> [UInt8] {
    Array(("{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}").utf8)
  }
}
