/// A bounded table of what may be forgotten: a set-associative cache. An item is found by a hash, a
/// number as good as random, and by a look at those that have 32 bits of it in common.
///
/// An item has up to sixteen places in two sets, each chosen by one half of its hash; when all are
/// taken, the newcomer takes that of the item which went unused for longest. Two sets, and not one
/// twice as large: of many sets that are a third full on average some overflow, and what shares one
/// would throw itself out as long as it takes turns.
///
/// Has one owner. Takes its memory at once: the size of an item and 8 bytes for each.
public struct AssociativeTable<Item> {
  /// What is looked at of those that are not wanted: small, so that the tags of a set are one or
  /// two lines of a processor's cache.
  @usableFromInline
  struct Tag {
    /// The bits of the hash from the 16th to the 47th.
    @usableFromInline var hash: UInt32 = 0
    /// The lookup that found it last; 0 where nothing is. The number of lookups begins again after
    /// 2³² of them: what went unused for as long may then pass for younger than it is.
    @usableFromInline var lastUse: UInt32 = 0

    @usableFromInline init() {}
  }

  /// Places of a set.
  @usableFromInline static var ways: Int { 8 }

  @usableFromInline var tags: [Tag]
  @usableFromInline var items: [Item?]
  @usableFromInline let setMask: UInt64
  @usableFromInline var lookups: UInt32 = 1
  /// Where `tidy` goes on.
  private var hand = 0
  /// How many items there are.
  public private(set) var count = 0

  /// Places for at least `capacity` items, rounded up to a power of two, and 16 at least.
  public init(capacity: Int) {
    var sets = 2
    while sets * Self.ways < capacity { sets *= 2 }
    tags = Array(repeating: Tag(), count: sets * Self.ways)
    items = Array(repeating: nil, count: sets * Self.ways)
    setMask = UInt64(sets - 1)
  }

  /// Where the item of this hash is that `isWanted`; nil if there is none. Counts as its use.
  ///
  /// - Returns: its index, good until the table is changed.
  @inlinable
  public mutating func find(_ hash: UInt64, where isWanted: (Item) -> Bool) -> Int? {
    lookups = max(lookups &+ 1, 1)
    guard
      let index = search(first(hash), hash, isWanted) ?? search(second(hash), hash, isWanted)
    else { return nil }
    tags[index].lastUse = lookups
    return index
  }

  /// The item at an index that `find` has given.
  @inlinable
  public subscript(index: Int) -> Item {
    get {
      guard let item = items[index] else { preconditionFailure("nothing is there") }
      return item
    }
    set { items[index] = newValue }
  }

  /// Takes an item; in place of the one of the same hash that `isSame`, if it is there.
  public mutating func put(_ item: Item, _ hash: UInt64, replacing isSame: (Item) -> Bool) {
    if let index = find(hash, where: isSame) {
      items[index] = item
    } else {
      insert(item, hash)
    }
  }

  private mutating func insert(_ item: Item, _ hash: UInt64) {
    var chosen = first(hash)
    for start in [first(hash), second(hash)] where tags[chosen].lastUse > 0 {
      for index in start..<(start + Self.ways) where age(of: index) > age(of: chosen) {
        chosen = index
      }
    }
    if tags[chosen].lastUse == 0 { count += 1 }
    tags[chosen].hash = Self.tag(of: hash)
    tags[chosen].lastUse = lookups
    items[chosen] = item
  }

  /// Changes the item at an index that `find` has given, where it is.
  @inlinable
  public mutating func update<Result>(
    at index: Int, _ change: (inout Item) -> Result
  ) -> Result {
    guard var item = items[index].take() else { preconditionFailure("nothing is there") }
    defer { items[index] = item }
    return change(&item)
  }

  /// For how many lookups it has gone unused; a place where nothing is counts as older than all.
  private func age(of index: Int) -> UInt32 {
    tags[index].lastUse == 0 ? .max : lookups &- tags[index].lastUse
  }

  /// Forgets the item at an index that `find` has given.
  public mutating func remove(at index: Int) {
    if tags[index].lastUse > 0 { count -= 1 }
    tags[index] = Tag()
    items[index] = nil
  }

  /// Looks at the next `places`, in turn with those of later calls, and forgets what `isOver`.
  public mutating func tidy(_ places: Int, where isOver: (Item) -> Bool) {
    for _ in 0..<places {
      if let item = items[hand], isOver(item) { remove(at: hand) }
      hand = (hand + 1) % items.count
    }
  }

  public mutating func removeAll() {
    for index in items.indices { remove(at: index) }
  }

  @inlinable
  func search(_ start: Int, _ hash: UInt64, _ isWanted: (Item) -> Bool) -> Int? {
    let tag = Self.tag(of: hash)
    for index in start..<(start &+ Self.ways) where tags[index].hash == tag {
      if let item = items[index], isWanted(item) { return index }
    }
    return nil
  }

  @inlinable
  static func tag(of hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 16) }

  @inlinable
  func first(_ hash: UInt64) -> Int { Int(hash & setMask) &* Self.ways }

  @inlinable
  func second(_ hash: UInt64) -> Int { Int(hash >> 32 & setMask) &* Self.ways }
}

extension UInt64 {
  /// The number with its bits spread, so that those that differ in few bits differ in many.
  public var spread: UInt64 {
    let product = multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }
}
