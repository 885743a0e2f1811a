/// Tells what comes again from what comes for the first time, so that a cache need not make room
/// for the latter: a Bloom filter that is emptied whenever it has taken as many as the cache has
/// places (the doorkeeper of Einziger, Friedman and Manes, "TinyLFU", 2017).
///
/// Has one owner. Takes one byte for each of its capacity; of what is new it takes at most one in
/// twenty for known.
public struct Doorkeeper {
  private var bits: [UInt64]
  private let mask: UInt64
  private let capacity: Int
  /// How many it has taken since it was emptied.
  private var count = 0

  /// - Parameter capacity: how many different ones it tells apart, rounded up to a power of two; 64
  ///   at least.
  public init(capacity: Int) {
    var places = 64
    while places < capacity { places *= 2 }
    self.capacity = places
    bits = Array(repeating: 0, count: places / 8)
    mask = UInt64(places * 8 - 1)
  }

  /// Whether one of this hash, a number as good as random, has come before of late. Has come then.
  public mutating func hasSeen(_ hash: UInt64) -> Bool {
    let (first, second) = (hash & mask, hash >> 32 & mask)
    let isKnown = holds(first) && holds(second)
    if isKnown { return true }
    if count == capacity {
      for index in bits.indices { bits[index] = 0 }
      count = 0
    }
    set(first)
    set(second)
    count += 1
    return false
  }

  private func holds(_ bit: UInt64) -> Bool { bits[Int(bit >> 6)] >> (bit & 63) & 1 == 1 }
  private mutating func set(_ bit: UInt64) { bits[Int(bit >> 6)] |= 1 << (bit & 63) }
}
