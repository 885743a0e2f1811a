import Bytes

/// A small hash table from member names to schemas, made at compile time and read by every event.
///
/// Names are told apart by their first eight bytes and their length, then by the rest. Of small
/// tables a multiplier is searched for which no two names share a slot, so that a lookup is one
/// probe; of large ones one with short rows of names that do. All bytes of a name are mixed under
/// the multiplier, so that nobody can choose names that share a slot under each.
struct NameTable: BitwiseCopyable, Sendable {
  /// The table's first slot in the program.
  let firstSlot: UInt32
  /// Slots less one; the slots are a power of two.
  let mask: UInt32
  let multiplier: UInt64

  /// What finding a name costs because the table does not lie in the nearest cache.
  @inline(__always)
  var distance: Int { Int(min(12, mask &>> 13)) }

  /// A name and what the program knows about it.
  struct Slot: BitwiseCopyable, Sendable {
    /// The first eight bytes, little-endian, zero where the name is shorter.
    var prefix: UInt64 = 0
    /// The second eight bytes of a name of more than sixteen, else zero.
    var middle: UInt64 = 0
    /// The last eight bytes of a name of more than eight, else zero.
    var suffix: UInt64 = 0
    /// Length in bytes; `.max` marks a free slot.
    var length: UInt32 = .max
    /// Where the whole name starts in the program's names.
    var nameOffset: UInt32 = 0
    /// The schema of the member, or `ProgramNode.none`.
    var schema: UInt32 = ProgramNode.none
    /// 1 where the member is required. In a value table both are a range: its first and its count.
    var required: UInt32 = 0

    /// Whether two names of at most `shortReach` bytes are the same.
    @inline(__always)
    func isAlike(_ other: Slot) -> Bool {
      prefix == other.prefix && length == other.length && suffix == other.suffix
        && middle == other.middle
    }
  }

  /// The first `count` bytes at `offset`, at most eight, as a little-endian word.
  @inline(__always)
  static func word(_ bytes: RawSpan, at offset: Int, count: Int) -> UInt64 {
    if offset &+ 8 <= bytes.byteCount {
      // SAFETY: a load of plain bytes below the span's end; offsets are never negative.
      let word = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: offset, as: UInt64.self)
      return count >= 8 ? word : word & ((1 &<< UInt64(count &* 8)) &- 1)
    }
    return shortWord(bytes, at: offset, count: count)
  }

  /// The same where fewer than eight bytes follow.
  @inline(never)
  private static func shortWord(_ bytes: RawSpan, at offset: Int, count: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<min(count, 8) {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset + index, as: UInt8.self)
      word |= UInt64(byte) &<< UInt64(index &* 8)
    }
    return word
  }

  /// The hash of a name of at most sixteen bytes: where a probe for it starts.
  @inline(__always)
  static func hash(prefix: UInt64, suffix: UInt64, length: Int, multiplier: UInt64) -> UInt64 {
    let turned = multiplier &>> 32 | multiplier &<< 32
    let product = (prefix ^ multiplier).multipliedFullWidth(
      by: suffix ^ turned ^ UInt64(truncatingIfNeeded: length))
    return product.high ^ product.low
  }

  /// The hash of a longer name: eight bytes more, of those between its ends, are mixed in.
  @inline(__always)
  static func hash(_ hash: UInt64, with word: UInt64, multiplier: UInt64) -> UInt64 {
    let product = (hash ^ word).multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }

  /// The hash of the name of `count` bytes at `offset`.
  static func hash(
    _ bytes: RawSpan, at offset: Int, count: Int, multiplier: UInt64
  ) -> UInt64 {
    let prefix = word(bytes, at: offset, count: count)
    let suffix = count > 8 ? word(bytes, at: offset &+ count &- 8, count: 8) : 0
    var hash = hash(prefix: prefix, suffix: suffix, length: count, multiplier: multiplier)
    var done = 8
    while done < count &- 8 {
      hash = self.hash(
        hash, with: word(bytes, at: offset &+ done, count: 8), multiplier: multiplier)
      done &+= 8
    }
    return hash
  }

  /// Bytes that `findShort` may read behind the start of a name.
  static let shortReach = 24

  /// The index of the slot of a name of at most `shortReach` bytes, or nil. As many bytes must
  /// follow `offset`, whatever the name's length. Costs a unit of fuel for each probe behind the
  /// first; void once it is below 0.
  @inline(__always)
  func findShort(
    _ bytes: RawSpan, at offset: Int, count: Int, slots: borrowing VerifiedTable<Slot>,
    fuel: inout Int
  ) -> UInt32? {
    // SAFETY: loads below `offset + shortReach`, which the caller has compared with the end.
    func load(_ offset: Int) -> UInt64 {
      unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
    }
    // In two steps, so that nothing is left of a name without bytes; and without a branch, since
    // nobody can foresee which names are short.
    let missing = UInt64(truncatingIfNeeded: 4 &* max(0, 8 &- count))
    var sought = Slot()
    sought.length = UInt32(truncatingIfNeeded: count)
    sought.prefix = load(offset) & ((UInt64.max &>> missing) &>> missing)
    if count > 8 { sought.suffix = load(offset &+ count &- 8) }
    var hash = Self.hash(
      prefix: sought.prefix, suffix: sought.suffix, length: count, multiplier: multiplier)
    if count > 16 {
      sought.middle = load(offset &+ 8)
      hash = Self.hash(hash, with: sought.middle, multiplier: multiplier)
    }
    let index = firstSlot &+ UInt32(truncatingIfNeeded: hash) & mask
    let slot = slots[index]
    if slot.isAlike(sought) { return index }
    if slot.length == UInt32.max { return nil }
    return findBehind(index, sought, slots: slots, fuel: &fuel)
  }

  /// Goes on behind the slot at `index`, which another name has.
  @inline(never)
  private func findBehind(
    _ index: UInt32, _ sought: Slot, slots: borrowing VerifiedTable<Slot>, fuel: inout Int
  ) -> UInt32? {
    var index = index
    while true {
      index = next(index)
      fuel &-= 1
      let slot = slots[index]
      if slot.length == UInt32.max || fuel < 0 { return nil }
      if slot.isAlike(sought) { return index }
    }
  }

  @inline(__always)
  private func next(_ index: UInt32) -> UInt32 { firstSlot &+ (index &- firstSlot &+ 1) & mask }

  /// The index of the slot of the name that lies in `bytes` at `offset`, or nil. The same fuel.
  func find(
    _ bytes: RawSpan, at offset: Int, count: Int, slots: borrowing VerifiedTable<Slot>,
    names: RawSpan, fuel: inout Int
  ) -> UInt32? {
    let prefix = Self.word(bytes, at: offset, count: count)
    let suffix = count > 8 ? Self.word(bytes, at: offset &+ count &- 8, count: 8) : 0
    let hash = Self.hash(bytes, at: offset, count: count, multiplier: multiplier)
    var index = firstSlot &+ UInt32(truncatingIfNeeded: hash) & mask
    while true {
      let slot = slots[index]
      if slot.length == UInt32.max || fuel < 0 { return nil }
      if slot.prefix == prefix, slot.length == UInt32(truncatingIfNeeded: count),
        slot.suffix == suffix,
        count <= 16
          || Self.equal(bytes, offset &+ 8, names, Int(slot.nameOffset) &+ 8, count &- 16)
      {
        return index
      }
      index = next(index)
      fuel &-= 1 &+ count &>> 6
    }
  }

  private static func equal(
    _ left: RawSpan, _ leftOffset: Int, _ right: RawSpan, _ rightOffset: Int, _ count: Int
  ) -> Bool {
    var done = 0
    while done < count {
      let step = min(8, count &- done)
      guard
        word(left, at: leftOffset &+ done, count: step)
          == word(right, at: rightOffset &+ done, count: step)
      else { return false }
      done &+= step
    }
    return true
  }
}

