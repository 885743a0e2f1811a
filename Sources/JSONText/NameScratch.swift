import Bytes

/// Which names an open object may have already: a bit for each of 64 classes of names.
///
/// A small object is decided name by name: only one whose bit is set is compared with the others.
/// Objects of many members, and those with escapes in names, are left to `NameScratch`.
struct NameFilter: BitwiseCopyable {
  /// Above this many members most bits are set, and comparing costs more than a table.
  private static let comparedNames: UInt32 = 24

  private var classes: UInt64 = 0
  private var count: UInt32 = 0

  /// Whether the object has to be searched as a whole once it is complete.
  @inline(__always)
  var isUndecided: Bool { count > Self.comparedNames }

  /// Notes a name; whether it has to be compared with those before it.
  @inline(__always)
  mutating func mayHave(_ prefix: UInt64, _ length: Int) -> Bool {
    count &+= 1
    let mixed = (prefix ^ UInt64(truncatingIfNeeded: length)).multipliedFullWidth(
      by: 0x9E37_79B9_7F4A_7C15)
    let bit = 1 &<< (mixed.high ^ mixed.low &>> 58) as UInt64
    let isSet = classes & bit != 0
    classes |= bit
    return isSet && !isUndecided
  }

  /// Leaves the object to be searched as a whole.
  mutating func giveUp() { count |= 1 &<< 31 }
}

/// Finds a name that an object has twice, once it is complete: a hash table whose seed differs from
/// process to process, so that nobody can choose names that collide. Memory is kept for the next
/// object.
///
/// SAFETY: a bundle of pointers owned by one `JSONParser`, which frees them. Entries below `count`
/// are initialised; the source is borrowed for one call.
@safe struct NameScratch: BitwiseCopyable {
  /// A member's name.
  private struct Name: BitwiseCopyable {
    let hash: UInt64
    /// Length of the unescaped name; the top bit says that it lies among the unescaped names.
    let length: UInt32
    /// Where the name starts in the source or among the unescaped names.
    let offset: UInt32
    /// Index of the key's token.
    let token: Int
  }

  private static let unescapedMark: UInt32 = 0x8000_0000

  private var names: UnsafeMutablePointer<Name>
  private var count = 0
  private var capacity = 128
  private var unescaped: UnsafeMutablePointer<UInt8>
  private var unescapedCount = 0
  private var unescapedCapacity = 256
  /// Name numbers + 1 by hash; 0 is free.
  private var table: UnsafeMutablePointer<UInt32>
  private var tableCapacity = 256
  private let seed: UInt64
  private let key: UInt64

  init(seed: UInt64) {
    self.seed = seed
    key = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    unsafe names = .allocate(capacity: capacity)
    unsafe unescaped = .allocate(capacity: unescapedCapacity)
    unsafe table = .allocate(capacity: tableCapacity)
  }

  func free() {
    unsafe names.deallocate()
    unsafe unescaped.deallocate()
    unsafe table.deallocate()
  }

  /// Bytes held.
  var footprint: Int {
    capacity * MemoryLayout<Name>.stride + unescapedCapacity + tableCapacity * 4
  }

  /// The token of a name that is there twice, or nil.
  ///
  /// - Parameters:
  ///   - tokens: the tape, of which `first` is the first key of a complete object.
  ///   - end: the token behind the object's last value.
  @unsafe mutating func duplicate(
    _ tokens: UnsafePointer<JSONToken>, from first: Int, to end: Int, _ lexer: JSONLexer
  ) -> Int? {
    unsafe collect(tokens, from: first, to: end, lexer)
    var slots = 64
    while slots < count * 2 { slots *= 2 }
    if slots > tableCapacity {
      unsafe table.deallocate()
      unsafe table = .allocate(capacity: slots)
      tableCapacity = slots
    }
    unsafe table.update(repeating: 0, count: slots)
    for index in 0..<count {
      let name = unsafe names[index]
      var slot = Int(truncatingIfNeeded: name.hash) & (slots &- 1)
      while unsafe table[slot] != 0 {
        let earlier = unsafe names[Int(table[slot]) &- 1]
        if earlier.hash == name.hash, unsafe equal(earlier, name, lexer.base) {
          return name.token
        }
        slot = (slot &+ 1) & (slots &- 1)
      }
      unsafe table[slot] = UInt32(truncatingIfNeeded: index &+ 1)
    }
    return nil
  }

