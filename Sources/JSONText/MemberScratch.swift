import Bytes

/// The member names of the objects that are open, to find one that is there twice.
///
/// Names lie in one stack: those of inner objects above those of outer ones, dropped as objects
/// close. Up to 16 names are compared pairwise by their first eight bytes and length; more go
/// through a hash table whose seed differs from process to process, so that nobody can choose names
/// that collide. Memory is kept for the next text.
///
/// SAFETY: a bundle of pointers owned by one `JSONParser`, which frees them; `source` is borrowed
/// for one parse. Entries below `count` are initialised.
@safe struct MemberScratch: BitwiseCopyable {
  /// One member name of an open object.
  struct Name: BitwiseCopyable {
    /// First eight bytes of the unescaped name, zeros behind a shorter one.
    let prefix: UInt64
    /// Length of the unescaped name; the top bit says that it lies among the unescaped names.
    let length: UInt32
    /// Where the name starts in the source or among the unescaped names.
    let offset: UInt32
    /// Index of the key's token.
    let token: UInt32
  }

  private static let unescapedMark: UInt32 = 0x8000_0000
  /// Above this many names an object is checked by hashing.
  private static let pairwiseNames = 16

  private(set) var names: UnsafeMutablePointer<Name>
  private(set) var count = 0
  private var capacity: Int
  private var unescaped: UnsafeMutablePointer<UInt8>
  private var unescapedCount = 0
  private var unescapedCapacity: Int
  private var table: UnsafeMutablePointer<UInt32>
  private var tableCapacity: Int
  private let seed: UInt64

