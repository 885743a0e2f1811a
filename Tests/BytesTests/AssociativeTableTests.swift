import Bytes
import Testing

@Suite struct AssociativeTableTests {
  /// A mark as its users make them: the same for the same number, and spread.
  private static func mark(_ number: UInt64) -> UInt64 {
    let product = (number + 1).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
    return product.high ^ product.low
  }

  @Test func `an item is found by its mark and its own look, changed and removed`() {
    var table = AssociativeTable<String>(capacity: 16)
    table.insert("one", 7)
    table.insert("two", 7)
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
    for number in 0..<UInt64(10_000) { table.insert(number, Self.mark(number)) }
    var crowd = [Int](repeating: 0, count: capacity / 8)
    for number in 0..<UInt64(10_000) {
      #expect(table.find(Self.mark(number)) { $0 == number } != nil, "\(number)")
      crowd[Int(Self.mark(number) % UInt64(crowd.count))] += 1
    }
    #expect(crowd.contains { $0 > 8 }, "there was nothing to overflow")
  }

  @Test(arguments: [0, 1, 16, 17, 100])
  func `it holds as many as it has room for and lets go what went unused for longest`(
    capacity: Int
  ) {
    var table = AssociativeTable<Int>(capacity: capacity)
    table.insert(-1, 0)
    for number in 0..<1_000 {
      // All of one mark, in one set: the favourite is always the one used last.
      table.insert(number, 0)
      #expect(table.find(0) { $0 == -1 } != nil)
    }
    #expect(table.count == 8)
    #expect(table.find(0) { $0 == 999 } != nil)
    #expect(table.find(0) { $0 == 0 } == nil)
    for number in 0..<1_000 { table.insert(number, Self.mark(UInt64(number))) }
    #expect(table.count <= max(16, 2 * capacity))
  }
}
