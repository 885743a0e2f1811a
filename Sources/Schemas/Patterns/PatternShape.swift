/// A pattern that needs no engine: a chain of character sets, each repeated, that one pass from the
/// left decides without ever stepping back. `^ord_[a-z0-9]{8,32}$`, `^x-` and `^[A-Z]{3}$` are
/// such, and with a last part that may be missing or repeated `^[A-Z]{2}-[0-9]+(-[A-Z])?$` and
/// `^[a-z]+(-[a-z]+)*$`.
struct PatternShape: Sendable {
  /// Where a chain lies in a program's links.
  struct Place: BitwiseCopyable, Sendable {
    var firstLink: UInt32 = 0
    var linkCount: UInt32 = 0
    var endsAtEnd = false
    /// What the text has to start with, at most eight bytes as a little-endian word: the links in
    /// front that take one character each.
    var literal: UInt64 = 0
    var literalLength: UInt32 = 0
    /// The link, counted from the first, that follows the last again; `.max` where none does.
    var repeatsFrom = UInt32.max
    /// False where the pattern needs the engine.
    var isChain = false
  }

  /// One link: between `minimum` and `maximum` code points of a set.
  struct Link: BitwiseCopyable, Sendable {
    var set: ASCIISet
    /// Whether the set holds every code point beyond ASCII, or none.
    var beyondASCII: Bool
    var minimum: UInt32
    /// `.max` is without bound.
    var maximum: UInt32
    /// Whether the text may end before the link.
    var mayBeMissing = false

    func isDisjoint(with other: Link) -> Bool {
      set.isDisjoint(with: other.set) && !(beyondASCII && other.beyondASCII)
    }
  }

  private(set) var links: [Link] = []
  private(set) var endsAtEnd = false
  private(set) var repeatsFrom = UInt32.max

  /// The chain that `tree` is, or nil where it needs an engine.
  init?(_ tree: PatternTree) {
    guard case .sequence(var items) = tree, case .start? = items.first else { return nil }
    items.removeFirst()
    if case .end? = items.last {
      endsAtEnd = true
      items.removeLast()
    }
    var tail: PatternTree?
    if endsAtEnd, case .repeated(.group, _, _, _)? = items.last { tail = items.removeLast() }
    for item in items {
      guard append(item) else { return nil }
    }
    if case .repeated(.group(let part, _), let minimum, let maximum, _)? = tail {
      guard appendTail(part, minimum, maximum) else { return nil }
    }
    guard isDeterministic else { return nil }
  }

  /// Adds one set, or a set that is repeated.
  private mutating func append(_ item: PatternTree) -> Bool {
    switch item {
    case .characters(let set): append(set, minimum: 1, maximum: 1)
    case .repeated(.characters(let set), let minimum, let maximum, _):
      append(set, minimum: minimum, maximum: maximum)
    default: false
    }
  }

  /// Adds a last part that may be there once, or any number of times, at least `minimum`.
  private mutating func appendTail(
    _ part: PatternTree, _ minimum: Int, _ maximum: Int?
  ) -> Bool {
    guard case .sequence(let items) = part, minimum <= 1,
      maximum == nil || (maximum == 1 && minimum == 0)
    else { return false }
    for _ in 0..<minimum {
      for item in items { guard append(item) else { return false } }
    }
    let first = links.count
    for item in items { guard append(item) else { return false } }
    // Its first set tells whether the part is there.
    guard first < links.count, links[first].minimum > 0 else { return false }
    links[first].mayBeMissing = true
    if maximum == nil { repeatsFrom = UInt32(first) }
    return true
  }

