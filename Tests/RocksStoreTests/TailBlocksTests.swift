import LogConformance
import Testing

@testable import Bytes
@testable import RocksStore

@Suite struct TailBlocksTests {
  private static let block = TailBlocks.blockBytes

  private func write(_ count: Int, of byte: UInt8, into blocks: inout TailBlocks) -> ByteSlice {
    unsafe blocks.write(count) { memory in
      #expect(memory.count == count)
      unsafe memory.initializeMemory(as: UInt8.self, repeating: byte)
    }
  }

  private func isFilled(_ slice: ByteSlice, with byte: UInt8) -> Bool {
    slice == ByteSlice([UInt8](repeating: byte, count: slice.count))
  }

  @Test func `what is held never changes, whatever is written after it`() {
    for seed in UInt64(1)...2 {
      var random = SplitMix(seed: seed)
      var blocks = TailBlocks(tailBytes: 2 * Self.block)
      var held: [(slice: ByteSlice, byte: UInt8)] = []
      for number in 0..<250 {
        let byte = UInt8(truncatingIfNeeded: number)
        // Up to one byte more than a block takes.
        let count = 1 + random.below(number % 50 == 0 ? Self.block + 1 : 90_000)
        held.append((write(count, of: byte, into: &blocks), byte))
        #expect(held[held.count - 1].slice.count == count)
        while held.count > 40 {
          let (slice, byte) = held.remove(at: random.below(held.count))
          #expect(isFilled(slice, with: byte), "seed \(seed)")
        }
      }
      for (slice, byte) in held { #expect(isFilled(slice, with: byte), "seed \(seed)") }
    }
  }

  @Test func `blocks are written over in turn, and a reader that stays costs one`() {
    var blocks = TailBlocks(tailBytes: 3 * Self.block)
    var first: ByteSlice? = write(100, of: 1, into: &blocks)
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(first!.storage)]
    var held: [ByteSlice] = []
    for number in 0..<200 {
      held.append(write(Self.block / 4, of: UInt8(truncatingIfNeeded: number), into: &blocks))
      seen.insert(ObjectIdentifier(held[held.count - 1].storage))
      if held.count > 12 { held.removeFirst() }
    }
    // The ring's seven, and the one that it left to its reader.
    #expect(seen.count <= 8)
    #expect(first.map { isFilled($0, with: 1) } == true)
    first = nil
    for _ in 0..<40 {
      held.append(write(Self.block / 4, of: 0, into: &blocks))
      seen.insert(ObjectIdentifier(held[held.count - 1].storage))
      if held.count > 12 { held.removeFirst() }
    }
    #expect(seen.count <= 8)
  }

  @Test func `a ring that is full leaves blocks to their readers`() {
    var blocks = TailBlocks(tailBytes: 0)
    weak var oldest: ByteStorage?
    var held = (0..<10).map { write(Self.block, of: $0, into: &blocks) }
    oldest = held[0].storage
    #expect(Set(held.map { ObjectIdentifier($0.storage) }).count == 10)
    for (number, slice) in held.enumerated() { #expect(isFilled(slice, with: UInt8(number))) }
    held = []
    #expect(oldest == nil)
  }

  @Test func `what is larger than a block has memory of its own`() {
    var blocks = TailBlocks(tailBytes: Self.block)
    let small = write(10, of: 1, into: &blocks)
    let large = write(Self.block + 1, of: 2, into: &blocks)
    let next = write(10, of: 3, into: &blocks)
    #expect(small.storage === next.storage && small.storage !== large.storage)
    #expect(isFilled(small, with: 1) && isFilled(large, with: 2) && isFilled(next, with: 3))
  }
}
