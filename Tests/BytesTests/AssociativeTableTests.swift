import Testing

@testable import Bytes

@Suite struct AssociativeTableTests {
  @Test func `an item is found by its hash and its own look, changed and removed`() {
    var table = AssociativeTable<String>(capacity: 16)
    #expect(table.find(0) { _ in true } == nil, "nothing is there yet, and no hash is 0 either")
    for name in ["one", "two", "one", "two"] { table.put(name, 7) { $0 == name } }
    #expect(table.count == 2)
    #expect(table.find(8) { _ in true } == nil)
    #expect(table.find(7) { $0 == "three" } == nil)
    guard let index = table.find(7, where: { $0 == "two" }) else {
      Issue.record("it is there")
      return
    }
    table[index] = "other"
    #expect(table.find(7) { $0 == "two" } == nil)
    #expect(table.find(7) { $0 == "other" } == index)
    table.remove(at: index)
    table.remove(at: index)
    #expect(table.count == 1)
    #expect(table.find(7) { $0 == "other" } == nil)
    table.removeAll()
    #expect(table.count == 0)
    #expect(table.find(7) { $0 == "one" } == nil)
  }

  @Test func `a table a third full loses nothing, though some of its sets overflow`() {
    let capacity = 32_768
    var table = AssociativeTable<UInt64>(capacity: capacity)
    for number in 0..<UInt64(10_000) { table.put(number, number.spread) { $0 == number } }
    var crowd = [Int](repeating: 0, count: capacity / 8)
    for number in 0..<UInt64(10_000) {
      #expect(table.find(number.spread) { $0 == number } != nil, "\(number)")
      crowd[Int(number.spread % UInt64(crowd.count))] += 1
    }
    #expect(crowd.contains { $0 > 8 }, "there was nothing to overflow")
  }

  @Test(arguments: [0, 1, 16, 17, 100])
  func `it holds as many as it has room for and lets go what went unused for longest`(
    capacity: Int
  ) {
    var table = AssociativeTable<Int>(capacity: capacity)
    for number in -1..<1_000 {
      // All of one hash, in one set: the favourite is always the one used last.
      table.put(number, 0) { $0 == number }
      #expect(table.find(0) { $0 == -1 } != nil)
    }
    #expect(table.count == 8)
    #expect(table.find(0) { $0 == 999 } != nil)
    #expect(table.find(0) { $0 == 0 } == nil)
    for number in 0..<4_000 { table.put(number, UInt64(number).spread) { $0 == number } }
    #expect(table.count == [0: 16, 1: 16, 16: 16, 17: 32, 100: 128][capacity])
    #expect(table.find(UInt64(3_999).spread) { $0 == 3_999 } != nil)
  }

  @Test func `what is used stays when the count of lookups begins again`() {
    var table = AssociativeTable<Int>(capacity: 16)
    table.put(-1, 0) { $0 == -1 }
    table.lookups = .max - 20
    #expect(table.find(0) { $0 == -1 } != nil)
    for number in 0..<100 {
      table.put(number, 0) { $0 == number }
      #expect(table.find(0) { $0 == -1 } != nil, "\(number)")
      #expect(table.find(0) { $0 == number } != nil, "\(number)")
    }
    #expect(table.count == 8)
  }

  @Test func `what is over is forgotten, some places at a time`() {
    var table = AssociativeTable<Int>(capacity: 64)
    for number in 0..<40 { table.put(number, UInt64(number).spread) { $0 == number } }
    var looked = 0
    for _ in 0..<8 {
      table.tidy(8) { number in
        looked += 1
        return number % 2 == 1
      }
    }
    #expect(looked == 40 && table.count == 20)
    for number in 0..<40 {
      #expect((table.find(UInt64(number).spread) { $0 == number } != nil) == (number % 2 == 0))
    }
  }

  @Test func `of one hash with two different halves sixteen are remembered`() {
    var table = AssociativeTable<Int>(capacity: 1_024)
    let hash: UInt64 = 5 << 32 | 9
    for number in 0..<20 { table.put(number, hash) { $0 == number } }
    #expect(table.count == 16)
    for number in 4..<20 {
      guard let index = table.find(hash, where: { $0 == number }) else {
        Issue.record("\(number) is there")
        continue
      }
      table.remove(at: index)
    }
    #expect(table.count == 0)
  }
}
