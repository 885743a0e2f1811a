import Bytes
import Testing

@Suite struct `Byte slices` {
  let alphabet = ByteSlice(utf8: "abcdefghijklmnopqrstuvwxyz")

  @Test func `a part shares and keeps its bytes`() {
    let part = alphabet[3..<20]
    #expect(part.count == 17)
    #expect(part.equals("defghijklmnopqrst"))
    #expect(part[16] == UInt8(ascii: "t"))
    #expect(part[2..<4].equals("fg"))
    #expect(part.dropFirst(15).equals("st"))
    #expect(part.prefix(2).equals("de"))
    #expect(part.dropFirst(99).isEmpty)
    #expect(part.prefix(99) == part)
    #expect(part.array == Array("defghijklmnopqrst".utf8))
  }

  @Test func `runs that are joined keep their bytes and lie in one storage`() {
    #expect(ByteSlice.joined([]).isEmpty)
    let runs = [alphabet[3..<5], .empty, alphabet[0..<26], alphabet[25..<26]]
    let joined = ByteSlice.joined(runs)
    #expect(joined == runs)
    let starts = joined.map { slice in
      unsafe slice.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    }
    #expect(starts.map { $0 - starts[0] } == [0, 2, 2, 28])
    #expect(joined.allSatisfy { $0.offset(in: alphabet) == nil })
  }

  @Test func `equality and hash see every byte at every length`() {
    for length in 0...40 {
      let bytes = (0..<length).map { UInt8($0 * 7 & 0xFF) }
      // One copy lies at an odd offset of its storage.
      let shifted = ByteSlice([0] + bytes)[1..<(length + 1)]
      #expect(ByteSlice(bytes) == shifted)
      #expect(ByteSlice(bytes).hashValue == shifted.hashValue)
      for position in 0..<length {
        var other = bytes
        other[position] ^= 1
        #expect(ByteSlice(other) != shifted, "length \(length), position \(position)")
      }
      #expect(ByteSlice(bytes + [0]) != shifted)
    }
  }

  @Test func `order is that of unsigned bytes, a prefix first`() {
    let sorted = ["", "\u{0}", "a", "a\u{0}", "aa", "b", "é"].map { ByteSlice(utf8: $0) }
    for (left, one) in sorted.enumerated() {
      for (right, other) in sorted.enumerated() { #expect((one < other) == (left < right)) }
    }
  }

  @Test func `literals compare exactly or without case`() {
    let text = ByteSlice(utf8: "Content-Type")
    #expect(text.equals("Content-Type"))
    #expect(!text.equals("content-type"))
    #expect(!text.equals("Content-Typ"))
    #expect(text.equalsIgnoringCase("content-TYPE"))
    #expect(!text.equalsIgnoringCase("content-typ"))
    // `[` and `{` differ in the bit that case is made of, and are no letters.
    #expect(!ByteSlice(utf8: "[").equalsIgnoringCase("{"))
    #expect(text.starts(with: "Content"))
    #expect(!text.starts(with: "Content-Type:"))
    #expect(text.starts(with: ""))
  }

  @Test func `a byte is found from a place on`() {
    #expect(alphabet.firstIndex(of: UInt8(ascii: "c")) == 2)
    #expect(alphabet.firstIndex(of: UInt8(ascii: "c"), from: 2) == 2)
    #expect(alphabet.firstIndex(of: UInt8(ascii: "c"), from: 3) == nil)
    #expect(alphabet.firstIndex(of: 0, from: 99) == nil)
  }

  @Test func `a span sees the slice's bytes only`() {
    let part = alphabet[1..<4]
    #expect(part.span.count == 3)
    #expect(part.span[2] == UInt8(ascii: "d"))
    #expect(ByteSlice(copying: part.span) == part)
  }

  @Test func `text replaces what is not UTF-8`() {
    #expect(ByteSlice([0x61, 0xFF]).text == "a\u{FFFD}")
    #expect(ByteSlice.empty.text == "")
  }

  @Test func `hexadecimal digits and case fold as ASCII says`() {
    for byte in UInt8.min...UInt8.max {
      let scalar = Character(UnicodeScalar(byte))
      #expect(ASCII.hexValue(byte).map(Int.init) == (byte < 128 ? scalar.hexDigitValue : nil))
      #expect(ASCII.isDigit(byte) == ("0"..."9").contains(scalar))
      #expect(ASCII.isUpper(byte) == ("A"..."Z").contains(scalar))
      #expect(ASCII.isLower(byte) == ("a"..."z").contains(scalar))
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      #expect(ASCII.isAlphanumeric(byte) == (isLetter || ("0"..."9").contains(scalar)))
      #expect(ASCII.lowercased(byte) == (ASCII.isUpper(byte) ? byte + 32 : byte))
    }
    #expect((0..<16).map { ASCII.hexDigit($0) } == Array("0123456789abcdef".utf8))
  }

  @Test func `a part knows where it lies in the whole, and only in it`() {
    let whole = ByteSlice(utf8: "abcdef")
    let middle = whole[1..<5]
    #expect(middle.offset(in: whole) == 1 && middle[2..<3].offset(in: whole) == 3)
    #expect(middle[4..<4].offset(in: middle) == 4)
    #expect(whole.offset(in: middle) == nil && whole[0..<2].offset(in: middle) == nil)
    #expect(ByteSlice(utf8: "bcde").offset(in: whole) == nil)
  }

  @Test func `a place depends on each byte, on their number and on the seed, and on no more`() {
    let text = ByteSlice((0..<40).map { UInt8($0 * 7 % 251) })
    for count in 0...32 {
      let run = text[3..<(3 + count)]
      let place = run.place(seed: 9)
      #expect(ByteSlice(copying: run.span).place(seed: 9) == place)
      #expect(run.place(seed: 10) != place)
      #expect(text[3..<(4 + count)].place(seed: 9) != place)
      for index in 0..<count {
        var other = run.array
        other[index] ^= 1
        #expect(ByteSlice(other).place(seed: 9) != place)
      }
    }
  }
}
