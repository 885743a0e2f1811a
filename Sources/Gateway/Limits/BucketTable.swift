import Bytes
import Synchronization
import Tenancy

/// Token buckets of whoever comes, found by a hash of who that is. All loops share it without a
/// lock: a bucket is one atomic word.
///
/// Bounded: a key has eight places, and when they are taken the newcomer takes that of the fullest
/// bucket. A full bucket says nothing, so that losing it loses nothing; whoever wants to lose a
/// bucket that is in debt has to bring eight keys of its set that are deeper in debt, each of which
/// has a bound of its own, and sets are chosen by a hash that is seeded at random for each process.
///
/// Two threads that take a place at the same instant may let one request pass that should not;
/// there is no way to gain more from it.
///
/// SAFETY: `@unchecked Sendable` because the pointers are written only in `init` and `deinit`; what
/// they point to are atomics, and every index is masked into bounds.
@safe
final class BucketTable: @unchecked Sendable {
  private static let ways = 8

  private let keys: UnsafeMutablePointer<Atomic<UInt64>>
  private let marks: UnsafeMutablePointer<Atomic<Int64>>
  private let count: Int
  private let setMask: UInt64

  /// Room for at least `capacity` buckets of 16 B, rounded up to a power of two.
  init(capacity: Int) {
    var sets = 1
    while sets * Self.ways < capacity { sets *= 2 }
    count = sets * Self.ways
    setMask = UInt64(sets - 1)
    unsafe keys = .allocate(capacity: count)
    unsafe marks = .allocate(capacity: count)
    for index in 0..<count {
      unsafe keys.advanced(by: index).initialize(to: Atomic<UInt64>(0))
      unsafe marks.advanced(by: index).initialize(to: Atomic<Int64>(TokenBucket.untouched))
    }
  }

  deinit {
    unsafe keys.deinitialize(count: count)
    unsafe marks.deinitialize(count: count)
    unsafe keys.deallocate()
    unsafe marks.deallocate()
  }

  /// How long until the bucket has `amount`; nil when it has. Takes nothing.
  func wait(for amount: Int64, of key: UInt64, at now: MonotonicTime, _ rate: Rate) -> TimeSpan? {
    guard let place = place(of: key) else { return nil }
    let mark = unsafe marks[place].load(ordering: .relaxed)
    switch TokenBucket.take(amount, from: mark, at: now, rate) {
    case .given: return nil
    case .refused(let wait): return wait
    }
  }

  /// How much the bucket has now; below zero for a debt. Takes nothing.
  func left(of key: UInt64, at now: MonotonicTime, _ rate: Rate) -> Int64 {
    let mark = place(of: key).map { unsafe marks[$0].load(ordering: .relaxed) }
    return TokenBucket.left(in: mark ?? TokenBucket.untouched, at: now, rate)
  }

  /// Takes `amount`, whether the bucket has so much or not.
  func charge(_ amount: Int64, to key: UInt64, at now: MonotonicTime, _ rate: Rate) {
    let place = place(of: key) ?? claim(key)
    var mark = unsafe marks[place].load(ordering: .relaxed)
    while true {
      let next = TokenBucket.charge(amount, to: mark, at: now, rate)
      let (done, seen) = unsafe marks[place].compareExchange(
        expected: mark, desired: next, ordering: .relaxed)
      if done { return }
      mark = seen
    }
  }

  private func place(of key: UInt64) -> Int? {
    let start = Int(truncatingIfNeeded: key & setMask) * Self.ways
    for place in start..<(start + Self.ways)
    where unsafe keys[place].load(ordering: .relaxed) == key {
      return place
    }
    return nil
  }

  /// Takes the place of the fullest bucket of the key's set: the one that was empty longest ago.
  private func claim(_ key: UInt64) -> Int {
    let start = Int(truncatingIfNeeded: key & setMask) * Self.ways
    var chosen = start
    var fullest = Int64.max
    for place in start..<(start + Self.ways) {
      let mark = unsafe marks[place].load(ordering: .relaxed)
      if mark < fullest {
        fullest = mark
        chosen = place
      }
    }
    unsafe keys[chosen].store(key, ordering: .relaxed)
    unsafe marks[chosen].store(TokenBucket.untouched, ordering: .relaxed)
    return chosen
  }
}
