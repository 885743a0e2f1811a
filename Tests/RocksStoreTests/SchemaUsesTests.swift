import Bytes
import Schemas
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

  @Test func `a commit may name several versions, and none`() {
    let time = UnixTime(nanoseconds: 7)
    let row = TopicSchemaKey.Value(
      state: .deleted, schema: 7, registered: time, changed: time, usedUntil: 5, subject: .topic,
      author: .empty, references: [])
    var uses = SchemaUses(lastVersion: 3, end: 5, deleted: [2: row])
    for version: UInt32 in [0, 3, 3, 2, 0, 4, 2] { uses.note(version) }
    #expect([0, 1, 2, 3, 4].map { uses.end(of: $0) } == [5, 5, .max, .max, .max])
    let late = uses.settle(at: 9)
    #expect(late.map(\.0) == [2])
    #expect(late.map(\.1.usedUntil) == [9])
    #expect([0, 1, 2, 3, 4].map { uses.end(of: $0) } == [5, 5, 9, 9, 9])
    uses.note(0)
    #expect(uses.settle(at: 12).isEmpty)
    #expect(uses.end(of: 3) == 9)
  }
}
