import Bytes

/// Murmur3 in its 32-bit x86 form with seed 0: the hash that spreads keys over consumers. Stored
/// with the event, so that consumers are chosen without reading keys again.
enum KeyHash {
  static func murmur3(_ key: ByteSlice) -> UInt32 {
    var hash: UInt32 = 0
    var index = 0
    while index + 4 <= key.count {
      let word =
        UInt32(key[index]) | UInt32(key[index + 1]) << 8 | UInt32(key[index + 2]) << 16
        | UInt32(key[index + 3]) << 24
      hash ^= scramble(word)
      hash = (hash << 13 | hash >> 19) &* 5 &+ 0xE654_6B64
      index += 4
    }
    var tail: UInt32 = 0
    for offset in stride(from: key.count - 1, through: index, by: -1) {
      tail = tail << 8 | UInt32(key[offset])
    }
    if index < key.count { hash ^= scramble(tail) }
    hash ^= UInt32(truncatingIfNeeded: key.count)
    hash ^= hash >> 16
    hash = hash &* 0x85EB_CA6B
    hash ^= hash >> 13
    hash = hash &* 0xC2B2_AE35
    return hash ^ hash >> 16
  }

  private static func scramble(_ word: UInt32) -> UInt32 {
    let product = word &* 0xCC9E_2D51
    return (product << 15 | product >> 17) &* 0x1B87_3593
  }
}
