/// Handshakes that are under way, in the order in which they began. Loop-confined.
struct HandshakeLine<Member: AnyObject> {
  private var members: [Int: Member] = [:]
  /// No number below it is in the line.
  private var first = 0
  private var next = 0

  var count: Int { members.count }

  /// - Returns: the number under which it stands.
  mutating func append(_ member: Member) -> Int {
    defer { next += 1 }
    members[next] = member
    return next
  }

  mutating func remove(_ number: Int) { members[number] = nil }

  /// Takes out the one that has been in it for longest. Each number is passed once.
  mutating func removeFirst() -> Member? {
    while first < next {
      defer { first += 1 }
      if let member = members.removeValue(forKey: first) { return member }
    }
    return nil
  }
}