extension NameTable {
  /// A name to be put into a table.
  struct Entry {
    let name: ByteSlice
    var schema = ProgramNode.none
    var required: UInt32 = 0
  }

  /// Makes a table of `entries`, whose names differ; its slots and names are appended.
  static func make(
    _ entries: [Entry], slots: inout [Slot], names: inout [UInt8]
  ) -> NameTable {
    var filled: [Slot] = []
    for entry in entries {
      var slot = Slot()
      slot.length = UInt32(entry.name.count)
      slot.prefix = word(entry.name.span.raw, at: 0, count: entry.name.count)
      if entry.name.count > 8 {
        slot.suffix = word(entry.name.span.raw, at: entry.name.count - 8, count: 8)
      }
      if entry.name.count > 16 { slot.middle = word(entry.name.span.raw, at: 8, count: 8) }
      slot.nameOffset = UInt32(names.count)
      slot.schema = entry.schema
      slot.required = entry.required
      names += entry.name.array
      filled.append(slot)
    }
    var capacity = 2
    while capacity < 2 * entries.count { capacity *= 2 }
    // Beyond some hundred names there is no multiplier without collisions.
    var longest = entries.count <= mostWithoutCollisions ? 1 : mostProbes
    let largest = 4 * capacity
    var multiplier = firstMultiplier
    while true {
      for _ in 0..<32 {
        multiplier = multiplier &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
        if let table = arrange(
          entries, filled, capacity: capacity, multiplier: multiplier | 1, upTo: longest)
        {
          return append(table, multiplier: multiplier | 1, to: &slots)
        }
      }
      if capacity < largest { capacity *= 2 } else { longest = .max }
    }
  }

  private static let firstMultiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
  /// Names of a table in which each has a slot of its own.
  private static let mostWithoutCollisions = 128
  /// Slots in a row that a name of a larger table is looked for in; chance takes some half of it.
  private static let mostProbes = 128

  private static func append(
    _ table: [Slot], multiplier: UInt64, to slots: inout [Slot]
  ) -> NameTable {
    defer { slots += table }
    return NameTable(
      firstSlot: UInt32(slots.count), mask: UInt32(table.count - 1), multiplier: multiplier)
  }

  /// The slots under a multiplier; nil where a name takes more than `longest` probes.
  private static func arrange(
    _ entries: [Entry], _ filled: [Slot], capacity: Int, multiplier: UInt64, upTo longest: Int
  ) -> [Slot]? {
    var table = [Slot](repeating: Slot(), count: capacity)
    for (entry, slot) in zip(entries, filled) {
      let name = entry.name.span
      let hash = hash(name.raw, at: 0, count: name.count, multiplier: multiplier)
      var position = Int(hash & UInt64(capacity - 1))
      var probes = 1
      while table[position].length != .max {
        probes += 1
        guard probes <= longest else { return nil }
        position = (position + 1) & (capacity - 1)
      }
      table[position] = slot
    }
    return table
  }
}

extension Span<UInt8> {
  /// The same bytes for loads of whole words.
  var raw: RawSpan {
    @inline(__always) @_lifetime(copy self)
    get {
      // SAFETY: bytes have no padding, and the span's lifetime and bounds go along.
      unsafe bytes
    }
  }
}