  private mutating func append(_ set: CharacterSet, minimum: Int, maximum: Int?) -> Bool {
    guard set.properties.isEmpty else { return false }
    let inside =
      set.negated
      ? CharacterSet.complement(set.ranges)
      : CharacterSet.complement(CharacterSet.complement(set.ranges))
    var link = Link(
      set: ASCIISet(), beyondASCII: false, minimum: UInt32(minimum),
      maximum: maximum.map(UInt32.init) ?? .max)
    for range in inside {
      if range.upperBound >= 0x80 {
        guard range.lowerBound <= 0x80, range.upperBound == CharacterSet.last else { return false }
        link.beyondASCII = true
      }
      if range.lowerBound < 0x80 {
        link.set.insert(UInt8(range.lowerBound)...UInt8(min(range.upperBound, 0x7F)))
      }
    }
    links.append(link)
    return true
  }

  /// Whether taking as many as possible at each link can never be wrong: what may follow a link of
  /// variable length holds none of its characters, so giving one back could not help.
  private var isDeterministic: Bool {
    for (index, link) in links.enumerated() where link.minimum != link.maximum {
      var followers = links[(index + 1)...]
      if repeatsFrom != .max { followers += links[Int(repeatsFrom)...] }
      for follower in followers {
        guard link.isDisjoint(with: follower) else { return false }
        if follower.minimum > 0 { break }
      }
    }
    return true
  }

  /// The chain's place where its first link is row `firstLink` of a table.
  func place(at firstLink: UInt32) -> Place {
    var place = Place(
      firstLink: firstLink, linkCount: UInt32(links.count), endsAtEnd: endsAtEnd,
      repeatsFrom: repeatsFrom, isChain: true)
    for (index, byte) in literal.enumerated() {
      place.literal |= UInt64(byte) << (8 * index)
      place.literalLength += 1
    }
    return place
  }

  /// The characters that the links in front take alone, at most eight.
  private var literal: [UInt8] {
    var literal: [UInt8] = []
    for (index, link) in links.prefix(8).enumerated() {
      guard link.minimum == 1, link.maximum == 1, !link.beyondASCII, !link.mayBeMissing,
        repeatsFrom == .max || index < repeatsFrom, let character = link.set.single
      else { break }
      literal.append(character)
    }
    return literal
  }

  /// Whether `text`, well-formed UTF-8, matches the chain at `place` among a program's links.
  ///
  /// A unit of fuel, and one for each link that is looked at; void once it is below 0.
  static func matches(
    _ text: Span<UInt8>, links: borrowing VerifiedTable<Link>, place: Place, fuel: inout Int
  ) -> Bool {
    var index = 0
    var position: UInt32 = 0
    fuel &-= 1
    if place.literalLength > 0 {
      index = Int(place.literalLength)
      position = place.literalLength
      guard text.count >= index,
        NameTable.word(text.raw, at: 0, count: index) == place.literal
      else { return false }
    }
    while true {
      while position < place.linkCount {
        fuel &-= 1
        let link = links[place.firstLink &+ position]
        if link.mayBeMissing, index == text.count { return true }
        guard let end = link.end(in: text, from: index) else { return false }
        index = end
        position &+= 1
      }
      if !place.endsAtEnd || index == text.count { return true }
      guard place.repeatsFrom != UInt32.max, fuel >= 0 else { return false }
      position = place.repeatsFrom
    }
  }
}

extension PatternShape.Link {
  /// Where the characters end that the link takes from `start` on, or nil where they are too few.
  @inline(__always)
  fileprivate func end(in text: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    let most = UInt32(truncatingIfNeeded: min(text.count &- start, Int(maximum)))
    if beyondASCII {
      var taken: UInt32 = 0
      while taken < most, index < text.count {
        let byte = text[index]
        if byte < 0x80 {
          guard set.contains(byte) else { break }
          index &+= 1
        } else {
          index &+= byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        }
        taken &+= 1
      }
      return taken >= minimum ? index : nil
    }
    let end = start &+ Int(most)
    // SAFETY: `end` is at most the text's.
    while index < end, set.contains(unsafe text[unchecked: index]) { index &+= 1 }
    return index &- start >= Int(minimum) ? index : nil
  }
}
