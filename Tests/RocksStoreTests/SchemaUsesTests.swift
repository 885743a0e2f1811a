import Testing

@testable import RocksStore

@Suite("Which events may name which version of a schema") struct SchemaUsesTests {
  @Test func `a version that is gone is named by nothing that comes later`() {
    var uses = SchemaUses(lastVersion: 3, end: 10, deleted: [:])
    #expect(!uses.isGone(2, []))
    uses.removed(2)
    #expect(uses.isGone(2, []))
    #expect(uses.isGone(0, [1, 2]))
    #expect(!uses.isGone(0, [1, 3]))
    #expect(!uses.isGone(3, []))
  }

  @Test func `the latest that are gone are remembered, and no more than fit`() {
    var uses = SchemaUses(lastVersion: 0, end: 0, deleted: [:])
    for version in 1...1_000 { uses.removed(UInt32(version)) }
    #expect(uses.isGone(1_000, []))
    #expect(uses.isGone(1_000 - 255, []))
    #expect(!uses.isGone(1, []))
  }

  @Test func `a version in the commit being made may be named without end`() {
    var uses = SchemaUses(lastVersion: 2, end: 5, deleted: [:])
    uses.note(1)
    #expect(uses.end(of: 1) == .max)
    #expect(uses.end(of: 2) == 5)
    #expect(uses.settle(at: 9).isEmpty)
    #expect(uses.end(of: 1) == 9)
  }
}