  init(seed: UInt64) {
    self.seed = seed
    capacity = 128
    unescapedCapacity = 256
    tableCapacity = 64
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

  mutating func reset() {
    count = 0
    unescapedCount = 0
  }

  /// Forgets the names above the first `base`.
  @inline(__always)
  mutating func drop(to base: Int) { count = base }

  /// Notes a name without escapes that lies in the source.
  @inline(__always)
  mutating func add(_ lexer: JSONLexer, offset: Int, length: Int, token: Int) {
    let prefix: UInt64
    if offset &+ 8 <= lexer.end {
      let word = unsafe lexer.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let short = UInt64(truncatingIfNeeded: max(0, 8 &- length)) &* 8
      prefix = UInt64(littleEndian: word) << short
    } else {
      prefix = unsafe Self.prefix(lexer.base.advanced(by: offset), length)
    }
    push(
      Name(
        prefix: prefix, length: UInt32(truncatingIfNeeded: length),
        offset: UInt32(truncatingIfNeeded: offset), token: UInt32(truncatingIfNeeded: token)))
  }

  /// Notes a name with escapes: its unescaped form is kept until the parse ends.
  @inline(never)
  mutating func addEscaped(_ lexer: JSONLexer, offset: Int, length: Int, token: Int) {
    if unescapedCount + length > unescapedCapacity {
      let room = max(unescapedCapacity * 2, unescapedCount + length)
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
      unsafe larger.update(from: unescaped, count: unescapedCount)
      unsafe unescaped.deallocate()
      unsafe unescaped = larger
      unescapedCapacity = room
    }
    let target = unsafe unescaped.advanced(by: unescapedCount)
    let written = unsafe JSONEscapes.unescape(
      UnsafeRawBufferPointer(start: lexer.base.advanced(by: offset), count: length), into: target)
    push(
      Name(
        prefix: unsafe Self.prefix(UnsafeRawPointer(target), written),
        length: UInt32(truncatingIfNeeded: written) | Self.unescapedMark,
        offset: UInt32(truncatingIfNeeded: unescapedCount),
        token: UInt32(truncatingIfNeeded: token)))
    unescapedCount += written
  }

  @inline(__always)
  private mutating func push(_ name: Name) {
    if count == capacity { growNames() }
    unsafe names[count] = name
    count &+= 1
  }

  @inline(never)
  private mutating func growNames() {
    let larger = UnsafeMutablePointer<Name>.allocate(capacity: capacity * 2)
    unsafe larger.update(from: names, count: count)
    unsafe names.deallocate()
    unsafe names = larger
    capacity *= 2
  }

  /// The token of a name that is there twice among those from `base` up, or nil.
  @inline(__always)
  mutating func duplicate(from base: Int, _ source: UnsafeRawPointer) -> UInt32? {
    let members = count &- base
    if members < 2 { return nil }
    if members > Self.pairwiseNames { return unsafe hashedDuplicate(from: base, source) }
    var later = base &+ 1
    while later < count {
      let prefix = unsafe names[later].prefix
      var earlier = base
      while earlier < later {
        if unsafe names[earlier].prefix == prefix, unsafe equal(earlier, later, source) {
          return unsafe names[later].token
        }
        earlier &+= 1
      }
      later &+= 1
    }
    return nil
  }

  @inline(never)
  private mutating func hashedDuplicate(from base: Int, _ source: UnsafeRawPointer) -> UInt32? {
    var slots = 64
    while slots < (count - base) * 2 { slots *= 2 }
    if slots > tableCapacity {
      unsafe table.deallocate()
      unsafe table = .allocate(capacity: slots)
      tableCapacity = slots
    }
    unsafe table.update(repeating: 0, count: slots)
    for index in base..<count {
      var slot = Int(truncatingIfNeeded: unsafe hash(index, source)) & (slots - 1)
      while unsafe table[slot] != 0 {
        if unsafe equal(Int(table[slot]) - 1, index, source) { return unsafe names[index].token }
        slot = (slot + 1) & (slots - 1)
      }
      unsafe table[slot] = UInt32(truncatingIfNeeded: index + 1)
    }
    return nil
  }

  // MARK: Bytes of names

  @inline(__always)
  private func start(_ name: Name, _ source: UnsafeRawPointer) -> UnsafeRawPointer {
    let base =
      unsafe name.length & Self.unescapedMark == 0 ? source : UnsafeRawPointer(unescaped)
    return unsafe base.advanced(by: Int(name.offset))
  }

  @inline(__always)
  private func equal(_ left: Int, _ right: Int, _ source: UnsafeRawPointer) -> Bool {
    let (one, other) = unsafe (names[left], names[right])
    let length = Int(one.length & ~Self.unescapedMark)
    guard one.prefix == other.prefix, length == Int(other.length & ~Self.unescapedMark) else {
      return false
    }
    if length <= 8 { return true }
    return unsafe Self.same(start(one, source), start(other, source), length)
  }

  private static func same(
    _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ count: Int
  ) -> Bool {
    var at = 8
    while at < count {
      // The last word overlaps the one before it: names longer than eight bytes only.
      let step = min(at, count - 8)
      if unsafe left.loadUnaligned(fromByteOffset: step, as: UInt64.self)
        != right.loadUnaligned(fromByteOffset: step, as: UInt64.self)
      {
        return false
      }
      at += 8
    }
    return true
  }

  /// A seeded multiply-and-fold over eight bytes at a time.
  private func hash(_ index: Int, _ source: UnsafeRawPointer) -> UInt64 {
    let name = unsafe names[index]
    let length = Int(name.length & ~Self.unescapedMark)
    let key = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var state = Self.fold(name.prefix ^ seed, UInt64(truncatingIfNeeded: length) &<< 1 ^ key)
    if length > 8 {
      let bytes = unsafe start(name, source)
      var at = 8
      while at < length {
        let step = min(at, length - 8)
        state = unsafe Self.fold(
          state ^ bytes.loadUnaligned(fromByteOffset: step, as: UInt64.self), key)
        at += 8
      }
    }
    return state
  }

  @inline(__always)
  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }

  /// The first bytes as the fast path in `add` would shift them.
  private static func prefix(_ bytes: UnsafeRawPointer, _ length: Int) -> UInt64 {
    var prefix: UInt64 = 0
    for index in 0..<min(length, 8) {
      prefix |= UInt64(unsafe bytes.load(fromByteOffset: index, as: UInt8.self)) << (8 * index)
    }
    return prefix << UInt64(8 * max(0, 8 - length))
  }
}
