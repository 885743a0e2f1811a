import Bytes
import Testing

/// Blocks of sixteen bytes against the same questions asked byte by byte.
@Suite struct ByteBlockTests {
  private func bytes(_ seed: Int) -> [UInt8] {
    var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<32).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1
      // Few different values, so that all marks occur.
      return [0x00, 0x1F, 0x20, 0x22, 0x5C, 0x41, 0x7A, 0x7F, 0x80, 0xFF][Int(state >> 60) % 10]
    }
  }

  @Test(arguments: 0..<200) func `marks say what a loop says`(seed: Int) {
    let bytes = bytes(seed)
    for offset in [0, 1, 7, 16] {
      let block = ByteBlock(bytes.span, at: offset)
      let part = Array(bytes[offset..<(offset + 16)])
      func expect(_ marks: ByteMarks, _ test: (UInt8) -> Bool) {
        #expect(marks.first == part.firstIndex(where: test) ?? 16)
        #expect(marks.firstUnmarked == part.firstIndex { !test($0) } ?? 16)
        for start in 0..<16 {
          let rest = part[start...].firstIndex { !test($0) } ?? 16
          #expect(marks.firstUnmarked(from: start) == rest)
        }
        let words = (0..<8).reduce(into: (UInt64(0), UInt64(0))) { words, index in
          if test(part[index]) { words.0 |= 0xFF << UInt64(8 * index) }
          if test(part[index + 8]) { words.1 |= 0xFF << UInt64(8 * index) }
        }
        #expect(marks.words == words)
      }
      expect(block.marks(0x22)) { $0 == 0x22 }
      expect(block.marks(from: 0x20, count: 0x60)) { $0 >= 0x20 && $0 < 0x80 }
      expect(block.marks(from: 0x7F, count: 2)) { $0 == 0x7F || $0 == 0x80 }
      expect(block.marksOfControlsAndNonASCII) { $0 < 0x20 || $0 >= 0x80 }
      expect(block.folded.marks(from: 0x61, count: 26)) { ASCII.isLower($0 | 0x20) }
      expect(block.marks(0x22) | block.marks(0xFF)) { $0 == 0x22 || $0 == 0xFF }
    }
  }

  @Test("what two runs have in common at the front ends where they first differ")
  func commonPrefix() {
    let run = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for count in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 191, 200, 300] {
      let whole = ByteSlice(run.prefix(count))
      #expect(whole.span.commonPrefix(with: ByteSlice(run).span) == count)
      #expect(ByteSlice(run).span.commonPrefix(with: whole.span) == count)
      for place in 0..<count {
        var other = Array(run.prefix(count))
        other[place] ^= 0x80
        #expect(whole.span.commonPrefix(with: ByteSlice(other).span) == place)
      }
    }
  }
}
