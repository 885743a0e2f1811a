import Bytes

/// Memory of the tail: blocks of one size, which commits fill with chunks one behind the other and
/// write over in turn once nobody holds a slice of them. Committer thread only; the slices may go
/// anywhere.
///
/// A buffer for each commit would leave holes of every size between what else the allocator holds,
/// which take an hour to settle; a block that is mapped anew for each megabyte costs a page fault
/// for every 4 KiB, a twentieth of what batches cost.
struct TailBlocks: ~Copyable {
  private final class Block {
    var bytes = ByteBuffer(capacity: TailBlocks.blockBytes)
  }

  /// In bytes. What is larger has memory of its own.
  static let blockBytes = 4 << 20
  private let limit: Int
  /// In the order in which they are filled, `place` being filled.
  private var ring: [Block] = []
  private var place = 0

  /// - Parameter tailBytes: what the tail holds. A sixteenth more makes up for the blocks' ends,
  ///   which the next chunk did not fit into: chunks have at most 256 KiB. Events that are larger
  ///   are chunks of their own and leave up to a quarter of a block; a full ring then leaves blocks
  ///   to the tail, which holds up to a third more than `heldBytes` says.
  init(tailBytes: Int) { limit = tailBytes / Self.blockBytes * 17 / 16 + 2 }

  /// Bytes of the blocks in the ring: neither of chunks with memory of their own nor of blocks that
  /// left it while somebody reads in them.
  var heldBytes: Int { ring.count * Self.blockBytes }

  /// Lets `fill` write `count` bytes, all of them; the pointer must not leave the closure.
  mutating func write(
    _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void
  ) -> ByteSlice {
    if count > Self.blockBytes {
      var own = ByteBuffer(capacity: count)
      return unsafe Self.write(count, into: &own, fill)
    }
    if ring.isEmpty || ring[place].bytes.count + count > Self.blockBytes { turn() }
    return unsafe Self.write(count, into: &ring[place].bytes, fill)
  }

  private static func write(
    _ count: Int, into bytes: inout ByteBuffer, _ fill: (UnsafeMutableRawBufferPointer) -> Void
  ) -> ByteSlice {
    let start = bytes.count
    // SAFETY: the memory is lent on under the same rule.
    _ = unsafe bytes.appendUnsafe(room: count) { memory in
      unsafe fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
      return count
    }
    return bytes.slice(start..<(start + count))
  }

  /// Takes the block that was filled longest ago, or a new one while that is still in use. A full
  /// ring leaves such a block to its readers.
  private mutating func turn() {
    let next = ring.isEmpty ? 0 : (place + 1) % ring.count
    if next < ring.count, ring[next].bytes.resetIfUnshared() {
      place = next
    } else if ring.count < limit {
      place = ring.isEmpty ? 0 : place + 1
      ring.insert(Block(), at: place)
    } else {
      place = next
      ring[place] = Block()
    }
  }
}