  /// Notes the names of an object with their hashes.
  private mutating func collect(
    _ tokens: UnsafePointer<JSONToken>, from first: Int, to end: Int, _ lexer: JSONLexer
  ) {
    count = 0
    unescapedCount = 0
    var key = first
    while key < end {
      let token = unsafe tokens[key]
      if count == capacity { growNames() }
      let length = Int(token.length)
      if token.flags.contains(.hasEscape) {
        let written = unescape(lexer, offset: Int(token.offset), length: length)
        unsafe names[count] = Name(
          hash: hash(UnsafeRawPointer(unescaped.advanced(by: unescapedCount)), written),
          length: UInt32(truncatingIfNeeded: written) | Self.unescapedMark,
          offset: UInt32(truncatingIfNeeded: unescapedCount), token: key)
        unescapedCount += written
      } else {
        unsafe names[count] = Name(
          hash: hash(lexer.base.advanced(by: Int(token.offset)), length), length: token.length,
          offset: token.offset, token: key)
      }
      count &+= 1
      key &+= 1 &+ Int(unsafe tokens[key &+ 1].extent)
    }
  }

  /// Undoes the escapes of a name behind the other unescaped ones; returns its length.
  @inline(never)
  private mutating func unescape(_ lexer: JSONLexer, offset: Int, length: Int) -> Int {
    if unescapedCount + length > unescapedCapacity {
      let room = max(unescapedCapacity * 2, unescapedCount + length)
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
      unsafe larger.update(from: unescaped, count: unescapedCount)
      unsafe unescaped.deallocate()
      unsafe unescaped = larger
      unescapedCapacity = room
    }
    return unsafe JSONEscapes.unescape(
      UnsafeRawBufferPointer(start: lexer.base.advanced(by: offset), count: length),
      into: unescaped.advanced(by: unescapedCount))
  }

  @inline(never)
  private mutating func growNames() {
    let larger = UnsafeMutablePointer<Name>.allocate(capacity: capacity * 2)
    unsafe larger.update(from: names, count: count)
    unsafe names.deallocate()
    unsafe names = larger
    capacity *= 2
  }

  // MARK: Bytes of names

  private func start(_ name: Name, _ source: UnsafeRawPointer) -> UnsafeRawPointer {
    let base =
      unsafe name.length & Self.unescapedMark == 0 ? source : UnsafeRawPointer(unescaped)
    return unsafe base.advanced(by: Int(name.offset))
  }

  private func equal(_ one: Name, _ other: Name, _ source: UnsafeRawPointer) -> Bool {
    let length = Int(one.length & ~Self.unescapedMark)
    guard length == Int(other.length & ~Self.unescapedMark) else { return false }
    let (left, right) = unsafe (start(one, source), start(other, source))
    var at = 0
    while at < length {
      if unsafe Self.word(left, at, length) != Self.word(right, at, length) { return false }
      at &+= 8
    }
    return true
  }

  /// A seeded multiply-and-fold over eight bytes at a time.
  @inline(__always)
  private func hash(_ bytes: UnsafeRawPointer, _ length: Int) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: length)
    var at = 0
    repeat {
      let product = unsafe (state ^ Self.word(bytes, at, length)).multipliedFullWidth(by: key)
      state = product.high ^ product.low
      at &+= 8
    } while at < length
    return state
  }

  /// Eight bytes of a text at `at`; the last word of a longer text overlaps the one before it, a
  /// shorter text has zeros behind.
  @inline(__always)
  private static func word(_ bytes: UnsafeRawPointer, _ at: Int, _ length: Int) -> UInt64 {
    if length >= 8 {
      return unsafe bytes.loadUnaligned(
        fromByteOffset: min(at, length &- 8), as: UInt64.self)
    }
    if length >= 4 {
      let low = unsafe bytes.loadUnaligned(as: UInt32.self)
      let high = unsafe bytes.loadUnaligned(fromByteOffset: length &- 4, as: UInt32.self)
      return UInt64(low) | UInt64(high) &<< 32
    }
    var word: UInt64 = 0
    for index in 0..<length {
      word |= UInt64(unsafe bytes.load(fromByteOffset: index, as: UInt8.self)) &<< (8 &* index)
    }
    return word
  }
}
