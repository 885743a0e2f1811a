import Bytes
import JSONText
import Testing

@Suite struct `Splitting lines` {
  /// All lines of a stream that arrives in the given pieces.
  private func lines(_ pieces: [ByteSlice], limit: Int = 100) -> [LineSplitter.Step] {
    var splitter = LineSplitter(limit: limit)
    var steps: [LineSplitter.Step] = []
    for piece in pieces {
      splitter.feed(piece)
      loop: while true {
        let step = splitter.next()
        switch step {
        case .line: steps.append(step)
        case .needsMore: break loop
        case .tooLong:
          steps.append(step)
          return steps
        }
      }
    }
    if let last = splitter.finish() { steps.append(last) }
    return steps
  }

  private func line(_ text: String, _ number: Int) -> LineSplitter.Step {
    .line(ByteSlice(utf8: text), number: number)
  }

  static let streams = [
    "a\nbb\nccc\n", "a\r\nb\r\n\r\nc", "\n\n\na", "no end", "", "\n", "\r\n", "a\rb\n\rc\r",
    " \t\n{}\n",
    "{\"a\":\"é😀\"}\n[1,2]\n", "a\n\n\n\nb\n  \n", "\r", "a\r",
  ]

  @Test(arguments: streams)
  func `lines are the same at every split`(text: String) {
    let bytes = ByteSlice(utf8: text)
    let expected = lines([bytes])
    for one in 0...bytes.count {
      for other in one...bytes.count {
        let pieces = [bytes[0..<one], bytes[one..<other], bytes[other..<bytes.count]]
        #expect(lines(pieces) == expected, "split at \(one), \(other)")
      }
    }
    #expect(lines((0..<bytes.count).map { bytes[$0..<($0 + 1)] }) == expected)
  }

  @Test func `each line says where it begins, at every split`() {
    let bytes = ByteSlice(utf8: "a\r\n\n \t\nbé\n{}\nrest")
    for one in 0...bytes.count {
      for other in one...bytes.count {
        var splitter = LineSplitter(limit: 100)
        var starts: [Int] = []
        for piece in [bytes[0..<one], bytes[one..<other], bytes[other..<bytes.count]] {
          splitter.feed(piece)
          while case .line = splitter.next() { starts.append(splitter.start) }
        }
        if splitter.finish() != nil { starts.append(splitter.start) }
        #expect(starts == [0, 7, 11, 14], "split at \(one), \(other)")
      }
    }
  }

  @Test func `lines have numbers, blank ones count and are skipped`() {
    #expect(
      lines([ByteSlice(utf8: "a\r\n\n \t\r\nb\nc")]) == [line("a", 1), line("b", 4), line("c", 5)])
    #expect(lines([ByteSlice(utf8: "a\rb\n")]) == [line("a\rb", 1)])
    #expect(lines([ByteSlice(utf8: "a\r")]) == [line("a", 1)])
    #expect(lines([]) == [])
  }

  @Test func `whoever asks for it is back from blank lines after so many bytes`() {
    var splitter = LineSplitter(limit: 100)
    splitter.feed(ByteSlice(utf8: String(repeating: " \n", count: 10) + "a\n"))
    var steps: [LineSplitter.Step?] = []
    var skipped: [Int] = []
    for _ in 0..<4 {
      steps.append(splitter.next(skipping: 8))
      skipped.append(splitter.skipped)
    }
    let expected: [LineSplitter.Step?] = [nil, nil, line("a", 11), .some(.needsMore)]
    #expect(steps == expected)
    #expect(skipped == [8, 8, 4, 0])
  }

  @Test func `a line may be as long as the limit, its ending not counted`() {
    for ending in ["", "\n", "\r\n"] {
      for (length, fits) in [(4, true), (5, true), (6, false), (7, false), (60, false)] {
        let text = ByteSlice(utf8: "x\n" + String(repeating: "a", count: length) + ending)
        for split in 0...text.count {
          let found = lines([text.prefix(split), text.dropFirst(split)], limit: 5)
          let second: LineSplitter.Step =
            fits ? line(String(repeating: "a", count: length), 2) : .tooLong(number: 2)
          #expect(found == [line("x", 1), second], "\(length) \(ending.utf8.count) \(split)")
        }
      }
    }
  }

  @Test func `after a line that is too long nothing follows`() {
    var splitter = LineSplitter(limit: 3)
    splitter.feed(ByteSlice(utf8: "abcdef\nok\n"))
    for _ in 0..<3 {
      let step = splitter.next()
      #expect(step == .tooLong(number: 1))
    }
    let last = splitter.finish()
    #expect(last == nil)
  }
}
