/// A pattern that needs no engine: a chain of character sets, each repeated, that one pass from the
/// left decides without ever stepping back. `^ord_[a-z0-9]{8,32}$`, `^x-` and `^[A-Z]{3}$` are
/// such.
struct PatternShape: Sendable {
  /// Where a chain lies in a program's links.
  struct Place: BitwiseCopyable, Sendable {
    var firstLink: UInt32 = 0
    var linkCount: UInt32 = 0
    var endsAtEnd = false
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

    func isDisjoint(with other: Link) -> Bool {
      set.isDisjoint(with: other.set) && !(beyondASCII && other.beyondASCII)
    }
  }

  private(set) var links: [Link] = []
  private(set) var endsAtEnd = false

  /// The chain that `tree` is, or nil where it needs an engine.
  init?(_ tree: PatternTree) {
    guard case .sequence(let items) = tree, case .start? = items.first else { return nil }
    for (index, item) in items.enumerated().dropFirst() {
      switch item {
      case .characters(let set):
        guard append(set, minimum: 1, maximum: 1) else { return nil }
      case .repeated(.characters(let set), let minimum, let maximum, _):
        guard append(set, minimum: minimum, maximum: maximum) else { return nil }
      case .end where index == items.count - 1: endsAtEnd = true
      default: return nil
      }
    }
    guard isDeterministic else { return nil }
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
      for follower in links[(index + 1)...] {
        guard link.isDisjoint(with: follower) else { return false }
        if follower.minimum > 0 { break }
      }
    }
    return true
  }

  /// Whether `text`, well-formed UTF-8, matches the chain at `place` among a program's links.
  static func matches(_ text: Span<UInt8>, links: Span<Link>, place: Place) -> Bool {
    var index = 0
    for position in 0..<Int(place.linkCount) {
      let link = links[Int(place.firstLink) &+ position]
      var taken: UInt32 = 0
      while taken < link.maximum, index < text.count {
        let byte = text[index]
        if byte < 0x80 {
          guard link.set.contains(byte) else { break }
          index &+= 1
        } else {
          guard link.beyondASCII else { break }
          index &+= byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        }
        taken &+= 1
      }
      guard taken >= link.minimum else { return false }
    }
    return !place.endsAtEnd || index == text.count
  }
}
