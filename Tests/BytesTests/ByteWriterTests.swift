import Bytes
import Testing

@Suite struct `Writing and reading bytes` {
  @Test func `a copy is a writer of its own`() {
    var first = ByteWriter(capacity: 64)
    first.append("one")
    var second = first
    first.append(" first")
    second.append(" second")
    #expect(first.slice.text == "one first")
    #expect(second.slice.text == "one second")
    let kept = first.slice
    first.truncate(to: 3)
    first.append(", anew")
    second.removeAll()
    second.append(first)
    first.patch(bigEndian: 0x4142_4344, at: 0)
    #expect(kept.text == "one first")
    #expect(first.slice.text == "ABCD anew")
    #expect(second.slice.text == "one, anew")
    #expect(second.bytes == Array("one, anew".utf8))
  }

  @Test func `memory is kept, and grows with what is written`() {
    var writer = ByteWriter()
    #expect(writer.capacity == 0 && writer.slice.isEmpty && writer.span.isEmpty)
    var expected: [UInt8] = []
    for byte in 0..<1000 {
      writer.append(UInt8(truncatingIfNeeded: byte))
      expected.append(UInt8(truncatingIfNeeded: byte))
      #expect(writer.count <= writer.capacity)
    }
    writer.append(expected)
    #expect(writer.bytes == expected + expected)
    let capacity = writer.capacity
    writer.removeAll()
    writer.reserve(capacity)
    #expect(writer.capacity == capacity && writer.count == 0)
  }

  @Test func `what is written is read back`() throws {
    for value in [0, 1, 127, 128, 255, 256, 16_383, 16_384, 1 << 32, UInt64.max - 1, .max] {
      var writer = ByteWriter()
      writer.append(bigEndian: value)
      writer.append(bigEndian: UInt32(truncatingIfNeeded: value))
      writer.append(bigEndian: UInt16(truncatingIfNeeded: value))
      writer.append(varint: value)
      writer.append(prefixed: ByteSlice(utf8: "né"))
      var cursor = ByteCursor(writer.slice)
      #expect(try cursor.readUInt64() == value)
      #expect(try cursor.readUInt32() == UInt32(truncatingIfNeeded: value))
      #expect(try cursor.readUInt16() == UInt16(truncatingIfNeeded: value))
      #expect(try cursor.readVarint() == value)
      #expect(try cursor.readPrefixed().text == "né")
      #expect(cursor.isAtEnd)
      // Cut anywhere, some read runs out; none goes beyond the end.
      for cut in 0..<writer.count {
        var cursor = ByteCursor(writer.slice.prefix(cut))
        #expect(throws: ByteCursorFailure.self) {
          _ = try cursor.readUInt64()
          _ = try cursor.readUInt32()
          _ = try cursor.readUInt16()
          _ = try cursor.readVarint()
          _ = try cursor.readPrefixed()
        }
        #expect(cursor.offset <= cut)
      }
    }
  }

  @Test func `varints have one length each and at most 64 bits`() {
    var longest = ByteWriter()
    longest.append(varint: .max)
    #expect(longest.bytes == Array(repeating: 0xFF, count: 9) + [0x01])
    for bytes in [
      Array(repeating: UInt8(0xFF), count: 9) + [0x02],
      Array(repeating: UInt8(0x80), count: 10) + [0x01],
      Array(repeating: UInt8(0xFF), count: 10) + [0x01],
    ] {
      var cursor = ByteCursor(ByteSlice(bytes))
      #expect(throws: ByteCursorFailure.overlongVarint(at: 0)) { _ = try cursor.readVarint() }
    }
  }

  @Test func `a length beyond what is left is refused before anything is read`() {
    for length in [1, 100, UInt64(Int.max), .max] {
      var writer = ByteWriter()
      writer.append(varint: length)
      var cursor = ByteCursor(writer.slice)
      #expect(throws: ByteCursorFailure.self) { _ = try cursor.readPrefixed() }
    }
    var cursor = ByteCursor(ByteSlice(utf8: "abc"))
    #expect(throws: ByteCursorFailure.truncated(at: 0)) { _ = try cursor.readSlice(-1) }
    #expect(throws: ByteCursorFailure.truncated(at: 0)) { _ = try cursor.readSlice(4) }
  }

  @Test func `decimals are those of String`() {
    var powers: [UInt64] = [1]
    for _ in 1...19 { powers.append(powers[powers.count - 1] * 10) }
    for value in powers.flatMap({ [$0 - 1, $0, $0 + 1] }) + [12_345, UInt64(Int64.max), .max] {
      var writer = ByteWriter()
      writer.append(decimal: value)
      #expect(writer.slice.text == String(value))
      writer.append(decimal: value, width: 20)
      #expect(UInt64(writer.slice.text.suffix(20)) == value)
    }
    for value in [0, -1, -9, -10, Int64.min, .max] {
      var writer = ByteWriter()
      writer.append(decimal: value)
      #expect(writer.slice.text == String(value))
    }
  }

  @Test func `what is appended is there, of every length and at every place`() {
    let source = (0..<64).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    for length in 0...40 {
      for place in 0..<9 {
        var writer = ByteWriter(capacity: place + length)
        for byte in source.prefix(place) { writer.append(byte) }
        // What is read ends where the memory does.
        writer.append(ByteSlice(Array(source.suffix(length))))
        #expect(writer.bytes == Array(source.prefix(place) + source.suffix(length)))
      }
    }
  }

  @Test func `patching and truncating change what is there`() {
    var writer = ByteWriter()
    writer.append("0123456789")
    writer.patch(bigEndian: 0x4142_4344, at: 3)
    #expect(writer.slice.equals("012ABCD789"))
    writer.truncate(to: 4)
    #expect(writer.slice.equals("012A"))
    writer.append(text: "é")
    writer.append(ByteSlice(utf8: "!").span)
    writer.append([0x3F])
    #expect(writer.slice.text == "012Aé!?")
    writer.removeAll()
    #expect(writer.count == 0)
  }
}
