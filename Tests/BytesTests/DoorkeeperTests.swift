import Bytes
import Testing

@Suite struct DoorkeeperTests {
  @Test func `what comes for the second time is known, and little else`() {
    var doorkeeper = Doorkeeper(capacity: 1_000)
    var mistaken = 0
    for number in 0..<UInt64(1_000) where doorkeeper.hasSeen(number.spread) { mistaken += 1 }
    #expect(mistaken < 50)
    for number in 0..<UInt64(1_000) {
      let isKnown = doorkeeper.hasSeen(number.spread)
      #expect(isKnown, "\(number)")
    }
  }

  @Test func `of more than it tells apart it forgets all, and counts anew`() {
    var doorkeeper = Doorkeeper(capacity: 64)
    // A cache of as many places would keep none of these either: they come round too late.
    var known = 0
    for _ in 0..<10 {
      for number in 0..<UInt64(1_000) where doorkeeper.hasSeen(number.spread) { known += 1 }
    }
    #expect(known < 1_000)
    let isKnown = doorkeeper.hasSeen(UInt64(999).spread)
    #expect(isKnown)
  }

  @Test(arguments: [0, 1, 64, 65])
  func `every capacity has room for one`(capacity: Int) {
    var doorkeeper = Doorkeeper(capacity: capacity)
    for hash: UInt64 in [0, .max, 1 << 32, 7] {
      _ = doorkeeper.hasSeen(hash)
      let isKnown = doorkeeper.hasSeen(hash)
      #expect(isKnown)
    }
  }
}
