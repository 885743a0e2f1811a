import Bytes
import Testing

@Suite struct `Byte buffers` {
  @Test func `slices given out never change, whatever the buffer does next`() {
    for seed in UInt64(1)...40 {
      var random = Random(seed: seed)
      var buffer = ByteBuffer(capacity: Int(random.next() % 64))
      var expected: [UInt8] = []
      var given: [(slice: ByteSlice, bytes: [UInt8])] = []
      for _ in 0..<300 {
        switch random.next() % 8 {
        case 0..<3:
          let piece = (0..<Int(random.next() % 40)).map { _ in
            UInt8(truncatingIfNeeded: random.next())
          }
          buffer.append(ByteSlice(piece))
          expected += piece
        case 3:
          let byte = UInt8(truncatingIfNeeded: random.next())
          let written = unsafe buffer.appendUnsafe(room: 3) { room in
            unsafe room[0] = byte
            return 1
          }
          #expect(written == 1)
          expected.append(byte)
        case 4, 5:
          let low = Int(random.next() % UInt64(expected.count + 1))
          let high = low + Int(random.next() % UInt64(expected.count - low + 1))
          given.append((buffer.slice(low..<high), Array(expected[low..<high])))
          if given.count > 12 { given.removeFirst(Int(random.next() % 12)) }
        case 6:
          let gone = Int(random.next() % UInt64(expected.count + 1))
          buffer.discardFirst(gone)
          expected.removeFirst(gone)
        default:
          if random.next() % 4 == 0 {
            buffer.reset(keeping: Int(random.next() % 512))
            expected = []
          }
        }
        do {
          let found = buffer.count
          #expect(found == expected.count, "seed \(seed)")
        }
        let contents = buffer.contents.array
        #expect(contents == expected, "seed \(seed)")
        for (slice, bytes) in given { #expect(slice.array == bytes, "seed \(seed)") }
      }
    }
  }

  @Test func `reset keeps memory that nobody refers to, up to the limit`() {
    var buffer = ByteBuffer(capacity: 1000)
    buffer.append(ByteSlice(utf8: "x"))
    buffer.reset()
    do {
      let found = buffer.capacity
      #expect(found == 1000)
    }
    buffer.reset(keeping: 999)
    do {
      let found = buffer.capacity
      #expect(found == 0)
    }
    buffer.append(ByteSlice(utf8: "held"))
    let slice = buffer.contents
    buffer.reset()
    do {
      let found = buffer.capacity
      #expect(found == 0)
    }
    buffer.append(ByteSlice(utf8: "new!"))
    #expect(slice.equals("held"))
  }

  @Test func `memory is written over only where nobody refers to it`() {
    var buffer = ByteBuffer(capacity: 1000)
    buffer.append(ByteSlice(utf8: "held"))
    var slice: ByteSlice? = buffer.contents
    let whileHeld = buffer.resetIfUnshared()
    let kept = buffer.count
    #expect(!whileHeld && kept == 4)
    slice = nil
    #expect(slice == nil)
    let after = buffer.resetIfUnshared()
    let left = (buffer.count, buffer.capacity)
    #expect(after && left == (0, 1000))
  }

  @Test func `a filler that writes nothing changes nothing`() {
    var buffer = ByteBuffer()
    let written = unsafe buffer.appendUnsafe(room: 10) { _ in 0 }
    #expect(written == 0)
    let isEmpty = buffer.isEmpty
    #expect(isEmpty)
    do {
      let found = buffer.capacity
      #expect(found >= 10)
    }
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
}
