import Bytes

/// Finds the first rule that fits an event's type. Immutable; looking up allocates nothing and
/// costs one hash of the type and a comparison for each rule with a `*`.
struct EventTypeTable: Sendable {
  /// A type as it is, and its rule.
  private struct Exact: Sendable {
    let hash: UInt64
    let type: ByteSlice
    let rule: Int
  }

  /// Open addressing in a power of two, at most half full; -1 is free.
  private var slots: [Int32] = [-1]
  private var exact: [Exact] = []
  /// What stands before the `*`, in the order of the rules.
  private var prefixes: [(start: ByteSlice, rule: Int)] = []
  /// The rule for events that name no type.
  private var untyped: Int?

  /// - Parameters:
  ///   - types: of the rules, in their order.
  ///   - untyped: the type of events that name none.
  init(_ types: [ByteSlice], untyped: ByteSlice) {
    for (rule, type) in types.enumerated() {
      if !type.isEmpty, type[type.count - 1] == 0x2A {
        prefixes.append((type.prefix(type.count - 1), rule))
      } else if !exact.contains(where: { $0.type == type }) {
        exact.append(Exact(hash: Self.hash(type), type: type, rule: rule))
      }
    }
    var size = 4
    while size < exact.count * 2 { size *= 2 }
    slots = [Int32](repeating: -1, count: size)
    for (index, entry) in exact.enumerated() {
      var slot = Int(truncatingIfNeeded: entry.hash) & (size - 1)
      while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = Int32(index)
    }
    self.untyped = find(untyped)
  }

  func rule(for type: ByteSlice?) -> Int? {
    guard let type else { return untyped }
    return find(type)
  }

  private func find(_ type: ByteSlice) -> Int? {
    let named = exactRule(type)
    for (start, rule) in prefixes {
      if let named, named < rule { return named }
      if type.count >= start.count, type.prefix(start.count) == start { return rule }
    }
    return named
  }

  private func exactRule(_ type: ByteSlice) -> Int? {
    let hash = Self.hash(type)
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] >= 0 {
      let entry = exact[Int(slots[slot])]
      if entry.hash == hash, entry.type == type { return entry.rule }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// FNV-1a. Rules are the owner's own, at most `SchemaLimits.bindingRules`, so that a bad
  /// distribution costs its owner at most a walk over them.
  private static func hash(_ type: ByteSlice) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<type.count {
      hash = (hash ^ UInt64(type[index])) &* 0x100_0000_01B3
    }
    return hash ^ hash >> 32
  }
}
