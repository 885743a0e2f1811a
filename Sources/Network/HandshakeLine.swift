/// Handshakes that are under way, in the order in which they began: a chain of numbers, so that no
/// step takes longer for those that have come and gone. Loop-confined.
struct HandshakeLine<Member: AnyObject> {
  private struct Place {
    let member: Member
    /// The numbers of those that stand beside it.
    var before: Int?
    var after: Int?
  }

  private var places: [Int: Place] = [:]
  private var first: Int?
  private var last: Int?
  private var next = 0

  var count: Int { places.count }

  /// - Returns: the number under which it stands.
  mutating func append(_ member: Member) -> Int {
    let number = next
    next += 1
    places[number] = Place(member: member, before: last, after: nil)
    if let last { places[last]?.after = number } else { first = number }
    last = number
    return number
  }

  /// Takes one out; nothing for one that is not in it any more.
  mutating func remove(_ number: Int) { _ = take(number) }

  /// Takes out the one that has been in it for longest.
  mutating func removeFirst() -> Member? {
    guard let first else { return nil }
    return take(first)
  }

  private mutating func take(_ number: Int) -> Member? {
    guard let place = places.removeValue(forKey: number) else { return nil }
    let (before, after) = (place.before, place.after)
    if let before { places[before]?.after = after } else { first = after }
    if let after { places[after]?.before = before } else { last = before }
    return place.member
  }
}
